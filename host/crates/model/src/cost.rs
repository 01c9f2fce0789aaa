//! Resources used by a plugin.

use schemars::JsonSchema;
use serde::Serialize;

/// Resources used by a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cost {
    /// Calls into the guest.
    pub calls: u64,
    /// Instances created.
    pub instances: u64,
    /// Wall-clock time of calls and instantiation.
    pub wall_ns: u64,
    /// Time to compile the component; 0 if it was already compiled, for another plugin of the
    /// run or in an earlier run.
    pub compile_ns: u64,
    /// Peak memory of one instance.
    pub peak_memory_bytes: u64,
    /// Denied requests for more memory.
    pub memory_denials: u64,
    /// Log lines dropped over the rate limit.
    pub logs_dropped: u64,
    /// Size of the files written.
    pub output_bytes: u64,
}

impl Cost {
    /// Adds the cost of another instance.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.instances += other.instances;
        self.wall_ns += other.wall_ns;
        self.compile_ns += other.compile_ns;
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
        self.memory_denials += other.memory_denials;
        self.logs_dropped += other.logs_dropped;
        self.output_bytes += other.output_bytes;
    }
}
