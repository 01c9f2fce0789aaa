//! The records of a batch, one by one.

use std::collections::BTreeMap;

use crate::column::AnyColumn;

/// The records of a batch, one by one.
#[derive(Debug)]
pub struct Rows<'b> {
    len: usize,
    columns: BTreeMap<&'b str, &'b AnyColumn>,
}

impl<'b> Rows<'b> {
    pub(crate) fn new(len: usize, columns: BTreeMap<&'b str, &'b AnyColumn>) -> Self {
        Self { len, columns }
    }

    /// The records in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len).map(|row| Row { row, columns: &self.columns })
    }
}

/// One record. Asking for a column that the run does not have, or that
/// [`requirements`](crate::Processor::requirements) leaves out, gives none, as asking for
/// a missing value does.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    row: usize,
    columns: &'a BTreeMap<&'a str, &'a AnyColumn>,
}

impl<'a> Row<'a> {
    /// A whole number.
    pub fn u64(&self, name: &str) -> Option<u64> {
        match self.columns.get(name)? {
            AnyColumn::U64(column) => column.get(self.row),
            _ => None,
        }
    }

    /// A number; whole ones too.
    pub fn f64(&self, name: &str) -> Option<f64> {
        match self.columns.get(name)? {
            AnyColumn::F64(column) => column.get(self.row),
            AnyColumn::U64(column) => column.get(self.row).map(|value| value as f64),
            _ => None,
        }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        match self.columns.get(name)? {
            AnyColumn::Text(column) => column.get(self.row),
            _ => None,
        }
    }

    /// A list of numbers.
    pub fn f64_list(&self, name: &str) -> Option<&'a [f64]> {
        match self.columns.get(name)? {
            AnyColumn::F64List(column) => column.get(self.row),
            _ => None,
        }
    }
}
