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

use crate::bindings::batches::{ColumnValues, DictionaryTexts, F64Lists};
use crate::column::AnyColumn;
use crate::{Batch, ColumnInfo, Phase, PhaseBounds, PhaseEvent, PhaseStats, PhaseSummary};

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

/// Builds a batch, column by column.
///
/// Every column has one value for each record. A present value is given as it is or as
/// `Some`; `None` is a missing one.
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    phase: Phase,
    len: Option<usize>,
    over_exact_memory: bool,
    columns: Vec<(ColumnInfo, AnyColumn)>,
}

impl BatchBuilder {
    /// A batch without columns, of a phase of that name.
    pub fn new(phase_name: &str) -> Self {
        Self { phase: phase(phase_name), len: None, over_exact_memory: false, columns: Vec::new() }
    }

    /// Makes it a batch of this phase, where kind or index matter.
    #[must_use]
    pub fn of_phase(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    /// Sets [`Batch::is_over_exact_memory`]; false unless set.
    #[must_use]
    pub fn over_exact_memory(self, over: bool) -> Self {
        Self { over_exact_memory: over, ..self }
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
        self.add(name, unit, values.len(), ColumnValues::U64s(values), validity)
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
        self.add(name, unit, values.len(), ColumnValues::F64s(values), validity)
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
        self.add(
            name,
            "",
            len,
            ColumnValues::Texts(DictionaryTexts { dictionary, codes }),
            validity,
        )
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
        let column = ColumnValues::Lists(F64Lists { values, offsets });
        self.add(name, unit, lists.len(), column, validity)
    }

    /// The batch.
    pub fn build(self) -> Batch {
        let mut batch = Batch::new(self.phase, self.len.unwrap_or(0), self.columns);
        batch.set_over_exact_memory(self.over_exact_memory);
        batch
    }

    fn add(
        mut self,
        name: &str,
        unit: &str,
        len: usize,
        values: ColumnValues,
        validity: Option<Vec<u8>>,
    ) -> Self {
        let expected = *self.len.get_or_insert(len);
        assert_eq!(len, expected, "column `{name}` has another length than those before it");
        let twice = self.columns.iter().any(|(info, _)| info.name == name);
        assert!(!twice, "column `{name}` is there already");
        let values = AnyColumn::from_wit(values, validity);
        let info = ColumnInfo { name: name.to_owned(), kind: values.kind(), unit: unit.to_owned() };
        self.columns.push((info, values));
        self
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

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
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
    fn texts_are_kept_once() {
        let batch = batch();
        let texts = batch.texts("error_type").unwrap();
        assert_eq!(texts.rows().collect::<Vec<_>>(), [None, Some("Timeout"), Some("Timeout")]);
        let named = texts.dictionary().iter().filter(|text| *text == "Timeout").count();
        assert_eq!(named, 1);
    }

    #[test]
    fn rows_say_what_columns_say() {
        let batch = batch();
        let rows = batch.rows();
        let second = rows.iter().nth(1).unwrap();
        assert_eq!(second.u64("status"), Some(503));
        assert_eq!(second.f64("status"), Some(503.0));
        assert_eq!(second.f64("request_latency"), None);
        assert_eq!(second.text("error_type"), Some("Timeout"));
        assert_eq!(second.f64_list("gaps"), None);
        assert_eq!(second.f64("no_such_column"), None);
    }

    #[test]
    fn a_column_that_the_batch_lacks_is_missing_for_all_records() {
        let batch = batch();
        assert!(!batch.has("latency"));
        assert!(batch.f64s("latency").unwrap().rows().eq([None; 3]));
        assert!(batch.u64s("started").unwrap().rows().eq([None; 3]));
        assert!(batch.texts("label").unwrap().rows().eq([None; 3]));
        assert!(batch.f64_lists("gap").unwrap().rows().eq([None; 3]));
        assert_eq!(batch.f64_lists("gap").unwrap().flattened(), [0.0; 0]);
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
        assert_eq!((batch.phase(), batch.len()), (&second, 1));
    }

    #[test]
    #[should_panic(expected = "column `a` is there already")]
    fn columns_of_one_name_are_refused() {
        let _ = BatchBuilder::new("x").f64s("a", "", [1.0]).u64s("a", "", [1]);
    }
}
