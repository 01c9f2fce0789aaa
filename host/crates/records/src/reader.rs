//! The reader that each format implements.

use crate::batch_builder::BatchBuilder;
use crate::format::Format;
use crate::input::Block;
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;

/// Reads inputs of one format. Several threads read blocks at the same time.
pub(crate) trait Reader: Send + Sync {
    /// Format of the input.
    fn format(&self) -> Format;

    /// Where to split the input into blocks.
    fn split_rule(&self) -> SplitRule;

    /// Scans a block for columns and phases. Called in order, for the blocks up to the first
    /// with a record.
    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan;

    /// Reads the records of a block. Called once a block, from any thread.
    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>);
}

/// Result of scanning a block.
#[derive(Default)]
pub(crate) struct BlockScan {
    /// The block has a good record.
    pub(crate) has_records: bool,
    pub(crate) lines: u64,
    /// The first bad line, from 0.
    pub(crate) first_bad: Option<(u64, RecordError)>,
}
