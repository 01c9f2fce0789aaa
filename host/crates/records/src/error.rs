//! Why recorded results cannot be read.

use std::path::PathBuf;

use perfbox_model::escape;

use crate::limits::{COLUMNS_MAX, PHASES_MAX};

/// Why an input cannot be read, or no further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The system does not let it be read.
    #[error("the input `{}` cannot be read{}", escape(path), read_hint(*bytes, source))]
    Io {
        /// The input.
        path: String,
        /// Bytes read before, decompressed.
        bytes: u64,
        /// What the system says.
        source: std::io::Error,
    },
    /// A directory without a file of records.
    #[error("the directory `{}` has no records: there is no AIPerf profile_export.jsonl in it, plain, .gz or .zst, nor another .jsonl, .ndjson, .json, .csv, .tsv, .jtl or .parquet", escape(&path.to_string_lossy()))]
    NotArtifacts {
        /// The directory.
        path: PathBuf,
    },
    /// A pattern that stands for no files.
    #[error("no input is named by `{}`: {problem}", escape(pattern))]
    Pattern {
        /// As it was given.
        pattern: String,
        /// Why not.
        problem: String,
    },
    /// A file without a record.
    #[error(
        "the input `{}` is empty: there is no record in it; has the tool written its results?",
        escape(path)
    )]
    Empty {
        /// The input.
        path: String,
    },
    /// A file of something else: not one line of it is a record.
    #[error(
        "{}:{line}:{column}: {problem}; {}",
        escape(path),
        no_records_hint(*is_mapped)
    )]
    NoRecords {
        /// The input.
        path: String,
        /// Of its first line, counted from 1.
        line: u64,
        /// In bytes, counted from 1.
        column: u64,
        /// What is wrong with that line.
        problem: String,
        /// A mapping says what is what in it, and may be what is wrong.
        is_mapped: bool,
    },
    /// A file of no format that is read, or not of the one that was given.
    #[error("{}: {problem}", escape(path))]
    Format {
        /// The input.
        path: String,
        /// What it is, and what to do.
        problem: String,
    },
    /// A mapping that does not fit the input.
    #[error("{}: {problem}", escape(path))]
    Mapping {
        /// The input.
        path: String,
        /// What does not fit, and what would.
        problem: String,
    },
    /// A part of the input cannot be read, with all of its records.
    #[error("{}: {problem}; the records before it are reported", escape(path))]
    Damaged {
        /// The input.
        path: String,
        /// Which part, and why.
        problem: String,
    },
    /// A phase was asked for that the inputs do not have.
    #[error("the input has no phase `{}`; its phases are {}", escape(phase), shown(phases))]
    UnknownPhase {
        /// What was asked for.
        phase: String,
        /// Those that the inputs have, at most 1,000 of them.
        phases: Vec<String>,
    },
    /// More phases than are outcome apart in one run.
    #[error(
        "{}: the run has more than {PHASES_MAX} phases; {}",
        escape(path),
        phases_hint(column.as_deref())
    )]
    TooManyPhases {
        /// The input that has the first one too many.
        path: String,
        /// The column that is mapped to the phase, where one is.
        column: Option<String>,
    },
    /// More columns than a run may have.
    #[error(
        "{}: the run has more than {COLUMNS_MAX} columns; give metrics names that do not differ \
         from record to record",
        escape(path)
    )]
    TooManyColumns {
        /// The input that has the first one too many.
        path: String,
    },
    /// A record that cannot be understood.
    #[error(
        "{}:{line}:{column}: {problem}; leave such records out with --skip-bad-records",
        escape(path)
    )]
    BadRecord {
        /// The input.
        path: String,
        /// Counted from 1.
        line: u64,
        /// In bytes, counted from 1.
        column: u64,
        /// What is wrong.
        problem: String,
    },
    /// A file beside the records, or the event log, that cannot be understood.
    #[error("{}:{line}:{column}: {problem}", escape(path))]
    BadFile {
        /// The file.
        path: String,
        /// Counted from 1.
        line: u64,
        /// In bytes, counted from 1.
        column: u64,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// How far it could be read; before anything was, what to look at.
fn read_hint(bytes: u64, source: &std::io::Error) -> String {
    match (bytes, source.raw_os_error()) {
        (0, Some(_)) => "; check that it is there and readable".to_owned(),
        (0, None) if source.kind() == std::io::ErrorKind::Unsupported => String::new(),
        (0, None) => "; its compressed data is damaged or breaks off".to_owned(),
        (bytes, Some(_)) => format!(" past byte {bytes}"),
        (bytes, None) => {
            format!(" past byte {bytes} of its text; its compressed data is damaged or breaks off")
        }
    }
}

/// What to look at where no line is a record.
fn no_records_hint(is_mapped: bool) -> &'static str {
    match is_mapped {
        true => {
            "the mapping fits no record of this input: `perfbox inspect` without --map shows its \
             columns"
        }
        false => {
            "no line of this input is a record: `perfbox run --help` names the tools whose \
             results are read"
        }
    }
}

/// What to do about too many phases.
fn phases_hint(column: Option<&str>) -> String {
    match column {
        Some(column) => format!(
            "the column `{}` is mapped to `phase`: map one with fewer values, map it to `name`, \
             or choose phases with --phase",
            escape(column)
        ),
        None => "choose some with --phase, or read fewer inputs at a time".to_owned(),
    }
}

/// The first of some names.
fn shown(names: &[String]) -> String {
    const SHOWN_MAX: usize = 20;
    let first = names[..names.len().min(SHOWN_MAX)].join(", ");
    match names.len() - names.len().min(SHOWN_MAX) {
        0 => escape(&first).into_owned(),
        more => format!("{}, and {more} more", escape(&first)),
    }
}
