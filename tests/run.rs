//! `perfbox run`: what is printed, what is written, how it ends.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{
    Dir, FIXTURE, assert_golden, assert_no_stray_cases, fixture, metric, misbehaving, plugin,
    record, records,
};

/// The names of an object's entries.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_case_with_expected_output_is_read_by_a_test() {
    assert_no_stray_cases();
}

#[test]
fn the_table_fits_80_columns() {
    let dir = Dir::new();
    let ran = dir.perfbox(["run", FIXTURE]).expect(0);
    assert_golden("table-80.txt", &ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80));
    assert_eq!(ran.stderr, "");
    // Without a manifest, the basis of a rate has more words.
    let dir = Dir::with_records();
    let ran = dir.expect(0, "run results.jsonl");
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    assert!(ran.stdout.contains("  over first request start to last request end\n"));
}

#[test]
fn the_table_shows_more_in_200_columns() {
    let dir = Dir::new();
    let ran = dir.perfbox(["run", FIXTURE]).env("COLUMNS", "200").expect(0);
    assert_golden("table-200.txt", &ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 200));
}

#[test]
fn help_teaches_with_units_defaults_and_examples() {
    let dir = Dir::new();
    for (command, case) in [
        ("--help", "help.txt"),
        ("run --help", "help-run.txt"),
        ("cache --help", "help-cache.txt"),
        ("cache info --help", "help-cache-info.txt"),
        ("cache clear --help", "help-cache-clear.txt"),
        ("plugins list --help", "help-plugins-list.txt"),
        ("plugins inspect --help", "help-plugins-inspect.txt"),
        ("plugins diff --help", "help-plugins-diff.txt"),
        ("plugins validate --help", "help-plugins-validate.txt"),
        ("plugins add --help", "help-plugins-add.txt"),
        ("plugins remove --help", "help-plugins-remove.txt"),
        ("completions --help", "help-completions.txt"),
        ("plugins lock --help", "help-plugins-lock.txt"),
    ] {
        assert_golden(case, &dir.expect(0, command).stdout);
    }
}

#[test]
fn json_on_standard_output_is_the_summary_byte_for_byte() {
    let dir = Dir::with_records();
    let ran = dir.expect(0, "run results.jsonl --format json --out out");
    assert_eq!(ran.stdout, dir.read("out/summary.json"));
    let quiet = dir.expect(0, "run results.jsonl --format json --quiet");
    assert_eq!(quiet.json()["results"], dir.summary("out")["results"]);
}

#[test]
fn quiet_prints_nothing_and_still_writes_the_summary() {
    let dir = Dir::with_records();
    let ran = dir.expect(0, "run results.jsonl --hook phase_log --quiet");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert_eq!(dir.summary("perfbox-out")["status"], "ok");
}

#[test]
fn quiet_still_says_what_failed() {
    let dir = Dir::new();
    dir.write("bad.jsonl", records("profiling", 2) + "nonsense\n");
    let ran = dir.expect(4, "run bad.jsonl --quiet");
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.starts_with("error: bad.jsonl:3:2: "), "{}", ran.stderr);
}

