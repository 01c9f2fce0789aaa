use std::collections::BTreeMap;

use crate::bindings::batches::{
    self, ColumnError, ColumnInfo, ColumnType, F64Column, F64ListColumn, TextColumn as WitText,
    U64Column,
};
use crate::{Error, Phase, Result};

/// Some records of one phase, as columns, in the order of the input.
///
/// Each getter copies one column into the plugin: ask once a batch and keep what was
/// returned.
pub struct Batch<'a> {
    source: Box<dyn ColumnSource + 'a>,
}

/// Where a batch has its columns from: the host, or a test.
pub(crate) trait ColumnSource {
    fn phase(&self) -> Phase;
    fn len(&self) -> u32;
    fn numbers_so_far(&self) -> u64;
    fn columns(&self) -> Vec<ColumnInfo>;
    fn u64s(&self, name: &str) -> Result<U64Column, ColumnError>;
    fn f64s(&self, name: &str) -> Result<F64Column, ColumnError>;
    fn texts(&self, name: &str) -> Result<WitText, ColumnError>;
    fn f64_lists(&self, name: &str) -> Result<F64ListColumn, ColumnError>;
}

impl ColumnSource for &batches::Batch {
    fn phase(&self) -> Phase {
        batches::Batch::phase(self)
    }
    fn len(&self) -> u32 {
        batches::Batch::len(self)
    }
    fn numbers_so_far(&self) -> u64 {
        batches::Batch::numbers_so_far(self)
    }
    fn columns(&self) -> Vec<ColumnInfo> {
        batches::Batch::columns(self)
    }
    fn u64s(&self, name: &str) -> Result<U64Column, ColumnError> {
        batches::Batch::u64s(self, name)
    }
    fn f64s(&self, name: &str) -> Result<F64Column, ColumnError> {
        batches::Batch::f64s(self, name)
    }
    fn texts(&self, name: &str) -> Result<WitText, ColumnError> {
        batches::Batch::texts(self, name)
    }
    fn f64_lists(&self, name: &str) -> Result<F64ListColumn, ColumnError> {
        batches::Batch::f64_lists(self, name)
    }
}

impl<'a> Batch<'a> {
    pub(crate) fn new(source: impl ColumnSource + 'a) -> Self {
        Self { source: Box::new(source) }
    }

    /// The phase that all its records belong to.
    pub fn phase(&self) -> Phase {
        self.source.phase()
    }

    /// Records in it; at least one when it comes from the host.
    pub fn len(&self) -> usize {
        self.source.len() as usize
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many numbers there are in the batches of the run up to this one, itself
    /// included, whichever instance they went to: values of f64 columns that are there,
    /// and items of f64-list columns, of the columns that
    /// [`requirements`](crate::Processor::requirements) asks for. By it all instances of
    /// a mergeable processor can decide the same thing, such as when to keep no more
    /// samples.
    pub fn numbers_so_far(&self) -> u64 {
        self.source.numbers_so_far()
    }

    /// The columns of the run, the same for every batch. Those that
    /// [`requirements`](crate::Processor::requirements) leaves out are named as well,
    /// but cannot be asked for.
    pub fn columns(&self) -> Vec<ColumnInfo> {
        self.source.columns()
    }

    /// True when the run has a column of this name.
    pub fn has(&self, name: &str) -> bool {
        self.columns().iter().any(|column| column.name == name)
    }

    /// A column of whole numbers, for example `request_start_ns`.
    ///
    /// # Errors
    /// When the run has no such column, or it is of another type; the message says
    /// which there are. So for the getters below.
    pub fn u64s(&self, name: &str) -> Result<Column<u64>> {
        let column = self.source.u64s(name).map_err(|e| self.refused(name, ColumnType::U64, &e))?;
        Ok(Column { values: column.values, validity: Validity(column.validity) })
    }

    /// A column of numbers, for example `request_latency` (ms).
    ///
    /// # Errors
    /// See [`u64s`](Self::u64s).
    pub fn f64s(&self, name: &str) -> Result<Column<f64>> {
        let column = self.source.f64s(name).map_err(|e| self.refused(name, ColumnType::F64, &e))?;
        Ok(Column { values: column.values, validity: Validity(column.validity) })
    }

    /// A column of text, for example `error_type`.
    ///
    /// # Errors
    /// See [`u64s`](Self::u64s).
    pub fn texts(&self, name: &str) -> Result<TextColumn> {
        let column =
            self.source.texts(name).map_err(|e| self.refused(name, ColumnType::Text, &e))?;
        Ok(TextColumn {
            dictionary: column.dictionary,
            codes: Column { values: column.codes, validity: Validity(column.validity) },
        })
    }

    /// A column of lists of numbers, for example `inter_chunk_latency` (ms).
    ///
    /// # Errors
    /// See [`u64s`](Self::u64s).
    pub fn f64_lists(&self, name: &str) -> Result<ListColumn> {
        let column =
            self.source.f64_lists(name).map_err(|e| self.refused(name, ColumnType::F64List, &e))?;
        Ok(ListColumn {
            values: column.values,
            offsets: column.offsets,
            validity: Validity(column.validity),
        })
    }

    /// All columns that can be asked for at once, to be read record by record.
    /// Convenient, and slower than the columns by far: for thousands of records, not for
    /// millions.
    pub fn rows(&self) -> Rows {
        let mut columns = BTreeMap::new();
        for info in self.columns() {
            let name = &info.name;
            let column = match info.type_ {
                ColumnType::U64 => self.u64s(name).map(AnyColumn::U64),
                ColumnType::F64 => self.f64s(name).map(AnyColumn::F64),
                ColumnType::Text => self.texts(name).map(AnyColumn::Text),
                ColumnType::F64List => self.f64_lists(name).map(AnyColumn::F64List),
            };
            // The columns are the run's own: one that is refused is not required.
            if let Ok(column) = column {
                columns.insert(info.name, column);
            }
        }
        Rows { len: self.len(), columns }
    }

    fn refused(&self, name: &str, wanted: ColumnType, error: &ColumnError) -> Error {
        Error::invalid_input(match error {
            ColumnError::Missing => {
                let columns = self.columns();
                let same_type = columns.iter().filter(|column| column.type_ == wanted);
                let names: Vec<_> = same_type.map(|column| column.name.as_str()).collect();
                format!(
                    "the records have no column `{name}`; of type {} they have {}",
                    type_name(wanted),
                    names.join(", ")
                )
            }
            ColumnError::WrongType(actual) => format!(
                "column `{name}` is of type {}, not {}; ask for it with `{}`",
                type_name(*actual),
                type_name(wanted),
                getter_name(*actual)
            ),
            ColumnError::NotRequired => {
                format!("column `{name}` is not among the columns that `requirements` names")
            }
        })
    }
}

fn type_name(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::U64 => "u64",
        ColumnType::F64 => "f64",
        ColumnType::Text => "text",
        ColumnType::F64List => "f64-list",
    }
}

