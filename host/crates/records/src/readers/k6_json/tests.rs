use super::*;
use crate::readers::request::profiling;
use crate::testing::{STARTS, read, read_in_blocks};

const TIME: &str = "2026-05-28T22:26:40.15889866+02:00";
const TAGS: &str = r#""group":"","method":"GET","name":"http://h/${}","status":"200","url":"u""#;

fn point(metric: &str, time: &str, value: f64, tags: &str) -> String {
    format!(
        r#"{{"metric":"{metric}","type":"Point","data":{{"time":"{time}","value":{value},"tags":{{{tags}}}}}}}"#
    )
}

fn header(metric: &str) -> String {
    format!(
        r#"{{"type":"Metric","data":{{"name":"{metric}","type":"trend","contains":"time","thresholds":[],"submetrics":null}},"metric":"{metric}"}}"#
    )
}

/// Points of a request with that duration in ms, from which the other parts follow.
fn request(time: &str, duration: f64, failed: f64, tags: &str) -> Vec<String> {
    let parts = [
        ("http_reqs", 1.0),
        ("http_req_duration", duration),
        ("http_req_blocked", 0.5),
        ("http_req_connecting", 0.25),
        ("http_req_tls_handshaking", 0.0),
        ("http_req_sending", 0.125),
        ("http_req_waiting", duration - 0.125),
        ("http_req_receiving", 0.0),
        ("http_req_failed", failed),
    ];
    parts.into_iter().map(|(metric, value)| point(metric, time, value, tags)).collect()
}

fn all(lines: &[Vec<String>]) -> String {
    lines.concat().join("\n")
}

/// Reads a text in one block, and checks that other block sizes give the same.
fn read_k6(text: &str) -> crate::testing::ReadOutcome {
    let outcome = read(&K6Json::default(), text);
    for block_bytes in [1, 300, 1000, 3000] {
        let other = read_in_blocks(&K6Json::default(), text.as_bytes(), block_bytes);
        assert_eq!(other.records, outcome.records, "{block_bytes}");
        assert_eq!(other.bad, outcome.bad, "{block_bytes}");
        assert_eq!(other.lines, outcome.lines, "{block_bytes}");
    }
    outcome
}

#[test]
fn points_of_a_request_become_one_record() {
    let outcome = read_k6(&all(&[request(TIME, 34.5, 0.0, TAGS)]));
    assert_eq!(outcome.bad, Vec::<String>::new());
    assert!(outcome.has_records);
    assert_eq!(outcome.records[0].0, profiling("profiling", None));
    assert_eq!(
        outcome.records[0].1,
        [
            "request_start_ns=1780000000124398660",
            "request_end_ns=1780000000158898660",
            "request_latency=34.5",
            "status=200",
            "name=http://h/${}",
            "was_cancelled=0",
            "http_req_blocked=0.5",
            "http_req_connecting=0.25",
            "http_req_tls_handshaking=0",
            "http_req_sending=0.125",
            "http_req_waiting=34.375",
            "http_req_receiving=0",
        ]
    );
    assert!(outcome.columns.iter().all(|(_, unit)| unit == "ms"));
    assert_eq!(outcome.columns.len(), 6);
}

#[test]
fn headers_and_other_metrics_are_skipped() {
    let mut lines = Vec::new();
    for line in request(TIME, 2.0, 0.0, TAGS) {
        lines.push(header("http_req_duration"));
        lines.push(line);
    }
    lines.push(point("iterations", TIME, 1.0, ""));
    lines.push(point("http_req_durations", "not a time", 1.0, TAGS));
    lines.push(point("vus", "2026-05-28T22:26:41Z", 3.0, TAGS));
    lines.extend(request("2026-05-28T20:26:41Z", 3.0, 0.0, TAGS));
    let outcome = read_k6(&lines.join("\n"));
    assert_eq!(outcome.bad, Vec::<String>::new());
    assert_eq!(outcome.value("request_latency"), ["2", "3"]);
}

