//! Inputs as they come: cut off, marked, compressed, endless, odd in the middle. What the
//! user sees of each.

use std::fmt::Write as _;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde_json::Value;

use crate::support::{Dir, Ran, metric, record, records};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");

/// Bytes of a block of lines: an input is read in pieces of about this size.
const BLOCK_BYTES: usize = 2 << 20;

/// A mapping of CSV and JSON lines with these columns.
const MAPS: &str = "--map start=at:s --map latency=took:ms";

fn fixture(name: &str) -> String {
    std::fs::read_to_string(Path::new(FIXTURES).join(name)).unwrap()
}

/// Runs over a file of its own, and expects that exit status.
#[track_caller]
fn run_over(content: impl AsRef<[u8]>, status: i32, flags: &str) -> (Ran, Value) {
    let dir = Dir::new();
    dir.write("r", content);
    let ran = dir.expect(status, &format!("run r --format json --quiet {flags}"));
    let summary = if ran.stdout.is_empty() { Value::Null } else { ran.json() };
    (ran, summary)
}

/// What an input of two good records and a bad one, the last, comes to: the good ones are
/// reported, and the bad one is told, or left out.
#[track_caller]
fn last_is_bad(content: impl AsRef<[u8]>, flags: &str, words: &str) {
    let (ran, summary) = run_over(&content, 4, flags);
    assert_eq!(ran.stderr, format!("error: r:{words}; skip bad records with --skip-bad-records\n"));
    assert_eq!(*metric(&summary, "metrics", "request_count"), 2, "{words}");
    let (ran, summary) = run_over(&content, 0, &format!("{flags} --skip-bad-records"));
    assert_eq!(ran.stderr, format!(" WARN 1 bad record of r left out, the first at {words}\n"));
    assert_eq!(summary["inputs"][0]["bad_records"], 1);
    assert_eq!(summary["inputs"][0]["bad_record_reasons"], serde_json::json!([words]));
    assert_eq!(*metric(&summary, "metrics", "request_count"), 2, "{words}");
}

const HEY: &str = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,\
                   status-code,offset\n\
                   0.0051,0.0001,0.0000,0.0000,0.0048,0.0002,200,0.0006\n\
                   0.0074,0.0003,0.0000,0.0000,0.0069,0.0001,200,0.0002\n";
const OHA: &str = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status\n\
                   0.001,0,0,0,0.004,100,200\n0.002,0,0,0,0.005,100,200\n";
const JMETER: &str = "timeStamp,elapsed,label,responseCode,success\n\
                      1780000000000,5,a,200,true\n1780000000001,6,b,200,true\n";
const VEGETA: &str = "1780000100000062202,200,2990233,0,40,,,steady,0,GET,http://a/,\n\
                      1780000100000062203,200,2990233,0,40,,,steady,1,GET,http://a/,\n";
const CSV: &str = "at,took\n1,5\n2,6\n";
const JSONL: &str = "{\"at\":1,\"took\":5}\n{\"at\":2,\"took\":6}\n";

#[test]
fn a_last_line_that_breaks_off_costs_itself() {
    let cut = &record("load", 5)[..50];
    last_is_bad(records("load", 2) + cut, "", "3:50: not JSON: EOF while parsing a string");
    let short = |has: u32, of: u32| {
        let plural = if has == 1 { "" } else { "s" };
        format!(
            "the row has {has} field{plural}, the others have {of}; the input ends in the \
                middle of the row"
        )
    };
    last_is_bad(HEY.to_owned() + "0.0051,0.0001,0.00", "", &format!("4:1: {}", short(3, 8)));
    last_is_bad(OHA.to_owned() + "0.003,0,0,0,0.0", "", &format!("4:1: {}", short(5, 7)));
    last_is_bad(JMETER.to_owned() + "1780000000002,7,c,2", "", &format!("4:1: {}", short(4, 5)));
    last_is_bad(
        VEGETA.to_owned() + "1780000100000062204,200,299,0,40,,,steady,2,GE",
        "",
        &format!("3:1: {}", short(10, 12)),
    );
    last_is_bad(CSV.to_owned() + "3", MAPS, &format!("4:1: {}", short(1, 2)));
    last_is_bad(
        JSONL.to_owned() + "{\"at\":3,\"to",
        MAPS,
        "3:11: not JSON: EOF while parsing a string",
    );
}

