//! Errors of the cache.

use std::io;
use std::path::{Path, PathBuf};

use perfbox_model::escape;

/// Why the cache, or one entry of it, is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The directory or the key is not the user's own alone, or the key does not lie
    /// elsewhere.
    #[error("{what} `{}` {reason}", escape(&path.to_string_lossy()))]
    NotPrivate {
        /// `cache directory` or `the cache's key`.
        what: &'static str,
        /// Where it lies.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// An entry was not written by the holder of the key under this name.
    #[error("cache entry `{}` is not trusted: it {reason}", escape(&path.to_string_lossy()))]
    Untrusted {
        /// Where it lies.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An entry alone is larger than all may be together.
    #[error(
        "an entry of {bytes} bytes is larger than the cache's limit of {limit_bytes} bytes; give the cache a higher one"
    )]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The size of all entries.
        limit_bytes: u64,
    },
    /// The system does not let it be used.
    #[error("{what} `{}` cannot be used: {reason}; make sure that its user can read and write there, and that there is room", escape(&path.to_string_lossy()))]
    Io {
        /// `cache directory`, `cache entry` or `the cache's key`.
        what: &'static str,
        /// Where it lies.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// Turns an I/O error at `path` into a [`CacheError`]; `what` names the thing at `path`.
pub(super) fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> CacheError {
    move |error| CacheError::Io { what, path: path.to_owned(), reason: error.to_string() }
}
