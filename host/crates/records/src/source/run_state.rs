//! State of the run: counts, phases and late columns of all blocks accepted so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use perfbox_model::batch::{Batch, ColumnInfo};
use perfbox_model::phase::PhaseSummary;
use perfbox_model::report::InputReport;
use perfbox_model::source::Item;

use super::phases::Phases;
use crate::batch_builder::{BlockPhase, BlockRecords};
use crate::columns::Columns;
use crate::error::InputError;
use crate::limits::{COLUMNS_MAX, PHASES_MAX};
use crate::record_error::{ErrorScope, RecordError};

/// Maximum of reasons for bad records in the report of an input.
pub(super) const BAD_RECORD_REASONS_MAX: usize = 10;

/// State of the run after the blocks accepted so far.
pub(super) struct RunState {
    /// One report an input.
    pub(super) reports: Vec<InputReport>,
    /// Lines of each input so far.
    lines: Vec<u64>,
    pub(super) phases: Phases,
    /// Columns that are not at the start of any input, by name.
    late_columns: BTreeMap<String, ColumnInfo>,
    /// Names of phases that are not selected, at most [`PHASES_MAX`].
    other_phases: BTreeSet<String>,
    /// Nothing more is accepted.
    pub(super) is_over: bool,
    pub(super) error: Option<InputError>,
    pub(super) summaries: Vec<PhaseSummary>,
}

impl RunState {
    /// State before the first block.
    pub(super) fn new(reports: Vec<InputReport>, one_run: bool) -> Self {
        let names: Vec<_> = reports.iter().map(|report| report.path.clone()).collect();
        Self {
            lines: vec![0; reports.len()],
            reports,
            phases: Phases::new(&names, one_run),
            late_columns: BTreeMap::new(),
            other_phases: BTreeSet::new(),
            is_over: false,
            error: None,
            summaries: Vec::new(),
        }
    }

    /// The columns of the run so far, if a block added one of them with another type or unit.
    pub(super) fn conflicting_columns(
        &self,
        known: &Columns,
        records: &BlockRecords,
    ) -> Option<Columns> {
        let conflicts = |added: &ColumnInfo| {
            self.late_columns.get(&added.name).is_some_and(|late| late != added)
        };
        records.added_columns.iter().any(conflicts).then(|| {
            let mut columns = known.clone();
            self.late_columns.values().for_each(|late| columns.add(late.clone()));
            columns
        })
    }

    /// Accepts the next block. Refuses it as a whole if the run would have too many phases or
    /// columns with it.
    pub(super) fn accept(
        &mut self,
        input: usize,
        mut records: BlockRecords,
        bytes: u64,
        known_columns: usize,
        too_many_phases: impl FnOnce() -> InputError,
    ) -> Vec<Item> {
        let keys = records.phases.iter().map(|phase| &phase.key);
        if records.has_too_many_phases || !self.phases.has_room(input, keys) {
            self.end_with(too_many_phases());
            return Vec::new();
        }
        for added in records.added_columns.drain(..) {
            self.late_columns.entry(added.name.clone()).or_insert(added);
        }
        if records.has_too_many_columns || known_columns + self.late_columns.len() > COLUMNS_MAX {
            let path = self.reports[input].path.clone();
            self.end_with(InputError::TooManyColumns { path });
            return Vec::new();
        }
        self.other_phases.append(&mut records.other_phases);
        while self.other_phases.len() > PHASES_MAX {
            self.other_phases.pop_last();
        }
        let report = &mut self.reports[input];
        report.bytes += bytes;
        report.records += records.records;
        let items = self.accept_batches(input, &mut records);
        self.accept_bad(input, records);
        items
    }

    /// Ends the reading: nothing more is accepted.
    pub(super) fn end_with(&mut self, error: InputError) {
        self.error = Some(error);
        self.is_over = true;
    }

    /// Checks at the end of the last input that every selected phase has records.
    pub(super) fn check_phases(&mut self, selected: &[String]) {
        let known = self.phases.states.iter().map(|state| &state.recorded_name);
        let mut phases: BTreeSet<_> = known.cloned().collect();
        if let Some(phase) = selected.iter().find(|phase| !phases.contains(*phase)) {
            phases.append(&mut self.other_phases);
            let phases = phases.into_iter().collect();
            self.end_with(InputError::UnknownPhase { phase: phase.clone(), phases });
        }
    }

    /// Returns the batches of a block and adds its timelines to those of the phases.
    fn accept_batches(&mut self, input: usize, records: &mut BlockRecords) -> Vec<Item> {
        let phases = records.phases.drain(..).map(|BlockPhase { key, timeline }| {
            let position = self.phases.position_or_add(input, &key);
            let state = &mut self.phases.states[position];
            state.timeline.append(timeline);
            Arc::clone(&state.phase)
        });
        let phases: Vec<_> = phases.collect();
        let batches = records.batches.drain(..).map(|batch| {
            let phase = Arc::clone(&phases[batch.phase]);
            Item::Batch(Batch::of_read(phase, batch.infos, batch.columns, batch.len))
        });
        batches.collect()
    }

    /// Counts the bad lines of a block. The last of them may end the reading.
    fn accept_bad(&mut self, input: usize, records: BlockRecords) {
        let report = &mut self.reports[input];
        report.bad_records += records.bad_count;
        let path = || report.path.clone();
        let mut last = None;
        for bad in records.bad {
            let line = self.lines[input] + bad.line + 1;
            let RecordError { column, message, scope } = bad.problem;
            if scope == ErrorScope::Damaged {
                last = Some(InputError::Damaged { path: path(), problem: message });
                continue;
            }
            if report.bad_record_reasons.len() < BAD_RECORD_REASONS_MAX {
                report.bad_record_reasons.push(format!("{line}:{column}: {message}"));
            }
            last = Some(InputError::BadRecord { path: path(), line, column, problem: message });
        }
        self.lines[input] += records.lines;
        if records.is_over {
            self.error = last;
            self.is_over = true;
        }
    }
}
