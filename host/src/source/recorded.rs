//! Recorded results as a source: each input is read twice, once to find the columns
//! of the run, which are the same for all its batches, and once for the records.

use std::collections::VecDeque;
use std::sync::Arc;

use super::aiperf::{self, PhaseManifest, Problem, Record};
use super::columns::{Columns, Survey};
use super::input::{Input, Lines};
use super::timeline::{ReportedBounds, Request, Timeline};
use super::{Item, Source, SourceEnd, SourceError};
use crate::batch::{Batch, ColumnBuilder, ColumnInfo};
use crate::escape;
use crate::phase::{EventKind, Phase, PhaseEvent, PhaseSummary};
use crate::report::InputReport;
use crate::stop::Stop;

/// Records in a batch unless another size is asked for. Throughput is best from 4,096
/// to 65,536.
const BATCH_RECORDS: usize = 16_384;

/// Reasons of bad records that are kept for the report.
const BAD_RECORD_REASONS_MAX: usize = 10;

/// How recorded results are read.
#[derive(Debug, Clone)]
pub struct RecordedOptions {
    /// Only phases of these names; none named: all.
    pub phases: Vec<String>,
    /// Most records in a batch.
    pub batch_records: usize,
    /// Leave bad records out and count them.
    pub skip_bad_records: bool,
    /// The events that hooks get, in place of those rebuilt from the records.
    pub events: Option<Vec<PhaseEvent>>,
    /// Set from elsewhere to end the reading early.
    pub stop: Stop,
}

impl Default for RecordedOptions {
    fn default() -> Self {
        Self {
            phases: Vec::new(),
            batch_records: BATCH_RECORDS,
            skip_bad_records: false,
            events: None,
            stop: Stop::default(),
        }
    }
}

/// Recorded results, from the first input to the last.
pub struct Recorded {
    options: RecordedOptions,
    columns: Columns,
    inputs: Vec<OpenInput>,
    phases: Vec<PhaseState>,
    /// Records wait here until they make a batch; events, until the records are read.
    ready: VecDeque<Item>,
    reading: Reading,
    /// Told to read no more by the run itself.
    stopped: bool,
    bytes_read: u64,
    error: Option<SourceError>,
    summaries: Vec<PhaseSummary>,
}

struct OpenInput {
    input: Input,
    manifest: Option<PhaseManifest>,
    report: InputReport,
}

/// How far the reading is.
enum Reading {
    /// Before input `.0` is opened.
    Before(usize),
    /// In input `.0`.
    In(usize, Box<Lines>),
    /// All records are read, or as many as could be.
    Done,
}

/// A phase of one input.
struct PhaseState {
    input: usize,
    recorded_index: Option<u32>,
    recorded_name: String,
    phase: Arc<Phase>,
    timeline: Timeline,
    columns: Vec<ColumnBuilder>,
    waiting: usize,
}

impl Recorded {
    /// Opens the inputs and finds the columns of the run: files, AIPerf artifact
    /// directories, or `-` for standard input.
    ///
    /// # Errors
    /// When an input cannot be opened, has no records, or a manifest beside it cannot be
    /// understood.
    pub fn open(names: &[String], options: RecordedOptions) -> Result<Self, SourceError> {
        let mut inputs = Vec::new();
        let mut survey = Survey::default();
        for name in names {
            tracing::debug!("reading {}", escape(name));
            let input = Input::open(name, &options.stop)?;
            survey.read(&input, &options.stop)?;
            let manifest = match &input.dir {
                Some(dir) => PhaseManifest::read(dir)?,
                None => None,
            };
            let report = InputReport {
                path: name.clone(),
                format: aiperf::FORMAT,
                records: 0,
                bad_records: 0,
                bytes: 0,
                bad_record_reasons: Vec::new(),
            };
            inputs.push(OpenInput { input, manifest, report });
        }
        if !options.stop.is_requested() {
            survey.check_phases(&options.phases)?;
        }
        Ok(Self {
            options,
            columns: survey.columns(),
            inputs,
            phases: Vec::new(),
            ready: VecDeque::new(),
            reading: Reading::Before(0),
            stopped: false,
            bytes_read: 0,
            error: None,
            summaries: Vec::new(),
        })
    }

