//! The columns of an input that does not say what they are, with some of their values.

use std::fs::File;

use crate::input::Block;
use crate::readers::csv::Csv;
use crate::readers::jsonl::{PATHS_MAX, paths_of};
use crate::readers::parquet;
use crate::record_error::RecordError;

/// Records that are looked at.
const RECORDS_MAX: usize = 1000;

/// Different values that are kept of a column.
const VALUES_MAX: usize = 16;

/// A column, and what stands in it.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    pub(super) name: String,
    /// Its type, in Parquet.
    pub(super) kind: Option<String>,
    /// The first different ones that are not empty.
    pub(super) values: Vec<String>,
}

impl Sampled {
    fn add(&mut self, value: &str) {
        let is_new = !value.is_empty() && self.values.iter().all(|known| known != value);
        if is_new && self.values.len() < VALUES_MAX {
            self.values.push(value.to_owned());
        }
    }

    /// What tells most of it: its type, else a value.
    pub(super) fn shown(&self) -> &str {
        let value = self.values.first().map(String::as_str);
        self.kind.as_deref().or(value).unwrap_or_default()
    }
}

/// The columns of CSV that begins with `start`.
pub(super) fn of_csv(start: &[u8]) -> Vec<Sampled> {
    let Some((csv, names)) = Csv::with_header(start) else { return Vec::new() };
    let mut columns: Vec<_> =
        names.into_iter().map(|name| Sampled { name, ..Sampled::default() }).collect();
    let mut rows = 0;
    csv.each(&Block { text: start.to_vec(), ..Block::default() }, |_, fields, text| {
        let Ok(fields) = fields else { return true };
        rows += 1;
        // Behind the first rows, only what there was no value of.
        let is_asked = |column: &Sampled| rows <= RECORDS_MAX || column.values.is_empty();
        for (at, column) in columns.iter_mut().enumerate().filter(|(_, one)| is_asked(one)) {
            column.add(fields.get(text, at));
        }
        rows < RECORDS_MAX || columns.iter().any(|column| column.values.is_empty())
    });
    columns
}

/// The paths to scalars of JSON lines that begin with `start`.
pub(super) fn of_jsonl(start: &[u8]) -> Vec<Sampled> {
    let mut columns: Vec<Sampled> = Vec::new();
    for line in start.split(|byte| *byte == b'\n').take(RECORDS_MAX) {
        for (name, value) in paths_of(line) {
            let value = match value {
                serde_json::Value::String(text) => text,
                other => other.to_string(),
            };
            let known = columns.iter().position(|column| column.name == name);
            let at = known.unwrap_or(columns.len());
            if at == columns.len() && at < PATHS_MAX {
                columns.push(Sampled { name, ..Sampled::default() });
            }
            if let Some(column) = columns.get_mut(at) {
                column.add(&value);
            }
        }
    }
    columns
}

/// The columns of Parquet; of one that cannot be decoded, without values.
///
/// # Errors
/// When its metadata cannot be read.
pub(super) fn of_parquet(file: File) -> Result<Vec<Sampled>, RecordError> {
    let mut values: Vec<Sampled> = Vec::new();
    let columns = parquet::sample(file, RECORDS_MAX, |at, value| {
        if values.len() <= at {
            values.resize_with(at + 1, Sampled::default);
        }
        values[at].add(value);
    })?;
    values.resize_with(columns.len(), Sampled::default);
    let named = columns.into_iter().zip(values);
    Ok(named.map(|((name, kind), of)| Sampled { name, kind: Some(kind), ..of }).collect())
}
