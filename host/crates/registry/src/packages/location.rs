//! Location of a package, and the path to show for it.

use std::path::{Path, PathBuf};

use super::check::Finding;

/// Location of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PackageLocation {
    /// Directory, or the file of a bare component.
    pub(super) path: PathBuf,
    /// Path for display.
    pub(super) shown: PathBuf,
    pub(super) is_bare: bool,
}

impl PackageLocation {
    /// Location of a package directory.
    pub(super) fn of_directory(path: &Path) -> Self {
        Self { path: path.to_owned(), shown: path.to_owned(), is_bare: false }
    }

    /// Location of a bare component; `None` without the extension `.wasm`.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        let is_bare = path.extension().is_some_and(|extension| extension == "wasm");
        is_bare.then(|| Self { path: path.to_owned(), shown: path.to_owned(), is_bare })
    }

    /// Location of an entry of a plugins directory; `None` if discovery skips it.
    pub(super) fn of_entry(path: &Path) -> Option<Self> {
        match path.is_dir() {
            _ if is_hidden(path) => None,
            true => Some(Self::of_directory(path)),
            false => Self::of_file(path),
        }
    }

    /// Fallback identifier of a bare component.
    pub(super) fn stem(&self) -> String {
        self.shown.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Location of a copy, displayed as the original.
    pub(super) fn copied_to(&self, path: PathBuf) -> Self {
        Self { path, ..self.clone() }
    }

    /// Finding for a file of the package, or for the package itself.
    pub(super) fn finding(&self, inner: &Path, problem: impl Into<String>) -> Finding {
        match self.is_bare || inner.as_os_str().is_empty() {
            true => Finding::at(&self.shown, problem),
            false => Finding::at(self.shown.join(inner), problem),
        }
    }

    /// Path of a file in the package.
    pub(super) fn file(&self, inner: &Path) -> PathBuf {
        if self.is_bare { self.path.clone() } else { self.path.join(inner) }
    }
}

/// True for names that discovery skips, such as staging directories.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}
