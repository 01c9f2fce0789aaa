//! Where a package is, and what people know it as.

use std::path::{Path, PathBuf};

use super::check::Finding;

/// Where a package is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PackageLocation {
    /// Its directory, or its file.
    pub(super) path: PathBuf,
    /// What people know it as.
    pub(super) shown: PathBuf,
    pub(super) is_bare: bool,
}

impl PackageLocation {
    /// A package's directory.
    pub(super) fn of_directory(path: &Path) -> Self {
        Self { path: path.to_owned(), shown: path.to_owned(), is_bare: false }
    }

    /// A bare component; none where the file is not named as one.
    pub(super) fn of_file(path: &Path) -> Option<Self> {
        let is_bare = path.extension().is_some_and(|extension| extension == "wasm");
        is_bare.then(|| Self { path: path.to_owned(), shown: path.to_owned(), is_bare })
    }

    /// What discovery takes for a package in a plugins directory.
    pub(super) fn of_entry(path: &Path) -> Option<Self> {
        match path.is_dir() {
            _ if is_hidden(path) => None,
            true => Some(Self::of_directory(path)),
            false => Self::of_file(path),
        }
    }

    /// What a bare component offers by, where it does not say.
    pub(super) fn stem(&self) -> String {
        self.shown.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// A copy of it, known as the original.
    pub(super) fn copied_to(&self, path: PathBuf) -> Self {
        Self { path, ..self.clone() }
    }

    /// What is wrong with a file of it, or with itself.
    pub(super) fn finding(&self, inner: &Path, problem: impl Into<String>) -> Finding {
        match self.is_bare || inner.as_os_str().is_empty() {
            true => Finding::at(&self.shown, problem),
            false => Finding::at(self.shown.join(inner), problem),
        }
    }

    pub(super) fn file(&self, inner: &Path) -> PathBuf {
        if self.is_bare { self.path.clone() } else { self.path.join(inner) }
    }
}

/// True where discovery passes over it, as over what is on its way in or out.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}
