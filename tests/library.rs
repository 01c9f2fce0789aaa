//! perfbox without its command line.

use perfbox::records::{BlockResult, RecordedOptions, RecordedSource};
use perfbox::registry::{Implementation, PackageSource, PluginSources};
use perfbox::report::{MetricValue, PluginStatus, RunStatus};
use perfbox::source::{Item, Items, ReadTask, Source, SourceEnd};
use perfbox::{
    CancelToken, Category, CompileMode, EventKind, FailureKind, Limits, Loader, Plugin, Registry,
    Report, RunOptions, Settings,
};

use crate::support::embedded::{Embedded, batch, event, phase_summary, reported};
use crate::support::{Dir, manifest, misbehaving, records};

const HOOK: Category = Category::PhaseHook;
const PROCESSOR: Category = Category::PostProcessor;

/// The value of a metric that is a number or a count.
fn number(report: &Report, processor: &str, name: &str) -> Option<f64> {
    let mut metrics = report.results[processor].metrics.iter();
    match &metrics.find(|metric| metric.name == name)?.value {
        MetricValue::Count(count) => Some(*count as f64),
        MetricValue::Number(number) => Some(*number),
        MetricValue::Distribution(distribution) => Some(distribution.avg),
    }
}

#[tokio::test]
async fn events_and_batches_of_ones_own_become_a_report() {
    let mut embedded = Embedded::new();
    embedded.add(PROCESSOR, "metrics", &[], Limits::for_builtins()).await;
    embedded.add(PROCESSOR, "witness_processor", &[], Limits::default()).await;
    embedded.add(HOOK, "witness_hook", &[], Limits::default()).await;
    let report = embedded.run(4);
    assert_eq!(report.status, RunStatus::Ok);
    assert!(report.inputs.is_empty());
    assert_eq!(report.phases[0].phase.name, "steady");
    let order: Vec<_> = report.plugins.iter().map(|one| one.identifier.as_str()).collect();
    assert_eq!(order, ["witness_hook", "metrics", "witness_processor"]);
    assert_eq!(number(&report, "metrics", "request_latency"), Some(15.0));
    assert_eq!(number(&report, "metrics", "request_throughput"), Some(4.0));
    assert_eq!(number(&report, "witness_processor", "batches"), Some(4.0));
    let result = &report.results["metrics"];
    assert_eq!((result.record_count, result.error_count), (12, 4));
    // create and three events; create, requirements, four batches and finish.
    assert_eq!(reported(&report, "witness_hook").cost.calls, 4);
    assert_eq!(reported(&report, "metrics").cost.calls, 7);
}

#[test]
fn a_run_without_plugins_or_records_has_an_empty_report() {
    let mut source = Items::new([], Vec::new());
    let report = perfbox::run(&mut source, Vec::new(), RunOptions::default()).report;
    assert_eq!(report.status, RunStatus::Ok);
    assert!(report.plugins.is_empty() && report.results.is_empty() && report.phases.is_empty());
}

/// A file with that in it, opened, more added to it, and read. How many records there
/// were, and why it ended.
fn read_while_it_grows(text: &str, added: &str) -> (usize, Option<String>) {
    use std::io::Write as _;
    let dir = Dir::new();
    let path = dir.write("r.jsonl", text);
    let name = path.to_string_lossy().into_owned();
    let source =
        RecordedSource::open(std::slice::from_ref(&name), RecordedOptions::default()).unwrap();
    let mut file = std::fs::File::options().append(true).open(path).unwrap();
    file.write_all(added.as_bytes()).unwrap();
    let batches = source.items().filter_map(|item| match item {
        Item::Batch(batch) => Some(batch.len()),
        Item::Event(_) => None,
    });
    let records = batches.sum();
    (records, source.end().error.map(|error| error.to_string().replace(&name, "r.jsonl")))
}

#[test]
fn what_is_added_to_a_file_while_it_is_read_is_not_waited_for() {
    assert_eq!(read_while_it_grows(&records("load", 3), &records("load", 2)), (3, None));
}

