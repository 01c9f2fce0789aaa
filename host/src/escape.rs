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

/// True for control characters and for Unicode's invisible format characters: soft
/// hyphen, zero-width and bidirectional marks, line and paragraph separators,
/// interlinear marks, tags and the byte-order mark.
fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
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
}
