//! JSON lines of any tool, read by a mapping: one object a line. A path of names joined by dots
//! names a nested value.

mod paths;

use paths::{Paths, Scalars};
use perfbox_model::escape;
use serde_json::Value;

use crate::batch_builder::{BatchBuilder, DEFAULT_PHASE, PhaseKey};
use crate::format::Format;
use crate::input::Block;
use crate::lines::{Lines, read_lines, scan_lines};
use crate::mapping::bind::{WantedField, add_metric_columns, bind};
use crate::mapping::definition::Mapping;
use crate::mapping::request_fields::RequestFields;
use crate::mapping::role::BoundField;
use crate::number::is_missing;
use crate::reader::{BlockScan, Reader};
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;

/// Number of lines that are scanned for paths.
const LINES_FOR_PATHS: usize = 1000;

/// Maximum of paths in an input.
pub(crate) const PATHS_MAX: usize = 1024;

/// Reads JSON lines.
pub(crate) struct Jsonl {
    bound: Vec<BoundField>,
}

impl Jsonl {
    /// JSON lines, mapped.
    ///
    /// # Errors
    /// When the first line is not JSON, or the mapping does not fit.
    pub(crate) fn mapped(start: &[u8], mapping: &Mapping) -> Result<Self, RecordError> {
        let paths: Vec<_> = paths_of(start).into_iter().map(|(path, _)| path).collect();
        let first = start.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
        if paths.is_empty()
            && let Err(error) = serde_json::from_slice::<Value>(first.unwrap_or_default())
        {
            let message = RecordError::from(&error).message;
            return Err(RecordError::at(
                1,
                format!(
                    "the first line is not a JSON object: {message}; for CSV, use --input-format \
                        csv"
                ),
            ));
        }
        Ok(Self { bound: bind(mapping, &paths)? })
    }
}

/// Paths to the scalars of the first lines, each with its first value.
pub(crate) fn paths_of(start: &[u8]) -> Vec<(String, Value)> {
    let block = Block { text: start.to_vec(), ..Block::default() };
    let mut lines = Lines::new(&block);
    let mut paths: Vec<(String, Value)> = Vec::new();
    for _ in 0..LINES_FOR_PATHS {
        if lines.at().is_none() {
            break;
        }
        if let Ok(value) = serde_json::from_slice(lines.next_line().1) {
            add_paths(String::new(), &value, &mut paths);
        }
    }
    paths
}

fn add_paths(path: String, value: &Value, paths: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                add_paths(below, value, paths);
            }
        }
        Value::Array(_) | Value::Null => {}
        scalar => {
            if paths.len() < PATHS_MAX && paths.iter().all(|(known, _)| *known != path) {
                paths.push((path, scalar.clone()));
            }
        }
    }
}

/// Fields to read, and their paths.
struct Taken<'b> {
    fields: Vec<WantedField<'b>>,
    /// Path of each field.
    paths: Paths,
}

impl<'b> Taken<'b> {
    fn new(fields: impl Iterator<Item = WantedField<'b>>) -> Self {
        let fields: Vec<_> = fields.collect();
        let paths = Paths::new(fields.iter().map(|one| &*one.bound.name));
        Self { fields, paths }
    }

    /// Fields of a line's request, and the numbers of its metrics.
    fn read<'v>(
        &self,
        scalars: &'v Scalars<'_>,
        metrics: &mut Vec<(usize, f64)>,
    ) -> Result<RequestFields<'v>, RecordError> {
        let mut request = RequestFields::default();
        metrics.clear();
        for (one, text) in self.fields.iter().zip(scalars) {
            if !is_missing(text) {
                one.take(text, &mut request, metrics).map_err(|message| {
                    RecordError::at(1, format!("`{}`: {message}", escape(&one.bound.name)))
                })?;
            }
        }
        Ok(request)
    }
}

impl Reader for Jsonl {
    fn format(&self) -> Format {
        Format::Jsonl
    }

    fn split_rule(&self) -> SplitRule {
        SplitRule::Lines
    }

    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan {
        add_metric_columns(&self.bound, schema);
        let taken = Taken::new(self.bound.iter().filter_map(WantedField::unless_metric));
        let mut metrics = Vec::new();
        scan_lines(block, |line| {
            let scalars = taken.paths.read(line)?;
            let request = taken.read(&scalars, &mut metrics)?;
            schema.add_phase(request.phase().unwrap_or(DEFAULT_PHASE));
            Ok(())
        })
    }

    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>) {
        let columns = builder.columns();
        let wanted = self.bound.iter().filter_map(|one| WantedField::new(one, &columns));
        let taken = Taken::new(wanted);
        let mut phase = PhaseKey::named(DEFAULT_PHASE);
        let mut metrics = Vec::new();
        read_lines(block, builder, |line, builder| {
            let scalars = taken.paths.read(line)?;
            let request = taken.read(&scalars, &mut metrics)?;
            request
                .put(builder, &mut phase, metrics.drain(..))
                .map_err(|message| RecordError::at(1, message))
        });
    }
}
