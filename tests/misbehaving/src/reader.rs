//! A processor that looks what it is given below `/in` and `/out`.

use std::fs;

use perfbox_guest::{
    Batch, NoConfig, PhaseSummary, ProcessingResult, Processor, Result, output_dir,
};

/// Reads what it finds, and tries to change it.
pub(crate) struct Reader;

impl Processor for Reader {
    type Config = NoConfig;

    fn new(_config: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn process(&mut self, _batch: &Batch) -> Result<()> {
        Ok(())
    }

    fn finish(self, _phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let read = fs::read("/in/models/prices.txt").map_or(0, |content| content.len());
        let changed = [
            fs::write("/in/models/prices.txt", "0").is_ok(),
            fs::write("/in/models/new.txt", "0").is_ok(),
            fs::create_dir("/in/models/new").is_ok(),
            fs::remove_file("/in/models/prices.txt").is_ok(),
            fs::rename("/in/models/prices.txt", "/in/models/other.txt").is_ok(),
            fs::read("/in/models/../secret.txt").is_ok(),
            fs::read("/in/models/link.txt").is_ok(),
        ];
        let changed = changed.iter().filter(|done| **done).count();
        let written = fs::write(output_dir().join("mine.txt"), "mine").is_ok();
        Ok(ProcessingResult::new()
            .metric("read", read as u64, "bytes")
            .metric("changed", changed as u64, "")
            .metric("written", u64::from(written), "files"))
    }
}
