//! An instance of a post processor.

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::config::InstanceConfig;
use super::deadline::CallLimit;
use super::lower_batch::LoweredColumns;
use super::result::check_result;
use super::sandbox::{Called, Sandbox};
use super::state::HostState;
use crate::bindings::processor::exports::perfbox::plugin::post_processor::WantedColumns as Asked;
use crate::bindings::processor::{Processor, ProcessorPre};
use crate::bindings::{batches, types};
use perfbox_model::batch::{Batch, WantedColumns};
use perfbox_model::cost::Cost;
use perfbox_model::failure::{Failure, FailureKind};
use perfbox_model::limits::format_bytes;
use perfbox_model::phase::PhaseSummary;
use perfbox_model::report::{Metric, ProcessorResult};

/// What a processor needs from the host.
#[derive(Debug, Clone)]
pub struct Requirements {
    /// The columns that it asks for.
    pub columns: WantedColumns,
    /// Whether several instances may share the records and merge their states.
    pub mergeable: bool,
    /// Bytes of numbers that all instances together may keep; none: no limit is counted.
    pub exact_memory_bytes: Option<u64>,
}

/// Bytes of a state that are carried over at a time.
const STATE_CHUNK_BYTES: u32 = 4 << 20;

/// A processor, created.
pub struct ProcessorInstance {
    sandbox: Sandbox,
    bindings: Processor,
    processor: ResourceAny,
    requirements: Requirements,
    /// Bytes of its state that it has saved.
    saved_bytes: usize,
    record_count: u64,
    error_count: u64,
}

impl ProcessorInstance {
    /// Makes an instance, has it create the processor and asks what it requires.
    pub(crate) async fn create(
        component: &ProcessorPre<HostState>,
        config: &InstanceConfig,
    ) -> Result<Self, (Failure, Cost)> {
        let mut sandbox = Sandbox::new(component.engine(), config)
            .map_err(|failure| (failure, Cost::default()))?;
        match Self::start(&mut sandbox, component, config).await {
            Ok((bindings, processor, requirements)) => {
                let (saved_bytes, record_count, error_count) = (0, 0, 0);
                Ok(Self {
                    sandbox,
                    bindings,
                    processor,
                    requirements,
                    saved_bytes,
                    record_count,
                    error_count,
                })
            }
            Err(failure) => Err((failure, sandbox.cost().clone())),
        }
    }

    async fn start(
        sandbox: &mut Sandbox,
        component: &ProcessorPre<HostState>,
        config: &InstanceConfig,
    ) -> Result<(Processor, ResourceAny, Requirements), Failure> {
        let bindings =
            sandbox.instantiate(async |store| component.instantiate_async(store).await).await?;
        let limit = CallLimit::of_finish(sandbox.limits());
        let guest = bindings.perfbox_plugin_post_processor().processor();
        let create = async |store: &mut Store<HostState>| {
            guest.call_create(store, &config.class, &config.config).await
        };
        let processor = sandbox.call("create", limit, create).await?;
        let ask = async |store: &mut Store<HostState>| -> Called<_> {
            guest.call_requirements(store, processor).await.map(Ok)
        };
        let requirements = sandbox.call("requirements", limit, ask).await?;
        let columns = match requirements.columns {
            Asked::All => WantedColumns::All,
            Asked::Named(names) => WantedColumns::Named(names.into_iter().collect()),
            Asked::NumbersAnd(names) => WantedColumns::NumbersAnd(names.into_iter().collect()),
        };
        let requirements = Requirements {
            columns,
            mergeable: requirements.mergeable,
            exact_memory_bytes: requirements.exact_memory,
        };
        Ok((bindings, processor, requirements))
    }

    /// What it wants.
    pub fn requirements(&self) -> &Requirements {
        &self.requirements
    }

    /// Gives it one batch. `over_exact_memory` says that the numbers that all instances got,
    /// with this batch, take more than the `exact-memory` that it asked for.
    pub async fn process(&mut self, batch: &Batch, over_exact_memory: bool) -> Result<(), Failure> {
        let guest = self.bindings.perfbox_plugin_post_processor().processor();
        let processor = self.processor;
        let limit = CallLimit::of_batch(self.sandbox.limits());
        self.sandbox.add_records(batch.len() as u64);
        let columns = LoweredColumns::of(batch, &self.requirements.columns);
        let columns = columns.as_wit();
        let lowered = batches::Batch {
            phase: batch.phase().into(),
            len: u32::try_from(batch.len()).unwrap_or(u32::MAX),
            columns: &columns,
            over_exact_memory,
        };
        let call = async |store: &mut Store<HostState>| {
            guest.call_process(store, processor, lowered).await
        };
        self.sandbox.call("process", limit, call).await?;
        self.record_count += batch.len() as u64;
        self.error_count += batch.error_count() as u64;
        Ok(())
    }

