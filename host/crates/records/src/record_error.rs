//! What is wrong with a line, or with more than that.

use perfbox_model::escape;

use crate::error::InputError;

/// What is wrong, and at which byte of the line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordError {
    pub(crate) column: u64,
    pub(crate) message: String,
    pub(crate) scope: ErrorScope,
}

/// How much is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorScope {
    /// One record, which can be left out; of an input's start, that input.
    Record,
    /// The same, of a text that is no record whatever its fields mean.
    Syntax,
    /// Records are lost, nobody knows which: the reading ends here.
    Damaged,
    /// What the user says of the input does not fit it.
    Mapping,
}

impl RecordError {
    /// At a byte of the line, from 1.
    pub(crate) fn at(column: u64, message: impl Into<String>) -> Self {
        Self { column, message: message.into(), scope: ErrorScope::Record }
    }

    /// At a byte of a line that is no record whatever its fields mean.
    pub(crate) fn syntax(column: u64, message: impl Into<String>) -> Self {
        Self { scope: ErrorScope::Syntax, ..Self::at(column, message) }
    }

    /// A line of which not even that much is read.
    pub(crate) fn long_line(bytes: usize) -> Self {
        let message = format!("the line is longer than {} MiB", bytes >> 20);
        Self::syntax(bytes as u64, message)
    }

    /// A part of the input that cannot be read, with all of its records.
    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self { scope: ErrorScope::Damaged, ..Self::at(1, message) }
    }

    /// A mapping that does not fit the input.
    pub(crate) fn mapping(message: impl Into<String>) -> Self {
        Self { scope: ErrorScope::Mapping, ..Self::at(1, message) }
    }

    /// Why an input is not read at all, when its start has this problem.
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
