//! Errors for a selection that does not match the lock.

use std::path::{Path, PathBuf};

use perfbox_model::escape;
use perfbox_model::names::PackageName;

use crate::read::ComponentReadError;

/// What was selected is not what the lock has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockBreach {
    /// The component of that package has changed.
    #[error(
        "package `{package}` is not as `{}` has it: {}; {}, and accept it with `perfbox plugins lock` and the flags of this run",
        shown(lock), changes.join("; "), how_to_look(*same_bytes, place)
    )]
    Changed {
        /// The package.
        package: PackageName,
        /// The component, as it is now.
        place: String,
        /// What is different, in words.
        changes: Vec<String>,
        /// Whether only what is said of it is different.
        same_bytes: bool,
        /// The lock.
        lock: PathBuf,
    },
    /// Another package serves it.
    #[error(
        "it comes from package `{found}`, and `{}` has it from package `{package}` {}; install that one, or choose it with --use {key}={package}, or accept this one with `perfbox plugins lock` and the flags of this run",
        shown(lock),
        escape(version)
    )]
    Elsewhere {
        /// Category and identifier.
        key: String,
        /// The package that serves it now.
        found: PackageName,
        /// The package that the lock has.
        package: PackageName,
        /// Its version.
        version: String,
        /// The lock.
        lock: PathBuf,
    },
    /// Nothing serves it any more.
    #[error(
        "{key} is not there, and `{}` has it from package `{package}` {}; install that package, or select it no more and accept that with `perfbox plugins lock`{}",
        shown(lock),
        escape(version),
        refused(invalid)
    )]
    Missing {
        /// Category and identifier.
        key: String,
        /// The package that the lock has.
        package: PackageName,
        /// Its version.
        version: String,
        /// Why packages are invalid: it may be one of them.
        invalid: Vec<String>,
        /// The lock.
        lock: PathBuf,
    },
    /// It joined runs by itself, and does so no more.
    #[error(
        "{key} does not join the run any more, and `{}` has it as auto-loaded from package `{package}` {}: {}; bring it back, or leave such plugins out with --no-auto-load, or accept that with `perfbox plugins lock` and the flags of this run{}",
        shown(lock),
        escape(version),
        if *is_there { "its manifest does not say auto_load" } else { "no enabled package offers it" },
        refused(invalid)
    )]
    Left {
        /// Category and identifier.
        key: String,
        /// The package that the lock has.
        package: PackageName,
        /// Its version.
        version: String,
        /// Whether it could still be named.
        is_there: bool,
        /// Why packages are invalid: it may be one of them.
        invalid: Vec<String>,
        /// The lock.
        lock: PathBuf,
    },
    /// The component cannot be read.
    #[error(transparent)]
    Read(#[from] ComponentReadError),
    /// The lock has no word of it, and allows nothing else.
    #[error(
        "`{}` does not have it from package `{package}`, and --locked takes nothing else; look at it with `perfbox plugins inspect {place}`, and accept it with `perfbox plugins lock` and the flags of this run",
        shown(lock)
    )]
    Unknown {
        /// The package that serves it.
        package: PackageName,
        /// The component.
        place: String,
        /// The lock.
        lock: PathBuf,
    },
}

/// Two components of the same bytes have nothing that could be told apart.
fn how_to_look(same_bytes: bool, place: &str) -> String {
    match same_bytes {
        true => {
            "its bytes are the same, so see who edited its registry.yaml or the lock".to_owned()
        }
        false => format!("see what is new with `perfbox plugins diff OLD.wasm {place}`"),
    }
}

/// The end of the words for something that an invalid package may have offered.
fn refused(invalid: &[String]) -> String {
    match invalid {
        [] => String::new(),
        reasons => format!(" (packages that cannot be used: {})", reasons.join("; ")),
    }
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}
