use std::cell::OnceCell;

use crate::bindings::batches;
use crate::column::AnyColumn;
use crate::processor::Wanted;
use crate::rows::Rows;
use crate::{Column, ColumnInfo, ColumnType, Error, ListColumn, Phase, Result, TextColumn};

/// Records of one phase, as columns.
///
/// It has the columns that [`requirements`](crate::Processor::requirements) asks for. A
/// column that this batch lacks is missing for all of its records; a later batch may have
/// it.
#[derive(Debug)]
pub struct Batch {
    phase: Phase,
    len: usize,
    infos: Vec<ColumnInfo>,
    /// One for each of `infos`.
    columns: Vec<AnyColumn>,
    over_exact_memory: bool,
    /// What `requirements` asked for.
    wanted: Wanted,
    /// What the getters return for names that the batch does not have.
    missing: Missing,
}

#[derive(Debug, Default)]
struct Missing {
    u64s: OnceCell<Column<u64>>,
    f64s: OnceCell<Column<f64>>,
    texts: OnceCell<TextColumn>,
    f64_lists: OnceCell<ListColumn>,
}

impl Batch {
    pub(crate) fn new(phase: Phase, len: usize, columns: Vec<(ColumnInfo, AnyColumn)>) -> Self {
        let (infos, columns) = columns.into_iter().unzip();
        Self {
            phase,
            len,
            infos,
            columns,
            over_exact_memory: false,
            wanted: Wanted::All,
            missing: Missing::default(),
        }
    }

    pub(crate) fn from_wit(batch: batches::Batch, wanted: Wanted) -> Self {
        let columns = batch.columns.into_iter().map(|column| {
            let values = AnyColumn::from_wit(column.values, column.validity);
            (ColumnInfo { name: column.name, kind: values.kind(), unit: column.unit }, values)
        });
        let mut new = Self::new(batch.phase, batch.len as usize, columns.collect());
        new.over_exact_memory = batch.over_exact_memory;
        new.wanted = wanted;
        new
    }

    pub(crate) fn set_over_exact_memory(&mut self, over: bool) {
        self.over_exact_memory = over;
    }

    /// The phase of all of its records.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Number of records; at least one in a batch from the host.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True once the numbers that all instances of this processor got, this batch included,
    /// take more memory than [`Requirements::exact_memory`](crate::Requirements): replace
    /// samples by a sketch. Every instance that sees the last batches decides the same.
    pub fn is_over_exact_memory(&self) -> bool {
        self.over_exact_memory
    }

