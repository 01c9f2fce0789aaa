//! Opens inputs and scans the start of each for its columns.

use perfbox_model::escape;
use perfbox_model::report::InputReport;

use super::open_input::OpenInput;
use super::options::{BLOCK_BYTES, RecordedOptions};
use super::recorded::RecordedSource;
use crate::detect::{FormatChoice, reader_for};
use crate::error::InputError;
use crate::input::Input;
use crate::readers::aiperf::manifest::PhaseManifest;
use crate::record_error::{ErrorScope, RecordError};
use crate::schema_scan::SchemaScan;

impl RecordedSource {
    /// Opens inputs and scans the start of each for columns. An input is a file, an AIPerf
    /// artifact directory, or `-` for standard input.
    ///
    /// # Errors
    /// When an input cannot be opened, has no records, or lies beside an unreadable manifest.
    pub fn open(names: &[String], options: RecordedOptions) -> Result<Self, InputError> {
        let cancel = options.cancel.clone();
        let inputs = names.iter().map(|name| {
            tracing::debug!("reading {}", escape(name));
            Input::open(name, &cancel)
        });
        Self::from_inputs(inputs, options)
    }

    /// Same as [`open`](Self::open), for inputs that are opened one after the other.
    pub(crate) fn from_inputs(
        opened: impl Iterator<Item = Result<Input, InputError>>,
        options: RecordedOptions,
    ) -> Result<Self, InputError> {
        let mut inputs = Vec::new();
        let mut buffer = Vec::new();
        let mut schema = SchemaScan::default();
        let choice =
            FormatChoice { format: options.input_format, mapping: options.mapping.clone() };
        for input in opened {
            let input = input?;
            let name = &input.name;
            let manifest = match &input.dir {
                Some(dir) => PhaseManifest::read(dir)?,
                None => None,
            };
            let start = input.start(BLOCK_BYTES);
            let start =
                start.map_err(|source| InputError::Io { path: name.clone(), bytes: 0, source })?;
            let reader = reader_for(&start, &input, &choice)
                .map_err(|problem| problem.into_input_error(name))?;
            let open = OpenInput { input, manifest, reader };
            buffer = scan_start(&open, &options, &mut schema, start)?;
            inputs.push(open);
        }
        let report = |open: &OpenInput| InputReport {
            path: open.input.name.clone(),
            format: open.reader.format().name(),
            records: 0,
            bad_records: 0,
            bytes: 0,
            bad_record_reasons: Vec::new(),
        };
        let reports = inputs.iter().map(report).collect();
        Ok(Self::new(options, schema.columns(), inputs, reports, buffer))
    }
}

/// Scans the blocks up to the first that has a record. Reads them into `buffer` and returns
/// the buffer.
fn scan_start(
    open: &OpenInput,
    options: &RecordedOptions,
    schema: &mut SchemaScan,
    mut buffer: Vec<u8>,
) -> Result<Vec<u8>, InputError> {
    let OpenInput { input, reader, .. } = open;
    let path = || input.name.clone();
    let failed = |source| InputError::Io { path: path(), bytes: 0, source };
    let mut blocks = input.blocks(reader.split_rule()).map_err(failed)?;
    let (mut lines_before, mut has_records, mut first_bad) = (0, false, None);
    while !options.cancel.is_cancelled() && !has_records {
        let block = match blocks.next_block(options.block_bytes_max(), std::mem::take(&mut buffer))
        {
            Ok(Some(block)) => block,
            Ok(None) => break,
            // A file that breaks off later is read up to there.
            Err(_) if lines_before > 0 => break,
            Err(error) => return Err(failed(error)),
        };
        let scan = reader.scan_schema(&block, schema);
        has_records |= scan.has_records;
        if let Some((line, problem)) = scan.first_bad {
            first_bad.get_or_insert((lines_before + line + 1, problem));
        }
        lines_before += scan.lines;
        buffer = block.text;
        // Phases that are not selected have no limit.
        if options.phases.is_empty() && schema.has_too_many_phases() {
            return Err(open.too_many_phases(&options.mapping));
        }
        if schema.has_too_many_columns() {
            return Err(InputError::TooManyColumns { path: path() });
        }
    }
    match first_bad {
        _ if has_records || options.cancel.is_cancelled() => Ok(buffer),
        None => Err(InputError::Empty { path: path() }),
        Some((line, RecordError { column, message, scope })) => Err(InputError::NoRecords {
            path: path(),
            line,
            column,
            problem: message,
            is_mapped: reader.format().is_mapped() && scope != ErrorScope::Syntax,
        }),
    }
}
