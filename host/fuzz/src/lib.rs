//! What the targets share.

mod digests;

pub use digests::Digests;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Fails on text that must not reach a person as it is: with a control character, or with
/// one that turns the direction of writing or cannot be seen.
#[track_caller]
pub fn assert_can_be_shown(text: &str) {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || matches!(c, '\u{34f}' | '\u{115f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}')
    };
    assert!(!text.contains(harmful), "this would be shown: {text:?}");
}

/// A directory in memory, where there is such a thing: files are written by the million.
pub fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    }
    .expect("a directory")
}

/// A file in `dir` with this content, in place of what it had before.
pub fn file(dir: &TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, content).expect("a file");
    path
}
