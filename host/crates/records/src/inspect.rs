//! Describes an input without running plugins.

mod sample;
mod suggest;

use std::collections::HashSet;

use perfbox_model::batch::ColumnInfo;
use perfbox_model::cancel::CancelToken;
use perfbox_model::source::{Item, Source as _};

use self::suggest::suggest;
use crate::detect::{Detected, FormatChoice, detect_format, has_header};
use crate::error::InputError;
use crate::format::Format;
use crate::input::Input;
use crate::mapping::definition::Mapping;
use crate::record_error::RecordError;
use crate::source::options::{BLOCK_BYTES, RecordedOptions};
use crate::source::recorded::RecordedSource;

/// Maximum of records to count.
const RECORDS_MAX: u64 = 1_000_000;

/// Description of an input.
#[derive(Debug)]
pub struct Inspection {
    /// Format of the input.
    pub format: Format,
    /// Contents of the input.
    pub contents: Contents,
}

/// Contents of an input.
#[derive(Debug)]
pub enum Contents {
    /// Records that a run would read.
    Records {
        /// Columns of the records counted.
        columns: Vec<ColumnInfo>,
        /// Phases with their numbers of records, at most a million in all.
        phases: Vec<(String, u64)>,
        /// All records were counted.
        is_whole: bool,
        /// Number of bad records among them.
        bad_records: u64,
    },
    /// CSV without a header.
    NoHeader,
    /// Columns without a mapping.
    Unmapped {
        /// Names of the columns, each with a value or, in Parquet, its type.
        columns: Vec<(String, String)>,
        /// Suggested mapping.
        mapping: Mapping,
    },
}

/// Describes an input as a run would read it.
///
/// # Errors
/// When the input cannot be read.
pub fn inspect(name: &str, options: RecordedOptions) -> Result<Inspection, InputError> {
    let input = Input::open(name, &CancelToken::default())?;
    let failed = |source| InputError::Io { path: name.to_owned(), bytes: 0, source };
    let start = input.start(BLOCK_BYTES).map_err(failed)?;
    let given = FormatChoice { format: options.input_format, mapping: options.mapping.clone() };
    let of_input = |problem: RecordError| problem.into_input_error(name);
    Ok(match detect_format(&start, &input, &given).map_err(of_input)? {
        Detected::Readable(_) => return records_of(input, options),
        Detected::Unmapped(Format::Csv) if !has_header(&start) => {
            Inspection { format: Format::Csv, contents: Contents::NoHeader }
        }
        Detected::Unmapped(format) => {
            let columns = match format {
                Format::Parquet => {
                    sample::of_parquet(input.file().map_err(failed)?).map_err(of_input)?
                }
                Format::Jsonl => sample::of_jsonl(&start),
                _ => sample::of_csv(&start),
            };
            let mapping = suggest(&columns);
            let shown = columns.iter().map(|one| (one.name.clone(), one.shown().to_owned()));
            let columns = shown.collect();
            Inspection { format, contents: Contents::Unmapped { columns, mapping } }
        }
    })
}

fn records_of(input: Input, options: RecordedOptions) -> Result<Inspection, InputError> {
    let options = RecordedOptions { skip_bad_records: true, ..options };
    let source = RecordedSource::from_inputs(std::iter::once(Ok(input)), options)?;
    let format = source.format_of(0);
    let mut columns = source.columns().to_vec();
    let mut names: HashSet<_> = columns.iter().map(|column| column.name.clone()).collect();
    let mut phases: Vec<(String, u64)> = Vec::new();
    let (mut records, mut is_whole) = (0, true);
    for item in source.items() {
        let Item::Batch(batch) = item else { continue };
        if records >= RECORDS_MAX {
            is_whole = false;
            break;
        }
        let late = batch.infos().iter().skip(source.columns().len());
        columns.extend(late.filter(|info| names.insert(info.name.clone())).cloned());
        let len = batch.len() as u64;
        records += len;
        match phases.iter_mut().find(|(name, _)| *name == batch.phase().name) {
            Some((_, count)) => *count += len,
            None => phases.push((batch.phase().name.clone(), len)),
        }
    }
    if let Some(error) = source.take_error() {
        return Err(error);
    }
    let end = source.end();
    let bad_records = end.inputs.iter().map(|input| input.bad_records).sum();
    Ok(Inspection {
        format,
        contents: Contents::Records { columns, phases, is_whole, bad_records },
    })
}
