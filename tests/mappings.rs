//! What the values of mapped columns mean, in CSV and JSON lines, and which are refused.

use serde_json::{Value, json};

use crate::support::{Dir, metric};

const MAPS: &str = "--map start=t:s --map latency=l:ms";

/// The report of a run over a file, with bad records left out.
#[track_caller]
fn read(content: &str, flags: &str) -> Value {
    let dir = Dir::new();
    dir.write("r", content);
    dir.expect(0, &format!("run r --skip-bad-records --format json --quiet {flags}")).json()
}

/// Error types with how many records have each, in order.
fn errors(summary: &Value) -> Vec<(String, u64)> {
    let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap();
    let errors = metrics.iter().filter(|metric| metric["name"] == "errors");
    let mut errors: Vec<_> = errors
        .map(|one| {
            let kind = one["labels"]["error_type"].as_str().unwrap().to_owned();
            (kind, one["value"].as_u64().unwrap())
        })
        .collect();
    errors.sort();
    errors
}

/// The reasons of bad records.
fn reasons(summary: &Value) -> Value {
    summary["inputs"][0]["bad_record_reasons"].clone()
}

#[test]
fn a_status_with_a_fraction_of_nothing_is_a_status() {
    let csv = "t,l,s\n1,2,200.0\n1,2, 200\n1,2,+200\n1,2,2e2\n1,2,\n1,2,500.0\n1,2,0.0\n1,2,oops\n";
    let jsonl = "{\"t\":1,\"l\":2,\"s\":200.0}\n{\"t\":1,\"l\":2,\"s\":\" 200\"}\n\
                 {\"t\":1,\"l\":2,\"s\":\"+200\"}\n{\"t\":1,\"l\":2,\"s\":2e2}\n\
                 {\"t\":1,\"l\":2,\"s\":null}\n{\"t\":1,\"l\":2,\"s\":5e2}\n\
                 {\"t\":1,\"l\":2,\"s\":0.0}\n{\"t\":1,\"l\":2,\"s\":\"oops\"}\n";
    for content in [csv, jsonl] {
        let summary = read(content, &format!("{MAPS} --map status=s"));
        let expected = [("500", 1), ("oops", 1), ("transport", 1)];
        assert_eq!(errors(&summary), expected.map(|(kind, count)| (kind.to_owned(), count)));
        assert_eq!(*metric(&summary, "metrics", "request_count"), 5);
    }
}

#[test]
fn whether_a_request_succeeded_is_said_by_words_that_are_known() {
    let rows = ["Passed", "1.0", "t", "Y", "OK", "", "failed", "0.0", "KO", "maybe"];
    let csv = rows.map(|word| format!("1,2,{word}\n")).concat();
    let summary = read(&format!("t,l,s\n{csv}"), &format!("{MAPS} --map success=s"));
    assert_eq!(errors(&summary), [("failed".to_owned(), 3)]);
    assert_eq!(
        reasons(&summary),
        json!([
            "11:5: column `s`: `maybe` is neither true (true, t, yes, y, 1, 1.0, ok, pass, passed, \
             success) nor false (false, f, no, n, 0, 0.0, ko, fail, failed, failure, error)"
        ])
    );
    let jsonl = "{\"t\":1,\"l\":2,\"c\":true}\n{\"t\":1,\"l\":2,\"c\":\"passed\"}\n";
    let summary = read(jsonl, &format!("{MAPS} --map cancelled=c"));
    assert_eq!(errors(&summary), [("cancelled".to_owned(), 1)]);
    assert_eq!(
        reasons(&summary),
        json!([
            "2:1: `c`: `passed` is neither true (true, t, yes, y, 1, 1.0) nor false (false, f, no, \
             n, 0, 0.0)"
        ])
    );
}

#[test]
fn a_latency_of_start_and_end_is_exact_to_the_nanosecond() {
    let csv = "t,e\n1780000000000000000,1780000000000000100\n";
    let summary = read(csv, "--map start=t:ns --map end=e:ns");
    let latency = &summary["results"]["metrics"]["metrics"][0]["stats"];
    assert_eq!((&latency["min"], &latency["max"]), (&json!(0.0001), &json!(0.0001)));
}

#[test]
fn a_start_keeps_its_nanoseconds_whatever_comes_behind_them() {
    let csv = "t,l\n1780000000.1234567890000000,1\n";
    let jsonl = "{\"t\":1780000000.1234567890000000,\"l\":1}\n";
    for content in [csv, jsonl] {
        let summary = read(content, MAPS);
        let stats = &summary["phases"][0]["stats"];
        assert_eq!(stats["start_ns"], 1_780_000_000_123_456_789_u64);
        assert_eq!(stats["end_ns"], 1_780_000_000_124_456_789_u64);
    }
}

