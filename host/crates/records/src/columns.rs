//! The columns of a run, found in its inputs.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Problem;
use super::rows::PHASES_MAX;
use super::values::Values;
use perfbox_model::batch::{ColumnInfo, ColumnType, WantedColumns, standard_columns};
use perfbox_model::escape;

/// Most columns of a run. Each has a value, or a place for one, in every record.
pub(super) const COLUMNS_MAX: usize = 4096;

/// Places of the columns that every run has, in the order of [`standard_columns`].
pub(super) mod standard {
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

    /// Those that phases and their statistics are made of.
    pub(crate) const ALWAYS_READ: [usize; 4] = [START, END, ERROR_TYPE, CANCELLED];
}

/// The columns known so far, the position of each, and which of them are read.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) infos: Vec<ColumnInfo>,
    by_name: HashMap<String, usize>,
    wanted: WantedColumns,
    is_read: Vec<bool>,
}

impl Columns {
    fn new(infos: Vec<ColumnInfo>) -> Self {
        let by_name = infos.iter().enumerate().map(|(i, info)| (info.name.clone(), i)).collect();
        let is_read = vec![true; infos.len()];
        Self { infos, by_name, wanted: WantedColumns::All, is_read }
    }

    /// Leaves unread what is not asked for.
    pub(super) fn want(&mut self, wanted: &WantedColumns) {
        self.wanted = wanted.clone();
        self.is_read = (0..self.infos.len()).map(|at| self.is_wanted(at)).collect();
    }

    fn is_wanted(&self, at: usize) -> bool {
        standard::ALWAYS_READ.contains(&at) || self.wanted.wants(&self.infos[at])
    }

    /// Adds a column whose name is not known yet.
    pub(super) fn add(&mut self, info: ColumnInfo) {
        let at = self.infos.len();
        self.by_name.insert(info.name.clone(), at);
        self.infos.push(info);
        self.is_read.push(self.is_wanted(at));
    }

    /// Where a column stands.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Whether it is read.
    pub(super) fn is_read(&self, at: usize) -> bool {
        self.is_read[at]
    }

    /// Columns without rows.
    pub(super) fn new_values(&self) -> Vec<Values> {
        (0..self.infos.len()).map(|at| self.new_value(at)).collect()
    }

    /// One column without rows.
    pub(super) fn new_value(&self, at: usize) -> Values {
        match self.is_read[at] {
            true => Values::new(self.infos[at].kind),
            false => Values::Unread,
        }
    }
}

/// Finds the columns and the phases of a run in its inputs.
#[derive(Default)]
pub(super) struct Survey {
    phases: BTreeSet<String>,
    columns: Vec<ColumnInfo>,
    known: HashMap<String, usize>,
}

impl Survey {
    /// A phase was seen.
    pub(super) fn add_phase(&mut self, name: &str) {
        if !self.phases.contains(name) {
            self.phases.insert(name.to_owned());
        }
    }

    /// A column was seen.
    pub(super) fn add_column(&mut self, name: &str, kind: ColumnType, unit: &str) {
        if !self.known.contains_key(name) {
            self.known.insert(name.to_owned(), self.columns.len());
            self.columns.push(ColumnInfo::new(name, kind, unit));
        }
    }

    /// How many columns were seen.
    pub(super) fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are more phases than a run may have.
    pub(super) fn has_too_many_phases(&self) -> bool {
        self.phases.len() > PHASES_MAX
    }

    /// Whether there are more columns than a run may have.
    pub(super) fn has_too_many_columns(&self) -> bool {
        self.columns.len() > COLUMNS_MAX - standard_columns().len()
    }

    /// The standard columns, then those that were seen.
    pub(super) fn columns(&self) -> Columns {
        let mut infos = standard_columns();
        let standard: HashSet<_> = infos.iter().map(|info| info.name.clone()).collect();
        let others = self.columns.iter().filter(|info| !standard.contains(&info.name));
        infos.extend(others.cloned());
        Columns::new(infos)
    }

    /// As [`columns`](Self::columns), of which nothing is asked for.
    pub(super) fn unread_columns(&self) -> Columns {
        let mut columns = self.columns();
        columns.want(&WantedColumns::Named(BTreeSet::new()));
        columns
    }
}

/// What values are, in words.
pub(super) fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::U64 | ColumnType::F64 => "a number",
        ColumnType::Text => "a text",
        ColumnType::F64List => "a list of numbers",
    }
}

/// Longest name of a phase, metric or unit, in bytes: what processors may return.
pub(super) const TEXT_MAX_BYTES: usize = 256;

/// Names go into reports, and so must be such that they can be shown.
pub(super) fn check_text(what: &str, text: &str) -> Result<(), Problem> {
    let words = if text.len() > TEXT_MAX_BYTES {
        format!("a {what}'s name has {} bytes, at most {TEXT_MAX_BYTES} are read", text.len())
    } else if escape(text) != text {
        format!("a {what}'s name has characters that cannot be shown: `{}`", escape(text))
    } else {
        return Ok(());
    };
    Err(Problem::at(1, words))
}

/// Longest latency, in ms: as many nanoseconds as times have, which is 584 years.
const LATENCY_MAX_MS: f64 = 18_446_744_073_709.0;

/// No request takes less than no time, or longer than times can tell.
pub(super) fn check_latency(ms: f64) -> Result<(), String> {
    match ms {
        0.0..=LATENCY_MAX_MS => Ok(()),
        ..0.0 => Err(format!("its latency is negative: {ms} ms")),
        _ => Err(format!("its latency is longer than any that is read, 584 years: {ms:?} ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Recorded, RecordedOptions};

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
        let opened = Recorded::open(&[path], RecordedOptions::default()).unwrap();
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
