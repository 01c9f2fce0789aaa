//! Decimals as text.

use arrow_buffer::i256;

/// Writes a decimal with all digits of its fraction.
pub(super) fn write_decimal(out: &mut String, unscaled: i256, scale: usize) {
    let text = unscaled.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", &*text),
    };
    let digits = format!("{digits:0>least$}", least = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    out.extend([sign, whole, point, fraction]);
}
