use std::borrow::Cow;

use crate::unshowable::is_unshowable;

/// Makes text that came from a guest, a manifest, a record or a path safe to show:
/// control characters, line breaks and characters that turn the direction of writing
/// or cannot be seen become Rust escapes.
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
    fn plain_text_stays_as_it_is() {
        assert_eq!(escape("größer als 3 µs – 日本"), "größer als 3 µs – 日本");
    }

    #[test]
    fn nothing_that_moves_the_cursor_or_hides_gets_through() {
        assert_eq!(
            escape("a\nb\x1b[31mc\u{202e}d\u{200b}e"),
            "a\\nb\\u{1b}[31mc\\u{202e}d\\u{200b}e"
        );
    }

    /// Fillers and variation selectors make two texts that look the same.
    #[test]
    fn what_cannot_be_seen_does_not_hide() {
        assert_eq!(
            escape("a\u{3164}b\u{fe0f}c\u{e0101}d\u{34f}"),
            "a\\u{3164}b\\u{fe0f}c\\u{e0101}d\\u{34f}"
        );
    }
}
