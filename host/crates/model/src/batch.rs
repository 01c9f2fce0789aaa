//! Result records, as columns.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{Array, DictionaryArray, Float64Array, ListArray, UInt64Array};

use crate::phase::Phase;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Whole numbers.
    U64,
    /// Numbers.
    F64,
    /// Text.
    Text,
    /// A list of numbers for each record.
    F64List,
}

impl ColumnType {
    /// Whether its values are numbers or lists of them; whole numbers, which are stamps,
    /// codes and flags, are not meant.
    fn is_number(self) -> bool {
        matches!(self, Self::F64 | Self::F64List)
    }
}

/// A column's name, type and unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnType,
    /// Unit of its numbers; empty where there is none.
    pub unit: String,
}

impl ColumnInfo {
    /// A column of that name, type and unit.
    pub fn new(name: &str, kind: ColumnType, unit: &str) -> Self {
        Self { name: name.to_owned(), kind, unit: unit.to_owned() }
    }
}

/// The columns that every run has, whatever tool its records come from; a tool's own
/// metrics follow them. A record has an error exactly when `error_type` is there.
pub fn standard_columns() -> Vec<ColumnInfo> {
    use ColumnType::{F64, Text, U64};
    vec![
        ColumnInfo::new("request_start_ns", U64, "ns"),
        ColumnInfo::new("request_end_ns", U64, "ns"),
        ColumnInfo::new("request_latency", F64, "ms"),
        ColumnInfo::new("status", U64, ""),
        ColumnInfo::new("error_type", Text, ""),
        ColumnInfo::new("error_message", Text, ""),
        ColumnInfo::new("name", Text, ""),
        ColumnInfo::new("worker_id", Text, ""),
        ColumnInfo::new("session_id", Text, ""),
        ColumnInfo::new("was_cancelled", U64, ""),
    ]
}

/// The values of one column, one a record, some of them missing.
#[derive(Debug, Clone)]
pub enum Column {
    /// Whole numbers.
    U64(UInt64Array),
    /// Numbers.
    F64(Float64Array),
    /// Text, each distinct one once.
    Text(DictionaryArray<UInt32Type>),
    /// Lists of numbers.
    F64List(ListArray),
}

impl Column {
    fn kind(&self) -> ColumnType {
        match self {
            Self::U64(_) => ColumnType::U64,
            Self::F64(_) => ColumnType::F64,
            Self::Text(_) => ColumnType::Text,
            Self::F64List(_) => ColumnType::F64List,
        }
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::U64(array) => array,
            Self::F64(array) => array,
            Self::Text(array) => array,
            Self::F64List(array) => array,
        }
    }

    /// Records, missing values included.
    pub fn len(&self) -> usize {
        self.array().len()
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers in it that are there, and items of its lists.
    fn numbers(&self) -> u64 {
        match self {
            Self::F64(_) => self.present() as u64,
            Self::F64List(lists) => lists.values().len() as u64,
            Self::U64(_) | Self::Text(_) => 0,
        }
    }

    /// Values that are there.
    pub fn present(&self) -> usize {
        self.array().len() - self.array().null_count()
    }
}

/// Which columns are asked for, of those that a run has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedColumns {
    /// Any of them.
    All,
    /// These only.
    Named(BTreeSet<String>),
    /// Every column of numbers, and these.
    NumbersAnd(BTreeSet<String>),
}

impl WantedColumns {
    /// Whether a column is among them.
    pub fn wants(&self, column: &ColumnInfo) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(&column.name),
            Self::NumbersAnd(names) => column.kind.is_number() || names.contains(&column.name),
        }
    }

    /// What one or the other asks for.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        use WantedColumns::{All, Named, NumbersAnd};
        match (self, other) {
            (All, _) | (_, All) => All,
            (Named(mut names), Named(more)) => {
                names.extend(more);
                Named(names)
            }
            (Named(mut names) | NumbersAnd(mut names), Named(more) | NumbersAnd(more)) => {
                names.extend(more);
                NumbersAnd(names)
            }
        }
    }
}

/// Some records of one phase, in the order of the input.
#[derive(Debug, Clone)]
pub struct Batch {
    phase: Arc<Phase>,
    infos: Arc<[ColumnInfo]>,
    /// None: one that was not read, since nobody asks for it.
    columns: Vec<Option<Column>>,
    len: usize,
    numbers_so_far: Arc<NumberCounts>,
}

/// How many numbers the batches of a run have had so far, by the name of their column.
pub type NumberCounts = HashMap<String, (ColumnInfo, u64)>;