#[test]
fn only_the_phases_asked_for_are_run() {
    let dir = Dir::with_records();
    let ran = dir.expect(0, "run results.jsonl --phase profiling --hook phase_log --out out");
    let summary = dir.summary("out");
    let names: Vec<_> = summary["phases"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(names, ["profiling"]);
    let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap();
    assert!(metrics.iter().all(|metric| metric["phase"] == "profiling"));
    assert_eq!(summary["results"]["metrics"]["record_count"], 352);
    assert!(!ran.stderr.contains("phase=warmup"), "{}", ran.stderr);
    dir.expect(0, "run results.jsonl --phase profiling --phase warmup --out both");
    assert_eq!(dir.summary("both")["results"]["metrics"]["record_count"], 392);
}

#[test]
fn the_default_directory_is_replaced_and_nothing_else_in_it() {
    let dir = Dir::with_records();
    dir.write("perfbox-out/notes.txt", "mine");
    dir.write("one.jsonl", record("profiling", 1));
    dir.expect(0, "run results.jsonl --hook phase_log");
    assert!(dir.path("perfbox-out/plugins/phase_hook/phase_log").is_dir());
    dir.expect(0, "run one.jsonl");
    assert_eq!(dir.summary("perfbox-out")["inputs"][0]["records"], 1);
    assert!(!dir.path("perfbox-out/plugins/phase_hook").exists());
    assert_eq!(dir.read("perfbox-out/notes.txt"), "mine");
}

#[test]
fn a_named_directory_that_holds_a_run_is_replaced_only_with_force() {
    let dir = Dir::with_records();
    dir.write("one.jsonl", record("profiling", 1));
    dir.expect(0, "run one.jsonl --out out");
    let before = dir.read("out/summary.json");
    dir.expect(2, "run results.jsonl --out out");
    assert_eq!(dir.read("out/summary.json"), before);
    dir.expect(0, "run results.jsonl --out out --force");
    assert_eq!(dir.summary("out")["inputs"][0]["records"], 392);
}

#[cfg(unix)]
#[test]
fn a_plugins_directory_is_for_its_user_only_and_a_summary_for_all() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = Dir::with_records();
    dir.expect(0, "run results.jsonl --out above/out");
    let mode = |path: &str| dir.path(path).metadata().unwrap().permissions().mode() & 0o777;
    std::fs::create_dir(dir.path("usual")).unwrap();
    for path in ["above", "above/out"] {
        assert_eq!(mode(path), mode("usual"), "{path}");
    }
    for path in ["plugins", "plugins/post_processor", "plugins/post_processor/metrics"] {
        assert_eq!(mode(&format!("above/out/{path}")), 0o700, "{path}");
    }
    assert_eq!(mode("above/out/summary.json"), 0o644);
}

