//! Rows 30 to 33: what a plugin does with files, and others with its directory.

use std::fs;

use serde_json::json;

use crate::harness::{
    Hostile, assert_plain, assert_untouched, cope, fail_alone, make_fifo, run_beside,
};
use crate::support::{Dir, metric, plugin};

#[test]
fn row_30_ways_out_of_the_directory() {
    let hostile =
        [Hostile::of_class("prober", "probe"), Hostile::rogue("linker", "process", "make links")];
    let dir = Dir::new();
    dir.write("r.jsonl", "mine");
    let ran = run_beside(&dir, &hostile).expect(0);
    assert_untouched(&dir, &ran);
    let summary = dir.summary("out");
    for reached in ["written_outside", "read_outside", "links_followed"] {
        assert_eq!(metric(&summary, "prober", reached), 0, "{reached}");
    }
    assert_eq!(
        plugin(&summary, "prober")["files"],
        json!(["plugins/post_processor/prober/kept.txt"])
    );
    assert_eq!(dir.read("r.jsonl"), "mine");
    for stray in ["stray.txt", "out/stray.txt", "out/plugins/stray.txt"] {
        assert!(!dir.path(stray).exists(), "{stray}");
    }
    // The host follows none either: no link is reported as a file.
    assert_eq!(plugin(&summary, "linker")["status"], "ok");
    assert_eq!(plugin(&summary, "linker")["files"], json!([]));
    assert_eq!(plugin(&summary, "linker")["cost"]["output_bytes"], 0);
}

#[test]
fn row_30_no_link_is_made_at_all() {
    let (dir, _, _) = cope(&[Hostile::rogue("linker", "process", "make links")]);
    let own = dir.path("out/plugins/post_processor/linker");
    assert_eq!(fs::read_dir(own).unwrap().count(), 0);
}

#[test]
fn row_31_fills_the_disk_writes_far_out_and_makes_many_files() {
    const BYTES: &[&str] = &["1 MiB", "`output`"];
    const FILES: &[&str] = &["100", "`output_files`"];
    let rogue = |name: &str, does: &str, words| {
        let rogue = Hostile::rogue(name, "process", does);
        rogue.limits("output: 1 MiB, output_files: 100").fails("output", "process", words)
    };
    let (dir, _, _) = fail_alone(&[
        rogue("filler", "fill the disk", BYTES),
        rogue("sparse", "write far out", BYTES),
        rogue("sized", "set a size far out", BYTES),
        rogue("appender", "append much", BYTES),
        rogue("files", "make many files", FILES),
        rogue("directories", "make many directories", FILES),
    ]);
    for (name, bytes, files) in [
        ("filler", 1 << 20, 1),
        ("sparse", 0, 1),
        ("sized", 0, 1),
        ("appender", 1 << 20, 1),
        ("files", 0, 100),
        ("directories", 0, 100),
    ] {
        let mut there = 0;
        for entry in fs::read_dir(dir.path(&format!("out/plugins/post_processor/{name}"))).unwrap()
        {
            let found = entry.unwrap().metadata().unwrap();
            assert!(found.is_dir() || found.len() <= bytes, "{name}: {found:?}");
            there += 1;
        }
        assert!(there <= files, "{name}: {there}");
    }
}

/// Made by somebody else while it runs, since no plugin can make one.
#[cfg(unix)]
#[test]
fn row_32_a_fifo_in_its_directory() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::new();
    let rogue = Hostile::rogue("opener", "process", "wait for a pipe").limits("batch_deadline: 3s");
    let run = run_beside(&dir, std::slice::from_ref(&rogue));
    let mut running = run.env("RUST_LOG", "perfbox=debug,plugin=info").start();
    running.wait_for("calling `process` of opener");
    let own = dir.path("out/plugins/post_processor/opener");
    assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
    make_fifo(&own.join("pipe"));
    // It waits for its deadline, or is refused at once; nobody else waits at all.
    let ran = running.end();
    assert_eq!(ran.status, 3, "{ran:#?}");
    assert_plain(&ran.stderr);
    assert_untouched(&dir, &ran);
    let summary = dir.summary("out");
    let reported = plugin(&summary, "opener");
    assert_eq!(reported["failure"]["during"], "process");
    assert_eq!(reported["files"], json!([]));
}

#[test]
fn row_33_several_plugins_and_one_file_name() {
    let keeper =
        |name: &str, mark: &str| Hostile::of_class(name, "keeper_processor").set("mark", mark);
    let (dir, _, summary) = cope(&[keeper("first", "one"), keeper("second", "two")]);
    for (name, mark) in [("first", "one"), ("second", "two"), ("keeper_processor", "kept")] {
        let path = format!("plugins/post_processor/{name}/kept.txt");
        assert_eq!(plugin(&summary, name)["files"], json!([path]));
        let text = dir.read(&format!("out/{path}"));
        assert_eq!(text.lines().count(), 10);
        assert!(text.lines().all(|line| line.starts_with(mark)), "{text}");
    }
}
