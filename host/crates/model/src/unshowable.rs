//! Characters that are not shown as they are. The builtins have this file as well.

/// True for control characters, for the characters that Unicode calls
/// `Default_Ignorable_Code_Point` (soft hyphen, zero-width and bidirectional marks, fillers,
/// variation selectors, tags, the byte-order mark), for line and paragraph separators, for
/// what embeds or overrides a direction and for interlinear marks.
pub(crate) fn is_unshowable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}
