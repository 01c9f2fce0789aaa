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

/// What is known of all packages under a path.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Validation {
    /// Each package, by path.
    pub packages: Vec<PackageReport>,
    /// The checks that are about all of them.
    pub together: Vec<Checked>,
}

impl Validation {
    /// Every check that was made or skipped.
    pub fn checks(&self) -> impl Iterator<Item = &Checked> {
        self.packages.iter().flat_map(|package| &package.checks).chain(&self.together)
    }

    /// How many checks failed.
    pub fn failed(&self) -> usize {
        self.checks().filter(|one| matches!(one.outcome, Outcome::Failed(_))).count()
    }
}

/// Why there is nothing to validate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidateError {
    /// It cannot be read.
    #[error("`{}` cannot be read; check that it is there and readable", escape(&path.to_string_lossy()))]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that is not named as a component.
    #[error("`{}` is no package: name a directory with a {MANIFEST_FILE}, a .wasm file, or a directory of them", escape(&path.to_string_lossy()))]
    NoPackage {
        /// The file.
        path: PathBuf,
    },
    /// A directory without any package.
    #[error("`{}` has neither a {MANIFEST_FILE} nor packages in it: name a package, a .wasm file, or a directory of them", escape(&path.to_string_lossy()))]
    Empty {
        /// The directory.
        path: PathBuf,
    },
}

/// Looks closely at a package, a bare component, or every one in a directory.
///
/// # Errors
/// When there is nothing to look at. What is wrong with a package is no error.
pub fn validate(path: &Path) -> Result<Validation, ValidateError> {
    let packages: Vec<_> = places(path)?.iter().map(examine).collect();
    let together = vec![
        Checked { check: Check::Identifiers, outcome: identifiers(&packages) },
        Checked { check: Check::Names, outcome: names(&packages) },
    ];
    Ok(Validation { packages, together })
}

fn places(path: &Path) -> Result<Vec<PackageLocation>, ValidateError> {
    let unreadable = |source| ValidateError::Unreadable { path: path.to_owned(), source };
    if !path.metadata().map_err(unreadable)?.is_dir() {
        let place = PackageLocation::of_file(path);
        return Ok(vec![place.ok_or_else(|| ValidateError::NoPackage { path: path.to_owned() })?]);
    }
    if path.join(MANIFEST_FILE).symlink_metadata().is_ok() {
        return Ok(vec![PackageLocation::of_directory(path)]);
    }
    let mut places = Vec::new();
    for entry in path.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        places.extend(PackageLocation::of_entry(&path));
    }
    if places.is_empty() {
        return Err(ValidateError::Empty { path: path.to_owned() });
    }
    // The file system's order must never matter.
    places.sort();
    Ok(places)
}

fn identifiers(packages: &[PackageReport]) -> Outcome {
    let enabled = known(packages).filter(|(_, info)| info.enabled);
    let offered = enabled.flat_map(|(path, info)| {
        let key = |one: &ManifestImplementation| format!("{}/{}", one.category, one.identifier);
        info.implementations.iter().map(move |one| (key(one), path))
    });
    let words = |key: &str, others: &str| {
        format!("{key} is offered here and by {others}; rename one, or choose one with --use")
    };
    Outcome::of(twice(offered, words), unknown(packages))
}

fn names(packages: &[PackageReport]) -> Outcome {
    let names = known(packages).map(|(path, info)| (info.name.to_string(), path));
    let words = |name: &str, others: &str| {
        format!("package `{name}` is here and in {others}; rename one, or remove it")
    };
    Outcome::of(twice(names, words), unknown(packages))
}

fn known(packages: &[PackageReport]) -> impl Iterator<Item = (&Path, &PackageInfo)> {
    packages.iter().filter_map(|one| Some((one.path.as_path(), one.info.as_ref()?)))
}

fn unknown(packages: &[PackageReport]) -> Option<String> {
    let unknown = packages.iter().find(|one| one.info.is_none())?;
    let path = escape(&unknown.path.to_string_lossy()).into_owned();
    Some(format!("check {} failed for {path}", Check::Manifest.number()))
}

/// A finding for each key that is at more than one place.
fn twice<'p>(
    keys: impl Iterator<Item = (String, &'p Path)>,
    words: impl Fn(&str, &str) -> String,
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
            Finding::at(paths[0], words(&key, &others.join(", ")))
        })
        .collect()
}
