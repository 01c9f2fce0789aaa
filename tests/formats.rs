//! The formats of other tools: what is read of a file that a tool left is what is in it
//! by numpy, and what the tool itself printed of the same run.

use std::path::Path;

use serde_json::Value;

use crate::support::Dir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures");

/// What has `metrics` measure records with an error too.
const INCLUDE_ERRORS: &str = "metrics.include_errors=true";

/// A file that a tool left, and how it is read.
struct Case {
    /// Below the fixtures.
    file: &'static str,
    /// The format that the report tells.
    format: &'static str,
    /// What it takes to read it: a mapping, where it needs one.
    flags: &'static [&'static str],
    /// A mapping that knows of no errors, so that distributions are over all records; none:
    /// its format cannot be mapped.
    of_all: &'static [&'static str],
    /// Names of metrics and phases that are others in `expected.json`, and theirs here.
    names: &'static [(&'static str, &'static str)],
}

impl Case {
    fn expected(&self) -> Value {
        let (tool, file) = self.file.split_once('/').unwrap();
        let path = Path::new(FIXTURES).join(tool).join("expected.json");
        let text = std::fs::read_to_string(path).unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        expected["files"][file].clone()
    }

    /// What is called so in `expected.json`, as it is called here.
    fn ours<'n>(&self, name: &'n str) -> &'n str {
        let ours = self.names.iter().find(|(theirs, _)| *theirs == name);
        ours.map_or(name, |(_, ours)| ours)
    }

    fn run(&self, flags: &[&str]) -> Value {
        let dir = Dir::new();
        let file = Path::new(FIXTURES).join(self.file);
        let run = dir.perfbox(["run", "--format=json", "--quiet"]).arg(file);
        flags.iter().fold(run, |run, flag| run.arg(flag)).expect(0).json()
    }

    /// Runs that tell numbers over all records, those with an error too.
    fn runs_of_all(&self, more: &[&str]) -> Vec<Value> {
        let mut ways = Vec::new();
        if !self.of_all.is_empty() {
            ways.push(self.of_all.to_vec());
        }
        // These have no latency of a request that failed.
        if !["vllm-json", "guidellm-json"].contains(&self.format) {
            ways.push([self.flags, &["--set", INCLUDE_ERRORS]].concat());
        }
        ways.iter().map(|flags| self.run(&[flags.as_slice(), more].concat())).collect()
    }

    /// Records, errors and metrics are those of numpy.
    fn check(&self) {
        let expected = self.expected();
        let summary = self.run(self.flags);
        assert_eq!(summary["inputs"][0]["format"], self.format, "{}", self.file);
        assert_eq!(summary["inputs"][0]["bad_records"], 0, "{}", self.file);
        let phases = expected["phases"].as_object().unwrap();
        assert_eq!(summary["phases"].as_array().unwrap().len(), phases.len(), "{}", self.file);
        for (name, of_phase) in phases {
            let name = self.ours(name);
            let stats = &phase(&summary, name)["stats"];
            assert_eq!(stats["sent"], of_phase["records"], "{} {name}", self.file);
            let failed = ["errors", "cancelled"].map(|one| stats[one].as_u64().unwrap());
            let failed: u64 = failed.iter().sum();
            assert_eq!(failed, of_phase["errors"], "{} {name}", self.file);
            self.check_metrics(&summary, name, &of_phase["metrics"]);
            for of_all in self.runs_of_all(&[]) {
                self.check_metrics(&of_all, name, &of_phase["all_records"]["metrics"]);
                // What the tool has beside the latency.
                self.check_metrics(&of_all, name, &expected["columns"]);
            }
        }
        for (bound, at_phase) in
            [("first_start_ns", "start_ns"), ("last_start_ns", "sending_complete_ns")]
        {
            if let Some(expected) = expected[bound].as_u64() {
                let phases = summary["phases"].as_array().unwrap().iter();
                let times = phases.map(|phase| phase["stats"][at_phase].as_u64().unwrap());
                let time = if at_phase == "start_ns" { times.min() } else { times.max() };
                assert_eq!(time, Some(expected), "{} {bound}", self.file);
            }
        }
    }

    fn check_metrics(&self, summary: &Value, phase: &str, expected: &Value) {
        let Some(expected) = expected.as_object() else { return };
        for (name, expected) in expected {
            let name = self.ours(name);
            let metric = distribution(summary, phase, name, None);
            assert_eq!(metric["unit"], expected["unit"], "{} {phase} {name}", self.file);
            let relative = expected["tolerance"]["relative"].as_f64().unwrap();
            for (stat, value) in expected.as_object().unwrap() {
                let Some(value) = value.as_f64() else { continue };
                let read = metric["stats"][stat].as_f64().unwrap();
                let is_near = (read - value).abs() <= value.abs() * relative;
                assert!(is_near, "{} {phase} {name} {stat}: {read}, not {value}", self.file);
            }
        }
    }

    /// What the tool printed is what is read, as near as its own rules allow.
    fn check_printed(&self) {
        let expected = self.expected();
        let printed = &expected["printed"];
        assert_eq!(printed["over"], "all_records");
        let runs = self.runs_of_all(&[]);
        assert!(!runs.is_empty(), "{}", self.file);
        for summary in runs {
            check_printed(&summary, printed, None);
        }
    }

    /// The same of what it printed for each name of a request.
    fn check_printed_by_name(&self) {
        let expected = self.expected();
        for summary in self.runs_of_all(&["--map", "name=name", "--set", "metrics.group_by=name"]) {
            for (name, printed) in expected["printed_by_name"].as_object().unwrap() {
                check_printed(&summary, printed, Some(name));
                let metric = distribution(&summary, "profiling", "request_latency", Some(name));
                assert_eq!(metric["stats"]["count"], printed["records"], "{name}");
            }
        }
    }
}

