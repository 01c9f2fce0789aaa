//! What is wrong with a line, or with more than that.

use super::InputError;
use perfbox_model::escape;

/// What is wrong, and at which byte of the line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) column: u64,
    pub(super) words: String,
    pub(super) reach: Reach,
}

/// How much is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// One record, which can be left out; of an input's start, that input.
    Record,
    /// The same, of a text that is no record whatever its fields mean.
    Text,
    /// Records are lost, nobody knows which: the reading ends here.
    Damage,
    /// What the user says of the input does not fit it.
    Mapping,
}

impl Problem {
    /// At a byte of the line, from 1.
    pub(super) fn at(column: u64, words: impl Into<String>) -> Self {
        Self { column, words: words.into(), reach: Reach::Record }
    }

    /// At a byte of a line that is no record whatever its fields mean.
    pub(super) fn of_text(column: u64, words: impl Into<String>) -> Self {
        Self { reach: Reach::Text, ..Self::at(column, words) }
    }

    /// A line of which not even that much is read.
    pub(super) fn long_line(bytes: usize) -> Self {
        let words = format!("the line is longer than {} MiB", bytes >> 20);
        Self::of_text(bytes as u64, words)
    }

    /// A part of the input that cannot be read, with all of its records.
    pub(super) fn damage(words: impl Into<String>) -> Self {
        Self { reach: Reach::Damage, ..Self::at(1, words) }
    }

    /// A mapping that does not fit the input.
    pub(super) fn of_mapping(words: impl Into<String>) -> Self {
        Self { reach: Reach::Mapping, ..Self::at(1, words) }
    }

    /// Why an input is not read at all, when its start has this problem.
    pub(super) fn of_input(self, path: &str) -> InputError {
        let (path, problem) = (path.to_owned(), self.words);
        match self.reach {
            Reach::Mapping => InputError::Mapping { path, problem },
            _ => InputError::Format { path, problem },
        }
    }
}

impl From<&serde_json::Error> for Problem {
    fn from(error: &serde_json::Error) -> Self {
        let words = error.to_string();
        let words = words.split(" at line ").next().unwrap_or_default();
        Self::of_text(error.column().max(1) as u64, escape(words))
    }
}
