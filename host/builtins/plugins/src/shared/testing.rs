//! Runs processors over records spread over instances, and numbers that look like latencies.

use perfbox_guest::{Batch, PhaseSummary, ProcessingResult, Processor, Result};

/// Gives batches to instances in turns, merges these into the first in order, and finishes.
pub(crate) fn run<P: Processor>(
    make: impl Fn() -> P,
    batches: &[Batch],
    instances: usize,
    phases: &[PhaseSummary],
) -> Result<ProcessingResult> {
    let mut all: Vec<P> = (0..instances).map(|_| make()).collect();
    for (at, batch) in batches.iter().enumerate() {
        all[at % instances].process(batch)?;
    }
    let mut others = all.split_off(1).into_iter();
    let mut first = all.remove(0);
    others.try_for_each(|other| merge(&mut first, other))?;
    first.finish(phases)
}

/// All that `other` saves, into `into`.
pub(crate) fn merge<P: Processor>(into: &mut P, mut other: P) -> Result<()> {
    while let Some(part) = other.save()? {
        into.merge(&part)?;
    }
    Ok(())
}

/// Deterministic numbers (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// From 0 up to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / 2.0_f64.powi(53)
    }

    /// About a lognormal latency in ms: median 50, a long tail.
    pub(crate) fn latency_ms(&mut self) -> f64 {
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        50.0 * (0.8 * normal).exp()
    }
}

/// Samples about zero, with what is at the edges of an order.
pub(crate) fn samples(count: usize, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    let mut samples: Vec<f64> = (0..count).map(|_| random.latency_ms() - 40.0).collect();
    samples.extend([0.0, -0.0, f64::MAX, f64::MIN, 7.0, 7.0]);
    samples
}
