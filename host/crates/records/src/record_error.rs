//! Errors of single records.

use perfbox_model::escape;

use crate::error::InputError;

/// An error at a byte of a line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordError {
    pub(crate) column: u64,
    pub(crate) message: String,
    pub(crate) scope: ErrorScope,
}

/// How much an error affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorScope {
    /// One record, which can be skipped.
    Record,
    /// One record whose text is malformed, whatever the mapping.
    Syntax,
    /// An unknown number of records; ends the reading.
    Damaged,
    /// The whole input: the mapping does not fit.
    Mapping,
}

impl RecordError {
    /// An error at a byte of the line, from 1.
    pub(crate) fn at(column: u64, message: impl Into<String>) -> Self {
        Self { column, message: message.into(), scope: ErrorScope::Record }
    }

    /// Malformed text at a byte of the line, from 1.
    pub(crate) fn syntax(column: u64, message: impl Into<String>) -> Self {
        Self { scope: ErrorScope::Syntax, ..Self::at(column, message) }
    }

    /// A line that exceeds the maximum length.
    pub(crate) fn long_line(bytes: usize) -> Self {
        let message = format!("the line is longer than {} MiB", bytes >> 20);
        Self::syntax(bytes as u64, message)
    }

    /// A damaged part of the input.
    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self { scope: ErrorScope::Damaged, ..Self::at(1, message) }
    }

    /// A mapping that does not fit the input.
    pub(crate) fn mapping(message: impl Into<String>) -> Self {
        Self { scope: ErrorScope::Mapping, ..Self::at(1, message) }
    }

    /// The error of an input that cannot be read because of this error.
    pub(crate) fn into_input_error(self, path: &str) -> InputError {
        let (path, problem) = (path.to_owned(), self.message);
        match self.scope {
            ErrorScope::Mapping => InputError::Mapping { path, problem },
            _ => InputError::Format { path, problem },
        }
    }
}

impl From<&serde_json::Error> for RecordError {
    fn from(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        Self::syntax(error.column().max(1) as u64, escape(message))
    }
}
