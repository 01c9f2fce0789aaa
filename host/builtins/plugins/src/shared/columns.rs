use perfbox_guest::{Batch, ColumnInfo, ColumnType, Error, Result};

use super::failed::Failed;
use super::wire::{Reader, Writer, unreadable};

/// When a request was sent.
pub(crate) const START: &str = "request_start_ns";
/// How long it took.
pub(crate) const LATENCY: &str = "request_latency";

/// The columns that have samples, as far as an instance has met them. Columns may come up
/// with any batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Layout {
    /// In the order in which they came up: cells have their series in that order.
    pub(crate) sampled: Vec<Sampled>,
    /// The columns that every batch begins with, as indices into `sampled`; none before the
    /// first batch.
    prefix: Option<Vec<usize>>,
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
    /// Adds the columns of numbers of a batch, or of these only those that `only` names.
    pub(crate) fn add(&mut self, batch: &Batch, only: &[String]) -> Result<()> {
        for name in only {
            find_numbers(batch, name).map_err(|error| of_parameter("only", &error))?;
        }
        let wanted =
            batch.columns().iter().filter(|one| only.is_empty() || only.contains(&one.name));
        let indices = wanted.filter_map(Sampled::of).map(|column| self.index_of(column));
        let indices = indices.collect::<Result<Vec<_>>>()?;
        self.keep_prefix(&indices);
        Ok(())
    }

    /// Adds the columns of another instance's layout; returns where each of its columns is
    /// here.
    pub(crate) fn merge(&mut self, other: Self) -> Result<Vec<usize>> {
        let indices = other.sampled.into_iter().map(|column| self.index_of(column));
        let indices = indices.collect::<Result<Vec<_>>>()?;
        if let Some(prefix) = other.prefix {
            self.keep_prefix(&prefix.iter().map(|at| indices[*at]).collect::<Vec<_>>());
        }
        Ok(indices)
    }

    fn index_of(&mut self, column: Sampled) -> Result<usize> {
        match self.sampled.iter().position(|known| known.name == column.name) {
            Some(at) if self.sampled[at] == column => Ok(at),
            Some(_) => Err(Error::invalid_input(format!(
                "column `{}` has another type or unit in some records",
                column.name
            ))),
            None => {
                self.sampled.push(column);
                Ok(self.sampled.len() - 1)
            }
        }
    }

    fn keep_prefix(&mut self, indices: &[usize]) {
        let common = match &self.prefix {
            None => indices.len(),
            Some(prefix) => prefix.iter().zip(indices).take_while(|(a, b)| a == b).count(),
        };
        self.prefix = Some(indices[..common].to_vec());
    }

    /// Whether there has been a batch.
    pub(crate) fn has_batches(&self) -> bool {
        self.prefix.is_some()
    }

    /// Indices of the columns as results have them: `request_latency`, those that every batch
    /// begins with, then those that came up later by name. The same however the records were
    /// spread over instances.
    pub(crate) fn in_order(&self) -> Vec<usize> {
        let mut order = self.prefix.clone().unwrap_or_default();
        let mut later: Vec<usize> =
            (0..self.sampled.len()).filter(|at| !order.contains(at)).collect();
        later.sort_by_key(|at| &self.sampled[*at].name);
        order.append(&mut later);
        order.sort_by_key(|at| self.sampled[*at].name != LATENCY);
        order
    }

    /// Fails if a column that a parameter names never came up.
    pub(crate) fn check_met(&self, parameter: &str, names: &[String]) -> Result<()> {
        let is_met = |name: &String| self.sampled.iter().any(|column| column.name == *name);
        match names.iter().find(|name| self.has_batches() && !is_met(name)) {
            Some(name) => Err(no_column(parameter, name)),
            None => Ok(()),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.usize(self.sampled.len());
        for column in &self.sampled {
            writer.text(&column.name);
            writer.text(&column.unit);
            writer.bool(column.is_list);
            writer.bool(column.of_failed);
        }
        writer.bool(self.prefix.is_some());
        if let Some(prefix) = &self.prefix {
            writer.usize(prefix.len());
            prefix.iter().for_each(|at| writer.usize(*at));
        }
    }

    pub(crate) fn read(reader: &mut Reader) -> Result<Self> {
        let count = reader.usize()?;
        let column = |_| {
            Ok(Sampled {
                name: reader.text()?,
                unit: reader.text()?,
                is_list: reader.bool()?,
                of_failed: reader.bool()?,
            })
        };
        let sampled = (0..count).map(column).collect::<Result<Vec<_>>>()?;
        let mut prefix = None;
        if reader.bool()? {
            let count = reader.usize()?;
            let indices = (0..count).map(|_| reader.usize()).collect::<Result<Vec<_>>>()?;
            if indices.iter().any(|at| *at >= sampled.len()) {
                return Err(unreadable());
            }
            prefix = Some(indices);
        }
        Ok(Self { sampled, prefix })
    }
}

impl Sampled {
    /// None where the column is not one of numbers.
    pub(crate) fn of(column: &ColumnInfo) -> Option<Self> {
        let is_list = match column.kind {
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

/// The column of that name, which must hold numbers; none if the batch lacks it.
pub(crate) fn find_numbers<'b>(batch: &'b Batch, name: &str) -> Result<Option<&'b ColumnInfo>> {
    find(batch, name, &[ColumnType::F64, ColumnType::F64List], "numbers")
}

/// The column of that name, which must have one of these types, which are those of `sort`;
/// none if the batch lacks it.
pub(crate) fn find<'b>(
    batch: &'b Batch,
    name: &str,
    types: &[ColumnType],
    sort: &str,
) -> Result<Option<&'b ColumnInfo>> {
    match batch.columns().iter().find(|column| column.name == name) {
        Some(column) if !types.contains(&column.kind) => {
            Err(Error::invalid_input(format!("column `{name}` is not a column of {sort}")))
        }
        found => Ok(found),
    }
}

/// The error for a column that no batch had.
pub(crate) fn no_column(parameter: &str, name: &str) -> Error {
    of_parameter(parameter, &Error::invalid_input(format!("the records have no column `{name}`")))
}

/// Says which parameter named the column.
pub(crate) fn of_parameter(parameter: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("`{parameter}`: {error}"))
}

/// Which records of a batch belong where, by place.
#[derive(Debug)]
pub(crate) enum Rows {
    All(usize),
    /// One a record; none: nowhere.
    Each(Vec<Option<u32>>),
}
