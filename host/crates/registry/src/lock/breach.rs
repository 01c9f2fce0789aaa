//! Errors for a selection that does not match the lock.

use std::path::{Path, PathBuf};

use perfbox_model::escape;
use perfbox_model::names::PackageName;

use crate::read::ComponentReadError;

/// Errors of a selection that does not match the lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockBreach {
    /// Changed component.
    #[error(
        "package `{package}` differs from `{}`: {}; {}, then accept it with `perfbox plugins lock` and the flags of this run",
        shown(lock), changes.join("; "), review_hint(*same_bytes, place)
    )]
    Changed {
        /// The package.
        package: PackageName,
        /// Path of the component.
        place: String,
        /// Differences, as messages.
        changes: Vec<String>,
        /// True if the component itself is unchanged.
        same_bytes: bool,
        /// The lock.
        lock: PathBuf,
    },
    /// Implementation from another package.
    #[error(
        "package is `{found}`, but `{}` has `{package}` {}; install that package, select it with --use {key}={package}, or accept the change with `perfbox plugins lock` and the flags of this run",
        shown(lock),
        escape(version)
    )]
    Elsewhere {
        /// Implementation, as `CATEGORY/ID`.
        key: String,
        /// Current package.
        found: PackageName,
        /// Package in the lock.
        package: PackageName,
        /// Version in the lock.
        version: String,
        /// The lock.
        lock: PathBuf,
    },
    /// Missing implementation.
    #[error(
        "{key} not found, but `{}` has it from package `{package}` {}; install that package, or deselect {key} and run `perfbox plugins lock`{}",
        shown(lock),
        escape(version),
        invalid_packages(invalid)
    )]
    Missing {
        /// Implementation, as `CATEGORY/ID`.
        key: String,
        /// Package in the lock.
        package: PackageName,
        /// Version in the lock.
        version: String,
        /// Reasons of invalid packages, one of which may offer it.
        invalid: Vec<String>,
        /// The lock.
        lock: PathBuf,
    },
    /// Auto-loaded implementation that no longer joins.
    #[error(
        "{key} no longer joins the run, but `{}` has it as auto-loaded from package `{package}` {}: {}; restore it, disable auto-loading with --no-auto-load, or accept the change with `perfbox plugins lock` and the flags of this run{}",
        shown(lock),
        escape(version),
        if *is_there { "its manifest no longer has `auto_load: true`" } else { "no enabled package offers it" },
        invalid_packages(invalid)
    )]
    Left {
        /// Implementation, as `CATEGORY/ID`.
        key: String,
        /// Package in the lock.
        package: PackageName,
        /// Version in the lock.
        version: String,
        /// True if it can still be selected by name.
        is_there: bool,
        /// Reasons of invalid packages, one of which may offer it.
        invalid: Vec<String>,
        /// The lock.
        lock: PathBuf,
    },
    /// Component that cannot be read.
    #[error(transparent)]
    Read(#[from] ComponentReadError),
    /// Implementation that is not in the lock, with --locked.
    #[error(
        "not in `{}` with package `{package}`, as --locked requires; review it with `perfbox plugins inspect {place}`, then accept it with `perfbox plugins lock` and the flags of this run",
        shown(lock)
    )]
    Unknown {
        /// Package.
        package: PackageName,
        /// Path of the component.
        place: String,
        /// The lock.
        lock: PathBuf,
    },
}

/// Next step to review a change; `plugins diff` shows nothing for the same bytes.
fn review_hint(same_bytes: bool, place: &str) -> String {
    match same_bytes {
        true => "the component is unchanged, so review registry.yaml and the lock".to_owned(),
        false => format!("review the change with `perfbox plugins diff OLD.wasm {place}`"),
    }
}

/// Suffix that lists the reasons of invalid packages.
fn invalid_packages(invalid: &[String]) -> String {
    match invalid {
        [] => String::new(),
        reasons => format!(" (invalid packages: {})", reasons.join("; ")),
    }
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}
