//! Phases of a run, their statistics and events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One phase of a benchmark run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Unique within the run.
    pub name: String,
    /// Purpose: `warmup`, `profiling`, or a future kind.
    pub kind: String,
    /// Position in the run, from 0.
    pub index: u32,
}

/// Statistics of a phase at one moment. Times are nanoseconds since the Unix epoch, beyond
/// 2^53: parse them as integers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhaseStats {
    /// Requests sent.
    pub sent: u64,
    /// Completed requests, with or without an error; excludes cancelled ones.
    pub completed: u64,
    /// Requests completed with an error; excludes cancelled ones.
    pub errors: u64,
    /// Requests cancelled before completion.
    pub cancelled: u64,
    /// `sent - completed - cancelled`.
    pub in_flight: u64,
    /// Sessions whose first request was sent.
    pub sent_sessions: u64,
    /// Sessions whose last request completed.
    pub completed_sessions: u64,
    /// Start of the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ns: Option<u64>,
    /// Time at which the last request was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_complete_ns: Option<u64>,
    /// End of the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_ns: Option<u64>,
    /// Configured number of requests, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_requests: Option<u64>,
    /// Configured duration of sending, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_duration_ns: Option<u64>,
    /// True if a timeout ended the phase.
    pub timed_out: bool,
}

/// Kinds of phase events, in their order within a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The phase started.
    PhaseStart,
    /// The last request was sent.
    PhaseSendingComplete,
    /// The phase timed out.
    PhaseTimeout,
    /// The phase ended.
    PhaseComplete,
}

impl EventKind {
    /// Function of the contract that receives the event.
    pub fn function(self) -> &'static str {
        match self {
            Self::PhaseStart => "on-phase-start",
            Self::PhaseSendingComplete => "on-phase-sending-complete",
            Self::PhaseTimeout => "on-phase-timeout",
            Self::PhaseComplete => "on-phase-complete",
        }
    }
}

/// Event of a phase. One line of an event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseEvent {
    /// Kind of event.
    pub event: EventKind,
    /// Time of the event, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// The phase.
    pub phase: Phase,
    /// Statistics of the phase at that time.
    pub stats: PhaseStats,
}

/// Origin of the start and end times of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseBounds {
    /// Reported by the load tool.
    Reported,
    /// Start of the first request and end of the last one.
    FromRecords,
}

/// One phase at the end of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseSummary {
    /// The phase.
    pub phase: Phase,
    /// Final statistics.
    pub stats: PhaseStats,
    /// Origin of its start and end times.
    pub bounds: PhaseBounds,
}
