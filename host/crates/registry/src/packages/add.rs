//! A package on its way into a plugins directory.

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

/// A package that lies, copied and validated, in a hidden directory beside its place.
/// Dropped, it leaves nothing behind.
pub struct Addition {
    staging: Staging,
    plugins_dir: PathBuf,
    /// Its name in the plugins directory.
    entry: OsString,
    package: PackageInfo,
    notes: Vec<Finding>,
    replaces: Option<(Installed, Option<PackageInfo>)>,
}

/// Why a package was not added.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddError {
    /// It cannot be read.
    #[error("`{}` cannot be read; check that it is there and readable", escape(&path.to_string_lossy()))]
    Unreadable {
        /// What was to be added.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is none.
    #[error("`{}` is no package; name a directory with a {MANIFEST_FILE}, or a .wasm file", escape(&path.to_string_lossy()))]
    NoPackage {
        /// What was to be added.
        path: PathBuf,
    },
    /// It is named so that nothing would see it.
    #[error("`{}` has a hidden name, so it would neither be found nor could be removed; rename it, without the dot in front", escape(&path.to_string_lossy()))]
    Hidden {
        /// What was to be added.
        path: PathBuf,
    },
    /// It would not load.
    #[error("the package would not load: {finding}{}", more(*others))]
    Invalid {
        /// The first thing that is wrong.
        finding: Finding,
        /// How many other things are.
        others: usize,
    },
    /// It cannot be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The plugins directory is inside of it.
    #[error("`{}` has the plugins directory `{}` in it; add a package that lies elsewhere", escape(&path.to_string_lossy()), escape(&plugins_dir.to_string_lossy()))]
    Around {
        /// What was to be added.
        path: PathBuf,
        /// Where it was to go.
        plugins_dir: PathBuf,
    },
    /// One of its name is there.
    #[error("package `{name}` is there already: `{}`{}; replace it with --replace", escape(&path.to_string_lossy()), of_version(version))]
    AlreadyThere {
        /// Its name.
        name: PackageName,
        /// Where.
        path: PathBuf,
        /// Which version.
        version: String,
    },
    /// Several of its name are there.
    #[error("package `{name}` is there more than once: {}; remove all but one of them first", paths.iter().map(|path| format!("`{}`", escape(&path.to_string_lossy()))).collect::<Vec<_>>().join(", "))]
    Several {
        /// Its name.
        name: PackageName,
        /// Where.
        paths: Vec<PathBuf>,
    },
    /// Its place is taken.
    #[error("`{}` is there already, and is not package `{name}`; remove it first", escape(&path.to_string_lossy()))]
    Occupied {
        /// Its name.
        name: PackageName,
        /// What is in its place.
        path: PathBuf,
    },
    /// Something changed meanwhile.
    #[error("`{}` changed meanwhile; look at it again, and add it then", escape(&path.to_string_lossy()))]
    Changed {
        /// What changed.
        path: PathBuf,
    },
    /// The plugins directory cannot be read or written.
    #[error("the plugins directory `{}` cannot be changed; check that it can be written to", escape(&path.to_string_lossy()))]
    Io {
        /// The plugins directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl AddError {
    /// True where the package or the request is the cause, not the system below.
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
    /// Copies the package at `source` to beside its place in `plugins_dir`, which is
    /// made if need be, and validates the copy. One of its name is replaced only where
    /// `replace` says so.
    ///
    /// # Errors
    /// When it is no package that would load, cannot be copied, or its place is taken.
    pub fn prepare(source: &Path, plugins_dir: &Path, replace: bool) -> Result<Self, AddError> {
        let place = place_of(source)?;
        // Of a directory it is the package's name that counts.
        if place.is_bare && is_hidden(source) {
            return Err(AddError::Hidden { path: source.to_owned() });
        }
        // Before anything is made or copied.
        let name = name_of(&place).map_err(|finding| AddError::Invalid { finding, others: 0 })?;
        let entry = match place.is_bare {
            true => source.file_name().unwrap_or_default().to_owned(),
            false => OsString::from(name.as_str()),
        };
        let failed = |source| AddError::Io { path: plugins_dir.to_owned(), source };
        let staging = Staging::begin(plugins_dir).map_err(failed)?;
        let real = source
            .canonicalize()
            .map_err(|error| AddError::Unreadable { path: source.to_owned(), source: error })?;
        let copy = staging.path().join(&entry);
        match place.is_bare {
            true => drop(copy_file(&real, source, &copy)?),
            false if plugins_dir.canonicalize().map_err(failed)?.starts_with(&real) => {
                let (path, plugins_dir) = (source.to_owned(), plugins_dir.to_owned());
                return Err(AddError::Around { path, plugins_dir });
            }
            // Under the name that people know it by, which errors show.
            false => copy_directory(source, &copy)?,
        }
        sync_dir(staging.path()).map_err(failed)?;
        let report = examine(&place.copied_to(copy));
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

    /// What is to be added.
    pub fn package(&self) -> &PackageInfo {
        &self.package
    }

    /// Where it is to be.
    pub fn path(&self) -> PathBuf {
        self.plugins_dir.join(&self.entry)
    }

    /// What is not as it should be, though it would load.
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }

    /// What it takes the place of and, where that can be read, its content.
    pub fn replaces(&self) -> Option<(&Installed, Option<&PackageInfo>)> {
        self.replaces.as_ref().map(|(old, info)| (old, info.as_ref()))
    }

    /// Puts it into its place, at once, and deletes what was there.
    ///
    /// # Errors
    /// When what is there is no longer what it was, or the directory cannot be written.
    pub fn finish(self) -> Result<PathBuf, AddError> {
        let to = self.path();
        let failed = |source| AddError::Io { path: self.plugins_dir.clone(), source };
        let _alone = self.staging.lock_packages();
        let old = predecessor(&self.plugins_dir, &self.package.name, &self.entry)?;
        if old.as_ref() != self.replaces.as_ref().map(|(old, _)| old) {
            return Err(AddError::Changed { path: self.plugins_dir.clone() });
        }
        // What was shown is what is replaced: of the same version, it can be another one.
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
                // At every moment there is one package of the name.
                if old.path != to
                    && let Err(error) = move_to(&old.path, &to)
                {
                    // A failure leaves everything as it was, as far as that can be had.
                    let _ = exchange(&copy, &old.path);
                    return Err(failed(error));
                }
            }
        }
        sync_dir(&self.plugins_dir).map_err(failed)?;
        // The old one is hidden by now; if it cannot be deleted, a later addition does it.
        let _ = self.staging.delete();
        Ok(to)
    }
}

/// What is in a package, its components' digests among it; none where it cannot be read.
fn content_of(installed: &Installed) -> Option<PackageInfo> {
    PackageLocation::of_entry(&installed.path).and_then(|place| examine(&place).info)
}

fn place_of(source: &Path) -> Result<PackageLocation, AddError> {
    let found = source
        .metadata()
        .map_err(|error| AddError::Unreadable { path: source.to_owned(), source: error })?;
    let place = match found.is_dir() {
        true => source
            .join(MANIFEST_FILE)
            .symlink_metadata()
            .is_ok()
            .then(|| PackageLocation::of_directory(source)),
        false => PackageLocation::of_file(source),
    };
    place.ok_or_else(|| AddError::NoPackage { path: source.to_owned() })
}

/// The package, where every check passed that it must pass to be loaded.
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

/// What `name` takes the place of in the plugins directory.
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
