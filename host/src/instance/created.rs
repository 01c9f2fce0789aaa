//! A selected implementation in a run: its instance or, once it has failed, why.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use serde::{Deserialize, Serialize};

use super::{
    Cost, Failure, FailureKind, HookInstance, HostState, InstanceConfig, ProcessorInstance,
};
use crate::batch::{Batch, WantedColumns};
use crate::bindings::processor::ProcessorPre;
use crate::escape;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::loader::{LoadError, Loaded, LoadedComponent, Loader, Origin};
use crate::names::Category;
use crate::phase::{PhaseEvent, PhaseSummary};
use crate::registry::{ComponentLocation, Implementation, Registry, ResolveError};
use crate::report::{PluginFile, PluginReport, PluginStatus, ProcessorResult, relative_dir, sweep};
use crate::runtime::block_on;
use crate::stop::Stop;

/// How a loaded implementation takes part in a run.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Its parameters, checked: see [`check_params`](crate::registry::check_params).
    pub config: serde_json::Map<String, serde_json::Value>,
    /// What it may use.
    pub limits: Limits,
    /// What it is given of the world.
    pub grants: Grants,
    /// A directory of its own, that it sees as `/out`; none: it has none.
    pub output_dir: Option<PathBuf>,
    /// What is to become of the run when it fails.
    pub on_failure: OnFailure,
    /// Ends its calls early.
    pub stop: Stop,
    /// Most instances of a processor whose states can be merged; 0 is 1.
    pub shards: usize,
}

/// What becomes of the run when a plugin fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It goes on without the plugin.
    #[default]
    Disable,
    /// It ends there; what was done is kept and reported.
    Abort,
}

/// An implementation that takes part in a run, in a store of its own. One that failed
/// has none any more, and keeps the reason.
pub struct Instance {
    implementation: Arc<Implementation>,
    output_dir: Option<PathBuf>,
    on_failure: OnFailure,
    origin: Option<Origin>,
    state: State,
}

enum State {
    Hook(Box<HookInstance>),
    Processor(Shards),
    Failed(Failure, Cost),
}

/// Instances of one processor, the one that finishes first.
pub(crate) struct Shards {
    instances: Vec<ProcessorInstance>,
}

impl Instance {
    /// Has an instance of a loaded implementation created. One that refuses its
    /// configuration, or fails otherwise, is a failed one.
    pub async fn create(loaded: Loaded, settings: Settings) -> Self {
        if let Err(refused) = loaded.check_grants(&settings.grants) {
            return Self::refused(loaded.implementation, refused).on_failure(settings.on_failure);
        }
        let Loaded { implementation, origin, component, deterministic, .. } = loaded;
        let Settings { config, limits, grants, output_dir, on_failure, stop, shards } = settings;
        let config = InstanceConfig {
            identifier: implementation.identifier.to_string(),
            class: implementation.class.clone(),
            config: serde_json::Value::Object(config).to_string(),
            limits,
            grants,
            output_dir: output_dir.clone(),
            deterministic,
            stop,
        };
        let created = match component {
            LoadedComponent::Hook(component) => {
                let created = HookInstance::create(&component, &config).await;
                created.map(|hook| State::Hook(Box::new(hook)))
            }
            LoadedComponent::Processor(component) => {
                Shards::create(&component, config, shards).await.map(State::Processor)
            }
        };
        let state = created.unwrap_or_else(|(failure, cost)| State::Failed(failure, cost));
        Self { implementation, output_dir, on_failure, origin: Some(origin), state }
    }

    /// One that was refused before it could be loaded, with the reason in words.
    pub fn refused(implementation: Arc<Implementation>, reason: impl ToString) -> Self {
        let failure = Failure::new(FailureKind::Rejected, "load", reason.to_string());
        let state = State::Failed(failure, Cost::default());
        let on_failure = OnFailure::Disable;
        Self { implementation, output_dir: None, on_failure, origin: None, state }
    }

    /// Makes its failure the end of the run, or not.
    #[must_use]
    pub fn on_failure(self, on_failure: OnFailure) -> Self {
        Self { on_failure, ..self }
    }

    /// Whether it has failed, and the run is to end for it.
    pub(crate) fn aborts_run(&self) -> bool {
        self.on_failure == OnFailure::Abort && self.failure().is_some()
    }

