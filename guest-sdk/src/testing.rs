//! Batches, phases and events for native tests of a plugin.
//!
//! ```
//! use perfbox_guest::testing::{self, BatchBuilder};
//!
//! let batch = BatchBuilder::new("profiling")
//!     .u64s("request_start_ns", "ns", [1_000, 2_000])
//!     .f64s("request_latency", "ms", [Some(12.5), None])
//!     .texts("error_type", [None, Some("Timeout")])
//!     .f64_lists("inter_chunk_latency", "ms", [Some(vec![1.0, 2.0]), None])
//!     .build();
//! assert_eq!(batch.f64s("request_latency").unwrap().get(1), None);
//! assert_eq!(batch.texts("error_type").unwrap().get(1), Some("Timeout"));
//!
//! let event = testing::phase_event("profiling", 1_700_000_000_000_000_000);
//! assert_eq!(event.stats.sent, 0);
//! ```

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::batch::ColumnSource;
use crate::bindings::batches::{
    ColumnError, ColumnInfo, ColumnType, F64Column, F64ListColumn, TextColumn, U64Column,
};
use crate::{Batch, Phase, PhaseBounds, PhaseEvent, PhaseStats, PhaseSummary};

/// A phase of that name; its kind is its name, its index 0.
pub fn phase(name: &str) -> Phase {
    Phase { name: name.to_owned(), kind: name.to_owned(), index: 0 }
}

/// Statistics of a phase that has not sent anything; set the fields that matter.
pub fn phase_stats() -> PhaseStats {
    PhaseStats {
        sent: 0,
        completed: 0,
        errors: 0,
        cancelled: 0,
        in_flight: 0,
        sent_sessions: 0,
        completed_sessions: 0,
        start_ns: None,
        sending_complete_ns: None,
        end_ns: None,
        expected_requests: None,
        expected_duration_ns: None,
        timed_out: false,
    }
}

/// An event of a phase of that name, with [`phase_stats`].
pub fn phase_event(phase_name: &str, time_ns: u64) -> PhaseEvent {
    PhaseEvent { time_ns, phase: phase(phase_name), stats: phase_stats() }
}

/// A finished phase of that name, with [`phase_stats`].
pub fn phase_summary(phase_name: &str) -> PhaseSummary {
    PhaseSummary {
        phase: phase(phase_name),
        stats: phase_stats(),
        bounds: PhaseBounds::FromRecords,
    }
}

thread_local! {
    static OUTPUT_DIR: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
}

/// Runs `test` with [`output_dir`](crate::output_dir) at `dir`, on this thread.
pub fn with_output_dir<T>(dir: impl AsRef<Path>, test: impl FnOnce() -> T) -> T {
    struct Restore(Option<PathBuf>);
    impl Drop for Restore {
        fn drop(&mut self) {
            OUTPUT_DIR.set(self.0.take());
        }
    }
    let _restore = Restore(OUTPUT_DIR.replace(Some(dir.as_ref().to_owned())));
    test()
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn current_output_dir() -> Option<PathBuf> {
    OUTPUT_DIR.with_borrow(Clone::clone)
}

/// Puts a batch together, column by column.
///
/// Every column has one value a record. A value that is there may be given as it is
/// or as `Some`; `None` is a missing one.
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    phase: Phase,
    len: Option<usize>,
    numbers_so_far: Option<u64>,
    columns: Vec<(ColumnInfo, Values)>,
}

#[derive(Debug, Clone)]
enum Values {
    U64(U64Column),
    F64(F64Column),
    Text(TextColumn),
    F64List(F64ListColumn),
}

impl BatchBuilder {
    /// A batch without columns, of a phase of that name.
    pub fn new(phase_name: &str) -> Self {
        Self { phase: phase(phase_name), len: None, numbers_so_far: None, columns: Vec::new() }
    }

    /// Makes it a batch of this phase, where kind or index matter.
    #[must_use]
    pub fn of_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// What [`Batch::numbers_so_far`] says; the numbers of this batch unless set.
    #[must_use]
    pub fn numbers_so_far(self, numbers: u64) -> Self {
        Self { numbers_so_far: Some(numbers), ..self }
    }

    /// Adds a column of whole numbers.
    ///
    /// # Panics
    /// When another column has another length, or the same name. So for the others.
    #[must_use]
    pub fn u64s<V: Into<Option<u64>>>(
        self,
        name: &str,
        unit: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let (values, validity) = split(values);
        let len = values.len();
        self.add(name, ColumnType::U64, unit, len, Values::U64(U64Column { values, validity }))
    }

