//! Phase events and statistics at the end of the last input. Phase bounds come from an event
//! log, else from a manifest beside the records, else from the records.

use std::ops::RangeInclusive;
use std::sync::Arc;

use perfbox_model::escape;
use perfbox_model::phase::{EventKind, Phase, PhaseEvent, PhaseSummary};
use perfbox_model::source::Item;

use super::open_input::OpenInput;
use super::options::RecordedOptions;
use super::phases::{PhasePart, PhaseState};
use super::run_state::RunState;
use crate::readers::aiperf::manifest::{ManifestPhase, PhaseManifest};
use crate::timeline::ReportedBounds;

/// Returns the events of the run, in order of time, and puts the summaries of its phases into
/// the state.
pub(super) fn finish(
    run_state: &mut RunState,
    inputs: &[OpenInput],
    options: &RecordedOptions,
) -> Vec<Item> {
    let logged = logged_events(options, &run_state.phases.states);
    let mut events = Vec::new();
    for state in std::mem::take(&mut run_state.phases.states) {
        let bounds = logged
            .as_ref()
            .and_then(|events| logged_bounds(events, &state.phase))
            .or_else(|| reported_bounds(inputs, &state));
        let part_inputs: Vec<_> = state.parts.iter().map(|part| &inputs[part.input]).collect();
        let phase = Arc::unwrap_or_clone(state.phase);
        let (rebuilt, mut summary) = state.timeline.finish(phase, bounds);
        if let Some(events) = &logged {
            add_logged(&mut summary, events);
        }
        if part_inputs.iter().any(|open| open.reader.format().is_mapped()) {
            warn_of_unit(&summary);
        }
        if part_inputs.len() > 1 {
            warn_of_origin(&summary);
        }
        events.extend(rebuilt);
        run_state.summaries.push(summary);
    }
    // Events of one phase at the same time keep the order of their kinds.
    events.sort_by_key(|event: &PhaseEvent| (event.time_ns, event.phase.index, event.event));
    logged.unwrap_or(events).into_iter().map(Item::Event).collect()
}

/// Events of the log for the selected phases; none: there is no log.
fn logged_events(options: &RecordedOptions, phases: &[PhaseState]) -> Option<Vec<PhaseEvent>> {
    let mut events = options.events.clone()?;
    if !options.phases.is_empty() {
        events.retain(|event| phases.iter().any(|known| known.phase.name == event.phase.name));
    }
    Some(events)
}

/// Start and end of a phase by the manifests beside its inputs.
fn reported_bounds(inputs: &[OpenInput], state: &PhaseState) -> Option<ReportedBounds> {
    let part_bounds = |part: &PhasePart| {
        let manifest = inputs[part.input].manifest.as_ref()?;
        manifest_bounds(manifest, &state.recorded_name, part.recorded_index)
    };
    state.parts.iter().filter_map(part_bounds).reduce(|first, second| ReportedBounds {
        start_ns: first.start_ns.min(second.start_ns),
        end_ns: first.end_ns.max(second.end_ns),
    })
}

const DAY_NS: u64 = 86_400_000_000_000;

/// Warns of a start time that is neither near the start of a program nor of our days: its unit
/// is probably another one.
fn warn_of_unit(summary: &PhaseSummary) {
    const DOUBTFUL_DAYS: RangeInclusive<u64> = 10..=7300;
    let days = summary.stats.start_ns.unwrap_or_default() / DAY_NS;
    if DOUBTFUL_DAYS.contains(&days) {
        tracing::warn!(
            "phase `{}` starts {days} days after 1970-01-01; check the unit of `start`",
            escape(&summary.phase.name)
        );
    }
}

/// Warns of a phase that lasts for years: some inputs count time from 1970, others from the
/// start of a program.
fn warn_of_origin(summary: &PhaseSummary) {
    const YEAR_NS: u64 = 365 * DAY_NS;
    let (start_ns, end_ns) = (summary.stats.start_ns, summary.stats.end_ns);
    let years = end_ns.unwrap_or_default().saturating_sub(start_ns.unwrap_or_default()) / YEAR_NS;
    if years > 0 {
        tracing::warn!(
            "phase `{}` lasts {years} years; check that all inputs count time from the same start",
            escape(&summary.phase.name)
        );
    }
}

/// Start and end of a phase by the event log.
fn logged_bounds(events: &[PhaseEvent], phase: &Phase) -> Option<ReportedBounds> {
    let time_ns = |kind| {
        let is_same = |event: &&PhaseEvent| event.event == kind && event.phase.name == phase.name;
        events.iter().find(is_same).map(|event| event.time_ns)
    };
    let start_ns = time_ns(EventKind::PhaseStart)?;
    Some(ReportedBounds { start_ns, end_ns: time_ns(EventKind::PhaseComplete)? })
}

/// Adds the statistics that only the event log has.
fn add_logged(summary: &mut PhaseSummary, events: &[PhaseEvent]) {
    for event in events.iter().filter(|event| event.phase.name == summary.phase.name) {
        let stats = &mut summary.stats;
        stats.timed_out |= event.stats.timed_out || event.event == EventKind::PhaseTimeout;
        stats.expected_requests = event.stats.expected_requests.or(stats.expected_requests);
        stats.expected_duration_ns =
            event.stats.expected_duration_ns.or(stats.expected_duration_ns);
    }
}

/// Start and end of a phase by one manifest.
fn manifest_bounds(
    manifest: &PhaseManifest,
    name: &str,
    index: Option<u32>,
) -> Option<ReportedBounds> {
    let is_same = |phase: &&ManifestPhase| {
        phase.phase_name == name && index.is_none_or(|index| index == phase.phase_index)
    };
    let phase = manifest.phases.iter().find(is_same)?;
    Some(ReportedBounds { start_ns: phase.start_ns?, end_ns: phase.end_ns? })
}