    /// Whether the run ends when it fails.
    pub(crate) fn would_abort_run(&self) -> bool {
        self.on_failure == OnFailure::Abort
    }

    /// What it is an instance of.
    pub fn implementation(&self) -> &Implementation {
        &self.implementation
    }

    /// Why it takes no part any more.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.state {
            State::Hook(_) | State::Processor(_) => None,
            State::Failed(failure, _) => Some(failure),
        }
    }

    /// Tells a hook of an event.
    pub(crate) async fn event(&mut self, event: &PhaseEvent) {
        if let State::Hook(hook) = &mut self.state
            && let Err(failure) = hook.call(event).await
        {
            self.state = State::Failed(failure, hook.cost().clone());
        }
    }

    /// The columns that a processor asks for.
    pub(crate) fn wanted_columns(&self) -> Option<&WantedColumns> {
        let State::Processor(shards) = &self.state else { return None };
        shards.instances.first().map(|one| &*one.requirements().columns)
    }

    /// Whether it hears of events.
    pub(crate) fn is_hook(&self) -> bool {
        matches!(self.state, State::Hook(_))
    }

    /// Lends a processor a batch.
    pub(crate) async fn process(&mut self, batch: &Arc<Batch>) {
        if let State::Processor(shards) = &mut self.state
            && let Err(failure) = shards.process(batch).await
        {
            self.state = State::Failed(failure, shards.cost());
        }
    }

    /// The instances of a processor, to be lent batches on several threads.
    pub(crate) fn take_shards(&mut self) -> Vec<ProcessorInstance> {
        match &mut self.state {
            State::Processor(shards) => std::mem::take(&mut shards.instances),
            State::Hook(_) | State::Failed(..) => Vec::new(),
        }
    }

    /// Takes its instances back, in their order, or what became of them.
    pub(crate) fn put_shards(
        &mut self,
        instances: Vec<ProcessorInstance>,
        failure: Option<Failure>,
    ) {
        let shards = Shards { instances };
        self.state = match failure {
            Some(failure) => State::Failed(failure, shards.cost()),
            None => State::Processor(shards),
        };
    }

    /// Asks a processor for its results.
    pub(crate) async fn finish(&mut self, phases: &[PhaseSummary]) -> Option<ProcessorResult> {
        let State::Processor(shards) = &mut self.state else { return None };
        match shards.finish(phases).await {
            Ok(result) => Some(result),
            Err(failure) => {
                self.state = State::Failed(failure, shards.cost());
                None
            }
        }
    }

    /// What the report says of it.
    pub(crate) fn into_report(self) -> PluginReport {
        let (status, failure, mut cost) = match self.state {
            State::Hook(hook) => (PluginStatus::Ok, None, hook.cost().clone()),
            State::Processor(shards) => (PluginStatus::Ok, None, shards.cost()),
            State::Failed(failure, cost) => (PluginStatus::Failed, Some(failure), cost),
        };
        let one = &self.implementation;
        let dir = relative_dir(one);
        // A directory that cannot be listed is reported as empty: its plugin is no worse.
        let swept = self.output_dir.and_then(|dir| sweep(&dir).ok()).unwrap_or_default();
        tell_removed(one, &dir, &swept.removed);
        let written = listed(swept.files, one);
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

impl Shards {
    /// Has one instance created and, where its states can be merged, more of them. Only the
    /// first has the output directory.
    async fn create(
        component: &ProcessorPre<HostState>,
        mut config: InstanceConfig,
        most: usize,
    ) -> Result<Self, (Failure, Cost)> {
        let first = ProcessorInstance::create(component, &config).await?;
        let mergeable = first.requirements().mergeable;
        let mut shards = Self { instances: vec![first] };
        config.output_dir = None;
        while mergeable && shards.instances.len() < most {
            match ProcessorInstance::create(component, &config).await {
                Ok(instance) => shards.instances.push(instance),
                Err((failure, cost)) => {
                    let mut all = shards.cost();
                    all.add(&cost);
                    return Err((failure, all));
                }
            }
        }
        Ok(shards)
    }

    async fn process(&mut self, batch: &Arc<Batch>) -> Result<(), Failure> {
        match self.instances.iter_mut().min_by_key(|one| one.record_count()) {
            Some(instance) => instance.process(batch).await,
            None => Ok(()),
        }
    }

    /// Merges all states into the first's, in order, and asks that for results.
    async fn finish(&mut self, phases: &[PhaseSummary]) -> Result<ProcessorResult, Failure> {
        merge_all(&mut self.instances)?;
        let [first, others @ ..] = self.instances.as_mut_slice() else {
            return Err(Failure::new(FailureKind::Host, "finish", "there is no instance of it"));
        };
        others.iter().for_each(|other| first.take_counts(other));
        self.instances.truncate(1);
        self.instances[0].finish(phases).await
    }

    fn cost(&self) -> Cost {
        let mut cost = Cost::default();
        self.instances.iter().for_each(|one| cost.add(one.cost()));
        cost
    }
}

/// Parts of a state that wait to be merged.
const WAITING_PARTS: usize = 2;

/// Merges the states of all into the first's, in order: those of neighbours first, all at
/// once, then what came of neighbours, and so on.
fn merge_all(instances: &mut [ProcessorInstance]) -> Result<(), Failure> {
    let mut merged = 1;
    while merged < instances.len() {
        std::thread::scope(|threads| {
            let both = instances.chunks_mut(2 * merged).filter(|both| both.len() > merged);
            let merging = both.map(|both| {
                let (left, right) = both.split_at_mut(merged);
                threads.spawn(|| merge(&mut left[0], &mut right[0]))
            });
            let merging: Vec<_> = merging.collect();
            let outcomes = merging
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            outcomes.collect::<Result<(), _>>()
        })?;
        merged *= 2;
    }
    Ok(())
}

/// Merges the state of another, which is saved on a thread of its own meanwhile.
fn merge(one: &mut ProcessorInstance, other: &mut ProcessorInstance) -> Result<(), Failure> {
    std::thread::scope(|threads| {
        let (parts, saved) = sync_channel(WAITING_PARTS);
        threads.spawn(move || {
            block_on(async {
                loop {
                    let part = other.save().await;
                    let is_last = !matches!(part, Ok(Some(_)));
                    if parts.send(part).is_err() || is_last {
                        break;
                    }
                }
            });
        });
        block_on(async {
            while let Some(part) = saved.recv().unwrap_or(Ok(None))? {
                one.merge(part).await?;
            }
            Ok(())
        })
    })
}

/// Longest path of a file that is listed, in bytes.
const PATH_MAX_BYTES: usize = 1024;

/// Those whose paths are no burden to a report.
fn listed(files: Vec<PluginFile>, one: &Implementation) -> Vec<PluginFile> {
    let (listed, left_out): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.path.len() <= PATH_MAX_BYTES);
    if let count @ 1.. = left_out.len() {
        tracing::warn!(
            "{count} files of {} are not listed: their paths have more than {PATH_MAX_BYTES} bytes",
            one.key()
        );
    }
    listed
}

