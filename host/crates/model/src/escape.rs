//! Escapes untrusted text for display.

use std::borrow::Cow;

use crate::unshowable::is_unshowable;

/// Makes text from a guest, a manifest, a record or a path safe to display. Control
/// characters, line breaks, invisible characters and characters that change the writing
/// direction become Rust escapes: a line break becomes `\n`.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unshowable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unshowable(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn plain_text_is_unchanged() {
        assert_eq!(escape("größer als 3 µs – 日本"), "größer als 3 µs – 日本");
    }

    #[test]
    fn control_and_bidirectional_characters_are_escaped() {
        assert_eq!(
            escape("a\nb\x1b[31mc\u{202e}d\u{200b}e"),
            "a\\nb\\u{1b}[31mc\\u{202e}d\\u{200b}e"
        );
    }

    /// Fillers and variation selectors make two different texts look the same.
    #[test]
    fn invisible_characters_are_escaped() {
        assert_eq!(
            escape("a\u{3164}b\u{fe0f}c\u{e0101}d\u{34f}"),
            "a\\u{3164}b\\u{fe0f}c\\u{e0101}d\\u{34f}"
        );
    }
}
