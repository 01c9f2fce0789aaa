use std::borrow::Cow;

/// Makes text that came from a guest, a manifest, a record or a path safe to show:
/// control characters, line breaks and characters that turn the direction of writing
/// or cannot be seen become Rust escapes.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(must_escape) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if must_escape(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// True for control characters, for the characters that Unicode calls
/// `Default_Ignorable_Code_Point` (soft hyphen, zero-width and bidirectional marks, fillers,
/// variation selectors, tags, the byte-order mark), for line and paragraph separators, for
/// what embeds or overrides a direction and for interlinear marks.
fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
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
