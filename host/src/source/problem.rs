//! What is wrong with a line.

use crate::escape;

/// What is wrong with a line, and at which of its bytes, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) column: u64,
    pub(super) words: String,
    /// It has a column that was not seen when the input was looked through.
    pub(super) is_new_column: bool,
}

impl Problem {
    /// At a byte of the line, from 1.
    pub(super) fn at(column: u64, words: impl Into<String>) -> Self {
        Self { column, words: words.into(), is_new_column: false }
    }

    /// A line of which not even that much is read.
    pub(super) fn long_line(bytes: usize) -> Self {
        let words = format!("the line is longer than {} MiB", bytes >> 20);
        Self::at(bytes as u64, words)
    }

    /// A metric that came up late; its name is escaped already.
    pub(super) fn new_column(name: &str) -> Self {
        let words = format!(
            "metric `{name}` came up after the input had been looked through; is it still \
             written to?"
        );
        Self { is_new_column: true, ..Self::at(1, words) }
    }
}

impl From<&serde_json::Error> for Problem {
    fn from(error: &serde_json::Error) -> Self {
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or_default();
        Self::at(error.column().max(1) as u64, escape(words))
    }
}
