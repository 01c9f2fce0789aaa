//! Recorded results as a source: the start of each input is looked through for the
//! columns of the run, then each is read once, block by block, on all threads.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::aiperf::{ManifestPhase, PhaseManifest};
use super::columns::{Columns, Survey};
use super::format::{Format, Given, reader_of};
use super::input::{Block, Blocks, Input};
use super::mapping::Mapping;
use super::problem::Reach;
use super::reader::Reader;
use super::rows::{PhaseKey, PhaseRead, Read, ReadOptions, Rows};
use super::timeline::{ReportedBounds, Timeline};
use super::{Item, Piece, Problem, Source, SourceEnd, SourceError};
use crate::batch::{Batch, ColumnInfo, WantedColumns};
use crate::escape;
use crate::phase::{EventKind, Phase, PhaseEvent, PhaseSummary};
use crate::report::InputReport;
use crate::stop::Stop;

/// Records in a batch unless another size is asked for. Throughput is best from 4,096
/// to 65,536.
const BATCH_RECORDS: usize = 16_384;

/// Bytes of a block: few enough that all threads have work in a small input, and many
/// enough that a batch is worth its calls.
pub(super) const BLOCK_BYTES: usize = 2 << 20;

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
    /// The format of the inputs; none: each is recognised by its content.
    pub input_format: Option<Format>,
    /// Which column is what, for inputs of a format that does not say so.
    pub mapping: Mapping,
    /// Look through all of each input for its columns before it is read, and not only
    /// through its start. A column that comes up later is then part of the run; else it
    /// ends the reading with [`SourceError::NewColumn`].
    pub look_through: bool,
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
            input_format: None,
            mapping: Mapping::default(),
            look_through: true,
            stop: Stop::default(),
        }
    }
}

/// Recorded results, from the first input to the last.
pub struct Recorded {
    options: RecordedOptions,
    read_options: ReadOptions,
    columns: Columns,
    inputs: Vec<OpenInput>,
    reading: Mutex<Reading>,
    collected: Mutex<Collected>,
    /// Told to read no more by the run itself, or by a bad record.
    is_stopped: AtomicBool,
    bytes_read: AtomicU64,
    /// Of blocks that have been read.
    buffers: Mutex<Vec<Vec<u8>>>,
}

struct OpenInput {
    input: Input,
    manifest: Option<PhaseManifest>,
    reader: Box<dyn Reader>,
}

/// How far the inputs are handed out.
#[derive(Default)]
struct Reading {
    /// The input that comes next, or is being handed out.
    input: usize,
    blocks: Option<Blocks>,
    is_over: bool,
}

/// What was read so far, in the order of the inputs.
struct Collected {
    reports: Vec<InputReport>,
    /// Of each input.
    lines: Vec<u64>,
    phases: Vec<PhaseState>,
    /// What comes after a bad record is not taken in any more.
    is_over: bool,
    error: Option<SourceError>,
    summaries: Vec<PhaseSummary>,
}

/// A phase of one input.
struct PhaseState {
    input: usize,
    recorded_index: Option<u32>,
    recorded_name: String,
    phase: Arc<Phase>,
    timeline: Timeline,
}

/// A block of recorded results that was read, or what came in its place.
pub struct Recording(Outcome);

