//! What `perfbox inspect` shows of an input, and what it suggests.

use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{Dir, FIXTURE, assert_golden, metric, records};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");

#[test]
fn inspect_shows_format_columns_and_phases_or_a_mapping_to_start_from() {
    for (file, case) in [
        ("aiperf/profile_export.jsonl", "inspect-aiperf.txt"),
        ("hey/results.csv", "inspect-hey.txt"),
        ("oha/results.csv", "inspect-oha.txt"),
        ("jmeter/results.tsv", "inspect-jmeter.txt"),
        ("vegeta/results.csv", "inspect-vegeta.txt"),
        ("locust/requests.csv", "inspect-locust.txt"),
        ("generic/results.csv", "inspect-csv.txt"),
        ("generic/results.jsonl", "inspect-jsonl.txt"),
    ] {
        let dir = Dir::new();
        let name = file.rsplit('/').next().unwrap();
        std::fs::copy(Path::new(FIXTURES).join(file), dir.path(name)).unwrap();
        let ran = dir.perfbox(["inspect", name]).expect(0);
        assert_eq!(ran.stderr, "");
        assert_golden(case, &ran.stdout);
    }
}

#[test]
fn what_inspect_suggests_is_what_run_takes() {
    let dir = Dir::new();
    for file in ["locust/requests.csv", "generic/results.csv", "generic/results.jsonl"] {
        std::fs::copy(Path::new(FIXTURES).join(file), dir.path("r")).unwrap();
        let _ = std::fs::remove_file(dir.path("perfbox.yaml"));
        let shown = dir.expect(0, "inspect r").stdout;
        let (flags, yaml) = shown.split_once("\nor in perfbox.yaml:\n\n").unwrap();
        let (_, command) = flags.split_once("perfbox run").unwrap();
        let command = command.trim_end();
        let mut shell = dir.command("sh");
        shell.env("P", env!("CARGO_BIN_EXE_perfbox"));
        let output = shell.args(["-c", &format!("$P run {command} --format json")]);
        let output = output.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let by_flags: Value = serde_json::from_slice(&output.stdout).unwrap();
        dir.write("perfbox.yaml", yaml.replace("\n  ", "\n").trim_start());
        let by_file = dir.expect(0, "run r --format json").json();
        assert_eq!(by_file["results"], by_flags["results"], "{file}");
        assert!(dir.expect(0, "inspect r").stdout.contains("request_latency"));
    }
}

/// What is no records, and is recognised as such.
fn foreign() -> [(&'static str, Vec<u8>, &'static str); 7] {
    let k6 = Path::new(FIXTURES).join("k6/results-seconds.csv");
    let list = "this is one JSON document, not JSON lines; write one object a line, for example \
        with `jq -c '.runs[]'`";
    [
        ("a list", b"[{\"start\":1,\"took\":5}]".to_vec(), "this is a JSON array, "),
        ("a document", b"{\n \"n\": 1,\n \"runs\": [\n {\"took\": 1}\n]}".to_vec(), list),
        ("a document in a line", b"{\"n\":1,\"runs\":[{\"took\":1}]}\n".to_vec(), list),
        ("text", b"nothing of the sort\n".to_vec(), "unknown format: "),
        ("bytes", b"PK\x03\x04a,b\0\n1,2\n".to_vec(), "unknown format: "),
        ("others", b"\x7fELF\x02\xff,\xfe\n".to_vec(), "unknown format: "),
        (
            "k6's",
            std::fs::read(k6).unwrap(),
            "times are whole seconds, so starts are off by up to one; ",
        ),
    ]
}

#[test]
fn inspect_says_what_run_says_of_what_it_does_not_read() {
    for (what, bytes, words) in foreign() {
        let dir = Dir::new();
        dir.write("r", bytes);
        let ran = dir.expect(4, "run r").stderr;
        assert!(ran.starts_with(&format!("error: r: {words}")), "{what}: {ran}");
        let inspected = dir.expect(4, "inspect r");
        assert_eq!((inspected.stderr, &*inspected.stdout), (ran, ""), "{what}");
    }
}

#[test]
fn inspect_shows_a_line_of_json_lines_that_has_lists_in_it() {
    let dir = Dir::new();
    let line = "{\"start\":1,\"took\":5,\"calls\":[{\"n\":1}]}\n";
    dir.write("r", line.repeat(2));
    assert!(dir.expect(0, "inspect r").stdout.contains("'start=start:s'"));
    // A first line that is cut off is no document.
    dir.write("r", format!("{{\"start\":1,\n{line}"));
    assert!(dir.expect(0, "inspect r").stdout.contains("'start=start:s'"));
}

#[test]
fn csv_whose_first_line_is_data_is_said_to_lack_the_names_of_its_columns() {
    for line in [
        "1795393529173,44,\"a, b\",500,Internal,users 1-2,text,false,,102,6,6,/x,44,0,27",
        "2026-11-22T12:40:00.010330,12.5",
        "2026-11-22 12:40:00;12.5;;/items",
        "GET,/items,1795393529,5.7",
    ] {
        let dir = Dir::new();
        dir.write("r", format!("{line}\n{line}\n"));
        assert_eq!(
            dir.expect(0, "inspect r").stdout,
            "r\n  format   csv\n\nIts first line looks like data, and not like the names of \
             columns. Put a line with the names in front\nof it, separated as the fields are, and \
             inspect it again.\n"
        );
        assert_eq!(
            dir.expect(4, "run r").stderr,
            "error: r: this is CSV of an unknown tool, and its first line looks like data; \
             add a header line with the names of the columns, then map its columns with --map; \
             `perfbox inspect` suggests a mapping\n"
        );
    }
    let dir = Dir::new();
    dir.write("r", "when,took,p50,99\n1,2,3,4\n");
    assert!(dir.expect(0, "inspect r").stdout.contains("latency=took:ms"));
}

