use super::*;
use crate::testing::{STARTS, read, read_in_blocks};

const RUN: &str = r#"{"date": "20260528-143022", "backend": "openai", "num_prompts": 3, "request_rate": "inf",
 "duration": 2.5, "completed": 2,
 "input_lens": [5, 6, 7], "output_lens": [3, 0, 1],
 "ttfts": [0.5, 0.0, 0.25], "itls": [[0.25, 0.125], [], []],
 "latencies": [0.875, 0.0, 0.25], "start_times": [812.5, 812.75, 812.5],
 "queue_times": [0.001, 0.002, 0.0],
 "generated_texts": ["a \" ]", "", "b"],
 "errors": ["", "Internal Server Error", null], "mean_ttft_ms": 375.0}"#;

/// The run with one array replaced, or without it.
fn with(name: &str, array: Option<&str>) -> String {
    let from = RUN.find(&format!("\"{name}\"")).unwrap();
    let next = RUN[from + 1..].find("],").unwrap() + from + 3;
    // The last key gets no comma.
    let array = array.map_or(String::new(), |array| format!("\"{name}\": {array},"));
    format!("{}{array}{}", &RUN[..from], &RUN[next..])
}

#[test]
fn entries_of_the_arrays_become_records() {
    let outcome = read(&VllmJson, RUN);
    assert_eq!(outcome.bad, Vec::<String>::new());
    assert_eq!(
        outcome.values(&["was_cancelled"]),
        [
            "request_start_ns=1779978619500000000 request_end_ns=1779978620375000000 \
             request_latency=875 time_to_first_token=500 input_sequence_length=5 \
             output_sequence_length=3 queue_time=1 inter_chunk_latency=[250.0, 125.0]",
            "request_start_ns=1779978619750000000 error_type=error \
             error_message=Internal Server Error input_sequence_length=6 \
             output_sequence_length=0 queue_time=2",
            "request_start_ns=1779978619500000000 request_end_ns=1779978619750000000 \
             request_latency=250 time_to_first_token=250 input_sequence_length=7 \
             output_sequence_length=1 queue_time=0 inter_chunk_latency=[]",
        ]
    );
    assert_eq!(outcome.records[0].0, profiling("profiling", Some(0)));
    let columns: Vec<_> =
        outcome.columns.iter().map(|(name, unit)| format!("{name} {unit}")).collect();
    assert_eq!(
        columns,
        [
            "time_to_first_token ms",
            "input_sequence_length tokens",
            "output_sequence_length tokens",
            "queue_time ms",
            "inter_chunk_latency ms",
        ]
    );
    assert_eq!(outcome.lines, 8);
}

#[test]
fn without_latencies_they_are_the_first_token_and_the_gaps() {
    let outcome = read(&VllmJson, &with("latencies", None));
    assert_eq!(outcome.value("request_latency"), ["875", "", "250"]);
}

#[test]
fn what_was_measured_of_a_failed_request_stays() {
    let text = RUN.replace("[], []]", "[0.5], []]").replace("0.5, 0.0,", "0.5, 0.75,");
    let outcome = read(&VllmJson, &text);
    assert_eq!(outcome.value("time_to_first_token"), ["500", "750", "250"]);
    assert_eq!(outcome.value("inter_chunk_latency"), ["[250.0, 125.0]", "[500.0]", "[]"]);
    assert_eq!(outcome.value("request_latency"), ["875", "", "250"]);
}

#[test]
fn without_start_times_all_requests_start_with_the_run() {
    let outcome = read(&VllmJson, &with("start_times", None));
    assert_eq!(outcome.value("request_start_ns"), ["1779978619500000000"; 3]);
    let undated = with("start_times", None).replace("\"date\"", "\"day\"");
    assert_eq!(read(&VllmJson, &undated).value("request_start_ns"), ["0"; 3]);
}