#[test]
fn requests_of_the_same_time_differ_by_tags_or_repeated_metrics() {
    let other = TAGS.replace("GET", "POST");
    let outcome = read_k6(&all(&[
        request(TIME, 1.0, 0.0, TAGS),
        request(TIME, 2.0, 0.0, &other),
        request(TIME, 3.0, 0.0, TAGS),
        request(TIME, 4.0, 0.0, TAGS),
        request("2026-05-28T22:26:40.2+02:00", 5.0, 0.0, TAGS),
    ]));
    assert_eq!(outcome.value("request_latency"), ["1", "2", "3", "4", "5"]);
    assert_eq!(outcome.value("http_req_waiting"), ["0.875", "1.875", "2.875", "3.875", "4.875"]);
}

#[test]
fn the_order_of_points_keys_and_tags_does_not_matter() {
    let mut lines = request(TIME, 1.0, 0.0, TAGS);
    lines.reverse();
    lines.extend(request("2026-05-28T20:26:41Z", 2.0, 0.0, TAGS));
    // The same time in another zone, and the same tags in another order.
    let last = lines.len() - 1;
    lines[last] = r#"{ "data": {"metadata":{"vu":"7"},"tags":{"url":"u","status":"200","name":"http://h/${}","method":"\u0047ET","group":""}, "value": 1.0, "time": "2026-05-28T22:26:41+02:00"}, "metric":"http_req_failed", "type":"Point" }"#.to_owned();
    let outcome = read(&K6Json::default(), &lines.join("\n"));
    assert_eq!(outcome.bad, Vec::<String>::new());
    assert_eq!(outcome.value("request_latency"), ["1", "2"]);
    assert_eq!(outcome.value("error_type"), ["", "200"]);
}

