//! What was read so far, in the order of the inputs.

use std::sync::Arc;

use super::phases::Phases;
use super::{BAD_RECORD_REASONS_MAX, Recorded};
use crate::InputError;
use crate::problem::{Problem, Reach};
use crate::rows::{PhaseRead, Read, ReadOptions};
use perfbox_model::batch::Batch;
use perfbox_model::phase::PhaseSummary;
use perfbox_model::report::InputReport;
use perfbox_model::source::Item;

/// What was read so far.
pub(super) struct Collected {
    pub(super) reports: Vec<InputReport>,
    /// Of each input.
    lines: Vec<u64>,
    pub(super) phases: Phases,
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
            is_over: false,
            error: None,
            summaries: Vec::new(),
        }
    }

    /// Takes a block in; one with more phases than a run may have is refused whole.
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
        let report = &mut self.reports[input];
        report.bytes += bytes;
        report.records += read.records;
        let items = self.take_rows(source, input, &mut read);
        self.take_bad(input, read, &source.read_options);
        items
    }

    /// Nothing more is taken in.
    pub(super) fn end_with(&mut self, error: InputError) {
        self.error = Some(error);
        self.is_over = true;
    }

    /// The batches of a block, and what its records say of their phases.
    fn take_rows(&mut self, source: &Recorded, input: usize, read: &mut Read) -> Vec<Item> {
        let phases = read.phases.drain(..).map(|PhaseRead { key, timeline }| {
            let place = self.phases.place(input, &key);
            let state = &mut self.phases.states[place];
            state.timeline.append(timeline);
            Arc::clone(&state.phase)
        });
        let phases: Vec<_> = phases.collect();
        let batches = read.batches.drain(..).map(|batch| {
            let phase = Arc::clone(&phases[batch.phase]);
            let infos = Arc::clone(&source.columns.infos);
            Item::Batch(Batch::of_read(phase, infos, batch.columns, batch.len))
        });
        batches.collect()
    }

    /// Counts the bad lines of a block; the last of them may be the end of it all.
    fn take_bad(&mut self, input: usize, read: Read, options: &ReadOptions) {
        let report = &mut self.reports[input];
        report.bad_records += read.bad_count;
        let path = || report.path.clone();
        let mut last = None;
        for bad in read.bad {
            let (line, Problem { column, words, reach }) =
                (self.lines[input] + bad.line + 1, bad.problem);
            if reach == Reach::NewColumn && !options.is_looked_through {
                last = Some(InputError::NewColumn { path: path(), line });
                continue;
            }
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