#[test]
fn a_last_line_of_a_file_that_grows_is_said_to_be_still_written() {
    let text = records("load", 3);
    let (whole, rest) = text.split_at(text.len() - 20);
    let (records, error) = read_while_it_grows(whole, rest);
    assert_eq!(records, 2);
    let words = "; the input is still being written; skip bad records with --skip-bad-records";
    assert!(error.as_ref().unwrap().starts_with("r.jsonl:3:"), "{error:?}");
    assert!(error.as_ref().unwrap().ends_with(words), "{error:?}");
    // One that does not grow any more is as bad, and nobody writes to it.
    let (records, error) = read_while_it_grows(whole, "");
    assert_eq!(records, 2);
    assert!(!error.unwrap().contains("still being written"));
}

#[tokio::test]
async fn a_batch_without_records_is_given_to_nobody() {
    let mut embedded = Embedded::new();
    embedded.add(PROCESSOR, "witness_processor", &[], Limits::default()).await;
    let batches = [batch(&[]), batch(&[Some(1.0)])];
    let report = embedded.run_items(batches.map(Item::Batch).into());
    assert_eq!(number(&report, "witness_processor", "batches"), Some(1.0));
}

#[tokio::test]
async fn one_implementation_added_twice_has_two_instances_that_share_nothing_but_code() {
    let mut embedded = Embedded::new();
    embedded.add(HOOK, "witness_hook", &[], Limits::default()).await;
    let failing = [("during", "phase_start"), ("does", "error")];
    embedded.add(HOOK, "rogue_hook", &failing, Limits::default()).await;
    let quiet = [("during", "never"), ("does", "error")];
    embedded.add(HOOK, "rogue_hook", &quiet, Limits::default()).await;
    let report = embedded.run(0);
    let of_rogue: Vec<_> = report
        .plugins
        .iter()
        .filter(|one| one.identifier.as_str() == "rogue_hook")
        .map(|one| (one.status, one.cost.calls, one.cost.instances))
        .collect();
    assert_eq!(of_rogue, [(PluginStatus::Failed, 2, 1), (PluginStatus::Ok, 4, 1)]);
    // Compiled once, for the first that needed it.
    let compiled = report.plugins.iter().filter(|one| one.cost.compile_ns > 0).count();
    assert_eq!(compiled, 1);
}

#[tokio::test]
async fn only_processors_that_did_their_work_have_results() {
    let mut embedded = Embedded::new();
    embedded.add(PROCESSOR, "witness_processor", &[], Limits::default()).await;
    let failing = [("during", "finish"), ("does", "error")];
    embedded.add(PROCESSOR, "rogue_processor", &failing, Limits::default()).await;
    let report = embedded.run(1);
    assert_eq!(report.status, RunStatus::PluginFailed);
    assert_eq!(report.results.keys().collect::<Vec<_>>(), ["witness_processor"]);
    let failure = reported(&report, "rogue_processor").failure.as_ref().unwrap();
    assert_eq!((failure.kind, failure.during.as_str()), (FailureKind::Error, "finish"));
}

