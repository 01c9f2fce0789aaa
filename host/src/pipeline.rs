//! The plugins of a run: phase events to hooks, batches to processors, results into a
//! report.
//!
//! A plugin that fails is out for the rest of the run; it costs no other plugin an
//! event or a record, unless it was said to end the run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::batch::{Batch, WantedColumns};
use crate::instance::Instance;
use crate::phase::{PhaseEvent, PhaseSummary};
use crate::report::{ProcessorResult, Report};

/// The plugins of one run, created and ready.
#[derive(Default)]
pub struct Pipeline {
    /// In the order of calls.
    pub(crate) instances: Vec<Instance>,
    /// In the batches so far, of each column.
    numbers: Vec<u64>,
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

    /// The columns that the processors ask for, together.
    pub fn wanted_columns(&self) -> WantedColumns {
        let none = WantedColumns::Named(BTreeSet::new());
        let wanted = self.instances.iter().filter_map(Instance::wanted_columns);
        wanted.cloned().fold(none, WantedColumns::or)
    }

    /// Gives every processor a batch. One without records is given to none.
    pub async fn batch(&mut self, mut batch: Batch) {
        if batch.is_empty() {
            return;
        }
        batch.add_numbers(&mut self.numbers);
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
