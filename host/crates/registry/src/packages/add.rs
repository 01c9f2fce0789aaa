//! Adds a package to a plugins directory.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::check::{Check, Checked, Finding, Outcome};
use super::copy::{CopyError, copy_directory, copy_file};
use super::examine::{examine, name_of};
use super::info::PackageInfo;
use super::installed::Installed;
use super::location::{PackageLocation, is_hidden};
use super::staging::{Staging, exchange, move_to, sync_dir};
use crate::manifest::MANIFEST_FILE;
use perfbox_model::escape;
use perfbox_model::names::PackageName;

/// Package that is copied and validated in a staging directory. Dropping it deletes the copy.
pub struct Addition {
    staging: Staging,
    plugins_dir: PathBuf,
    /// Name in the plugins directory.
    entry: OsString,
    package: PackageInfo,
    notes: Vec<Finding>,
    replaces: Option<(Installed, Option<PackageInfo>)>,
}

/// Errors of adding a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// Package that cannot be read.
    #[error("cannot read `{}`; check that it exists and is readable", escape(&path.to_string_lossy()))]
    Unreadable {
        /// Path of the package.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Path that is not a package.
    #[error("`{}` is not a package; use a directory with a {MANIFEST_FILE}, or a .wasm file", escape(&path.to_string_lossy()))]
    NoPackage {
        /// Path of the package.
        path: PathBuf,
    },
    /// Hidden name, which discovery would skip.
    #[error("`{}` has a hidden name, which discovery skips; rename it without the leading dot", escape(&path.to_string_lossy()))]
    Hidden {
        /// Path of the package.
        path: PathBuf,
    },
    /// Package that would not load.
    #[error("package would not load: {finding}{}", more(*others))]
    Invalid {
        /// First finding.
        finding: Finding,
        /// Number of other findings.
        others: usize,
    },
    /// Package that cannot be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// Package that contains the plugins directory.
    #[error("`{}` contains the plugins directory `{}`; add a package from outside", escape(&path.to_string_lossy()), escape(&plugins_dir.to_string_lossy()))]
    Around {
        /// Path of the package.
        path: PathBuf,
        /// Plugins directory.
        plugins_dir: PathBuf,
    },
    /// Package that already exists.
    #[error("package `{name}` already exists: `{}`{}; replace it with --replace", escape(&path.to_string_lossy()), of_version(version))]
    AlreadyThere {
        /// Name of the package.
        name: PackageName,
        /// Path of the existing package.
        path: PathBuf,
        /// Version of the existing package.
        version: String,
    },
    /// Several existing packages with the name.
    #[error("package `{name}` exists more than once: {}; remove all but one first", paths.iter().map(|path| format!("`{}`", escape(&path.to_string_lossy()))).collect::<Vec<_>>().join(", "))]
    Several {
        /// Name of the package.
        name: PackageName,
        /// Paths of the existing packages.
        paths: Vec<PathBuf>,
    },
    /// Path used by something else.
    #[error("`{}` already exists and is not package `{name}`; remove it first", escape(&path.to_string_lossy()))]
    Occupied {
        /// Name of the package.
        name: PackageName,
        /// The existing file or directory.
        path: PathBuf,
    },
    /// Concurrent change.
    #[error("`{}` changed during the operation; review it, then add the package again", escape(&path.to_string_lossy()))]
    Changed {
        /// The changed file or directory.
        path: PathBuf,
    },
    /// Plugins directory that cannot be read or written.
    #[error("cannot change plugins directory `{}`; check that it is writable", escape(&path.to_string_lossy()))]
    Io {
        /// The plugins directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl AddError {
    /// True if the package or the request is the cause, false for an operating system error.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::Copy(CopyError::Write { .. }))
    }
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        others => format!(" (and {others} more; see `perfbox plugins validate`)"),
    }
}

fn of_version(version: &str) -> String {
    if version.is_empty() { String::new() } else { format!(", version {}", escape(version)) }
}

impl Addition {
    /// Copies the package at `source` to a staging directory in `plugins_dir`, which is created
    /// if missing, and validates the copy. `replace` allows replacing a package of the same
    /// name.
    ///
    /// # Errors
    /// If the package is invalid, cannot be copied, or already exists.
    pub fn prepare(source: &Path, plugins_dir: &Path, replace: bool) -> Result<Self, AddError> {
        let location = location_of(source)?;
        // A directory is renamed after its package, so its own name does not matter.
        if location.is_bare && is_hidden(source) {
            return Err(AddError::Hidden { path: source.to_owned() });
        }
        // Fail before anything is created or copied.
        let name =
            name_of(&location).map_err(|finding| AddError::Invalid { finding, others: 0 })?;
        let entry = match location.is_bare {
            true => source.file_name().unwrap_or_default().to_owned(),
            false => OsString::from(name.as_str()),
        };
        let failed = |source| AddError::Io { path: plugins_dir.to_owned(), source };
        let staging = Staging::begin(plugins_dir).map_err(failed)?;
        let real = source
            .canonicalize()
            .map_err(|error| AddError::Unreadable { path: source.to_owned(), source: error })?;
        let copy = staging.path().join(&entry);
        match location.is_bare {
            true => drop(copy_file(&real, source, &copy)?),
            false if plugins_dir.canonicalize().map_err(failed)?.starts_with(&real) => {
                let (path, plugins_dir) = (source.to_owned(), plugins_dir.to_owned());
                return Err(AddError::Around { path, plugins_dir });
            }
            // Pass the path as given, for errors.
            false => copy_directory(source, &copy)?,
        }
        sync_dir(staging.path()).map_err(failed)?;
        let report = examine(&location.copied_to(copy));
        let package = loadable(report.info, &report.checks)?;
        if package.name != name {
            return Err(AddError::Changed { path: source.to_owned() });
        }
        let notes = report.checks.into_iter().filter(|one| !one.check.is_needed_to_load());
        let notes = notes.flat_map(|one| match one.outcome {
            Outcome::Failed(findings) => findings,
            Outcome::Passed | Outcome::Skipped(_) => Vec::new(),
        });
        let replaces = predecessor(plugins_dir, &name, &entry)?;
        if let Some(Installed { path, version, .. }) = replaces.clone().filter(|_| !replace) {
            return Err(AddError::AlreadyThere { name, path, version });
        }
        let replaces = replaces.map(|old| {
            let info = content_of(&old);
            (old, info)
        });
        let plugins_dir = plugins_dir.to_owned();
        Ok(Self { staging, plugins_dir, entry, package, notes: notes.collect(), replaces })
    }