fn check_printed(summary: &Value, printed: &Value, group: Option<&str>) {
    let name = printed["metric"].as_str().unwrap();
    let metric = distribution(summary, "profiling", name, group);
    assert_eq!(metric["unit"], printed["unit"]);
    for (stat, printed) in printed["stats"].as_object().unwrap() {
        // The report has no percentiles but its nine.
        let Some(read) = metric["stats"][stat].as_f64() else { continue };
        let (value, most) =
            (printed["value"].as_f64().unwrap(), printed["absolute"].as_f64().unwrap());
        assert!((read - value).abs() <= most, "{stat}: {read}, and {value} was printed");
    }
}

fn phase<'s>(summary: &'s Value, name: &str) -> &'s Value {
    let phases = summary["phases"].as_array().unwrap();
    phases.iter().find(|phase| phase["name"] == name).unwrap_or_else(|| panic!("{phases:#?}"))
}

fn distribution<'s>(summary: &'s Value, phase: &str, name: &str, group: Option<&str>) -> &'s Value {
    let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap();
    let found = metrics.iter().find(|metric| {
        metric["name"] == name
            && metric["phase"] == phase
            && metric["labels"].get("name").and_then(Value::as_str) == group
    });
    found.unwrap_or_else(|| panic!("{phase} has no {name}"))
}

#[test]
fn k6_points_are_requests_whatever_the_form() {
    for (file, format, flags) in [
        ("k6/results.json", "k6-json", &[][..]),
        ("k6/results-old.json", "k6-json", &[]),
        ("k6/results-rfc3339-nano.csv", "k6-csv", &[]),
        ("k6/results-seconds.csv", "k6-csv", &["--input-format=k6-csv"]),
    ] {
        Case { file, format, flags, of_all: &[], names: &[] }.check();
    }
}

#[test]
fn k6_points_in_whole_seconds_are_refused_unless_they_are_asked_for() {
    let dir = Dir::new();
    let file = Path::new(FIXTURES).join("k6/results-seconds.csv");
    std::fs::copy(file, dir.path("r.csv")).unwrap();
    assert_eq!(
        dir.expect(4, "run r.csv").stderr,
        "error: r.csv: times are whole seconds, so starts are off by up to one; write the file \
            with K6_CSV_TIME_FORMAT=unix_nano, or read it anyway with --input-format k6-csv\n"
    );
}

#[test]
fn vegeta_json_is_what_its_csv_is() {
    let file = "vegeta/results.json";
    Case { file, format: "vegeta-json", flags: &[], of_all: &[], names: &[] }.check();
}

