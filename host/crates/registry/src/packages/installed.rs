//! What is in a plugins directory, by name: links count for themselves, and a package
//! that cannot be loaded counts too.

use std::io;
use std::path::{Path, PathBuf};

use super::examine::{bare, bare_name};
use crate::manifest::Manifest;
use perfbox_model::escape;

/// A package in a plugins directory, whatever its state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installed {
    /// Its directory or file, or the link to it.
    pub path: PathBuf,
    /// The package's name; where that cannot be read, the directory's or, without
    /// `.wasm`, the file's. Safe to show.
    pub name: String,
    /// Its version; empty where it does not say.
    pub version: String,
}

impl Installed {
    /// All in a directory, by path; none where there is no such directory.
    ///
    /// # Errors
    /// When the directory cannot be read.
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
        let of_file = |name: &str, version: String| Self {
            path: path.to_owned(),
            name: escape(name).into_owned(),
            version,
        };
        if path.is_dir() {
            return Some(match Manifest::read(path) {
                Ok(manifest) => of_file(manifest.name.as_str(), manifest.version),
                Err(_) => of_file(&file_name, String::new()),
            });
        }
        let stem = file_name.strip_suffix(".wasm")?;
        let own = bare(path).map(|info| info.metadata).unwrap_or_default();
        let name = bare_name(own.name.as_deref(), stem);
        let name = name.as_ref().map_or(stem, |name| name.as_str());
        Some(of_file(name, own.version.unwrap_or_default()))
    }
}
