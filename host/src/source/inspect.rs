//! What an input is, without any plugin.

use super::csv::header_of;
use super::format::{Format, Given, mapped, reader_of};
use super::input::Input;
use super::suggest::{columns_of, suggest};
use super::tools_csv::is_locust_totals;
use super::{Item, Mapping, Recorded, RecordedOptions, Source as _, SourceError, parquet};
use crate::batch::ColumnInfo;
use crate::stop::Stop;

/// Records that are counted at most.
const RECORDS_MAX: u64 = 1_000_000;

/// What an input is.
#[derive(Debug)]
pub struct Inspection {
    /// Its format.
    pub format: Format,
    /// What is in it, where that is known.
    pub contents: Contents,
}

/// What is in an input.
#[derive(Debug)]
pub enum Contents {
    /// Records.
    Records {
        /// The columns of a run over it.
        columns: Vec<ColumnInfo>,
        /// Its phases with their records, up to a million in all.
        phases: Vec<(String, u64)>,
        /// There are no more.
        is_whole: bool,
        /// Lines that are no records among them.
        bad_records: u64,
    },
    /// Columns of which nobody has said what they are.
    Unmapped {
        /// Their names, each with a value.
        columns: Vec<(String, String)>,
        /// What they may be.
        mapping: Mapping,
    },
}

/// Looks at an input as a run would read it.
///
/// # Errors
/// When it cannot be read.
pub fn inspect(name: &str, options: RecordedOptions) -> Result<Inspection, SourceError> {
    let input = Input::open(name, &Stop::default())?;
    let failed = |source| SourceError::Io { path: name.to_owned(), bytes: 0, source };
    let start = input.start(super::recorded::BLOCK_BYTES).map_err(failed)?;
    let given = Given { format: options.input_format, mapping: options.mapping.clone() };
    let format = options.input_format.unwrap_or_else(|| mapped(&start));
    let is_unmapped = given.mapping.fields.is_empty()
        && format.is_mapped()
        && !is_locust_totals(&start)
        && (options.input_format.is_some() || reader_of(&start, &input, &given).is_err());
    let has_columns = || format != Format::Csv || header_of(&start).is_some();
    if is_unmapped && has_columns() {
        let columns = match format {
            Format::Parquet => parquet::columns_of(input.file().map_err(failed)?)
                .map_err(|problem| problem.of_input(name))?,
            format => columns_of(&start, format == Format::Jsonl),
        };
        let mapping = suggest(&columns);
        return Ok(Inspection { format, contents: Contents::Unmapped { columns, mapping } });
    }
    let options = RecordedOptions { skip_bad_records: true, look_through: true, ..options };
    let source = Recorded::open(&[name.to_owned()], options)?;
    let format = source.format_of(0);
    let mut phases: Vec<(String, u64)> = Vec::new();
    let (mut records, mut is_whole) = (0, true);
    for item in source.items() {
        let Item::Batch(batch) = item else { continue };
        if records >= RECORDS_MAX {
            is_whole = false;
            break;
        }
        let len = batch.len() as u64;
        records += len;
        match phases.iter_mut().find(|(name, _)| *name == batch.phase().name) {
            Some((_, count)) => *count += len,
            None => phases.push((batch.phase().name.clone(), len)),
        }
    }
    let columns = source.columns().to_vec();
    let end = source.end();
    if let Some(error) = end.error {
        return Err(error);
    }
    let bad_records = end.inputs.iter().map(|input| input.bad_records).sum();
    Ok(Inspection {
        format,
        contents: Contents::Records { columns, phases, is_whole, bad_records },
    })
}
