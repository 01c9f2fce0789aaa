//! Failures of plugins.

use schemars::JsonSchema;
use serde::Serialize;

use crate::escape::escape;

/// Kind of failure that ended a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// Not loaded: the file, the component or its configuration was refused.
    Rejected,
    /// Returned an error.
    Error,
    /// A call exceeded its deadline.
    Deadline,
    /// Failed after a request for memory was denied.
    Memory,
    /// Panicked or trapped.
    Trap,
    /// Tried to exit.
    Exit,
    /// Returned a value that is too large or violates the contract.
    InvalidOutput,
    /// Exceeded its output quota, in bytes or files.
    Output,
    /// The run was interrupted during a call.
    Interrupted,
    /// The host failed: an error of the operating system, or a bug in perfbox.
    Host,
}

/// The failure that ended a plugin, and the call in which it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failure {
    /// Kind of failure.
    pub kind: FailureKind,
    /// Function of the contract, `load` or `instantiate`.
    pub during: String,
    /// Cause and next step.
    pub message: String,
    /// Guest functions of a trap, innermost first, with file, line and column if the component
    /// has debug information.
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
    /// Creates a failure. Escapes the message, since it may come from a guest.
    pub fn new(kind: FailureKind, during: &str, message: impl Into<String>) -> Self {
        let message = escape(&message.into()).into_owned();
        Self { kind, during: during.to_owned(), message, backtrace: Vec::new() }
    }
}
