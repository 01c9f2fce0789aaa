//! Whatever text comes in, nothing that is shown moves a cursor, turns the direction of
//! writing or hides.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use perfbox::component::ComponentInfo;
use perfbox::records::{RecordedOptions, RecordedSource, read_event_log};
use perfbox::registry::{Manifest, PackageOverride, ParamValues, check_params};
use perfbox::report::{
    Distribution, InputReport, Metric, MetricValue, PhaseReport, ProcessorResult, Quantile, Report,
};
use perfbox::source::{Items, Source as _};
use perfbox::{
    Category, Identifier, Limits, Lock, PackageName, Phase, PhaseStats, Plugin, Registry,
    RunOptions, escape,
};
use proptest::prelude::*;
use serde_json::json;

use crate::support::embedded::{Embedded, phase_summary, reported};
use crate::support::hostile::{assert_can_be_shown, assert_is_a_line, cases, text};
use crate::support::{Dir, Ran};

/// The text as a string of JSON.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// JSON without the characters that YAML forbids.
fn in_yaml(json: &str) -> String {
    let escaped = |c: char| match c {
        '\u{7f}'..='\u{ffff}' => format!("\\u{:04x}", c as u32),
        c => c.to_string(),
    };
    json.chars().map(escaped).collect()
}

/// The text as a string of WebAssembly's text format.
fn in_wat(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:02x}")).collect()
}

/// The text as a name in a directory.
fn as_file_name(text: &str) -> String {
    format!("x{}", text.replace(['/', '\0'], ""))
}

