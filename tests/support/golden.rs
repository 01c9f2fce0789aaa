//! Expected output in files below `tests/cases/`.

use std::fs;
use std::path::{Path, PathBuf};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases");
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests");

/// Compares `actual` with the case's file, or writes the file when `BLESS` is set.
#[track_caller]
pub(crate) fn assert_golden(case: &str, actual: &str) {
    let path = Path::new(CASES).join(case);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; write it with BLESS=1", path.display()));
    assert!(
        actual == expected,
        "{case} differs; where this is right, write it with BLESS=1\n{}",
        differences(&expected, actual)
    );
}

/// The lines in which two texts differ.
fn differences(expected: &str, actual: &str) -> String {
    let (mut expected, mut actual) = (expected.lines(), actual.lines());
    let mut shown = String::new();
    loop {
        match (expected.next(), actual.next()) {
            (None, None) => return shown,
            (old, new) if old == new => {}
            (old, new) => {
                let lines =
                    [old.map(|line| format!("- {line}\n")), new.map(|line| format!("+ {line}\n"))];
                shown.extend(lines.into_iter().flatten());
            }
        }
    }
}

/// Every case's file is named in a test; one that is not would be compared with nothing.
pub(crate) fn assert_no_stray_cases() {
    let sources: String = files(Path::new(SOURCES))
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for path in files(Path::new(CASES)) {
        let case = path.strip_prefix(CASES).unwrap().to_string_lossy().into_owned();
        assert!(sources.contains(&format!("\"{case}\"")), "no test reads tests/cases/{case}");
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