    /// The columns of every batch.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns.infos
    }

    /// Reads until something is ready or there is no more.
    fn advance(&mut self) {
        if self.stopped || self.options.stop.is_requested() {
            self.finish_reading();
            return;
        }
        match std::mem::replace(&mut self.reading, Reading::Done) {
            Reading::Before(index) => match self.inputs.get(index) {
                None => self.finish_reading(),
                Some(open) => match open.input.lines() {
                    Ok(lines) => self.reading = Reading::In(index, Box::new(lines)),
                    Err(error) => self.fail_io(index, error),
                },
            },
            Reading::In(index, mut lines) => match self.read_some(index, &mut lines) {
                Ok(true) => self.reading = Reading::In(index, lines),
                Ok(false) => self.reading = Reading::Before(index + 1),
                Err(error) => {
                    self.error = Some(error);
                    self.finish_reading();
                }
            },
            Reading::Done => {}
        }
    }

    /// Takes in as many records as make a batch; false: the input has no more.
    fn read_some(&mut self, index: usize, lines: &mut Lines) -> Result<bool, SourceError> {
        for _ in 0..self.options.batch_records {
            let next = lines.next_line().map_err(|source| SourceError::Io {
                path: self.inputs[index].input.name.clone(),
                bytes: self.inputs[index].report.bytes,
                source,
            })?;
            let Some(line) = next else {
                self.inputs[index].report.bytes = lines.bytes();
                return Ok(false);
            };
            let number = line.number;
            let record = line.text().and_then(aiperf::parse_record);
            let taken = record.and_then(|record| self.take(index, &record));
            let report = &mut self.inputs[index].report;
            match taken {
                Ok(()) => report.records += 1,
                Err(Problem { column, words }) => {
                    report.bad_records += 1;
                    let path = report.path.clone();
                    if report.bad_record_reasons.len() < BAD_RECORD_REASONS_MAX {
                        report.bad_record_reasons.push(format!("{number}:{column}: {words}"));
                    }
                    if !self.options.skip_bad_records {
                        let (line, problem) = (number, words);
                        return Err(SourceError::BadRecord { path, line, column, problem });
                    }
                }
            }
            self.inputs[index].report.bytes = lines.bytes();
        }
        let before: u64 = self.inputs[..index].iter().map(|one| one.input.stored_bytes()).sum();
        self.bytes_read = before + lines.stored_bytes();
        Ok(true)
    }

    /// Takes one record into its phase's batch; all of it, or nothing.
    fn take(&mut self, index: usize, record: &Record<'_>) -> Result<(), Problem> {
        self.columns.check(record)?;
        let name = record.metadata.phase_name().unwrap_or_default();
        if !self.options.phases.is_empty() && !self.options.phases.iter().any(|one| one == name) {
            return Ok(());
        }
        let phase = self.phase_of(index, record);
        let state = &mut self.phases[phase];
        state.timeline.add(request(record));
        self.columns.push(&mut state.columns, record);
        state.waiting += 1;
        if state.waiting == self.options.batch_records {
            self.flush(phase);
        }
        Ok(())
    }

    fn phase_of(&mut self, input: usize, record: &Record<'_>) -> usize {
        let metadata = &record.metadata;
        let name = metadata.phase_name().unwrap_or_default();
        // Where only some records have an index, it is that of the phase's others.
        let same_index = |known: Option<u32>| match (known, metadata.phase_index) {
            (Some(known), Some(index)) => known == index,
            _ => true,
        };
        let known = self.phases.iter().position(|state| {
            state.input == input && state.recorded_name == name && same_index(state.recorded_index)
        });
        known.unwrap_or_else(|| {
            let shown = self.unused_name(match self.inputs.len() {
                1 => name.to_owned(),
                // Phases of one name from several inputs are kept apart.
                _ => format!("{}:{name}", self.inputs[input].input.name),
            });
            let phase = Phase {
                name: shown,
                kind: metadata.phase_kind().unwrap_or(name).to_owned(),
                index: match metadata.phase_index {
                    Some(index) if self.inputs.len() == 1 => index,
                    _ => self.phases.len() as u32,
                },
            };
            self.phases.push(PhaseState {
                input,
                recorded_index: metadata.phase_index,
                recorded_name: name.to_owned(),
                phase: Arc::new(phase),
                timeline: Timeline::default(),
                columns: self.columns.builders(),
                waiting: 0,
            });
            self.phases.len() - 1
        })
    }

    /// The name, numbered where another phase of the run has it: it is what tells them
    /// apart.
    fn unused_name(&self, name: String) -> String {
        let is_used = |name: &str| self.phases.iter().any(|state| state.phase.name == name);
        if !is_used(&name) {
            return name;
        }
        let numbered = (2_u32..).map(|number| format!("{name}#{number}"));
        numbered.into_iter().find(|name| !is_used(name)).unwrap_or(name)
    }

    fn flush(&mut self, phase: usize) {
        let state = &mut self.phases[phase];
        if std::mem::take(&mut state.waiting) == 0 {
            return;
        }
        let columns = state.columns.iter_mut().map(ColumnBuilder::finish).collect();
        let infos = Arc::clone(&self.columns.infos);
        let batch = Batch::new(Arc::clone(&state.phase), infos, columns)
            .expect("the builders were made from these columns");
        self.ready.push_back(Item::Batch(batch));
    }

    fn fail_io(&mut self, index: usize, source: std::io::Error) {
        let OpenInput { input, report, .. } = &self.inputs[index];
        let (path, bytes) = (input.name.clone(), report.bytes);
        self.error = Some(SourceError::Io { path, bytes, source });
        self.finish_reading();
    }

    /// The records that still wait, then the events.
    fn finish_reading(&mut self) {
        self.reading = Reading::Done;
        for phase in 0..self.phases.len() {
            self.flush(phase);
        }
        let logged = self.logged_events();
        let mut events = Vec::new();
        for state in std::mem::take(&mut self.phases) {
            let manifest = self.inputs[state.input].manifest.as_ref();
            let bounds = logged
                .as_ref()
                .and_then(|events| logged_bounds(events, &state.phase))
                .or_else(|| manifest.and_then(|manifest| reported(manifest, &state)));
            let phase = Arc::unwrap_or_clone(state.phase);
            let (rebuilt, mut summary) = state.timeline.finish(phase, bounds);
            if let Some(events) = &logged {
                add_logged(&mut summary, events);
            }
            events.extend(rebuilt);
            self.summaries.push(summary);
        }
        // What happens at one time to one phase happens in the order of the kinds.
        events.sort_by_key(|event: &PhaseEvent| (event.time_ns, event.phase.index, event.event));
        self.ready.extend(logged.unwrap_or(events).into_iter().map(Item::Event));
    }

    /// The events of the log, of the phases that are asked for.
    fn logged_events(&mut self) -> Option<Vec<PhaseEvent>> {
        let mut events = self.options.events.take()?;
        if !self.options.phases.is_empty() {
            events.retain(|event| {
                self.phases.iter().any(|known| known.phase.name == event.phase.name)
            });
        }
        Some(events)
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

impl Source for Recorded {
    fn next_item(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            if matches!(self.reading, Reading::Done) {
                return None;
            }
            self.advance();
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    fn total_bytes(&self) -> Option<u64> {
        Some(self.inputs.iter().map(|one| one.input.stored_bytes()).sum())
    }

    fn end(&mut self) -> SourceEnd {
        SourceEnd {
            phases: std::mem::take(&mut self.summaries),
            inputs: self.inputs.iter().map(|one| one.report.clone()).collect(),
            interrupted: self.options.stop.is_requested(),
            error: self.error.take(),
        }
    }
}

fn reported(manifest: &PhaseManifest, state: &PhaseState) -> Option<ReportedBounds> {
    let same = |phase: &&aiperf::ManifestPhase| {
        phase.phase_name == state.recorded_name
            && state.recorded_index.is_none_or(|index| index == phase.phase_index)
    };
    let phase = manifest.phases.iter().find(same)?;
    Some(ReportedBounds { start_ns: phase.start_ns?, end_ns: phase.end_ns? })
}

fn request<'r>(record: &'r Record<'_>) -> Request<'r> {
    let metadata = &record.metadata;
    let cancelled = metadata.was_cancelled.unwrap_or(false);
    let start_ns = metadata.start_ns().unwrap_or_default();
    Request {
        start_ns,
        end_ns: record.end_ns().unwrap_or(start_ns),
        failed: record.error.is_some() || cancelled,
        cancelled,
        session: metadata
            .x_correlation_id
            .as_deref()
            .map(|session| (session, metadata.turn_index.unwrap_or(0))),
    }
}
