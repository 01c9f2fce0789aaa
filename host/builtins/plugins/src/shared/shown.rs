use std::borrow::Cow;

#[path = "../../../../crates/model/src/unshowable.rs"]
mod unshowable;

use unshowable::is_unshowable;

/// Longest label that the host takes, in bytes.
const LABEL_BYTES: usize = 256;
/// Stands for a character that cannot be shown, and at the end for all that is cut off.
const REPLACEMENT: char = '\u{fffd}';

/// A text of the records as a label: of what the host can show, and as long as it takes.
/// Texts that are alike then are one.
pub(crate) fn as_label(text: &str) -> Cow<'_, str> {
    if text.len() <= LABEL_BYTES && !text.contains(is_unshowable) {
        return Cow::Borrowed(text);
    }
    let mut label = text.replace(is_unshowable, "\u{fffd}");
    if label.len() > LABEL_BYTES {
        label.truncate(label.floor_char_boundary(LABEL_BYTES - REPLACEMENT.len_utf8()));
        label.push(REPLACEMENT);
    }
    Cow::Owned(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_can_be_shown_and_are_not_too_long() {
        assert_eq!(as_label("größer: 日本"), "größer: 日本");
        assert_eq!(as_label("a\u{1b}[2Jb\u{202e}"), "a\u{fffd}[2Jb\u{fffd}");
        let long = as_label(&"é".repeat(200)).into_owned();
        assert!(long.len() <= LABEL_BYTES && long.ends_with("é\u{fffd}"), "{long}");
        assert_eq!(as_label(&"x".repeat(256)).len(), 256);
    }
}
