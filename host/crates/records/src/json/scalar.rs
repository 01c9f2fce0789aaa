//! Reads JSON scalars in place. Each function takes a text and a position, and returns the
//! position after the scalar, or none if the scalar is missing or in a form that is left to a
//! full parser.

/// True if all eight bytes are digits.
fn are_digits(bytes: u64) -> bool {
    let high = bytes & 0xF0F0_F0F0_F0F0_F0F0;
    let carried = bytes.wrapping_add(0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0;
    high | (carried >> 4) == 0x3333_3333_3333_3333
}

/// The number of eight digits, adding neighbours in parallel.
fn of_digits(bytes: u64) -> u64 {
    let ones = bytes & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = ones.wrapping_mul(10).wrapping_add(ones >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF
}

fn eight(text: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*text.get(at..)?.first_chunk::<8>()?))
}

/// Appends the digits from `at` to `number`, wrapping.
pub(crate) fn digits(text: &[u8], mut at: usize, mut number: u64) -> (u64, usize) {
    while let Some(bytes) = eight(text, at)
        && are_digits(bytes)
    {
        number = number.wrapping_mul(100_000_000).wrapping_add(of_digits(bytes));
        at += 8;
    }
    while let Some(digit @ b'0'..=b'9') = text.get(at) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        at += 1;
    }
    (number, at)
}

/// Number of digits that always fit into a u64.
pub(crate) const U64_DIGITS: usize = 19;

/// A whole number without leading zeros.
fn whole_number(text: &[u8], at: usize) -> Option<(u64, usize)> {
    let (number, end) = digits(text, at, 0);
    let is_legal = end == at + 1 || (end > at && text[at] != b'0');
    is_legal.then_some((number, end))
}

/// A u64.
pub(crate) fn u64_at(text: &str, at: usize) -> Option<(u64, usize)> {
    let bytes = text.as_bytes();
    let (number, end) = whole_number(bytes, at)?;
    if matches!(bytes.get(end), Some(b'.' | b'e' | b'E')) {
        return None;
    }
    if end - at > U64_DIGITS {
        return Some((text[at..end].parse().ok()?, end));
    }
    Some((number, end))
}

/// Powers of ten that an f64 holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The largest number up to which an f64 holds every whole number.
const EXACT_MAX: u64 = 1 << 53;

/// A finite f64, correctly rounded.
pub(crate) fn f64_at(text: &str, at: usize) -> Option<(f64, usize)> {
    let bytes = text.as_bytes();
    let is_negative = bytes.get(at) == Some(&b'-');
    let start = at + usize::from(is_negative);
    let (mut number, mut end) = whole_number(bytes, start)?;
    let (mut count, mut fraction) = (end - start, 0);
    if bytes.get(end) == Some(&b'.') {
        let from = end + 1;
        (number, end) = digits(bytes, from, number);
        fraction = end - from;
        if fraction == 0 {
            return None;
        }
        count += fraction;
    }
    let mut is_simple = count <= U64_DIGITS && number <= EXACT_MAX;
    if let Some(b'e' | b'E') = bytes.get(end) {
        end += 1;
        end += usize::from(matches!(bytes.get(end), Some(b'+' | b'-')));
        let from = end;
        end = digits(bytes, from, 0).1;
        if end == from {
            return None;
        }
        is_simple = false;
    }
    // Both operands are exact, so the division rounds only once.
    let value = match POWERS.get(fraction) {
        Some(power) if is_simple => {
            let value = number as f64 / power;
            if is_negative { -value } else { value }
        }
        _ => text[at..end].parse().ok()?,
    };
    value.is_finite().then_some((value, end))
}

/// The end of a finite number, without its value.
pub(crate) fn number_end(text: &str, at: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let start = at + usize::from(bytes.get(at) == Some(&b'-'));
    let (_, mut end) = whole_number(bytes, start)?;
    if end - start > f64::MAX_10_EXP as usize {
        return Some(f64_at(text, at)?.1);
    }
    if bytes.get(end) == Some(&b'.') {
        let from = end + 1;
        end = digits(bytes, from, 0).1;
        if end == from {
            return None;
        }
    }
    match bytes.get(end) {
        Some(b'e' | b'E') => Some(f64_at(text, at)?.1),
        _ => Some(end),
    }
}

