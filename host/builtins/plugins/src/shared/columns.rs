use std::cmp::Reverse;

use perfbox_guest::{Batch, ColumnInfo, ColumnType, Error, Result};

use super::failed::Failed;
use super::wire::{Reader, Writer};

/// When a request was sent.
pub(crate) const START: &str = "request_start_ns";
/// How long it took.
pub(crate) const LATENCY: &str = "request_latency";

/// The columns of the run that have samples, and what else matters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    pub(crate) has_times: bool,
    /// `request_latency` first, the others as the run has them.
    pub(crate) sampled: Vec<Sampled>,
}

/// A column whose values are samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sampled {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) is_list: bool,
    /// Which records it stands on: true for those with an error.
    pub(crate) of_failed: bool,
}

impl Layout {
    /// The columns of numbers, or of these only those that `only` names.
    pub(crate) fn of(batch: &Batch, only: &[String], has_spans: bool) -> Result<Self> {
        let columns = batch.columns();
        for name in only {
            find_numbers(&columns, name).map_err(|error| of_parameter("only", &error))?;
        }
        let has = |name: &str, column_type: ColumnType| {
            columns.iter().any(|column| column.name == name && column.type_ == column_type)
        };
        let has_times = has_spans && has(START, ColumnType::U64) && has(LATENCY, ColumnType::F64);
        let wanted = columns.iter().filter(|column| only.is_empty() || only.contains(&column.name));
        let mut sampled: Vec<_> = wanted.filter_map(Sampled::of).collect();
        sampled.sort_by_key(|column| column.name != LATENCY);
        Ok(Self { has_times, sampled })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.bool(self.has_times);
        writer.usize(self.sampled.len());
        for column in &self.sampled {
            writer.text(&column.name);
            writer.text(&column.unit);
            writer.bool(column.is_list);
            writer.bool(column.of_failed);
        }
    }

    pub(crate) fn read(reader: &mut Reader) -> Result<Self> {
        let has_times = reader.bool()?;
        let count = reader.usize()?;
        let column = |_| {
            Ok(Sampled {
                name: reader.text()?,
                unit: reader.text()?,
                is_list: reader.bool()?,
                of_failed: reader.bool()?,
            })
        };
        Ok(Self { has_times, sampled: (0..count).map(column).collect::<Result<_>>()? })
    }
}

impl Sampled {
    /// None where the column is not one of numbers.
    pub(crate) fn of(column: &ColumnInfo) -> Option<Self> {
        let is_list = match column.type_ {
            ColumnType::F64 => false,
            ColumnType::F64List => true,
            ColumnType::U64 | ColumnType::Text => return None,
        };
        let (name, unit) = (column.name.clone(), column.unit.clone());
        Some(Self { of_failed: name.starts_with("error_"), name, unit, is_list })
    }

    /// Calls `each` with the samples of a batch, some at a time, without those of records
    /// that the column does not stand on.
    pub(crate) fn each(
        &self,
        batch: &Batch,
        failed: &Failed,
        mut each: impl FnMut(usize, &[f64]),
    ) -> Result<()> {
        let stands_on = failed.stands_on(self.of_failed);
        let is_wanted = |row: usize| stands_on[row];
        if self.is_list {
            let lists = batch.f64_lists(&self.name)?;
            let lists = lists.rows().enumerate().filter(|(row, _)| is_wanted(*row));
            lists.for_each(|(row, list)| each(row, list.unwrap_or_default()));
        } else {
            let values = batch.f64s(&self.name)?;
            let values = values.rows().enumerate().filter(|(row, _)| is_wanted(*row));
            values.for_each(|(row, value)| each(row, value.as_slice()));
        }
        Ok(())
    }
}

/// Each name once, in order.
pub(crate) fn distinct<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

/// The column of that name, which must be one of numbers.
pub(crate) fn find_numbers<'a>(columns: &'a [ColumnInfo], name: &str) -> Result<&'a ColumnInfo> {
    let numbers = [ColumnType::F64, ColumnType::F64List];
    find(columns, name, &numbers, "numbers")
}

/// The column of that name and one of these types, which are those of `sort`.
pub(crate) fn find<'a>(
    columns: &'a [ColumnInfo],
    name: &str,
    types: &[ColumnType],
    sort: &str,
) -> Result<&'a ColumnInfo> {
    let named = columns.iter().find(|column| column.name == name);
    match named {
        Some(column) if types.contains(&column.type_) => Ok(column),
        named => {
            let what = match named {
                Some(_) => format!("column `{name}` is not one of {sort}"),
                None => format!("the records have no column `{name}`"),
            };
            let fitting = columns.iter().filter(|column| types.contains(&column.type_));
            let mut names: Vec<&str> = fitting.map(|column| column.name.as_str()).collect();
            names.sort_by_cached_key(|known| (Reverse(in_common(known, name)), known.len()));
            let known = match names.is_empty() {
                true => "none".to_owned(),
                false => names.join(", "),
            };
            Err(Error::invalid_input(format!(
                "{what}; columns of {sort}, the nearest first: {known}"
            )))
        }
    }
}

/// Says which parameter named the column.
pub(crate) fn of_parameter(parameter: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("`{parameter}`: {error}"))
}

/// Letters of both names in one order, twice, less those of `known`: the larger the more
/// alike.
fn in_common(known: &str, name: &str) -> isize {
    // The longest common subsequence, row by row.
    let mut lengths = vec![0_isize; name.len() + 1];
    for a in known.bytes() {
        let mut diagonal = 0;
        for (at, b) in name.bytes().enumerate() {
            let above = lengths[at + 1];
            lengths[at + 1] = if a == b { diagonal + 1 } else { above.max(lengths[at]) };
            diagonal = above;
        }
    }
    2 * lengths[name.len()] - known.len() as isize
}

/// Which records of a batch belong where, by place.
#[derive(Debug)]
pub(crate) enum Rows {
    All(usize),
    /// One a record; none: nowhere.
    Each(Vec<Option<u32>>),
}
