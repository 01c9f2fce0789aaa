//! Recorded results as a source. Blocks are read on several threads and accepted in the order
//! of the inputs. A block with a late metric adds the column to its own batches.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use perfbox_model::batch::{ColumnInfo, WantedColumns};
use perfbox_model::report::InputReport;
use perfbox_model::source::{Item, ReadTask, Source, SourceEnd};

use super::events::finish;
use super::open_input::OpenInput;
use super::options::RecordedOptions;
use super::run_state::{BAD_RECORD_REASONS_MAX, RunState};
use crate::batch_builder::{BatchBuilder, BlockRecords, ReadOptions};
use crate::columns::Columns;
use crate::error::InputError;
use crate::format::Format;
use crate::input::{Block, Blocks};

/// Recorded results, from the first input to the last.
pub struct RecordedSource {
    options: RecordedOptions,
    read_options: ReadOptions,
    /// Columns found at the start of the inputs.
    columns: Arc<Columns>,
    inputs: Vec<OpenInput>,
    position: Mutex<Position>,
    run_state: Mutex<RunState>,
    /// Set by the run, or by the record that ends the reading.
    is_stopped: AtomicBool,
    bytes_read: AtomicU64,
    /// Buffers of blocks that are done, for the next blocks.
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// Position of the next block.
#[derive(Default)]
struct Position {
    /// Index of the input.
    input: usize,
    /// Blocks of that input; none before its first block.
    blocks: Option<Blocks>,
    is_over: bool,
}

/// Result of reading one block.
pub struct BlockResult(Outcome);

enum Outcome {
    Read { input: usize, records: Box<BlockRecords>, block: DoneBlock },
    Broken { input: usize, error: io::Error },
    End,
}

/// A block that was read. Keeps its text if the block added columns, since it may be read
/// again.
struct DoneBlock {
    block: Block,
    text_bytes: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RecordedSource {
    /// A source of open inputs, with one report an input.
    pub(super) fn new(
        options: RecordedOptions,
        columns: Columns,
        inputs: Vec<OpenInput>,
        reports: Vec<InputReport>,
        buffer: Vec<u8>,
    ) -> Self {
        let read_options = ReadOptions {
            phases: options.phases.clone(),
            batch_records: options.batch_records,
            skip_bad_records: options.skip_bad_records,
            bad_max: BAD_RECORD_REASONS_MAX,
            cancel: options.cancel.clone(),
        };
        Self {
            run_state: Mutex::new(RunState::new(reports, options.one_run)),
            read_options,
            options,
            columns: Arc::new(columns),
            inputs,
            position: Mutex::default(),
            is_stopped: AtomicBool::new(false),
            bytes_read: AtomicU64::new(0),
            buffers: Mutex::new(vec![buffer]),
        }
    }

    /// Columns known from the start of the inputs. Batches of a block with a late metric have
    /// its column behind these.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns.infos
    }

    /// Takes the error that ended the reading early; the source no longer reports it.
    pub(crate) fn take_error(&self) -> Option<InputError> {
        lock(&self.run_state).error.take()
    }

    /// Format of an input.
    pub(crate) fn format_of(&self, input: usize) -> Format {
        self.inputs[input].reader.format()
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed) || self.options.cancel.is_cancelled()
    }

    /// The next block with the index of its input, or the outcome that takes its place.
    fn next_block(&self, position: &mut Position) -> Result<(usize, Block), Outcome> {
        while !self.is_stopped() {
            let Some(open) = self.inputs.get(position.input) else { break };
            let input = position.input;
            let broken = |error| Outcome::Broken { input, error };
            let blocks = match &mut position.blocks {
                Some(blocks) => blocks,
                none => none.insert(open.input.blocks(open.reader.split_rule()).map_err(broken)?),
            };
            let buffer = lock(&self.buffers).pop().unwrap_or_default();
            match blocks.next_block(self.options.block_bytes(), buffer).map_err(broken)? {
                Some(block) => return Ok((input, block)),
                None => {
                    position.blocks = None;
                    position.input += 1;
                }
            }
        }
        position.is_over = true;
        Err(Outcome::End)
    }

