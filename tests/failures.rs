//! What becomes of a run whose plugin fails, and what is told of a trap.

use serde_json::json;

use crate::support::{
    Dir, FIXTURE, Perfbox, metric, misbehaving, misbehaving_with_lines, plugin, records,
};

/// A run of a rogue that fails at its third batch of nine, beside a witness.
fn run(dir: &Dir) -> Perfbox {
    let run = dir.perfbox(["run", FIXTURE, "--out=out", "--batch-size=50"]);
    let run = run.arg("--hook=witness_hook").arg("--processor=rogue_processor");
    let run = run.arg("--processor=witness_processor").arg("--set=rogue_processor.at_batch=2");
    run.arg("--set=rogue_processor.during=process").arg("--set=rogue_processor.does=error")
}

#[test]
fn a_failure_that_aborts_ends_the_run_and_keeps_what_was_done() {
    let dir = Dir::new();
    dir.write("perfbox.yaml", "plugins: {rogue_processor: {on_failure: abort}}\n");
    // More than is read at once.
    let all = 40_000;
    let input = dir.write("many.jsonl", records("profiling", all));
    let run = dir.perfbox([
        "run",
        "--out=out",
        "--hook=witness_hook",
        "--processor=rogue_processor",
        "--threads=1",
    ]);
    let run = run.arg("--processor=witness_processor").arg("--set=rogue_processor.at_batch=0");
    let run =
        run.arg("--set=rogue_processor.during=process").arg("--set=rogue_processor.does=error");
    let ran = run.arg(input).arg("--plugin").arg(misbehaving()).expect(3);
    let summary = dir.summary("out");
    assert_eq!(summary["status"], "plugin_failed");
    assert_eq!(summary["aborted_by"], "post_processor/rogue_processor");
    let read = metric(&summary, "witness_processor", "records").as_u64().unwrap();
    assert!((1..all).contains(&read), "{read}");
    assert_eq!(summary["inputs"][0]["records"], read);
    assert_eq!(plugin(&summary, "witness_hook")["status"], "ok");
    assert!(ran.stderr.contains("INFO witness_hook: end of profiling\n"), "{}", ran.stderr);
    assert!(
        ran.stderr.ends_with(
            "error: the run ended with the failure of post_processor/rogue_processor, as its \
             on_failure says; what had been read by then is reported\n"
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_plugin_that_fails_before_the_first_record_ends_the_run_there() {
    let dir = Dir::new();
    dir.write("perfbox.yaml", "plugins: {rogue_processor: {on_failure: abort}}\n");
    let run = run(&dir).arg("--set=rogue_processor.during=create");
    run.arg("--plugin").arg(misbehaving()).expect(3);
    let summary = dir.summary("out");
    assert_eq!(summary["aborted_by"], "post_processor/rogue_processor");
    assert_eq!(metric(&summary, "witness_processor", "records"), 0);
}

#[test]
fn a_failure_disables_unless_the_file_says_otherwise() {
    let dir = Dir::new();
    for config in ["{}", "plugins: {rogue_processor: {on_failure: disable}}"] {
        dir.write("perfbox.yaml", config);
        run(&dir).arg("--plugin").arg(misbehaving()).expect(3);
        let summary = dir.summary("out");
        assert!(summary.get("aborted_by").is_none(), "{summary:#}");
        assert_eq!(metric(&summary, "witness_processor", "batches"), 9);
        std::fs::remove_dir_all(dir.path("out")).unwrap();
    }
    dir.write("perfbox.yaml", "plugins: {rogue_processor: {on_failure: ignore}}\n");
    let ran = run(&dir).arg("--plugin").arg(misbehaving()).expect(2);
    let words = "unknown variant `ignore`, expected one of disable, abort";
    assert!(ran.stderr.contains(words), "{}", ran.stderr);
}

#[test]
fn a_trap_is_told_with_the_functions_that_led_to_it() {
    let dir = Dir::new();
    let run = run(&dir).arg("--set=rogue_processor.does=recurse").arg("--plugin");
    let ran = run.arg(misbehaving()).expect(3);
    let summary = dir.summary("out");
    let failure = &plugin(&summary, "rogue_processor")["failure"];
    assert_eq!((&failure["kind"], &failure["during"]), (&json!("trap"), &json!("process")));
    let frames = failure["backtrace"].as_array().unwrap();
    let frames: Vec<_> = frames.iter().map(|frame| frame.as_str().unwrap()).collect();
    assert!(frames[0].ends_with("rogue::recurse"), "{frames:?}");
    assert!(frames.len() <= 20, "{frames:?}");
    assert!(ran.stderr.contains(&format!("\n    in {}\n", frames[0])), "{}", ran.stderr);
}

#[test]
fn a_component_that_carries_source_lines_has_them_in_its_backtrace() {
    let dir = Dir::new();
    let run = run(&dir).arg("--set=rogue_processor.does=recurse").arg("--plugin");
    let ran = run.arg(misbehaving_with_lines()).expect(3);
    let lines = include_str!("misbehaving/src/rogue.rs").lines();
    let line =
        lines.enumerate().find(|(_, line)| line.contains("recurse(depth + 1)")).unwrap().0 + 1;
    let place = format!("tests/misbehaving/src/rogue.rs:{line}:");
    let frame = ran.stderr.lines().find(|frame| frame.contains(&place));
    assert!(frame.is_some_and(|frame| frame.starts_with("    in ")), "{}", ran.stderr);
}
