//! Limits: by flag, for all plugins or one, and what they weigh.

use crate::support::{Dir, FIXTURE, Perfbox, misbehaving, plugin};

fn dry_run(dir: &Dir) -> Perfbox {
    let run = dir.perfbox(["run", "r.jsonl", "--dry-run", "--hook=witness_hook"]);
    run.arg("--processor=witness_processor").arg("--plugin").arg(misbehaving())
}

/// The value of a limit that --dry-run shows for one plugin.
#[track_caller]
fn shown(run: Perfbox, key: &str, limit: &str) -> String {
    let ran = run.expect(0);
    let section = ran.stdout.split_once(&format!("{key}\n")).expect(key).1;
    let section = section.split_once("\n  may ").unwrap().0;
    let limits = section.split_once("  limits ").unwrap().1;
    let mut limits = limits.split(['\n', ',']).map(str::trim);
    limits.find_map(|one| one.strip_prefix(&format!("{limit} "))).unwrap().to_owned()
}

#[test]
fn the_security_page_has_every_limit_with_its_default() {
    let page = include_str!("../docs/security.md");
    let rows: Vec<(String, String)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter_map(|(name, rest)| Some((name.to_owned(), rest.split_once(" | ")?.0.to_owned())))
        .collect();
    for (name, value) in perfbox::Limits::default().list() {
        let row = rows.iter().find(|(known, _)| known == name);
        assert_eq!(row.map(|(_, value)| value.as_str()), Some(value.as_str()), "{name}");
    }
}

#[test]
fn a_flag_sets_a_limit_of_all_plugins_or_of_one() {
    let dir = Dir::new();
    let hook = "phase_hook/witness_hook";
    let processor = "post_processor/witness_processor";
    let run = || dry_run(&dir).arg("--limit=memory=100MiB").arg("--limit=witness_hook.memory=9MiB");
    assert_eq!(shown(run(), hook, "memory"), "9 MiB");
    assert_eq!(shown(run(), processor, "memory"), "100 MiB");
    assert_eq!(shown(run(), processor, "run_budget"), "1m");
    let run = dry_run(&dir).arg(format!("--limit={processor}.record_budget=7us"));
    assert_eq!(shown(run, processor, "record_budget"), "7us");
}

#[test]
fn a_flag_weighs_more_than_the_file() {
    let dir = Dir::new();
    dir.write(
        "perfbox.yaml",
        "limits: {output: 3 MiB}\nplugins: {witness_hook: {limits: {output: 2 MiB}}}\n",
    );
    let hook = "phase_hook/witness_hook";
    assert_eq!(shown(dry_run(&dir), hook, "output"), "2 MiB");
    let run = dry_run(&dir).arg("--limit=witness_hook.output=1MiB");
    assert_eq!(shown(run, hook, "output"), "1 MiB");
}

#[test]
fn what_is_no_limit_is_told_before_anything_runs() {
    let dir = Dir::new();
    for (flag, words) in [
        (
            "memory",
            "--limit `memory` is not of the form [[CATEGORY/]ID.]LIMIT=VALUE, for example \
             memory=512MiB or metrics.memory=4GiB",
        ),
        ("memroy=1MiB", "--limit: unknown limit `memroy`; did you mean `memory`?"),
        (
            "witness_hook.memory=512",
            "--limit: invalid value `512` for limit `memory`; use a value above 0, for example `memory: 256 MiB`",
        ),
        (
            "whitness.memory=1MiB",
            "--limit `whitness.memory=1MiB`: `whitness` is not part of this run, which has \
             phase_hook/witness_hook, post_processor/witness_processor; select it with --hook or \
             --processor",
        ),
    ] {
        let ran = dry_run(&dir).arg(format!("--limit={flag}")).expect(2);
        assert_eq!(ran.stderr, format!("error: {words}\n"));
    }
}

#[test]
fn a_plugin_that_spends_its_budget_fails_with_all_that_it_was() {
    let dir = Dir::new();
    let run = dir.perfbox(["run", FIXTURE, "--out=out", "--processor=witness_processor"]);
    let run = run.arg("--plugin").arg(misbehaving()).arg("--limit=run_budget=1ns");
    let ran = run.arg("--limit=record_budget=1ns").expect(3);
    let summary = dir.summary("out");
    let failure = &plugin(&summary, "witness_processor")["failure"];
    assert_eq!(failure["kind"], "deadline");
    let words = "its calls together took longer than its budget of 1ns: 1ns (`run_budget`), and \
                 1ns (`record_budget`) for each of 0 records";
    assert_eq!(failure["message"], words);
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}