#[test]
fn inspect_says_which_columns_are_not_used_and_what_a_mapping_lacks() {
    let dir = Dir::new();
    dir.write("r.csv", "took,verb,size,size,ok\n5,GET,1,2,true\n");
    assert_golden("inspect-incomplete.txt", &dir.expect(0, "inspect r.csv").stdout);
    for (columns, missing) in [
        ("started,verb\n2026-11-22 12:40:00,GET", "latency or end"),
        ("ended_at,verb\n1780000000,GET", "latency or start"),
        ("size,verb\n5,GET", "two of start, end and latency"),
    ] {
        dir.write("r.csv", columns);
        let shown = dir.expect(0, "inspect r.csv").stdout;
        assert!(shown.contains(&format!("no column looks like {missing},\n")), "{shown}");
    }
    dir.write("r.csv", "started,ended\n1780000000,1780000001\n");
    assert!(!dir.expect(0, "inspect r.csv").stdout.contains("incomplete"));
}

#[test]
fn inspect_takes_an_outcome_for_what_its_values_say() {
    let dir = Dir::new();
    let rows = "1780000000123,ok,5\n1780000000124,FAIL,6\n";
    dir.write("r", format!("start_ms,Outcome,ms\n{rows}"));
    let shown = dir.expect(0, "inspect r").stdout;
    assert!(shown.contains("--map 'success=Outcome'") && !shown.contains("error="), "{shown}");
    let flags = "--map start=start_ms:ms --map latency=ms:ms --map success=Outcome";
    let summary = dir.expect(0, &format!("run r --format json {flags}")).json();
    assert_eq!(*metric(&summary, "metrics", "error_request_count"), 1);
}

#[test]
fn inspect_reads_records_of_standard_input() {
    let ran = Dir::new().perfbox(["inspect", "-"]).stdin(records("load", 3)).expect(0);
    assert!(ran.stdout.starts_with("-\n  format   aiperf-jsonl\n  records  3\n"), "{ran:?}");
}

#[test]
fn inspect_counts_bad_records_and_phases() {
    let dir = Dir::new();
    let text = records("warmup", 2) + "nonsense\n" + &records("load", 3);
    dir.write("r", text);
    let ran = dir.expect(0, "inspect r");
    let lines: Vec<_> = ran.stdout.lines().take(5).collect();
    assert_eq!(
        lines,
        [
            "r",
            "  format   aiperf-jsonl",
            "  records  5",
            "  bad      1",
            "  phases   warmup (2), load (3)"
        ]
    );
    let several = dir.perfbox(["inspect", "r", FIXTURE]).expect(0).stdout;
    assert_eq!(several.matches("  format   ").count(), 2);
}

#[test]
fn an_input_that_cannot_be_read_does_not_keep_others_from_being_shown() {
    let dir = Dir::new();
    dir.write("good.jsonl", records("load", 3));
    let several = dir.expect(4, "inspect missing.csv good.jsonl perfbox.yaml");
    assert!(several.stdout.starts_with("good.jsonl\n  format   aiperf-jsonl\n"), "{several:?}");
    assert_eq!(several.stderr.matches("input `").count(), 2, "{several:?}");
}

#[test]
fn parquet_in_gzip_is_not_called_damaged() {
    let parquet = std::fs::read(Path::new(FIXTURES).join("generic/results-zstd.parquet")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&parquet).unwrap();
    let dir = Dir::new();
    dir.write("r", gzip.finish().unwrap());
    let words = "compressed Parquet is not supported; decompress the file first";
    assert_eq!(
        dir.expect(4, "inspect r").stderr,
        format!("error: cannot read input `r`: {words}\n")
    );
}

#[test]
fn inspect_takes_an_error_that_is_a_number_for_one() {
    let dir = Dir::new();
    for (name, values) in [("error", ["0", "1"]), ("error_code", ["0.0", "1050.0"])] {
        let rows = values.map(|value| format!("1780000000,5,{value}\n")).concat();
        dir.write("r", format!("start,latency,{name}\n{rows}"));
        let shown = dir.expect(0, "inspect r").stdout;
        assert!(shown.contains(&format!("--map 'error={name}'")), "{shown}");
        let flags = format!("--map start=start:s --map latency=latency --map error={name}");
        let summary = dir.expect(0, &format!("run r --format json {flags}")).json();
        assert_eq!(*metric(&summary, "metrics", "error_request_count"), 1);
    }
}

#[test]
fn inspect_suggests_nothing_that_would_not_be_read_as_it_is_shown() {
    let dir = Dir::new();
    dir.write("r", "start\ttab,took,when\n1780000000,5,1780000000\n1,5,2026-11-22T12:40:00Z\n");
    let shown = dir.expect(0, "inspect r").stdout;
    assert!(shown.contains("  start\\ttab  ") && !shown.contains("=start"), "{shown}");
    assert!(!shown.contains("rfc3339"), "{shown}");
}
