//! Where packages are found, what is read of them, and what a bad one costs: nothing.

use std::fs;

use serde_json::json;

use crate::registry::{add_component, add_package, audits, dir, listing, served_by};
use crate::support::{from_wat, manifest, plugin};

#[test]
fn directories_and_files_come_from_flags_environment_and_the_users_own() {
    let dir = dir();
    add_package(&dir, "by-flag/p", "flagged", "1.0.0", "one");
    add_package(&dir, "by-path-1/p", "path-first", "1.0.0", "two");
    add_package(&dir, "by-path-2/p", "path-second", "1.0.0", "three");
    add_package(&dir, &format!("{}/p", dir.user_plugins()), "users", "1.0.0", "four");
    for name in ["bare_one.wasm", "bare_two.wasm"] {
        dir.write(name, from_wat("both-interfaces"));
    }
    let list = |flags: &[&str]| -> Vec<String> {
        let fixed =
            ["plugins", "list", "--json", "--plugins-dir=by-flag", "--plugin=bare_one.wasm"];
        let run = dir.perfbox(fixed.iter().chain(flags));
        let run = run.env("PERFBOX_PLUGIN_PATH", "by-path-1:by-path-2:");
        let listed = run.env("PERFBOX_PLUGINS", " bare_two.wasm ,").expect(0).json();
        let implementations = listed["implementations"].as_array().unwrap();
        let mut packages: Vec<_> =
            implementations.iter().map(|one| one["package"].as_str().unwrap().to_owned()).collect();
        packages.sort();
        packages.dedup();
        packages
    };
    assert_eq!(
        list(&[]),
        ["bare_one", "bare_two", "builtin", "flagged", "path-first", "path-second", "users"]
    );
    assert_eq!(list(&["--no-default-plugins"]), ["bare_one", "builtin", "flagged"]);
}

#[test]
fn a_disabled_package_is_listed_and_never_selected() {
    let dir = dir();
    let text = manifest("acme", "1.0.0", "audit").replace("version", "enabled: false, version");
    dir.write("plugins/a/registry.yaml", text);
    assert_eq!(
        audits(&dir, "--plugins-dir plugins"),
        ["post_processor/audit acme: disabled in its manifest"]
    );
    let ran = dir.expect(2, "run r.jsonl --plugins-dir plugins --processor audit");
    assert_eq!(
        ran.stderr,
        "error: --processor: `audit` is only offered by package `acme`, which is disabled; set \
         `enabled: true` in its manifest\n"
    );
    // Nor does it make an enabled one ambiguous.
    add_package(&dir, "plugins/b", "bolt", "1.0.0", "audit");
    assert_eq!(served_by(&dir, "--plugins-dir plugins"), json!(["bolt", "1.0.0"]));
}

#[test]
fn a_bare_component_offers_what_its_section_says() {
    let dir = dir();
    add_component(&dir, "plugins/bare.wasm");
    let listed = listing(&dir.expect(0, "plugins list --json --plugins-dir plugins"));
    let of_bare: Vec<_> = listed
        .iter()
        .filter_map(|line| line.strip_suffix(" perfbox_misbehaving: selected: only implementation"))
        .collect();
    assert_eq!(
        of_bare,
        [
            "phase_hook/keeper_hook",
            "phase_hook/rogue_hook",
            "phase_hook/witness_hook",
            "post_processor/asker",
            "post_processor/chance",
            "post_processor/keeper_processor",
            "post_processor/probe",
            "post_processor/reader",
            "post_processor/rogue_processor",
            "post_processor/witness_processor",
            "post_processor/worker",
        ]
    );
}

#[test]
fn a_component_without_a_section_is_named_by_its_file() {
    let dir = dir();
    dir.write("plugins/quiet.wasm", from_wat("both-interfaces"));
    let listed = listing(&dir.expect(0, "plugins list --json --plugins-dir plugins"));
    assert!(
        listed.contains(&"phase_hook/quiet quiet: selected: only implementation".to_owned()),
        "{listed:?}"
    );
    assert!(
        listed.contains(&"post_processor/quiet quiet: selected: only implementation".to_owned()),
        "{listed:?}"
    );
}

