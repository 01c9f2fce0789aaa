//! What a plugin is given, and what an operator can take away or add.

use serde_json::json;

use crate::support::{Dir, FIXTURE, Perfbox, metric, misbehaving};

fn run(dir: &Dir, processor: &str) -> Perfbox {
    let run = dir.perfbox(["run", FIXTURE, "--out=out"]);
    run.arg(format!("--processor={processor}")).arg("--plugin").arg(misbehaving())
}

#[test]
fn a_directory_that_is_granted_can_be_read_and_nothing_else() {
    let dir = Dir::new();
    dir.write("team/models/prices.txt", "1 2 3\n");
    dir.write("team/secret.txt", "secret");
    std::os::unix::fs::symlink("../secret.txt", dir.path("team/models/link.txt")).unwrap();
    let config = "plugins: {reader: {grants: {read: {models: models}}}}\n";
    dir.write("team/perfbox.yaml", config);
    run(&dir, "reader").arg("--config=team/perfbox.yaml").expect(0);
    let summary = dir.summary("out");
    assert_eq!(metric(&summary, "reader", "read"), 6);
    assert_eq!(metric(&summary, "reader", "changed"), 0);
    assert_eq!(metric(&summary, "reader", "written"), 1);
    assert_eq!(dir.read("team/models/prices.txt"), "1 2 3\n");
}

#[test]
fn without_a_grant_there_is_nothing_to_read() {
    let dir = Dir::new();
    run(&dir, "reader").expect(0);
    assert_eq!(metric(&dir.summary("out"), "reader", "read"), 0);
}

#[test]
fn files_that_are_taken_away_are_refused_by_name_to_who_asks_for_them() {
    let dir = Dir::new();
    dir.write("perfbox.yaml", "plugins: {post_processor/reader: {grants: {output: false}}}\n");
    let ran = run(&dir, "reader").expect(2);
    let words = "which it is not granted; say otherwise under its `grants` \
                 in the config file, or leave it out\n";
    assert!(ran.stderr.starts_with("error: post_processor/reader is refused: "), "{}", ran.stderr);
    assert!(ran.stderr.ends_with(words), "{}", ran.stderr);
    assert!(!dir.path("out").exists());
    // What is left to read is no output.
    dir.write("models/prices.txt", "1 2\n");
    dir.write(
        "perfbox.yaml",
        "plugins: {reader: {grants: {output: false, read: {models: models}}}}\n",
    );
    run(&dir, "reader").expect(0);
    let summary = dir.summary("out");
    assert_eq!(metric(&summary, "reader", "read"), 4);
    assert_eq!(metric(&summary, "reader", "written"), 0);
    assert!(!dir.path("out/plugins").exists());
}

#[test]
fn a_plugin_that_does_not_ask_for_files_runs_without_them() {
    let dir = Dir::new();
    dir.write("perfbox.yaml", "plugins: {metrics: {grants: {output: false}}}\n");
    dir.perfbox(["run", FIXTURE, "--out=out"]).expect(0);
}

#[test]
fn a_counting_clock_and_seeded_numbers_are_the_same_in_every_run() {
    let dir = Dir::new();
    let returned = |config: &str| {
        dir.write("perfbox.yaml", config);
        run(&dir, "chance").arg("--set=chance.on=[time, chance]").arg("--force").expect(0);
        dir.summary("out")["results"].clone()
    };
    let granted = "plugins: {chance: {grants: {clock: counting, random: seeded}}}";
    let first = returned(granted);
    assert_eq!(first, returned(granted));
    let real = "plugins: {chance: {grants: {clock: real, random: real}}}";
    assert_ne!(returned(real), returned(real));
    // Who waits for a time finds that it has come.
    let slept = &first["chance"]["metrics"][1];
    assert_eq!(slept["name"], "slept");
    assert!(slept["value"].as_u64().unwrap() >= 3_000_000, "{slept}");
}

#[test]
fn what_is_granted_is_shown() {
    let dir = Dir::new();
    dir.write("a b/prices.txt", "");
    dir.write(
        "perfbox.yaml",
        "plugins: {reader: {grants: {output: false, clock: counting, read: {models: 'a b'}}}}\n",
    );
    let show = |id: &str| {
        let run = dir.perfbox(["plugins", "show", id, "--plugin"]).arg(misbehaving());
        run.expect(0).stdout
    };
    let may = "\n  may         log, read a counting clock, get random numbers, read a b as \
               /in/models\n";
    assert!(show("reader").contains(may), "{}", show("reader"));
    let may = "\n  may         log, read the clock, get random numbers, write files\n";
    assert!(show("probe").contains(may), "{}", show("probe"));
    let run = dir.perfbox(["plugins", "show", "reader", "--json", "--plugin"]).arg(misbehaving());
    assert_eq!(
        run.expect(0).json()[0]["grants"],
        json!({"output": false, "clock": "counting", "random": "real", "read": {"models": "a b"}})
    );
    let rows = dir.expect(0, "config show").stdout;
    for row in ["plugins.reader.grants.clock        counting", "plugins.reader.grants.read.models"]
    {
        assert!(rows.contains(row), "{rows}");
    }
}

#[test]
fn grants_that_make_no_sense_are_told_with_their_line() {
    let dir = Dir::new();
    for (grants, words) in [
        ("{clock: frozen}", "perfbox.yaml:2:28: unknown variant `frozen`"),
        ("{network: true}", "perfbox.yaml:2:21: unknown field `network`"),
        (
            "{read: {a/b: models}}",
            "perfbox.yaml:2: `a/b` is no name for a directory; use lower case, digits, - and _",
        ),
        (
            "{read: {models: nowhere}}",
            "perfbox.yaml:2: `nowhere` cannot be granted: there is no such directory",
        ),
    ] {
        dir.write("perfbox.yaml", format!("plugins:\n  reader: {{grants: {grants}}}\n"));
        let ran = run(&dir, "reader").expect(2);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}