#[test]
fn tags_decide_how_a_request_failed() {
    let tags = |more: &str| format!(r#""name":"","url":"u","vu":"3",{more}"#);
    let at = |second: u8| format!("2026-05-28T20:26:4{second}Z");
    let outcome = read_k6(&all(&[
        request(&at(0), 1.0, 1.0, &tags(r#""error_code":"1500","status":"500""#)),
        request(
            &at(1),
            1.0,
            1.0,
            &tags(r#""error":"dial: \"x\"","error_code":"1212","status":"0""#),
        ),
        request(&at(2), 1.0, 1.0, &tags(r#""status":"404""#)),
        request(&at(3), 1.0, 0.0, &tags(r#""status":"0""#)),
        request(&at(4), 1.0, 0.0, &tags(r#""error":"odd","status":"200""#)),
        request(&at(5), 1.0, 1.0, &tags(r#""x":"y""#)),
        request(&at(6), 1.0, 0.0, &tags(r#""status":"304","error":"","error_code":"""#)),
    ]));
    assert_eq!(outcome.bad, Vec::<String>::new());
    assert_eq!(outcome.value("error_type"), ["1500", "1212", "404", "0", "200", "failed", ""]);
    assert_eq!(outcome.value("error_message"), ["", "dial: \"x\"", "", "", "odd", "", ""]);
    assert_eq!(outcome.value("status"), ["500", "", "404", "", "200", "", "304"]);
    assert_eq!(outcome.value("name"), ["u"; 7]);
    assert_eq!(outcome.value("worker_id"), ["3"; 7]);
}

#[test]
fn older_files_are_read() {
    let line = |metric: &str, value: f64, tags: &str| {
        format!(
            r#"{{"type":"Point","data":{{"time":"{TIME}","value":{value},"tags":{tags}}},"metric":"{metric}"}}"#
        )
    };
    let tags = r#"{"status":"200"}"#;
    let lines = [
        line("vus", 1.0, "null"),
        line("http_reqs", 1.0, tags),
        line("http_req_duration", 5.0, tags),
        line("http_req_waiting", 4.0, tags),
    ];
    let outcome = read_k6(&(format!("\u{feff}{}", lines.join("\r\n")) + "\r\n"));
    assert_eq!(outcome.bad, Vec::<String>::new());
    assert_eq!(outcome.value("request_latency"), ["5"]);
    assert_eq!(outcome.value("http_req_waiting"), ["4"]);
    assert_eq!(outcome.value("error_type"), [""]);
}

#[test]
fn bad_lines_do_not_affect_other_requests() {
    let good = request(TIME, 1.0, 0.0, TAGS);
    let at = |second: u8| format!("2026-05-28T20:26:4{second}Z");
    let mut lines = good.clone();
    lines.push(point("http_reqs", "yesterday", 1.0, TAGS));
    lines.push(point("vus", TIME, 1.0, "").replace(":1,", ":1e400,"));
    lines.push(point("http_reqs", &at(1), 1.0, TAGS));
    lines.push(point("http_req_duration", &at(2), -1.5, TAGS));
    lines.extend(request(&at(3), 2.0, 0.0, TAGS));
    let cut = point("http_reqs", &at(4), 1.0, TAGS);
    lines.push(cut[..60].to_owned());
    let outcome = read_k6(&lines.join("\n"));
    assert_eq!(outcome.value("request_latency"), ["1", "2"]);
    assert_eq!(
        outcome.bad,
        [
            "10:54: `time` is `yesterday`, not an RFC 3339 time since 1970",
            "11:96: number out of range",
            "12:1: the request whose points end here lacks `http_req_duration`",
            "13:1: `http_req_duration` is negative: -1.5",
            "23:60: not JSON: EOF while parsing a string",
        ]
    );
}

#[test]
fn file_that_breaks_off_keeps_earlier_requests() {
    let mut lines = request(TIME, 1.0, 0.0, TAGS);
    lines.push("{\"metric\":".to_owned());
    let text = lines.join("\n");
    let mut schema = SchemaScan::default();
    let block = Block { text: text.into_bytes(), is_last: true, ..Block::default() };
    let reader = K6Json::default();
    reader.scan_schema(&block, &mut schema);
    let columns = schema.columns();
    let options = crate::batch_builder::ReadOptions {
        phases: Vec::new(),
        batch_records: 10,
        skip_bad_records: false,
        bad_max: 10,
        ..crate::batch_builder::ReadOptions::default()
    };
    let mut builder = BatchBuilder::new(columns.into(), &options);
    reader.read(&block, &mut builder);
    let read = builder.finish();
    assert_eq!((read.records, read.bad_count, read.is_over), (1, 1, true));
    assert_eq!(read.bad[0].line, 9);
}

#[test]
fn file_without_requests_has_no_records() {
    let text = [header("vus"), point("vus", TIME, 1.0, "")].join("\n");
    let outcome = read(&K6Json::default(), &text);
    assert!(!outcome.has_records && outcome.bad.is_empty() && outcome.lines == 2);
}

#[test]
fn format_is_detected_by_its_keys() {
    for other in STARTS {
        assert_eq!(detect(other.1.as_bytes()), other.0 == Format::K6Json, "{other:?}");
    }
    assert!(detect(format!("\u{feff}{}\n", point("vus", TIME, 1.0, "")).as_bytes()));
    assert!(!detect(b""));
}

/// Text inserted into lines to mislead the shapes.
const ODD: [&str; 12] = [
    "\\",
    "\"",
    "\"time\":\"x\",",
    "\"value\":1,",
    "\"metric\":\"http_reqs\",",
    " ",
    "\t",
    "\n",
    "1e400",
    "-",
    "null",
    "{}",
];

proptest::proptest! {
    /// Shapes are not used in a block that is not UTF-8.
    #[test]
    fn shapes_give_the_same_as_full_parsing(
        odd in proptest::collection::vec((0_usize..4000, 0..ODD.len(), 0_usize..3), 0..6)
    ) {
        let other = TAGS.replace("200", "500");
        let mut text = all(&[
            request(TIME, 1.0, 0.0, TAGS),
            vec![header("vus"), point("vus", TIME, 1.0, "")],
            request("2026-05-28T20:26:41Z", 2.0, 1.0, &other),
            request("2026-05-28T20:26:42Z", 3.0, 0.0, TAGS),
        ]);
        for (at, odd, removed) in odd {
            let at = at % text.len();
            text.replace_range(at..(at + removed).min(text.len()), ODD[odd]);
        }
        let by_shapes = read(&K6Json::default(), &text);
        let mut not_utf8 = text.into_bytes();
        not_utf8.extend(b"\n\xff");
        let mut whole = read_in_blocks(&K6Json::default(), &not_utf8, 1 << 20);
        let before = whole.bad.len();
        whole.bad.retain(|bad| !bad.ends_with("not UTF-8"));
        proptest::prop_assert_eq!(whole.bad.len() + 1, before);
        proptest::prop_assert_eq!(by_shapes.records, whole.records);
        proptest::prop_assert_eq!(by_shapes.bad, whole.bad);
    }
}
