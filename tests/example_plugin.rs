//! The example plugin's package, as somebody uses it who only has its README.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Dir, FIXTURE, Ran, assert_golden, example_package, metric};

/// The four implementations over the fixture, verbose, with the package in `plugins`.
const SELECTED: [&str; 10] = [
    "--hook",
    "example_logging_hook",
    "--hook",
    "example_metrics_collector_hook",
    "--processor",
    "example_metrics_processor",
    "--processor",
    "example_results_aggregator",
    "--set",
    "example_logging_hook.verbose=true",
];

/// A directory with a copy of the package in `plugins/`.
fn dir_with_package() -> Dir {
    let dir = Dir::new();
    let package = example_package().join("example-plugin");
    for file in ["registry.yaml", "example_plugin.wasm"] {
        let content = fs::read(package.join(file)).unwrap();
        dir.write(&format!("plugins/example-plugin/{file}"), content);
    }
    dir
}

fn run(dir: &Dir, more: &[&str]) -> Ran {
    let fixture = ["run", FIXTURE, "--plugins-dir", "plugins", "--out", "out"];
    dir.perfbox(fixture.iter().chain(&SELECTED).chain(more)).expect(0)
}

#[test]
fn the_four_outputs_are_written_below_the_output_directory() {
    let dir = dir_with_package();
    let ran = run(&dir, &[]);
    assert_golden(
        "example/phases.log",
        &dir.read("out/plugins/phase_hook/example_logging_hook/phases.log"),
    );
    assert_golden(
        "example/phase_metrics.json",
        &dir.read("out/plugins/phase_hook/example_metrics_collector_hook/phase_metrics.json"),
    );
    assert_golden(
        "example/metrics.txt",
        &dir.read("out/plugins/post_processor/example_metrics_processor/metrics.txt"),
    );
    let summary = dir.summary("out");
    let report = summary["results"]["example_results_aggregator"]["report"].as_str().unwrap();
    assert_golden("example/report.txt", report);
    assert!(ran.stdout.contains(report), "the report is printed: {}", ran.stdout);
    let files: Vec<_> = summary["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["identifier"].as_str().unwrap(), one["files"].clone()))
        .collect();
    let below = |path: &str| json!([format!("plugins/{path}")]);
    assert_eq!(
        files,
        [
            ("example_logging_hook", below("phase_hook/example_logging_hook/phases.log")),
            (
                "example_metrics_collector_hook",
                below("phase_hook/example_metrics_collector_hook/phase_metrics.json")
            ),
            (
                "example_metrics_processor",
                below("post_processor/example_metrics_processor/metrics.txt")
            ),
            ("example_results_aggregator", json!([])),
        ]
    );
}

#[test]
fn what_the_processors_return_agrees_with_the_builtin() {
    let dir = dir_with_package();
    run(&dir, &["--processor", "metrics"]);
    let summary = dir.summary("out");
    let total = |processor: &str| metric(&summary, processor, "total_records").clone();
    assert_eq!(total("example_metrics_processor"), 392);
    assert_eq!(total("example_results_aggregator"), 392);
    assert_eq!(summary["results"]["metrics"]["error_count"], 23);
    assert_eq!(metric(&summary, "example_metrics_processor", "error_count"), 23);
    assert_eq!(metric(&summary, "example_results_aggregator", "total_sets"), 2);
}

#[test]
fn a_timeout_in_the_event_log_makes_the_timeout_lines_appear() {
    let dir = dir_with_package();
    let start_ns = 1_700_000_000_000_000_000_u64;
    let event = |event: &str, after_ms: u64, in_flight: u64| {
        json!({"event": event, "time_ns": start_ns + after_ms * 1_000_000,
               "phase": {"name": "profiling", "kind": "profiling", "index": 0},
               "stats": {"sent": 9, "completed": 9 - in_flight, "in_flight": in_flight,
                         "sent_sessions": 4, "start_ns": start_ns, "timed_out": after_ms > 2000}})
    };
    let log = [
        event("phase_start", 0, 0),
        event("phase_sending_complete", 1500, 5),
        event("phase_timeout", 3250, 2),
        event("phase_complete", 3250, 0),
    ];
    dir.write("events.jsonl", log.map(|event| format!("{event}\n")).concat());
    run(&dir, &["--events", "events.jsonl"]);
    assert_eq!(
        dir.read("out/plugins/phase_hook/example_logging_hook/phases.log"),
        "[2023-11-14 22:13:20] PHASE_START: profiling\n\
         [2023-11-14 22:13:21] PHASE_SENDING_COMPLETE: profiling | Sent: 9, Sessions: 4, Duration: 1.50s\n\
         [2023-11-14 22:13:23] PHASE_TIMEOUT: profiling | In-Flight: 2, Duration: 3.25s\n\
         [2023-11-14 22:13:23] PHASE_COMPLETE: profiling | Completed: 9, Cancelled: 0, Duration: 3.25s\n"
    );
    let json = dir.read("out/plugins/phase_hook/example_metrics_collector_hook/phase_metrics.json");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["metrics"]["profiling"][2],
        json!({"event": "phase_timeout", "timestamp": "2023-11-14T22:13:23.25Z",
               "phase": "profiling", "in_flight": 2})
    );
    assert_eq!(dir.summary("out")["phases"][1]["stats"]["timed_out"], true);
}

