//! A batch as the contract's value, borrowed from its Arrow buffers where these already have
//! the form that the contract asks for.

use std::borrow::Cow;

use arrow_array::Array;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use perfbox_model::batch::{Batch, Column, ColumnInfo, WantedColumns};

use crate::bindings::batches;

/// The columns of a batch that a processor asked for.
pub(super) struct LoweredColumns<'b>(Vec<LoweredColumn<'b>>);

struct LoweredColumn<'b> {
    info: &'b ColumnInfo,
    values: Values<'b>,
    validity: Option<Cow<'b, [u8]>>,
}

enum Values<'b> {
    U64s(Cow<'b, [u64]>),
    F64s(Cow<'b, [f64]>),
    Texts { dictionary: Vec<&'b str>, codes: Cow<'b, [u32]> },
    Lists { values: &'b [f64], offsets: Vec<u32> },
}

impl<'b> LoweredColumns<'b> {
    pub(super) fn of(batch: &'b Batch, wanted: &WantedColumns) -> Self {
        let columns = batch.columns().filter(|(info, _)| wanted.wants(info));
        let columns = columns.map(|(info, column)| LoweredColumn {
            info,
            values: Values::of(column),
            validity: validity(column.array()),
        });
        Self(columns.collect())
    }

    /// As the contract has them.
    pub(super) fn as_wit(&self) -> Vec<batches::Column<'_>> {
        self.0.iter().map(LoweredColumn::as_wit).collect()
    }
}

impl LoweredColumn<'_> {
    fn as_wit(&self) -> batches::Column<'_> {
        batches::Column {
            name: &self.info.name,
            unit: &self.info.unit,
            values: self.values.as_wit(),
            validity: self.validity.as_deref(),
        }
    }
}

impl<'b> Values<'b> {
    fn of(column: &'b Column) -> Self {
        match column {
            Column::U64(array) => Self::U64s(zeroed(array.values(), array)),
            Column::F64(array) => Self::F64s(zeroed(array.values(), array)),
            Column::Text(array) => Self::Texts {
                dictionary: array.values().as_string::<i32>().iter().flatten().collect(),
                codes: zeroed(array.keys().values(), array),
            },
            Column::F64List(array) => Self::Lists {
                values: array.values().as_primitive::<Float64Type>().values(),
                offsets: array.value_offsets().iter().map(|offset| *offset as u32).collect(),
            },
        }
    }

    fn as_wit(&self) -> batches::ColumnValues<'_> {
        match self {
            Self::U64s(values) => batches::ColumnValues::U64s(values),
            Self::F64s(values) => batches::ColumnValues::F64s(values),
            Self::Texts { dictionary, codes } => {
                batches::ColumnValues::Texts(batches::DictionaryTexts { dictionary, codes })
            }
            Self::Lists { values, offsets } => {
                batches::ColumnValues::Lists(batches::F64Lists { values, offsets })
            }
        }
    }
}

/// Arrow's validity bits are the contract's: lowest bit first, 1 for a value. None if no
/// value is missing.
fn validity(array: &dyn Array) -> Option<Cow<'_, [u8]>> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0)?;
    let bits = nulls.inner();
    let is_aligned = bits.offset() == 0;
    let bytes = bits.len().div_ceil(8);
    Some(match bits.inner().as_slice().get(..bytes) {
        // Bits past the end of the batch are the buffer's, and the guest sees them.
        Some(whole) if is_aligned && bits.len().is_multiple_of(8) => Cow::Borrowed(whole),
        _ => Cow::Owned(bits.sliced().as_slice().to_vec()),
    })
}

/// Values with 0 where one is missing, as the contract asks. Copied only where a missing one
/// is not 0 already.
fn zeroed<'v, T: Copy + Default + PartialEq>(values: &'v [T], array: &dyn Array) -> Cow<'v, [T]> {
    let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return Cow::Borrowed(values);
    };
    let missing = || (0..values.len()).filter(|row| nulls.is_null(*row));
    if missing().all(|row| values[row] == T::default()) {
        return Cow::Borrowed(values);
    }
    let mut zeroed = values.to_vec();
    missing().for_each(|row| zeroed[row] = T::default());
    Cow::Owned(zeroed)
}
