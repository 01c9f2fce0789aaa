//! What all texts have in common: byte-order mark and lines.

/// Mark that some programs put in front of a text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Number of lines in a text; the last one may lack its newline.
pub(crate) fn count_lines(text: &[u8]) -> u64 {
    let ended = memchr::memchr_iter(b'\n', text).count() as u64;
    ended + u64::from(!text.is_empty() && !text.ends_with(b"\n"))
}
