//! Rules for splitting an input into blocks.

use super::csv::last_row_end;
use super::k6::{before_last_request, between_points};

/// Where to split an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SplitRule {
    /// After any line.
    Lines,
    /// After a row. A quoted field may contain newlines; a quote counts only at the start of a
    /// field.
    Csv { delimiter: u8 },
    /// Between points of k6 with different times.
    K6Points,
    /// Like [`Csv`](Self::Csv), before the first row of a request of k6.
    K6Rows { delimiter: u8 },
    /// Nowhere: the input is one document.
    Document,
    /// Between row groups, which the reader reads by their index.
    RowGroups(u64),
}

impl SplitRule {
    /// Length of the complete records at the start of `text`; 0 if there are none yet.
    pub(crate) fn complete_len(self, text: &[u8]) -> usize {
        match self {
            Self::Csv { delimiter } if memchr::memchr(b'"', text).is_some() => {
                last_row_end(text, delimiter, |_| true)
            }
            Self::Lines | Self::Csv { .. } => memchr::memrchr(b'\n', text).map_or(0, |at| at + 1),
            Self::K6Points => between_points(text),
            Self::K6Rows { delimiter } => before_last_request(text, delimiter),
            Self::Document | Self::RowGroups(_) => 0,
        }
    }

    /// Like [`complete_len`](Self::complete_len), for a text that breaks off: the lines of its
    /// last request are complete.
    pub(crate) fn complete_len_at_end(self, text: &[u8]) -> usize {
        match self {
            Self::K6Rows { delimiter } => Self::Csv { delimiter }.complete_len(text),
            cut => cut.complete_len(text),
        }
    }
}
