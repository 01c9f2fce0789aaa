//! Builders of columns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{DictionaryArray, Float64Array, ListArray, PrimitiveArray, StringArray};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};
use perfbox_model::batch::{Column, ColumnType};

/// Builder of one column. Holds one row for each record up to the last that has a value.
pub(crate) enum ColumnBuilder {
    U64(FixedBuilder<u64>),
    F64(FixedBuilder<f64>),
    Text(TextBuilder),
    F64List(ListBuilder),
    /// A column that no plugin asked for.
    Unread,
}

impl ColumnBuilder {
    pub(crate) fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::U64 => Self::U64(FixedBuilder::default()),
            ColumnType::F64 => Self::F64(FixedBuilder::default()),
            ColumnType::Text => Self::Text(TextBuilder::default()),
            ColumnType::F64List => Self::F64List(ListBuilder::default()),
        }
    }

    /// Keeps only the first rows.
    pub(crate) fn truncate(&mut self, rows: usize) {
        match self {
            Self::U64(values) => values.truncate(rows),
            Self::F64(values) => values.truncate(rows),
            Self::Text(values) => values.codes.truncate(rows),
            Self::F64List(values) => {
                values.ends.truncate(rows);
                values.items.truncate(values.ends.values.last().map_or(0, |end| *end as usize));
            }
            Self::Unread => {}
        }
    }

    /// Returns the column with that many rows; rows without a value are missing. Returns none
    /// for a column that is not read.
    pub(crate) fn take(&mut self, rows: usize) -> Option<Column> {
        Some(match self {
            Self::U64(values) => {
                let (values, nulls) = values.take(rows, 0);
                Column::U64(PrimitiveArray::new(values.into(), nulls))
            }
            Self::F64(values) => {
                let (values, nulls) = values.take(rows, 0.0);
                Column::F64(Float64Array::new(values.into(), nulls))
            }
            Self::Text(values) => Column::Text(values.take(rows)),
            Self::F64List(values) => Column::F64List(values.take(rows)),
            Self::Unread => return None,
        })
    }
}

/// Values of one size, and the rows without a value.
#[derive(Default)]
pub(crate) struct FixedBuilder<T> {
    values: Vec<T>,
    missing: Vec<u32>,
}

impl<T: Copy + Default> FixedBuilder<T> {
    pub(crate) fn set(&mut self, row: usize, value: T) {
        if self.values.len() != row {
            self.pad(row, T::default());
        }
        self.values.push(value);
    }

    /// Fills the rows before `row` that have no value.
    #[cold]
    fn pad(&mut self, row: usize, value: T) {
        let from = self.values.len();
        if from < row {
            self.missing.extend((from..row).map(|row| row as u32));
            self.values.resize(row, value);
        }
    }

    fn truncate(&mut self, rows: usize) {
        if self.values.len() <= rows {
            return;
        }
        self.values.truncate(rows);
        let kept = self.missing.partition_point(|row| (*row as usize) < rows);
        self.missing.truncate(kept);
    }

    fn take(&mut self, rows: usize, last: T) -> (Vec<T>, Option<NullBuffer>) {
        self.pad(rows, last);
        // The next batch probably has the same size.
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(rows));
        let missing = std::mem::take(&mut self.missing);
        if missing.is_empty() {
            return (values, None);
        }
        let mut validity = BooleanBufferBuilder::new(rows);
        validity.append_n(rows, true);
        missing.iter().for_each(|row| validity.set_bit(*row as usize, false));
        (values, Some(NullBuffer::new(validity.finish())))
    }
}

/// Dictionary-coded text.
#[derive(Default)]
pub(crate) struct TextBuilder {
    codes: FixedBuilder<u32>,
    dictionary: Vec<Arc<str>>,
    known: HashMap<Arc<str>, u32>,
    last: u32,
}

impl TextBuilder {
    pub(crate) fn set(&mut self, row: usize, text: &str) {
        let code = self.code(text);
        self.codes.set(row, code);
    }

    fn code(&mut self, text: &str) -> u32 {
        // Consecutive records often have the same text.
        if self.dictionary.get(self.last as usize).is_some_and(|last| **last == *text) {
            return self.last;
        }
        self.last = match self.known.get(text) {
            Some(code) => *code,
            None => {
                let (code, text) = (self.dictionary.len() as u32, Arc::<str>::from(text));
                self.dictionary.push(Arc::clone(&text));
                self.known.insert(text, code);
                code
            }
        };
        self.last
    }

    fn take(&mut self, rows: usize) -> DictionaryArray<UInt32Type> {
        let (codes, nulls) = self.codes.take(rows, 0);
        let texts = StringArray::from_iter_values(std::mem::take(&mut self.dictionary));
        self.known.clear();
        let codes = PrimitiveArray::new(codes.into(), nulls);
        DictionaryArray::new(codes, Arc::new(texts))
    }
}

/// Lists, stored one after the other.
#[derive(Default)]
pub(crate) struct ListBuilder {
    items: Vec<f64>,
    /// End of each row's list in `items`.
    ends: FixedBuilder<i32>,
}

impl ListBuilder {
    /// Begins the list of a row.
    pub(crate) fn begin(&mut self, row: usize) -> ListWriter<'_> {
        let from = self.items.len();
        ListWriter { values: self, row, from }
    }

    fn take(&mut self, rows: usize) -> ListArray {
        let (ends, nulls) = self.ends.take(rows, self.items.len() as i32);
        let items = std::mem::take(&mut self.items);
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        offsets.extend(ends);
        let field = Field::new_list_field(DataType::Float64, true);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        ListArray::new(Arc::new(field), offsets, Arc::new(Float64Array::from(items)), nulls)
    }
}

/// Writes the list of one row.
pub(crate) struct ListWriter<'l> {
    values: &'l mut ListBuilder,
    row: usize,
    from: usize,
}

impl ListWriter<'_> {
    pub(crate) fn push(&mut self, value: f64) {
        self.values.items.push(value);
    }

    pub(crate) fn end(self) {
        let end = self.values.items.len();
        self.values.ends.pad(self.row, self.from as i32);
        self.values.ends.set(self.row, end as i32);
    }
}
