//! The numbered checks of packages and their outcomes.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use perfbox_model::escape;

/// Check of one package or, for the last two, of all packages together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// The manifest is valid; a bare component has a valid package name.
    Manifest,
    /// Every component is a regular file inside the package.
    Files,
    /// Every component is valid WebAssembly.
    Valid,
    /// Every component is built for a compatible version of the contract.
    Contract,
    /// Every component exports the interfaces of its categories.
    Interfaces,
    /// The host supports every import.
    Imports,
    /// Every component offers the classes in the manifest.
    Classes,
    /// The manifest declares the same parameters as the components.
    Params,
    /// No two packages offer the same implementation.
    Identifiers,
    /// No two packages have the same name.
    Names,
}

impl Check {
    /// Checks of one package, in order.
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

    /// Number, from 1.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// Description for users.
    pub fn title(self) -> &'static str {
        match self {
            Self::Manifest => "the manifest is valid; a bare component has a valid package name",
            Self::Files => "every component is a regular file inside the package",
            Self::Valid => "every component is valid WebAssembly",
            Self::Contract => "every component is built for this contract version",
            Self::Interfaces => "every component exports the interfaces of its categories",
            Self::Imports => "every import is supported by this host",
            Self::Classes => "every class exists in its component",
            Self::Params => "manifest and components declare the same parameters",
            Self::Identifiers => "no two packages offer the same identifier",
            Self::Names => "no two packages have the same name",
        }
    }

    /// True if a package that fails the check cannot be loaded.
    pub(super) fn is_needed_to_load(self) -> bool {
        self <= Self::Classes
    }
}

/// Outcome of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Passed.
    Passed,
    /// Failed, with the findings.
    Failed(Vec<Finding>),
    /// Skipped, with the reason.
    Skipped(String),
}

impl Outcome {
    /// Failed if there are findings, else skipped if there is a reason, else passed.
    pub(super) fn of(findings: Vec<Finding>, skipped: Option<String>) -> Self {
        match (findings.is_empty(), skipped) {
            (false, _) => Self::Failed(findings),
            (true, Some(why)) => Self::Skipped(why),
            (true, None) => Self::Passed,
        }
    }
}

/// Problem of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// File or directory.
    #[serde(serialize_with = "lossily")]
    pub path: PathBuf,
    /// Line, from 1, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column, from 1, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Problem and next step, escaped for display.
    pub problem: String,
}

/// Serializes a path; serde alone fails for one that is not UTF-8.
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

/// Check with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Check.
    pub check: Check,
    /// Outcome.
    pub outcome: Outcome,
}