#[tokio::test]
async fn without_an_output_directory_a_plugin_has_no_file_system() {
    let mut embedded = Embedded::new();
    embedded.add(PROCESSOR, "probe", &[], Limits::default()).await;
    let report = embedded.run(1);
    let failure = reported(&report, "probe").failure.as_ref().unwrap();
    assert_eq!((failure.kind, failure.during.as_str()), (FailureKind::Error, "create"));
    assert!(
        failure.message.starts_with("its files could not be written: `kept.txt`: "),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn hooks_may_be_told_of_events_and_never_of_a_batch() {
    let mut embedded = Embedded::new();
    embedded.add(HOOK, "witness_hook", &[], Limits::default()).await;
    let timeout = Item::Event(event(EventKind::PhaseTimeout, 5));
    let report = embedded.run_items(vec![timeout, Item::Batch(batch(&[Some(1.0)]))]);
    assert_eq!(reported(&report, "witness_hook").cost.calls, 2);
}

#[test]
fn recorded_source_announces_the_columns_of_the_start_of_its_inputs() {
    let dir = Dir::with_records();
    let input = dir.path("results.jsonl").to_string_lossy().into_owned();
    let options = RecordedOptions { batch_records: 100, ..RecordedOptions::default() };
    let source = RecordedSource::open(&[input], options).unwrap();
    let announced: Vec<String> =
        source.columns().iter().map(|column| column.name.clone()).collect();
    assert_eq!(
        announced[..10],
        [
            "request_start_ns",
            "request_end_ns",
            "request_latency",
            "status",
            "error_type",
            "error_message",
            "name",
            "worker_id",
            "session_id",
            "was_cancelled"
        ]
    );
    let mut events = 0;
    let mut batches = Vec::new();
    for item in source.items() {
        match item {
            Item::Event(_) => events += 1,
            Item::Batch(batch) => {
                assert_eq!(events, 0, "events come after the last batch");
                // A late metric would have a column behind these.
                let names: Vec<_> = batch.infos().iter().map(|info| info.name.clone()).collect();
                assert_eq!(names, announced);
                batches.push((batch.phase().name.clone(), batch.len()));
            }
        }
    }
    assert_eq!(events, 6);
    assert!(batches.iter().all(|(_, len)| *len <= 100));
    let of = |phase: &str| -> usize {
        batches.iter().filter(|(name, _)| name == phase).map(|(_, len)| len).sum()
    };
    assert_eq!((of("warmup"), of("profiling")), (40, 352));
}

/// Another source, cancelled once its first read is accepted.
struct CancelAfterFirst {
    inner: RecordedSource,
    cancel: CancelToken,
}

impl Source for CancelAfterFirst {
    type Read = BlockResult;

    fn next_read(&self) -> Option<ReadTask<'_, BlockResult>> {
        self.inner.next_read()
    }
    fn accept(&self, read: BlockResult) -> Vec<Item> {
        self.cancel.cancel();
        self.inner.accept(read)
    }
    fn stop(&self) {
        self.inner.stop();
    }
    fn bytes_read(&self) -> u64 {
        self.inner.bytes_read()
    }
    fn total_bytes(&self) -> Option<u64> {
        self.inner.total_bytes()
    }
    fn end(&self) -> SourceEnd {
        self.inner.end()
    }
}

#[tokio::test]
async fn an_interrupted_run_reports_what_was_processed() {
    let dir = Dir::new();
    let input = dir.write("r.jsonl", records("profiling", 40_000));
    let cancel = CancelToken::default();
    let options = RecordedOptions { cancel: cancel.clone(), ..RecordedOptions::default() };
    let inner = RecordedSource::open(&[input.to_string_lossy().into_owned()], options).unwrap();
    let mut embedded = Embedded::new();
    embedded.add(PROCESSOR, "witness_processor", &[], Limits::default()).await;
    embedded.add(HOOK, "witness_hook", &[], Limits::default()).await;
    let mut source = CancelAfterFirst { inner, cancel };
    let options = RunOptions { threads: 1, ..RunOptions::default() };
    let finished = perfbox::run(&mut source, embedded.take_plugins(), options);
    let report = finished.report;
    assert_eq!(report.status, RunStatus::Interrupted);
    assert!(finished.error.is_none());
    let read = report.inputs[0].records;
    assert!((1..40_000).contains(&read), "{read}");
    assert_eq!(number(&report, "witness_processor", "records"), Some(read as f64));
    assert_eq!(report.phases[0].stats.sent, read);
    assert_eq!(reported(&report, "witness_hook").cost.calls, 4);
}

#[test]
fn a_registered_implementation_is_resolved_without_its_component_being_there() {
    let mut registry = Registry::with_builtins();
    let one = |identifier: &str, package: &str| {
        let (identifier, package) = (identifier.parse().unwrap(), package.parse().unwrap());
        Implementation::new(PROCESSOR, identifier, package, "no/such/file.wasm")
    };
    registry.register(one("audit", "acme")).unwrap();
    registry.register(one("check", "acme")).unwrap();
    assert_eq!(registry.resolve(PROCESSOR, "audit").unwrap().source, PackageSource::Library);
    assert_eq!(registry.packages().iter().filter(|package| package.name == "acme").count(), 1);
    assert_eq!(
        registry.register(one("audit", "acme")).unwrap_err().to_string(),
        "package `acme` already offers post_processor/audit; register it once, or with another identifier"
    );
    // Of another package it is ambiguous, as a plugin in a directory is.
    registry.register(one("audit", "bolt")).unwrap();
    let words = registry.resolve(PROCESSOR, "audit").unwrap_err().to_string();
    assert!(words.starts_with("`audit` is offered by 2 packages: "), "{words}");
    let mut loader = Loader::new(CompileMode::InProcess).unwrap();
    let check = registry.resolve(PROCESSOR, "check").unwrap();
    let words = loader.load(check, &Limits::default()).err().unwrap().to_string();
    assert!(words.starts_with("cannot read component `no/such/file.wasm`: "), "{words}");
}

#[test]
fn all_sources_are_discovered_at_once() {
    let dir = Dir::new();
    dir.write("plugins/a/registry.yaml", manifest("acme", "1.0.0", "audit"));
    let mut registry = Registry::with_builtins();
    let mut sources = PluginSources {
        plugins_dirs: vec![dir.path("plugins")],
        plugin_files: vec![misbehaving().to_owned()],
    };
    registry.discover_all(&sources).unwrap();
    let names: Vec<_> = registry.packages().iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["builtin", "acme", "perfbox_misbehaving"]);
    sources.plugins_dirs.push(dir.path("missing"));
    let words = registry.discover_all(&sources).unwrap_err().to_string();
    assert!(words.starts_with("cannot read plugins directory `"), "{words}");
    assert!(words.ends_with("/missing`; check that it exists and is readable"), "{words}");
}

