//! Result records in columns.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{Array, DictionaryArray, Float64Array, ListArray, UInt64Array};

use crate::phase::Phase;

/// Type of the values of a column.
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
    /// True for numbers and lists of numbers. Excludes whole numbers, which are timestamps,
    /// codes and flags.
    fn is_number(self) -> bool {
        matches!(self, Self::F64 | Self::F64List)
    }
}

/// A column's name, type and unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Name.
    pub name: String,
    /// Type of its values.
    pub kind: ColumnType,
    /// Unit of its numbers; empty if none.
    pub unit: String,
}

impl ColumnInfo {
    /// Creates the description of a column.
    pub fn new(name: &str, kind: ColumnType, unit: &str) -> Self {
        Self { name: name.to_owned(), kind, unit: unit.to_owned() }
    }
}

/// Columns of every run, whatever tool recorded it; the tool's own metrics follow. A record
/// has an error if and only if it has an `error_type`.
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

/// Values of one column, one per record; values can be missing.
#[derive(Debug, Clone)]
pub enum Column {
    /// Whole numbers.
    U64(UInt64Array),
    /// Numbers.
    F64(Float64Array),
    /// Text, dictionary encoded.
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

    /// Its values, of any type.
    pub fn array(&self) -> &dyn Array {
        match self {
            Self::U64(array) => array,
            Self::F64(array) => array,
            Self::Text(array) => array,
            Self::F64List(array) => array,
        }
    }

    /// Number of records, including missing values.
    pub fn len(&self) -> usize {
        self.array().len()
    }

    /// True for zero records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of present numbers, and of items in lists.
    fn numbers(&self) -> u64 {
        match self {
            Self::F64(_) => self.present() as u64,
            Self::F64List(lists) => lists.values().len() as u64,
            Self::U64(_) | Self::Text(_) => 0,
        }
    }

    /// Number of present values.
    pub fn present(&self) -> usize {
        self.array().len() - self.array().null_count()
    }
}

/// Selection of the columns of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedColumns {
    /// All columns.
    All,
    /// Only the named columns.
    Named(BTreeSet<String>),
    /// Every column of numbers, and the named columns.
    NumbersAnd(BTreeSet<String>),
}

impl WantedColumns {
    /// True if the selection includes the column.
    pub fn wants(&self, column: &ColumnInfo) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(&column.name),
            Self::NumbersAnd(names) => column.kind.is_number() || names.contains(&column.name),
        }
    }

    /// Union of both selections.
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

/// Records of one phase, in input order.
#[derive(Debug, Clone)]
pub struct Batch {
    phase: Arc<Phase>,
    infos: Arc<[ColumnInfo]>,
    /// `None` for columns that were skipped because no plugin needs them.
    columns: Vec<Option<Column>>,
    len: usize,
}

/// Columns that do not make a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// Wrong number of columns.
    #[error("a batch of this run has {expected} columns, not {actual}")]
    ColumnCount {
        /// Declared for the run.
        expected: usize,
        /// In this batch.
        actual: usize,
    },
    /// Wrong type of a column.
    #[error("column `{name}` has type {expected:?}, not {actual:?}")]
    ColumnType {
        /// The column.
        name: String,
        /// Declared for the run.
        expected: ColumnType,
        /// In this batch.
        actual: ColumnType,
    },
    /// Columns of different lengths.
    #[error("column `{name}` has {actual} records, but the first column has {expected}")]
    ColumnLength {
        /// The column.
        name: String,
        /// Records in the first column.
        expected: usize,
        /// Records in this column.
        actual: usize,
    },
}

impl Batch {
    /// Creates a batch; `infos` declares its columns.
    ///
    /// # Errors
    /// If the number, types or lengths of the columns do not match.
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

    /// Creates a batch with skipped columns, without checking the others against `infos`.
    pub fn of_read(
        phase: Arc<Phase>,
        infos: Arc<[ColumnInfo]>,
        columns: Vec<Option<Column>>,
        len: usize,
    ) -> Self {
        Self { phase, infos, columns, len }
    }

    /// Numbers in the columns that are wanted: present values of f64 columns, and items of
    /// list columns.
    pub fn number_count(&self, wanted: &WantedColumns) -> u64 {
        let columns = self.columns().filter(|(info, _)| wanted.wants(info));
        columns.map(|(_, column)| column.numbers()).sum()
    }

    /// Phase of all records.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True for zero records.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Columns of the batch, including skipped ones.
    pub fn infos(&self) -> &[ColumnInfo] {
        &self.infos
    }

    /// Columns that were read, in the order of `infos`.
    pub fn columns(&self) -> impl Iterator<Item = (&ColumnInfo, &Column)> {
        self.infos
            .iter()
            .zip(&self.columns)
            .filter_map(|(info, column)| Some((info, column.as_ref()?)))
    }

    /// Column by name; `None` if missing or skipped.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns().find(|(info, _)| info.name == name).map(|(_, column)| column)
    }

    /// Number of records with an error: those with an `error_type`.
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
    fn columns_that_do_not_match_the_run_are_refused() {
        let a = || Column::U64(UInt64Array::from(vec![1, 2]));
        let b = |n| Column::F64(Float64Array::from(vec![0.5; n]));
        let message = |columns| Batch::new(phase(), infos(), columns).unwrap_err().to_string();
        assert_eq!(message(vec![a()]), "a batch of this run has 2 columns, not 1");
        assert_eq!(message(vec![a(), a()]), "column `b` has type F64, not U64");
        assert_eq!(
            message(vec![a(), b(3)]),
            "column `b` has 3 records, but the first column has 2"
        );
        assert_eq!(Batch::new(phase(), infos(), vec![a(), b(2)]).unwrap().len(), 2);
    }
}