/// Columns that do not make a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// Fewer or more columns than were announced.
    #[error("a batch of this run has {expected} columns, not {actual}")]
    ColumnCount {
        /// As announced.
        expected: usize,
        /// As given.
        actual: usize,
    },
    /// Another type than was announced.
    #[error("column `{name}` is of type {expected:?}, not {actual:?}")]
    ColumnType {
        /// The column.
        name: String,
        /// As announced.
        expected: ColumnType,
        /// As given.
        actual: ColumnType,
    },
    /// Columns of different lengths.
    #[error("column `{name}` has {actual} records, the first column has {expected}")]
    ColumnLength {
        /// The column.
        name: String,
        /// Of the first column.
        expected: usize,
        /// Of this one.
        actual: usize,
    },
}

impl Batch {
    /// A batch of columns as `infos` announces them.
    ///
    /// # Errors
    /// When number, types or lengths of the columns are off.
    pub fn new(
        phase: Arc<Phase>,
        infos: Arc<[ColumnInfo]>,
        columns: Vec<Column>,
    ) -> Result<Self, BatchError> {
        if columns.len() != infos.len() {
            let (expected, actual) = (infos.len(), columns.len());
            return Err(BatchError::ColumnCount { expected, actual });
        }
        let len = columns.first().map_or(0, Column::len);
        for (info, column) in infos.iter().zip(&columns) {
            let name = info.name.clone();
            if column.kind() != info.kind {
                let (expected, actual) = (info.kind, column.kind());
                return Err(BatchError::ColumnType { name, expected, actual });
            }
            if column.len() != len {
                let actual = column.len();
                return Err(BatchError::ColumnLength { name, expected: len, actual });
            }
        }
        Ok(Self::of_read(phase, infos, columns.into_iter().map(Some).collect(), len))
    }

    /// A batch of columns of which some were not read; they fit what was announced.
    pub fn of_read(
        phase: Arc<Phase>,
        infos: Arc<[ColumnInfo]>,
        columns: Vec<Option<Column>>,
        len: usize,
    ) -> Self {
        Self { phase, infos, columns, len, numbers_so_far: Arc::default() }
    }

    /// Adds its numbers to those of the batches before it.
    pub fn add_numbers(&mut self, totals: &mut Arc<NumberCounts>) {
        let counts = Arc::make_mut(totals);
        for (info, column) in self.columns().filter(|(info, _)| info.kind.is_number()) {
            match counts.get_mut(&info.name) {
                Some((_, total)) => *total += column.numbers(),
                None => {
                    counts.insert(info.name.clone(), (info.clone(), column.numbers()));
                }
            }
        }
        self.numbers_so_far = Arc::clone(totals);
    }

    /// Numbers in the columns that are asked for, in this batch and those before it in
    /// the run.
    pub fn numbers_so_far(&self, wanted: &WantedColumns) -> u64 {
        let counts = self.numbers_so_far.values();
        counts.filter(|(info, _)| wanted.wants(info)).map(|(_, numbers)| numbers).sum()
    }

    /// The phase of all its records.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Records.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its columns, those that were not read too.
    pub fn infos(&self) -> &[ColumnInfo] {
        &self.infos
    }

    /// Its columns that were read, in the order of [`infos`](Self::infos).
    pub fn columns(&self) -> impl Iterator<Item = (&ColumnInfo, &Column)> {
        self.infos
            .iter()
            .zip(&self.columns)
            .filter_map(|(info, column)| Some((info, column.as_ref()?)))
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns().find(|(info, _)| info.name == name).map(|(_, column)| column)
    }

    /// Records with an error: those that have an `error_type`.
    pub fn error_count(&self) -> usize {
        self.column("error_type").map_or(0, Column::present)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infos() -> Arc<[ColumnInfo]> {
        Arc::new([
            ColumnInfo::new("a", ColumnType::U64, ""),
            ColumnInfo::new("b", ColumnType::F64, "ms"),
        ])
    }

    fn phase() -> Arc<Phase> {
        Arc::new(Phase { name: "p".to_owned(), kind: "profiling".to_owned(), index: 0 })
    }

    #[test]
    fn columns_that_were_not_announced_are_refused() {
        let a = || Column::U64(UInt64Array::from(vec![1, 2]));
        let b = |n| Column::F64(Float64Array::from(vec![0.5; n]));
        let words = |columns| Batch::new(phase(), infos(), columns).unwrap_err().to_string();
        assert_eq!(words(vec![a()]), "a batch of this run has 2 columns, not 1");
        assert_eq!(words(vec![a(), a()]), "column `b` is of type F64, not U64");
        assert_eq!(words(vec![a(), b(3)]), "column `b` has 3 records, the first column has 2");
        assert_eq!(Batch::new(phase(), infos(), vec![a(), b(2)]).unwrap().len(), 2);
    }
}
