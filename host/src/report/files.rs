//! What a plugin left in its directory.

use std::io;
use std::path::Path;

/// A file in a plugin's directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PluginFile {
    /// Relative to the directory, parts joined by `/`.
    pub(crate) path: String,
    pub(crate) bytes: u64,
}

/// The regular files below `dir`, by path. Links are never followed, and not listed; what
/// cannot be read is left out.
///
/// # Errors
/// When `dir` itself cannot be read.
pub(crate) fn list_files(dir: &Path) -> io::Result<Vec<PluginFile>> {
    let mut files = Vec::new();
    let mut pending = vec![(dir.read_dir()?, String::new())];
    while let Some((entries, prefix)) = pending.pop() {
        for entry in entries.flatten() {
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                let below = entry.path().read_dir();
                pending.extend(below.map(|entries| (entries, format!("{path}/"))));
            } else if metadata.is_file() {
                files.push(PluginFile { path, bytes: metadata.len() });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

    #[test]
    fn what_cannot_be_read_does_not_hide_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kept.txt"), "kept").unwrap();
        // Deeper than a path can say.
        let name = "x".repeat(250);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        let mut at = openat(CWD, dir.path(), flags, Mode::empty()).unwrap();
        for _ in 0..20 {
            mkdirat(&at, &name, Mode::RWXU).unwrap();
            at = openat(&at, &name, flags, Mode::empty()).unwrap();
        }
        let kept = PluginFile { path: "kept.txt".to_owned(), bytes: 4 };
        assert_eq!(list_files(dir.path()).unwrap(), [kept]);
    }
}