    /// Reads a block.
    fn read(&self, input: usize, mut block: Block) -> Outcome {
        let records = self.read_with(Arc::clone(&self.columns), input, &block);
        let text_bytes = block.text.len() as u64;
        if records.added_columns.is_empty() {
            self.recycle(&mut block);
        }
        Outcome::Read { input, records: Box::new(records), block: DoneBlock { block, text_bytes } }
    }

    /// Keeps the buffer of a block for another one.
    fn recycle(&self, block: &mut Block) {
        lock(&self.buffers).push(std::mem::take(&mut block.text));
    }

    /// Reads a block; `columns` are known beforehand.
    fn read_with(&self, columns: Arc<Columns>, input: usize, block: &Block) -> BlockRecords {
        let mut builder = BatchBuilder::new(columns, &self.read_options);
        let OpenInput { input: file, reader, .. } = &self.inputs[input];
        reader.read(block, &mut builder);
        let mut records = builder.finish();
        if block.is_last
            && !block.text.ends_with(b"\n")
            && let Some(last) = records.bad.last_mut()
            && last.line + 1 == records.lines
            && file.has_grown()
        {
            last.problem.message.push_str("; the input is still being written");
        }
        records
    }

    /// Accepts a block. Reads it again first if it added a column that an earlier block has
    /// with another type or unit: the first record of the run decides both.
    fn accept_block(
        &self,
        run_state: &mut RunState,
        input: usize,
        mut records: BlockRecords,
        done: DoneBlock,
    ) -> Vec<Item> {
        let DoneBlock { mut block, text_bytes } = done;
        if !records.added_columns.is_empty() {
            if let Some(columns) = run_state.conflicting_columns(&self.columns, &records) {
                records = self.read_with(Arc::new(columns), input, &block);
            }
            self.recycle(&mut block);
        }
        let too_many_phases = || self.inputs[input].too_many_phases(&self.options.mapping);
        let bytes = text_bytes + block.skipped_bytes;
        let known_columns = self.columns.infos.len();
        run_state.accept(input, records, bytes, known_columns, too_many_phases)
    }
}

impl Source for RecordedSource {
    type Read = BlockResult;

    fn want(&mut self, wanted: &WantedColumns) {
        Arc::make_mut(&mut self.columns).want(wanted);
    }

    fn next_read(&self) -> Option<ReadTask<'_, BlockResult>> {
        let mut position = lock(&self.position);
        if position.is_over {
            return None;
        }
        let next = self.next_block(&mut position);
        if let Err(Outcome::Broken { .. }) = next {
            // Only the end comes after it.
            self.stop();
        }
        Some(Box::new(move || match next {
            Ok((input, block)) => BlockResult(self.read(input, block)),
            Err(outcome) => BlockResult(outcome),
        }))
    }

    fn accept(&self, result: BlockResult) -> Vec<Item> {
        let run_state = &mut *lock(&self.run_state);
        match result.0 {
            Outcome::End => {
                if !run_state.is_over && !self.is_stopped() {
                    run_state.check_phases(&self.options.phases);
                }
                finish(run_state, &self.inputs, &self.options)
            }
            _ if run_state.is_over => Vec::new(),
            Outcome::Read { input, records, block } => {
                let before = self.inputs[..input].iter().map(|open| open.input.stored_bytes());
                let bytes_read = before.sum::<u64>() + block.block.stored_bytes;
                self.bytes_read.store(bytes_read, Ordering::Relaxed);
                let items = self.accept_block(run_state, input, *records, block);
                if run_state.is_over {
                    self.stop();
                }
                items
            }
            Outcome::Broken { input, error } => {
                let InputReport { path, bytes, .. } = run_state.reports[input].clone();
                run_state.end_with(InputError::Io { path, bytes, source: error });
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
        Some(self.inputs.iter().map(|open| open.input.stored_bytes()).sum())
    }

    fn end(&self) -> SourceEnd {
        let run_state = &mut *lock(&self.run_state);
        SourceEnd {
            phases: std::mem::take(&mut run_state.summaries),
            inputs: run_state.reports.clone(),
            interrupted: self.options.cancel.is_cancelled(),
            error: run_state.error.take().map(Into::into),
        }
    }
}
