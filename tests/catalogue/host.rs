//! Rows 41 and 42: what happens to the host itself.
//!
//! Row 42, a panic of the host's own functions, cannot be brought about from outside: no
//! component is known that makes one. What happens then has a test in
//! `host/src/instance/sandbox.rs`, with a function that panics below a guest's frames.
#![cfg(unix)]

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::harness::{Hostile, assert_plain, run_beside};
use crate::support::{Dir, metric, plugin};

/// Longest from the signal to the end.
const LONGEST: Duration = Duration::from_secs(2);

/// Sends it as soon as `hostile` is in its call, and returns what was reported.
#[track_caller]
fn interrupt(signal: Signal, hostile: &Hostile, call: &str) -> Value {
    let dir = Dir::new();
    let run = run_beside(&dir, std::slice::from_ref(hostile));
    let mut running = run.env("RUST_LOG", "perfbox=debug,plugin=info").start();
    running.wait_for(&format!("calling `{call}` of {}", hostile.name));
    let sent = Instant::now();
    running.signal(signal);
    let ran = running.end();
    assert!(sent.elapsed() < LONGEST, "{:?}", sent.elapsed());
    assert_eq!(ran.status, 130, "{ran:#?}");
    assert_plain(&ran.stderr);
    let summary = dir.summary("out");
    assert_eq!(summary["status"], "interrupted");
    // What still answers is asked for what it has.
    let keeper = plugin(&summary, "keeper_processor");
    assert_eq!(keeper["status"], "ok", "{keeper:#}");
    assert!(metric(&summary, "keeper_processor", "records").as_u64().unwrap() <= 392);
    assert!(dir.path("out/plugins/post_processor/keeper_processor/kept.txt").is_file());
    summary
}

#[test]
fn row_41_signals_in_the_middle_of_a_call() {
    let cases = [
        (Signal::INT, Hostile::rogue("looper", "process", "loop"), "process", "process"),
        (Signal::TERM, Hostile::rogue("sleeper", "process", "sleep"), "process", "process"),
        (Signal::INT, Hostile::rogue("finisher", "finish", "loop"), "finish", "finish"),
        (
            Signal::TERM,
            Hostile::rogue_hook("hook", "phase_start", "loop").limits("event_deadline: 1m"),
            "on-phase-start",
            "on-phase-start",
        ),
        (
            Signal::INT,
            Hostile::written("post-return", &[("in post-return", "(loop (br 0))")]),
            "finish",
            "finish",
        ),
    ];
    for (signal, hostile, call, during) in cases {
        let summary = interrupt(signal, &hostile, call);
        let failure = &plugin(&summary, &hostile.name)["failure"];
        let told = (&failure["kind"], &failure["during"]);
        assert_eq!(told, (&json!("interrupted"), &json!(during)), "{failure:#}");
    }
}

/// One that behaves is in no call for long.
#[test]
fn row_41_a_signal_between_calls() {
    let hostile = Hostile::rogue("dawdler", "every process", "dawdle");
    for signal in [Signal::INT, Signal::TERM] {
        let summary = interrupt(signal, &hostile, "process");
        assert_eq!(plugin(&summary, "dawdler")["status"], "ok");
    }
}
