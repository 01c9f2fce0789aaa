//! Scans the start of each input for columns and phases.

use std::collections::{BTreeSet, HashMap};

use perfbox_model::batch::{ColumnInfo, ColumnType, WantedColumns, standard_columns};

use crate::columns::Columns;
use crate::limits::{COLUMNS_MAX, PHASES_MAX};

/// Columns and phases found so far.
pub(crate) struct SchemaScan {
    phases: BTreeSet<String>,
    /// The standard columns, then those found.
    columns: Vec<ColumnInfo>,
    positions: HashMap<String, usize>,
}

impl Default for SchemaScan {
    fn default() -> Self {
        let columns = standard_columns();
        let positions = columns.iter().enumerate().map(|(at, info)| (info.name.clone(), at));
        Self { phases: BTreeSet::new(), positions: positions.collect(), columns }
    }
}

impl SchemaScan {
    /// Adds a phase, unless it is known.
    pub(crate) fn add_phase(&mut self, name: &str) {
        if !self.phases.contains(name) {
            self.phases.insert(name.to_owned());
        }
    }

    /// Adds a column, unless it is known.
    pub(crate) fn add_column(&mut self, name: &str, kind: ColumnType, unit: &str) {
        if !self.positions.contains_key(name) {
            self.positions.insert(name.to_owned(), self.columns.len());
            self.columns.push(ColumnInfo::new(name, kind, unit));
        }
    }

    /// The column of that name, if it is known.
    pub(crate) fn find(&self, name: &str) -> Option<&ColumnInfo> {
        self.positions.get(name).map(|at| &self.columns[*at])
    }

    /// Number of columns known.
    pub(crate) fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// True if there are more phases than the maximum.
    pub(crate) fn has_too_many_phases(&self) -> bool {
        self.phases.len() > PHASES_MAX
    }

    /// True if there are more columns than the maximum.
    pub(crate) fn has_too_many_columns(&self) -> bool {
        self.columns.len() > COLUMNS_MAX
    }

    /// The standard columns, then the columns found.
    pub(crate) fn columns(&self) -> Columns {
        Columns::new(self.columns.clone())
    }

    /// Like [`columns`](Self::columns), with none of them read.
    pub(crate) fn unread_columns(&self) -> Columns {
        let mut columns = self.columns();
        columns.want(&WantedColumns::Named(BTreeSet::new()));
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::options::RecordedOptions;
    use crate::source::recorded::RecordedSource;

    #[test]
    fn schema_has_the_columns_of_all_good_records_at_the_start() {
        let line = |phase: &str, metrics: &str| {
            format!(
                r#"{{"metadata":{{"phase_name":"{phase}","request_start_ns":1}},"metrics":{{{metrics}}}}}"#
            )
        };
        let lines = [
            line("one", r#""a":{"value":1,"unit":"ms"}"#),
            line("one", r#""a":{"value":2,"unit":"ms"}"#),
            line("one", r#""ttft":{"value":3,"unit":"ms"},"a":{"value":2,"unit":"ms"}"#),
            line("one", r#""a":{"value":2,"unit":"ms"},"ttft":{"value":3,"unit":"ms"}"#),
            line("one", r#""of_a_bad_record":{"value":1e400}"#),
            line("of_a_bad_record", r#""a":{"value":"text"}"#),
            line("two", r#""a":{"value":2,"unit":"ms"}"#),
            line("two", r#""b":null"#),
            line("two", r#""b":{"value":[1,2],"unit":"s"}"#),
        ];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records.jsonl");
        std::fs::write(&path, lines.join("\n")).unwrap();
        let path = path.to_string_lossy().into_owned();
        let opened = RecordedSource::open(&[path], RecordedOptions::default()).unwrap();
        let kind_of = |name: &str| {
            let found = opened.columns().iter().find(|column| column.name == name);
            found.map(|column| (column.kind, column.unit.clone()))
        };
        assert_eq!(kind_of("a"), Some((ColumnType::F64, "ms".to_owned())));
        assert_eq!(kind_of("time_to_first_token"), Some((ColumnType::F64, "ms".to_owned())));
        assert_eq!(kind_of("b"), Some((ColumnType::F64List, "s".to_owned())));
        assert_eq!(kind_of("of_a_bad_record"), None);
    }
}