#[test]
fn a_killed_run_does_not_block_the_default_directory() {
    let dir = Dir::with_records();
    let mut command = dir.command(env!("CARGO_BIN_EXE_perfbox"));
    command.args(["run", "results.jsonl", "--processor", "rogue_processor", "--plugin"]);
    command.arg(misbehaving()).args(["--set", "rogue_processor.during=finish"]);
    command.args(["--set", "rogue_processor.does=loop"]);
    let mut killed = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !dir.path("perfbox-out/plugins/post_processor/rogue_processor").is_dir() {
        assert_eq!(killed.try_wait().unwrap(), None, "it loops");
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(dir.summary("perfbox-out")["status"], "running");
    dir.expect(0, "run results.jsonl");
    assert_eq!(dir.summary("perfbox-out")["status"], "ok");
}

#[test]
fn a_bad_output_directory_is_said_before_the_input_is_read() {
    let dir = Dir::new();
    dir.write("bad.jsonl", "nonsense\n");
    dir.write("out/plugins/mine.txt", "");
    dir.expect(2, "run bad.jsonl --out out");
    dir.expect(2, "run missing.jsonl --out out");
}

#[test]
fn what_is_refused_leaves_an_earlier_run_as_it_was() {
    let dir = Dir::with_records();
    dir.write("bad.wasm", "nonsense");
    dir.expect(0, "run results.jsonl");
    let before = dir.read("perfbox-out/summary.json");
    dir.expect(4, "run missing.jsonl");
    dir.expect(2, "run results.jsonl --processor missing");
    dir.expect(2, "run results.jsonl --processor bad --plugin bad.wasm");
    dir.expect(2, "run results.jsonl --map start");
    dir.expect(0, "run missing.jsonl --dry-run");
    assert_eq!(dir.read("perfbox-out/summary.json"), before);
}

#[test]
fn what_fails_before_its_report_leaves_none_that_was_to_be_replaced() {
    let dir = Dir::with_records();
    dir.write("results.csv", "at,took\n1,5\n");
    dir.write("events.jsonl", "nonsense\n");
    dir.write("out/notes.txt", "mine");
    for failing in
        ["run missing.jsonl", "run results.csv", "run results.jsonl --events events.jsonl"]
    {
        dir.expect(0, "run results.jsonl --out out");
        dir.expect(2, "run results.jsonl --out out --force --processor missing");
        dir.expect(0, &format!("{failing} --out out --force --dry-run"));
        assert_eq!(dir.summary("out")["status"], "ok");
        dir.expect(4, &format!("{failing} --out out --force"));
        let left = std::fs::read_dir(dir.path("out")).unwrap();
        let left: Vec<_> = left.map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"], "{failing}");
    }
}

/// What a command line of `sh` came to, in which `$P` is perfbox.
#[cfg(target_os = "linux")]
fn shell(dir: &Dir, line: &str) -> std::process::Output {
    let mut shell = dir.command("sh");
    shell.args(["-c", line]).env("P", env!("CARGO_BIN_EXE_perfbox"));
    shell.output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn standard_error_that_cannot_be_written_does_not_change_the_exit_status() {
    let dir = Dir::with_records();
    dir.write("bad.jsonl", "nonsense\n");
    let plugin = format!("--plugin '{}' --processor rogue_processor", misbehaving().display());
    let sets = "--set rogue_processor.during=process --set rogue_processor.does=error";
    let failing = format!("results.jsonl {plugin} {sets}");
    for (status, args) in [
        (0, "results.jsonl --hook phase_log"),
        (2, "results.jsonl --hook missing"),
        (3, &failing),
        (4, "bad.jsonl"),
        (4, "missing.jsonl"),
    ] {
        for stderr in ["2>/dev/full", "2>&-"] {
            let ran = shell(&dir, &format!("$P run {args} {stderr}"));
            assert_eq!(ran.status.code(), Some(status), "{args} {stderr}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_summary_that_cannot_be_written_does_not_lose_the_report() {
    let dir = Dir::new();
    // A summary of megabytes, where files may have one: as if the disk were full.
    let phases = (0..1000).map(|phase| record(&format!("phase-{phase}"), phase + 1));
    dir.write("results.jsonl", phases.collect::<String>());
    let limited = "trap '' XFSZ; ulimit -f 1024; $P run results.jsonl --out out";
    let ran = shell(&dir, limited);
    assert_eq!(ran.status.code(), Some(1));
    let table = String::from_utf8(ran.stdout).unwrap();
    assert!(table.contains("\nrequest_throughput "), "{table}");
    assert!(!table.contains("summary: "), "{table}");
    let words = String::from_utf8(ran.stderr).unwrap();
    assert!(words.starts_with("error: `out/summary.json` cannot be written; "), "{words}");
    assert_eq!(dir.summary("out")["status"], "running");
}

#[test]
fn a_dry_run_shows_what_would_run_and_runs_nothing() {
    let dir = Dir::new();
    dir.write("plugins/p/registry.yaml", crate::support::manifest("acme", "1.2.0", "audit"));
    dir.write("plugins/p/component.wasm", fs::read(misbehaving()).unwrap());
    let ran = dir.expect(
        0,
        "run missing.jsonl --plugins-dir plugins --hook phase_log --processor audit --out out --dry-run",
    );
    assert_golden("dry-run.txt", &dir.without_path(&ran.stdout));
    assert!(!dir.path("out").exists());
}

#[test]
fn a_dry_run_refuses_what_a_run_would() {
    let dir = Dir::new();
    let ran = dir.expect(2, "run missing.jsonl --processor metrisc --dry-run");
    assert!(ran.stderr.contains("did you mean `metrics`?"), "{}", ran.stderr);
}

#[test]
fn nothing_that_is_piped_has_colours_or_a_progress_bar() {
    let dir = Dir::with_records();
    for no_color in [None, Some("1")] {
        let mut run = dir.perfbox(["run", "results.jsonl", "--hook", "phase_log"]);
        if let Some(value) = no_color {
            run = run.env("NO_COLOR", value);
        }
        let ran = run.env("TERM", "xterm-256color").expect(0);
        assert!(ran.stderr.contains("phase_log: event=phase_start"), "{}", ran.stderr);
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
        }
    }
}

#[test]
fn hooks_log_each_event_in_order_of_time_under_their_identifier() {
    let dir = Dir::new();
    let ran = dir.perfbox(["run", FIXTURE, "--hook", "phase_log", "--out", "out"]).expect(0);
    assert_golden("phase-log.txt", &ran.stderr);
}

#[test]
fn rust_log_decides_what_is_logged() {
    let dir = Dir::with_records();
    let logged = |filter: &str| {
        let run = dir.perfbox(["run", "results.jsonl", "--hook", "phase_log"]);
        run.env("RUST_LOG", filter).expect(0).stderr
    };
    assert_eq!(logged("plugin=warn"), "");
    assert_eq!(logged("off"), "");
    assert_eq!(logged("plugin=info").lines().count(), 6);
}

#[test]
fn a_rust_log_that_is_not_understood_is_said_and_the_default_holds() {
    let dir = Dir::with_records();
    let run = dir.perfbox(["run", "results.jsonl", "--hook", "phase_log"]);
    let ran = run.env("RUST_LOG", "plugin=loud").expect(0);
    let (first, others) = ran.stderr.split_once('\n').unwrap();
    assert_eq!(
        first,
        " WARN RUST_LOG=`plugin=loud` is not understood; going on with warn,plugin=info"
    );
    assert_eq!(others.lines().count(), 6);
}

#[test]
fn an_event_log_takes_the_place_of_the_events_rebuilt() {
    let dir = Dir::with_records();
    let event = |event: &str, time_ns: u64, timed_out: bool| {
        json!({"event": event, "time_ns": time_ns,
               "phase": {"name": "profiling", "kind": "profiling", "index": 1},
               "stats": {"sent": 352, "completed": 300, "in_flight": 52, "timed_out": timed_out}})
    };
    // Written out of order, told in order of time.
    let log = [event("phase_timeout", 20, true), event("phase_start", 10, false)];
    dir.write("events.jsonl", log.map(|event| format!("{event}\n")).concat());
    let ran = dir.expect(0, "run results.jsonl --events events.jsonl --hook phase_log --out out");
    let events: Vec<_> = ran
        .stderr
        .lines()
        .map(|line| line.split_once("event=").unwrap().1.split(' ').next().unwrap())
        .collect();
    assert_eq!(events, ["phase_start", "phase_timeout"]);
    let summary = dir.summary("out");
    assert_eq!(summary["phases"][0]["stats"]["timed_out"], false);
    assert_eq!(summary["phases"][1]["stats"]["timed_out"], true);
    assert!(
        ran.stdout.contains("profiling: 352 requests, 18 failed, 4 cancelled, 13.86 s, timed out")
    );
}

#[test]
fn summary_json_has_the_documented_shape() {
    let dir = Dir::with_records();
    dir.perfbox(["run", "results.jsonl", "--hook", "phase_log", "--processor", "metrics"])
        .arg("--plugin")
        .arg(misbehaving())
        .arg("--processor=probe")
        .arg("--out=out")
        .expect(0);
    let summary = dir.summary("out");
    assert_eq!(
        keys(&summary),
        ["schema_version", "perfbox_version", "inputs", "phases", "plugins", "results", "status"]
    );
    assert_eq!(summary["schema_version"], "1");
    assert_eq!(summary["status"], "ok");
    assert_eq!(
        summary["inputs"],
        json!([{"path": "results.jsonl", "format": "aiperf-jsonl", "records": 392,
                "bad_records": 0, "bytes": fixture("profile_export.jsonl").len()}])
    );
    let phase = &summary["phases"][1];
    assert_eq!(keys(phase), ["name", "kind", "index", "stats"]);
    assert_eq!((&phase["name"], &phase["index"]), (&json!("profiling"), &json!(1)));
    assert_eq!(
        keys(&phase["stats"]),
        [
            "sent",
            "completed",
            "errors",
            "cancelled",
            "in_flight",
            "sent_sessions",
            "completed_sessions",
            "start_ns",
            "sending_complete_ns",
            "end_ns",
            "timed_out"
        ]
    );
    // Beyond 2^53, and still the nanosecond.
    assert_eq!(phase["stats"]["start_ns"], 1_795_351_252_500_870_668_u64);

    let order: Vec<_> = summary["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["category"].as_str().unwrap(), one["identifier"].as_str().unwrap()))
        .collect();
    assert_eq!(
        order,
        [("phase_hook", "phase_log"), ("post_processor", "metrics"), ("post_processor", "probe")]
    );
    for one in summary["plugins"].as_array().unwrap() {
        assert_eq!(
            keys(one),
            [
                "category",
                "identifier",
                "package",
                "version",
                "component",
                "digest",
                "status",
                "failure",
                "files",
                "cost"
            ]
        );
        assert_eq!((&one["status"], &one["failure"]), (&json!("ok"), &Value::Null));
        assert_eq!(
            keys(&one["cost"]),
            [
                "calls",
                "instances",
                "wall_ns",
                "compile_ns",
                "peak_memory_bytes",
                "memory_denials",
                "logs_dropped",
                "output_bytes"
            ]
        );
    }
    let metrics = plugin(&summary, "metrics");
    assert_eq!(
        (&metrics["package"], &metrics["component"]),
        (&json!("builtin"), &json!("builtin:metrics"))
    );
    let probe = plugin(&summary, "probe");
    let digest: String = Sha256::digest(std::fs::read(misbehaving()).unwrap())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(probe["digest"], format!("sha256:{digest}"));
    assert_eq!(probe["files"], json!(["plugins/post_processor/probe/kept.txt"]));
    assert_eq!(dir.read("out/plugins/post_processor/probe/kept.txt"), "kept");
    assert_eq!(probe["cost"]["output_bytes"], 4);
    // create, requirements, a batch of each phase, finish.
    assert_eq!(probe["cost"]["calls"], 5);
    assert_eq!(probe["cost"]["instances"], 1);

    assert_eq!(keys(&summary["results"]), ["metrics", "probe"]);
    let result = &summary["results"]["metrics"];
    assert_eq!(keys(result), ["record_count", "error_count", "metrics", "report"]);
    assert_eq!((&result["record_count"], &result["error_count"]), (&json!(392), &json!(23)));
    let latency = &result["metrics"][0];
    assert_eq!(keys(latency), ["name", "phase", "labels", "unit", "method", "stats", "unreliable"]);
    // Of 39 samples, fewer than ten lie beyond any but the median.
    assert_eq!(
        latency["unreliable"],
        json!(["p1", "p5", "p10", "p25", "p75", "p90", "p95", "p99"])
    );
    assert_eq!(
        keys(&latency["stats"]),
        [
            "avg", "min", "max", "std", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95",
            "p99", "count", "sum"
        ]
    );
}

#[test]
fn a_bad_line_ends_the_reading_and_what_came_before_is_reported() {
    let dir = Dir::new();
    let good = records("profiling", 3);
    dir.write("bad.jsonl", format!("{good}{{\"metadata\": nonsense}}\n{good}"));
    let ran = dir.expect(4, "run bad.jsonl --out out");
    assert_eq!(
        ran.stderr,
        "error: bad.jsonl:4:15: not JSON: expected ident; skip bad records with \
            --skip-bad-records\n"
    );
    assert!(ran.stdout.starts_with("profiling: 3 requests, 2.01 s\n"), "{}", ran.stdout);
    let summary = dir.summary("out");
    assert_eq!(summary["status"], "bad_input");
    assert_eq!(summary["inputs"][0]["records"], 3);
    assert_eq!(summary["inputs"][0]["bad_records"], 1);
    assert_eq!(
        summary["inputs"][0]["bad_record_reasons"],
        json!(["4:15: not JSON: expected ident"])
    );
    assert_eq!(metric(&summary, "metrics", "request_count"), 3);
}

#[test]
fn bad_records_are_skipped_and_counted_on_request() {
    let dir = Dir::new();
    let bad = "nonsense\n[1]\n\n{\"metadata\": {}, \"metrics\": {}}\n";
    let good = records("profiling", 3);
    dir.write("bad.jsonl", format!("{good}{bad}{}{good}", record("profiling", 9)));
    let ran = dir.expect(0, "run bad.jsonl --skip-bad-records --out out");
    let summary = dir.summary("out");
    assert_eq!(summary["status"], "ok");
    let input = &summary["inputs"][0];
    assert_eq!((&input["records"], &input["bad_records"]), (&json!(7), &json!(3)));
    let reasons = input["bad_record_reasons"].as_array().unwrap();
    let places: Vec<_> = reasons.iter().map(|r| r.as_str().unwrap().split(':').next()).collect();
    assert_eq!(places, [Some("4"), Some("5"), Some("7")]);
    assert_eq!(metric(&summary, "metrics", "request_count"), 7);
    assert_eq!(
        ran.stderr,
        " WARN 3 bad records of bad.jsonl left out, the first at 4:2: not JSON: expected ident\n"
    );
}

#[test]
fn of_many_bad_records_the_first_ten_are_kept_with_their_reasons() {
    let dir = Dir::new();
    dir.write("bad.jsonl", records("profiling", 1) + &"nonsense\n".repeat(25));
    dir.expect(0, "run bad.jsonl --skip-bad-records --out out");
    let input = &dir.summary("out")["inputs"][0];
    assert_eq!(input["bad_records"], 25);
    assert_eq!(input["bad_record_reasons"].as_array().unwrap().len(), 10);
}

#[test]
fn a_gzip_that_breaks_off_is_reported_with_its_good_records() {
    let dir = Dir::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(fixture("profile_export.jsonl").as_bytes()).unwrap();
    let mut gzip = gzip.finish().unwrap();
    gzip.truncate(gzip.len() / 2);
    dir.write("half.jsonl.gz", gzip);
    let ran = dir.expect(4, "run half.jsonl.gz --out out");
    let summary = dir.summary("out");
    assert_eq!(summary["status"], "bad_input");
    let read = summary["inputs"][0]["records"].as_u64().unwrap();
    assert!((150..250).contains(&read), "{read}");
    assert_eq!(summary["results"]["metrics"]["record_count"], read);
    let bytes = summary["inputs"][0]["bytes"].as_u64().unwrap();
    assert!(
        ran.stderr.starts_with(&format!(
            "error: cannot read input `half.jsonl.gz` past byte {bytes} of its text; its \
                compressed data is damaged or truncated: "
        )),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_bad_input_outranks_a_failed_plugin() {
    let dir = Dir::new();
    dir.write("bad.jsonl", records("profiling", 1) + "nonsense\n");
    let run = dir.perfbox(["run", "bad.jsonl", "--processor=rogue_processor", "--out=out"]);
    let sets = ["rogue_processor.during=process", "rogue_processor.does=error"];
    let run = run.arg("--plugin").arg(misbehaving()).arg("--set").arg(sets[0]);
    let ran = run.arg("--set").arg(sets[1]).expect(4);
    assert!(ran.stderr.contains("bad.jsonl:2:2"), "{}", ran.stderr);
    assert!(ran.stderr.contains("rogue_processor failed: error during process"), "{}", ran.stderr);
    let summary = dir.summary("out");
    assert_eq!(summary["status"], "bad_input");
    assert_eq!(plugin(&summary, "rogue_processor")["status"], "failed");
}

#[test]
fn a_closed_standard_output_is_no_failure() {
    let dir = Dir::with_records();
    let perfbox = env!("CARGO_BIN_EXE_perfbox");
    // The reader ends at once; the summary is there all the same.
    let pipe = format!("{{ '{perfbox}' run results.jsonl --out out; echo $? > status; }} | :");
    let mut shell = dir.command("sh");
    assert!(shell.args(["-c", &pipe]).status().unwrap().success());
    assert_eq!(dir.read("status"), "0\n");
    assert_eq!(dir.summary("out")["status"], "ok");
}

#[test]
fn several_processors_are_named_with_commas_or_one_by_one() {
    let dir = Dir::with_records();
    for flags in ["--processor metrics,histogram", "--processor histogram --processor metrics"] {
        let summary = dir.expect(0, &format!("run results.jsonl --format json {flags}")).json();
        let results: Vec<_> = summary["results"].as_object().unwrap().keys().collect();
        assert_eq!(results, ["histogram", "metrics"]);
    }
}
