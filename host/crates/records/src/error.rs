//! Errors of recorded results.

use std::path::PathBuf;

use perfbox_model::escape;

use crate::limits::{COLUMNS_MAX, PHASES_MAX};

/// Error that keeps an input from being read, or ends its reading early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The operating system refuses the read, or the compressed data is damaged.
    #[error("cannot read input `{}`{}", escape(path), read_hint(*bytes, source))]
    Io {
        /// Path of the input.
        path: String,
        /// Bytes read before, decompressed.
        bytes: u64,
        /// Error of the operating system or decompressor.
        source: std::io::Error,
    },
    /// The directory has no file of records.
    #[error("directory `{}` has no records: it contains no AIPerf profile_export.jsonl and no \
        other .jsonl, .ndjson, .json, .csv, .tsv, .jtl or .parquet file, plain, .gz or .zst", escape(&path.to_string_lossy()))]
    NotArtifacts {
        /// Path of the directory.
        path: PathBuf,
    },
    /// The pattern matches no file.
    #[error("cannot expand pattern `{}`: {problem}", escape(pattern))]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Reason.
        problem: String,
    },
    /// The input has no record.
    #[error("input `{}` is empty; check that the tool has written its results", escape(path))]
    Empty {
        /// Path of the input.
        path: String,
    },
    /// No line of the input is a record.
    #[error(
        "{}:{line}:{column}: {problem}; {}",
        escape(path),
        no_records_hint(*is_mapped)
    )]
    NoRecords {
        /// Path of the input.
        path: String,
        /// First bad line, from 1.
        line: u64,
        /// Byte in the line, from 1.
        column: u64,
        /// Problem with that line.
        problem: String,
        /// The input is read by a mapping, which may be wrong.
        is_mapped: bool,
    },
    /// The format is unknown, or not the chosen one.
    #[error("{}: {problem}", escape(path))]
    Format {
        /// Path of the input.
        path: String,
        /// Problem and next step.
        problem: String,
    },
    /// The mapping does not fit the input.
    #[error("{}: {problem}", escape(path))]
    Mapping {
        /// Path of the input.
        path: String,
        /// Problem and next step.
        problem: String,
    },
    /// A part of the input is damaged.
    #[error("{}: {problem}; the records before it are reported", escape(path))]
    Damaged {
        /// Path of the input.
        path: String,
        /// The part and its problem.
        problem: String,
    },
    /// No record belongs to a selected phase.
    #[error("the input has no phase `{}`; its phases are {}", escape(phase), shown(phases))]
    UnknownPhase {
        /// The selected phase.
        phase: String,
        /// Phases of the inputs, at most 1,000.
        phases: Vec<String>,
    },
    /// The run has too many phases.
    #[error(
        "{}: the run has more than {PHASES_MAX} phases; {}",
        escape(path),
        phases_hint(column.as_deref())
    )]
    TooManyPhases {
        /// Path of the input with the first phase too many.
        path: String,
        /// Column that is mapped to `phase`, if any.
        column: Option<String>,
    },
    /// The run has too many columns.
    #[error(
        "{}: the run has more than {COLUMNS_MAX} columns; give metrics the same names in all \
            records",
        escape(path)
    )]
    TooManyColumns {
        /// Path of the input with the first column too many.
        path: String,
    },
    /// A record is bad.
    #[error(
        "{}:{line}:{column}: {problem}; skip bad records with --skip-bad-records",
        escape(path)
    )]
    BadRecord {
        /// Path of the input.
        path: String,
        /// Line, from 1.
        line: u64,
        /// Byte in the line, from 1.
        column: u64,
        /// Problem with the record.
        problem: String,
    },
    /// A manifest or event log is bad.
    #[error("{}:{line}:{column}: {problem}", escape(path))]
    BadFile {
        /// Path of the file.
        path: String,
        /// Line, from 1.
        line: u64,
        /// Byte in the line, from 1.
        column: u64,
        /// Problem and what is expected.
        problem: String,
    },
}

/// Position of the failed read, or the next step if nothing was read.
fn read_hint(bytes: u64, source: &std::io::Error) -> String {
    match (bytes, source.raw_os_error()) {
        (0, Some(_)) => "; check that it exists and is readable".to_owned(),
        (0, None) if source.kind() == std::io::ErrorKind::Unsupported => String::new(),
        (0, None) => "; its compressed data is damaged or truncated".to_owned(),
        (bytes, Some(_)) => format!(" past byte {bytes}"),
        (bytes, None) => {
            format!(" past byte {bytes} of its text; its compressed data is damaged or truncated")
        }
    }
}

/// Next step if no line is a record.
fn no_records_hint(is_mapped: bool) -> &'static str {
    match is_mapped {
        true => {
            "the mapping fits no record of this input; run `perfbox inspect` without --map to \
                see its columns"
        }
        false => {
            "no line of this input is a record; see `perfbox run --help` for the supported tools"
        }
    }
}

/// Next step if there are too many phases.
fn phases_hint(column: Option<&str>) -> String {
    match column {
        Some(column) => format!(
            "column `{}` is mapped to `phase`: map a column with fewer values, map it to `name`, \
                or select phases with --phase",
            escape(column)
        ),
        None => "select phases with --phase, or read fewer inputs at a time".to_owned(),
    }
}

/// Lists the first of the names.
fn shown(names: &[String]) -> String {
    const SHOWN_MAX: usize = 20;
    let first = names[..names.len().min(SHOWN_MAX)].join(", ");
    match names.len() - names.len().min(SHOWN_MAX) {
        0 => escape(&first).into_owned(),
        more => format!("{}, and {more} more", escape(&first)),
    }
}
