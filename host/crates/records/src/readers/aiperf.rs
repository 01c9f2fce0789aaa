//! AIPerf's `profile_export.jsonl`: one JSON object a line.
//!
//! `record` parses a line completely. `templates` read lines that have the structure of a
//! parsed one, with the same result.

#[cfg(test)]
mod differential;
pub(crate) mod manifest;
mod record;
mod row;
mod templates;

use std::sync::{Arc, Mutex, PoisonError};

use perfbox_model::batch::ColumnType;
use record::parse_record;
use templates::Templates;

use self::row::{OWN_COLUMNS, check};
use crate::batch_builder::{BatchBuilder, ReadOptions};
use crate::format::Format;
use crate::input::Block;
use crate::limits::LINE_MAX_BYTES;
use crate::lines::Lines;
use crate::reader::{BlockScan, Reader};
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;

/// Maximum of times in one block that new columns make all templates be learned again.
const RELEARN_MAX: u32 = 64;

/// Reads AIPerf's records.
#[derive(Default)]
pub(crate) struct Aiperf {
    /// Templates of each thread that is not reading now.
    templates: Mutex<Vec<Templates>>,
}

impl Reader for Aiperf {
    fn format(&self) -> Format {
        Format::AiperfJsonl
    }

    fn split_rule(&self) -> SplitRule {
        SplitRule::Lines
    }

    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan {
        let text = if block.is_truncated { "" } else { text_of(block) };
        let mut scan = BlockScan::default();
        let mut lines = Lines::new(block);
        let mut relearned = 0;
        while lines.at().is_some() {
            // Values do not matter here, only whether a line matches a template.
            let columns = Arc::new(schema.unread_columns());
            let options = ReadOptions { batch_records: usize::MAX, ..ReadOptions::default() };
            let (mut builder, mut templates) =
                (BatchBuilder::new(columns, &options), Templates::default());
            while let Some(at) = lines.at() {
                if !text.is_empty()
                    && let Some(end) = templates.read(text, at, &mut builder)
                {
                    scan.has_records = true;
                    lines.skip_to(end);
                    continue;
                }
                let (number, line) = lines.next_line();
                if line.is_empty() {
                    continue;
                }
                let seen = match block.is_truncated {
                    true => Err(RecordError::long_line(LINE_MAX_BYTES)),
                    false => scan_line(line, schema),
                };
                scan.has_records |= seen.is_ok();
                match seen {
                    Ok(true) if relearned < RELEARN_MAX => {
                        relearned += 1;
                        break;
                    }
                    // A bad line is reported when it is read.
                    Ok(_) => drop(templates.read_whole(line, &mut builder)),
                    Err(problem) => {
                        scan.first_bad.get_or_insert((number, problem));
                    }
                }
            }
        }
        scan.lines = lines.count();
        scan
    }

    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>) {
        let mut templates = self.lock().pop().unwrap_or_default();
        let text = if block.is_truncated { "" } else { text_of(block) };
        let mut lines = Lines::new(block);
        while let Some(at) = lines.at().filter(|_| !builder.is_over()) {
            if !text.is_empty()
                && let Some(end) = templates.read(text, at, builder)
            {
                lines.skip_to(end);
                continue;
            }
            let (number, line) = lines.next_line();
            if line.is_empty() {
                continue;
            }
            let problem = match block.is_truncated {
                true => Err(RecordError::long_line(LINE_MAX_BYTES)),
                false => templates.read_whole(line, builder),
            };
            if let Err(problem) = problem
                && !builder.bad(number, problem)
            {
                break;
            }
        }
        builder.add_lines(lines.count());
        // Templates refer to columns by position; in another block, an added column has another
        // one.
        if !builder.has_added_columns() {
            self.lock().push(templates);
        }
    }
}

/// True if an input begins with a record of AIPerf.
pub(crate) fn detect(start: &[u8]) -> bool {
    let block = Block { text: start.to_vec(), ..Block::default() };
    let mut lines = Lines::new(&block);
    // The first lines may be bad.
    std::iter::from_fn(|| lines.at().map(|_| lines.next_line().1))
        .filter(|line| !line.is_empty())
        .take(10)
        .any(|line| parse_record(line).is_ok())
}

/// The text of a block; empty if it is not UTF-8, since it is then read line by line to find
/// the bad line.
fn text_of(block: &Block) -> &str {
    std::str::from_utf8(&block.text).unwrap_or_default()
}

/// Scans one record. Returns true if it adds a column.
fn scan_line(line: &[u8], schema: &mut SchemaScan) -> Result<bool, RecordError> {
    let record = parse_record(line)?;
    let known = schema.column_count();
    for (name, unit) in OWN_COLUMNS {
        schema.add_column(name, ColumnType::U64, unit);
    }
    schema.add_phase(record.metadata.phase_name().unwrap_or_default());
    // As when it is read, a bad record adds no metric.
    for added in check(|name| schema.find(name), &record).unwrap_or_default() {
        schema.add_column(&added.name, added.kind, &added.unit);
    }
    Ok(schema.column_count() > known)
}

impl Aiperf {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Templates>> {
        self.templates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
