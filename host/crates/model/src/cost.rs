//! What a plugin has cost.

use schemars::JsonSchema;
use serde::Serialize;

/// What a plugin has cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cost {
    /// Calls into the guest.
    pub calls: u64,
    /// Instances made.
    pub instances: u64,
    /// Time in calls and instantiation, wall clock.
    pub wall_ns: u64,
    /// Time to compile its component; 0 where it had been compiled already, for another
    /// plugin of the run or in an earlier run.
    pub compile_ns: u64,
    /// Most memory that one instance had.
    pub peak_memory_bytes: u64,
    /// How often it was refused more memory.
    pub memory_denials: u64,
    /// Lines of log dropped for being too many.
    pub logs_dropped: u64,
    /// Size of the files that it wrote.
    pub output_bytes: u64,
}

impl Cost {
    /// Adds what another instance has cost.
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
