//! The words of every error that a person can reach, as they are printed. Each says
//! what failed, where, why, and what to do next; a reader of `cases/errors/` is the
//! judge of that.

use std::io::Write as _;

use crate::support::{Dir, assert_golden, from_wat, manifest, misbehaving, record, records};

/// Commands and what they answered, in the order in which they were run.
#[derive(Default)]
pub(crate) struct Transcript(pub(crate) String);

impl Transcript {
    /// A run that is expected to fail with that status and one paragraph of words.
    #[track_caller]
    pub(crate) fn fails(
        &mut self,
        title: &str,
        status: i32,
        args: &[&str],
        prepare: impl FnOnce(&Dir),
    ) {
        let dir = Dir::new();
        dir.write("r.jsonl", records("profiling", 2));
        prepare(&dir);
        let ran = dir.perfbox(args).run();
        assert_eq!(ran.status, status, "{title}: {ran:#?}");
        let words = dir.without_path(&ran.stderr).replace(&dir.user_plugins(), "USERS");
        assert!(words.starts_with("error: "), "{title}: {words}");
        let plain = |c: char| c == '\n' || !c.is_control();
        assert!(words.chars().all(plain), "{title}: {words:?}");
        self.0.push_str(&format!("# {title}\n$ perfbox {}\n{words}", shown(args)));
        self.0.push_str(&format!("exit status {status}\n\n"));
    }

    /// A package that is listed as invalid.
    #[track_caller]
    fn invalid(&mut self, title: &str, prepare: impl FnOnce(&Dir)) {
        let dir = Dir::new();
        prepare(&dir);
        let ran = dir.expect(0, "plugins list --all --plugins-dir plugins");
        let (_, reasons) = ran.stdout.split_once("\nInvalid packages:\n").expect(title);
        assert_eq!(reasons.lines().count(), 1, "{title}: {reasons}");
        self.0.push_str(&format!("# {title}\n{}\n\n", dir.without_path(reasons.trim())));
    }
}

/// Arguments as one would type them.
fn shown(args: &[&str]) -> String {
    let quoted = |arg: &&str| match arg.contains([' ', '[']) {
        true => format!("'{}'", perfbox::escape(arg)),
        false => perfbox::escape(arg).into_owned(),
    };
    args.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// What most of the failing runs have in front.
fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "r.jsonl"], more].concat()
}

/// One with the plugins of `tests/misbehaving` in `m.wasm`.
fn add_plugin(dir: &Dir) {
    dir.write("m.wasm", std::fs::read(misbehaving()).unwrap());
}

