//! Plugins that leave all that a plugin can leave: log lines, a file, metrics. Whoever
//! compares these of two runs sees every event and every record that was lost.

use std::fmt::Write as _;
use std::fs;

use perfbox_guest::{
    Batch, Error, Hook, PhaseEvent, PhaseSummary, ProcessingResult, Processor, Result, output_dir,
};
use serde::Deserialize;

/// What both leave it in.
const FILE: &str = "kept.txt";

/// What each line begins with.
#[derive(Deserialize)]
pub(crate) struct Config {
    mark: String,
}

/// Lines that are logged, and lie in a file.
struct Lines {
    mark: String,
    text: String,
}

impl Lines {
    fn new(config: Config) -> Self {
        Self { mark: config.mark, text: String::new() }
    }

    fn keep(&mut self, line: &str) -> Result<()> {
        perfbox_guest::info!("{} {line}", self.mark);
        let _ = writeln!(self.text, "{} {line}", self.mark);
        fs::write(output_dir().join(FILE), &self.text).map_err(|error| Error::io(FILE, &error))
    }
}

/// Keeps a line of each event.
pub(crate) struct KeeperHook(Lines);

impl KeeperHook {
    fn hears(&mut self, name: &str, event: &PhaseEvent) -> Result<()> {
        let PhaseEvent { time_ns, phase, stats } = event;
        self.0.keep(&format!("{name} of {} at {time_ns}: {} sent", phase.name, stats.sent))
    }
}

impl Hook for KeeperHook {
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(Lines::new(config)))
    }

    fn on_phase_start(&mut self, event: &PhaseEvent) -> Result<()> {
        self.hears("start", event)
    }

    fn on_phase_sending_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        self.hears("all sent", event)
    }

    fn on_phase_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        self.hears("end", event)
    }

    fn on_phase_timeout(&mut self, event: &PhaseEvent) -> Result<()> {
        self.hears("timeout", event)
    }
}

/// Keeps a line of each batch, and adds up latencies.
pub(crate) struct KeeperProcessor {
    lines: Lines,
    records: u64,
    sum_ms: f64,
}

impl Processor for KeeperProcessor {
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self { lines: Lines::new(config), records: 0, sum_ms: 0.0 })
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        let sum: f64 = batch.f64s("request_latency")?.iter().sum();
        self.records += batch.len() as u64;
        self.sum_ms += sum;
        self.lines.keep(&format!("{} of {}: {sum} ms", batch.len(), batch.phase().name))
    }

    fn finish(mut self, phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        self.lines.keep(&format!("{} phases", phases.len()))?;
        Ok(ProcessingResult::new()
            .metric("records", self.records, "requests")
            .metric("latency_sum", self.sum_ms, "ms")
            .report(self.lines.text))
    }
}
