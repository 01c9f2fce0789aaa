//! A selected implementation in a run: its instances or, once it has failed, why.

use std::path::PathBuf;
use std::sync::Arc;

use perfbox_model::batch::WantedColumns;
use perfbox_model::cancel::CancelToken;
use perfbox_model::cost::Cost;
use perfbox_model::escape;
use perfbox_model::failure::{Failure, FailureKind};
use perfbox_model::limits::Limits;
use perfbox_model::names::Category;
use perfbox_model::permissions::Permissions;
use perfbox_model::report::{PluginReport, PluginStatus, plugin_dir};
use perfbox_registry::{ComponentLocation, Implementation, Registry, ResolveError};
use serde::{Deserialize, Serialize};

use crate::bindings::processor::ProcessorPre;
use crate::instance::{HookInstance, HostState, InstanceConfig, ProcessorInstance};
use crate::loader::{LoadError, Loaded, LoadedComponent, Loader, Origin};
use crate::sweep::{PluginFile, sweep};

/// How a loaded implementation takes part in a run.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Its parameters, checked: see [`check_params`](perfbox_registry::check_params).
    pub config: serde_json::Map<String, serde_json::Value>,
    /// What it may use.
    pub limits: Limits,
    /// What it is given of the world.
    pub permissions: Permissions,
    /// A directory of its own, that it sees as `/out`; none: it has none.
    pub output_dir: Option<PathBuf>,
    /// What is to become of the run when it fails.
    pub on_failure: OnFailure,
    /// Ends its calls early.
    pub cancel: CancelToken,
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

/// An implementation that takes part in a run.
pub struct Plugin {
    implementation: Arc<Implementation>,
    output_dir: Option<PathBuf>,
    on_failure: OnFailure,
    origin: Option<Origin>,
    state: State,
}

enum State {
    /// Before the run.
    Ready(Instances),
    /// Its instances are the scheduler's.
    Running,
    Finished(Cost),
    Failed(Failure, Cost),
}

/// The instances of a plugin.
pub enum Instances {
    /// Hooks have one.
    Hook(Box<HookInstance>),
    /// A mergeable processor may have several; the first one finishes.
    Processor(Vec<ProcessorInstance>),
}

impl Instances {
    /// What all of them have cost together.
    pub fn cost(&self) -> Cost {
        match self {
            Self::Hook(hook) => hook.cost().clone(),
            Self::Processor(instances) => {
                let mut cost = Cost::default();
                instances.iter().for_each(|one| cost.add(one.cost()));
                cost
            }
        }
    }
}

impl Plugin {
    /// Instantiates a loaded implementation. One that refuses its configuration, or fails
    /// otherwise, is a plugin that has failed: see [`failure`](Self::failure).
    pub async fn create(loaded: Loaded, settings: Settings) -> Self {
        if let Err(refused) = loaded.check_permissions(&settings.permissions) {
            return Self::refused(loaded.implementation, refused).on_failure(settings.on_failure);
        }
        let Loaded { implementation, origin, component, deterministic, .. } = loaded;
        let Settings { config, limits, permissions, output_dir, on_failure, cancel, shards } =
            settings;
        let config = InstanceConfig {
            identifier: implementation.identifier.to_string(),
            class: implementation.class.clone(),
            config: serde_json::Value::Object(config).to_string(),
            limits,
            permissions,
            output_dir: output_dir.clone(),
            deterministic,
            cancel,
        };
        let created = match component {
            LoadedComponent::Hook(component) => {
                let created = HookInstance::create(&component, &config).await;
                created.map(|hook| Instances::Hook(Box::new(hook)))
            }
            LoadedComponent::Processor(component) => {
                create_processors(&component, config, shards).await.map(Instances::Processor)
            }
        };
        let state = match created {
            Ok(instances) => State::Ready(instances),
            Err((failure, cost)) => State::Failed(failure, cost),
        };
        Self { implementation, output_dir, on_failure, origin: Some(origin), state }
    }

