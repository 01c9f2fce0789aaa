//! Odd records: each costs itself at most, and never makes wrong numbers.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Dir, metric, record, records};

fn phase_names(summary: &Value) -> Vec<&str> {
    let phases = summary["phases"].as_array().unwrap();
    phases.iter().map(|phase| phase["name"].as_str().unwrap()).collect()
}

/// How many requests `metrics` counted in each phase.
fn request_counts(summary: &Value) -> Vec<(&str, u64)> {
    let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap();
    let counts = metrics.iter().filter(|metric| metric["name"] == "request_count");
    counts.map(|one| (one["phase"].as_str().unwrap(), one["value"].as_u64().unwrap())).collect()
}

#[test]
fn an_input_named_twice_is_two_phases_with_numbers_of_their_own() {
    let dir = Dir::new();
    dir.write("a.jsonl", records("load", 2));
    dir.expect(0, "run a.jsonl a.jsonl --out out");
    let summary = dir.summary("out");
    assert_eq!(phase_names(&summary), ["a.jsonl:load", "a.jsonl:load#2"]);
    assert_eq!(request_counts(&summary), [("a.jsonl:load", 2), ("a.jsonl:load#2", 2)]);
}

#[test]
fn phases_of_one_name_and_two_indices_are_kept_apart() {
    let dir = Dir::new();
    let with_index = |index: u64| {
        let mut record: Value = serde_json::from_str(&record("load", 5)).unwrap();
        record["metadata"]["phase_index"] = json!(index);
        format!("{record}\n")
    };
    let lines = [with_index(0), with_index(1), with_index(1), record("load", 9)];
    dir.write("a.jsonl", lines.concat());
    dir.expect(0, "run a.jsonl --out out");
    let summary = dir.summary("out");
    assert_eq!(request_counts(&summary), [("load", 2), ("load#2", 2)]);
}

#[test]
fn absent_and_null_metrics_are_no_bad_records() {
    let dir = Dir::new();
    let failed =
        r#"{"metadata":{"benchmark_phase":"load","request_start_ns":5},"error":{"code":500}}"#;
    let null = r#"{"metadata":{"benchmark_phase":"load","request_start_ns":6},"metrics":null}"#;
    dir.write("a.jsonl", format!("{failed}\n{null}\n{}", record("load", 7)));
    dir.expect(0, "run a.jsonl --out out");
    let summary = dir.summary("out");
    assert_eq!(*metric(&summary, "metrics", "completed_request_count"), 3);
    assert_eq!(*metric(&summary, "metrics", "error_request_count"), 1);
}

#[test]
fn names_that_cannot_be_shown_are_bad_records_and_cost_nothing_else() {
    let dir = Dir::new();
    for (name, unit, words) in [
        ("a\u{1b}[31m", "ms", "metric name has unprintable characters: `a\\u{1b}[31m`"),
        ("a", "m\u{202e}s", "unit name has unprintable characters: `m\\u{202e}s`"),
        ("", "ms", "a metric has an empty name"),
        (&"x".repeat(300), "ms", "metric name has 300 bytes; the maximum is 256"),
    ] {
        let mut odd: Value = serde_json::from_str(&record("load", 5)).unwrap();
        odd["metrics"][name] = json!({"value": 1.0, "unit": unit});
        dir.write("a.jsonl", format!("{}{odd}\n", record("load", 1)));
        let ran = dir.expect(4, "run a.jsonl --out out --force --quiet");
        assert!(ran.stderr.contains(&format!("a.jsonl:2:1: {words}")), "{}", ran.stderr);
        assert_eq!(request_counts(&dir.summary("out")), [("load", 1)]);
        dir.expect(0, "run a.jsonl --out out --force --skip-bad-records");
    }
}

#[test]
fn bad_lines_alone_are_bad_input_whatever_phase_is_asked_for() {
    let dir = Dir::new();
    dir.write("a.jsonl", "nonsense\n");
    let ran = dir.expect(4, "run a.jsonl --input-format aiperf-jsonl --phase profiling");
    assert!(ran.stderr.contains("a.jsonl:1:"), "{}", ran.stderr);
}

#[test]
fn values_too_large_to_add_up_cost_their_own_metric_only() {
    let dir = Dir::new();
    let mut huge: Value = serde_json::from_str(&record("load", 5)).unwrap();
    huge["metrics"]["size"] = json!({"value": 1e308, "unit": "B"});
    dir.write("a.jsonl", format!("{huge}\n{huge}\n"));
    let ran = dir.expect(0, "run a.jsonl --out out");
    assert_eq!(request_counts(&dir.summary("out")), [("load", 2)]);
    assert!(ran.stderr.contains("size of load is left out"), "{}", ran.stderr);
}

