//! An instance of a post processor.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Resource, ResourceAny};

use super::failure::{Failure, FailureKind};
use super::lent_batch::LentBatch;
use super::result::check_result;
use super::sandbox::{Called, Cost, Sandbox};
use super::{HostState, InstanceConfig};
use crate::batch::Batch;
use crate::bindings::processor::{Processor, ProcessorPre};
use crate::bindings::types;
use crate::phase::PhaseSummary;
use crate::report::{Metric, ProcessorResult};

/// A processor, created.
pub(crate) struct ProcessorInstance {
    sandbox: Sandbox,
    bindings: Processor,
    processor: ResourceAny,
    /// Names of the columns that it may ask for; none: any.
    columns: Option<Arc<[String]>>,
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
            Ok((bindings, processor, columns)) => {
                Ok(Self { sandbox, bindings, processor, columns, record_count: 0, error_count: 0 })
            }
            Err(failure) => Err((failure, sandbox.cost().clone())),
        }
    }

    async fn start(
        sandbox: &mut Sandbox,
        component: &ProcessorPre<HostState>,
        config: &InstanceConfig,
    ) -> Result<(Processor, ResourceAny, Option<Arc<[String]>>), Failure> {
        let bindings =
            sandbox.instantiate(async |store| component.instantiate_async(store).await).await?;
        let limit = sandbox.limits().of_finish();
        let guest = bindings.perfbox_plugin_post_processor().processor();
        let create = async |store: &mut Store<HostState>| {
            guest.call_create(store, &config.class, &config.config).await
        };
        let processor = sandbox.call("create", limit, create).await?;
        let ask = async |store: &mut Store<HostState>| -> Called<_> {
            guest.call_requirements(store, processor).await.map(Ok)
        };
        let requirements = sandbox.call("requirements", limit, ask).await?;
        Ok((bindings, processor, requirements.columns.map(Arc::from)))
    }

    /// Lends it one batch.
    pub(crate) async fn process(&mut self, batch: &Arc<Batch>) -> Result<(), Failure> {
        let guest = self.bindings.perfbox_plugin_post_processor().processor();
        let processor = self.processor;
        let lent = LentBatch::new(Arc::clone(batch), self.columns.clone());
        let limit = self.sandbox.limits().of_batch();
        self.sandbox.add_records(batch.len() as u64);
        let call = async |store: &mut Store<HostState>| {
            let owned = store.data_mut().table.push(lent)?;
            let borrowed = Resource::new_borrow(owned.rep());
            let returned = guest.call_process(&mut *store, processor, borrowed).await?;
            store.data_mut().table.delete(owned)?;
            Ok(returned)
        };
        self.sandbox.call("process", limit, call).await?;
        self.record_count += batch.len() as u64;
        self.error_count += batch.error_count() as u64;
        Ok(())
    }

    /// Asks it for its results; nothing is called after this.
    pub(crate) async fn finish(
        &mut self,
        phases: &[PhaseSummary],
    ) -> Result<ProcessorResult, Failure> {
        let guest = self.bindings.perfbox_plugin_post_processor().processor();
        let processor = self.processor;
        let phases: Vec<types::PhaseSummary> = phases.iter().map(Into::into).collect();
        let limit = self.sandbox.limits().of_finish();
        let metrics_max = self.sandbox.limits().metrics;
        let call =
            async |store: &mut Store<HostState>| guest.call_finish(store, processor, &phases).await;
        let returned = self.sandbox.call("finish", limit, call).await?;
        let report = returned.report.clone();
        let metrics: Vec<Metric> = check_result(returned, metrics_max)
            .map_err(|words| Failure::new(FailureKind::InvalidOutput, "finish", words))?;
        Ok(ProcessorResult {
            record_count: self.record_count,
            error_count: self.error_count,
            metrics,
            report,
        })
    }

    pub(crate) fn cost(&self) -> &Cost {
        self.sandbox.cost()
    }
}