#[test]
fn the_same_directory_named_twice_counts_once() {
    let dir = dir();
    add_package(&dir, "plugins/a", "acme", "1.0.0", "audit");
    let twice = "--plugins-dir plugins --plugins-dir ./plugins/../plugins --plugins-dir plugins/a";
    assert_eq!(audits(&dir, twice), ["post_processor/audit acme: selected: only implementation"]);
    assert_eq!(
        audits(&dir, "--plugins-dir plugins --plugin plugins/a/component.wasm").len(),
        1,
        "nor does a component of it that is named by itself"
    );
}

#[cfg(unix)]
#[test]
fn links_are_followed_at_the_first_level_of_a_plugins_directory() {
    use std::os::unix::fs::symlink;
    let dir = dir();
    add_package(&dir, "elsewhere/a", "acme", "1.0.0", "audit");
    add_component(&dir, "elsewhere/real.wasm");
    fs::create_dir(dir.path("plugins")).unwrap();
    symlink(dir.path("elsewhere/a"), dir.path("plugins/linked")).unwrap();
    symlink(dir.path("elsewhere/real.wasm"), dir.path("plugins/bare.wasm")).unwrap();
    assert_eq!(served_by(&dir, "--plugins-dir plugins"), json!(["acme", "1.0.0"]));
    dir.expect(0, "run r.jsonl --plugins-dir plugins --processor witness_processor");
    let summary = dir.summary("perfbox-out");
    assert_eq!(plugin(&summary, "witness_processor")["package"], "perfbox_misbehaving");
}

#[cfg(unix)]
#[test]
fn links_inside_a_package_are_refused() {
    use std::os::unix::fs::symlink;
    let dir = dir();
    add_component(&dir, "elsewhere/component.wasm");
    dir.write("plugins/a/registry.yaml", manifest("acme", "1.0.0", "audit"));
    symlink(dir.path("elsewhere/component.wasm"), dir.path("plugins/a/component.wasm")).unwrap();
    let below =
        manifest("bolt", "1.0.0", "check").replace(": component.wasm", ": sub/component.wasm");
    dir.write("plugins/b/registry.yaml", below);
    symlink(dir.path("elsewhere"), dir.path("plugins/b/sub")).unwrap();
    fs::create_dir(dir.path("plugins/c")).unwrap();
    dir.write("elsewhere/registry.yaml", manifest("crux", "1.0.0", "third"));
    symlink(dir.path("elsewhere/registry.yaml"), dir.path("plugins/c/registry.yaml")).unwrap();

    let refused = |processor: &str| {
        dir.expect(2, &format!("run r.jsonl --plugins-dir plugins --processor {processor}")).stderr
    };
    assert_eq!(
        refused("audit"),
        "error: post_processor/audit is refused: cannot read component \
         `plugins/a/component.wasm`: is a symbolic link, and links inside a package are not followed\n"
    );
    assert_eq!(
        refused("check"),
        "error: post_processor/check is refused: component `plugins/b/sub/component.wasm` is \
         outside its package, through a symbolic link; copy the file into the package\n"
    );
    let listed = dir.expect(0, "plugins list --json --plugins-dir plugins").json();
    assert_eq!(
        listed["invalid_packages"][0]["reason"],
        "plugins/c/registry.yaml: is a symbolic link, and links inside a package are not followed"
    );
}

#[cfg(unix)]
#[test]
fn a_fifo_as_component_is_refused_without_waiting() {
    let dir = dir();
    dir.write("plugins/a/registry.yaml", manifest("acme", "1.0.0", "audit"));
    let fifo = dir.path("plugins/a/component.wasm");
    assert!(std::process::Command::new("mkfifo").arg(fifo).status().unwrap().success());
    let ran = dir.expect(2, "run r.jsonl --plugins-dir plugins --processor audit");
    assert_eq!(
        ran.stderr,
        "error: post_processor/audit is refused: cannot read component \
         `plugins/a/component.wasm`: is not a regular file\n"
    );
}