    /// Adds a column of numbers.
    #[must_use]
    pub fn f64s<V: Into<Option<f64>>>(
        self,
        name: &str,
        unit: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let (values, validity) = split(values);
        let len = values.len();
        self.add(name, ColumnType::F64, unit, len, Values::F64(F64Column { values, validity }))
    }

    /// Adds a column of text.
    #[must_use]
    pub fn texts<'v, V: Into<Option<&'v str>>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let (texts, validity) = split(values);
        let mut dictionary: Vec<String> = Vec::new();
        let code = |text: &str| {
            let known = dictionary.iter().position(|entry| entry == text);
            known.unwrap_or_else(|| {
                dictionary.push(text.to_owned());
                dictionary.len() - 1
            }) as u32
        };
        let codes: Vec<u32> = texts.into_iter().map(code).collect();
        let len = codes.len();
        let column = Values::Text(TextColumn { dictionary, codes, validity });
        self.add(name, ColumnType::Text, "", len, column)
    }

    /// Adds a column of lists of numbers.
    #[must_use]
    pub fn f64_lists<V: Into<Option<Vec<f64>>>>(
        self,
        name: &str,
        unit: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let (lists, validity) = split(values);
        let mut offsets = vec![0];
        let mut values = Vec::new();
        for list in &lists {
            values.extend_from_slice(list);
            offsets.push(values.len() as u32);
        }
        let column = Values::F64List(F64ListColumn { values, offsets, validity });
        self.add(name, ColumnType::F64List, unit, lists.len(), column)
    }

    /// The batch.
    pub fn build(self) -> Batch<'static> {
        Batch::new(self)
    }

    fn add(
        mut self,
        name: &str,
        type_: ColumnType,
        unit: &str,
        len: usize,
        values: Values,
    ) -> Self {
        let expected = *self.len.get_or_insert(len);
        assert_eq!(len, expected, "column `{name}` has another length than those before it");
        let twice = self.columns.iter().any(|(info, _)| info.name == name);
        assert!(!twice, "column `{name}` is there already");
        let info = ColumnInfo { name: name.to_owned(), type_, unit: unit.to_owned() };
        self.columns.push((info, values));
        self
    }

    fn find(&self, name: &str) -> Result<(&ColumnInfo, &Values), ColumnError> {
        let found = self.columns.iter().find(|(info, _)| info.name == name);
        found.map(|(info, values)| (info, values)).ok_or(ColumnError::Missing)
    }
}

/// Values with the default where one is missing, and the bits that tell.
fn split<T: Default, V: Into<Option<T>>>(
    values: impl IntoIterator<Item = V>,
) -> (Vec<T>, Option<Vec<u8>>) {
    let values: Vec<Option<T>> = values.into_iter().map(Into::into).collect();
    let mut bits = vec![0_u8; values.len().div_ceil(8)];
    for (row, _) in values.iter().enumerate().filter(|(_, value)| value.is_some()) {
        bits[row / 8] |= 1 << (row % 8);
    }
    let validity = values.iter().any(Option::is_none).then_some(bits);
    (values.into_iter().map(Option::unwrap_or_default).collect(), validity)
}

/// Numbers of a column that are there.
fn numbers(values: &Values) -> u64 {
    match values {
        Values::F64(F64Column { validity: Some(bits), .. }) => {
            bits.iter().map(|byte| u64::from(byte.count_ones())).sum()
        }
        Values::F64(F64Column { values, validity: None }) => values.len() as u64,
        Values::F64List(column) => column.values.len() as u64,
        Values::U64(_) | Values::Text(_) => 0,
    }
}

