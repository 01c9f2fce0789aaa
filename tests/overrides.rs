//! Which of several packages serves a name: every combination of sources and choices,
//! however the choice is made.

use perfbox::registry::{PackageOverride, Status};
use perfbox::{Category, Registry};

use crate::support::{Dir, Ran, manifest, misbehaving, records};

const PROCESSOR: Category = Category::PostProcessor;

/// How a choice is made.
#[derive(Debug, Clone, Copy, PartialEq)]
enum By {
    Flag,
    Environment,
    File,
    Library,
}

impl By {
    const ALL: [Self; 4] = [Self::Flag, Self::Environment, Self::File, Self::Library];

    /// What the listing calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Flag => "--use",
            Self::Environment => "PERFBOX_USE",
            Self::File => "perfbox.yaml:1",
            Self::Library => "choice",
        }
    }
}

/// Identifier, packages in the plugins directory, package chosen, and how each that
/// offers it then stands; none: the choice is refused.
type Row =
    (&'static str, &'static [&'static str], Option<&'static str>, Option<&'static [&'static str]>);

/// `metrics` is a builtin as well, `audit` is not. WHO stands for what chose.
const ROWS: &[Row] = &[
    ("metrics", &[], None, Some(&["builtin selected: only implementation"])),
    ("metrics", &[], Some("builtin"), Some(&["builtin selected: chosen by WHO"])),
    ("metrics", &[], Some("acme"), None),
    (
        "metrics",
        &["acme"],
        None,
        Some(&["acme selected: plugin over builtin", "builtin shadowed by acme"]),
    ),
    (
        "metrics",
        &["acme"],
        Some("builtin"),
        Some(&["acme shadowed by builtin", "builtin selected: chosen by WHO"]),
    ),
    (
        "metrics",
        &["acme"],
        Some("acme"),
        Some(&["acme selected: chosen by WHO", "builtin shadowed by acme"]),
    ),
    ("metrics", &["acme"], Some("bolt"), None),
    (
        "metrics",
        &["acme", "bolt"],
        None,
        Some(&[
            "acme ambiguous: choose with --use",
            "bolt ambiguous: choose with --use",
            "builtin shadowed by several plugins",
        ]),
    ),
    (
        "metrics",
        &["acme", "bolt"],
        Some("builtin"),
        Some(&[
            "acme shadowed by builtin",
            "bolt shadowed by builtin",
            "builtin selected: chosen by WHO",
        ]),
    ),
    (
        "metrics",
        &["acme", "bolt"],
        Some("acme"),
        Some(&[
            "acme selected: chosen by WHO",
            "bolt shadowed by acme",
            "builtin shadowed by acme",
        ]),
    ),
    (
        "metrics",
        &["acme", "bolt"],
        Some("bolt"),
        Some(&[
            "acme shadowed by bolt",
            "bolt selected: chosen by WHO",
            "builtin shadowed by bolt",
        ]),
    ),
    ("metrics", &["acme", "bolt"], Some("cord"), None),
    ("audit", &[], None, Some(&[])),
    ("audit", &[], Some("acme"), None),
    ("audit", &["acme"], None, Some(&["acme selected: only implementation"])),
    ("audit", &["acme"], Some("acme"), Some(&["acme selected: chosen by WHO"])),
    ("audit", &["acme"], Some("builtin"), None),
    (
        "audit",
        &["acme", "bolt"],
        None,
        Some(&["acme ambiguous: choose with --use", "bolt ambiguous: choose with --use"]),
    ),
    (
        "audit",
        &["acme", "bolt"],
        Some("acme"),
        Some(&["acme selected: chosen by WHO", "bolt shadowed by acme"]),
    ),
    (
        "audit",
        &["acme", "bolt"],
        Some("bolt"),
        Some(&["acme shadowed by bolt", "bolt selected: chosen by WHO"]),
    ),
];

#[test]
fn every_combination_of_sources_and_choices_is_resolved_and_explained() {
    for (identifier, packages, choice, expected) in ROWS {
        let dir = Dir::new();
        dir.write("r.jsonl", records("profiling", 1));
        std::fs::create_dir(dir.path("plugins")).unwrap();
        for package in *packages {
            let text = manifest(package, "1.0.0", identifier);
            dir.write(&format!("plugins/{package}/registry.yaml"), text);
            let component = dir.path(&format!("plugins/{package}/component.wasm"));
            std::fs::copy(misbehaving(), component).unwrap();
        }
        for by in By::ALL {
            let case = format!("{identifier} of {packages:?}, {choice:?} by {by:?}");
            let found = match by {
                By::Library => through_the_library(&dir, identifier, *choice),
                by => through_the_command(&dir, by, identifier, *choice),
            };
            match expected {
                None => {
                    let words = found.expect_err(&case);
                    assert!(words.contains("no such package offers `"), "{case}: {words}");
                }
                Some(expected) => {
                    let expected: Vec<_> =
                        expected.iter().map(|line| line.replace("WHO", by.name())).collect();
                    assert_eq!(found.expect(&case), expected, "{case}");
                }
            }
        }
    }
}

