//! What one plugin may use.

use std::time::Duration;

/// Limits of one implementation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// All linear memories and tables of one instance together, in bytes. More is
    /// refused to the guest; a guest that fails over it fails for `memory`.
    pub memory_bytes: usize,
    /// Longest single call for a phase event, wall clock, rounded up to an epoch tick;
    /// longer fails for `deadline`. So the three below.
    pub event_deadline: Duration,
    /// Longest call of `process`.
    pub batch_deadline: Duration,
    /// Longest call of `create`, `requirements` or `finish`.
    pub finish_deadline: Duration,
    /// Longest start of an instance, before its first call.
    pub start_deadline: Duration,
    /// Most that the host allocates for one returned value, in bytes; more fails for
    /// `invalid_output`.
    pub returned_bytes: usize,
    /// Most metrics in one result; more fails for `invalid_output`.
    pub metrics: usize,
    /// Longest line of log, in bytes; the rest of it is cut off.
    pub log_line_bytes: usize,
    /// Log lines of one second together, in bytes; more are dropped and counted.
    pub log_bytes_per_second: usize,
}

const MIB: usize = 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 * MIB,
            event_deadline: Duration::from_secs(1),
            batch_deadline: Duration::from_secs(10),
            finish_deadline: Duration::from_secs(60),
            start_deadline: Duration::from_secs(10),
            returned_bytes: 8 * MIB,
            metrics: 100_000,
            log_line_bytes: 1024,
            log_bytes_per_second: 64 * 1024,
        }
    }
}

impl Limits {
    /// For the builtins, which are ours: room for a gibibyte of exact samples and the
    /// growth of their buffers.
    pub fn for_builtins() -> Self {
        Self { memory_bytes: 3 * 1024 * MIB, ..Self::default() }
    }
}
