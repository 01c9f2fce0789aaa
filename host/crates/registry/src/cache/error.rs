//! Errors of the cache.

use std::io;
use std::path::{Path, PathBuf};

use perfbox_model::escape;

/// Errors of the cache or one of its entries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Directory or key that others can access, or a key inside the directory.
    #[error("{what} `{}` {reason}", escape(&path.to_string_lossy()))]
    NotPrivate {
        /// `cache directory` or `cache key`.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// Problem and next step.
        reason: String,
    },
    /// Entry that was not written by the holder of the key under this name.
    #[error("cache entry `{}` is not trusted: it {reason}", escape(&path.to_string_lossy()))]
    Untrusted {
        /// Its path.
        path: PathBuf,
        /// Problem.
        reason: &'static str,
    },
    /// Entry larger than the limit of the cache.
    #[error(
        "cache entry of {bytes} bytes exceeds the cache limit of {limit_bytes} bytes; raise the limit"
    )]
    TooLarge {
        /// Size of the entry.
        bytes: u64,
        /// Maximum total size of the cache.
        limit_bytes: u64,
    },
    /// Error of the operating system.
    #[error("cannot use {what} `{}`: {reason}; check its permissions and the free disk space", escape(&path.to_string_lossy()))]
    Io {
        /// `cache directory`, `cache entry` or `cache key`.
        what: &'static str,
        /// Its path.
        path: PathBuf,
        /// Message of the operating system.
        reason: String,
    },
}

/// Turns an I/O error at `path` into a [`CacheError`]; `what` names the thing at `path`.
pub(super) fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> CacheError {
    move |error| CacheError::Io { what, path: path.to_owned(), reason: error.to_string() }
}