    /// The columns of this batch.
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.infos
    }

    /// True if this batch has a column of that name.
    pub fn has(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    /// A column of whole numbers, for example `request_start_ns`.
    ///
    /// # Errors
    /// If the column has another type, or is not among those that
    /// [`requirements`](crate::Processor::requirements) asks for. So for the getters below.
    pub fn u64s(&self, name: &str) -> Result<&Column<u64>> {
        match self.column(name) {
            Some(AnyColumn::U64(column)) => Ok(column),
            other => {
                self.check_missing(name, ColumnType::U64, other)?;
                Ok(self.missing.u64s.get_or_init(|| Column::missing(self.len)))
            }
        }
    }

    /// A column of numbers, for example `request_latency` (ms).
    ///
    /// # Errors
    /// See [`u64s`](Self::u64s).
    pub fn f64s(&self, name: &str) -> Result<&Column<f64>> {
        match self.column(name) {
            Some(AnyColumn::F64(column)) => Ok(column),
            other => {
                self.check_missing(name, ColumnType::F64, other)?;
                Ok(self.missing.f64s.get_or_init(|| Column::missing(self.len)))
            }
        }
    }

    /// A column of text, for example `error_type`.
    ///
    /// # Errors
    /// See [`u64s`](Self::u64s).
    pub fn texts(&self, name: &str) -> Result<&TextColumn> {
        match self.column(name) {
            Some(AnyColumn::Text(column)) => Ok(column),
            other => {
                self.check_missing(name, ColumnType::Text, other)?;
                Ok(self.missing.texts.get_or_init(|| TextColumn::missing(self.len)))
            }
        }
    }

    /// A column of lists of numbers, for example `inter_chunk_latency` (ms).
    ///
    /// # Errors
    /// See [`u64s`](Self::u64s).
    pub fn f64_lists(&self, name: &str) -> Result<&ListColumn> {
        match self.column(name) {
            Some(AnyColumn::F64List(column)) => Ok(column),
            other => {
                self.check_missing(name, ColumnType::F64List, other)?;
                Ok(self.missing.f64_lists.get_or_init(|| ListColumn::missing(self.len)))
            }
        }
    }

    /// The records one by one. Convenient, and much slower than columns: for thousands of
    /// records, not for millions.
    pub fn rows(&self) -> Rows<'_> {
        let names = self.infos.iter().map(|info| info.name.as_str());
        Rows::new(self.len, names.zip(&self.columns).collect())
    }

    fn column(&self, name: &str) -> Option<&AnyColumn> {
        let at = self.infos.iter().position(|info| info.name == name)?;
        self.columns.get(at)
    }

    /// Whether a column that was asked for as `asked` may count as missing; `actual` is the
    /// batch's column of that name.
    fn check_missing(
        &self,
        name: &str,
        asked: ColumnType,
        actual: Option<&AnyColumn>,
    ) -> Result<()> {
        if let Some(actual) = actual.map(AnyColumn::kind) {
            return Err(Error::invalid_input(format!(
                "column `{name}` is of type {}, not {}; ask for it with `{}`",
                actual.name(),
                asked.name(),
                actual.getter()
            )));
        }
        let is_number = matches!(asked, ColumnType::F64 | ColumnType::F64List);
        let is_wanted = match &self.wanted {
            Wanted::All => true,
            Wanted::Named(names) => names.iter().any(|wanted| wanted == name),
            Wanted::NumbersAnd(names) => is_number || names.iter().any(|wanted| wanted == name),
        };
        match is_wanted {
            true => Ok(()),
            false => Err(Error::invalid_input(format!(
                "column `{name}` is not among the columns that `requirements` asks for; add it \
                 there"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, BatchBuilder};

    /// A batch as it comes from the host, of two records with the column `latency`.
    fn from_host(wanted: Wanted) -> Batch {
        let column = batches::Column {
            name: "latency".to_owned(),
            unit: "ms".to_owned(),
            values: batches::ColumnValues::F64s(vec![1.0, 0.0]),
            validity: Some(vec![0b01]),
        };
        let batch = batches::Batch {
            phase: testing::phase("warmup"),
            len: 2,
            columns: vec![column],
            over_exact_memory: true,
        };
        Batch::from_wit(batch, wanted)
    }

    #[test]
    fn a_batch_of_the_host_is_what_it_says() {
        let batch = from_host(Wanted::All);
        assert_eq!((batch.phase(), batch.len()), (&testing::phase("warmup"), 2));
        assert!(batch.is_over_exact_memory() && batch.has("latency") && !batch.has("latencies"));
        let info = ColumnInfo { name: "latency".into(), kind: ColumnType::F64, unit: "ms".into() };
        assert_eq!(batch.columns(), [info]);
        assert!(batch.f64s("latency").unwrap().rows().eq([Some(1.0), None]));
    }

    #[test]
    fn a_column_that_requirements_leave_out_is_refused_and_one_that_is_missing_is_not() {
        let named = from_host(Wanted::Named(vec!["latency".to_owned(), "label".to_owned()]));
        assert!(named.texts("label").unwrap().rows().eq([None; 2]));
        assert_eq!(
            named.f64s("gap").unwrap_err().message(),
            "column `gap` is not among the columns that `requirements` asks for; add it there"
        );
        let numbers = from_host(Wanted::NumbersAnd(vec!["label".to_owned()]));
        assert!(numbers.f64s("gap").is_ok() && numbers.texts("label").is_ok());
        assert!(numbers.u64s("status").is_err() && numbers.texts("name").is_err());
    }

    #[test]
    fn a_row_has_nothing_of_another_type_but_whole_numbers_as_numbers() {
        let batch = BatchBuilder::new("profiling")
            .u64s("start", "ns", [7])
            .f64s("latency", "ms", [1.5])
            .texts("label", ["a"])
            .f64_lists("gaps", "ms", [vec![2.5]])
            .build();
        let rows = batch.rows();
        let row = rows.iter().next().unwrap();
        assert_eq!((row.u64("start"), row.u64("latency")), (Some(7), None));
        assert_eq!((row.f64("start"), row.f64("latency")), (Some(7.0), Some(1.5)));
        assert_eq!((row.f64("label"), row.f64("gaps")), (None, None));
        assert_eq!((row.text("label"), row.text("gaps")), (Some("a"), None));
        assert_eq!((row.f64_list("gaps"), row.f64_list("label")), (Some(&[2.5][..]), None));
    }

    #[test]
    fn the_wrong_getter_is_answered_with_the_right_one() {
        let batch = BatchBuilder::new("profiling")
            .u64s("start", "ns", [7])
            .f64s("latency", "ms", [1.5])
            .texts("label", ["a"])
            .f64_lists("gaps", "ms", [vec![2.5]])
            .build();
        for (error, expected) in [
            (batch.u64s("latency").unwrap_err(), "of type f64, not u64; ask for it with `f64s`"),
            (batch.texts("start").unwrap_err(), "of type u64, not text; ask for it with `u64s`"),
            (
                batch.f64_lists("label").unwrap_err(),
                "of type text, not f64-list; ask for it with `texts`",
            ),
            (
                batch.f64s("gaps").unwrap_err(),
                "of type f64-list, not f64; ask for it with `f64_lists`",
            ),
        ] {
            assert!(error.message().ends_with(expected), "{error}");
        }
    }

    #[test]
    fn lengths_count_missing_values_too() {
        let batch = BatchBuilder::new("profiling")
            .f64s("latency", "ms", [Some(1.5), None])
            .texts("label", [None, Some("a")])
            .f64_lists("gaps", "ms", [None, Some(vec![2.5])])
            .build();
        let (latency, label) = (batch.f64s("latency").unwrap(), batch.texts("label").unwrap());
        let gaps = batch.f64_lists("gaps").unwrap();
        assert_eq!((batch.len(), latency.len(), label.len(), gaps.len()), (2, 2, 2, 2));
        assert!(!batch.is_empty() && !latency.is_empty() && !label.is_empty() && !gaps.is_empty());
        assert!(!gaps.is_complete());
    }

    #[test]
    fn a_batch_without_records_has_empty_columns() {
        let batch = BatchBuilder::new("profiling")
            .f64s("latency", "ms", [0.0; 0])
            .texts("label", [""; 0])
            .f64_lists("gaps", "ms", Vec::<Vec<f64>>::new())
            .build();
        assert!(batch.is_empty());
        assert!(batch.f64s("latency").unwrap().is_empty());
        assert!(batch.texts("label").unwrap().is_empty());
        assert!(batch.f64_lists("gaps").unwrap().is_empty());
        assert_eq!(batch.rows().iter().count(), 0);
    }

    #[test]
    fn codes_are_places_in_the_dictionary() {
        let batch = BatchBuilder::new("profiling").texts("label", ["a", "b", "a"]).build();
        let label = batch.texts("label").unwrap();
        let mut counts = vec![0; label.dictionary().len()];
        label.codes().iter().for_each(|code| counts[*code as usize] += 1);
        assert_eq!(label.dictionary(), ["a", "b"]);
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn chosen_values_are_those_there_and_wanted() {
        for records in [0, 1, 7, 8, 9, 40, 43] {
            let values = (0..records).map(|i| (i % 3 != 1).then_some(i));
            let is_wanted: Vec<bool> = (0..records).map(|i| i % 5 != 0).collect();
            let some = BatchBuilder::new("profiling").u64s("n", "", values.clone()).build();
            let mut chosen = vec![99];
            some.u64s("n").unwrap().choose(&is_wanted, &mut chosen);
            let expected = values.flatten().filter(|i| i % 5 != 0);
            assert!(chosen.into_iter().eq([99].into_iter().chain(expected)), "{records}");

            let all = BatchBuilder::new("profiling").u64s("n", "", 0..records).build();
            let mut chosen = vec![];
            all.u64s("n").unwrap().choose(&is_wanted, &mut chosen);
            assert!(chosen.into_iter().eq((0..records).filter(|i| i % 5 != 0)), "{records}");
        }
    }

    #[test]
    fn validity_holds_beyond_the_first_byte() {
        let values = (0..20_u64).map(|i| (i % 3 == 0).then_some(i));
        let batch = BatchBuilder::new("profiling").u64s("n", "", values.clone()).build();
        assert!(batch.u64s("n").unwrap().rows().eq(values));
    }
}
