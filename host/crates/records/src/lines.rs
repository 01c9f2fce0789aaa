//! Lines of a block.

use crate::batch_builder::BatchBuilder;
use crate::input::Block;
use crate::limits::LINE_MAX_BYTES;
use crate::reader::BlockScan;
use crate::record_error::RecordError;
use crate::text::BYTE_ORDER_MARK;

/// Scans each line that is not blank.
pub(crate) fn scan_lines(
    block: &Block,
    mut scan_line: impl FnMut(&[u8]) -> Result<(), RecordError>,
) -> BlockScan {
    let mut lines = Lines::new(block);
    let mut scan = BlockScan::default();
    while lines.at().is_some() {
        let (number, line) = lines.next_line();
        if line.is_empty() {
            continue;
        }
        let seen = match block.is_truncated {
            true => Err(RecordError::long_line(LINE_MAX_BYTES)),
            false => scan_line(line),
        };
        match seen {
            Ok(()) => scan.has_records = true,
            Err(problem) => {
                scan.first_bad.get_or_insert((number, problem));
            }
        }
    }
    scan.lines = lines.count();
    scan
}

/// Reads each line that is not blank.
pub(crate) fn read_lines(
    block: &Block,
    builder: &mut BatchBuilder<'_>,
    mut read: impl FnMut(&[u8], &mut BatchBuilder<'_>) -> Result<(), RecordError>,
) {
    let mut lines = Lines::new(block);
    while lines.at().is_some() && !builder.is_over() {
        let (number, line) = lines.next_line();
        if line.is_empty() {
            continue;
        }
        let outcome = match block.is_truncated {
            true => Err(RecordError::long_line(LINE_MAX_BYTES)),
            false => read(line, builder),
        };
        if let Err(problem) = outcome
            && !builder.bad(number, problem)
        {
            break;
        }
    }
    builder.add_lines(lines.count());
}

/// The lines of a block.
pub(crate) struct Lines<'b> {
    text: &'b [u8],
    at: usize,
    count: u64,
}

impl<'b> Lines<'b> {
    pub(crate) fn new(block: &'b Block) -> Self {
        // A byte-order mark is not part of the first line.
        let is_marked = block.number == 0 && block.text.starts_with(BYTE_ORDER_MARK);
        Self { text: &block.text, at: if is_marked { 3 } else { 0 }, count: 0 }
    }

    /// Start of the next line; none at the end.
    pub(crate) fn at(&self) -> Option<usize> {
        (self.at < self.text.len()).then_some(self.at)
    }

    /// Takes the next line: its number, from 0, and its text without trailing blanks.
    pub(crate) fn next_line(&mut self) -> (u64, &'b [u8]) {
        let rest = &self.text[self.at..];
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        self.skip_to(self.at + end);
        (self.count - 1, rest[..end].trim_ascii_end())
    }

    /// Skips the next line, which ends at `end`.
    pub(crate) fn skip_to(&mut self, end: usize) {
        self.at = end;
        self.count += 1;
    }

    /// Number of lines taken so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}
