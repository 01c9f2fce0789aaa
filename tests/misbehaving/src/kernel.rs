//! Work on two columns, the same natively and in a guest: what the benchmark of batches
//! compares.

#[path = "../../../host/builtins/plugins/src/shared/samples.rs"]
#[allow(dead_code, reason = "what only the builtins use")]
pub(crate) mod samples;
#[path = "../../../host/builtins/plugins/src/shared/sort.rs"]
mod sort;

pub(crate) use samples::Samples;

/// Buckets of a power of two.
const PART_BITS: u32 = 5;
/// The smallest number that has a bucket of its own: 2^-10.
const FIRST: u64 = (1023 - 10) << PART_BITS;
/// Up to 2^22.
const BUCKETS: usize = 32 << PART_BITS;

/// Latencies counted in buckets whose width grows with them, and the time that they span.
#[derive(Debug)]
pub(crate) struct LatencyHistogram {
    counts: Vec<u64>,
    sum_ms: f64,
    first_start_ns: u64,
    last_start_ns: u64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        let counts = vec![0; BUCKETS];
        Self { counts, sum_ms: 0.0, first_start_ns: u64::MAX, last_start_ns: 0 }
    }
}

impl LatencyHistogram {
    /// Takes records in, in strides: guests look at their deadline each time round a loop.
    pub(crate) fn add(&mut self, starts_ns: &[u64], latencies_ms: &[f64]) {
        let (starts, rest_of_starts) = starts_ns.as_chunks::<16>();
        let (latencies, rest_of_latencies) = latencies_ms.as_chunks::<16>();
        for (starts, latencies) in starts.iter().zip(latencies) {
            for at in 0..16 {
                self.add_one(starts[at], latencies[at]);
            }
        }
        for (start, latency) in rest_of_starts.iter().zip(rest_of_latencies) {
            self.add_one(*start, *latency);
        }
    }

    fn add_one(&mut self, start_ns: u64, latency_ms: f64) {
        let bucket = (latency_ms.to_bits() >> (52 - PART_BITS)).saturating_sub(FIRST);
        self.counts[(bucket as usize).min(BUCKETS - 1)] += 1;
        self.sum_ms += latency_ms;
        self.first_start_ns = self.first_start_ns.min(start_ns);
        self.last_start_ns = self.last_start_ns.max(start_ns);
    }

    /// A number that hangs on all that was counted.
    pub(crate) fn check(&self) -> f64 {
        let counts = self.counts.iter().enumerate();
        let weighted: f64 = counts.map(|(at, count)| at as f64 * *count as f64).sum();
        weighted + self.sum_ms + (self.last_start_ns - self.first_start_ns) as f64
    }
}
