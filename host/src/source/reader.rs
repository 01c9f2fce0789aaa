//! What each format brings: how an input is cut, which columns it has, and how a block
//! of it becomes records.

use super::Problem;
use super::columns::Survey;
use super::format::Format;
use super::input::{Block, Cut};
use super::rows::Rows;

/// Reads inputs of one format. Blocks are read by several threads at once.
pub(super) trait Reader: Send + Sync {
    /// The format.
    fn format(&self) -> Format;

    /// Where such an input may be cut.
    fn cut(&self) -> Cut;

    /// Looks at one line, or at whatever stands for it, for columns and phases.
    fn survey(&self, line: &[u8], survey: &mut Survey) -> Result<(), Problem>;

    /// Puts the records of a block into rows.
    fn read(&self, block: &Block, rows: &mut Rows<'_>);
}

/// The lines of a block.
pub(super) struct Lines<'b> {
    text: &'b [u8],
    at: usize,
    count: u64,
}

impl<'b> Lines<'b> {
    pub(super) fn new(block: &'b Block) -> Self {
        // A mark of the byte order is no part of the first line.
        let is_marked = block.number == 0 && block.text.starts_with("\u{feff}".as_bytes());
        Self { text: &block.text, at: if is_marked { 3 } else { 0 }, count: 0 }
    }

    /// Where the next line begins; none: there is no more.
    pub(super) fn at(&self) -> Option<usize> {
        (self.at < self.text.len()).then_some(self.at)
    }

    /// Takes the next line: its number, from 0, and its text without blanks at its end.
    pub(super) fn next_line(&mut self) -> (u64, &'b [u8]) {
        let rest = &self.text[self.at..];
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        self.skip_to(self.at + end);
        (self.count - 1, rest[..end].trim_ascii_end())
    }

    /// The next line is taken, up to `end`.
    pub(super) fn skip_to(&mut self, end: usize) {
        self.at = end;
        self.count += 1;
    }

    /// Lines taken so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
