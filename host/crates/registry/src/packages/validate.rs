//! Validation: checks whether packages would load, without loading them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use perfbox_model::escape;

use super::check::{Check, Checked, Finding, Outcome};
use super::examine::{PackageReport, examine};
use super::info::PackageInfo;
use super::location::PackageLocation;
use crate::manifest::{MANIFEST_FILE, ManifestImplementation};

/// Result of validating all packages under a path.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Validation {
    /// Packages, by path.
    pub packages: Vec<PackageReport>,
    /// Checks of all packages together.
    pub together: Vec<Checked>,
}

impl Validation {
    /// All checks, including skipped ones.
    pub fn checks(&self) -> impl Iterator<Item = &Checked> {
        self.packages.iter().flat_map(|package| &package.checks).chain(&self.together)
    }

    /// Number of failed checks.
    pub fn failed(&self) -> usize {
        self.checks().filter(|one| matches!(one.outcome, Outcome::Failed(_))).count()
    }
}

/// Errors of validation itself. Problems of packages are findings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidateError {
    /// Path that cannot be read.
    #[error("cannot read `{}`; check that it exists and is readable", escape(&path.to_string_lossy()))]
    Unreadable {
        /// File or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// File that is not a component.
    #[error("`{}` is not a package; use a directory with a {MANIFEST_FILE}, a .wasm file, or a directory of them", escape(&path.to_string_lossy()))]
    NoPackage {
        /// File.
        path: PathBuf,
    },
    /// Directory without packages.
    #[error("`{}` has no {MANIFEST_FILE} and contains no packages; use a package, a .wasm file, or a directory of them", escape(&path.to_string_lossy()))]
    Empty {
        /// Directory.
        path: PathBuf,
    },
}

/// Validates a package, a bare component, or all packages in a directory.
///
/// # Errors
/// If there is no package to validate. Problems of a package are findings, not errors.
pub fn validate(path: &Path) -> Result<Validation, ValidateError> {
    let packages: Vec<_> = locations(path)?.iter().map(examine).collect();
    let together = vec![
        Checked { check: Check::Identifiers, outcome: identifiers(&packages) },
        Checked { check: Check::Names, outcome: names(&packages) },
    ];
    Ok(Validation { packages, together })
}

fn locations(path: &Path) -> Result<Vec<PackageLocation>, ValidateError> {
    let unreadable = |source| ValidateError::Unreadable { path: path.to_owned(), source };
    if !path.metadata().map_err(unreadable)?.is_dir() {
        let location = PackageLocation::of_file(path);
        return Ok(vec![
            location.ok_or_else(|| ValidateError::NoPackage { path: path.to_owned() })?,
        ]);
    }
    if path.join(MANIFEST_FILE).symlink_metadata().is_ok() {
        return Ok(vec![PackageLocation::of_directory(path)]);
    }
    let mut locations = Vec::new();
    for entry in path.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        locations.extend(PackageLocation::of_entry(&path));
    }
    if locations.is_empty() {
        return Err(ValidateError::Empty { path: path.to_owned() });
    }
    // The order must not depend on the file system.
    locations.sort();
    Ok(locations)
}

fn identifiers(packages: &[PackageReport]) -> Outcome {
    let enabled = known(packages).filter(|(_, info)| info.enabled);
    let offered = enabled.flat_map(|(path, info)| {
        let key = |one: &ManifestImplementation| format!("{}/{}", one.category, one.identifier);
        info.implementations.iter().map(move |one| (key(one), path))
    });
    let message = |key: &str, others: &str| {
        format!("{key} is also offered by {others}; rename one, or select one with --use")
    };
    Outcome::of(duplicates(offered, message), unknown(packages))
}

fn names(packages: &[PackageReport]) -> Outcome {
    let names = known(packages).map(|(path, info)| (info.name.to_string(), path));
    let message = |name: &str, others: &str| {
        format!("package `{name}` is also in {others}; rename or remove one")
    };
    Outcome::of(duplicates(names, message), unknown(packages))
}

fn known(packages: &[PackageReport]) -> impl Iterator<Item = (&Path, &PackageInfo)> {
    packages.iter().filter_map(|one| Some((one.path.as_path(), one.info.as_ref()?)))
}

fn unknown(packages: &[PackageReport]) -> Option<String> {
    let unknown = packages.iter().find(|one| one.info.is_none())?;
    let path = escape(&unknown.path.to_string_lossy()).into_owned();
    Some(format!("check {} failed for {path}", Check::Manifest.number()))
}

/// Finding for each key with more than one path.
fn duplicates<'p>(
    keys: impl Iterator<Item = (String, &'p Path)>,
    message: impl Fn(&str, &str) -> String,
) -> Vec<Finding> {
    let mut places: BTreeMap<String, Vec<&Path>> = BTreeMap::new();
    for (key, path) in keys {
        places.entry(key).or_default().push(path);
    }
    let several = places.into_iter().filter(|(_, paths)| paths.len() > 1);
    several
        .map(|(key, paths)| {
            let shown = |path: &&Path| format!("`{}`", escape(&path.to_string_lossy()));
            let others: Vec<_> = paths[1..].iter().map(shown).collect();
            Finding::at(paths[0], message(&key, &others.join(", ")))
        })
        .collect()
}