#[test]
fn usage_errors_say_what_to_type_instead() {
    let mut t = Transcript::default();
    let none = |_: &Dir| {};
    t.fails("no input", 2, &["run"], none);
    t.fails("a misspelt flag", 2, &run(&["--procesor", "metrics"]), none);
    t.fails("an unknown format", 2, &run(&["--format", "csv"]), none);
    t.fails("no records in a batch", 2, &run(&["--batch-size", "0"]), none);
    t.fails("force without a directory", 2, &run(&["--force"]), none);
    t.fails("a misspelt identifier", 2, &run(&["--processor", "metrisc"]), none);
    t.fails("an identifier like no other", 2, &run(&["--hook", "loudness"]), none);
    t.fails("a hook named as a processor", 2, &run(&["--processor", "phase_log"]), none);
    t.fails("a processor named as a hook", 2, &run(&["--hook", "metrics"]), none);
    t.fails("an identifier with an escape", 2, &run(&["--hook", "a\u{1b}[31mb"]), none);
    t.fails("a category that there is not", 2, &["plugins", "list", "--category", "hook"], none);

    let rogue = ["--plugin", "m.wasm", "--processor", "rogue_processor"];
    let with = |more: &[&'static str]| run(&[&rogue, more].concat());
    t.fails("a required parameter missing", 2, &with(&[]), add_plugin);
    let set = |value: &'static str| with(&["--set", value]);
    t.fails("an unknown parameter", 2, &set("rogue_processor.durin=process"), add_plugin);
    t.fails("a parameter like no other", 2, &set("rogue_processor.colour=red"), add_plugin);
    let wrong = ["--set=rogue_processor.during=x", "--set=rogue_processor.does=y"];
    let wrong = [&wrong[..], &["--set=rogue_processor.at_batch=soon"]].concat();
    t.fails("a value of the wrong type", 2, &with(&wrong), add_plugin);
    let asker = run(&["--plugin=m.wasm", "--processor=asker", "--set=asker.column=name"]);
    let asker = [&asker[..], &["--set=asker.requires=[name, [x]]"]].concat();
    t.fails("a list of the wrong type", 2, &asker, add_plugin);
    t.fails("a parameter of one that takes none", 2, &run(&["--set", "metrics.depth=3"]), none);
    t.fails("a parameter without a value", 2, &run(&["--set", "metrics.depth"]), none);
    t.fails("a parameter without an owner", 2, &run(&["--set", "depth=3"]), none);
    t.fails("a parameter of one that is not run", 2, &run(&["--set", "phase_log.depth=3"]), none);
    t.fails(
        "a parameter of a hook and a processor of one name",
        2,
        &run(&["--plugins-dir=plugins", "--hook=both", "--processor=both", "--set=both.x=1"]),
        |dir| {
            let both = manifest("p", "1.0.0", "both")
                + "phase_hooks: {both: {component: component.wasm}}\n";
            dir.write("plugins/p/registry.yaml", both);
        },
    );

    t.fails("a choice of another form", 2, &run(&["--use", "metrics=builtin"]), none);
    t.fails("a choice of a category that is not", 2, &run(&["--use", "hook/a=b"]), none);
    t.fails("a choice of a bad identifier", 2, &run(&["--use", "phase_hook/A B=b"]), none);
    t.fails("a choice of nothing", 2, &run(&["--use", "phase_hook/audit=acme"]), none);
    t.fails(
        "a choice of another package",
        2,
        &run(&["--use", "post_processor/metrics=acme"]),
        none,
    );
    t.fails("a plugins directory that is missing", 2, &run(&["--plugins-dir", "plugins"]), none);
    t.fails("a plugins directory that is a file", 2, &run(&["--plugins-dir", "r.jsonl"]), none);
    t.fails("a plugin that is missing", 2, &run(&["--plugin", "missing.wasm"]), none);
    t.fails(
        "an identifier that only an invalid package may have",
        2,
        &run(&["--plugins-dir", "plugins", "--processor", "audit"]),
        |dir| {
            dir.write("plugins/p/registry.yaml", "nonsense");
        },
    );
    assert_golden("errors/usage.txt", &t.0);
}

#[test]
fn errors_of_variables_name_the_variable() {
    let dir = Dir::with_records();
    let words = |variable: &str, value: &str| {
        let run = dir.perfbox(["run", "results.jsonl"]).env(variable, value);
        run.expect(2).stderr
    };
    for (variable, value, expected) in [
        (
            "PERFBOX_PLUGIN_PATH",
            "missing",
            "error: PERFBOX_PLUGIN_PATH: cannot read plugins directory `missing`",
        ),
        (
            "PERFBOX_PLUGINS",
            "missing.wasm",
            "error: PERFBOX_PLUGINS: cannot read plugin `missing.wasm`",
        ),
        (
            "PERFBOX_USE",
            "nonsense",
            "error: PERFBOX_USE: invalid override `nonsense`; use CATEGORY/ID=PACKAGE",
        ),
        (
            "PERFBOX_HOOKS",
            "phase_lgo",
            "error: PERFBOX_HOOKS: unknown phase_hook `phase_lgo`; did you mean `phase_log`?",
        ),
        (
            "PERFBOX_PROCESSORS",
            "metrisc",
            "error: PERFBOX_PROCESSORS: unknown post_processor `metrisc`; did you mean `metrics`?",
        ),
    ] {
        let words = words(variable, value);
        assert!(words.starts_with(expected), "{words}");
    }
}

#[test]
fn input_errors_say_where_and_what_would_be_right() {
    let mut t = Transcript::default();
    let none = |_: &Dir| {};
    t.fails("an input that is missing", 4, &["run", "missing.jsonl"], none);
    t.fails("a directory without records", 4, &["run", "artifacts"], |dir| {
        dir.write("artifacts/notes.txt", "of no format");
    });
    t.fails("an empty file", 4, &["run", "empty.jsonl"], |dir| {
        dir.write("empty.jsonl", "");
    });
    t.fails("empty standard input", 4, &["run", "-"], none);
    t.fails("a phase that is not there", 4, &run(&["--phase", "profling"]), |dir| {
        dir.write("r.jsonl", record("warmup", 1) + &record("profiling", 2));
    });
    let of_phases = |count: usize| {
        (0..count).map(|phase| record(&format!("phase-{phase:04}"), 1)).collect::<String>()
    };
    t.fails("a phase that none of many is", 4, &run(&["--phase", "profling"]), |dir| {
        dir.write("r.jsonl", of_phases(22));
    });
    t.fails("a phase for each record", 4, &run(&[]), |dir| {
        dir.write("r.jsonl", of_phases(1001));
    });
    let map = ["run", "r.csv", "--map", "start=at:s", "--map", "latency=took:s"];
    t.fails(
        "a column of many values as phase",
        4,
        &[&map[..], &["--map", "phase=id"]].concat(),
        |dir| {
            let rows = (0..1001).map(|id| format!("1,2,{id}\n"));
            dir.write("r.csv", format!("at,took,id\n{}", rows.collect::<String>()));
        },
    );
    t.fails("a metric for each record", 4, &run(&[]), |dir| {
        let metrics = (0..5000).map(|id| format!(r#""of_{id}":{{"value":1}}"#));
        let metrics = metrics.collect::<Vec<_>>().join(",");
        let metadata = r#"{"benchmark_phase":"profiling","request_start_ns":1}"#;
        dir.write("r.jsonl", format!("{{\"metadata\":{metadata},\"metrics\":{{{metrics}}}}}\n"));
    });
    t.fails("a gzip that breaks off at once", 4, &["run", "r.jsonl.gz"], |dir| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(records("profiling", 100).as_bytes()).unwrap();
        dir.write("r.jsonl.gz", &gzip.finish().unwrap()[..12]);
    });
    t.fails("a zstd that is damaged", 4, &["run", "r.jsonl.zst"], |dir| {
        let mut zstd = zstd::encode_all(records("profiling", 100).as_bytes(), 1).unwrap();
        zstd[4..].fill(0xff);
        dir.write("r.jsonl.zst", zstd);
    });
    let good = |_: &Dir| records("profiling", 1);
    let mut bad_line = |title: &str, line: &str| {
        t.fails(title, 4, &["run", "bad.jsonl"], |dir| {
            dir.write("bad.jsonl", format!("{}{line}\n", good(dir)));
        });
    };
    bad_line("a line that is not JSON", "nonsense");
    bad_line("a line that breaks off", r#"{"metadata":{"benchmark_phase":"pro"#);
    bad_line("JSON of something else", r#"{"metric":"http_reqs","type":"Point"}"#);
    bad_line("a record without a phase", r#"{"metadata":{"request_start_ns":1},"metrics":{}}"#);
    bad_line(
        "a record without a start",
        r#"{"metadata":{"benchmark_phase":"profiling"},"metrics":{}}"#,
    );
    let of_latency = |value: &str| {
        format!(
            r#"{{"metadata":{{"benchmark_phase":"profiling","request_start_ns":1}},"metrics":{{"request_latency":{value}}}}}"#
        )
    };
    bad_line("a metric that is a text", &of_latency(r#"{"value":"slow","unit":"ms"}"#));
    bad_line("a metric that is a list elsewhere", &of_latency(r#"{"value":[1],"unit":"ms"}"#));
    bad_line("a metric in another unit", &of_latency(r#"{"value":1,"unit":"s"}"#));
    bad_line(
        "a metric with an escape in its name",
        "{\"metadata\":{\"benchmark_phase\":\"profiling\",\"request_start_ns\":1},\"metrics\":{\"a\\u001b[31m\":{\"value\":1},\"a\\u001b[31m\":{\"value\":1}}}",
    );
    t.fails("a file of lines that are all of another tool", 4, &["run", "k6.json"], |dir| {
        dir.write("k6.json", "{\"metric\":\"http_reqs\",\"type\":\"Point\"}\n".repeat(3));
    });

    let events = |title: &str, t: &mut Transcript, log: Option<&str>| {
        t.fails(title, 4, &run(&["--events", "events.jsonl"]), |dir| {
            if let Some(log) = log {
                dir.write("events.jsonl", log);
            }
        });
    };
    events("an event log that is missing", &mut t, None);
    events("an event that is not JSON", &mut t, Some("phase_start\n"));
    let event = |event: &str, more: &str| {
        format!(
            r#"{{"event":"{event}","time_ns":1,"phase":{{"name":"profiling","kind":"profiling","index":0}},"stats":{{{more}}}}}"#
        )
    };
    let unknown = format!("{}\n{}\n", event("phase_start", ""), event("phase_begun", ""));
    events("an event of another kind", &mut t, Some(&unknown));
    let unknown = event("phase_start", r#""sended":3"#);
    events("a statistic that there is not", &mut t, Some(&unknown));
    t.fails("a phase manifest that is no JSON", 4, &["run", "a"], |dir| {
        dir.write("a/profile_export.jsonl", records("profiling", 1));
        dir.write("a/phase_manifest.json", "{\"phases\": [\n  nonsense\n]}");
    });
    t.fails("a phase manifest of something else", 4, &["run", "a"], |dir| {
        dir.write("a/profile_export.jsonl", records("profiling", 1));
        dir.write("a/phase_manifest.json", "{\"phase\": []}");
    });
    assert_golden("errors/input.txt", &t.0);
}

#[test]
fn errors_of_formats_and_mappings_say_what_would_fit() {
    let mut t = Transcript::default();
    let none = |_: &Dir| {};
    let csv = |dir: &Dir| {
        dir.write("r.csv", "When [s],took,what\n1,5,a\n2,6,b\n");
    };
    let over_csv = |more: &[&'static str]| [&["run", "r.csv"], more].concat();
    t.fails("a format that there is not", 2, &run(&["--input-format", "jmetre-csv"]), none);
    t.fails("a format by its tool's name", 2, &run(&["--input-format", "heyy"]), none);
    t.fails("a format like no other", 2, &run(&["--input-format", "xml"]), none);
    t.fails("a format that the input is not of", 4, &run(&["--input-format", "hey-csv"]), none);
    t.fails("a map without a column", 2, &run(&["--map", "latency"]), none);
    t.fails("a map of a misspelt field", 2, &run(&["--map", "latnecy=took"]), none);
    t.fails("a map of a metric without a name", 2, &run(&["--map", "metric.=took"]), none);
    t.fails(
        "a map of a time in a unit of nothing",
        2,
        &over_csv(&["--map", "start=took:min"]),
        none,
    );
    t.fails("a latency that is a date", 2, &over_csv(&["--map", "latency=took:rfc3339"]), csv);
    t.fails("a metric that is a column", 2, &run(&["--map", "metric.request_latency=took"]), none);
    t.fails("a metric that cannot be shown", 2, &run(&["--map", "metric.a\u{1b}[31m=took"]), none);
    t.fails("a status with a unit", 2, &over_csv(&["--map", "status=what:ms"]), csv);
    t.fails(
        "a map of a column that there is not",
        2,
        &over_csv(&["--map", "start=when", "--map", "latency=took"]),
        csv,
    );
    t.fails("a map that says too little", 2, &over_csv(&["--map", "latency=took:ms"]), none);
    t.fails(
        "a map of one field to two columns",
        2,
        &over_csv(&["--map", "start=when:s", "--map", "start=then:s"]),
        none,
    );
    let twice = |dir: &Dir| {
        dir.write("r.csv", "when,took,took\n1,5,6\n");
    };
    t.fails(
        "a map of a column that is there twice",
        2,
        &over_csv(&["--map", "start=when", "--map", "latency=took"]),
        twice,
    );
    t.fails(
        "an inspection with a map of a column that there is not",
        2,
        &["inspect", "r.csv", "--map", "start=when", "--map", "latency=took"],
        csv,
    );
    t.fails("results of a tool with a column twice", 4, &over_csv(&[]), |dir| {
        dir.write("r.csv", "timeStamp,elapsed,elapsed,label\n1,2,3,a\n");
    });
    t.fails(
        "a map of a column that is no time",
        4,
        &over_csv(&["--map", "start=what", "--map", "latency=took"]),
        csv,
    );
    t.fails("a mapping of a file with a misspelt field", 2, &over_csv(&[]), |dir| {
        csv(dir);
        dir.write("perfbox.yaml", "mapping:\n  latnecy: took\n");
    });
    t.fails("CSV of nobody's", 4, &over_csv(&[]), csv);
    t.fails("CSV of nobody's that does not name its columns", 4, &over_csv(&[]), |dir| {
        dir.write("r.csv", "1780000000.5,12.5,/items\n");
    });
    t.fails("CSV without a row", 4, &over_csv(&["--map=start=a", "--map=latency=b"]), |dir| {
        dir.write("r.csv", "a,b\n");
    });
    t.fails("results of a tool without a row", 4, &over_csv(&[]), |dir| {
        dir.write("r.csv", "timeStamp,elapsed,label\n");
    });
    t.fails("results of a tool without a good row", 4, &over_csv(&[]), |dir| {
        dir.write("r.csv", "timeStamp,elapsed,label\n2026/11/23 10:00:00,5,a\n");
    });
    let over = |content: &'static str| {
        move |dir: &Dir| {
            dir.write("r.csv", content);
        }
    };
    let mapped = over_csv(&["--map", "start=at", "--map", "latency=took"]);
    t.fails("a time that is written out, as a number", 4, &mapped, |dir| {
        dir.write("r.csv", "at,took\n2026-11-22T12:40:51Z,5\n");
    });
    t.fails("a time in another unit", 4, &mapped, over("at,took\n1795351200010330000,5\n"));
    t.fails("a time before 1970", 4, &mapped, over("at,took\n-1,5\n"));
    t.fails("numbers with commas", 4, &mapped, over("at;took\n1,5;5\n"));
    t.fails("a latency with a comma", 4, &mapped, over("at;took\n1;12,5\n"));
    t.fails("a request without a latency", 4, &mapped, over("at,took\n1,5\n2,\n"));
    let written = over_csv(&["--map", "start=at:rfc3339", "--map", "latency=took"]);
    t.fails("a time that is not written out", 4, &written, over("at,took\n1795351200,5\n"));
    t.fails("a time written in another form", 4, &written, over("at,took\n22.11.2026,5\n"));
    t.fails("a mapping of a file that does not fit a tool's results", 2, &over_csv(&[]), |dir| {
        dir.write("r.csv", "timeStamp,elapsed,label\n1,5,a\n");
        dir.write("perfbox.yaml", "mapping:\n  start: at\n  latency: took\n");
    });
    t.fails("JSON lines of nobody's", 4, &["run", "r.json"], |dir| {
        dir.write("r.json", "{\"at\":1,\"took\":5}\n");
    });
    t.fails("a JSON document", 4, &["run", "r.json"], |dir| {
        dir.write("r.json", "{\n  \"requests\": [\n    {\"took\": 5}\n  ]\n}\n");
    });
    t.fails("a JSON array that is inspected", 4, &["inspect", "r.json"], |dir| {
        dir.write("r.json", "[{\"at\":1,\"took\":5}]\n");
    });
    let totals = |name: &'static str| {
        move |dir: &Dir| {
            let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/locust/");
            dir.write("r.csv", std::fs::read(format!("{fixtures}{name}")).unwrap());
        }
    };
    t.fails("totals of Locust's", 4, &over_csv(&[]), totals("stats.csv"));
    t.fails("totals of Locust's over time", 4, &over_csv(&[]), totals("stats_history.csv"));
    t.fails("failures of Locust's", 4, &over_csv(&[]), totals("failures.csv"));
    t.fails("totals that are inspected", 4, &["inspect", "r.csv"], totals("stats.csv"));
    t.fails("text of nobody's", 4, &["run", "r.txt"], |dir| {
        dir.write("r.txt", "nothing of the sort\n");
    });
    t.fails("an empty file that is inspected", 4, &["inspect", "r.txt"], |dir| {
        dir.write("r.txt", "");
    });
    t.fails("a missing file that is inspected", 4, &["inspect", "r.txt"], none);
    t.fails("a pattern that fits nothing", 4, &["run", "results-*.csv"], none);
    t.fails("a pattern that is none", 4, &["run", "results-[.csv"], none);
    t.fails("a directory without results", 4, &["inspect", "artifacts"], |dir| {
        dir.write("artifacts/notes.md", "");
    });
    t.fails("no thread", 2, &run(&["--threads", "0"]), none);
    t.fails("threads that are no number", 2, &run(&["--threads", "all"]), none);
    t.fails("memory without a unit", 2, &run(&["--exact-memory", "1000"]), none);
    t.fails("too much memory", 2, &run(&["--exact-memory", "2GiB"]), none);
    t.fails("memory in words", 2, &run(&["--exact-memory", "plenty"]), none);
    assert_golden("errors/formats.txt", &t.0);
}

#[test]
fn manifest_errors_have_file_line_and_column() {
    let mut t = Transcript::default();
    let good = manifest("acme", "1.0.0", "audit");
    let mut bad = |title: &str, text: &str| {
        t.invalid(title, |dir| {
            dir.write("plugins/acme/registry.yaml", text);
        });
    };
    let with = |entry: &str| {
        format!(
            "plugin: {{name: acme, version: 1.0.0}}\npost_processors:\n  audit:\n    component: a.wasm\n    {entry}\n"
        )
    };
    let param = |param: &str| with(&format!("config_params:\n      - {param}"));
    bad("not YAML", "plugin: {name: acme\n");
    bad("a text", "nonsense");
    bad("empty", "");
    bad("only a comment", "# nothing\n");
    bad("no plugin", "schema_version: \"1.0\"\n");
    bad("nothing offered", "plugin: {name: acme, version: 1.0.0}\npost_processors: {}\n");
    bad("no version", "plugin: {name: acme}\n");
    bad("an unknown key", &format!("{good}post_procesors: {{}}\n"));
    bad("an unknown key of the package", &good.replace("version", "licence: MIT, version"));
    bad("an unknown key of an implementation", &with("priorty: 5"));
    bad("a wrong type", &with("priority: high"));
    bad("another wrong type", &with("auto_load: sometimes"));
    bad(
        "no component",
        "plugin: {name: acme, version: 1.0.0}\nphase_hooks:\n  audit: {class: a}\n",
    );
    bad("a bad identifier", &good.replace("audit", "Audit Log"));
    bad("a bad package name", &good.replace("acme", "Acme Tools"));
    bad("a reserved package name", &good.replace("acme", "builtin"));
    bad("a path that leaves the package", &good.replace("component.wasm", "../other/a.wasm"));
    bad("an absolute path", &good.replace("component.wasm", "/opt/a.wasm"));
    bad(
        "a path with an invisible character",
        &good.replace("component.wasm", "\"a\\u202Eb.wasm\""),
    );
    bad("a path of the package itself", &good.replace("component.wasm", "./"));
    bad("an empty path", &good.replace("component.wasm", "\"\""));
    bad("a later schema", &format!("schema_version: \"2.0\"\nmirrors: []\n{good}"));
    bad("a schema that is no text", &format!("schema_version: [1]\n{good}"));
    bad("a key twice", &with("priority: 1\n    priority: 2"));
    bad("an identifier twice", &format!("{good}  audit: {{component: a.wasm}}\n"));
    bad("a parameter twice", &param("limit\n      - limit"));
    bad("a parameter of an unknown type", &param("{name: limit, type: integer}"));
    bad("a default of the wrong type", &param("{name: limit, type: int, default: many}"));
    bad(
        "a list with a default of the wrong type",
        &param("{name: limit, type: list<int>, default: [1, x]}"),
    );
    bad("a parameter's bad name", &param("{name: Limit ms, type: int}"));
    bad("a parameter's bad name alone", &param("\"a\\e[31m\""));
    bad("choices of another type", &param("{name: mode, type: string, choices: [fast, 3]}"));
    bad("no choices", &param("{name: mode, type: string, choices: []}"));
    bad("a default that is no choice", &param("{name: mode, choices: [a, b], default: c}"));
    bad("a bound of a text", &param("{name: mode, type: string, min: 1}"));
    bad("a bound of another type", &param("{name: limit, type: int, max: 1.5}"));
    bad("a default below its min", &param("{name: limit, type: int, min: 1, default: 0}"));
    bad(
        "a default out of bounds",
        &param("{name: x, type: list<float>, min: 0, max: 1, default: [2]}"),
    );
    bad("a parameter that is a number", &param("3"));
    bad("an unknown key of a parameter", &param("{name: limit, type: int, unit: ms}"));
    let mut bomb = "&a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]".to_owned();
    for level in 1..9 {
        let below = format!("*a{}", level - 1);
        bomb.push_str(&format!(", &a{level} [{}]", vec![below; 10].join(", ")));
    }
    bad("an alias bomb", &param(&format!("{{name: x, type: list<int>, default: [{bomb}]}}")));
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    bad("deep nesting", &param(&format!("{{name: x, type: list<int>, default: {deep}}}")));
    bad("too large", &format!("{good}# {}\n", "x".repeat(64 * 1024)));
    t.invalid("a manifest that is a directory", |dir| {
        dir.write("plugins/acme/registry.yaml/x", "");
    });
    t.invalid("a directory without a manifest", |dir| {
        dir.write("plugins/acme/a.wasm", "");
    });
    assert_golden("errors/manifest.txt", &t.0);
}

#[test]
fn component_errors_say_what_the_component_lacks() {
    let mut t = Transcript::default();
    let audit = ["run", "r.jsonl", "--plugins-dir", "plugins", "--processor", "audit"];
    let mut refused = |title: &str, bytes: Option<Vec<u8>>| {
        t.fails(title, 2, &audit, |dir| {
            dir.write("plugins/acme/registry.yaml", manifest("acme", "1.0.0", "audit"));
            if let Some(bytes) = bytes {
                dir.write("plugins/acme/component.wasm", bytes);
            }
        });
    };
    refused("a component that is missing", None);
    refused("an empty file", Some(Vec::new()));
    refused("garbage", Some(b"this is no component".to_vec()));
    refused("a text of WebAssembly", Some(b"(component)".to_vec()));
    let whole = from_wat("both-interfaces");
    refused("a component that breaks off", Some(whole[..whole.len() / 2].to_vec()));
    refused("a core module", Some(from_wat("core-module")));
    refused("neither interface", Some(from_wat("no-interface")));
    refused("another version of the contract", Some(from_wat("newer-contract")));
    refused("an interface without its functions", Some(from_wat("empty-interface")));
    refused("an unknown import", Some(from_wat("unknown-import")));
    refused("HTTP", Some(from_wat("http-import")));
    refused("more than 64 MiB", Some(vec![0; (64 << 20) + 1]));
    t.fails("a processor that is a hook", 2, &audit, |dir| {
        let text = "plugin: {name: acme, version: 1.0.0}\npost_processors: {audit: {component: component.wasm}}\n";
        dir.write("plugins/acme/registry.yaml", text);
        dir.write("plugins/acme/component.wasm", from_wat("hook-only"));
    });

    let mut bare = |title: &str, name: &str, bytes: Vec<u8>| {
        t.invalid(title, |dir| {
            dir.write(&format!("plugins/{name}"), bytes);
        });
    };
    bare("a bare file of garbage", "a.wasm", b"this is no component".to_vec());
    bare("a bare core module", "a.wasm", from_wat("core-module"));
    bare("a bare component with neither interface", "a.wasm", from_wat("no-interface"));
    bare("a bare component with a broken section", "a.wasm", from_wat("broken-section"));
    bare("a bare component with a bad name", "A B.wasm", whole.clone());
    bare("a bare component of perfbox's own name", "builtin.wasm", whole);
    let mut offering = |title: &str, contract: &str, implementations: &str| {
        let json = format!(
            r#"{{"contract": "perfbox:plugin@{contract}", "implementations": [{implementations}]}}"#
        );
        let text = format!("(component (@custom \"perfbox:offers\" {json:?}))");
        bare(title, "a.wasm", wat::parse_str(text).unwrap());
    };
    let hook = |params: &str| {
        format!(r#"{{"category": "phase_hook", "class": "audit", "config_params": [{params}]}}"#)
    };
    let twice = format!("{}, {}", hook(""), hook(""));
    offering("a bare component that offers nothing", "0.2.0", "");
    offering("a bare component of another contract", "0.3.0", "");
    offering("a bare component that offers one identifier twice", "0.2.0", &twice);
    offering(
        "a bare component with a default of the wrong type",
        "0.2.0",
        &hook(r#"{"name": "limit", "type": "int", "default": "many"}"#),
    );
    offering(
        "a bare component with a parameter's bad name",
        "0.2.0",
        &hook(r#"{"name": "a b", "type": "int"}"#),
    );
    assert_golden("errors/component.txt", &t.0);
}

#[test]
fn output_errors_say_what_is_in_the_way() {
    let mut t = Transcript::default();
    let out = ["run", "r.jsonl", "--out", "out"];
    t.fails("a directory that holds a run", 2, &out, |dir| {
        dir.expect(0, "run r.jsonl --out out");
    });
    t.fails("a directory with plugins of somebody else's", 2, &out, |dir| {
        dir.write("out/plugins/mine.txt", "");
    });
    t.fails("a summary of somebody else's", 2, &[&out[..], &["--force"]].concat(), |dir| {
        dir.write("out/summary.json", "{\"mine\": true}");
    });
    t.fails("the default directory, of somebody else's", 2, &["run", "r.jsonl"], |dir| {
        dir.write("perfbox-out/summary.json", "mine");
    });
    t.fails("a directory that is a file", 1, &out, |dir| {
        dir.write("out", "");
    });
    t.fails("a directory below a file", 1, &["run", "r.jsonl", "--out", "r.jsonl/out"], |_| {});
    assert_golden("errors/output.txt", &t.0);
}

#[test]
fn inspecting_says_what_is_not_a_component() {
    let mut t = Transcript::default();
    let inspect = ["plugins", "inspect", "x.wasm"];
    let mut refused = |title: &str, bytes: &[u8]| {
        t.fails(title, 2, &inspect, |dir| {
            dir.write("x.wasm", bytes);
        });
    };
    refused("an empty file", b"");
    refused("garbage", b"this is no component");
    refused("a core module", &from_wat("core-module"));
    let whole = from_wat("both-interfaces");
    refused("a component that breaks off", &whole[..whole.len() - 3]);
    refused("a component that is damaged", &[&whole[..8], &[0x80; 8]].concat());
    let head = &whole[..8];
    refused("more sections than any has", &[head, &b"\0\x01\0".repeat(100_001)].concat());
    let nested = format!("{}{}", "(component ".repeat(40), ")".repeat(40));
    refused("components in components", &wat::parse_str(nested).unwrap());
    let names = |what: &str| {
        let item = |n| format!("({what} \"n{n}\" (func))");
        (0..1001).map(item).collect::<String>()
    };
    let imports = format!("(component {})", names("import"));
    refused("more imports than any has", &wat::parse_str(imports).unwrap());
    refused("more than 64 MiB", &vec![0; (64 << 20) + 1]);
    t.fails("a file that is missing", 2, &inspect, |_| {});
    t.fails("a directory", 2, &inspect, |dir| {
        dir.write("x.wasm/y", "");
    });
    #[cfg(unix)]
    t.fails("a FIFO", 2, &inspect, |dir| {
        let made = std::process::Command::new("mkfifo").arg(dir.path("x.wasm")).status();
        assert!(made.unwrap().success());
    });
    t.fails("a name with an escape", 2, &["plugins", "inspect", "a\u{1b}[31m"], |_| {});
    let diff = ["plugins", "diff", "r.wasm", "x.wasm"];
    t.fails("an old version that is missing", 2, &diff, |_| {});
    t.fails("a new version that is a core module", 2, &diff, |dir| {
        dir.write("r.wasm", from_wat("both-interfaces"));
        dir.write("x.wasm", from_wat("core-module"));
    });
    assert_golden("errors/inspect.txt", &t.0);
}

#[test]
fn a_broken_lock_says_what_changed_and_how_to_accept_it() {
    let mut t = Transcript::default();
    let audit = ["run", "r.jsonl", "--plugins-dir", "plugins", "--processor", "audit"];
    let locked = [&audit[..], &["--locked"]].concat();
    let package = |dir: &Dir, package: &str, version: &str, wat: &str| {
        let directory = format!("plugins/{package}");
        dir.write(&format!("{directory}/registry.yaml"), manifest(package, version, "audit"));
        dir.write(&format!("{directory}/component.wasm"), from_wat(wat));
    };
    let lock = |dir: &Dir| {
        package(dir, "acme", "1.0.0", "asks-little");
        dir.expect(0, "plugins lock --plugins-dir plugins --processor audit");
    };
    let remove = |dir: &Dir, path: &str| std::fs::remove_dir_all(dir.path(path)).unwrap();
    t.fails("a new version that asks for more", 2, &audit, |dir| {
        lock(dir);
        package(dir, "acme", "2.0.0", "asks-much");
    });
    t.fails("another package in its place", 2, &audit, |dir| {
        lock(dir);
        remove(dir, "plugins/acme");
        package(dir, "other", "3.0.0", "asks-little");
    });
    t.fails("a package that is gone", 2, &audit, |dir| {
        lock(dir);
        remove(dir, "plugins/acme");
    });
    t.fails("a lock whose abilities were edited", 2, &audit, |dir| {
        lock(dir);
        let text = dir.read("perfbox.lock").replace("      - \"clocks\"\n", "");
        dir.write("perfbox.lock", text);
    });
    t.fails("garbage in the place of a component", 2, &audit, |dir| {
        lock(dir);
        dir.write("plugins/acme/component.wasm", "garbage");
    });
    t.fails("a plugin that the lock does not have", 2, &locked, |dir| {
        lock(dir);
        dir.write("perfbox.lock", "packages: []");
    });
    t.fails("no lock", 2, &locked, |dir| package(dir, "acme", "1.0.0", "asks-little"));
    let elsewhere = [&audit[..], &["--lock", "team.lock"]].concat();
    t.fails("no lock where it was named", 2, &elsewhere, lock);
    let mut unusable = |title: &str, text: &str| {
        t.fails(title, 2, &["run", "r.jsonl"], |dir| {
            dir.write("perfbox.lock", text);
        });
    };
    unusable("a lock of a later schema", "schema_version: \"2.0\"\nplugins: []\n");
    unusable("an empty lock", "");
    unusable("a lock that was merged badly", "packages: []\n<<<<<<< ours\n");
    unusable("a lock of an unknown key", "packages:\n  - {name: acme, sha: x}\n");
    t.fails("a lock that is a directory", 2, &["run", "r.jsonl"], |dir| {
        dir.write("perfbox.lock/x", "");
    });
    t.fails("an unusable lock in the way", 2, &["plugins", "lock"], |dir| {
        dir.write("perfbox.lock", "<<<<<<< ours\n");
    });
    let nowhere = ["plugins", "lock", "--lock", "missing/perfbox.lock"];
    t.fails("a lock below a directory that is missing", 1, &nowhere, |_| {});
    let gone = ["plugins", "lock", "--plugins-dir=plugins", "--processor=audit"];
    t.fails("locking a component that is missing", 2, &gone, |dir| {
        dir.write("plugins/acme/registry.yaml", manifest("acme", "1.0.0", "audit"));
    });
    t.fails("locking a component that is none", 2, &gone, |dir| {
        package(dir, "acme", "1.0.0", "core-module");
    });
    assert_golden("errors/lock.txt", &t.0);
}
