//! Recorded results as a source: the start of each input is scanned for columns, then each
//! is read once, block by block, on all threads. A block that has further columns adds them
//! to its own batches.

mod collected;
mod events;
mod open;
mod phases;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use collected::Collected;

use super::InputError;
use super::columns::Columns;
use super::format::Format;
use super::input::{Block, Blocks, Input};
use super::mapping::Mapping;
use super::readers::Reader;
use super::readers::aiperf::PhaseManifest;
use super::rows::{Read, ReadOptions, Rows};
use perfbox_model::batch::{ColumnInfo, WantedColumns};
use perfbox_model::cancel::CancelToken;
use perfbox_model::phase::PhaseEvent;
use perfbox_model::report::InputReport;
use perfbox_model::source::{Item, ReadTask, Source, SourceEnd};

/// Records in a batch unless another size is asked for. Throughput is best from 4,096
/// to 65,536.
const BATCH_RECORDS: usize = 16_384;

/// Bytes of a block: few enough that all threads have work in a small input, and many
/// enough that a batch is worth its calls.
pub(super) const BLOCK_BYTES: usize = 2 << 20;

/// Bytes of a block for each record of a batch, where batches are so small that a block
/// would be many of them: they are made all at once.
const BLOCK_BYTES_PER_BATCH_RECORD: usize = 32 << 10;

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
    /// The inputs are parts of one run: their phases of the same name are one.
    pub one_run: bool,
    /// The events that hooks get, in place of those rebuilt from the records.
    pub events: Option<Vec<PhaseEvent>>,
    /// The format of the inputs; none: each is recognised by its content.
    pub input_format: Option<Format>,
    /// Which column is what, for inputs of a format that does not say so.
    pub mapping: Mapping,
    /// Set from elsewhere to end the reading early.
    pub cancel: CancelToken,
    /// Most bytes of a block.
    #[cfg(fuzzing)]
    pub block_bytes: usize,
}

impl RecordedOptions {
    /// Most bytes of a block: a fuzzer has smaller ones.
    fn block_bytes_max(&self) -> usize {
        #[cfg(fuzzing)]
        return self.block_bytes;
        #[cfg(not(fuzzing))]
        BLOCK_BYTES
    }
}

impl Default for RecordedOptions {
    fn default() -> Self {
        Self {
            phases: Vec::new(),
            batch_records: BATCH_RECORDS,
            skip_bad_records: false,
            one_run: false,
            events: None,
            input_format: None,
            mapping: Mapping::default(),
            cancel: CancelToken::default(),
            #[cfg(fuzzing)]
            block_bytes: BLOCK_BYTES,
        }
    }
}

/// Recorded results, from the first input to the last.
pub struct Recorded {
    options: RecordedOptions,
    read_options: ReadOptions,
    columns: Arc<Columns>,
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

/// A block of recorded results that was read, or what came in its place.
pub struct Recording(Outcome);

enum Outcome {
    Read { input: usize, read: Box<Read>, block: ReadBlock },
    Broken { input: usize, error: io::Error },
    End,
}

/// The block that was read. Its text is kept where it has added columns: it may have to be
/// read again.
struct ReadBlock {
    block: Block,
    /// Of its text.
    bytes: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorded {
    /// The columns that are known from the start. A metric that comes later has a column in
    /// the batches of its block, behind these.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns.infos
    }

    /// Why the reading ended early; the source reports it no more.
    pub(super) fn take_error(&self) -> Option<InputError> {
        lock(&self.collected).error.take()
    }

    /// The format of one of the inputs.
    pub(super) fn format_of(&self, input: usize) -> Format {
        self.inputs[input].reader.format()
    }

    fn block_bytes(&self) -> usize {
        let of_batch = self.options.batch_records.saturating_mul(BLOCK_BYTES_PER_BATCH_RECORD);
        of_batch.max(BLOCK_BYTES_PER_BATCH_RECORD).min(self.options.block_bytes_max())
    }

    fn too_many_phases(&self, input: usize) -> InputError {
        open::too_many_phases(&self.inputs[input], &self.options.mapping)
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed) || self.options.cancel.is_cancelled()
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
            match blocks.next_block(self.block_bytes(), buffer).map_err(broken)? {
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

    /// Reads one block, with its text kept if it may have to be read again.
    fn read(&self, input: usize, mut block: Block) -> Outcome {
        let read = self.read_with(Arc::clone(&self.columns), input, &block);
        let bytes = block.text.len() as u64;
        if read.added_columns.is_empty() {
            self.recycle(&mut block);
        }
        Outcome::Read { input, read: Box::new(read), block: ReadBlock { block, bytes } }
    }

    /// Gives the buffer of a block to the next one.
    fn recycle(&self, block: &mut Block) {
        lock(&self.buffers).push(std::mem::take(&mut block.text));
    }

    /// Reads one block of which those columns are known.
    fn read_with(&self, columns: Arc<Columns>, input: usize, block: &Block) -> Read {
        let mut rows = Rows::new(columns, &self.read_options);
        let OpenInput { input: file, reader, .. } = &self.inputs[input];
        reader.read(block, &mut rows);
        let mut read = rows.finish();
        if block.is_last
            && !block.text.ends_with(b"\n")
            && let Some(last) = read.bad.last_mut()
            && last.line + 1 == read.lines
            && file.has_grown()
        {
            last.problem.words.push_str("; the input is still written to");
        }
        read
    }
}

impl Source for Recorded {
    type Read = Recording;

    fn want(&mut self, wanted: &WantedColumns) {
        Arc::make_mut(&mut self.columns).want(wanted);
    }

    fn next_read(&self) -> Option<ReadTask<'_, Recording>> {
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
            Outcome::End => {
                if !collected.is_over && !self.is_stopped() {
                    collected.check_phases(&self.options.phases);
                }
                self.finish(collected)
            }
            _ if collected.is_over => Vec::new(),
            Outcome::Read { input, mut read, block: ReadBlock { mut block, bytes } } => {
                let before = self.inputs[..input].iter().map(|one| one.input.stored_bytes());
                self.bytes_read.store(before.sum::<u64>() + block.stored_bytes, Ordering::Relaxed);
                if !read.added_columns.is_empty() {
                    if let Some(columns) = collected.columns_to_read_again(self, &read) {
                        *read = self.read_with(Arc::new(columns), input, &block);
                    }
                    self.recycle(&mut block);
                }
                let items = collected.take(self, input, *read, bytes + block.skipped_bytes);
                if collected.is_over {
                    self.stop();
                }
                items
            }
            Outcome::Broken { input, error } => {
                let InputReport { path, bytes, .. } = collected.reports[input].clone();
                collected.end_with(InputError::Io { path, bytes, source: error });
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
            interrupted: self.options.cancel.is_cancelled(),
            error: collected.error.take().map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests;
