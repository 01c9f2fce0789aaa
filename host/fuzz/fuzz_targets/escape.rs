//! `escape`: what comes out can be shown, stays as it is when it is escaped again, and is
//! what went in where that could be shown already.
#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use perfbox::escape;
use perfbox_fuzz::assert_can_be_shown;

fuzz_target!(|text: &str| {
    let shown = escape(text);
    assert_can_be_shown(&shown);
    assert!(matches!(escape(&shown), Cow::Borrowed(same) if same == shown));
    match &shown {
        Cow::Borrowed(same) => assert_eq!(*same, text),
        Cow::Owned(changed) => assert!(changed.len() > text.len() && *changed != text),
    }
    // Each character is made safe by itself, so that a text may be cut anywhere.
    let mut buffer = [0; 4];
    let one_by_one: String =
        text.chars().map(|c| escape(c.encode_utf8(&mut buffer)).into_owned()).collect();
    assert_eq!(shown, one_by_one);
});