    /// Package to add.
    pub fn package(&self) -> &PackageInfo {
        &self.package
    }

    /// Destination.
    pub fn path(&self) -> PathBuf {
        self.plugins_dir.join(&self.entry)
    }

    /// Findings that do not prevent loading.
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }

    /// Package to replace, with its description if readable.
    pub fn replaces(&self) -> Option<(&Installed, Option<&PackageInfo>)> {
        self.replaces.as_ref().map(|(old, info)| (old, info.as_ref()))
    }

    /// Moves the package to its destination atomically, and deletes the replaced one.
    ///
    /// # Errors
    /// If the destination changed since `prepare`, or cannot be written.
    pub fn finish(self) -> Result<PathBuf, AddError> {
        let to = self.path();
        let failed = |source| AddError::Io { path: self.plugins_dir.clone(), source };
        let _guard = self.staging.lock_packages();
        let old = predecessor(&self.plugins_dir, &self.package.name, &self.entry)?;
        if old.as_ref() != self.replaces.as_ref().map(|(old, _)| old) {
            return Err(AddError::Changed { path: self.plugins_dir.clone() });
        }
        // Replace only the reviewed package: the version may be the same, the content not.
        if let Some((old, info)) = &self.replaces
            && content_of(old) != *info
        {
            return Err(AddError::Changed { path: old.path.clone() });
        }
        let copy = self.staging.path().join(&self.entry);
        match old {
            None => move_to(&copy, &to).map_err(failed)?,
            Some(old) => {
                exchange(&copy, &old.path).map_err(failed)?;
                // There is exactly one package of the name at any time.
                if old.path != to
                    && let Err(error) = move_to(&old.path, &to)
                {
                    // Roll back, as far as possible.
                    let _ = exchange(&copy, &old.path);
                    return Err(failed(error));
                }
            }
        }
        sync_dir(&self.plugins_dir).map_err(failed)?;
        // The old package is hidden now; if deleting fails, a later operation deletes it.
        let _ = self.staging.delete();
        Ok(to)
    }
}

/// Description of an installed package, including digests; `None` if it cannot be read.
fn content_of(installed: &Installed) -> Option<PackageInfo> {
    PackageLocation::of_entry(&installed.path).and_then(|location| examine(&location).info)
}

fn location_of(source: &Path) -> Result<PackageLocation, AddError> {
    let found = source
        .metadata()
        .map_err(|error| AddError::Unreadable { path: source.to_owned(), source: error })?;
    let location = match found.is_dir() {
        true => source
            .join(MANIFEST_FILE)
            .symlink_metadata()
            .is_ok()
            .then(|| PackageLocation::of_directory(source)),
        false => PackageLocation::of_file(source),
    };
    location.ok_or_else(|| AddError::NoPackage { path: source.to_owned() })
}

/// Returns the package if all checks required for loading passed.
fn loadable(info: Option<PackageInfo>, checks: &[Checked]) -> Result<PackageInfo, AddError> {
    let needed = checks.iter().filter(|one| one.check.is_needed_to_load());
    let mut findings = needed.flat_map(|one| match &one.outcome {
        Outcome::Failed(findings) => findings.as_slice(),
        Outcome::Passed | Outcome::Skipped(_) => &[],
    });
    match (findings.next(), info) {
        (None, Some(info)) => Ok(info),
        (Some(finding), _) => {
            Err(AddError::Invalid { finding: finding.clone(), others: findings.count() })
        }
        (None, None) => {
            let problem = format!("check {} failed", Check::Manifest.number());
            let finding = Finding::at(MANIFEST_FILE, problem);
            Err(AddError::Invalid { finding, others: 0 })
        }
    }
}

/// Installed package that `name` would replace.
fn predecessor(
    plugins_dir: &Path,
    name: &PackageName,
    entry: &OsString,
) -> Result<Option<Installed>, AddError> {
    let all = Installed::all_in(plugins_dir)
        .map_err(|source| AddError::Io { path: plugins_dir.to_owned(), source })?;
    let mut same: Vec<_> = all.into_iter().filter(|one| one.name == name.as_str()).collect();
    if same.len() > 1 {
        let paths = same.into_iter().map(|one| one.path).collect();
        return Err(AddError::Several { name: name.clone(), paths });
    }
    let path = plugins_dir.join(entry);
    match same.pop() {
        Some(one) if one.path == path => Ok(Some(one)),
        _ if path.symlink_metadata().is_ok() => {
            Err(AddError::Occupied { name: name.clone(), path })
        }
        one => Ok(one),
    }
}
