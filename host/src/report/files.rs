//! What a plugin left in its directory.

use std::path::Path;
use std::{fs, io};

/// A file in a plugin's directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PluginFile {
    /// Relative to the directory, parts joined by `/`.
    pub(crate) path: String,
    pub(crate) bytes: u64,
}

/// What lies in a plugin's directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// The regular files, by path.
    pub(crate) files: Vec<PluginFile>,
    /// Paths of what was neither file nor directory, and was removed.
    pub(crate) removed: Vec<String>,
}

/// Removes links and special files below `dir`, which are of somebody else's making,
/// since a plugin can make none; lists the rest. Nothing is followed or opened; what
/// cannot be read is left out.
///
/// # Errors
/// When `dir` itself cannot be read.
pub(crate) fn sweep(dir: &Path) -> io::Result<Swept> {
    let Swept { mut files, mut removed } = Swept::default();
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
            } else if fs::remove_file(entry.path()).is_ok() {
                removed.push(path);
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    removed.sort();
    Ok(Swept { files, removed })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

    #[test]
    fn links_and_special_files_are_removed_and_never_followed() {
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("mine.txt"), "mine").unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("sub/link")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mkfifoat(CWD, &fifo, Mode::RUSR).unwrap();
        let swept = sweep(dir.path()).unwrap();
        assert_eq!(swept.removed, ["dangling", "fifo", "socket", "sub/link"]);
        assert!(swept.files.is_empty());
        assert_eq!(sweep(dir.path()).unwrap(), Swept::default());
        assert!(elsewhere.path().join("mine.txt").exists());
    }

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
        assert_eq!(sweep(dir.path()).unwrap().files, [kept]);
    }
}