impl ColumnSource for BatchBuilder {
    fn phase(&self) -> Phase {
        self.phase.clone()
    }
    fn len(&self) -> u32 {
        self.len.unwrap_or(0) as u32
    }
    fn numbers_so_far(&self) -> u64 {
        let own = || self.columns.iter().map(|(_, values)| numbers(values)).sum();
        self.numbers_so_far.unwrap_or_else(own)
    }
    fn columns(&self) -> Vec<ColumnInfo> {
        self.columns.iter().map(|(info, _)| info.clone()).collect()
    }
    fn u64s(&self, name: &str) -> Result<U64Column, ColumnError> {
        match self.find(name)? {
            (_, Values::U64(column)) => Ok(column.clone()),
            (info, _) => Err(ColumnError::WrongType(info.type_)),
        }
    }
    fn f64s(&self, name: &str) -> Result<F64Column, ColumnError> {
        match self.find(name)? {
            (_, Values::F64(column)) => Ok(column.clone()),
            (info, _) => Err(ColumnError::WrongType(info.type_)),
        }
    }
    fn texts(&self, name: &str) -> Result<TextColumn, ColumnError> {
        match self.find(name)? {
            (_, Values::Text(column)) => Ok(column.clone()),
            (info, _) => Err(ColumnError::WrongType(info.type_)),
        }
    }
    fn f64_lists(&self, name: &str) -> Result<F64ListColumn, ColumnError> {
        match self.find(name)? {
            (_, Values::F64List(column)) => Ok(column.clone()),
            (info, _) => Err(ColumnError::WrongType(info.type_)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch<'static> {
        BatchBuilder::new("profiling")
            .u64s("status", "", [200, 503, 0])
            .f64s("request_latency", "ms", [Some(1.5), None, Some(0.0)])
            .texts("error_type", [None, Some("Timeout"), Some("Timeout")])
            .f64_lists("gaps", "ms", [Some(vec![1.0, 2.0]), None, Some(vec![])])
            .build()
    }

    #[test]
    fn columns_tell_missing_from_zero() {
        let batch = batch();
        let latency = batch.f64s("request_latency").unwrap();
        assert_eq!(latency.rows().collect::<Vec<_>>(), [Some(1.5), None, Some(0.0)]);
        assert_eq!(latency.iter().collect::<Vec<_>>(), [&1.5, &0.0]);
        assert_eq!(latency.as_slice(), [1.5, 0.0, 0.0]);
        assert!(!latency.is_complete());
        assert!(batch.u64s("status").unwrap().is_complete());
        let gaps = batch.f64_lists("gaps").unwrap();
        assert_eq!(gaps.rows().collect::<Vec<_>>(), [Some(&[1.0, 2.0][..]), None, Some(&[][..])]);
        assert_eq!(gaps.flattened(), [1.0, 2.0]);
    }

    #[test]
    fn numbers_so_far_are_those_of_the_batch_unless_set() {
        assert_eq!(batch().numbers_so_far(), 4);
        let whole = BatchBuilder::new("profiling").f64s("ms", "", [1.0, 2.0]).u64s("n", "", [1, 2]);
        assert_eq!(whole.clone().build().numbers_so_far(), 2);
        assert_eq!(whole.numbers_so_far(900).build().numbers_so_far(), 900);
    }

    #[test]
    fn texts_are_kept_once() {
        let texts = batch().texts("error_type").unwrap();
        assert_eq!(texts.rows().collect::<Vec<_>>(), [None, Some("Timeout"), Some("Timeout")]);
        let named = texts.dictionary().iter().filter(|text| *text == "Timeout").count();
        assert_eq!(named, 1);
    }

    #[test]
    fn rows_say_what_columns_say() {
        let rows = batch().rows();
        let second = rows.iter().nth(1).unwrap();
        assert_eq!(second.u64("status"), Some(503));
        assert_eq!(second.f64("status"), Some(503.0));
        assert_eq!(second.f64("request_latency"), None);
        assert_eq!(second.text("error_type"), Some("Timeout"));
        assert_eq!(second.f64_list("gaps"), None);
        assert_eq!(second.f64("no_such_column"), None);
    }

    #[test]
    fn a_column_that_is_not_there_is_answered_with_those_that_are() {
        let error = batch().f64s("latency").unwrap_err();
        assert_eq!(
            error.message(),
            "the records have no column `latency`; of type f64 they have request_latency"
        );
        let error = batch().f64s("status").unwrap_err();
        assert_eq!(
            error.message(),
            "column `status` is of type u64, not f64; ask for it with `u64s`"
        );
    }

    #[test]
    fn output_dir_is_the_tests_own() {
        let seen = with_output_dir("some/where", crate::output_dir);
        assert_eq!(seen, Path::new("some/where"));
    }

    #[test]
    #[should_panic(expected = "column `b` has another length")]
    fn columns_of_different_lengths_are_refused() {
        let _ = BatchBuilder::new("x").f64s("a", "", [1.0]).f64s("b", "", [1.0, 2.0]);
    }

    #[test]
    fn a_batch_may_be_of_a_phase_whose_kind_is_not_its_name() {
        let second = Phase { name: "load-2".to_owned(), kind: "profiling".to_owned(), index: 1 };
        let batch = BatchBuilder::new("warmup").u64s("n", "", [1]).of_phase(second.clone()).build();
        assert_eq!((batch.phase(), batch.len()), (second, 1));
    }

    #[test]
    #[should_panic(expected = "column `a` is there already")]
    fn columns_of_one_name_are_refused() {
        let _ = BatchBuilder::new("x").f64s("a", "", [1.0]).u64s("a", "", [1]);
    }
}
