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

/// The regular files below `dir`, by path. Links are never followed, and not listed.
pub(crate) fn list_files(dir: &Path) -> io::Result<Vec<PluginFile>> {
    let mut files = Vec::new();
    let mut pending = vec![String::new()];
    while let Some(prefix) = pending.pop() {
        for entry in dir.join(&prefix).read_dir()? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path =
                if prefix.is_empty() { name.into_owned() } else { format!("{prefix}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                pending.push(path);
            } else if kind.is_file() {
                files.push(PluginFile { path, bytes: entry.metadata()?.len() });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}
