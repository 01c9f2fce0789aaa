//! Row ends in CSV.

use crate::text::BYTE_ORDER_MARK;

/// The end of the last row that `is_accepted` accepts; 0 if there is none.
pub(super) fn last_row_end(
    text: &[u8],
    delimiter: u8,
    is_accepted: impl Fn(usize) -> bool,
) -> usize {
    let (mut last, mut in_quotes, mut closed_at) = (0, false, None);
    for at in memchr::memchr2_iter(b'"', b'\n', text) {
        match text[at] {
            b'"' if in_quotes => (in_quotes, closed_at) = (false, Some(at)),
            b'"' => {
                let before = text[..at].last();
                // A quote right after a closing quote is a doubled quote.
                let is_doubled = closed_at.is_some_and(|closed| closed + 1 == at);
                in_quotes = is_doubled
                    || before.is_none_or(|byte| [b'\n', delimiter].contains(byte))
                    || text[..at] == *BYTE_ORDER_MARK;
            }
            _ if in_quotes || !is_accepted(at + 1) => {}
            _ => last = at + 1,
        }
    }
    last
}