#[test]
fn a_row_with_other_fields_than_the_others_is_a_bad_record() {
    last_is_bad(CSV.to_owned() + "3\n", MAPS, "4:1: the row has 1 field, the others have 2");
    last_is_bad(
        JMETER.to_owned() + "1780000000002,7,a, b,200,true\n",
        "",
        "4:1: the row has 6 fields, the others have 5",
    );
    // Delimiters at its end move nothing.
    let (_, summary) = run_over(CSV.to_owned() + "3,7,\n4,8,,\n", 0, MAPS);
    assert_eq!(*metric(&summary, "metrics", "request_count"), 4);
}

#[test]
fn a_quote_without_an_end_costs_what_comes_after_it() {
    last_is_bad(
        JMETER.to_owned() + "1780000000002,7,\"c,200,true\n1780000000003,7,d,200,true\n",
        "",
        "4:17: a quoted field has no closing quote",
    );
}

#[test]
fn a_quote_within_a_field_is_a_part_of_it() {
    let rows = "1780000000002,7,5\" pipe,200,true\n1780000000003,7,\"a \"\"b\"\"\n\",200,true\n";
    let (_, summary) = run_over(JMETER.to_owned() + rows, 0, "--set metrics.group_by=name");
    let names: Vec<_> = summary["results"]["metrics"]["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|metric| metric["name"] == "request_count")
        .map(|metric| metric["labels"]["name"].as_str().unwrap_or_default())
        .collect();
    assert!(names.contains(&"5\" pipe"), "{names:?}");
}

#[test]
fn a_header_within_a_file_is_no_record() {
    for mark in ["", "\u{feff}"] {
        let twice = format!("{mark}{JMETER}{mark}{JMETER}");
        let (_, summary) = run_over(twice, 0, "");
        assert_eq!(*metric(&summary, "metrics", "request_count"), 4);
        assert_eq!(summary["inputs"][0]["bad_records"], 0);
    }
}

#[test]
fn a_byte_order_mark_and_ends_of_lines_of_windows_change_nothing() {
    let generic = "--map start=request.sent:rfc3339 --map latency=timing.total_us:us";
    for (text, flags) in [
        (fixture("aiperf/profile_export.jsonl"), ""),
        (fixture("hey/results.csv"), ""),
        (fixture("oha/results.csv"), ""),
        (fixture("jmeter/results.jtl"), ""),
        (fixture("jmeter/results.tsv"), ""),
        (fixture("vegeta/results.csv"), ""),
        (fixture("generic/results.jsonl"), generic),
        (CSV.to_owned(), MAPS),
        ("\"at\",took\n1,5\n".to_owned(), MAPS),
    ] {
        let results = |text: &str| {
            let (ran, summary) = run_over(text, 0, flags);
            assert_eq!(
                (ran.stderr.as_str(), &summary["inputs"][0]["bad_records"]),
                ("", &0.into())
            );
            summary["results"].to_string()
        };
        let plain = results(&text);
        assert!(plain.contains("request_latency"));
        assert_eq!(results(&format!("\u{feff}{text}")), plain);
        let windows = text.replace('\n', "\r\n");
        assert_eq!(results(&windows), plain);
        assert_eq!(results(&format!("\u{feff}{windows}")), plain);
        assert_eq!(results(text.trim_end()), plain);
        assert_eq!(results(&format!("\n \r\n{text}")), plain);
    }
}

#[test]
fn numbers_that_json_does_not_have_are_bad_records() {
    let of_latency = |value: &str| {
        let good = records("load", 2);
        good + &record("load", 5).replace("\"value\":10.0", &format!("\"value\":{value}"))
    };
    last_is_bad(of_latency("NaN"), "", "3:147: not JSON: expected value");
    last_is_bad(
        of_latency("1e400"),
        "",
        "3:151: not a record of AIPerf's profile_export.jsonl: number out of range",
    );
    let line = |value: &str| format!("{JSONL}{{\"at\":3,\"took\":{value}}}\n");
    last_is_bad(line("NaN"), MAPS, "3:16: not JSON: expected value");
    last_is_bad(line("1e400"), MAPS, "3:1: `took`: `1e400` is not a number");
    last_is_bad(line("\"NaN\""), MAPS, "3:1: `took`: `NaN` is not a number");
}

#[test]
fn fields_that_are_no_finite_numbers_are_bad_records() {
    for value in ["nan", "NaN", "inf", "-inf", "1e400", "5 ms", "0x10"] {
        let words = format!("4:3: column `took`: `{value}` is not a number");
        last_is_bad(format!("{CSV}3,{value}\n"), MAPS, &words);
        let metric = format!("at,took,size\n1,5,1\n2,6,2\n3,7,{value}\n");
        let maps = format!("{MAPS} --map metric.size=size");
        last_is_bad(metric, &maps, &format!("4:5: column `size`: `{value}` is not a number"));
    }
}

#[test]
fn a_negative_latency_is_a_bad_record_in_every_format() {
    let negative = record("load", 5).replace("\"value\":10.0", "\"value\":-5.0");
    last_is_bad(records("load", 2) + &negative, "", "3:1: latency is negative: -5 ms");
    let hey = "-0.005,0.0003,0.0000,0.0000,0.0069,0.0001,200,0.0002\n";
    last_is_bad(HEY.to_owned() + hey, "", "4:1: latency is negative: -5 ms");
    let oha = "0.003,0,0,0,-0.005,100,200\n";
    last_is_bad(OHA.to_owned() + oha, "", "4:1: latency is negative: -5 ms");
    let jmeter = "1780000000001,-5,b,200,true\n";
    last_is_bad(JMETER.to_owned() + jmeter, "", "4:1: latency is negative: -5 ms");
    let vegeta = "1780000100000062203,200,-5000000,0,40,,,steady,1,GET,http://a/,\n";
    last_is_bad(VEGETA.to_owned() + vegeta, "", "3:1: latency is negative: -5 ms");
    last_is_bad(CSV.to_owned() + "3,-5\n", MAPS, "4:1: latency is negative: -5 ms");
    let ends = "--map start=at:s --map end=till:s";
    last_is_bad("at,till\n1,2\n2,3\n3,2.5\n", ends, "4:1: latency is negative: -500 ms");
    let jsonl = JSONL.to_owned() + "{\"at\":3,\"took\":-5}\n";
    last_is_bad(jsonl, MAPS, "3:1: latency is negative: -5 ms");
}

#[test]
fn a_gzip_that_is_cut_in_the_middle_is_read_as_far_as_it_goes() {
    let mut text = String::new();
    for n in 0..40_000_u64 {
        // Neighbours differ, so that there is something to compress badly.
        let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let line = record("load", n + 1);
        writeln!(text, "{},\"id\":\"{id:x}\"}}", line.trim_end().strip_suffix('}').unwrap())
            .unwrap();
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    for flags in ["", "--skip-bad-records"] {
        let (ran, summary) = run_over(&gzip[..gzip.len() / 2], 4, flags);
        let start = "error: cannot read input `r` past byte ";
        assert!(ran.stderr.starts_with(start), "{}", ran.stderr);
        assert!(ran.stderr.ends_with(": incomplete deflate stream\n"), "{}", ran.stderr);
        let count = metric(&summary, "metrics", "request_count").as_u64().unwrap();
        assert!((10_000..30_000).contains(&count), "{count}");
        assert_eq!(summary["inputs"][0]["records"], count);
        assert_eq!(summary["status"], "bad_input");
    }
}

#[test]
fn a_gzip_of_k6_that_breaks_off_keeps_every_request_that_it_had() {
    let text = fixture("k6/results-rfc3339-nano.csv");
    let (_, whole) = run_over(&text, 0, "");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = [gzip.finish().unwrap(), vec![7; 30]].concat();
    let (_, summary) = run_over(gzip, 4, "");
    assert_eq!(summary["inputs"][0]["records"], whole["inputs"][0]["records"]);
    assert_eq!(summary["results"], whole["results"]);
}

#[test]
fn what_is_no_input_of_ours_says_what_it_is_and_what_to_do() {
    let utf16: Vec<u8> = "\u{feff}at,took\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_words = "this is UTF-16; convert it first, for example with `iconv -f utf-16 -t \
        utf-8`";
    let array = "this is a JSON array, not JSON lines; write one object a line, for example with \
        `jq -c '.[]'`";
    let none = "unknown format: neither JSON nor Parquet nor CSV with a header of at least two \
                columns; the formats are aiperf-jsonl, k6-json, vegeta-json, vllm-json, \
                guidellm-json, k6-csv, jmeter-csv, oha-csv, hey-csv, vegeta-csv, parquet, jsonl, \
                csv; see docs/formats.md for how to write them";
    let wide = vec!["a"; 65_537].join(",") + "\n";
    let parquet = std::fs::read(Path::new(FIXTURES).join("generic/results-zstd.parquet")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&parquet).unwrap();
    for (content, flags, words) in [
        (utf16.clone(), "", utf16_words),
        (utf16, MAPS, utf16_words),
        (
            b"<?xml version=\"1.0\"?>\n<testResults>".to_vec(),
            "",
            "this is XML, which is not supported; write CSV from JMeter with \
             `-Jjmeter.save.saveservice.output_format=csv`",
        ),
        (b"[{\"at\":1,\"took\":5}]\n".to_vec(), MAPS, array),
        (b"\n [\n]".to_vec(), "--input-format jsonl", array),
        (b"once upon a time\n".to_vec(), "", none),
        (b"at\n1\n".to_vec(), "", none),
        (wide.into_bytes(), MAPS, "the header has 65537 columns; the maximum is 65536"),
        (
            gzip.finish().unwrap(),
            MAPS,
            "compressed Parquet is not supported; decompress the file \
            first",
        ),
    ] {
        let (ran, _) = run_over(content, 4, flags);
        assert_eq!(ran.stderr, format!("error: r: {words}\n"));
    }
}

#[test]
fn a_csv_of_thousands_of_columns_is_read() {
    let names: String = (0..5000).map(|n| format!(",c{n}")).collect();
    let (_, summary) = run_over(format!("at,took{names}\n1,5{}\n", ",7".repeat(5000)), 0, MAPS);
    assert_eq!(*metric(&summary, "metrics", "request_count"), 1);
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read_for_ever() {
    let ran = Dir::new().expect(4, "run /dev/zero");
    let words = "error: cannot read input `/dev/zero`: it is a device, not a file or a pipe\n";
    assert_eq!(ran.stderr, words);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_takes_no_more_is_named() {
    let dir = Dir::new();
    dir.write("r", HEY);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_perfbox"));
    command.current_dir(dir.path("")).args(["run", "r", "--format", "json"]).stdout(full);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: standard output cannot be written: No space left on device (os error 28)\n"
    );
}

#[test]
fn a_pattern_takes_what_a_shell_would_take_of_files() {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path("d/.hidden")).unwrap();
    std::fs::create_dir_all(dir.path("d/more")).unwrap();
    dir.write("d/.r.csv", HEY);
    dir.write("d/r.csv", HEY);
    let inputs = |pattern: &str| -> Vec<String> {
        let ran = dir.expect(0, &format!("run {pattern} --format json --quiet --force --out out"));
        let inputs = ran.json()["inputs"].as_array().unwrap().clone();
        inputs.iter().map(|input| input["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(inputs("d/*"), ["d/r.csv"]);
    assert_eq!(inputs("d/.r*"), ["d/.r.csv"]);
}

/// A file of some text, as many NULs as it takes to be so long, and more text.
fn with_hole(dir: &Dir, before: &str, bytes: u64, after: &str) {
    let mut file = std::fs::File::create(dir.path("r")).unwrap();
    file.write_all(before.as_bytes()).unwrap();
    file.seek(SeekFrom::Current(bytes as i64)).unwrap();
    file.write_all(after.as_bytes()).unwrap();
}

#[test]
fn a_line_of_100_mb_is_one_bad_record_in_every_format() {
    let bytes = 100_000_000;
    for (before, after, flags, words) in [
        (records("load", 1), format!("\n{}", record("load", 2)), "", ""),
        (JSONL.to_owned(), format!("\n{JSONL}"), MAPS, ""),
        (CSV.to_owned(), "\n7,1\n".to_owned(), MAPS, "; check for a missing closing quote"),
        (
            HEY.to_owned(),
            "\n0.1,0,0,0,0,0,200,0.5\n".to_owned(),
            "",
            "; check for a missing \
            closing quote",
        ),
    ] {
        let dir = Dir::new();
        with_hole(&dir, &before, bytes, &after);
        let ran = dir.expect(4, &format!("run r --quiet {flags}"));
        let words = format!("the line is longer than 64 MiB{words}; skip bad records");
        assert!(ran.stderr.contains(&words), "{}", ran.stderr);
        let ran = dir.expect(0, &format!("run r --quiet --skip-bad-records --format json {flags}"));
        let input = &ran.json()["inputs"][0];
        assert_eq!(input["bad_records"], 1);
        assert_eq!(input["bytes"], before.len() as u64 + bytes + after.len() as u64);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_line_without_end_takes_no_more_memory_than_the_longest() {
    let dir = Dir::new();
    with_hole(&dir, &records("load", 1), 2 << 30, &format!("\n{}", record("load", 2)));
    // The first line says that its own limit of memory is set.
    let run = dir.perfbox("run r --skip-bad-records --format json --threads 2".split(' '));
    let run = run.after("read ready; ulimit -d 600000").stdin("ready\n");
    assert_eq!(run.expect(0).json()["inputs"][0]["records"], 2);
}

#[test]
fn fields_with_line_breaks_are_whole_wherever_blocks_end() {
    // With quotes that are none between them, of which there is an odd number.
    let mut rows = String::from("at,took,note\n");
    let mut count = 0;
    while rows.len() < 3 * BLOCK_BYTES {
        count += 1;
        let lines = "a line, \"\"quoted\"\"\n".repeat(count % 7);
        writeln!(rows, "{count},{},\"{lines}\"", count % 100).unwrap();
        if count % 10 == 0 {
            count += 1;
            writeln!(rows, "{count},{},5\" pipe", count % 100).unwrap();
        }
    }
    for threads in [1, 2] {
        let flags = format!("{MAPS} --map name=note --threads {threads}");
        let (_, summary) = run_over(&rows, 0, &flags);
        assert_eq!(summary["inputs"][0]["bad_records"], 0);
        assert_eq!(*metric(&summary, "metrics", "request_count"), count);
        let sum: usize = (1..=count).map(|n| n % 100).sum();
        let latency = &summary["results"]["metrics"]["metrics"][0];
        assert_eq!(latency["stats"]["sum"], sum as f64);
    }
    // The number of a line is right behind all of them.
    let lines = rows.lines().count();
    let (ran, _) = run_over(format!("{rows}oh,no,\n"), 4, MAPS);
    let words = format!("error: r:{}:1: column `at`: `oh` is not a number of s", lines + 1);
    assert!(ran.stderr.starts_with(&words), "{}", ran.stderr);
}

/// More records than one block holds, all alike.
fn more_than_a_block(phase: &str) -> String {
    records(phase, (BLOCK_BYTES / record(phase, 1_000_000_000).len() + 1000) as u64)
}

/// A record with one more metric.
fn with_metric(phase: &str, start_ns: u64, name: &str, value: f64) -> String {
    let metric = format!("\"metrics\":{{\"{name}\":{{\"value\":{value:?},\"unit\":\"ms\"}},");
    record(phase, start_ns).replace("\"metrics\":{", &metric)
}

#[test]
fn late_metric_is_read_without_a_second_reading() {
    let before = more_than_a_block("load");
    let count = before.lines().count() as u64;
    let late = with_metric("load", 7, "late", 3.0) + &with_metric("load", 8, "later", 4.0);
    let dir = Dir::new();
    dir.write("r", before + &late);
    for args in ["run r --hook phase_log --out out", "run r --out skipped --skip-bad-records"] {
        let ran = dir.expect(0, args);
        let events = if args.contains("--hook") { 3 } else { 0 };
        assert_eq!(ran.stderr.lines().count(), events, "{}", ran.stderr);
        let out = if events > 0 { "out" } else { "skipped" };
        let summary = dir.summary(out);
        assert_eq!(*metric(&summary, "metrics", "request_count"), count + 2);
        assert_eq!(summary["inputs"][0]["records"], count + 2);
        let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap();
        for (name, value) in [("late", 3.0), ("later", 4.0)] {
            let found = metrics.iter().find(|metric| metric["name"] == name).unwrap();
            assert_eq!(found["stats"]["avg"], value);
            assert_eq!(found["stats"]["count"], 1);
        }
    }
}

#[test]
fn late_metric_and_late_phase_on_standard_input_are_read() {
    let text = more_than_a_block("load") + &with_metric("late", 7, "late", 3.0);
    let dir = Dir::new();
    for args in ["run - --format json", "run - --format json --phase late"] {
        let summary = dir.perfbox(args.split(' ')).stdin(text.clone()).expect(0).json();
        let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap();
        let found = metrics.iter().find(|metric| metric["name"] == "late").unwrap();
        assert_eq!(found["stats"]["avg"], 3.0);
    }
    let missing = dir.perfbox(["run", "-", "--phase", "latte"]).stdin(text).expect(4);
    let words = "error: the input has no phase `latte`; its phases are late, load\n";
    assert_eq!(missing.stderr, words);
}

#[test]
fn late_phase_can_be_selected() {
    let dir = Dir::new();
    dir.write("r", more_than_a_block("load") + &records("late", 3));
    let summary = dir.expect(0, "run r --phase late --format json").json();
    assert_eq!(*metric(&summary, "metrics", "request_count"), 3);
    assert_eq!(summary["phases"].as_array().unwrap().len(), 1);
    let ran = dir.expect(4, "run r --phase latte");
    let words = "error: the input has no phase `latte`; its phases are late, load\n";
    assert_eq!(ran.stderr, words);
}

#[cfg(unix)]
#[test]
fn metrics_are_had_whatever_the_inputs_are_called() {
    let dir = Dir::new();
    let deep = ["deep"; 60].join("/");
    let long = "l".repeat(250);
    let names = [format!("{deep}/r.jsonl"), long.clone(), "new\nline\u{1b}[31m".to_owned()];
    let mut args = vec!["run", "--quiet"];
    for name in &names {
        dir.write(name, records("profiling", 2));
        args.push(name);
    }
    dir.perfbox(args).expect(0);
    let summary = dir.summary("perfbox-out");
    let phases: Vec<_> =
        summary["phases"].as_array().unwrap().iter().map(|phase| phase["name"].as_str()).collect();
    assert_eq!(
        phases,
        [
            Some("r.jsonl:profiling"),
            Some(&*format!("\u{2026}{}:profiling", "l".repeat(243))),
            Some("new\\nline\\u{1b}[31m:profiling"),
        ]
    );
}
