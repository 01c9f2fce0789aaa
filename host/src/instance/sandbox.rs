//! A store and the one way to call into it.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;
use wasmtime::{Engine, Store, UpdateDeadline};

use super::InstanceConfig;
use super::failure::{Failure, FailureKind};
use super::state::HostState;
use crate::bindings::types::PluginError;
use crate::limits::Limits;

/// What a plugin has cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cost {
    /// Calls into the guest.
    pub calls: u64,
    /// Instances made.
    pub instances: u64,
    /// Time in calls and instantiation, wall clock.
    pub wall_ns: u64,
    /// Time to compile its component; 0 where it had been compiled already, for another
    /// plugin of the run or in an earlier run.
    pub compile_ns: u64,
    /// Most memory that one instance had.
    pub peak_memory_bytes: u64,
    /// Lines of log dropped for being too many.
    pub logs_dropped: u64,
    /// Size of the files that it wrote.
    pub output_bytes: u64,
}

/// What a call into a guest returns: the contract's result, or a failure of the call
/// itself.
pub(crate) type Called<T> = wasmtime::Result<Result<T, PluginError>>;

/// A store, until a call into it fails.
pub(crate) struct Sandbox {
    /// None once a call has failed.
    store: Option<Store<HostState>>,
    identifier: String,
    limits: Limits,
    cost: Cost,
}

impl Sandbox {
    /// An empty store for one instance.
    pub(crate) fn new(engine: &Engine, config: &InstanceConfig) -> Result<Self, Failure> {
        let limits = config.limits.clone();
        let output_dir = config.output_dir.as_deref();
        let state = HostState::new(&limits, &config.grants, output_dir).map_err(|error| {
            let words = format!("a directory of its cannot be opened: {error}");
            Failure::new(FailureKind::Rejected, "instantiate", words)
        })?;
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits.returned_bytes);
        store.set_max_component_handles(limits.handles);
        store.epoch_deadline_callback(|context| {
            Ok(match Instant::now() >= context.data().deadline {
                true => UpdateDeadline::Interrupt,
                false => UpdateDeadline::Yield(1),
            })
        });
        let cost = Cost { instances: 1, ..Cost::default() };
        let identifier = config.identifier.clone();
        Ok(Self { store: Some(store), identifier, limits, cost })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What it has cost so far.
    pub(crate) fn cost(&self) -> &Cost {
        &self.cost
    }

    /// Makes the component's instance; its start functions run.
    pub(crate) async fn instantiate<T>(
        &mut self,
        instantiate: impl AsyncFnOnce(&mut Store<HostState>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let limit = self.limits.start_deadline;
        let instantiate = async |store: &mut Store<HostState>| instantiate(store).await.map(Ok);
        self.guarded("instantiate", limit, instantiate).await
    }

    /// Calls into the guest: at most `limit` long, counted, its logs handed on.
    ///
    /// # Errors
    /// Whatever went wrong, a guest's own error too; the store is gone then.
    pub(crate) async fn call<T>(
        &mut self,
        during: &str,
        limit: Duration,
        call: impl AsyncFnOnce(&mut Store<HostState>) -> Called<T>,
    ) -> Result<T, Failure> {
        self.cost.calls += 1;
        tracing::debug!("calling `{during}` of {}", self.identifier);
        self.guarded(during, limit, call).await
    }

    async fn guarded<T>(
        &mut self,
        during: &str,
        limit: Duration,
        call: impl AsyncFnOnce(&mut Store<HostState>) -> Called<T>,
    ) -> Result<T, Failure> {
        let Some(mut store) = self.store.take() else {
            let words = "it was called after it had failed";
            return Err(Failure::new(FailureKind::Trap, during, words));
        };
        let begun = Instant::now();
        let state = store.data_mut();
        state.deadline = begun + limit;
        state.memory.begin_call();
        state.stderr.begin_call();
        store.set_epoch_deadline(1);
        // The epoch ends a guest that computes, the timeout one that waits.
        let outcome = tokio::time::timeout(limit, call(&mut store)).await;
        self.cost.wall_ns += begun.elapsed().as_nanos() as u64;
        self.take_stock(&mut store);
        let failure = match outcome {
            Ok(Ok(Ok(value))) => {
                self.store = Some(store);
                return Ok(value);
            }
            Ok(Ok(Err(refused))) => Failure::from_guest(refused, during),
            Ok(Err(error)) => {
                let state = store.data();
                let stderr = state.stderr.last_words();
                Failure::from_call(&error, during, state.memory.denial(), &stderr)
            }
            Err(_elapsed) => Failure::deadline(during),
        };
        Err(match failure.kind {
            FailureKind::Deadline => Failure {
                message: format!("the call took longer than its limit of {limit:?}"),
                ..failure
            },
            _ => failure,
        })
    }

    fn take_stock(&mut self, store: &mut Store<HostState>) {
        let HostState { logs, stdout, stderr, memory, .. } = store.data_mut();
        stdout.drain_into(logs);
        stderr.drain_into(logs);
        logs.drain(&self.identifier);
        self.cost.logs_dropped = logs.dropped();
        self.cost.peak_memory_bytes = memory.peak_bytes() as u64;
    }
}
