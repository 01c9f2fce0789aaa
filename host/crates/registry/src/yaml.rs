//! Reads YAML files of users with bounded size; errors have line and column.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::{Location, Spanned};

use perfbox_model::escape;

/// Maximum file size, in bytes.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// Errors of reading a YAML file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlError {
    /// Invalid content.
    #[error("{}:{line}:{column}: {message}", escape(&path.to_string_lossy()))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// Problem and next step.
        message: String,
    },
    /// File that is too large.
    #[error("{}: file has {bytes} bytes, maximum {MAX_BYTES}", escape(&path.to_string_lossy()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// File that cannot be read.
    #[error("{}: {reason}", escape(&path.to_string_lossy()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        reason: String,
    },
}

/// Error in a configuration text, with its location if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    location: Option<Location>,
    message: String,
}

impl ConfigError {
    /// Creates an error at the location of a value.
    pub fn at<T>(value: &Spanned<T>, message: impl Into<String>) -> Self {
        Self { location: Some(value.referenced), message: message.into() }
    }

    /// Adds the path of the file.
    pub fn in_file(self, path: &Path) -> YamlError {
        // The parser reports column 0 at the end of a file.
        let at = |part: fn(&Location) -> u64| self.location.as_ref().map_or(1, part).max(1);
        YamlError::Invalid {
            path: path.to_owned(),
            line: at(Location::line),
            column: at(Location::column),
            message: self.message,
        }
    }
}

/// Reads a regular file of at most 64 KiB.
///
/// # Errors
/// If it cannot be read or is too large.
pub fn read(path: &Path) -> Result<String, YamlError> {
    let unreadable = |error: std::io::Error| YamlError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let file = perfbox_model::files::open_regular(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes > MAX_BYTES as u64 {
        return Err(YamlError::TooLarge { path: path.to_owned(), bytes });
    }
    // Enforce the limit while reading too: the file may grow, or report no size.
    let mut text = String::new();
    file.take(MAX_BYTES as u64 + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() > MAX_BYTES {
        return Err(YamlError::TooLarge { path: path.to_owned(), bytes: text.len() as u64 });
    }
    Ok(text)
}

/// Like [`read`], but follows a symbolic link: for a file of the user's own.
///
/// # Errors
/// If it cannot be read or is too large.
pub fn read_through_link(path: &Path) -> Result<String, YamlError> {
    read(&resolve_link(path))
}

/// Target of a symbolic link; `path` itself if it is not a link.
pub(crate) fn resolve_link(path: &Path) -> PathBuf {
    match path.is_symlink() {
        true => path.canonicalize().unwrap_or_else(|_| path.to_owned()),
        false => path.to_owned(),
    }
}

/// Document with a `schema_version`.
pub trait Versioned {
    /// Hint for an empty document.
    const REQUIRED: &'static str;
    /// Supported schema version.
    const VERSION: &'static str;
    /// Declared schema version.
    fn schema_version(&self) -> Option<&Spanned<String>>;
}

/// Parses a document. Reports an unsupported `schema_version` before any other error.
///
/// # Errors
/// For an invalid document, with the location.
pub fn parse<T: DeserializeOwned + Versioned>(text: &str) -> Result<T, ConfigError> {
    match serde_saphyr::from_str::<T>(text) {
        Ok(document) => match document.schema_version().and_then(unsupported_version::<T>) {
            Some(error) => Err(error),
            None => Ok(document),
        },
        Err(error) => {
            // Parse the version alone: an unsupported version explains other errors.
            let head: Option<Head> = serde_saphyr::from_str(text).ok();
            let unsupported =
                head.and_then(|head| unsupported_version::<T>(head.schema_version.as_ref()?));
            Err(unsupported.unwrap_or_else(|| {
                let message = error.without_snippet().to_string();
                ConfigError {
                    location: error.location(),
                    message: plain_message(&message, T::REQUIRED),
                }
            }))
        }
    }
}

#[derive(Deserialize)]
struct Head {
    schema_version: Option<Spanned<String>>,
}

fn unsupported_version<T: Versioned>(version: &Spanned<String>) -> Option<ConfigError> {
    (version.value != T::VERSION).then(|| {
        let message = format!(
            "unsupported schema_version `{}`; use {}, or a newer perfbox",
            escape(&version.value),
            T::VERSION
        );
        ConfigError::at(version, message)
    })
}

/// Rewrites a message of the parser in plain English, without its position.
fn plain_message(message: &str, required: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = match line {
        "invalid i64" => "expected a whole number",
        "invalid boolean" => "expected true or false",
        "expected string scalar" => "expected a string",
        "expected sequence start" => "expected a list, for example [a, b]",
        "expected mapping start" => "expected entries of the form `key: value`",
        "unexpected end of input" => return format!("document is empty; {required}"),
        line if line.starts_with("budget breached") => "aliases expand to too much data; use fewer",
        "recursion limit exceeded" => "nesting is too deep; use fewer levels",
        // The rest of the message addresses callers of the parser.
        line => line.split(", set DuplicateKeyPolicy").next().unwrap_or(line),
    };
    escape(line).into_owned()
}
