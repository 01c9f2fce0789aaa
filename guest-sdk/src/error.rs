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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_failed_is_named() {
        let cause = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = Error::io("out/events.log", &cause);
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(error.to_string(), format!("`out/events.log`: {cause}"));
    }

    #[test]
    fn errors_of_libraries_keep_their_words() {
        fn write() -> Result<()> {
            Err(std::io::Error::other("disk full"))?
        }
        fn parse() -> Result<u64> {
            Ok(serde_json::from_str("[")?)
        }
        fn format() -> Result<()> {
            Err(fmt::Error)?
        }
        assert_eq!(write(), Err(Error::new(ErrorKind::Io, "disk full")));
        let words = serde_json::from_str::<u64>("[").unwrap_err().to_string();
        assert_eq!(parse(), Err(Error::other(words)));
        assert_eq!(format(), Err(Error::other(fmt::Error.to_string())));
    }

    #[test]
    fn the_host_gets_kind_and_message() {
        for (error, kind) in [
            (Error::invalid_config("why"), ErrorKind::InvalidConfig),
            (Error::invalid_input("why"), ErrorKind::InvalidInput),
            (Error::other("why"), ErrorKind::Other),
        ] {
            assert_eq!(error.into_wit(), PluginError { kind, message: "why".to_owned() });
        }
    }
}
