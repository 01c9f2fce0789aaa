//! The numbered checks of packages and their outcomes.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

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
