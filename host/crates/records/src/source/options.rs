//! Options of a recorded source.

use perfbox_model::cancel::CancelToken;
use perfbox_model::phase::PhaseEvent;

use crate::format::Format;
use crate::mapping::definition::Mapping;

/// Default maximum of records in a batch. Throughput is best from 4,096 to 65,536.
const BATCH_RECORDS: usize = 16_384;

/// Size of a block, in bytes: small enough to give every thread work on a small input, large
/// enough to make a batch worth its calls.
pub(crate) const BLOCK_BYTES: usize = 2 << 20;

/// Block bytes for each record of a batch. All batches of a block are built at once, so small
/// batches get small blocks.
pub(super) const BLOCK_BYTES_PER_BATCH_RECORD: usize = 32 << 10;

/// Options of a [`RecordedSource`](crate::RecordedSource).
#[derive(Debug, Clone)]
pub struct RecordedOptions {
    /// Names of the phases to read; empty: all phases.
    pub phases: Vec<String>,
    /// Maximum of records in a batch.
    pub batch_records: usize,
    /// Skip bad records and count them, instead of stopping at the first.
    pub skip_bad_records: bool,
    /// Treat the inputs as parts of one run: phases of the same name are one phase.
    pub one_run: bool,
    /// Events for hooks, instead of the events rebuilt from the records.
    pub events: Option<Vec<PhaseEvent>>,
    /// Format of the inputs; none: detected from the content of each.
    pub input_format: Option<Format>,
    /// Mapping of columns, for the formats that need one.
    pub mapping: Mapping,
    /// Cancel token that ends the reading early.
    pub cancel: CancelToken,
    /// Maximum size of a block, in bytes.
    #[cfg(fuzzing)]
    pub block_bytes: usize,
}

impl RecordedOptions {
    /// Maximum size of a block, in bytes. A fuzzer sets a smaller one.
    pub(super) fn block_bytes_max(&self) -> usize {
        #[cfg(fuzzing)]
        return self.block_bytes;
        #[cfg(not(fuzzing))]
        BLOCK_BYTES
    }

    /// Size of a block, in bytes.
    pub(super) fn block_bytes(&self) -> usize {
        let for_batch = self.batch_records.saturating_mul(BLOCK_BYTES_PER_BATCH_RECORD);
        for_batch.max(BLOCK_BYTES_PER_BATCH_RECORD).min(self.block_bytes_max())
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