#[test]
fn vllm_arrays_are_requests_with_and_without_latencies() {
    for file in ["vllm/serve.json", "vllm/serve-without-latencies.json"] {
        let names = &[("inter_token_latency", "inter_chunk_latency")];
        Case { file, format: "vllm-json", flags: &[], of_all: &[], names }.check();
    }
}

#[test]
fn guidellm_benchmarks_are_phases_in_both_of_its_schemas() {
    type Name = (&'static str, &'static str);
    const PROMPT: Name = ("prompt_tokens", "input_sequence_length");
    const OUTPUT: Name = ("output_tokens", "output_sequence_length");
    const OLDER: &[Name] = &[PROMPT, OUTPUT, ("profiling", "synchronous")];
    const NEWER: &[Name] =
        &[PROMPT, OUTPUT, ("profiling", "concurrent-2"), ("profiling#2", "concurrent-4")];
    for (file, names) in
        [("guidellm/benchmarks-v1.json", OLDER), ("guidellm/benchmarks-v2.json.gz", NEWER)]
    {
        Case { file, format: "guidellm-json", flags: &[], of_all: &[], names }.check();
    }
}

#[test]
fn parquet_of_nobodys_is_read_by_a_mapping() {
    for file in ["generic/results-zstd.parquet", "generic/results-snappy.parquet"] {
        let flags = &[
            "--map=start=sent",
            "--map=latency=took_ms:ms",
            "--map=error=outcome",
            "--map=name=endpoint",
            "--map=phase=stage",
            "--map=worker=worker",
            "--map=metric.response_size=size_kb:kB",
        ];
        Case { file, format: "parquet", flags, of_all: &[], names: &[] }.check();
    }
}

#[test]
fn hey_csv_says_what_hey_printed() {
    let of_all = &["--map=start=offset:s", "--map=latency=response-time:s"];
    let case = |file| Case { file, format: "hey-csv", flags: &[], of_all, names: &[] };
    case("hey/results.csv").check();
    case("hey/plain.csv").check();
    case("hey/results.csv").check_printed();
}

#[test]
fn oha_csv_says_what_oha_printed() {
    let of_all = &["--map=start=request-start:s", "--map=latency=request-duration:s"];
    let case = |file| Case { file, format: "oha-csv", flags: &[], of_all, names: &[] };
    case("oha/results.csv").check();
    case("oha/same-run.csv").check();
    case("oha/same-run.csv").check_printed();
}

#[test]
fn jmeter_csv_says_what_its_summariser_printed_whatever_the_delimiter() {
    for file in ["jmeter/results.jtl", "jmeter/results.tsv"] {
        let case = Case {
            file,
            format: "jmeter-csv",
            flags: &[],
            of_all: &[
                "--map=start=timeStamp:ms",
                "--map=latency=elapsed:ms",
                "--map=metric.Latency=Latency:ms",
                "--map=metric.Connect=Connect:ms",
            ],
            names: &[("ttfb", "Latency"), ("connect", "Connect")],
        };
        case.check();
        case.check_printed();
    }
}

#[test]
fn vegeta_csv_has_an_error_where_there_was_no_answer() {
    let file = "vegeta/results.csv";
    Case { file, format: "vegeta-csv", flags: &[], of_all: &[], names: &[] }.check();
}

#[test]
fn locust_rows_of_a_listener_say_what_locust_printed_of_all_and_of_each_name() {
    let case = Case {
        file: "locust/requests.csv",
        format: "csv",
        flags: &[
            "--map=start=start_time:s",
            "--map=latency=response_time:ms",
            "--map=status=status_code",
            "--map=error=exception",
            "--map=name=name",
            "--map=metric.response_length=response_length:B",
        ],
        of_all: &["--map=start=start_time:s", "--map=latency=response_time:ms"],
        names: &[],
    };
    case.check();
    case.check_printed();
    case.check_printed_by_name();
}

#[test]
fn csv_of_nobodys_is_read_by_a_mapping() {
    let file = "generic/results.csv";
    Case {
        file,
        format: "csv",
        flags: &[
            "--map=start=Sent At (s):s",
            "--map=latency=Took [s]:s",
            "--map=error=Outcome",
            "--map=name=End Point",
            "--map=phase=stage",
            "--map=worker=worker#",
            "--map=metric.response_size=size kB:kB",
        ],
        of_all: &[
            "--map=start=Sent At (s):s",
            "--map=latency=Took [s]:s",
            "--map=phase=stage",
            "--map=metric.response_size=size kB:kB",
        ],
        names: &[],
    }
    .check();
}