#[test]
fn a_plugin_beside_a_broken_manifest_is_refused_with_its_words() {
    let dir = dir();
    add_component(&dir, "p/component.wasm");
    dir.write("p/registry.yaml", "plugin: {name: p\n");
    let ran = dir.expect(2, "run r.jsonl --plugin p/component.wasm --processor witness_processor");
    assert!(
        ran.stderr.starts_with(
            "error: --plugin: plugin `p/component.wasm` is in a directory with an invalid manifest: \
             p/registry.yaml:1:9: "
        ),
        "{}",
        ran.stderr
    );
    // A manifest of others says nothing about it.
    dir.write("p/registry.yaml", manifest("p", "1.0.0", "audit").replace("component.", "other."));
    dir.expect(0, "run r.jsonl --plugin p/component.wasm --processor witness_processor");
}

#[test]
fn a_components_path_may_begin_in_the_packages_directory() {
    let dir = dir();
    add_package(&dir, "plugins/a", "acme", "1.0.0", "audit");
    let text = manifest("acme", "1.0.0", "audit");
    dir.write("plugins/a/registry.yaml", text.replace("component.wasm", "././component.wasm"));
    assert_eq!(served_by(&dir, "--plugins-dir plugins"), json!(["acme", "1.0.0"]));
    let named = "--plugin plugins/a/component.wasm";
    assert_eq!(served_by(&dir, named), json!(["acme", "1.0.0"]), "found by its file too");
}

#[test]
fn one_bad_package_never_hides_the_good_ones() {
    let dir = dir();
    add_package(&dir, "plugins/good", "good", "1.0.0", "audit");
    dir.write("plugins/bad/registry.yaml", "plugin: {name: bad\n");
    dir.write("plugins/empty/notes.txt", "no manifest");
    dir.write("plugins/garbage.wasm", "garbage");
    dir.write("plugins/.hidden/registry.yaml", "nonsense");
    dir.write("plugins/README.md", "not a component");
    assert_eq!(served_by(&dir, "--plugins-dir plugins"), json!(["good", "1.0.0"]));
    let ran = dir.expect(0, "plugins list --all --plugins-dir plugins");
    let invalid: Vec<_> =
        ran.stdout.lines().skip_while(|line| *line != "Invalid packages:").skip(1).collect();
    assert_eq!(invalid.len(), 3, "{}", ran.stdout);
    assert!(invalid[0].starts_with("  plugins/bad/registry.yaml:1:9: "), "{}", invalid[0]);
    assert!(
        invalid[1].starts_with("  `plugins/empty` has no registry.yaml; add one"),
        "{}",
        invalid[1]
    );
    assert!(
        invalid[2].starts_with("  `plugins/garbage.wasm` is not a WebAssembly component"),
        "{}",
        invalid[2]
    );
}

/// The manifest of one good package, with something else in place of a part of it.
const BAD_MANIFESTS: [(&str, &str); 14] = [
    ("version: 1.0.0", ""),
    ("version: 1.0.0", "version: 1.0.0, colour: red"),
    ("version: 1.0.0", "version: [1]"),
    ("name: bad", "name: Bad Name"),
    ("name: bad", "name: builtin"),
    ("plugin:", "schema_version: '9'\nplugin:"),
    ("post_processors:", "post_procesors:"),
    ("  audit_bad:", "  audit_bad: {component: a.wasm}\n  audit_bad:"),
    ("  audit_bad:", "  Audit Bad:"),
    ("component: component.wasm", "component: ../component.wasm"),
    ("component: component.wasm", "component: component.wasm, priority: high"),
    ("component: component.wasm", "component: component.wasm, config_params: [{name: x, type: y}]"),
    ("component: component.wasm", "component: component.wasm, config_params: [{name: x, min: 1}]"),
    ("component: component.wasm", "component: component.wasm, config_params: [[x]]"),
];

