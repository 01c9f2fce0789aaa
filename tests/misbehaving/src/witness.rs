//! Plugins that only tell what they saw.

use perfbox_guest::{
    Batch, Hook, NoConfig, PhaseEvent, PhaseSummary, ProcessingResult, Processor, Requirements,
    Result,
};
use serde::Deserialize;

/// Logs each event's name.
pub(crate) struct WitnessHook;

impl Hook for WitnessHook {
    type Config = NoConfig;

    fn new(_config: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn on_phase_start(&mut self, event: &PhaseEvent) -> Result<()> {
        perfbox_guest::info!("start of {}", event.phase.name);
        Ok(())
    }

    fn on_phase_sending_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        perfbox_guest::info!("all sent of {}", event.phase.name);
        Ok(())
    }

    fn on_phase_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        perfbox_guest::info!("end of {}", event.phase.name);
        Ok(())
    }

    fn on_phase_timeout(&mut self, event: &PhaseEvent) -> Result<()> {
        perfbox_guest::info!("timeout of {}", event.phase.name);
        Ok(())
    }
}

/// Counts its records and batches.
#[derive(Default)]
pub(crate) struct WitnessProcessor {
    records: u64,
    batches: u64,
}

impl Processor for WitnessProcessor {
    type Config = NoConfig;

    fn new(_config: NoConfig) -> Result<Self> {
        Ok(Self::default())
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        self.records += batch.len() as u64;
        self.batches += 1;
        Ok(())
    }

    fn finish(self, phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        Ok(ProcessingResult::new()
            .metric("records", self.records, "requests")
            .metric("batches", self.batches, "batches")
            .metric("phases", phases.len() as u64, "phases"))
    }
}

/// Which column to ask for.
#[derive(Deserialize)]
pub(crate) struct AskerConfig {
    column: String,
    requires: Vec<String>,
}

/// Asks each batch for a column of text.
pub(crate) struct Asker {
    config: AskerConfig,
    present: u64,
}

impl Processor for Asker {
    type Config = AskerConfig;

    fn new(config: AskerConfig) -> Result<Self> {
        Ok(Self { config, present: 0 })
    }

    fn requirements(&self) -> Requirements {
        match self.config.requires.as_slice() {
            [] => Requirements::default(),
            names => Requirements::columns(names),
        }
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        let texts = batch.texts(&self.config.column)?;
        self.present += texts.rows().flatten().count() as u64;
        Ok(())
    }

    fn finish(self, _phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        Ok(ProcessingResult::new().metric("present", self.present, "requests"))
    }
}