#[test]
fn what_leads_beyond_all_times_is_a_bad_record() {
    let jmeter = "timeStamp,elapsed,label\n1780000000000,99999999999999999999,a\n";
    for (content, maps, words) in [
        (
            "t,l\n1,1e308\n",
            "start=t:s latency=l:s",
            "latency exceeds the maximum of 584 years: inf ms",
        ),
        (
            "t,l\n1,1e308\n",
            "start=t:s latency=l:ms",
            "latency exceeds the maximum of 584 years: 1e308 ms",
        ),
        (jmeter, "", "latency exceeds the maximum of 584 years: 1e20 ms"),
        ("e,l\n1,4\n", "end=e:s latency=l:s", "the latency, 4000 ms, reaches back before 1970"),
        (
            "t,l\n18000000000,900000000\n",
            "start=t:s latency=l:s",
            "start and latency, 900000000000 ms, lead beyond the year 2554",
        ),
    ] {
        let maps = maps.split_whitespace().map(|map| format!(" --map {map}"));
        let flags = format!("--processor histogram{}", maps.collect::<String>());
        let summary = read(content, &flags);
        assert_eq!(reasons(&summary), json!([format!("2:1: {words}")]));
    }
}

#[test]
fn flags_go_before_the_file_field_by_field() {
    let dir = Dir::new();
    dir.write("r", "t,l,k\n1,2,3\n");
    dir.write("perfbox.yaml", "mapping:\n  start: t:s\n  latency: l:ms\n");
    let summary = dir.expect(0, "run r --format json --quiet --map latency=k:ms").json();
    assert_eq!(summary["results"]["metrics"]["metrics"][0]["stats"]["max"], 3.0);
}

#[test]
fn syntax_is_checked_and_numbers_are_read_only_where_they_are_asked_for() {
    let lines =
        ["{\"t\":1,\"l\":2,\"z\":5}", "{\"t\":1,\"l\":2,\"z\":1e400}", "{\"t\":1,\"z\":NaN}"];
    let jsonl = lines.map(|line| format!("{line}\n")).concat();
    let summary = read(&jsonl, MAPS);
    assert_eq!(reasons(&summary), json!(["3:12: not JSON: expected value"]));
    let summary = read(&jsonl, &format!("{MAPS} --map metric.z=z"));
    assert_eq!(
        reasons(&summary),
        json!(["2:1: `z`: `1e400` is not a number", "3:12: not JSON: expected value"])
    );
}

#[test]
fn a_request_that_failed_may_lack_a_latency_and_others_may_not() {
    let csv = "t,l,e\n1,20,\n2,,timeout\n3,,\n";
    let jsonl = "{\"t\":1,\"l\":20}\n{\"t\":2,\"l\":null,\"e\":\"timeout\"}\n{\"t\":3}\n";
    for (content, place) in [(csv, "4:1: "), (jsonl, "3:1: ")] {
        let summary = read(content, &format!("{MAPS} --map error=e"));
        assert_eq!(errors(&summary), [("timeout".to_owned(), 1)]);
        assert_eq!(
            reasons(&summary),
            json!([format!("{place}the record has no latency; only a failed request may lack it")])
        );
        let phase = &summary["phases"][0]["stats"];
        assert_eq!((&phase["sent"], &phase["errors"]), (&json!(2), &json!(1)));
        // It came back nobody knows when: the phase ends with what is known.
        assert_eq!(phase["end_ns"], json!(2_000_000_000_u64));
    }
}

#[test]
fn words_for_no_error_are_none() {
    let words = ["", "False", "none", "NULL", "-", "0", "0.0", "ok", "true", "timeout"];
    let csv = words.map(|word| format!("1,2,{word}\n")).concat();
    let summary = read(&format!("t,l,e\n{csv}"), &format!("{MAPS} --map error=e"));
    assert_eq!(errors(&summary), [("failed".to_owned(), 1), ("timeout".to_owned(), 1)]);
    let jsonl = "{\"t\":1,\"l\":2,\"e\":false}\n{\"t\":1,\"l\":2,\"e\":true}\n";
    let summary = read(jsonl, &format!("{MAPS} --map error=e"));
    assert_eq!(errors(&summary), [("failed".to_owned(), 1)]);
}

