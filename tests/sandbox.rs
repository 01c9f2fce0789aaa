//! What happens when a plugin misbehaves: it is named with its cause, everybody else
//! goes on as if it had not been there.

use std::sync::OnceLock;
use std::time::Duration;

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

/// What a rogue does in a call, and the failure that it is to be reported with.
struct Misdeed {
    during: &'static str,
    does: &'static str,
    kind: &'static str,
    words: &'static str,
}

const fn misdeed(
    during: &'static str,
    does: &'static str,
    kind: &'static str,
    words: &'static str,
) -> Misdeed {
    Misdeed { during, does, kind, words }
}

/// One run with a rogue for each misdeed beside the healthy ones.
#[track_caller]
fn rogues_fail(category: &str, misdeeds: &[Misdeed]) -> Value {
    let dir = Dir::new();
    dir.write("plugins/p/component.wasm", std::fs::read(misbehaving()).unwrap());
    let (list, class, flag) = match category {
        "phase_hook" => ("phase_hooks", "rogue_hook", "hook"),
        _ => ("post_processors", "rogue_processor", "processor"),
    };
    let mut manifest = format!("plugin: {{name: p, version: 1.0.0}}\n{list}:\n");
    let names: Vec<String> = (0..misdeeds.len()).map(|n| format!("rogue-{n}")).collect();
    let mut run = healthy_run(&dir).arg("--plugins-dir=plugins");
    for (name, misdeed) in names.iter().zip(misdeeds) {
        manifest.push_str(&format!("  {name}: {{component: component.wasm, class: {class}}}\n"));
        run = run.arg(format!("--{flag}={name}"));
        run = run.arg(format!("--set={name}.during={}", misdeed.during));
        run = run.arg(format!("--set={name}.does={}", misdeed.does));
    }
    dir.write("plugins/p/registry.yaml", manifest);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let summary = assert_fail_alone(&dir, &run.run(), &names);
    for (name, Misdeed { during, kind, words, .. }) in names.iter().zip(misdeeds) {
        let during = match category {
            "phase_hook" if *during != "create" => format!("on-{}", during.replace('_', "-")),
            _ => (*during).to_owned(),
        };
        assert_failure(plugin(&summary, name), kind, &during, words);
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
fn a_panic_ends_its_plugin_alone_with_its_own_words() {
    let words = "a wheel \\u{1b}[31mcame off";
    rogues_fail(
        "post_processor",
        &["create", "requirements", "process", "finish"]
            .map(|during| misdeed(during, "panic", "trap", words)),
    );
}

#[test]
fn an_exit_never_ends_the_host() {
    let zero = "it called exit, with status 0; return an error instead";
    let other = "it called exit, with status other than 0; return an error instead";
    rogues_fail(
        "post_processor",
        &[
            misdeed("create", "exit 0", "exit", zero),
            misdeed("process", "exit 0", "exit", zero),
            misdeed("finish", "exit 3", "exit", other),
        ],
    );
}

#[test]
fn an_error_is_reported_in_the_plugins_own_words_made_safe() {
    let words = "the moon is \\u{1b}[31min\\nthe wrong \\u{202e}place";
    let config = "its configuration was refused: `during` must be later";
    let input = "the input does not suit it: there is no tide table";
    rogues_fail(
        "post_processor",
        &[
            misdeed("process", "error", "error", words),
            misdeed("finish", "error", "error", words),
            misdeed("create", "refuse", "error", config),
            misdeed("process", "lack input", "error", input),
        ],
    );
}

#[test]
fn recursion_without_end_hits_the_stack_and_nothing_else() {
    rogues_fail("post_processor", &[misdeed("process", "recurse", "trap", "")]);
}

#[test]
fn memory_without_end_is_refused_and_said_with_its_limit() {
    let words = "its limit is 256 MiB";
    let summary = rogues_fail("post_processor", &[misdeed("process", "grow", "memory", words)]);
    let peak = plugin(&summary, "rogue-0")["cost"]["peak_memory_bytes"].as_u64().unwrap();
    assert!((200 << 20..=256 << 20).contains(&peak), "{peak}");
}

#[test]
fn a_plugin_that_writes_more_than_its_quota_fails_and_the_disk_has_no_more() {
    let bytes = "and its limit `output` is 256 MiB";
    let files = "it made 1000 files and directories, its limit `output_files`, and wanted another";
    let summary = rogues_fail(
        "post_processor",
        &[
            misdeed("process", "write much", "output", bytes),
            misdeed("process", "write sparse", "output", bytes),
            misdeed("process", "grow sparse", "output", bytes),
            misdeed("finish", "append much", "output", bytes),
            misdeed("process", "make many files", "output", files),
            misdeed("process", "make many directories", "output", files),
        ],
    );
    for (rogue, most) in [("rogue-0", 256 << 20), ("rogue-1", 0), ("rogue-3", 256 << 20)] {
        let written = plugin(&summary, rogue)["cost"]["output_bytes"].as_u64().unwrap();
        assert_eq!(written, most, "{rogue}");
    }
    assert_eq!(plugin(&summary, "rogue-4")["files"].as_array().unwrap().len(), 1000);
}

#[test]
fn a_plugin_that_opens_more_than_it_may_hold_fails() {
    let words = "it held 1024 open files, directories, streams and batches, its limit \
                 `resources`, and wanted another";
    rogues_fail("post_processor", &[misdeed("process", "open much", "trap", words)]);
}

#[test]
fn results_that_break_the_contract_are_refused() {
    let refused = |does, words| misdeed("finish", does, "invalid_output", words);
    let too_much = "it handed over more than the host takes in one value";
    rogues_fail(
        "post_processor",
        &[
            refused("return nan", "metric `share` is NaN; leave out what does not exist"),
            refused("return infinity", "metric `share` is inf; leave out what does not exist"),
            refused("return twins", "it returned metric `twin` twice for profiling"),
            refused(
                "return a control name",
                "a metric's name has characters that cannot be shown: `red\\u{1b}[31m\\nline`",
            ),
            refused(
                "return a bidi unit",
                "a unit has characters that cannot be shown: `m\\u{202e}s`",
            ),
            refused("return a nameless metric", "it returned a metric without a name"),
            refused(
                "return a long name",
                "a metric's name has 1048576 bytes, at most 256 are taken",
            ),
            refused("return a huge report", too_much),
            refused("return many metrics", too_much),
        ],
    );
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
        "the component has no `lots`; it has rogue_processor, witness_processor, asker, ",
    );
}

#[test]
fn a_plugin_that_failed_is_never_called_again() {
    let dir = Dir::new();
    let run = healthy_run(&dir).arg("--processor=rogue_processor").arg("--hook=rogue_hook");
    let run =
        run.arg("--set=rogue_processor.during=process").arg("--set=rogue_processor.does=panic");
    let run = run.arg("--set=rogue_processor.at_batch=4").arg("--set=rogue_hook.does=panic");
    let ran = run.arg("--set=rogue_hook.during=phase_sending_complete").expect(3);
    let summary = dir.summary("out");
    // create, requirements, five batches of nine.
    assert_eq!(plugin(&summary, "rogue_processor")["cost"]["calls"], 7);
    assert_eq!(plugin(&summary, "witness_processor")["cost"]["calls"], 3 + BATCHES);
    // create and two events of six.
    assert_eq!(plugin(&summary, "rogue_hook")["cost"]["calls"], 3);
    assert_eq!(plugin(&summary, "rogue_hook")["failure"]["during"], "on-phase-sending-complete");
    assert_eq!(plugin(&summary, "witness_hook")["cost"]["calls"], 7);
    let heard: Vec<_> =
        ran.stderr.lines().filter_map(|line| line.strip_prefix(" INFO rogue_hook: ")).collect();
    assert_eq!(heard, ["hears phase_start", "hears phase_sending_complete"]);
    assert_eq!(&summary["results"], healthy_results());
}

#[test]
fn a_hook_fails_alone_in_every_call() {
    rogues_fail(
        "phase_hook",
        &["create", "phase_start", "phase_sending_complete", "phase_complete"]
            .map(|during| misdeed(during, "error", "error", "the moon is")),
    );
}

#[test]
fn every_line_of_a_log_flood_is_shown_or_counted_as_dropped() {
    let dir = Dir::new();
    let run = healthy_run(&dir).arg("--processor=rogue_processor");
    let run = run.arg("--set=rogue_processor.during=process");
    let ran = run.arg("--set=rogue_processor.does=log much").expect(0);
    let summary = dir.summary("out");
    let dropped = plugin(&summary, "rogue_processor")["cost"]["logs_dropped"].as_u64().unwrap();
    let shown = ran.stderr.lines().filter(|line| line.contains("rogue_processor: line ")).count();
    assert_eq!(dropped + shown as u64, 1_000_000);
    assert!(shown > 100 && dropped > 100_000, "{shown} shown, {dropped} dropped");
    assert_eq!(metric(&summary, "rogue_processor", "good"), 1);
}

#[test]
fn printing_without_end_is_bounded_and_counted() {
    let dir = Dir::new();
    let run = healthy_run(&dir).arg("--processor=rogue_processor");
    let run = run.arg("--set=rogue_processor.during=process");
    let ran = run.arg("--set=rogue_processor.does=print much").expect(0);
    assert!(ran.stderr.len() < 1 << 20, "{} bytes", ran.stderr.len());
    let summary = dir.summary("out");
    let dropped = plugin(&summary, "rogue_processor")["cost"]["logs_dropped"].as_u64().unwrap();
    assert!(dropped > 0);
}

#[test]
fn what_a_plugin_says_is_one_line_and_plain() {
    let dir = Dir::new();
    let run = healthy_run(&dir)
        .arg("--processor=rogue_processor")
        .arg("--set=rogue_processor.during=create");
    let ran = run.arg("--set=rogue_processor.does=log").expect(0);
    assert_plain(&ran.stderr);
    let line = " WARN rogue_processor: first\\u{1b}[2J\\nsecond\n";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
}

#[test]
fn a_report_is_printed_line_by_line_made_safe() {
    let dir = Dir::new();
    let run = healthy_run(&dir)
        .arg("--processor=rogue_processor")
        .arg("--set=rogue_processor.during=finish");
    let ran = run.arg("--set=rogue_processor.does=return an ansi report").expect(0);
    assert_plain(&ran.stdout);
    assert!(ran.stdout.contains("good\n\\u{1b}[2Jbad\\u{202e}\n\\tworse\n"), "{}", ran.stdout);
}

#[test]
fn a_plugin_reaches_nothing_but_its_own_directory() {
    let dir = Dir::new();
    let run = healthy_run(&dir).arg("--processor=probe").env("SECRET", "known");
    run.stdin("words of the host's").expect(0);
    let summary = dir.summary("out");
    for reached in [
        "written_outside",
        "read_outside",
        "links_followed",
        "variables",
        "arguments",
        "standard_input",
        "sockets",
    ] {
        assert_eq!(metric(&summary, "probe", reached), 0, "{reached}");
    }
    let files = &plugin(&summary, "probe")["files"];
    assert_eq!(*files, json!(["plugins/post_processor/probe/kept.txt"]));
    assert!(!dir.path("stray.txt").exists() && !dir.path("out/stray.txt").exists());
}

#[test]
fn columns_that_cannot_be_had_are_named_with_what_there_is() {
    for (asked, words) in [
        (
            &["column=colour"][..],
            "the input does not suit it: the records have no column `colour`; of type text they \
             have error_type, error_message, name, worker_id, session_id",
        ),
        (
            &["column=request_latency"],
            "column `request_latency` is of type f64, not text; ask for it with `f64s`",
        ),
        (&["column=error_type", "requires=[name, status]"], "`error_type`"),
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
fn a_hook_that_loops_is_ended_by_the_limit_of_one_event() {
    let words = "the call took longer than its limit of 1s (`event_deadline`)";
    rogues_fail("phase_hook", &[misdeed("phase_start", "loop", "deadline", words)]);
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
            let report = embedded.run(3).await;
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
    embedded.pipeline.event(&event(EventKind::PhaseTimeout, 1)).await;
    let report = embedded.run(0).await;
    let rogue = reported(&report, "rogue_hook");
    let failure = rogue.failure.as_ref().unwrap();
    assert_eq!(failure.kind, FailureKind::Deadline);
    assert_eq!(failure.during, "on-phase-timeout");
    assert_eq!(rogue.cost.calls, 2);
    assert_eq!(reported(&report, "witness_hook").cost.calls, 5);
}

#[tokio::test]
async fn an_instance_that_needs_more_memory_than_its_limit_is_not_made() {
    let mut embedded = Embedded::new();
    let limits = limits(|limits| limits.memory_bytes = 64 << 10);
    embedded.add(Category::PostProcessor, "witness_processor", &[], limits).await;
    let report = embedded.run(1).await;
    let failure = reported(&report, "witness_processor").failure.as_ref().unwrap();
    assert_eq!((failure.kind, failure.during.as_str()), (FailureKind::Memory, "instantiate"));
    assert!(failure.message.contains("its limit is 64 KiB"), "{}", failure.message);
}

#[tokio::test]
async fn limits_on_what_is_returned_are_those_of_the_settings() {
    let mut embedded = Embedded::new();
    for (limits, words) in [
        (limits(|limits| limits.metrics = 2), "it returned 3 metrics, and its limit is 2"),
        (
            limits(|limits| limits.returned_bytes = 64),
            "it handed over more than the host takes in one value",
        ),
    ] {
        embedded.add(Category::PostProcessor, "witness_processor", &[], limits).await;
        let report = embedded.run(1).await;
        let failure = reported(&report, "witness_processor").failure.as_ref().unwrap();
        assert_eq!((failure.kind, failure.during.as_str()), (FailureKind::InvalidOutput, "finish"));
        assert_eq!(failure.message, words);
    }
}