fn getter_name(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::U64 => "u64s",
        ColumnType::F64 => "f64s",
        ColumnType::Text => "texts",
        ColumnType::F64List => "f64_lists",
    }
}

/// One bit a record; none when every value is there.
#[derive(Debug, Clone, PartialEq)]
struct Validity(Option<Vec<u8>>);

impl Validity {
    fn is_present(&self, row: usize) -> bool {
        self.0.as_ref().is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1)
    }
}

/// One number for each record, some of them missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Column<T> {
    values: Vec<T>,
    validity: Validity,
}

impl<T: Copy> Column<T> {
    /// The value of a record; none when it is missing.
    ///
    /// # Panics
    /// When `row` is not below [`len`](Self::len).
    pub fn get(&self, row: usize) -> Option<T> {
        let value = self.values[row];
        self.validity.is_present(row).then_some(value)
    }

    /// The values that are there, in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let present = self.values.iter().enumerate();
        present.filter(|(row, _)| self.validity.is_present(*row)).map(|(_, value)| value)
    }

    /// Every record's value or none, in order.
    pub fn rows(&self) -> impl Iterator<Item = Option<T>> {
        (0..self.values.len()).map(|row| self.get(row))
    }

    /// One slot a record, 0 where the value is missing: for tight loops, together
    /// with [`is_complete`](Self::is_complete).
    pub fn as_slice(&self) -> &[T] {
        &self.values
    }

    /// True when no value is missing.
    pub fn is_complete(&self) -> bool {
        self.validity.0.is_none()
    }

    /// Appends to `chosen` the values that are there of the records that are wanted, in
    /// order. Faster by far than [`rows`](Self::rows) with a filter.
    ///
    /// # Panics
    /// When `is_wanted` is not as long as the column.
    pub fn choose(&self, is_wanted: &[bool], chosen: &mut Vec<T>)
    where
        T: Default,
    {
        assert_eq!(is_wanted.len(), self.values.len(), "one a record");
        let start = chosen.len();
        chosen.resize(start + self.values.len(), T::default());
        let mut end = start;
        // Every value is written, and the next one over it unless it counts: no branch to
        // be guessed wrong. Eight at a time, since guests look at their deadline each time
        // round a loop.
        let mut take = |value: T, counts: bool| {
            chosen[end] = value;
            end += usize::from(counts);
        };
        let (values, last_values) = self.values.as_chunks::<8>();
        let (wanted, last_wanted) = is_wanted.as_chunks::<8>();
        let present = |byte: usize| self.validity.0.as_ref().map_or(0xff, |bits| bits[byte]);
        for (at, (values, wanted)) in values.iter().zip(wanted).enumerate() {
            let present = present(at);
            for bit in 0..8 {
                take(values[bit], wanted[bit] & (present >> bit & 1 == 1));
            }
        }
        if !last_values.is_empty() {
            let present = present(values.len());
            for (bit, (value, wanted)) in last_values.iter().zip(last_wanted).enumerate() {
                take(*value, wanted & (present >> bit & 1 == 1));
            }
        }
        chosen.truncate(end);
    }

    /// Records, missing values included.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// One text for each record, some of them missing.
