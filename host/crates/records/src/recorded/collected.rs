//! What was read so far, in the order of the inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::phases::Phases;
use super::{BAD_RECORD_REASONS_MAX, Recorded};
use crate::InputError;
use crate::columns::{COLUMNS_MAX, Columns};
use crate::problem::{Problem, Reach};
use crate::rows::{PHASES_MAX, PhaseRead, Read};
use perfbox_model::batch::{Batch, ColumnInfo};
use perfbox_model::phase::PhaseSummary;
use perfbox_model::report::InputReport;
use perfbox_model::source::Item;

/// What was read so far.
pub(super) struct Collected {
    pub(super) reports: Vec<InputReport>,
    /// Of each input.
    lines: Vec<u64>,
    pub(super) phases: Phases,
    /// Columns that came later than those of the run's start.
    late_columns: BTreeMap<String, ColumnInfo>,
    /// Names of phases that are not asked for, at most as many as a run may have.
    other_phases: BTreeSet<String>,
    /// What comes after a bad record is not taken in any more.
    pub(super) is_over: bool,
    pub(super) error: Option<InputError>,
    pub(super) summaries: Vec<PhaseSummary>,
}

impl Collected {
    /// Nothing yet, of the inputs that are to be reported so, which may be parts of one run.
    pub(super) fn new(reports: Vec<InputReport>, are_one_run: bool) -> Self {
        let names: Vec<_> = reports.iter().map(|report| report.path.clone()).collect();
        Self {
            lines: vec![0; reports.len()],
            reports,
            phases: Phases::of_inputs(&names, are_one_run),
            late_columns: BTreeMap::new(),
            other_phases: BTreeSet::new(),
            is_over: false,
            error: None,
            summaries: Vec::new(),
        }
    }

    /// The columns with which a block is to be read again, since it has added one that an
    /// earlier block has with another type or unit; none: it has not.
    pub(super) fn columns_to_read_again(&self, source: &Recorded, read: &Read) -> Option<Columns> {
        let is_another = |added: &ColumnInfo| {
            self.late_columns.get(&added.name).is_some_and(|late| late != added)
        };
        read.added_columns.iter().any(is_another).then(|| {
            let mut columns = Columns::clone(&source.columns);
            self.late_columns.values().for_each(|late| columns.add(late.clone()));
            columns
        })
    }

    /// Takes in the columns that a block adds. False: the run may not have so many.
    fn take_columns(&mut self, source: &Recorded, read: &mut Read) -> bool {
        for added in read.added_columns.drain(..) {
            self.late_columns.entry(added.name.clone()).or_insert(added);
        }
        let count = source.columns.infos.len() + self.late_columns.len();
        !read.has_too_many_columns && count <= COLUMNS_MAX
    }

    /// The error of a run without a phase that was asked for, once all records are read.
    pub(super) fn check_phases(&mut self, wanted: &[String]) {
        let known = self.phases.states.iter().map(|state| &state.recorded_name);
        let mut phases: BTreeSet<_> = known.cloned().collect();
        if let Some(phase) = wanted.iter().find(|phase| !phases.contains(*phase)) {
            phases.append(&mut self.other_phases);
            let phases = phases.into_iter().collect();
            self.end_with(InputError::UnknownPhase { phase: phase.clone(), phases });
        }
    }

    /// Takes a block in; one with more phases or columns than a run may have is refused
    /// whole.
    pub(super) fn take(
        &mut self,
        source: &Recorded,
        input: usize,
        mut read: Read,
        bytes: u64,
    ) -> Vec<Item> {
        let keys = read.phases.iter().map(|phase| &phase.key);
        if read.has_too_many_phases || !self.phases.have_room(input, keys) {
            self.end_with(source.too_many_phases(input));
            return Vec::new();
        }
        if !self.take_columns(source, &mut read) {
            let path = self.reports[input].path.clone();
            self.end_with(InputError::TooManyColumns { path });
            return Vec::new();
        }
        self.other_phases.append(&mut read.other_phases);
        while self.other_phases.len() > PHASES_MAX {
            self.other_phases.pop_last();
        }
        let report = &mut self.reports[input];
        report.bytes += bytes;
        report.records += read.records;
        let items = self.take_rows(input, &mut read);
        self.take_bad(input, read);
        items
    }

    /// Nothing more is taken in.
    pub(super) fn end_with(&mut self, error: InputError) {
        self.error = Some(error);
        self.is_over = true;
    }

    /// The batches of a block, and what its records say of their phases.
    fn take_rows(&mut self, input: usize, read: &mut Read) -> Vec<Item> {
        let phases = read.phases.drain(..).map(|PhaseRead { key, timeline }| {
            let place = self.phases.place(input, &key);
            let state = &mut self.phases.states[place];
            state.timeline.append(timeline);
            Arc::clone(&state.phase)
        });
        let phases: Vec<_> = phases.collect();
        let batches = read.batches.drain(..).map(|batch| {
            let phase = Arc::clone(&phases[batch.phase]);
            Item::Batch(Batch::of_read(phase, batch.infos, batch.columns, batch.len))
        });
        batches.collect()
    }

    /// Counts the bad lines of a block; the last of them may be the end of it all.
    fn take_bad(&mut self, input: usize, read: Read) {
        let report = &mut self.reports[input];
        report.bad_records += read.bad_count;
        let path = || report.path.clone();
        let mut last = None;
        for bad in read.bad {
            let (line, Problem { column, words, reach }) =
                (self.lines[input] + bad.line + 1, bad.problem);
            if reach == Reach::Damage {
                last = Some(InputError::Damaged { path: path(), problem: words });
                continue;
            }
            if report.bad_record_reasons.len() < BAD_RECORD_REASONS_MAX {
                report.bad_record_reasons.push(format!("{line}:{column}: {words}"));
            }
            last = Some(InputError::BadRecord { path: path(), line, column, problem: words });
        }
        self.lines[input] += read.lines;
        if read.is_over {
            self.error = last;
            self.is_over = true;
        }
    }
}
