//! A run: phase events to hooks, batches to processors, results into a report.
//!
//! A plugin that fails is out for the rest of the run; it costs no other plugin an
//! event or a record, unless it was said to end the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::batch::Batch;
use crate::instance::{FailureKind, Instance};
use crate::phase::{PhaseEvent, PhaseSummary};
use crate::report::{PluginReport, ProcessorResult, Report, RunStatus};
use crate::source::{Item, Source, SourceError};

/// The plugins of one run, created and ready.
#[derive(Default)]
pub struct Pipeline {
    /// In the order of calls.
    instances: Vec<Instance>,
}

impl Pipeline {
    /// Without plugins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets an instance take part, in the order of calls: by category, priority and
    /// identifier.
    pub fn add(&mut self, instance: Instance) {
        let order = |instance: &Instance| {
            let one = instance.implementation();
            (one.category, one.priority, one.identifier.clone())
        };
        let place = self.instances.partition_point(|known| order(known) <= order(&instance));
        self.instances.insert(place, instance);
    }

    /// The plugin that the run is to end for, since it failed and that is what is to
    /// become of the run then.
    pub fn aborted_by(&self) -> Option<String> {
        let instance = self.instances.iter().find(|instance| instance.aborts_run())?;
        Some(instance.implementation().key())
    }

    /// Tells every hook of an event.
    pub async fn event(&mut self, event: &PhaseEvent) {
        for instance in &mut self.instances {
            instance.event(event).await;
        }
    }

    /// Gives every processor a batch. One without records is given to none.
    pub async fn batch(&mut self, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        let batch = Arc::new(batch);
        for instance in &mut self.instances {
            instance.process(&batch).await;
        }
    }

    /// Asks every processor for its results.
    pub async fn finish(mut self, phases: &[PhaseSummary]) -> Report {
        let mut results: BTreeMap<String, ProcessorResult> = BTreeMap::new();
        for instance in &mut self.instances {
            if let Some(result) = instance.finish(phases).await {
                results.insert(instance.implementation().identifier.to_string(), result);
            }
        }
        let aborted_by = self.aborted_by();
        let plugins = self.instances.into_iter().map(Instance::into_report).collect();
        Report { aborted_by, ..Report::new(phases, plugins, results) }
    }
}

/// A run that is over.
#[derive(Debug)]
pub struct Finished {
    /// What came of it.
    pub report: Report,
    /// Why the source ended before its end.
    pub error: Option<SourceError>,
}

/// Everything that a source has to say, to the plugins; then their report. `progress`
/// is told after each batch how many bytes of the source have been read.
pub async fn run(
    source: &mut dyn Source,
    mut pipeline: Pipeline,
    progress: &mut dyn FnMut(u64),
) -> Finished {
    loop {
        if pipeline.aborted_by().is_some() {
            source.stop();
        }
        let Some(item) = source.next_item() else { break };
        match item {
            Item::Batch(batch) => {
                pipeline.batch(batch).await;
                progress(source.bytes_read());
            }
            Item::Event(event) => pipeline.event(&event).await,
        }
    }
    let end = source.end();
    let report = pipeline.finish(&end.phases).await;
    // After all was read, a plugin may still have been cut short.
    let is_cut_short = |plugin: &PluginReport| {
        plugin.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Interrupted)
    };
    let interrupted = end.interrupted || report.plugins.iter().any(is_cut_short);
    let status = match (interrupted, end.error.is_some()) {
        (true, _) => RunStatus::Interrupted,
        (false, true) => RunStatus::BadInput,
        (false, false) => report.status,
    };
    Finished { report: Report { inputs: end.inputs, status, ..report }, error: end.error }
}