fn assert_ran_shown(ran: &Ran) {
    assert_can_be_shown(&ran.stdout);
    assert_can_be_shown(&ran.stderr);
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn escaped_text_can_be_shown_and_is_not_escaped_twice(text in text()) {
        let shown = escape(&text).into_owned();
        assert_is_a_line(&shown);
        prop_assert_eq!(escape(&shown), shown.as_str());
    }

    #[test]
    fn a_table_can_be_shown(report in report(), width in 0_usize..200) {
        assert_can_be_shown(&perfbox::report::table(&report, width));
    }

    #[test]
    fn what_is_wrong_with_a_manifest_can_be_shown(text in text(), at in 0_usize..12) {
        let quoted = in_yaml(&quoted(&text));
        let plugin = "plugin: {name: acme, version: '1'}";
        let one = |entry: &str| format!("{plugin}\nphase_hooks: {{audit: {{{entry}}}}}");
        let param = |param: &str| one(&format!("component: a.wasm, config_params: [{param}]"));
        let manifest = match at {
            0 => text.clone(),
            1 => format!("{quoted}: 1"),
            2 => format!("schema_version: {quoted}\n{}", one("component: a.wasm")),
            3 => format!("plugin: {{name: {quoted}, version: '1'}}"),
            4 => format!("{plugin}\nphase_hooks: {{{quoted}: {{component: a.wasm}}}}"),
            5 => one(&format!("component: {quoted}")),
            6 => one(&format!("component: a.wasm, priority: {quoted}")),
            7 => one(&format!("component: a.wasm, {quoted}: 1")),
            8 => param(&quoted),
            9 => param(&format!("{{name: {quoted}, type: int}}")),
            10 => param(&format!("{{name: depth, type: {quoted}}}")),
            _ => param(&format!("{{name: depth, type: int, default: {quoted}, choices: [1]}}")),
        };
        for path in ["registry.yaml", &as_file_name(&text)] {
            if let Err(error) = Manifest::parse(&manifest, Path::new(path)) {
                assert_is_a_line(&error.to_string());
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_name_value_or_choice_can_be_shown(text in text(), value in text()) {
        let mut words = vec![
            text.parse::<Category>().err().map(|error| error.to_string()),
            text.parse::<Identifier>().err().map(|error| error.to_string()),
            text.parse::<PackageName>().err().map(|error| error.to_string()),
            text.parse::<PackageOverride>().err().map(|error| error.to_string()),
            Limits::default().set(&text, &value).err().map(|error| error.to_string()),
            Limits::default().set("memory", &value).err().map(|error| error.to_string()),
            Lock::parse(&text, Path::new(&as_file_name(&value))).err().map(|e| e.to_string()),
        ];
        let known = format!("schema_version: {}\ncomponents: []", in_yaml(&quoted(&text)));
        words.push(Lock::parse(&known, Path::new("lock")).err().map(|error| error.to_string()));
        let mut registry = Registry::with_builtins();
        for category in Category::ALL {
            words.push(registry.resolve(category, &text).err().map(|error| error.to_string()));
            let chosen = registry.use_implementation_by_id(category, &text);
            words.push(chosen.err().map(|error| error.to_string()));
        }
        let discovered = registry.discover(Path::new(&as_file_name(&text)));
        words.push(discovered.err().map(|error| error.to_string()));
        words.iter().flatten().for_each(|words| assert_is_a_line(words));
    }

    #[test]
    fn what_is_wrong_with_parameters_can_be_shown(
        identifier in text(), name in text(), value in text(),
    ) {
        let manifest = "plugin: {name: acme, version: '1'}\nphase_hooks: {audit: {component: a, \
            config_params: [{name: depth, type: int, default: 1}, {name: mode, type: string, \
            default: a, choices: [a, b]}, {name: shares, type: list<float>, default: []}]}}";
        let manifest = Manifest::parse(manifest, Path::new("registry.yaml")).unwrap();
        let declared = manifest.implementations[0].params.as_deref();
        for name in [name.as_str(), "depth", "mode", "shares"] {
            let given = ParamValues::from([(name.to_owned(), value.as_str().into())]);
            if let Err(error) = check_params(&identifier, declared, &given) {
                assert_is_a_line(&error.to_string());
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_component_can_be_shown(text in text(), at in 0_usize..5) {
        let offer = |category: &str, class: &str, params: &str| format!(
            r#"{{"contract":"perfbox:plugin@0.2.0","implementations":[{{"category":{category},
                "class":{class},"config_params":[{params}]}}]}}"#
        );
        let quoted = quoted(&text);
        let section = match at {
            0 => text.clone(),
            1 => offer(&quoted, "\"audit\"", ""),
            2 => offer("\"phase_hook\"", &quoted, ""),
            3 => offer("\"phase_hook\"", "\"audit\"", &format!(r#"{{"name":{quoted},"type":"int"}}"#)),
            _ => format!(r#"{{"contract":{quoted}}}"#),
        };
        let wat = format!("(component (@custom \"perfbox:offers\" \"{}\"))", in_wat(&section));
        let info = ComponentInfo::read(&wat::parse_str(wat).unwrap()).unwrap();
        if let Err(error) = info.offers(&text) {
            assert_is_a_line(&error.to_string());
        }
        let exported = ComponentInfo::read(&wat::parse_str("(component (instance $i) (export \
            \"perfbox:plugin/phase-hook@0.2.0\" (instance $i)))").unwrap()).unwrap();
        if let Err(error) = exported.offers(&text) {
            assert_is_a_line(&error.to_string());
        }
        let missing = ComponentInfo::read_file(Path::new(&as_file_name(&text)));
        assert_is_a_line(&missing.unwrap_err().to_string());
    }

    #[test]
    fn what_is_wrong_with_records_and_events_can_be_shown(
        text in text(), unit in text(), at in 0_usize..6,
    ) {
        let dir = Dir::new();
        let name = as_file_name(&text);
        let metadata = json!({"phase_name": text, "phase_kind": text, "request_start_ns": 1});
        let plain = json!({"phase_name": "p", "request_start_ns": 1});
        let content = match at {
            0 => text.clone(),
            1 => json!({"metadata": metadata}).to_string(),
            2 => json!({"metadata": plain, "metrics": {text.as_str(): {"value": 1, "unit": unit}}})
                .to_string(),
            3 => json!({"metadata": plain, "metrics": text}).to_string(),
            4 => json!({"metadata": plain, "error": {"type": text, "message": unit}}).to_string(),
            _ => json!({"event": text, "time_ns": 1, "phase": metadata}).to_string(),
        };
        let path = dir.write(&name, content).to_str().unwrap().to_owned();
        if let Err(error) = read_event_log(Path::new(&path)) {
            assert_is_a_line(&error.to_string());
        }
        let options = RecordedOptions { skip_bad_records: true, ..RecordedOptions::default() };
        match RecordedSource::open(&[path], options) {
            Err(error) => assert_is_a_line(&error.to_string()),
            Ok(source) => {
                source.items().for_each(drop);
                let end = source.end();
                end.phases.iter().for_each(|one| assert_is_a_line(&one.phase.name));
                end.inputs[0].bad_record_reasons.iter().for_each(|one| assert_is_a_line(one));
            }
        }
        let wanted = RecordedOptions { phases: vec![unit], ..RecordedOptions::default() };
        let missing = RecordedSource::open(&[dir.path("no").join(&name).display().to_string()], wanted);
        assert_is_a_line(&missing.err().unwrap().to_string());
    }
}

thread_local! {
    /// Its plugins are compiled once for all cases.
    static EMBEDDED: RefCell<Embedded> = RefCell::new(Embedded::new());
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_a_plugin_says_of_its_failure_can_be_shown(text in text()) {
        let does = format!("say {text}");
        let params = [("during", "phase_start"), ("does", does.as_str())];
        let (hook, report) = EMBEDDED.with_borrow_mut(|embedded| runtime().block_on(async {
            let hook = embedded.registry.resolve(Category::PhaseHook, "rogue_hook").unwrap();
            embedded.add(Category::PhaseHook, "rogue_hook", &params, Limits::default()).await;
            (hook, embedded.run(0))
        }));
        let failure = reported(&report, "rogue_hook").failure.as_ref().unwrap();
        prop_assert!(failure.message.contains("nobody knows how to `say "), "{}", failure);
        assert_is_a_line(&failure.to_string());
        let refused = Plugin::refused(hook, &text);
        assert_is_a_line(&refused.failure().unwrap().to_string());
    }
}

proptest! {
    // Each runs the command, some several times.
    #![proptest_config(cases(64))]

    #[test]
    fn packages_can_be_listed_shown_and_validated_whatever_they_say(
        texts in prop::collection::vec(text(), 10), refused in text(),
    ) {
        let dir = Dir::new();
        let [version, about, author, license, class, description, tag, param, default, folder] =
            texts.each_ref_text();
        let params = json!([{"name": "label", "default": default, "description": param,
            "choices": [default, "x"]}]);
        let manifest = json!({
            "plugin": {"name": "acme", "version": version, "description": about,
                "author": author, "license": license},
            "post_processors": {"audit": {"component": "a.wasm", "class": class,
                "description": description, "tags": [tag], "config_params": params}},
        });
        let folder = as_file_name(folder);
        let manifest = in_yaml(&manifest.to_string());
        dir.write(&format!("plugins/{folder}/registry.yaml"), manifest);
        dir.write(&format!("plugins/{folder}/a.wasm"), crate::support::from_wat("asks-much"));
        dir.write("plugins/refused/registry.yaml", &refused);
        let plugins = "--plugins-dir=plugins";
        let listed = dir.perfbox(["plugins", "list", "--all", plugins]).expect(0);
        prop_assert!(listed.stdout.contains("acme"), "{:#?}", listed);
        let shown = dir.perfbox(["plugins", "show", "audit", plugins]).expect(0);
        let validated = dir.perfbox(["plugins", "validate", "plugins"]).expect(2);
        [listed, shown, validated].iter().for_each(assert_ran_shown);
    }

    #[test]
    fn a_component_can_be_inspected_whatever_it_says(
        texts in prop::collection::vec(text(), 6), file in text(),
    ) {
        let dir = Dir::new();
        let [name, version, description, import, param, default] = texts.each_ref_text();
        let offers = json!({"contract": "perfbox:plugin@0.2.0", "implementations": [{
            "category": "phase_hook", "class": "audit", "description": description,
            "config_params": [{"name": "label", "type": "string", "default": default,
                "description": param}]}]});
        let custom = |name: &str, text: &str| format!("(@custom \"{name}\" \"{}\")", in_wat(text));
        let wat = format!(
            "(component (import \"acme:{}/x\" (instance)) (instance $i) \
             (export \"perfbox:plugin/phase-hook@0.1.{}\" (instance $i)) {}{}{}{})",
            in_wat(import), in_wat(version), custom("version", version),
            custom("authors", name), custom("description", description),
            custom("perfbox:offers", &offers.to_string()),
        );
        let file = format!("{}.wasm", as_file_name(&file));
        dir.write(&file, wat::parse_str(wat).unwrap());
        assert_ran_shown(&dir.perfbox(["plugins", "inspect", &format!("./{file}")]).expect(0));
    }

    #[test]
    fn a_run_can_be_watched_whatever_its_records_say(
        texts in prop::collection::vec(text(), 6), file in text(), skip in any::<bool>(),
    ) {
        let dir = Dir::new();
        let [phase, metric, unit, worker, kind, message] = texts.each_ref_text();
        let record = |phase: &str, metric: &str, unit: &str| json!({
            "metadata": {"phase_name": phase, "request_start_ns": 1, "worker_id": worker},
            "metrics": {metric: {"value": 1, "unit": unit}},
            "error": {"type": kind, "message": message},
        });
        let lines = [record("p", "m", "ms"), record(phase, metric, unit)];
        let file = as_file_name(&file);
        dir.write(&file, lines.map(|line| format!("{line}\n")).concat());
        let run = dir.perfbox(["run", &format!("./{file}"), "--hook=phase_log"]);
        let ran = match skip {
            true => run.arg("--skip-bad-records").expect(0),
            false => run.run(),
        };
        prop_assert!([0, 4].contains(&ran.status), "{:#?}", ran);
        assert_ran_shown(&ran);
    }

    #[test]
    fn what_is_wrong_with_a_command_line_can_be_shown(text in text(), at in 0_usize..13) {
        let dir = Dir::with_records();
        // What the system cannot hand on as an argument.
        let text = format!("x{}", text.replace('\0', ""));
        let run = dir.perfbox(["run", "results.jsonl"]);
        let ran = match at {
            0 => dir.perfbox(["run", &text]),
            1 => run.arg(format!("--processor={text}")),
            2 => run.arg(format!("--set={text}=1")),
            3 => run.arg(format!("--set=metrics.{text}=1")),
            4 => run.arg(format!("--limit={text}=1")),
            5 => run.arg(format!("--config={text}")),
            6 => run.arg(format!("--plugins-dir={text}")),
            7 => dir.perfbox(["plugins", "show", &text]),
            8 => dir.perfbox([&text]),
            9 => run.arg(format!("--{text}")),
            10 => run.arg(format!("--format={text}")),
            11 => run.arg(format!("--batch-size={text}")),
            _ => dir.perfbox(["plugins", "list", &format!("--category={text}")]),
        }
        .run();
        prop_assert!([2, 4].contains(&ran.status), "{:#?}", ran);
        assert_ran_shown(&ran);
    }
}

/// So many texts by name.
trait Texts<const N: usize> {
    fn each_ref_text(&self) -> [&str; N];
}

impl<const N: usize> Texts<N> for Vec<String> {
    fn each_ref_text(&self) -> [&str; N] {
        self.iter().map(String::as_str).collect::<Vec<_>>().try_into().unwrap()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// A report with text of any kind in all its places.
fn report() -> impl Strategy<Value = Report> {
    let metrics = prop::collection::vec(metric(), 0..6);
    let result = (metrics, prop::option::of(text())).prop_map(|(metrics, report)| {
        ProcessorResult { record_count: 1, error_count: 0, metrics, report }
    });
    let results = prop::collection::btree_map(text(), result, 0..3);
    (results, text(), text()).prop_map(|(results, phase, input)| {
        let mut source = Items::new([], vec![phase_summary()]);
        let options = RunOptions { threads: 1, ..RunOptions::default() };
        let report = perfbox::run(&mut source, Vec::new(), options).report;
        let phase = Phase { name: phase, kind: input.clone(), index: 0 };
        let input = InputReport {
            path: input.clone(),
            format: "",
            records: 0,
            bad_records: 1,
            bytes: 0,
            bad_record_reasons: vec![input],
        };
        let phases = vec![PhaseReport { phase, stats: PhaseStats::default() }];
        Report { inputs: vec![input], phases, results, ..report }
    })
}

fn metric() -> impl Strategy<Value = Metric> {
    let labels = prop::collection::btree_map(text(), text(), 0..3);
    let texts = (text(), prop::option::of(text()), text(), prop::option::of(text()));
    (texts, labels, value()).prop_map(|((name, phase, unit, basis), labels, value)| Metric {
        name,
        phase,
        labels: labels as BTreeMap<_, _>,
        unit,
        basis,
        value,
    })
}

fn value() -> impl Strategy<Value = MetricValue> {
    let distribution = (any::<f64>(), text()).prop_map(|(value, method)| {
        let quantile = Quantile { percent: 50.0, value, unreliable: true };
        MetricValue::Distribution(Distribution {
            count: 1,
            sum: value,
            avg: value,
            min: value,
            max: value,
            std: 0.0,
            quantiles: vec![quantile],
            method,
        })
    });
    prop_oneof![
        any::<u64>().prop_map(MetricValue::Count),
        any::<f64>().prop_map(MetricValue::Number),
        distribution,
    ]
}
