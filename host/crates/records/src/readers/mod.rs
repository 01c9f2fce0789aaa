//! What each format brings: how an input is cut, which columns it has, and how a block
//! of it becomes records.

pub(super) mod aiperf;
pub(super) mod csv;
pub(super) mod guidellm_json;
pub(super) mod jsonl;
pub(super) mod k6_csv;
pub(super) mod k6_json;
pub(super) mod parquet;
pub(super) mod tools_csv;
pub(super) mod vegeta_json;
pub(super) mod vllm_json;

use crate::Problem;
use crate::columns::Survey;
use crate::cut::{BYTE_ORDER_MARK, Cut};
use crate::format::Format;
use crate::input::{Block, LINE_MAX_BYTES};
use crate::rows::Rows;

/// Reads inputs of one format. Blocks are read by several threads at once.
pub(crate) trait Reader: Send + Sync {
    /// The format.
    fn format(&self) -> Format;

    /// Where such an input may be cut.
    fn cut(&self) -> Cut;

    /// Looks at a block for columns and phases.
    fn survey(&self, block: &Block, survey: &mut Survey) -> Surveyed;

    /// Puts the records of a block into rows.
    fn read(&self, block: &Block, rows: &mut Rows<'_>);
}

/// What was seen of a block.
#[derive(Default)]
pub(crate) struct Surveyed {
    /// There is a record in it.
    pub(crate) has_records: bool,
    pub(crate) lines: u64,
    /// The first line that is no record, counted from 0.
    pub(crate) first_bad: Option<(u64, Problem)>,
}

/// Looks at each line that is not blank.
pub(crate) fn survey_lines(
    block: &Block,
    mut survey: impl FnMut(&[u8]) -> Result<(), Problem>,
) -> Surveyed {
    let mut lines = Lines::new(block);
    let mut surveyed = Surveyed::default();
    while lines.at().is_some() {
        let (number, line) = lines.next_line();
        if line.is_empty() {
            continue;
        }
        let seen = match block.is_cut_short {
            true => Err(Problem::long_line(LINE_MAX_BYTES)),
            false => survey(line),
        };
        match seen {
            Ok(()) => surveyed.has_records = true,
            Err(problem) => {
                surveyed.first_bad.get_or_insert((number, problem));
            }
        }
    }
    surveyed.lines = lines.count();
    surveyed
}

/// Puts each line that is not blank into rows.
pub(crate) fn read_lines(
    block: &Block,
    rows: &mut Rows<'_>,
    mut read: impl FnMut(&[u8], &mut Rows<'_>) -> Result<(), Problem>,
) {
    let mut lines = Lines::new(block);
    while lines.at().is_some() && !rows.is_over() {
        let (number, line) = lines.next_line();
        if line.is_empty() {
            continue;
        }
        let outcome = match block.is_cut_short {
            true => Err(Problem::long_line(LINE_MAX_BYTES)),
            false => read(line, rows),
        };
        if let Err(problem) = outcome
            && !rows.bad(number, problem)
        {
            break;
        }
    }
    rows.add_lines(lines.count());
}

/// The lines of a block.
pub(crate) struct Lines<'b> {
    text: &'b [u8],
    at: usize,
    count: u64,
}

impl<'b> Lines<'b> {
    pub(crate) fn new(block: &'b Block) -> Self {
        // A mark of the byte order is no part of the first line.
        let is_marked = block.number == 0 && block.text.starts_with(BYTE_ORDER_MARK);
        Self { text: &block.text, at: if is_marked { 3 } else { 0 }, count: 0 }
    }

    /// Where the next line begins; none: there is no more.
    pub(crate) fn at(&self) -> Option<usize> {
        (self.at < self.text.len()).then_some(self.at)
    }

    /// Takes the next line: its number, from 0, and its text without blanks at its end.
    pub(crate) fn next_line(&mut self) -> (u64, &'b [u8]) {
        let rest = &self.text[self.at..];
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        self.skip_to(self.at + end);
        (self.count - 1, rest[..end].trim_ascii_end())
    }

    /// The next line is taken, up to `end`.
    pub(crate) fn skip_to(&mut self, end: usize) {
        self.at = end;
        self.count += 1;
    }

    /// Lines taken so far.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}