/// The position after the blanks at `at`.
pub(crate) fn blanks_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Finds the bytes that end a string or need an escape: quotes, backslashes and control
/// characters.
fn special(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let is_zero = |bytes: u64| bytes.wrapping_sub(ONES) & !bytes;
    let quotes = is_zero(bytes ^ (ONES * b'"' as u64));
    let backslashes = is_zero(bytes ^ (ONES * b'\\' as u64));
    let controls = bytes.wrapping_sub(ONES * 0x20) & !bytes;
    (quotes | backslashes | controls) & HIGHS
}

/// A string without escapes.
pub(crate) fn text_at(text: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let mut end = at + 1;
    while let Some(some) = eight(bytes, end) {
        let found = special(some);
        if found != 0 {
            end += found.trailing_zeros() as usize / 8;
            break;
        }
        end += 8;
    }
    while !matches!(bytes.get(end)?, b'"' | b'\\' | 0..0x20) {
        end += 1;
    }
    (bytes[end] == b'"').then(|| (&text[at + 1..end], end + 1))
}

/// The start of the next line, if only `tail` remains of this one.
pub(crate) fn line_end(bytes: &[u8], at: usize, tail: &[u8]) -> Option<usize> {
    let at = at + bytes.get(at..)?.starts_with(tail).then_some(tail.len())?;
    match bytes.get(at..)? {
        [] => Some(at),
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_that_are_not_json_are_refused() {
        for text in [
            "", "-", "01", "-01", "00", ".5", "1.", "1.e5", "1e", "1e+", "+1", "NaN", "Infinity",
            "1e400", "-1e999", "a", "\"1\"", "--1",
        ] {
            assert_eq!(f64_at(text, 0).map(|(_, end)| end == text.len()).filter(|all| *all), None);
        }
        for text in ["", "-1", "1.0", "1e3", "01", "18446744073709551616", "a"] {
            assert_eq!(u64_at(text, 0).filter(|(_, end)| *end == text.len()), None, "{text}");
        }
        assert_eq!(u64_at("18446744073709551615,", 0), Some((u64::MAX, 20)));
        assert_eq!(u64_at("x0,", 1), Some((0, 2)));
    }

    #[test]
    fn strings_end_at_their_quote_and_have_no_escapes() {
        assert_eq!(text_at(r#"x"abc"y"#, 1), Some(("abc", 6)));
        assert_eq!(text_at(r#""a longer text, of 8 and more",""#, 0).unwrap().1, 30);
        for text in ["", "a", "\"", "\"ab", r#""a\"b""#, "\"a\nb\"", "\"12345678\u{1}\""] {
            assert_eq!(text_at(text, 0), None, "{text}");
        }
        let beyond = "\"\u{e9}\u{1f600} and on\"";
        assert_eq!(text_at(beyond, 0).unwrap().1, beyond.len());
    }

    proptest! {
        #[test]
        fn numbers_equal_those_of_serde_json(
            text in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,26})?([eE][+-]?[0-9]{1,3})?"
        ) {
            let expected: Option<f64> = serde_json::from_str(&text).ok();
            let read = f64_at(&text, 0);
            prop_assert_eq!(read.map(|(value, _)| value.to_bits()), expected.map(f64::to_bits));
            prop_assert!(read.is_none_or(|(_, end)| end == text.len()));
            prop_assert_eq!(number_end(&text, 0), read.map(|(_, end)| end));
            let expected: Option<u64> = serde_json::from_str(&text).ok();
            let read = u64_at(&text, 0).filter(|(_, end)| *end == text.len());
            prop_assert_eq!(read.map(|(value, _)| value), expected);
        }

        #[test]
        fn strings_equal_those_of_serde_json(text in ".{0,40}") {
            let quoted = serde_json::to_string(&text).unwrap();
            if let Some((read, end)) = text_at(&quoted, 0) {
                prop_assert_eq!((read, end), (text.as_str(), quoted.len()));
            } else {
                prop_assert!(quoted.contains('\\'));
            }
        }

        #[test]
        fn nothing_panics(text in ".{0,30}", at in 0_usize..40) {
            if text.is_char_boundary(at) {
                let _ = (u64_at(&text, at), f64_at(&text, at), text_at(&text, at));
            }
        }
    }
}
