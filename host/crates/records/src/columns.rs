//! Columns of a run.

use std::collections::HashMap;

use perfbox_model::batch::{ColumnInfo, WantedColumns};

use crate::column_builder::ColumnBuilder;

/// Positions of the standard columns, in the order of
/// [`standard_columns`](perfbox_model::batch::standard_columns).
pub(crate) mod standard {
    pub(crate) const START: usize = 0;
    pub(crate) const END: usize = 1;
    pub(crate) const LATENCY: usize = 2;
    pub(crate) const STATUS: usize = 3;
    pub(crate) const ERROR_TYPE: usize = 4;
    pub(crate) const ERROR_MESSAGE: usize = 5;
    pub(crate) const NAME: usize = 6;
    pub(crate) const WORKER: usize = 7;
    pub(crate) const SESSION: usize = 8;
    pub(crate) const CANCELLED: usize = 9;

    /// Columns that phases and their statistics need, always read.
    pub(crate) const ALWAYS_READ: [usize; 4] = [START, END, ERROR_TYPE, CANCELLED];
}

/// The columns known so far, their positions, and which of them are read.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) infos: Vec<ColumnInfo>,
    by_name: HashMap<String, usize>,
    wanted: WantedColumns,
    is_read: Vec<bool>,
}

impl Columns {
    pub(crate) fn new(infos: Vec<ColumnInfo>) -> Self {
        let by_name = infos.iter().enumerate().map(|(i, info)| (info.name.clone(), i)).collect();
        let is_read = vec![true; infos.len()];
        Self { infos, by_name, wanted: WantedColumns::All, is_read }
    }

    /// Reads only the wanted columns.
    pub(crate) fn want(&mut self, wanted: &WantedColumns) {
        self.wanted = wanted.clone();
        self.is_read = (0..self.infos.len()).map(|at| self.is_wanted(at)).collect();
    }

    fn is_wanted(&self, at: usize) -> bool {
        standard::ALWAYS_READ.contains(&at) || self.wanted.wants(&self.infos[at])
    }

    /// Adds a column with a new name.
    pub(crate) fn add(&mut self, info: ColumnInfo) {
        let at = self.infos.len();
        self.by_name.insert(info.name.clone(), at);
        self.infos.push(info);
        self.is_read.push(self.is_wanted(at));
    }

    /// The column of that name, if it is known.
    pub(crate) fn find(&self, name: &str) -> Option<&ColumnInfo> {
        self.position(name).map(|at| &self.infos[at])
    }

    /// Position of a column.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// True if the column is read.
    pub(crate) fn is_read(&self, at: usize) -> bool {
        self.is_read[at]
    }

    /// Empty builders of all columns.
    pub(crate) fn new_values(&self) -> Vec<ColumnBuilder> {
        (0..self.infos.len()).map(|at| self.new_value(at)).collect()
    }

    /// Empty builder of one column.
    pub(crate) fn new_value(&self, at: usize) -> ColumnBuilder {
        match self.is_read[at] {
            true => ColumnBuilder::new(self.infos[at].kind),
            false => ColumnBuilder::Unread,
        }
    }
}
