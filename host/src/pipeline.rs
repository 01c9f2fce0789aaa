//! A run: phase events to hooks, batches to processors, results into a report.
//!
//! A plugin that fails is out for the rest of the run; it costs no other plugin an
//! event or a record.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use crate::batch::Batch;
use crate::instance::{
    Cost, Failure, FailureKind, HookInstance, InstanceConfig, ProcessorInstance,
};
use crate::limits::Limits;
use crate::loader::{Loaded, LoadedComponent, Origin};
use crate::names::Category;
use crate::phase::{PhaseEvent, PhaseSummary};
use crate::registry::{ComponentLocation, Implementation};
use crate::report::{
    PluginReport, PluginStatus, ProcessorResult, Report, RunStatus, list_files, relative_dir,
};
use crate::source::{Item, Source, SourceError};

/// How a loaded implementation takes part in a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its parameters, checked: see [`check_params`](crate::registry::check_params).
    pub config: serde_json::Map<String, serde_json::Value>,
    /// What it may use.
    pub limits: Limits,
    /// A directory of its own, that it sees as `/out`; none: no file system.
    pub output_dir: Option<PathBuf>,
}

/// The plugins of one run, created and ready.
#[derive(Default)]
pub struct Pipeline {
    hooks: Vec<Slot<HookInstance>>,
    processors: Vec<Slot<ProcessorInstance>>,
}

/// A plugin's place in a run.
struct Slot<I> {
    implementation: Arc<Implementation>,
    output_dir: Option<PathBuf>,
    origin: Option<Origin>,
    state: State<I>,
}

enum State<I> {
    Ready(I),
    Failed(Failure, Cost),
}

impl Pipeline {
    /// Without plugins.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has an instance of a loaded implementation created. One that refuses its
    /// configuration, or fails otherwise, takes part as a failed one.
    pub async fn add(&mut self, loaded: Loaded, settings: Settings) {
        let Loaded { implementation, origin, component } = loaded;
        let Settings { config, limits, output_dir } = settings;
        let config = InstanceConfig {
            identifier: implementation.identifier.to_string(),
            class: implementation.class.clone(),
            config: serde_json::Value::Object(config).to_string(),
            limits,
            output_dir: output_dir.clone(),
        };
        let origin = Some(origin);
        match component {
            LoadedComponent::Hook(component) => {
                let state = State::from(HookInstance::create(&component, &config).await);
                insert(&mut self.hooks, Slot { implementation, output_dir, origin, state });
            }
            LoadedComponent::Processor(component) => {
                let state = State::from(ProcessorInstance::create(&component, &config).await);
                insert(&mut self.processors, Slot { implementation, output_dir, origin, state });
            }
        }
    }

    /// Lets an implementation that was refused before it could be loaded take part as a
    /// failed one, with the reason in words.
    pub fn add_refused(&mut self, implementation: Arc<Implementation>, reason: impl Display) {
        let failure = Failure::new(FailureKind::Rejected, "load", reason.to_string());
        let (output_dir, origin, cost) = (None, None, Cost::default());
        match implementation.category {
            Category::PhaseHook => {
                let state = State::Failed(failure, cost);
                insert(&mut self.hooks, Slot { implementation, output_dir, origin, state });
            }
            Category::PostProcessor => {
                let state = State::Failed(failure, cost);
                insert(&mut self.processors, Slot { implementation, output_dir, origin, state });
            }
        }
    }

    /// Tells every hook of an event, in the order of their priorities.
    pub async fn event(&mut self, event: &PhaseEvent) {
        for slot in &mut self.hooks {
            if let State::Ready(hook) = &mut slot.state
                && let Err(failure) = hook.call(event).await
            {
                slot.state = State::Failed(failure, hook.cost().clone());
            }
        }
    }

    /// Gives every processor a batch. One without records is given to none.
    pub async fn batch(&mut self, batch: Batch) {
        if batch.is_empty() {
            return;
        }
        let batch = Arc::new(batch);
        for slot in &mut self.processors {
            if let State::Ready(processor) = &mut slot.state
                && let Err(failure) = processor.process(&batch).await
            {
                slot.state = State::Failed(failure, processor.cost().clone());
            }
        }
    }

    /// Asks every processor for its results.
    pub async fn finish(mut self, phases: &[PhaseSummary]) -> Report {
        let mut results: BTreeMap<String, ProcessorResult> = BTreeMap::new();
        for slot in &mut self.processors {
            if let State::Ready(processor) = &mut slot.state {
                match processor.finish(phases).await {
                    Ok(result) => {
                        results.insert(slot.implementation.identifier.to_string(), result);
                    }
                    Err(failure) => slot.state = State::Failed(failure, processor.cost().clone()),
                }
            }
        }
        let hooks = self.hooks.into_iter().map(|slot| slot.report(HookInstance::cost));
        let processors =
            self.processors.into_iter().map(|slot| slot.report(ProcessorInstance::cost));
        Report::new(phases, hooks.chain(processors).collect(), results)
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
    while let Some(item) = source.next_item() {
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
    let status = match (end.interrupted, end.error.is_some()) {
        (true, _) => RunStatus::Interrupted,
        (false, true) => RunStatus::BadInput,
        (false, false) => report.status,
    };
    Finished { report: Report { inputs: end.inputs, status, ..report }, error: end.error }
}

/// Keeps the order of calls: by priority, ties by identifier.
fn insert<I>(slots: &mut Vec<Slot<I>>, slot: Slot<I>) {
    let key =
        |slot: &Slot<I>| (slot.implementation.priority, slot.implementation.identifier.clone());
    let place = slots.partition_point(|known| key(known) <= key(&slot));
    slots.insert(place, slot);
}

impl<I> From<Result<I, (Failure, Cost)>> for State<I> {
    fn from(created: Result<I, (Failure, Cost)>) -> Self {
        match created {
            Ok(instance) => Self::Ready(instance),
            Err((failure, cost)) => Self::Failed(failure, cost),
        }
    }
}

impl<I> Slot<I> {
    fn report(self, cost_of: impl Fn(&I) -> &Cost) -> PluginReport {
        let (status, failure, mut cost) = match self.state {
            State::Ready(instance) => (PluginStatus::Ok, None, cost_of(&instance).clone()),
            State::Failed(failure, cost) => (PluginStatus::Failed, Some(failure), cost),
        };
        let one = &self.implementation;
        let dir = relative_dir(one);
        // A directory that cannot be listed is reported as empty: its plugin is no worse.
        let written = self.output_dir.and_then(|dir| list_files(&dir).ok()).unwrap_or_default();
        cost.output_bytes = written.iter().map(|file| file.bytes).sum();
        cost.compile_ns = self.origin.as_ref().map_or(0, |origin| origin.compile_ns);
        PluginReport {
            category: one.category,
            identifier: one.identifier.clone(),
            package: one.package.to_string(),
            version: one.version.clone(),
            component: match &one.component {
                ComponentLocation::Builtin => format!("builtin:{}", one.identifier),
                ComponentLocation::File { path, .. } => path.to_string_lossy().into_owned(),
            },
            digest: self.origin.map(|origin| origin.digest.to_string()),
            status,
            failure,
            files: written.iter().map(|file| format!("{dir}/{}", file.path)).collect(),
            cost,
        }
    }
}
