//! Numbers in text fields.

use perfbox_model::escape;

use crate::json::scalar::f64_at;

/// True if a field has no value.
pub(crate) fn is_missing(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_whitespace())
}

/// A finite number.
pub(crate) fn number(text: &str) -> Option<f64> {
    match f64_at(text, 0) {
        Some((value, end)) if end == text.len() => Some(value),
        _ => text.trim().parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

/// A finite number, or a message.
pub(crate) fn read_number(text: &str) -> Result<f64, String> {
    number(text).ok_or_else(|| not_a_number(text, "not a number"))
}

/// Message for text that is not a number. `what` says so.
pub(crate) fn not_a_number(text: &str, what: &str) -> String {
    let has_comma = number(&text.replacen(',', ".", 1)).is_some();
    let hint = if has_comma { "; write a decimal point, not a comma" } else { "" };
    format!("`{}` is {what}{hint}", escape(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_field_is_missing() {
        assert!(["", " ", "\t \r"].iter().all(|text| is_missing(text)));
        assert!(["-", " 0"].iter().all(|text| !is_missing(text)));
    }

    #[test]
    fn number_may_have_blanks_around_it_but_no_decimal_comma() {
        assert_eq!(read_number(" 1.5 "), Ok(1.5));
        for (text, message) in [
            ("x", "`x` is not a number"),
            ("1,5", "`1,5` is not a number; write a decimal point, not a comma"),
            ("1,500,000", "`1,500,000` is not a number"),
        ] {
            assert_eq!(read_number(text), Err(message.to_owned()));
        }
    }
}