#[tokio::test]
async fn an_instance_of_a_categorys_default_is_created() {
    let mut registry = Registry::with_builtins();
    registry.register_file(misbehaving()).unwrap();
    let mut loader = Loader::new(CompileMode::InProcess).unwrap();
    let settings = || Settings { limits: Limits::for_builtins(), ..Settings::default() };
    let of = |plugin: &Plugin| plugin.implementation().key();

    let default = loader.create_instance(&registry, PROCESSOR, settings()).await.unwrap();
    assert_eq!(of(&default), "post_processor/metrics");
    let words = loader.create_instance(&registry, HOOK, settings()).await.err().unwrap();
    assert_eq!(words.to_string(), "no default phase_hook; set one with `use_implementation_by_id`");

    registry.use_implementation_by_id(PROCESSOR, "witness_processor").unwrap();
    registry.use_implementation_by_id(HOOK, "witness_hook").unwrap();
    let mut plugins = Vec::new();
    for category in [PROCESSOR, HOOK] {
        let instance = loader.create_instance(&registry, category, settings()).await.unwrap();
        assert!(instance.failure().is_none());
        plugins.push(instance);
    }
    let items = [Item::Event(event(EventKind::PhaseStart, 1)), Item::Batch(batch(&[Some(1.0)]))];
    let mut source = Items::new(items, vec![phase_summary()]);
    let report = perfbox::run(&mut source, plugins, RunOptions::default()).report;
    assert_eq!(number(&report, "witness_processor", "records"), Some(1.0));
    assert_eq!(reported(&report, "witness_hook").cost.calls, 2);

    let words = registry.use_implementation_by_id(PROCESSOR, "witnes_processor").unwrap_err();
    assert!(words.to_string().contains("did you mean `witness_processor`?"), "{words}");
}