#[test]
fn json_lines_of_nobodys_are_read_by_a_mapping() {
    let file = "generic/results.jsonl";
    Case {
        file,
        format: "jsonl",
        flags: &[
            "--map=start=request.sent:rfc3339",
            "--map=latency=timing.total_us:us",
            "--map=error=failure.kind",
            "--map=name=request.endpoint",
            "--map=phase=stage",
            "--map=worker=client.worker",
            "--map=metric.response_size=size.kB:kB",
        ],
        of_all: &[
            "--map=start=request.sent:rfc3339",
            "--map=latency=timing.total_us:us",
            "--map=phase=stage",
            "--map=metric.response_size=size.kB:kB",
        ],
        names: &[],
    }
    .check();
}

#[test]
fn a_mapping_of_the_config_file_is_that_of_the_flags_and_flags_go_before_it() {
    let dir = Dir::new();
    std::fs::copy(Path::new(FIXTURES).join("locust/requests.csv"), dir.path("r.csv")).unwrap();
    let maps = [
        "start=start_time:s",
        "latency=response_time:ms",
        "error=exception",
        "metric.size=response_length:B",
    ];
    let by_flags = maps.iter().fold(dir.perfbox(["run", "r.csv", "--format=json"]), |run, map| {
        run.arg(format!("--map={map}"))
    });
    let by_flags = by_flags.expect(0).json()["results"].clone();
    dir.write(
        "perfbox.yaml",
        "mapping:\n  start: start_time:s\n  latency: response_time:s\n  error: exception\n  \
         metric.size: response_length:B\n",
    );
    let by_both = dir.expect(0, "run r.csv --format json --map latency=response_time:ms").json();
    assert_eq!(by_both["results"], by_flags);
    let by_file = dir.expect(0, "run r.csv --format json").json();
    let latency = |results: &Value| results["metrics"]["metrics"][0]["stats"]["max"].as_f64();
    let times = latency(&by_file["results"]).unwrap() / latency(&by_flags).unwrap();
    assert!((times - 1000.0).abs() < 1e-6, "{times}");
}

#[test]
fn a_format_that_is_named_is_not_guessed() {
    let dir = Dir::new();
    std::fs::copy(Path::new(FIXTURES).join("hey/results.csv"), dir.path("r.csv")).unwrap();
    let ran = dir.expect(0, "run r.csv --format json --input-format hey-csv");
    assert_eq!(ran.json()["inputs"][0]["format"], "hey-csv");
    let ran = dir.expect(
        0,
        "run r.csv --format json --input-format csv --map start=offset:s --map latency=response-time:s",
    );
    assert_eq!(ran.json()["inputs"][0]["format"], "csv");
}

#[test]
fn files_of_a_directory_and_of_a_pattern_are_inputs_in_the_order_of_their_names() {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("all")).unwrap();
    for (from, to) in [
        ("hey/results.csv", "all/b.csv"),
        ("jmeter/results.jtl", "all/a.jtl"),
        ("jmeter/printed.txt", "all/.hidden.csv"),
        ("jmeter/plan.jmx", "all/plan.jmx"),
    ] {
        std::fs::copy(Path::new(FIXTURES).join(from), dir.path(to)).unwrap();
    }
    let inputs = |args: &str| {
        let summary = dir.expect(0, &format!("run {args} --format json --quiet")).json();
        let inputs = summary["inputs"].as_array().unwrap().iter();
        inputs
            .map(|input| {
                let text = |key: &str| input[key].as_str().unwrap().to_owned();
                format!("{} {} {}", text("path"), text("format"), input["records"])
            })
            .collect::<Vec<_>>()
    };
    let both = ["all/a.jtl jmeter-csv 300", "all/b.csv hey-csv 390"];
    assert_eq!(inputs("all"), both);
    assert_eq!(inputs("all/[ab].*"), both);
    assert_eq!(inputs("all/b.cs?"), [both[1]]);
}
