//! Errors of reading a component.

use std::path::{Path, PathBuf};

use perfbox_model::escape;

/// Errors of describing a component. Messages follow the name of the file: "is empty; …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// Not a component, according to its first bytes.
    #[error("{reason}; build it for wasm32-wasip2")]
    NotAComponent {
        /// Kind of file.
        reason: &'static str,
    },
    /// Truncated or malformed component.
    #[error("is a malformed WebAssembly component: {reason}; rebuild it for wasm32-wasip2")]
    Malformed {
        /// Problem and position.
        reason: String,
    },
    /// Limit exceeded while reading.
    #[error("has more than {max} {what}, the maximum")]
    TooMany {
        /// Maximum.
        max: usize,
        /// Name of the counted items.
        what: &'static str,
    },
    /// Compile cost too high.
    #[error("has {count} {what}, more than the maximum of {max}")]
    TooCostly {
        /// Actual number.
        count: u64,
        /// Maximum.
        max: u64,
        /// Name of the counted items.
        what: &'static str,
    },
    /// Component that is not a plugin.
    #[error("{reason}")]
    NotAPlugin {
        /// Problem and next step.
        reason: String,
    },
}

/// Errors of reading a component file named by the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentFileError {
    /// File that cannot be read.
    #[error(
        "cannot read component `{}`: {reason}; use a .wasm file of at most 64 MiB",
        shown(path)
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        reason: String,
    },
    /// File that is not a component.
    #[error("component `{}` {error}", shown(path))]
    NotAComponent {
        /// The file.
        path: PathBuf,
        /// Problem and next step.
        error: ComponentError,
    },
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}
