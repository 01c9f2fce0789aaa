//! What each format implements.

use crate::batch_builder::BatchBuilder;
use crate::format::Format;
use crate::input::Block;
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;

/// Reads inputs of one format. Blocks are read by several threads at once.
pub(crate) trait Reader: Send + Sync {
    /// The format.
    fn format(&self) -> Format;

    /// Where such an input may be cut.
    fn split_rule(&self) -> SplitRule;

    /// Looks at a block for columns and phases.
    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan;

    /// Puts the records of a block into rows.
    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>);
}

/// What was seen of a block.
#[derive(Default)]
pub(crate) struct BlockScan {
    /// There is a record in it.
    pub(crate) has_records: bool,
    pub(crate) lines: u64,
    /// The first line that is no record, counted from 0.
    pub(crate) first_bad: Option<(u64, RecordError)>,
}
