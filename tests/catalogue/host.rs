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
use crate::support::{Dir, FIXTURE, metric, misbehaving, plugin};

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

/// Each is in its turn as long as it may be, and no longer.
#[test]
fn row_41_a_signal_with_two_hundred_that_loop() {
    let dir = Dir::new();
    dir.write("plugins/p/component.wasm", std::fs::read(misbehaving()).unwrap());
    let mut manifest = "plugin: {name: p, version: 1.0.0}\npost_processors:\n".to_owned();
    let mut run = dir.perfbox(["run", FIXTURE, "--out=out", "--plugins-dir=plugins"]);
    for n in 0..200 {
        manifest
            .push_str(&format!("  r{n}: {{component: component.wasm, class: rogue_processor}}\n"));
        run = run.arg(format!("--processor=r{n}"));
        run = run.arg(format!("--set=r{n}.during=create")).arg(format!("--set=r{n}.does=loop"));
    }
    dir.write("plugins/p/registry.yaml", manifest);
    let mut running = run.env("RUST_LOG", "perfbox=debug").start();
    running.wait_for("calling `create` of r0");
    let sent = Instant::now();
    running.signal(Signal::TERM);
    let ran = running.end();
    assert!(sent.elapsed() < LONGEST, "{:?}", sent.elapsed());
    assert_eq!(ran.status, 130, "{}", ran.stderr);
    assert_eq!(plugin(&dir.summary("out"), "r199")["failure"]["kind"], "interrupted");
}