#[derive(Debug, Clone, PartialEq)]
pub struct TextColumn {
    dictionary: Vec<String>,
    codes: Column<u32>,
}

impl TextColumn {
    /// The text of a record; none when it is missing.
    ///
    /// # Panics
    /// When `row` is not below [`len`](Self::len).
    pub fn get(&self, row: usize) -> Option<&str> {
        self.codes.get(row).map(|code| self.dictionary[code as usize].as_str())
    }

    /// Every record's text or none, in order.
    pub fn rows(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// The distinct texts of the batch: for counting by text, together with
    /// [`codes`](Self::codes).
    pub fn dictionary(&self) -> &[String] {
        &self.dictionary
    }

    /// For each record, its text's place in the dictionary.
    pub fn codes(&self) -> &Column<u32> {
        &self.codes
    }

    /// Records, missing texts included.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

/// One list of numbers for each record, some of them missing.
#[derive(Debug, Clone, PartialEq)]
pub struct ListColumn {
    values: Vec<f64>,
    offsets: Vec<u32>,
    validity: Validity,
}

impl ListColumn {
    /// The list of a record; none when it is missing, which an empty one is not.
    ///
    /// # Panics
    /// When `row` is not below [`len`](Self::len).
    pub fn get(&self, row: usize) -> Option<&[f64]> {
        let list = &self.values[self.offsets[row] as usize..self.offsets[row + 1] as usize];
        self.validity.is_present(row).then_some(list)
    }

    /// Every record's list or none, in order.
    pub fn rows(&self) -> impl Iterator<Item = Option<&[f64]>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// True when no list is missing.
    pub fn is_complete(&self) -> bool {
        self.validity.0.is_none()
    }

    /// The numbers of all lists, one after the other; a missing list has none.
    pub fn flattened(&self) -> &[f64] {
        &self.values
    }

    /// Records, missing lists included.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// True without records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Debug)]
enum AnyColumn {
    U64(Column<u64>),
    F64(Column<f64>),
    Text(TextColumn),
    F64List(ListColumn),
}

/// The records of a batch, one by one.
#[derive(Debug)]
pub struct Rows {
    len: usize,
    columns: BTreeMap<String, AnyColumn>,
}

impl Rows {
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
    columns: &'a BTreeMap<String, AnyColumn>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, BatchBuilder};

    /// Two records with columns of which none is required.
    struct NoneRequired;

    impl ColumnSource for NoneRequired {
        fn phase(&self) -> Phase {
            testing::phase("warmup")
        }
        fn len(&self) -> u32 {
            2
        }
        fn numbers_so_far(&self) -> u64 {
            0
        }
        fn columns(&self) -> Vec<ColumnInfo> {
            use ColumnType::{F64, F64List, Text, U64};
            let info = |(name, type_): (&str, _)| ColumnInfo {
                name: name.to_owned(),
                type_,
                unit: String::new(),
            };
            [("start", U64), ("latency", F64), ("label", Text), ("gaps", F64List)].map(info).into()
        }
        fn u64s(&self, _: &str) -> Result<U64Column, ColumnError> {
            Err(ColumnError::NotRequired)
        }
        fn f64s(&self, _: &str) -> Result<F64Column, ColumnError> {
            Err(ColumnError::NotRequired)
        }
        fn texts(&self, _: &str) -> Result<WitText, ColumnError> {
            Err(ColumnError::NotRequired)
        }
        fn f64_lists(&self, _: &str) -> Result<F64ListColumn, ColumnError> {
            Err(ColumnError::NotRequired)
        }
    }

    #[test]
    fn a_column_that_is_not_required_is_named_and_refused() {
        let batch = Batch::new(NoneRequired);
        assert_eq!(batch.phase(), testing::phase("warmup"));
        assert!(batch.has("latency") && !batch.has("latencies"));
        let error = batch.f64s("latency").unwrap_err();
        assert_eq!(
            error.message(),
            "column `latency` is not among the columns that `requirements` names"
        );
    }

    #[test]
    fn rows_are_as_many_as_records_even_without_a_column() {
        let rows = Batch::new(NoneRequired).rows();
        assert_eq!(rows.iter().count(), 2);
        for row in rows.iter() {
            assert_eq!((row.u64("start"), row.f64("latency")), (None, None));
            assert_eq!((row.text("label"), row.f64_list("gaps")), (None, None));
        }
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