/// Most paths that are named.
const TOLD_MAX: usize = 10;

fn tell_removed(one: &Implementation, dir: &str, removed: &[String]) {
    for path in removed.iter().take(TOLD_MAX) {
        tracing::warn!(
            "`{dir}/{}` of {} was neither file nor directory, and was removed",
            escape(&path[..path.floor_char_boundary(PATH_MAX_BYTES)]),
            one.key()
        );
    }
    if let Some(more @ 1..) = removed.len().checked_sub(TOLD_MAX) {
        tracing::warn!("{more} more in the directory of {} were removed", one.key());
    }
}

/// Why there is no instance of a category's default.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateInstanceError {
    /// The category's default means nothing that could be loaded.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Its component was refused.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl Loader {
    /// An instance of a category's default, which
    /// [`use_implementation_by_id`](Registry::use_implementation_by_id) chooses.
    ///
    /// # Errors
    /// When the default means nothing, or its component is refused. One that fails in
    /// its own code is no error: see [`Instance::failure`].
    pub async fn create_instance(
        &mut self,
        registry: &Registry,
        category: Category,
        settings: Settings,
    ) -> Result<Instance, CreateInstanceError> {
        let loaded = self.load(registry.default_of(category)?, &settings.limits)?;
        Ok(Instance::create(loaded, settings).await)
    }
}
