//! Errors of reading a component.

use std::path::{Path, PathBuf};

use perfbox_model::escape;

/// Why bytes were not read as a component, or offer nothing. The words go on from the
/// name of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// Something else, as its first bytes show.
    #[error("{reason}; build it for wasm32-wasip2")]
    NotAComponent {
        /// What it is.
        reason: &'static str,
    },
    /// A component that breaks off or is damaged.
    #[error("is not a whole WebAssembly component: {reason}; build it anew for wasm32-wasip2")]
    Damaged {
        /// What is wrong, and where.
        reason: String,
    },
    /// More of something than any component needs.
    #[error("has more than {most} {what}, the most that a component may have")]
    TooMany {
        /// How many there may be.
        most: usize,
        /// Of what.
        what: &'static str,
    },
    /// More of something than a compiler can be expected to take.
    #[error("has {has} {what}, and the most that a component may have is {most}")]
    TooHeavy {
        /// How many there are.
        has: u64,
        /// How many there may be.
        most: u64,
        /// Of what.
        what: &'static str,
    },
    /// A component that is no plugin.
    #[error("{reason}")]
    NoPlugin {
        /// What it lacks.
        reason: String,
    },
}

/// Why the file that a person named was not read as a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentFileError {
    /// The file cannot be read, or is none that is read.
    #[error(
        "component `{}` cannot be read: {reason}; name a .wasm file of at most 64 MiB",
        shown(path)
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// What is in it is no component.
    #[error("component `{}` {error}", shown(path))]
    NotAComponent {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: ComponentError,
    },
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}
