//! The columns of a batch.

use crate::bindings::batches;

/// One bit a record; none when every value is there.
#[derive(Debug, Clone, PartialEq)]
struct Validity(Option<Vec<u8>>);

impl Validity {
    /// No value is present.
    fn none(len: usize) -> Self {
        Self(Some(vec![0; len.div_ceil(8)]))
    }

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

impl ColumnType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::U64 => "u64",
            Self::F64 => "f64",
            Self::Text => "text",
            Self::F64List => "f64-list",
        }
    }

    /// The getter of [`Batch`](crate::Batch) for such a column.
    pub(crate) fn getter(self) -> &'static str {
        match self {
            Self::U64 => "u64s",
            Self::F64 => "f64s",
            Self::Text => "texts",
            Self::F64List => "f64_lists",
        }
    }
}

/// Name, type and unit of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name, unique in the batch.
    pub name: String,
    /// What it holds.
    pub kind: ColumnType,
    /// Unit of its numbers; empty if there is none.
    pub unit: String,
}

/// A column of any type.
#[derive(Debug, Clone)]
pub(crate) enum AnyColumn {
    U64(Column<u64>),
    F64(Column<f64>),
    Text(TextColumn),
    F64List(ListColumn),
}

impl AnyColumn {
    pub(crate) fn kind(&self) -> ColumnType {
        match self {
            Self::U64(_) => ColumnType::U64,
            Self::F64(_) => ColumnType::F64,
            Self::Text(_) => ColumnType::Text,
            Self::F64List(_) => ColumnType::F64List,
        }
    }

    pub(crate) fn from_wit(values: batches::ColumnValues, validity: Option<Vec<u8>>) -> Self {
        let validity = Validity(validity);
        match values {
            batches::ColumnValues::U64s(values) => Self::U64(Column { values, validity }),
            batches::ColumnValues::F64s(values) => Self::F64(Column { values, validity }),
            batches::ColumnValues::Texts(batches::DictionaryTexts { dictionary, codes }) => {
                Self::Text(TextColumn { dictionary, codes: Column { values: codes, validity } })
            }
            batches::ColumnValues::Lists(batches::F64Lists { values, offsets }) => {
                Self::F64List(ListColumn { values, offsets, validity })
            }
        }
    }
}

/// Columns without a single value, for names that a batch does not have.
impl<T: Copy + Default> Column<T> {
    pub(crate) fn missing(len: usize) -> Self {
        Self { values: vec![T::default(); len], validity: Validity::none(len) }
    }
}

impl TextColumn {
    pub(crate) fn missing(len: usize) -> Self {
        Self { dictionary: Vec::new(), codes: Column::missing(len) }
    }
}

impl ListColumn {
    pub(crate) fn missing(len: usize) -> Self {
        Self { values: Vec::new(), offsets: vec![0; len + 1], validity: Validity::none(len) }
    }
}
