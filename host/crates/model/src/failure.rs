//! What ended a plugin.

use schemars::JsonSchema;
use serde::Serialize;

use crate::escape::escape;

/// What sort of failure ended a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// It was not loaded: the file, the component or its configuration was refused.
    Rejected,
    /// It returned an error, in its own words.
    Error,
    /// A call took too long.
    Deadline,
    /// It failed after memory that it asked for was refused.
    Memory,
    /// It panicked or did what WebAssembly forbids.
    Trap,
    /// It tried to exit.
    Exit,
    /// What it returned was too large, or breaks the contract.
    InvalidOutput,
    /// It wrote more, or more files, than it may.
    Output,
    /// The run was interrupted while it worked.
    Interrupted,
    /// The host could not do its part: the machine did not let it, or a defect of
    /// perfbox's.
    Host,
}

/// What ended a plugin, in which call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// What sort of failure.
    pub kind: FailureKind,
    /// The contract's function, `load` or `instantiate`.
    pub during: String,
    /// What happened, and what to do about it.
    pub message: String,
    /// Of a trap: the guest's functions, the innermost first, with file, line and column
    /// where the component carries them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub backtrace: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} during {}: {}", self.kind.as_str(), self.during, self.message)
    }
}

impl FailureKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Error => "error",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Trap => "trap",
            Self::Exit => "exit",
            Self::InvalidOutput => "invalid output",
            Self::Output => "output",
            Self::Interrupted => "interrupted",
            Self::Host => "host",
        }
    }
}

impl Failure {
    /// A failure of the given kind. The words may be a guest's: they are made safe.
    pub fn new(kind: FailureKind, during: &str, message: impl Into<String>) -> Self {
        let message = escape(&message.into()).into_owned();
        Self { kind, during: during.to_owned(), message, backtrace: Vec::new() }
    }
}
