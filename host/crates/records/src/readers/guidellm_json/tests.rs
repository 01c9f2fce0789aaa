use super::*;
use crate::testing::{STARTS, read};

/// Report of an older version.
const OLDER: &str = r#"{
  "benchmarks": [{"type_": "generative_benchmark", "args": {"strategy": {"type_": "constant", "rate": 2.34567}},
    "requests": {
      "successful": [{"type_": "generative_text_response", "request_type": "text_completions",
        "scheduler_info": {"process_id": 3}, "prompt": "p", "output": "o", "prompt_tokens": 5, "output_tokens": 8,
        "start_time": 1795394046.686442, "end_time": 1795394046.7410707, "first_token_time": 1795394046.7,
        "request_latency": 0.0625, "time_to_first_token_ms": 37.5, "time_per_output_token_ms": 1.25,
        "inter_token_latency_ms": 2.5, "tokens_per_second": 208.0, "output_tokens_per_second": 128.0}],
      "errored": [{"start_time": 1795394047.5, "end_time": 1795394047.75, "error": "", "request_latency": 0.25,
        "time_to_first_token_ms": null}],
      "incomplete": [{"start_time": 1795394048, "end_time": 1795394048.5, "request_latency": 0.5,
        "error": "TimeoutError: The request timed out before completing."}],
      "total": null}}]}"#;

/// Report of a newer version.
const NEWER: &str = r#"{"metadata": {"version": 2, "guidellm_version": "0.8.1"}, "benchmarks": [
  {"type_": "generative_benchmark", "config": {"strategy": {"type_": "concurrent", "streams": 2, "rate": null}},
   "requests": {
     "successful": [{"request_id": "r", "request_start_time": 1795394056.834653, "request_end_time": 1795394056.856221,
       "request_latency": 0.25, "prompt_tokens": 11, "cached_tokens": null, "output_tokens": 8, "total_tokens": 19,
       "time_to_first_token_ms": 4.5, "request_dispatch_delay": 0.5,
       "info": {"conversation_id": "c", "turn_index": 1, "scheduler_node_id": 1, "scheduler_process_id": 0,
                "error": null, "timings": {"queued": 1.5}},
       "input_metrics": {"text_tokens": 11, "text_words": 5, "image_bytes": null, "total_tokens": 11}}],
     "incomplete": [{"request_start_time": null, "request_end_time": 1795394058.5, "request_latency": null,
       "info": {"error": "Request was cancelled", "timings": {"queued": 1795394058.25}}}],
     "errored": [{"request_start_time": 1795394056.904, "request_end_time": 1795394056.911, "request_latency": null,
       "info": {"error": "HTTPStatusError(\"Server error '500'\")"}}],
     "total": null}},
  {"config": {"strategy": {"type_": "synchronous"}}, "requests": {"successful": null, "incomplete": [], "errored": null}},
  {"requests": {"successful": [{"request_start_time": 1}]}}]}"#;

#[test]
fn requests_of_older_versions_become_records() {
    let outcome = read(&GuidellmJson, OLDER);
    assert_eq!(outcome.bad, Vec::<String>::new());
    assert_eq!(
        outcome.values(&[]),
        [
            "request_start_ns=1795394046686442000 request_end_ns=1795394046741070700 \
             request_latency=62.5 name=text_completions worker_id=3 was_cancelled=0 \
             time_to_first_token=37.5 time_per_output_token=1.25 inter_token_latency=2.5 \
             input_sequence_length=5 output_sequence_length=8 tokens_per_second=208 \
             output_tokens_per_second=128",
            "request_start_ns=1795394048000000000 request_end_ns=1795394048500000000 \
             request_latency=500 error_type=cancelled error_message=TimeoutError: The request \
             timed out before completing. was_cancelled=1",
            "request_start_ns=1795394047500000000 request_end_ns=1795394047750000000 \
             request_latency=250 error_type=error was_cancelled=0",
        ]
    );
    assert!(
        outcome.records.iter().all(|(phase, _)| *phase == profiling("constant-2.346", Some(0)))
    );
}

