//! Inputs opened, and their starts scanned for columns.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use super::collected::Collected;
use super::{BAD_RECORD_REASONS_MAX, BLOCK_BYTES, OpenInput, Recorded, RecordedOptions};
use crate::InputError;
use crate::columns::Survey;
use crate::format::{Given, reader_of};
use crate::input::Input;
use crate::mapping::Mapping;
use crate::problem::{Problem, Reach};
use crate::readers::aiperf::PhaseManifest;
use crate::rows::ReadOptions;
use perfbox_model::escape;
use perfbox_model::report::InputReport;

impl Recorded {
    /// Opens the inputs and finds the columns of the run: files, AIPerf artifact
    /// directories, or `-` for standard input.
    ///
    /// # Errors
    /// When an input cannot be opened, has no records, or a manifest beside it cannot be
    /// understood.
    pub fn open(names: &[String], options: RecordedOptions) -> Result<Self, InputError> {
        let cancel = options.cancel.clone();
        let opened = names.iter().map(|name| {
            tracing::debug!("reading {}", escape(name));
            Input::open(name, &cancel)
        });
        Self::of(opened, options)
    }

    /// As [`open`](Self::open), of inputs that are opened one after the other.
    pub(crate) fn of(
        opened: impl Iterator<Item = Result<Input, InputError>>,
        options: RecordedOptions,
    ) -> Result<Self, InputError> {
        let mut inputs = Vec::new();
        let mut buffers = Vec::new();
        let mut survey = Survey::default();
        let given = Given { format: options.input_format, mapping: options.mapping.clone() };
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
            let reader =
                reader_of(&start, &input, &given).map_err(|problem| problem.of_input(name))?;
            let open = OpenInput { input, manifest, reader };
            buffers = vec![scan_start(&open, &options, &mut survey, start)?];
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
        let collected = Collected::new(reports, options.one_run);
        let read_options = ReadOptions {
            phases: options.phases.clone(),
            batch_records: options.batch_records,
            skip_bad_records: options.skip_bad_records,
            bad_max: BAD_RECORD_REASONS_MAX,
            cancel: options.cancel.clone(),
        };
        Ok(Self {
            options,
            read_options,
            columns: Arc::new(survey.columns()),
            inputs,
            reading: Mutex::default(),
            collected: Mutex::new(collected),
            is_stopped: AtomicBool::new(false),
            bytes_read: AtomicU64::new(0),
            buffers: Mutex::new(buffers),
        })
    }
}

/// Finds columns and phases in the blocks up to the first that has a record. Text is read
/// into `buffer`, which is given back.
fn scan_start(
    open: &OpenInput,
    options: &RecordedOptions,
    survey: &mut Survey,
    mut buffer: Vec<u8>,
) -> Result<Vec<u8>, InputError> {
    let OpenInput { input, reader, .. } = open;
    let path = || input.name.clone();
    let failed = |source| InputError::Io { path: path(), bytes: 0, source };
    let mut blocks = input.blocks(reader.cut()).map_err(failed)?;
    let (mut lines_before, mut good, mut first_bad) = (0, false, None);
    while !options.cancel.is_cancelled() && !good {
        let block = match blocks.next_block(options.block_bytes_max(), std::mem::take(&mut buffer))
        {
            Ok(Some(block)) => block,
            Ok(None) => break,
            // A file that breaks off later is read as far as it goes.
            Err(_) if lines_before > 0 => break,
            Err(error) => return Err(failed(error)),
        };
        let seen = reader.survey(&block, survey);
        good |= seen.has_records;
        if let Some((number, problem)) = seen.first_bad {
            first_bad.get_or_insert((lines_before + number + 1, problem));
        }
        lines_before += seen.lines;
        buffer = block.text;
        // Of those that are not asked for there may be any number.
        if options.phases.is_empty() && survey.has_too_many_phases() {
            return Err(too_many_phases(open, &options.mapping));
        }
        if survey.has_too_many_columns() {
            return Err(InputError::TooManyColumns { path: path() });
        }
    }
    match first_bad {
        _ if good || options.cancel.is_cancelled() => Ok(buffer),
        None => Err(InputError::Empty { path: path() }),
        Some((line, Problem { column, words, reach })) => Err(InputError::NoRecords {
            path: path(),
            line,
            column,
            problem: words,
            is_mapped: reader.format().is_mapped() && reach != Reach::Text,
        }),
    }
}

/// The error of an input with more phases than a run may have.
pub(super) fn too_many_phases(open: &OpenInput, mapping: &Mapping) -> InputError {
    let mapped = mapping.fields.iter().find(|(field, _)| field == "phase");
    let mapped = mapped.filter(|_| open.reader.format().is_mapped());
    InputError::TooManyPhases {
        path: open.input.name.clone(),
        column: mapped.map(|(_, mapped)| mapped.column.clone()),
    }
}