#[test]
fn parameters_change_what_is_written() {
    let dir = dir_with_package();
    run(
        &dir,
        &[
            "--set=example_logging_hook.log_file=events.txt",
            "--set=phase_hook/example_metrics_collector_hook.aggregate=false",
            "--set=example_metrics_collector_hook.indent=0",
            "--set=example_metrics_processor.percentiles=[50, 99.9]",
        ],
    );
    let log = dir.read("out/plugins/phase_hook/example_logging_hook/events.txt");
    assert_eq!(log.lines().count(), 6);
    let json = dir.read("out/plugins/phase_hook/example_metrics_collector_hook/phase_metrics.json");
    assert_eq!(json.trim_end().lines().count(), 1);
    assert!(!json.contains("phase_durations"));
    let text = dir.read("out/plugins/post_processor/example_metrics_processor/metrics.txt");
    assert!(text.contains("\"p50\"") && text.contains("\"p99.9\"") && !text.contains("\"p75\""));
}

#[cfg(unix)]
#[test]
fn a_component_that_is_not_selected_is_never_opened() {
    let dir = dir_with_package();
    // Opening a FIFO that nobody writes to would wait for ever.
    for package in ["before", "zz-after"] {
        let text = format!(
            "plugin: {{name: {package}, version: 1.0.0}}\n\
             phase_hooks:\n  {package}_hook: {{component: trap.wasm}}\n\
             post_processors:\n  {package}_processor: {{component: trap.wasm}}\n"
        );
        dir.write(&format!("plugins/{package}/registry.yaml"), text);
        make_fifo(&dir.path(&format!("plugins/{package}/trap.wasm")));
    }
    make_fifo(&dir.path("plugins/bare.wasm"));
    make_fifo(&dir.path("plugins/example-plugin/another.wasm"));
    run(&dir, &[]);
    assert_eq!(dir.summary("out")["status"], "ok");
    let listed = dir.expect(0, "plugins list --plugins-dir plugins --json").json();
    assert_eq!(
        listed["invalid_packages"],
        json!([{"path": "plugins/bare.wasm", "reason": "`plugins/bare.wasm` is not a regular file"}])
    );
}

#[cfg(unix)]
fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn the_manifest_agrees_with_what_the_component_itself_offers() {
    let dir = dir_with_package();
    let bare = fs::read(dir.path("plugins/example-plugin/example_plugin.wasm")).unwrap();
    dir.write("bare/example_plugin.wasm", bare);
    let offered = |flags: &str| -> Vec<Value> {
        let listed = dir.expect(0, &format!("plugins list --json {flags}")).json();
        let all = listed["implementations"].as_array().unwrap().iter();
        let of_plugins = all.filter(|one| one["source"] != "builtin");
        of_plugins
            .map(|one| json!([one["category"], one["identifier"], one["description"]]))
            .collect()
    };
    let by_manifest = offered("--plugins-dir plugins");
    assert_eq!(by_manifest.len(), 4);
    assert_eq!(offered("--plugin bare/example_plugin.wasm"), by_manifest);

    // Parameters and their defaults, as a dry run shows them.
    let dry = |flags: &[&str]| -> Vec<String> {
        let fixed = ["run", FIXTURE, "--dry-run"];
        let ran = dir.perfbox(fixed.iter().chain(&SELECTED).chain(flags)).expect(0);
        ran.stdout.lines().filter(|line| line.contains("parameters")).map(str::to_owned).collect()
    };
    let parameters = dry(&["--plugins-dir", "plugins"]);
    assert_eq!(parameters.len(), 4);
    assert!(
        parameters[0].contains(r#"{"log_file":"phases.log","verbose":true}"#),
        "{parameters:?}"
    );
    assert_eq!(dry(&["--plugin", "bare/example_plugin.wasm"]), parameters);
}

#[test]
fn a_component_in_a_package_is_found_by_its_file_and_its_manifest_holds() {
    let dir = dir_with_package();
    let file = "plugins/example-plugin/example_plugin.wasm";
    let listed = dir.expect(0, &format!("plugins list --json --plugin {file}")).json();
    let one = &listed["implementations"][0];
    assert_eq!((&one["package"], &one["version"]), (&json!("example-plugin"), &json!("1.0.0")));
    assert_eq!(one["source"], "flag");
}