#[test]
fn requests_of_newer_versions_become_records() {
    let outcome = read(&GuidellmJson, NEWER);
    assert_eq!(outcome.bad, Vec::<String>::new());
    assert_eq!(
        outcome.values(&[]),
        [
            "request_start_ns=1795394056834653000 request_end_ns=1795394056856221000 \
             request_latency=250 worker_id=1:0 session_id=c was_cancelled=0 \
             time_to_first_token=4.5 input_sequence_length=11 output_sequence_length=8 \
             total_tokens=19 request_dispatch_delay=0.5 input_text_tokens=11 \
             input_text_words=5 turn_index=1",
            "request_start_ns=1795394058250000000 request_end_ns=1795394058500000000 \
             error_type=cancelled error_message=Request was cancelled was_cancelled=1",
            "request_start_ns=1795394056904000000 request_end_ns=1795394056911000000 \
             error_type=HTTPStatusError error_message=HTTPStatusError(\"Server error '500'\") \
             was_cancelled=0",
            "request_start_ns=1000000000 was_cancelled=0",
        ]
    );
    let units: Vec<_> = outcome.columns.iter().map(|(_, unit)| unit.as_str()).collect();
    assert_eq!(units, ["ms", "tokens", "tokens", "tokens", "sec", "tokens", "words", ""]);
}

#[test]
fn benchmarks_are_phases_named_by_their_strategies() {
    let outcome = read(&GuidellmJson, NEWER);
    let phases: Vec<_> = outcome.records.iter().map(|(phase, _)| phase.clone()).collect();
    let concurrent = profiling("concurrent-2", Some(0));
    let last = profiling("benchmark-3", Some(2));
    assert_eq!(phases, [concurrent.clone(), concurrent.clone(), concurrent, last]);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let what = "not a report of guidellm:";
    for (from, to, bad) in [
        ("37.5", "NaN", "7:62: not JSON: expected value".to_owned()),
        ("\"benchmarks\"", "\"b\"", format!("13:23: {what} missing field `benchmarks`")),
        ("}}]}", "}}", "13:21: not JSON: EOF while parsing a list".to_owned()),
        (
            "constant",
            "con\\nstant",
            "1:1: phase name has unprintable characters: `con\\nstant-2.346`".to_owned(),
        ),
    ] {
        let outcome = read(&GuidellmJson, &OLDER.replace(from, to));
        assert_eq!(outcome.bad, [bad], "{to}");
        assert!(outcome.records.is_empty() && !outcome.has_records);
    }
}

#[test]
fn a_bad_request_does_not_take_the_others_with_it() {
    let errored = |message: &str| {
        format!("the request at index 0 of `errored` in benchmark 0 (`constant-2.346`): {message}")
    };
    let of_good = |message: &str| errored(message).replace("errored", "successful");
    let cases = [
        (
            "\"start_time\": 1795394047.5",
            "\"start_time\": null",
            "10:39",
            errored("`request_start_time` or `start_time` is missing"),
        ),
        ("1795394047.5", "-1.5", "9:37", errored("`start_time`: `-1.5` is not a time since 1970")),
        (
            "[{\"start_time\": 1795394047.5",
            "[null, {\"start_time\": 1795394047.5",
            "9:22",
            errored("invalid type: null, expected an object that is a request"),
        ),
        ("37.5", "1e400", "7:66", of_good("`time_to_first_token_ms`: number out of range")),
        (
            "37.5",
            "\"1\"",
            "7:64",
            of_good("`time_to_first_token_ms`: invalid type: string \"1\", expected f64"),
        ),
        (
            "{\"process_id\": 3}",
            "{\"process_id\": -3}",
            "5:44",
            of_good("`scheduler_info`: invalid value: integer `-3`, expected u64"),
        ),
        ("0.0625", "-0.0625", "4:22", of_good("latency is negative: -62.5 ms")),
    ];
    let outcome =
        cases.each_ref().map(|(from, to, ..)| read(&GuidellmJson, &OLDER.replace(from, to)));
    let bad: Vec<_> = outcome.iter().flat_map(|outcome| outcome.bad.clone()).collect();
    assert_eq!(bad, cases.each_ref().map(|(_, _, place, message)| format!("{place}: {message}")));
    let records = outcome.each_ref().map(|outcome| outcome.records.len());
    assert_eq!(records, [2, 2, 3, 2, 2, 2, 2]);
    assert!(outcome.iter().all(|outcome| outcome.has_records));
}

#[test]
fn it_is_known_by_its_own_words() {
    for other in STARTS {
        assert_eq!(detect(other.1.as_bytes()), other.0 == Format::GuidellmJson, "{other:?}");
    }
    assert!(detect(NEWER.as_bytes()));
    assert!(!detect(br#"{"context":{},"benchmarks":[{"name":"of Google Benchmark"}]}"#));
    assert!(!detect(br#"{"benchmarks":"generative_benchmark"}"#));
}
