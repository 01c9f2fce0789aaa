//! Where inputs may be cut into blocks.

use super::csv::last_row_end;
use super::k6::{before_last_request, between_points};

/// Where an input may be cut into blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SplitRule {
    /// After any line.
    Lines,
    /// After a line whose end is not in quotes. A quote is one only at the start of a
    /// field.
    Csv { delimiter: u8 },
    /// Between points of k6 that are of different times: those of one request are of one.
    K6Points,
    /// As [`Csv`](Self::Csv), before the row of k6 that begins the last request.
    K6Rows { delimiter: u8 },
    /// Nowhere: it is one document.
    Document,
    /// So many groups, which their reader reads by itself.
    RowGroups(u64),
}

impl SplitRule {
    /// Bytes of the whole records at the start of `text`; 0: there is none yet.
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

    /// As [`whole`](Self::complete_len), where the text breaks off: nothing more comes of the last
    /// request, so its whole lines are whole records.
    pub(crate) fn complete_len_at_end(self, text: &[u8]) -> usize {
        match self {
            Self::K6Rows { delimiter } => Self::Csv { delimiter }.complete_len(text),
            cut => cut.complete_len(text),
        }
    }
}
