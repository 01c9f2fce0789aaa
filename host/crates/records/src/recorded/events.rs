//! The events of a run and the statistics of its phases, once all records are read: from
//! the records, from what lies beside them, or from a log of events.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Recorded;
use super::collected::Collected;
use super::phases::{Part, PhaseState};
use crate::readers::aiperf::{ManifestPhase, PhaseManifest};
use crate::timeline::ReportedBounds;
use perfbox_model::escape;
use perfbox_model::phase::{EventKind, Phase, PhaseEvent, PhaseSummary};
use perfbox_model::source::Item;

impl Recorded {
    /// The events, once all records are read.
    pub(super) fn finish(&self, collected: &mut Collected) -> Vec<Item> {
        let logged = self.logged_events(&collected.phases.states);
        let mut events = Vec::new();
        for state in std::mem::take(&mut collected.phases.states) {
            let bounds = logged
                .as_ref()
                .and_then(|events| logged_bounds(events, &state.phase))
                .or_else(|| self.reported(&state));
            let inputs: Vec<_> = state.parts.iter().map(|part| part.input).collect();
            let phase = Arc::unwrap_or_clone(state.phase);
            let (rebuilt, mut summary) = state.timeline.finish(phase, bounds);
            if let Some(events) = &logged {
                add_logged(&mut summary, events);
            }
            if inputs.iter().any(|input| self.format_of(*input).is_mapped()) {
                doubt_unit(&summary);
            }
            if inputs.len() > 1 {
                doubt_origin(&summary);
            }
            events.extend(rebuilt);
            collected.summaries.push(summary);
        }
        // What happens at one time to one phase happens in the order of the kinds.
        events.sort_by_key(|event: &PhaseEvent| (event.time_ns, event.phase.index, event.event));
        logged.unwrap_or(events).into_iter().map(Item::Event).collect()
    }

    /// When a phase started and completed, by the manifests beside its records.
    fn reported(&self, state: &PhaseState) -> Option<ReportedBounds> {
        let of_part = |part: &Part| {
            let manifest = self.inputs[part.input].manifest.as_ref()?;
            reported(manifest, &state.recorded_name, part.recorded_index)
        };
        state.parts.iter().filter_map(of_part).reduce(|one, other| ReportedBounds {
            start_ns: one.start_ns.min(other.start_ns),
            end_ns: one.end_ns.max(other.end_ns),
        })
    }

    /// The events of the log, of the phases that are asked for.
    fn logged_events(&self, phases: &[PhaseState]) -> Option<Vec<PhaseEvent>> {
        let mut events = self.options.events.clone()?;
        if !self.options.phases.is_empty() {
            events.retain(|event| phases.iter().any(|known| known.phase.name == event.phase.name));
        }
        Some(events)
    }
}

const DAY_NS: u64 = 86_400_000_000_000;

/// Times since a program's own start are small, and those since 1970 are large. What is in
/// between is likely to be in another unit than was said.
fn doubt_unit(summary: &PhaseSummary) {
    const DOUBTFUL_DAYS: RangeInclusive<u64> = 10..=7300;
    let days = summary.stats.start_ns.unwrap_or_default() / DAY_NS;
    if DOUBTFUL_DAYS.contains(&days) {
        tracing::warn!(
            "the phase `{}` starts {days} days after the start of 1970: is the unit of `start` right?",
            escape(&summary.phase.name)
        );
    }
}

/// Parts of one run that count from the program's own start do not go with parts that count
/// from 1970.
fn doubt_origin(summary: &PhaseSummary) {
    const YEAR_NS: u64 = 365 * DAY_NS;
    let (start_ns, end_ns) = (summary.stats.start_ns, summary.stats.end_ns);
    let years = end_ns.unwrap_or_default().saturating_sub(start_ns.unwrap_or_default()) / YEAR_NS;
    if years > 0 {
        tracing::warn!(
            "the phase `{}` lasts {years} years: do all inputs count time from the same start?",
            escape(&summary.phase.name)
        );
    }
}

/// When a phase started and completed, by the event log.
fn logged_bounds(events: &[PhaseEvent], phase: &Phase) -> Option<ReportedBounds> {
    let of_phase = |kind| {
        let same = |event: &&PhaseEvent| event.event == kind && event.phase.name == phase.name;
        events.iter().find(same).map(|event| event.time_ns)
    };
    let start_ns = of_phase(EventKind::PhaseStart)?;
    Some(ReportedBounds { start_ns, end_ns: of_phase(EventKind::PhaseComplete)? })
}

/// What only the event log knows of a phase.
fn add_logged(summary: &mut PhaseSummary, events: &[PhaseEvent]) {
    for event in events.iter().filter(|event| event.phase.name == summary.phase.name) {
        let stats = &mut summary.stats;
        stats.timed_out |= event.stats.timed_out || event.event == EventKind::PhaseTimeout;
        stats.expected_requests = event.stats.expected_requests.or(stats.expected_requests);
        stats.expected_duration_ns =
            event.stats.expected_duration_ns.or(stats.expected_duration_ns);
    }
}

/// When a phase started and completed, by the manifest beside the records.
fn reported(manifest: &PhaseManifest, name: &str, index: Option<u32>) -> Option<ReportedBounds> {
    let same = |phase: &&ManifestPhase| {
        phase.phase_name == name && index.is_none_or(|index| index == phase.phase_index)
    };
    let phase = manifest.phases.iter().find(same)?;
    Some(ReportedBounds { start_ns: phase.start_ns?, end_ns: phase.end_ns? })
}
