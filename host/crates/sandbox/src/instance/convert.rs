//! The host's values as the contract's.

use crate::bindings::hook::exports::perfbox::plugin::phase_hook::PhaseEvent as PhaseEventParam;
use crate::bindings::types;
use perfbox_model::phase::{Phase, PhaseBounds, PhaseEvent, PhaseStats, PhaseSummary};

impl<'p> From<&'p Phase> for types::Phase<'p> {
    fn from(phase: &'p Phase) -> Self {
        Self { name: &phase.name, kind: &phase.kind, index: phase.index }
    }
}

impl From<&PhaseStats> for types::PhaseStats {
    fn from(stats: &PhaseStats) -> Self {
        Self {
            sent: stats.sent,
            completed: stats.completed,
            errors: stats.errors,
            cancelled: stats.cancelled,
            in_flight: stats.in_flight,
            sent_sessions: stats.sent_sessions,
            completed_sessions: stats.completed_sessions,
            start_ns: stats.start_ns,
            sending_complete_ns: stats.sending_complete_ns,
            end_ns: stats.end_ns,
            expected_requests: stats.expected_requests,
            expected_duration_ns: stats.expected_duration_ns,
            timed_out: stats.timed_out,
        }
    }
}

impl<'e> From<&'e PhaseEvent> for PhaseEventParam<'e> {
    fn from(event: &'e PhaseEvent) -> Self {
        Self { time_ns: event.time_ns, phase: (&event.phase).into(), stats: (&event.stats).into() }
    }
}

impl<'s> From<&'s PhaseSummary> for types::PhaseSummary<'s> {
    fn from(summary: &'s PhaseSummary) -> Self {
        Self {
            phase: (&summary.phase).into(),
            stats: (&summary.stats).into(),
            bounds: match summary.bounds {
                PhaseBounds::Reported => types::PhaseBounds::Reported,
                PhaseBounds::FromRecords => types::PhaseBounds::FromRecords,
            },
        }
    }
}