    /// A plugin that was refused before it could be loaded.
    pub fn refused(implementation: Arc<Implementation>, reason: impl ToString) -> Self {
        let failure = Failure::new(FailureKind::Rejected, "load", reason.to_string());
        let state = State::Failed(failure, Cost::default());
        let on_failure = OnFailure::Disable;
        Self { implementation, output_dir: None, on_failure, origin: None, state }
    }

    /// Sets what becomes of the run if it fails.
    #[must_use]
    pub fn on_failure(self, on_failure: OnFailure) -> Self {
        Self { on_failure, ..self }
    }

    /// Whether the run ends if it fails.
    pub fn aborts_run_on_failure(&self) -> bool {
        self.on_failure == OnFailure::Abort
    }

    /// The implementation that it runs.
    pub fn implementation(&self) -> &Implementation {
        &self.implementation
    }

    /// Why it takes no part in the run any more.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.state {
            State::Failed(failure, _) => Some(failure),
            State::Ready(_) | State::Running | State::Finished(_) => None,
        }
    }

    /// The columns that a processor asks for; none for a hook, or after the start.
    pub fn wanted_columns(&self) -> Option<&WantedColumns> {
        let State::Ready(Instances::Processor(instances)) = &self.state else { return None };
        instances.first().map(|one| &one.requirements().columns)
    }

    /// Starts its run: hands its instances to the caller, who must call
    /// [`finish`](Self::finish) or [`fail`](Self::fail). None: it has failed.
    pub fn take_instances(&mut self) -> Option<Instances> {
        match std::mem::replace(&mut self.state, State::Running) {
            State::Ready(instances) => Some(instances),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// It has done its work.
    pub fn finish(&mut self, cost: Cost) {
        self.state = State::Finished(cost);
    }

    /// It has failed.
    pub fn fail(&mut self, failure: Failure, cost: Cost) {
        self.state = State::Failed(failure, cost);
    }

    /// Its entry in the report. Lists the files that it wrote, and removes links and
    /// special files that it left.
    pub fn into_report(self) -> PluginReport {
        let (status, failure, mut cost) = match self.state {
            State::Ready(instances) => (PluginStatus::Ok, None, instances.cost()),
            State::Running => (PluginStatus::Ok, None, Cost::default()),
            State::Finished(cost) => (PluginStatus::Ok, None, cost),
            State::Failed(failure, cost) => (PluginStatus::Failed, Some(failure), cost),
        };
        let one = &self.implementation;
        let dir = plugin_dir(one.category, &one.identifier);
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

/// One instance or, of a mergeable processor, up to `most`. Only the first has the output
/// directory.
async fn create_processors(
    component: &ProcessorPre<HostState>,
    mut config: InstanceConfig,
    most: usize,
) -> Result<Vec<ProcessorInstance>, (Failure, Cost)> {
    let first = ProcessorInstance::create(component, &config).await?;
    let mergeable = first.requirements().mergeable;
    let mut instances = vec![first];
    config.output_dir = None;
    while mergeable && instances.len() < most {
        match ProcessorInstance::create(component, &config).await {
            Ok(instance) => instances.push(instance),
            Err((failure, cost)) => {
                let mut all = Instances::Processor(instances).cost();
                all.add(&cost);
                return Err((failure, all));
            }
        }
    }
    Ok(instances)
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
    /// A plugin of a category's default, which
    /// [`use_implementation_by_id`](Registry::use_implementation_by_id) chooses.
    ///
    /// # Errors
    /// When the default means nothing, or its component is refused. One that fails in
    /// its own code is no error: see [`Plugin::failure`].
    pub async fn create_instance(
        &mut self,
        registry: &Registry,
        category: Category,
        settings: Settings,
    ) -> Result<Plugin, CreateInstanceError> {
        let loaded = self.load(registry.default_of(category)?, &settings.limits)?;
        Ok(Plugin::create(loaded, settings).await)
    }
}
