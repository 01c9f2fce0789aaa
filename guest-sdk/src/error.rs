use std::fmt;

use crate::bindings::types::{ErrorKind, PluginError};

/// What a plugin's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a plugin could not do what was asked of it. The host shows the message to
/// whoever runs the plugin: say what failed and what to do about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Error(PluginError);

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(PluginError { kind, message: message.into() })
    }

    /// The configuration makes no sense.
    pub fn invalid_config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidConfig, message)
    }

    /// The records or events lack something that is needed.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// Reading or writing `file` failed.
    pub fn io(file: impl AsRef<std::path::Path>, error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("`{}`: {error}", file.as_ref().display()))
    }

    /// Anything else.
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    /// What sort of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The words.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn into_wit(self) -> PluginError {
        self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::other(error.to_string())
    }
}

impl From<std::fmt::Error> for Error {
    fn from(error: std::fmt::Error) -> Self {
        Self::other(error.to_string())
    }
}
