//! Lists the packages in a plugins directory by name, including links and invalid packages.

use std::io;
use std::path::{Path, PathBuf};

use super::examine::{bare_name, read_bare};
use crate::manifest::Manifest;
use perfbox_model::escape;

/// Package in a plugins directory, valid or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// Directory, file, or symbolic link.
    pub path: PathBuf,
    /// Package name; if it cannot be read, the name of the directory or file without `.wasm`.
    /// Escaped for display.
    pub name: String,
    /// Version; empty if not declared.
    pub version: String,
}

impl Installed {
    /// Lists all packages of a directory by path; empty for a missing directory.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn all_in(plugins_dir: &Path) -> io::Result<Vec<Self>> {
        let entries = match plugins_dir.read_dir() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut all = Vec::new();
        for entry in entries {
            all.extend(Self::read(&entry?.path()));
        }
        all.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(all)
    }

    fn read(path: &Path) -> Option<Self> {
        let file_name = path.file_name()?.to_string_lossy().into_owned();
        if file_name.starts_with('.') {
            return None;
        }
        let installed = |name: &str, version: String| Self {
            path: path.to_owned(),
            name: escape(name).into_owned(),
            version,
        };
        if path.is_dir() {
            return Some(match Manifest::read(path) {
                Ok(manifest) => installed(manifest.name.as_str(), manifest.version),
                Err(_) => installed(&file_name, String::new()),
            });
        }
        let stem = file_name.strip_suffix(".wasm")?;
        let own = read_bare(path).map(|info| info.metadata).unwrap_or_default();
        let name = bare_name(own.name.as_deref(), stem);
        let name = name.as_ref().map_or(stem, |name| name.as_str());
        Some(installed(name, own.version.unwrap_or_default()))
    }
}
