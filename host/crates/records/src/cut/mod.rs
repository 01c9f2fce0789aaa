//! Where inputs may be cut into blocks.

mod k6;

use k6::{before_last_request, between_points};

/// What some programs put in front of a text.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Where an input may be cut into blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// After any line.
    Lines,
    /// After a line whose end is not in quotes. A quote is one only at the start of a
    /// field.
    Csv { delimiter: u8 },
    /// Between points of k6 that are of different times: those of one request are of one.
    Points,
    /// As [`Csv`](Self::Csv), before the row of k6 that begins the last request.
    PointRows { delimiter: u8 },
    /// Nowhere: it is one document.
    Whole,
    /// So many groups, which their reader reads by itself.
    Groups(u64),
}

impl Cut {
    /// Bytes of the whole records at the start of `text`; 0: there is none yet.
    pub(super) fn whole(self, text: &[u8]) -> usize {
        match self {
            Self::Csv { delimiter } if memchr::memchr(b'"', text).is_some() => {
                last_row_end(text, delimiter, |_| true)
            }
            Self::Lines | Self::Csv { .. } => memchr::memrchr(b'\n', text).map_or(0, |at| at + 1),
            Self::Points => between_points(text),
            Self::PointRows { delimiter } => before_last_request(text, delimiter),
            Self::Whole | Self::Groups(_) => 0,
        }
    }

    /// As [`whole`](Self::whole), where the text breaks off: nothing more comes of the last
    /// request, so its whole lines are whole records.
    pub(super) fn whole_at_break(self, text: &[u8]) -> usize {
        match self {
            Self::PointRows { delimiter } => Self::Csv { delimiter }.whole(text),
            cut => cut.whole(text),
        }
    }
}

/// Bytes up to the end of the last row, of those of which it is asked for; 0: there is none.
fn last_row_end(text: &[u8], delimiter: u8, is_asked: impl Fn(usize) -> bool) -> usize {
    let (mut last, mut in_quotes, mut closed_at) = (0, false, None);
    for at in memchr::memchr2_iter(b'"', b'\n', text) {
        match text[at] {
            b'"' if in_quotes => (in_quotes, closed_at) = (false, Some(at)),
            b'"' => {
                let before = text[..at].last();
                // One behind a quote's end is a quote in the field.
                let is_doubled = closed_at.is_some_and(|closed| closed + 1 == at);
                in_quotes = is_doubled
                    || before.is_none_or(|byte| [b'\n', delimiter].contains(byte))
                    || text[..at] == *BYTE_ORDER_MARK;
            }
            _ if in_quotes || !is_asked(at + 1) => {}
            _ => last = at + 1,
        }
    }
    last
}
