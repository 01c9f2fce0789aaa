//! Does what `kernel` says with every batch.

use perfbox_guest::{Batch, PhaseSummary, ProcessingResult, Processor, Requirements, Result};
use serde::Deserialize;

use crate::kernel::{LatencyHistogram, Samples};

/// Which work.
#[derive(Deserialize)]
pub(crate) struct Config {
    /// Keep all latencies, and sort them at the end; else a histogram.
    sorts: bool,
}

/// Has no manners to speak of: it works.
pub(crate) struct Worker {
    config: Config,
    histogram: LatencyHistogram,
    samples: Samples,
}

impl Processor for Worker {
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self { config, histogram: LatencyHistogram::default(), samples: Samples::default() })
    }

    fn requirements(&self) -> Requirements {
        Requirements::columns(["request_start_ns", "request_latency"])
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        let latencies = batch.f64s("request_latency")?;
        if self.config.sorts {
            self.samples.extend(latencies.as_slice());
        } else {
            self.histogram.add(batch.u64s("request_start_ns")?.as_slice(), latencies.as_slice());
        }
        Ok(())
    }

    fn finish(self, _phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let check = match self.config.sorts {
            true => {
                let sorted = self.samples.into_sorted();
                sorted[sorted.len() / 2]
            }
            false => self.histogram.check(),
        };
        Ok(ProcessingResult::new().metric("check", check, ""))
    }
}