enum Outcome {
    Read { input: usize, read: Box<Read>, bytes: u64, stored_bytes: u64 },
    Broken { input: usize, error: io::Error },
    End,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let given = Given { format: options.input_format, mapping: options.mapping.clone() };
        for name in names {
            tracing::debug!("reading {}", escape(name));
            let input = Input::open(name, &options.stop)?;
            let manifest = match &input.dir {
                Some(dir) => PhaseManifest::read(dir)?,
                None => None,
            };
            let start = input.start(BLOCK_BYTES);
            let start =
                start.map_err(|source| SourceError::Io { path: name.clone(), bytes: 0, source })?;
            let reader =
                reader_of(&start, &input, &given).map_err(|problem| problem.of_input(name))?;
            let open = OpenInput { input, manifest, reader };
            look_through(&open, &options, &mut survey)?;
            inputs.push(open);
        }
        let columns = if options.stop.is_requested() {
            survey.columns()
        } else {
            survey.check_phases(&options.phases)?;
            survey.columns()
        };
        let report = |open: &OpenInput| InputReport {
            path: open.input.name.clone(),
            format: open.reader.format().name(),
            records: 0,
            bad_records: 0,
            bytes: 0,
            bad_record_reasons: Vec::new(),
        };
        let collected = Collected {
            reports: inputs.iter().map(report).collect(),
            lines: vec![0; inputs.len()],
            phases: Vec::new(),
            is_over: false,
            error: None,
            summaries: Vec::new(),
        };
        let read_options = ReadOptions {
            phases: options.phases.clone(),
            batch_records: options.batch_records,
            skip_bad_records: options.skip_bad_records,
            bad_max: BAD_RECORD_REASONS_MAX,
            is_looked_through: options.look_through,
        };
        Ok(Self {
            options,
            read_options,
            columns,
            inputs,
            reading: Mutex::default(),
            collected: Mutex::new(collected),
            is_stopped: AtomicBool::new(false),
            bytes_read: AtomicU64::new(0),
            buffers: Mutex::default(),
        })
    }

    /// The columns of every batch.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns.infos
    }

    /// The format of one of the inputs.
    pub(super) fn format_of(&self, input: usize) -> Format {
        self.inputs[input].reader.format()
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed) || self.options.stop.is_requested()
    }

    /// The next block of the inputs, or what comes in its place.
    fn next_block(&self, reading: &mut Reading) -> Result<(usize, Block), Outcome> {
        while !self.is_stopped() {
            let Some(open) = self.inputs.get(reading.input) else { break };
            let input = reading.input;
            let broken = |error| Outcome::Broken { input, error };
            let blocks = match &mut reading.blocks {
                Some(blocks) => blocks,
                none => none.insert(open.input.blocks(open.reader.cut()).map_err(broken)?),
            };
            let buffer = lock(&self.buffers).pop().unwrap_or_default();
            match blocks.next_block(BLOCK_BYTES, buffer).map_err(broken)? {
                Some(block) => return Ok((input, block)),
                None => {
                    reading.blocks = None;
                    reading.input += 1;
                }
            }
        }
        reading.is_over = true;
        Err(Outcome::End)
    }

    /// Reads one block.
    fn read(&self, input: usize, block: Block) -> Outcome {
        let mut rows = Rows::new(&self.columns, &self.read_options);
        let OpenInput { input: file, reader, .. } = &self.inputs[input];
        reader.read(&block, &mut rows);
        let mut read = rows.finish();
        if block.is_last
            && !block.text.ends_with(b"\n")
            && let Some(last) = read.bad.last_mut()
            && last.line + 1 == read.lines
            && file.has_grown()
        {
            last.problem.words.push_str("; the input is still written to");
        }
        let bytes = block.text.len() as u64 + block.skipped_bytes;
        let stored_bytes = block.stored_bytes;
        lock(&self.buffers).push(block.text);
        Outcome::Read { input, read: Box::new(read), bytes, stored_bytes }
    }

    /// The events, once all records are read.
    fn finish(&self, collected: &mut Collected) -> Vec<Item> {
        let logged = self.logged_events(&collected.phases);
        let mut events = Vec::new();
        for state in std::mem::take(&mut collected.phases) {
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
            collected.summaries.push(summary);
        }
        // What happens at one time to one phase happens in the order of the kinds.
        events.sort_by_key(|event: &PhaseEvent| (event.time_ns, event.phase.index, event.event));
        logged.unwrap_or(events).into_iter().map(Item::Event).collect()
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

/// Finds columns and phases: in the first block that has a record, or in all.
fn look_through(
    open: &OpenInput,
    options: &RecordedOptions,
    survey: &mut Survey,
) -> Result<(), SourceError> {
    let OpenInput { input, reader, .. } = open;
    let path = || input.name.clone();
    let failed = |source| SourceError::Io { path: path(), bytes: 0, source };
    let mut blocks = input.blocks(reader.cut()).map_err(failed)?;
    let (mut lines_before, mut good, mut first_bad) = (0, false, None);
    let mut buffer = Vec::new();
    while !options.stop.is_requested() && (!good || options.look_through) {
        let block = match blocks.next_block(BLOCK_BYTES, buffer) {
            Ok(Some(block)) => block,
            Ok(None) => break,
            // A file that breaks off later is read as far as it goes.
            Err(_) if lines_before > 0 => break,
            Err(error) => return Err(failed(error)),
        };
        let seen = reader.survey(&block, survey);
        good |= seen.has_records;
        if let Some((number, problem)) = seen.first_bad {
            first_bad.get_or_insert((lines_before + number + 1, problem));
        }
        lines_before += seen.lines;
        buffer = block.text;
    }
    match first_bad {
        _ if good || options.stop.is_requested() => Ok(()),
        None => Err(SourceError::Empty { path: path() }),
        Some((line, Problem { column, words, .. })) => {
            Err(SourceError::NoRecords { path: path(), line, column, problem: words })
        }
    }
}

impl Collected {
    /// The batches of a block, and what its records say of their phases.
    fn take_rows(&mut self, source: &Recorded, input: usize, read: &mut Read) -> Vec<Item> {
        let phases = read.phases.drain(..).map(|PhaseRead { key, timeline }| {
            let phase = self.phase_of(&source.inputs, input, &key);
            self.phases[phase].timeline.append(timeline);
            Arc::clone(&self.phases[phase].phase)
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
                last = Some(SourceError::NewColumn { path: path(), line });
                continue;
            }
            if reach == Reach::Damage {
                last = Some(SourceError::Damaged { path: path(), problem: words });
                continue;
            }
            if report.bad_record_reasons.len() < BAD_RECORD_REASONS_MAX {
                report.bad_record_reasons.push(format!("{line}:{column}: {words}"));
            }
            last = Some(SourceError::BadRecord { path: path(), line, column, problem: words });
        }
        self.lines[input] += read.lines;
        if read.is_over {
            self.error = last;
            self.is_over = true;
        }
    }

    fn phase_of(&mut self, inputs: &[OpenInput], input: usize, key: &PhaseKey) -> usize {
        // Where only some records have an index, it is that of the phase's others.
        let same_index = |known: Option<u32>| match (known, key.index) {
            (Some(known), Some(index)) => known == index,
            _ => true,
        };
        let known = self.phases.iter().position(|state| {
            state.input == input
                && state.recorded_name == key.name
                && same_index(state.recorded_index)
        });
        known.unwrap_or_else(|| {
            let shown = self.unused_name(match inputs.len() {
                1 => key.name.clone(),
                // Phases of one name from several inputs are kept apart.
                _ => format!("{}:{}", inputs[input].input.name, key.name),
            });
            let index = match key.index {
                Some(index) if inputs.len() == 1 => index,
                _ => self.phases.len() as u32,
            };
            let phase = Arc::new(Phase { name: shown, kind: key.kind.clone(), index });
            self.phases.push(PhaseState {
                input,
                recorded_index: key.index,
                recorded_name: key.name.clone(),
                phase,
                timeline: Timeline::default(),
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
    type Read = Recording;

    fn want(&mut self, wanted: &WantedColumns) {
        self.columns.want(wanted);
    }

    fn next_piece(&self) -> Option<Piece<'_, Recording>> {
        let mut reading = lock(&self.reading);
        if reading.is_over {
            return None;
        }
        let next = self.next_block(&mut reading);
        if let Err(Outcome::Broken { .. }) = next {
            // Nothing comes after it but the end.
            self.stop();
        }
        Some(Box::new(move || match next {
            Ok((input, block)) => Recording(self.read(input, block)),
            Err(outcome) => Recording(outcome),
        }))
    }

    fn accept(&self, recording: Recording) -> Vec<Item> {
        let collected = &mut *lock(&self.collected);
        match recording.0 {
            // Of a run that begins again nothing is told yet.
            Outcome::End if matches!(collected.error, Some(SourceError::NewColumn { .. })) => {
                Vec::new()
            }
            Outcome::End => self.finish(collected),
            _ if collected.is_over => Vec::new(),
            Outcome::Read { input, mut read, bytes, stored_bytes } => {
                let before = self.inputs[..input].iter().map(|one| one.input.stored_bytes());
                self.bytes_read.store(before.sum::<u64>() + stored_bytes, Ordering::Relaxed);
                let report = &mut collected.reports[input];
                report.bytes += bytes;
                report.records += read.records;
                let items = collected.take_rows(self, input, &mut read);
                collected.take_bad(input, *read, &self.read_options);
                if collected.is_over {
                    self.stop();
                }
                items
            }
            Outcome::Broken { input, error } => {
                let InputReport { path, bytes, .. } = collected.reports[input].clone();
                collected.error = Some(SourceError::Io { path, bytes, source: error });
                collected.is_over = true;
                Vec::new()
            }
        }
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    fn total_bytes(&self) -> Option<u64> {
        Some(self.inputs.iter().map(|one| one.input.stored_bytes()).sum())
    }

    fn end(&self) -> SourceEnd {
        let collected = &mut *lock(&self.collected);
        SourceEnd {
            phases: std::mem::take(&mut collected.summaries),
            inputs: collected.reports.clone(),
            interrupted: self.options.stop.is_requested(),
            error: collected.error.take(),
        }
    }
}

fn reported(manifest: &PhaseManifest, state: &PhaseState) -> Option<ReportedBounds> {
    let same = |phase: &&ManifestPhase| {
        phase.phase_name == state.recorded_name
            && state.recorded_index.is_none_or(|index| index == phase.phase_index)
    };
    let phase = manifest.phases.iter().find(same)?;
    Some(ReportedBounds { start_ns: phase.start_ns?, end_ns: phase.end_ns? })
}
