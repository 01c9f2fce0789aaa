//! Result records, as columns.

use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, ListBuilder, PrimitiveBuilder, StringDictionaryBuilder,
};
use arrow_array::types::{UInt32Type, UInt64Type};
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

    /// Values that are there.
    pub fn present(&self) -> usize {
        self.array().len() - self.array().null_count()
    }
}

/// Some records of one phase, in the order of the input.
#[derive(Debug, Clone)]
pub struct Batch {
    phase: Arc<Phase>,
    infos: Arc<[ColumnInfo]>,
    columns: Vec<Column>,
    len: usize,
}

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
    /// A batch of columns as `infos` announces them for the whole run.
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
        Ok(Self { phase, infos, columns, len })
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

    /// Its columns, in the order of the run.
    pub fn columns(&self) -> impl Iterator<Item = (&ColumnInfo, &Column)> {
        self.infos.iter().zip(&self.columns)
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

/// Fills a column, record by record.
pub enum ColumnBuilder {
    /// Whole numbers.
    U64(PrimitiveBuilder<UInt64Type>),
    /// Numbers.
    F64(Float64Builder),
    /// Text.
    Text(StringDictionaryBuilder<UInt32Type>),
    /// Lists of numbers.
    F64List(ListBuilder<Float64Builder>),
}

impl ColumnBuilder {
    /// For a column of that type. It takes memory only as records come, since every
    /// phase has a builder for each column.
    pub fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::U64 => Self::U64(PrimitiveBuilder::with_capacity(0)),
            ColumnType::F64 => Self::F64(Float64Builder::with_capacity(0)),
            ColumnType::Text => Self::Text(StringDictionaryBuilder::with_capacity(0, 0, 0)),
            ColumnType::F64List => {
                Self::F64List(ListBuilder::with_capacity(Float64Builder::with_capacity(0), 0))
            }
        }
    }

    /// The column; the builder is empty again.
    pub fn finish(&mut self) -> Column {
        match self {
            Self::U64(builder) => Column::U64(builder.finish()),
            Self::F64(builder) => Column::F64(builder.finish()),
            Self::Text(builder) => Column::Text(builder.finish()),
            Self::F64List(builder) => Column::F64List(builder.finish()),
        }
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
