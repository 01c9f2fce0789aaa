//! Phases of a run and what happens to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One phase of a benchmark run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Tells it from all others of the run.
    pub name: String,
    /// What it is for: `warmup`, `profiling`, or a kind to come.
    pub kind: String,
    /// Place in the run, counted from 0.
    pub index: u32,
}

/// How far a phase has come, at one moment. Times are nanoseconds since the Unix
/// epoch, beyond 2^53: read them as integers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhaseStats {
    /// Requests sent.
    pub sent: u64,
    /// Requests that came back, with or without an error; cancelled ones not.
    pub completed: u64,
    /// Requests that came back with an error; cancelled ones not.
    pub errors: u64,
    /// Requests given up before they came back.
    pub cancelled: u64,
    /// `sent - completed - cancelled`.
    pub in_flight: u64,
    /// Sessions whose first request was sent.
    pub sent_sessions: u64,
    /// Sessions whose last request came back and was not cancelled.
    pub completed_sessions: u64,
    /// When the phase started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ns: Option<u64>,
    /// When its last request had been sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_complete_ns: Option<u64>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_ns: Option<u64>,
    /// Requests that it was to send, where that was fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_requests: Option<u64>,
    /// How long it was to send, where that was fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_duration_ns: Option<u64>,
    /// True once it was ended by a timeout.
    pub timed_out: bool,
}

/// What can happen to a phase, in the order in which it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It started.
    PhaseStart,
    /// Its last request has been sent.
    PhaseSendingComplete,
    /// It ran out of time.
    PhaseTimeout,
    /// It is over.
    PhaseComplete,
}

impl EventKind {
    /// The contract's function that takes it.
    pub fn function(self) -> &'static str {
        match self {
            Self::PhaseStart => "on-phase-start",
            Self::PhaseSendingComplete => "on-phase-sending-complete",
            Self::PhaseTimeout => "on-phase-timeout",
            Self::PhaseComplete => "on-phase-complete",
        }
    }
}

/// Something that happened to a phase. One line of an event log is one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseEvent {
    /// What happened.
    pub event: EventKind,
    /// When.
    pub time_ns: u64,
    /// To which phase.
    pub phase: Phase,
    /// The phase as it stood then.
    pub stats: PhaseStats,
}

/// Where the start and end of a phase are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseBounds {
    /// The load tool said so.
    Reported,
    /// The first request's start and the last one's end.
    FromRecords,
}

/// One phase at the end of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseSummary {
    /// The phase.
    pub phase: Phase,
    /// Its last statistics.
    pub stats: PhaseStats,
    /// How well its start and end are known.
    pub bounds: PhaseBounds,
}