#[test]
fn one_bad_package_among_fifty_is_told_and_costs_the_others_nothing() {
    let dir = dir();
    for i in 0..50 {
        let text = manifest(&format!("good-{i}"), "1.0.0", &format!("audit_{i}"));
        dir.write(&format!("plugins/good-{i}/registry.yaml"), text);
    }
    add_component(&dir, "plugins/good-49/component.wasm");
    let good = manifest("bad", "1.0.0", "audit_bad");
    for (part, bad) in BAD_MANIFESTS {
        assert!(good.contains(part), "{part}");
        dir.write("plugins/bad/registry.yaml", good.replacen(part, bad, 1));
        dir.expect(0, "run r.jsonl --plugins-dir plugins --processor audit_49 --force --out out");
        let shown = dir.expect(0, "plugins list --all --plugins-dir plugins").stdout;
        let (listed, refused) = shown.split_once("\nInvalid packages:\n").expect(bad);
        let selected =
            listed.lines().filter(|line| line.contains(" selected: only implementation"));
        assert_eq!(selected.count(), 50 + 5, "{bad}: the good ones and the builtins\n{listed}");
        let reason = refused.trim();
        let at = reason.strip_prefix("plugins/bad/registry.yaml:").expect(bad);
        let place: Vec<_> = at.splitn(3, ':').map(str::parse::<u64>).collect();
        assert!(place[0].is_ok() && place[1].is_ok(), "{bad}: line and column in `{reason}`");
        let ran = dir.expect(2, "run r.jsonl --plugins-dir plugins --processor audit_bad");
        let expected = format!("; one package is invalid: {reason}\n");
        assert!(ran.stderr.ends_with(&expected), "{bad}: {}", ran.stderr);
        let short = dir.expect(0, "plugins list --plugins-dir plugins").stdout;
        assert!(short.ends_with("\n1 invalid package: bad (--all says why)\n"), "{short}");
        let json = dir.expect(0, "plugins list --json --plugins-dir plugins").json();
        assert_eq!(json["invalid_packages"], json!([{"path": "plugins/bad", "reason": reason}]));
    }
}

#[test]
fn of_several_bad_packages_the_one_that_was_meant_is_named() {
    let dir = dir();
    dir.write("plugins/a/registry.yaml", manifest("a", "1.0.0", "one").replace("plugin:", "plug:"));
    dir.write("plugins/b/registry.yaml", manifest("b", "1.0.0", "two").replace("plugin:", "plug:"));
    for (identifier, package) in [("one", "a"), ("two", "b")] {
        let command = format!("run r.jsonl --plugins-dir plugins --processor {identifier}");
        let words = dir.expect(2, &command).stderr;
        let expected = format!(
            "; 2 packages are invalid (see `perfbox plugins list --all`), the first: \
             plugins/{package}/registry.yaml:"
        );
        assert!(words.contains(&expected), "{words}");
    }
}

#[test]
fn what_was_indexed_is_read_anew_once_it_has_changed() {
    let dir = dir();
    add_package(&dir, "plugins/a", "acme", "1.0.0", "audit");
    for i in 0..40 {
        let text = manifest(&format!("many-{i}"), "1.0.0", &format!("one_{i}"));
        dir.write(&format!("plugins/many-{i}/registry.yaml"), text);
    }
    let flags = "--plugins-dir plugins";
    let version = || served_by(&dir, flags)[1].clone();
    for expected in ["1.0.0", "1.0.1", "1.0.2"] {
        dir.write("plugins/a/registry.yaml", manifest("acme", expected, "audit"));
        assert_eq!(version(), expected);
        assert_eq!(version(), expected);
    }
    fs::remove_dir_all(dir.path("plugins/many-7")).unwrap();
    dir.write("plugins/many-8/registry.yaml", "nonsense");
    let listed = listing(&dir.expect(0, &format!("plugins list --json {flags}")));
    assert_eq!(listed.iter().filter(|line| line.contains(" many-")).count(), 38);
}
