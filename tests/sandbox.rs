//! What happens when a plugin asks for what there is not, and how an embedder's own limits
//! end one. What hostile plugins do is in `catalogue/`.

use std::sync::OnceLock;
use std::time::Duration;

use perfbox::source::Item;
use perfbox::{Category, EventKind, FailureKind, Limits};
use serde_json::{Value, json};

use crate::support::embedded::{Embedded, event, reported};
use crate::support::{Dir, FIXTURE, Perfbox, Ran, metric, misbehaving, plugin};

/// 40 records of the warmup are one batch, 352 of the profiling phase are eight.
const BATCHES: u64 = 9;

/// A run of the healthy ones, to which a rogue is added.
fn healthy_run(dir: &Dir) -> Perfbox {
    let run = dir.perfbox(["run", FIXTURE, "--out=out", "--batch-size=50", "--hook=witness_hook"]);
    let run = run.arg("--processor=metrics").arg("--processor=witness_processor");
    run.arg("--plugin").arg(misbehaving())
}

/// What the healthy ones return when they are alone.
fn healthy_results() -> &'static Value {
    static RESULTS: OnceLock<Value> = OnceLock::new();
    RESULTS.get_or_init(|| {
        let dir = Dir::new();
        healthy_run(&dir).expect(0);
        let summary = dir.summary("out");
        assert_eq!(metric(&summary, "witness_processor", "batches"), BATCHES);
        summary["results"].clone()
    })
}