#[test]
fn errors_are_named_by_their_exceptions() {
    let errors = r#"["", "Traceback (most recent call last):\n  File\naiohttp.ClientPayloadError: x\n", "TimeoutError"]"#;
    let text = RUN.replace(r#"["", "Internal Server Error", null]"#, errors);
    let outcome = read(&VllmJson, &text);
    assert_eq!(outcome.value("error_type"), ["", "ClientPayloadError", "TimeoutError"]);
    assert!(outcome.value("error_message")[1].starts_with("Traceback"));
}

#[test]
fn embeddings_have_neither_first_tokens_nor_gaps() {
    let outcome = read(
        &VllmJson,
        r#"{"date":"20260528-143022","duration":1,"input_lens":[4],"latencies":[0.5],"errors":[""]}"#,
    );
    assert_eq!(outcome.value("request_latency"), ["500"]);
    assert_eq!(outcome.columns.len(), 1);
}

#[test]
fn appended_runs_are_phases_of_their_own_on_any_number_of_lines() {
    let one_line = RUN.replace('\n', "");
    let outcome = read_in_blocks(&VllmJson, format!("\u{feff}{one_line}\n{RUN}\n").as_bytes(), 10);
    assert_eq!(outcome.bad, Vec::<String>::new());
    assert_eq!(outcome.records.len(), 6);
    let indexes: Vec<_> = outcome.records.iter().map(|(phase, _)| phase.index.unwrap()).collect();
    assert_eq!(indexes, [0, 0, 0, 1, 1, 1]);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, bad) in [
        (
            with("ttfts", Some("[0.5, 0.25]")),
            "1:1: the arrays of requests differ in length: `input_lens` has 3 entries, `ttfts` \
             has 2",
        ),
        (
            with("generated_texts", Some("[]")),
            "1:1: the arrays of requests differ in length: `input_lens` has 3 entries, \
             `generated_texts` has 0",
        ),
        (
            with("input_lens", None),
            "1:1: the run has totals only; run vLLM with --save-detailed to keep its requests",
        ),
        (
            RUN.replace("20260528-143022", "2026-05-28"),
            "1:1: `date` is `2026-05-28`, not a time such as 20260528-143022",
        ),
        (with("ttfts", Some("[NaN, 1, 1]")), "4:12: not JSON: expected value"),
        (with("ttfts", Some("[1, 1e400, 1]")), "4:19: number out of range"),
        (
            with("ttfts", Some("1")),
            "4:11: not a result of vLLM's bench serve --save-detailed: invalid type: integer \
             `1`, expected a sequence",
        ),
        (RUN[..200].to_owned(), "4:24: not JSON: EOF while parsing a list"),
    ] {
        let outcome = read(&VllmJson, &text);
        assert_eq!(outcome.bad, [bad], "{text}");
        assert!(outcome.records.is_empty());
    }
}

#[test]
fn a_bad_request_does_not_take_the_others_with_it() {
    let itls = "[[0.25, 0.125], [], []]";
    let errors = r#"["", "Internal Server Error", null]"#;
    for (text, message) in [
        (with("ttfts", Some("[0.5, null, 1]")), "`ttfts` has null there, not a number"),
        (with("ttfts", Some(r#"[0.5, "1", 1]"#)), "`ttfts` has a text there, not a number"),
        (
            with("input_lens", Some("[5, true, 7]")),
            "`input_lens` has a boolean there, not a number",
        ),
        (
            with("output_lens", Some(r#"[3, {"a": [1]}, 1]"#)),
            "`output_lens` has an object there, not a number",
        ),
        (
            with("start_times", Some("[1, [], 1]")),
            "`start_times` has a list of numbers there, not a number",
        ),
        (RUN.replace(itls, "[[], null, []]"), "`itls` has null there, not a list of numbers"),
        (
            RUN.replace(itls, "[[], [1, null], []]"),
            "`itls` has a list of other things there, not a list of numbers",
        ),
        (RUN.replace(errors, r#"["", 1, null]"#), "`errors` has a number there, not a text"),
        (with("latencies", Some("[1, -0.5, 1]")), "latency is negative: -500 ms"),
    ] {
        let outcome = read(&VllmJson, &format!("\n{text}"));
        assert_eq!(outcome.bad, [format!("2:1: the request at index 1: {message}")]);
        assert_eq!(outcome.value("input_sequence_length"), ["5", "7"], "{message}");
        assert!(outcome.has_records);
    }
}

#[test]
fn a_bad_run_does_not_take_the_next_one_with_it() {
    let text = format!("\n{}\n\n{RUN}", with("ttfts", Some("[]")));
    let outcome = read(&VllmJson, &text);
    assert_eq!(outcome.records.len(), 3);
    assert!(outcome.bad[0].starts_with("2:1: the arrays"), "{:?}", outcome.bad);
}

#[test]
fn a_document_that_is_too_large_is_refused() {
    let text = format!("{}{RUN}", " ".repeat(crate::limits::DOCUMENT_MAX_BYTES));
    let outcome = read(&VllmJson, &text);
    assert_eq!(outcome.bad, ["1:8388608: the document is larger than 8 MiB"]);
    assert!(!outcome.has_records);
}

#[test]
fn it_is_known_by_its_arrays_or_its_totals() {
    for other in STARTS {
        assert_eq!(detect(other.1.as_bytes()), other.0 == Format::VllmJson, "{other:?}");
    }
    assert!(detect(with("input_lens", None).as_bytes()));
    assert!(detect(
        br#"{"backend":"vllm","num_prompts":1,"duration":1.5,"completed":1,"mean_ttft_ms":1}"#
    ));
}