#[test]
fn a_time_without_a_zone_is_meant_as_utc() {
    let csv =
        "t,l\n2026-11-22T12:40:51.5,1\n2026-11-22 12:40:51.5,1\n2026-11-22T13:40:51.5+01:00,1\n";
    let summary = read(csv, "--map start=t:rfc3339 --map latency=l:ms");
    let phase = &summary["phases"][0]["stats"];
    assert_eq!(phase["sent"], 3);
    assert_eq!(phase["start_ns"], json!(1_795_351_251_500_000_000_u64));
    assert_eq!(phase["sending_complete_ns"], phase["start_ns"]);
}

#[test]
fn a_start_in_a_unit_that_is_not_likely_is_doubted() {
    let dir = Dir::new();
    for (start, unit, is_doubted) in [
        ("1795351200", "s", false),
        ("1795351200", "ms", true),
        ("1795351200123", "ms", false),
        ("3600.5", "s", false),
    ] {
        dir.write("r.csv", format!("t,l\n{start},5\n"));
        let ran = dir.expect(0, &format!("run r.csv --map start=t:{unit} --map latency=l"));
        let words = " WARN phase `profiling` starts 20 days after 1970-01-01; check the unit of \
                     `start`\n";
        assert_eq!(ran.stderr == words, is_doubted, "{}", ran.stderr);
        assert_eq!(ran.stderr.is_empty(), !is_doubted, "{}", ran.stderr);
    }
}

#[test]
fn a_field_of_blanks_is_missing() {
    let csv = "t, l, x\n1, 2, \n2, 3,\t\n3, 4, 500\n";
    let jsonl = "{\"t\":1,\"l\":2,\"x\":\" \"}\n{\"t\":2,\"l\":3,\"x\":\"\"}\n\
                 {\"t\":3,\"l\":4,\"x\":\"500\"}\n";
    for content in [csv, jsonl] {
        for role in ["error", "status"] {
            let summary = read(content, &format!("{MAPS} --map {role}=x"));
            assert_eq!(errors(&summary), [("500".to_owned(), 1)], "{role}");
            assert_eq!(summary["inputs"][0]["bad_records"], 0);
        }
        let summary = read(content, &format!("{MAPS} --map metric.x=x"));
        assert_eq!(summary["results"]["metrics"]["metrics"][1]["stats"]["sum"], 500.0);
    }
}

#[test]
fn rows_without_a_value_are_blank_lines_whatever_is_between_fields() {
    for delimiter in [",", "\t", ";"] {
        let csv = "t,l,x\n1,2,3\n,,\n , ,\n2,3,4\n".replace(',', delimiter);
        let summary = read(&csv, MAPS);
        assert_eq!(*metric(&summary, "metrics", "request_count"), 2);
        assert_eq!(summary["inputs"][0]["bad_records"], 0);
    }
}

#[test]
fn a_latency_is_the_same_to_the_last_bit_in_every_unit() {
    let summary = |value: &str, unit: &str| {
        read(&format!("t,l\n1,{value}\n"), &format!("--map start=t:s --map latency=l:{unit}"))
    };
    for (value, unit) in [("212526508", "ns"), ("212526.508", "us"), ("212.526508", "ms")] {
        let summary = summary(value, unit);
        let latency = &summary["results"]["metrics"]["metrics"][0]["stats"]["max"];
        assert_eq!(latency, 212.526508, "{unit}");
    }
}

#[test]
fn what_is_wrong_with_a_text_is_not_put_down_to_the_mapping() {
    let dir = Dir::new();
    for (content, is_of_mapping) in [
        ("t,l,n\n1,2,\"a\n3,4,b\n", false),
        ("t,l,n\n1,2\n", false),
        ("t,l,n\nx,2,3\n", true),
        ("{\"t\":\"x\",\"l\":2}\n", true),
    ] {
        dir.write("r", content);
        let words = dir.expect(4, &format!("run r {MAPS}")).stderr;
        assert_eq!(
            words.contains("; the mapping fits no record of this input"),
            is_of_mapping,
            "{words}"
        );
        assert_eq!(words.contains("; no line of this input is a record"), !is_of_mapping);
    }
}

#[test]
fn json_lines_that_are_no_json_are_not_said_to_lack_a_column() {
    let dir = Dir::new();
    for (content, words) in [
        ("{\"t\":1,\"l\":2\n", "EOF while parsing an object"),
        ("{b},t,l\n1,2,3\n", "key must be a string"),
    ] {
        dir.write("r", content);
        assert_eq!(
            dir.expect(4, &format!("run r {MAPS}")).stderr,
            format!(
                "error: r: the first line is not a JSON object: {words}; for CSV, use \
                    --input-format csv\n"
            )
        );
    }
}
