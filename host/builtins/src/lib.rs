//! x
use perfbox_guest::*;
struct P(u64);
impl Processor for P {
    type Config = NoConfig;
    fn new(_: NoConfig) -> Result<Self> {
        Ok(P(0))
    }
    fn process(&mut self, b: &Batch) -> Result<()> {
        self.0 += b.f64s("request_latency")?.iter().count() as u64;
        Ok(())
    }
    fn finish(self, _: &[PhaseSummary]) -> Result<ProcessingResult> {
        Ok(ProcessingResult::new().metric("n", self.0, ""))
    }
}
perfbox_guest::export! { processors: { p: P } }