#[test]
fn a_pipe_is_an_input() {
    let dir = Dir::new();
    let fifo = dir.path("pipe");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let writer = std::thread::spawn(move || {
        std::fs::File::options()
            .write(true)
            .open(fifo)
            .unwrap()
            .write_all(records("load", 3).as_bytes())
    });
    dir.expect(0, "run pipe --out out");
    writer.join().unwrap().unwrap();
    assert_eq!(request_counts(&dir.summary("out")), [("load", 3)]);
}

#[test]
fn a_pipe_in_the_manifests_place_is_not_waited_for() {
    let dir = Dir::new();
    dir.write("a.jsonl", records("load", 1));
    let fifo = dir.path("phase_manifest.json");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    dir.expect(0, "run a.jsonl");
}

#[test]
fn waiting_for_standard_input_ends_with_an_interrupt() {
    let dir = Dir::new();
    let mut child = dir
        .command(env!("CARGO_BIN_EXE_perfbox"))
        .args(["run", "-", "--quiet"])
        .env("RUST_LOG", "perfbox=debug")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says when it listens to signals.
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("reading") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut stderr, &mut line).unwrap() > 0, "it ended");
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(dir.summary("perfbox-out")["status"], "interrupted");
}

#[test]
fn an_event_log_gives_bounds_and_expectations_and_keeps_to_the_phases_asked_for() {
    let dir = Dir::new();
    let lines = [records("warmup", 1), records("load", 4)].concat();
    dir.write("a.jsonl", lines);
    let event = |event: &str, time_ns: u64, phase: &str, stats: Value| {
        let phase = json!({"name": phase, "kind": phase, "index": 0});
        format!("{}\n", json!({"event": event, "time_ns": time_ns, "phase": phase, "stats": stats}))
    };
    let log = [
        event("phase_start", 0, "warmup", json!({})),
        event("phase_start", 500_000_000, "load", json!({"expected_requests": 4})),
        event("phase_timeout", 8_000_000_000, "load", json!({})),
        event("phase_complete", 8_500_000_000, "load", json!({})),
    ];
    dir.write("events.jsonl", log.concat());
    let ran =
        dir.expect(0, "run a.jsonl --phase load --events events.jsonl --hook phase_log --out out");
    assert_eq!(ran.stderr.matches("event=").count(), 3, "{}", ran.stderr);
    let summary = dir.summary("out");
    let stats = &summary["phases"][0]["stats"];
    assert_eq!(stats["expected_requests"], 4);
    assert_eq!(stats["timed_out"], true);
    assert_eq!(
        (&stats["start_ns"], &stats["end_ns"]),
        (&json!(500_000_000), &json!(8_500_000_000_u64))
    );
    assert_eq!(*metric(&summary, "metrics", "request_throughput"), 0.5);
}

#[test]
fn a_line_longer_than_any_record_is_a_bad_record() {
    let dir = Dir::new();
    let long = "x".repeat((64 << 20) + 1);
    dir.write("a.jsonl", format!("{}{long}\n{}", record("load", 1), record("load", 2)));
    let ran = dir.expect(4, "run a.jsonl --quiet");
    assert!(
        ran.stderr.contains("a.jsonl:2:67108864: the line is longer than 64 MiB"),
        "{}",
        ran.stderr
    );
    dir.expect(0, "run a.jsonl --skip-bad-records --out out");
    assert_eq!(request_counts(&dir.summary("out")), [("load", 2)]);
}

#[test]
fn a_file_of_something_else_is_said_to_be_so_and_costs_no_earlier_results() {
    let dir = Dir::with_records();
    dir.expect(0, "run results.jsonl --quiet");
    let before = dir.read("perfbox-out/summary.json");
    dir.write("other.json", "1\n");
    for flags in ["", "--skip-bad-records"] {
        let ran = dir.expect(4, &format!("run other.json --input-format aiperf-jsonl {flags}"));
        assert!(
            ran.stderr.starts_with("error: other.json:1:")
                && ran.stderr.ends_with(
                    "no line of this input is a record; see `perfbox run --help` for the \
                        supported tools\n"
                ),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(dir.read("perfbox-out/summary.json"), before);
}
