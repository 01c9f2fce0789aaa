//! Whether packages would load, as numbered checks, without loading them.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::examine::examine;
use super::info::PackageInfo;
use super::place::Place;
use crate::manifest::MANIFEST_FILE;
use perfbox_model::escape;

/// Something that must hold of a package or, the last two, of all of them together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// The manifest can be read and says nothing that cannot be; a bare component is
    /// named as a package may be.
    Manifest,
    /// Every component is a regular file inside the package.
    Files,
    /// Every component is valid WebAssembly.
    Valid,
    /// Every component is built for a contract that this host speaks.
    Contract,
    /// Every component exports what its categories need.
    Interfaces,
    /// The host knows every import.
    Imports,
    /// Every component offers the classes that the manifest names.
    Classes,
    /// The parameters that the manifest declares are those that the components take.
    Params,
    /// No two packages offer the same.
    Identifiers,
    /// No two packages have the same name.
    Names,
}

impl Check {
    /// Those of a single package, in order.
    pub const OF_PACKAGE: [Self; 8] = [
        Self::Manifest,
        Self::Files,
        Self::Valid,
        Self::Contract,
        Self::Interfaces,
        Self::Imports,
        Self::Classes,
        Self::Params,
    ];

    /// Its number, from 1.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// What must hold, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Manifest => "the manifest is valid; a bare component has a package's name",
            Self::Files => "every component is a regular file inside the package",
            Self::Valid => "every component is valid WebAssembly",
            Self::Contract => "every component is built for this contract",
            Self::Interfaces => "every component exports its categories' interfaces",
            Self::Imports => "every import is known to this host",
            Self::Classes => "every class is offered by its component",
            Self::Params => "parameters are those that the components take",
            Self::Identifiers => "no identifier is offered twice",
            Self::Names => "no package name is there twice",
        }
    }

    /// True where what fails it cannot be loaded.
    pub(super) fn is_needed_to_load(self) -> bool {
        self <= Self::Classes
    }
}

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not, and where.
    Failed(Vec<Finding>),
    /// It cannot be known, and why.
    Skipped(String),
}

impl Outcome {
    /// Failed where there is something to tell; else skipped where something could not
    /// be looked at, for that reason.
    pub(super) fn of(findings: Vec<Finding>, skipped: Option<String>) -> Self {
        match (findings.is_empty(), skipped) {
            (false, _) => Self::Failed(findings),
            (true, Some(why)) => Self::Skipped(why),
            (true, None) => Self::Passed,
        }
    }
}

/// Something that is wrong with a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The file or directory.
    #[serde(serialize_with = "lossily")]
    pub path: PathBuf,
    /// Counted from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Counted from 1, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What is wrong, and what would be right; safe to show.
    pub problem: String,
}

/// Names of files need not be text, and a path that is none is an error to serde.
fn lossily<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

impl Finding {
    pub(super) fn at(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, column: None, problem: problem.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", escape(&self.path.to_string_lossy()))?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// A check and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The check.
    pub check: Check,
    /// How it ended.
    pub outcome: Outcome,
}

/// What is known of one package.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PackageReport {
    /// Its directory, or its file for a bare component.
    pub path: PathBuf,
    /// What it is, where the first check passed.
    pub info: Option<PackageInfo>,
    /// [`Check::OF_PACKAGE`], each with its outcome.
    pub checks: Vec<Checked>,
}

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

fn places(path: &Path) -> Result<Vec<Place>, ValidateError> {
    let unreadable = |source| ValidateError::Unreadable { path: path.to_owned(), source };
    if !path.metadata().map_err(unreadable)?.is_dir() {
        let place = Place::of_file(path);
        return Ok(vec![place.ok_or_else(|| ValidateError::NoPackage { path: path.to_owned() })?]);
    }
    if path.join(MANIFEST_FILE).symlink_metadata().is_ok() {
        return Ok(vec![Place::of_directory(path)]);
    }
    let mut places = Vec::new();
    for entry in path.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        places.extend(Place::of_entry(&path));
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
        let key = |one: &crate::manifest::ManifestImplementation| {
            format!("{}/{}", one.category, one.identifier)
        };
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