/// Nothing in it moves a cursor, changes a colour or turns the direction of writing.
#[track_caller]
fn assert_plain(text: &str) {
    let plain = |c: char| c == '\n' || !(c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    assert!(text.chars().all(plain), "{text:?}");
}

/// After a run in which some were to fail: they alone did, and they have no results.
#[track_caller]
fn assert_fail_alone(dir: &Dir, ran: &Ran, rogues: &[&str]) -> Value {
    assert_eq!(ran.status, 3, "{ran:#?}");
    assert_plain(&ran.stdout);
    assert_plain(&ran.stderr);
    let summary = dir.summary("out");
    assert_eq!(summary["status"], "plugin_failed");
    for one in summary["plugins"].as_array().unwrap() {
        let identifier = one["identifier"].as_str().unwrap();
        let expected = if rogues.contains(&identifier) { "failed" } else { "ok" };
        assert_eq!(one["status"], expected, "{one:#}");
    }
    assert_eq!(&summary["results"], healthy_results());
    for event in ["start", "all sent", "end"] {
        for phase in ["warmup", "profiling"] {
            let line = format!(" INFO witness_hook: {event} of {phase}\n");
            assert!(ran.stderr.contains(&line), "no {line} in {}", ran.stderr);
        }
    }
    for rogue in rogues {
        let reported = plugin(&summary, rogue);
        let key = format!("{}/{rogue}", reported["category"].as_str().unwrap());
        let message = reported["failure"]["message"].as_str().unwrap();
        assert_plain(message);
        let on_stderr = |line: &str| {
            line.starts_with(&format!("error: {key} failed: ")) && line.ends_with(message)
        };
        assert!(ran.stderr.lines().any(on_stderr), "{}", ran.stderr);
        let on_stdout = |line: &str| line.starts_with("failed: ") && line.contains(&key);
        assert!(ran.stdout.lines().any(on_stdout), "{}", ran.stdout);
    }
    summary
}

#[track_caller]
fn assert_failure(reported: &Value, kind: &str, during: &str, words: &str) {
    let failure = &reported["failure"];
    assert_eq!((&failure["kind"], &failure["during"]), (&json!(kind), &json!(during)));
    let message = failure["message"].as_str().unwrap();
    assert!(message.contains(words), "no {words:?} in {message:?}");
}

#[test]
fn a_class_that_the_component_lacks_is_answered_with_those_it_has() {
    let dir = Dir::new();
    let content = std::fs::read(misbehaving()).unwrap();
    dir.write("plugins/p/component.wasm", content);
    let text = crate::support::manifest("p", "1.0.0", "lost").replace("witness_processor", "lots");
    dir.write("plugins/p/registry.yaml", text);
    let ran = healthy_run(&dir).arg("--plugins-dir=plugins").arg("--processor=lost").run();
    let summary = assert_fail_alone(&dir, &ran, &["lost"]);
    assert_failure(
        plugin(&summary, "lost"),
        "error",
        "create",
        "the component has no `lots`; it has rogue_processor, witness_processor, ",
    );
}

#[test]
fn columns_of_another_type_or_not_required_are_refused() {
    for (asked, words) in [
        (
            &["column=request_latency"][..],
            "column `request_latency` is of type f64, not text; ask for it with `f64s`",
        ),
        (
            &["column=error_type", "requires=[name, status]"],
            "column `error_type` is not among the columns that `requirements` asks for",
        ),
    ] {
        let dir = Dir::new();
        let mut run = healthy_run(&dir).arg("--processor=asker");
        for param in asked {
            run = run.arg(format!("--set=asker.{param}"));
        }
        let summary = assert_fail_alone(&dir, &run.run(), &["asker"]);
        assert_failure(plugin(&summary, "asker"), "error", "process", words);
    }
    let dir = Dir::new();
    let run = healthy_run(&dir).arg("--processor=asker").arg("--set=asker.column=error_type");
    run.arg("--set=asker.requires=[error_type]").expect(0);
    assert_eq!(metric(&dir.summary("out"), "asker", "present"), 23);
}

#[test]
fn a_column_that_no_record_has_is_missing_and_a_warning_names_the_nearest() {
    let dir = Dir::new();
    let run = healthy_run(&dir).arg("--processor=asker").arg("--set=asker.column=wrker_id");
    let ran = run.arg("--set=asker.requires=[wrker_id, error_type]").expect(0);
    assert_eq!(metric(&dir.summary("out"), "asker", "present"), 0);
    let warning = "WARN post_processor/asker asks for column `wrker_id`, which no record has; did \
                   you mean `worker_id`?";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    assert!(!ran.stderr.contains("`error_type`"), "{}", ran.stderr);
}

/// Long enough for a healthy call on a busy machine, short enough for a test.
const SHORT: Duration = Duration::from_millis(300);

/// Limits of which one is short.
fn limits(shorten: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    shorten(&mut limits);
    limits
}

#[tokio::test]
async fn a_processor_that_loops_or_sleeps_is_ended_by_the_limit_of_its_call() {
    let mut embedded = Embedded::new();
    for does in ["loop", "sleep"] {
        for (during, limits) in [
            ("create", limits(|limits| limits.finish_deadline = SHORT)),
            ("requirements", limits(|limits| limits.finish_deadline = SHORT)),
            ("process", limits(|limits| limits.batch_deadline = SHORT)),
            ("finish", limits(|limits| limits.finish_deadline = SHORT)),
        ] {
            let params = [("during", during), ("does", does)];
            embedded.add(Category::PostProcessor, "rogue_processor", &params, limits).await;
            let witness = "witness_processor";
            embedded.add(Category::PostProcessor, witness, &[], Limits::default()).await;
            let report = embedded.run(3);
            let failure = reported(&report, "rogue_processor").failure.clone().unwrap();
            assert_eq!((failure.kind, failure.during.as_str()), (FailureKind::Deadline, during));
            let words = "the call took longer than its limit of 300ms (`";
            assert!(failure.message.starts_with(words), "{}", failure.message);
            assert_eq!(report.results[witness].record_count, 9, "{does} in {during}");
        }
    }
}

#[tokio::test]
async fn a_hook_that_sleeps_is_ended_and_others_hear_every_event() {
    let mut embedded = Embedded::new();
    let params = [("during", "phase_timeout"), ("does", "sleep")];
    let limits = limits(|limits| limits.event_deadline = SHORT);
    embedded.add(Category::PhaseHook, "rogue_hook", &params, limits).await;
    embedded.add(Category::PhaseHook, "witness_hook", &[], Limits::default()).await;
    let events = [EventKind::PhaseTimeout, EventKind::PhaseStart, EventKind::PhaseComplete];
    let report = embedded.run_items(events.map(|kind| Item::Event(event(kind, 1))).into());
    let rogue = reported(&report, "rogue_hook");
    let failure = rogue.failure.as_ref().unwrap();
    assert_eq!(failure.kind, FailureKind::Deadline);
    assert_eq!(failure.during, "on-phase-timeout");
    assert_eq!(rogue.cost.calls, 2);
    assert_eq!(reported(&report, "witness_hook").cost.calls, 4);
}

#[tokio::test]
async fn an_instance_that_needs_more_memory_than_its_limit_is_not_made() {
    let mut embedded = Embedded::new();
    let limits = limits(|limits| limits.memory_bytes = 64 << 10);
    embedded.add(Category::PostProcessor, "witness_processor", &[], limits).await;
    let report = embedded.run(1);
    let failure = reported(&report, "witness_processor").failure.as_ref().unwrap();
    assert_eq!((failure.kind, failure.during.as_str()), (FailureKind::Memory, "instantiate"));
    assert!(failure.message.contains("its limit `memory` is 64 KiB"), "{}", failure.message);
}

#[tokio::test]
async fn limits_on_what_is_returned_are_those_of_the_settings() {
    let mut embedded = Embedded::new();
    for (limits, words) in [
        (
            limits(|limits| limits.metrics = 2),
            "it returned 3 metrics, and its limit `metrics` is 2",
        ),
        (
            limits(|limits| limits.returned_bytes = 64),
            "it handed over more in one value than its limit `returned_value` of 64 B",
        ),
    ] {
        embedded.add(Category::PostProcessor, "witness_processor", &[], limits).await;
        let report = embedded.run(1);
        let failure = reported(&report, "witness_processor").failure.as_ref().unwrap();
        assert_eq!((failure.kind, failure.during.as_str()), (FailureKind::InvalidOutput, "finish"));
        assert_eq!(failure.message, words);
    }
}
