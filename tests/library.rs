//! perfbox without its command line.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use perfbox::report::{MetricValue, PluginStatus, RunStatus};
use perfbox::source::{Item, Recorded, RecordedOptions, Source, SourceEnd};
use perfbox::{Category, EventKind, FailureKind, Limits, Pipeline, Report};

use crate::support::embedded::{Embedded, batch, event, phase_summary, reported};
use crate::support::{Dir, records};

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
    let report = embedded.run(4).await;
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

#[tokio::test]
async fn a_pipeline_without_plugins_or_records_has_an_empty_report() {
    let report = Pipeline::new().finish(&[]).await;
    assert_eq!(report.status, RunStatus::Ok);
    assert!(report.plugins.is_empty() && report.results.is_empty() && report.phases.is_empty());
}

#[tokio::test]
async fn a_batch_without_records_is_given_to_nobody() {
    let mut embedded = Embedded::new();
    embedded.add(PROCESSOR, "witness_processor", &[], Limits::default()).await;
    embedded.pipeline.batch(batch(&[])).await;
    embedded.pipeline.batch(batch(&[Some(1.0)])).await;
    let report = embedded.pipeline.finish(&[phase_summary()]).await;
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
    let report = embedded.run(0).await;
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
    let report = embedded.run(1).await;
    assert_eq!(report.status, RunStatus::PluginFailed);
    assert_eq!(report.results.keys().collect::<Vec<_>>(), ["witness_processor"]);
    let failure = reported(&report, "rogue_processor").failure.as_ref().unwrap();
    assert_eq!((failure.kind, failure.during.as_str()), (FailureKind::Error, "finish"));
}

#[tokio::test]
async fn without_an_output_directory_a_plugin_has_no_file_system() {
    let mut embedded = Embedded::new();
    embedded.add(PROCESSOR, "probe", &[], Limits::default()).await;
    let report = embedded.run(1).await;
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
    embedded.pipeline.event(&event(EventKind::PhaseTimeout, 5)).await;
    embedded.pipeline.batch(batch(&[Some(1.0)])).await;
    let report = embedded.pipeline.finish(&[]).await;
    assert_eq!(reported(&report, "witness_hook").cost.calls, 2);
}

#[test]
fn a_recorded_source_announces_the_columns_of_all_its_batches() {
    let dir = Dir::with_records();
    let input = dir.path("results.jsonl").to_string_lossy().into_owned();
    let options = RecordedOptions { batch_records: 100, ..RecordedOptions::default() };
    let mut source = Recorded::open(&[input], options).unwrap();
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
    while let Some(item) = source.next_item() {
        match item {
            Item::Event(_) => events += 1,
            Item::Batch(batch) => {
                assert_eq!(events, 0, "events come after the last batch");
                let names: Vec<_> = batch.columns().map(|(info, _)| info.name.clone()).collect();
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

/// Hands on what another source has, and sets its stop flag with the first batch.
struct StopAfterFirst {
    inner: Recorded,
    stop: Arc<AtomicBool>,
}

impl Source for StopAfterFirst {
    fn next_item(&mut self) -> Option<Item> {
        let item = self.inner.next_item();
        self.stop.store(true, Ordering::Relaxed);
        item
    }
    fn bytes_read(&self) -> u64 {
        self.inner.bytes_read()
    }
    fn total_bytes(&self) -> Option<u64> {
        self.inner.total_bytes()
    }
    fn end(&mut self) -> SourceEnd {
        self.inner.end()
    }
}

#[tokio::test]
async fn an_interrupted_run_reports_what_was_processed() {
    let dir = Dir::new();
    let input = dir.write("r.jsonl", records("profiling", 100));
    let stop = Arc::new(AtomicBool::new(false));
    let options = RecordedOptions {
        batch_records: 10,
        stop: Arc::clone(&stop),
        ..RecordedOptions::default()
    };
    let inner = Recorded::open(&[input.to_string_lossy().into_owned()], options).unwrap();
    let mut embedded = Embedded::new();
    embedded.add(PROCESSOR, "witness_processor", &[], Limits::default()).await;
    embedded.add(HOOK, "witness_hook", &[], Limits::default()).await;
    let mut source = StopAfterFirst { inner, stop };
    let finished = perfbox::run(&mut source, embedded.pipeline, &mut |_| {}).await;
    let report = finished.report;
    assert_eq!(report.status, RunStatus::Interrupted);
    assert!(finished.error.is_none());
    assert_eq!(number(&report, "witness_processor", "records"), Some(10.0));
    assert_eq!(report.inputs[0].records, 10);
    assert_eq!(report.phases[0].stats.sent, 10);
    assert_eq!(reported(&report, "witness_hook").cost.calls, 4);
}
