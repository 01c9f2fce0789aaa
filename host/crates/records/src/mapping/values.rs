//! Values of fields that are not numbers: statuses, errors and truth values.

use perfbox_model::escape;

use crate::json::scalar::u64_at;
use crate::number::number;

/// Spellings of true and false.
const TRUTH: [(&str, bool); 12] = [
    ("true", true),
    ("t", true),
    ("yes", true),
    ("y", true),
    ("1", true),
    ("1.0", true),
    ("false", false),
    ("f", false),
    ("no", false),
    ("n", false),
    ("0", false),
    ("0.0", false),
];

/// Spellings of success and failure, besides those of true and false.
const OUTCOMES: [(&str, bool); 9] = [
    ("ok", true),
    ("pass", true),
    ("passed", true),
    ("success", true),
    ("ko", false),
    ("fail", false),
    ("failed", false),
    ("failure", false),
    ("error", false),
];

/// Spellings of "no error".
const NO_ERROR: [&str; 11] =
    ["false", "no", "none", "null", "nil", "nan", "n/a", "-", "ok", "0", "0.0"];

/// A status. Some programs write it as a number with a fraction.
pub(crate) fn status(text: &str) -> Option<u64> {
    let text = text.trim();
    match u64_at(text, 0) {
        Some((status, end)) if end == text.len() => Some(status),
        _ => number(text).and_then(whole_status),
    }
}

/// A status stored as an f64.
pub(crate) fn whole_status(value: f64) -> Option<u64> {
    let is_whole = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
    is_whole.then_some(value as u64)
}

/// True or false if the text says only whether there is an error; none if it names the error.
pub(super) fn error(text: &str) -> Option<bool> {
    let word = text.trim();
    match word.eq_ignore_ascii_case("true") {
        true => Some(true),
        false => NO_ERROR.iter().any(|none| word.eq_ignore_ascii_case(none)).then_some(false),
    }
}

/// True if the request succeeded.
pub(crate) fn succeeded(text: &str) -> Result<bool, String> {
    is_so(text, TRUTH.iter().chain(&OUTCOMES))
}

/// True if the request was cancelled.
pub(super) fn is_cancelled(text: &str) -> Result<bool, String> {
    is_so(text, TRUTH.iter())
}

fn is_so<'k>(
    text: &str,
    known: impl Iterator<Item = &'k (&'k str, bool)> + Clone,
) -> Result<bool, String> {
    let word = text.trim();
    let found = known.clone().find(|(one, _)| word.eq_ignore_ascii_case(one));
    found.map(|(_, is_so)| *is_so).ok_or_else(|| {
        let message = |wanted: bool| {
            let message = known.clone().filter(|(_, is_so)| *is_so == wanted);
            message.map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
        };
        format!(
            "`{}` is neither true ({}) nor false ({})",
            escape(text),
            message(true),
            message(false)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_a_whole_number_in_any_notation() {
        for (text, expected) in [
            ("200", Some(200)),
            ("200.0", Some(200)),
            (" 200", Some(200)),
            ("+200", Some(200)),
            ("2e2", Some(200)),
            ("0.0", Some(0)),
            ("200.5", None),
            ("-5", None),
            ("1e300", None),
            ("NaN", None),
            ("Non HTTP response code: java.net.ConnectException", None),
            ("", None),
        ] {
            assert_eq!(status(text), expected, "{text}");
        }
    }

    #[test]
    fn spellings_of_no_error_are_known() {
        for none in
            ["false", "None", "NULL", "nil", "NaN", "n/a", "-", "0", "0.0", "no", "OK", " ok "]
        {
            assert_eq!(error(none), Some(false), "{none}");
        }
        assert_eq!(error("True"), Some(true));
        for which in ["timeout", "1", "yes", "nope", "000", "t"] {
            assert_eq!(error(which), None, "{which}");
        }
    }

    #[test]
    fn spellings_of_true_and_false_are_known_and_others_refused() {
        for yes in ["true", "TRUE", "t", "Y", "1.0", "OK", "Passed", " yes"] {
            assert_eq!(succeeded(yes), Ok(true), "{yes}");
        }
        for no in ["false", "F", "n", "0.0", "KO", "Failed", "error"] {
            assert_eq!(succeeded(no), Ok(false), "{no}");
        }
        assert_eq!(
            succeeded("maybe").unwrap_err(),
            "`maybe` is neither true (true, t, yes, y, 1, 1.0, ok, pass, passed, success) nor \
                false (false, f, no, n, 0, 0.0, ko, fail, failed, failure, error)"
        );
        assert!(is_cancelled("1").unwrap());
        assert_eq!(
            is_cancelled("failed").unwrap_err(),
            "`failed` is neither true (true, t, yes, y, 1, 1.0) nor false (false, f, no, n, 0, 0.0)"
        );
    }
}
