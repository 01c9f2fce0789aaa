//! Text that would harm whoever is shown it as it is.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::RngSeed;

/// What moves a cursor, colours, rings, breaks lines, turns the direction of writing or
/// cannot be seen; and what quotes and separates.
const HOSTILE: [&str; 34] = [
    "\0",
    "\u{7}",
    "\u{8}",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\u{b}",
    "\u{1b}[31m",
    "\u{1b}]0;x\u{7}",
    "\u{7f}",
    "\u{85}",
    "\u{9b}2J",
    "\u{ad}",
    "\u{61c}",
    "\u{180e}",
    "\u{200b}",
    "\u{200d}",
    "\u{200f}",
    "\u{2028}",
    "\u{2029}",
    "\u{202e}",
    "\u{2060}",
    "\u{2066}",
    "\u{feff}",
    "\u{e0041}",
    "\u{3164}",
    "\u{fe0f}",
    "\u{e0101}",
    "\"",
    "'",
    "`",
    "\\",
    "{",
];

/// The same cases on every machine, and no file of those that failed.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Any text, half of it hostile.
pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    let part = prop_oneof![
        select(&HOSTILE[..]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[a-z0-9 =,:/.#%-]{1,8}".prop_map(String::from),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

/// Fails on text with a control character but the line's end, or with one that turns the
/// direction of writing or cannot be seen.
#[track_caller]
pub(crate) fn assert_can_be_shown(text: &str) {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
            || matches!(c, '\u{34f}' | '\u{115f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}')
    };
    assert!(!text.contains(harmful), "this would be shown: {text:?}");
}

/// The same, of what must stay in its line.
#[track_caller]
pub(crate) fn assert_is_a_line(text: &str) {
    assert_can_be_shown(text);
    assert!(!text.contains('\n'), "this would be more than a line: {text:?}");
}