    /// Records that it was given.
    pub fn record_count(&self) -> u64 {
        self.record_count
    }

    /// The next part of its state; none: there is no more.
    pub async fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let guest = self.bindings.perfbox_plugin_post_processor().processor();
        let processor = self.processor;
        let limit = CallLimit::of_finish(self.sandbox.limits());
        let call = async |store: &mut Store<HostState>| {
            guest.call_save(store, processor, STATE_CHUNK_BYTES).await
        };
        let chunk = self.sandbox.call("save", limit, call).await?;
        let Some(chunk) = chunk else { return Ok(None) };
        let refused = |words| Err(Failure::new(FailureKind::InvalidOutput, "save", words));
        let (bytes, most) = (chunk.len(), STATE_CHUNK_BYTES);
        if bytes == 0 || bytes > most as usize {
            return refused(format!(
                "it saved a part of its state with {bytes} bytes; a part has from 1 to {most}"
            ));
        }
        // It had no more to save it from.
        self.saved_bytes += bytes;
        let memory_bytes = self.sandbox.limits().memory_bytes;
        if self.saved_bytes > memory_bytes {
            return refused(format!(
                "the state that it saves is larger than {}, its limit `memory`",
                format_bytes(memory_bytes)
            ));
        }
        Ok(Some(chunk))
    }

    /// Takes in a part of another's state.
    pub async fn merge(&mut self, part: Vec<u8>) -> Result<(), Failure> {
        let guest = self.bindings.perfbox_plugin_post_processor().processor();
        let processor = self.processor;
        let limit = CallLimit::of_finish(self.sandbox.limits());
        let call =
            async |store: &mut Store<HostState>| guest.call_merge(store, processor, &part).await;
        self.sandbox.call("merge", limit, call).await
    }

    /// What it counted of the records that it was given, and what it has cost, pass to the
    /// one that its state was merged into.
    pub fn add_counts(&mut self, other: &Self) {
        self.record_count += other.record_count;
        self.error_count += other.error_count;
        self.sandbox.add_cost(other.cost());
    }

    /// What the result would be now; none if it has nothing to show.
    ///
    /// # Errors
    /// When the call fails; the store is gone then.
    pub async fn snapshot(
        &mut self,
        phases: &[PhaseSummary],
    ) -> Result<Option<ProcessorResult>, Failure> {
        let guest = self.bindings.perfbox_plugin_post_processor().processor();
        let processor = self.processor;
        let phases: Vec<types::PhaseSummary<'_>> = phases.iter().map(Into::into).collect();
        let limit = CallLimit::of_snapshot(self.sandbox.limits());
        let call = async |store: &mut Store<HostState>| {
            guest.call_snapshot(store, processor, &phases).await
        };
        let returned = self.sandbox.call("snapshot", limit, call).await?;
        returned.map(|result| self.checked(result, "snapshot")).transpose()
    }

    /// Asks it for its results; nothing is called after this.
    pub async fn finish(&mut self, phases: &[PhaseSummary]) -> Result<ProcessorResult, Failure> {
        let guest = self.bindings.perfbox_plugin_post_processor().processor();
        let processor = self.processor;
        let phases: Vec<types::PhaseSummary<'_>> = phases.iter().map(Into::into).collect();
        let limit = CallLimit::of_finish(self.sandbox.limits());
        let call =
            async |store: &mut Store<HostState>| guest.call_finish(store, processor, &phases).await;
        let returned = self.sandbox.call("finish", limit, call).await?;
        self.checked(returned, "finish")
    }

    /// A result that keeps the contract.
    fn checked(
        &self,
        returned: types::ProcessingResult,
        during: &str,
    ) -> Result<ProcessorResult, Failure> {
        let report = returned.report.clone();
        let metrics: Vec<Metric> = check_result(returned, self.sandbox.limits().metrics)
            .map_err(|words| Failure::new(FailureKind::InvalidOutput, during, words))?;
        Ok(ProcessorResult {
            record_count: self.record_count,
            error_count: self.error_count,
            metrics,
            report,
        })
    }

    /// What it has cost so far.
    pub fn cost(&self) -> &Cost {
        self.sandbox.cost()
    }
}