/// `package status: reason` of each that offers it, or the words of the refusal.
fn through_the_command(
    dir: &Dir,
    by: By,
    identifier: &str,
    choice: Option<&str>,
) -> Result<Vec<String>, String> {
    let ran = chosen(dir, &["plugins", "list", "--json"], by, identifier, choice);
    if ran.status != 0 {
        assert_eq!(ran.status, 2);
        assert!(ran.stderr.starts_with(&format!("error: {}: ", by.name())), "{}", ran.stderr);
        return Err(ran.stderr);
    }
    // A choice for many runs is refused once its name is needed.
    let run = ["run", "r.jsonl", "--dry-run", "--processor", identifier];
    let dry = chosen(dir, &run, by, identifier, choice);
    if dry.stderr.contains("no such package offers `") {
        assert_eq!(dry.status, 2);
        assert!(dry.stderr.contains(&format!("{}: ", by.name())), "{}", dry.stderr);
        return Err(dry.stderr);
    }
    let listed = ran.json()["implementations"].as_array().unwrap().clone();
    let mine = listed.iter().filter(|one| one["identifier"] == identifier);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let found: Vec<_> =
        mine.map(|one| format!("{} {}", text(&one["package"]), text(&one["reason"]))).collect();
    // What is listed is what runs.
    let selected = found.iter().find_map(|one| Some(one.split_once(" selected: ")?.0.to_owned()));
    match selected {
        Some(package) => {
            let shown = format!("  package     {package} ");
            assert!(dry.stdout.contains(&shown), "{shown} in {dry:?}");
        }
        None => assert_eq!(dry.status, 2, "{dry:?}"),
    }
    Ok(found)
}

/// A command with the choice made in that way.
fn chosen(dir: &Dir, args: &[&str], by: By, identifier: &str, choice: Option<&str>) -> Ran {
    let run = dir.perfbox(args).arg("--plugins-dir=plugins");
    let key = format!("post_processor/{identifier}");
    let Some(package) = choice else { return run.run() };
    match by {
        By::Flag => run.arg(format!("--use={key}={package}")).run(),
        By::Environment => run.env("PERFBOX_USE", format!("{key}={package}")).run(),
        By::File => {
            dir.write("perfbox.yaml", format!("use: {{{key}: {package}}}\n"));
            let ran = run.run();
            std::fs::remove_file(dir.path("perfbox.yaml")).unwrap();
            ran
        }
        By::Library => unreachable!("it is no command"),
    }
}

fn through_the_library(
    dir: &Dir,
    identifier: &str,
    choice: Option<&str>,
) -> Result<Vec<String>, String> {
    let mut registry = Registry::with_builtins();
    registry.discover(&dir.path("plugins")).unwrap();
    if let Some(package) = choice {
        let choice = PackageOverride {
            category: PROCESSOR,
            identifier: identifier.parse().unwrap(),
            package: package.to_owned(),
            by: "choice".to_owned(),
        };
        registry.use_package(choice).map_err(|error| error.to_string())?;
    }
    let mut listed = registry.list_implementations(PROCESSOR);
    listed.retain(|one| one.implementation.identifier.as_str() == identifier);
    let shown = |one: &perfbox::registry::Listed| {
        let status = match &one.status {
            Status::Selected(reason) => format!("selected: {reason}"),
            Status::ShadowedBy(package) => format!("shadowed by {package}"),
            Status::Ambiguous => "ambiguous: choose with --use".to_owned(),
            Status::Unresolved { .. } => "unresolved".to_owned(),
            Status::Disabled => "disabled".to_owned(),
        };
        format!("{} {status}", one.implementation.package)
    };
    let found: Vec<_> = listed.iter().map(shown).collect();
    // The same is said of one name as in the list of all.
    match registry.explain(PROCESSOR, identifier) {
        Err(_) => assert!(found.iter().all(|one| !one.contains("selected"))),
        Ok(meant) => {
            let own = format!("{} selected: {}", meant.implementation.package, meant.reason);
            assert!(found.contains(&own), "{own}");
            let mut shadowed: Vec<_> =
                meant.shadowed.iter().map(|one| one.package.to_string()).collect();
            shadowed.sort();
            let others = found.iter().filter(|one| **one != own);
            let others: Vec<_> = others.map(|one| one.split(' ').next().unwrap()).collect();
            assert_eq!(shadowed, others);
        }
    }
    Ok(found)
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let dir = Dir::new();
    for package in ["acme", "bolt", "cord"] {
        let text = manifest(package, "1.0.0", "audit");
        dir.write(&format!("plugins/{package}/registry.yaml"), text);
    }
    dir.write("perfbox.yaml", "plugins_dirs: [plugins]\nuse: {post_processor/audit: cord}\n");
    let selected = |run: crate::support::Perfbox| {
        let listed = run.expect(0).json();
        let all = listed["implementations"].as_array().unwrap().clone();
        let one =
            all.iter().find(|one| one["identifier"] == "audit" && one["status"] == "selected");
        let one = one.expect("one is selected");
        format!("{} {}", one["package"].as_str().unwrap(), one["reason"].as_str().unwrap())
    };
    let list = || dir.perfbox(["plugins", "list", "--json"]);
    assert_eq!(selected(list()), "cord selected: chosen by perfbox.yaml:2");
    let by_variable = || list().env("PERFBOX_USE", "post_processor/audit=bolt");
    assert_eq!(selected(by_variable()), "bolt selected: chosen by PERFBOX_USE");
    let by_flag = by_variable().arg("--use=post_processor/audit=acme");
    assert_eq!(selected(by_flag), "acme selected: chosen by --use");
}
