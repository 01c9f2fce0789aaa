//! Stored values as numbers, by the type of their column.

use arrow_buffer::i256;
use half::f16;
use parquet::data_type::Int96;

use super::column_type::ColumnType;
use super::decimal::write_decimal;
use super::decoder::Decoder;

/// Day of 1970-01-01 as INT96 counts days, and the nanoseconds of a day.
const INT96_EPOCH_DAY: i64 = 2_440_588;
const DAY_NS: i64 = 86_400_000_000_000;

/// A signed integer; of an INT96, nanoseconds since 1970. None: it does not fit.
pub(super) fn signed(values: &Decoder, row: usize) -> Option<i64> {
    match values {
        Decoder::Int32(of) => Some(i64::from(of.values[row])),
        Decoder::Int64(of) => Some(of.values[row]),
        Decoder::Int96(of) => int96_ns(&of.values[row]),
        _ => None,
    }
}

/// An unsigned integer.
pub(super) fn unsigned(values: &Decoder, row: usize) -> Option<u64> {
    match values {
        Decoder::Int32(of) => Some(u64::from(of.values[row].cast_unsigned())),
        Decoder::Int64(of) => Some(of.values[row].cast_unsigned()),
        _ => None,
    }
}

/// A number of any type.
pub(super) fn number(values: &Decoder, row: usize, column_type: &ColumnType) -> Option<f64> {
    match (column_type, values) {
        (ColumnType::Float64, Decoder::Double(of)) => Some(of.values[row]),
        (ColumnType::Float32, Decoder::Float(of)) => Some(f64::from(of.values[row])),
        (ColumnType::Float16, _) => float16(values, row).map(f64::from),
        (ColumnType::Signed(_), _) => signed(values, row).map(|value| value as f64),
        (ColumnType::Unsigned(_), _) => unsigned(values, row).map(|value| value as f64),
        (ColumnType::Boolean, Decoder::Bool(of)) => Some(f64::from(of.values[row])),
        (ColumnType::Decimal { scale, .. }, _) => {
            let unscaled = unscaled(values, row)?;
            match unscaled.to_i128() {
                Some(unscaled) => Some(unscaled as f64 / 10_f64.powi(*scale as i32)),
                None => {
                    let mut text = String::new();
                    write_decimal(&mut text, unscaled, *scale as usize);
                    text.parse().ok()
                }
            }
        }
        _ => None,
    }
}

pub(super) fn float16(values: &Decoder, row: usize) -> Option<f16> {
    bytes(values, row)?.try_into().ok().map(f16::from_le_bytes)
}

/// A decimal without its point. None: it has more than 32 bytes.
pub(super) fn unscaled(values: &Decoder, row: usize) -> Option<i256> {
    let Some(bytes) = bytes(values, row) else {
        return signed(values, row).map(|value| i256::from_i128(i128::from(value)));
    };
    // Big-endian, in as few bytes as the writer likes: the sign fills up those before.
    let is_negative = bytes.first().is_some_and(|first| first.leading_ones() > 0);
    let mut all = [if is_negative { 0xff } else { 0 }; 32];
    let before = all.len().checked_sub(bytes.len())?;
    all[before..].copy_from_slice(bytes);
    Some(i256::from_be_bytes(all))
}

/// The bytes of a byte array.
pub(super) fn bytes(values: &Decoder, row: usize) -> Option<&[u8]> {
    match values {
        Decoder::Bytes(of) => Some(of.values[row].data()),
        Decoder::FixedBytes(of) => Some(of.values[row].data()),
        _ => None,
    }
}

/// Nanoseconds since 1970 of nanoseconds of a day, in the two lower words, and a day.
fn int96_ns(value: &Int96) -> Option<i64> {
    let [low, high, day] = *value.data() else { return None };
    let of_day = i64::try_from((u64::from(high) << 32) | u64::from(low)).ok()?;
    let days = i64::from(day.cast_signed()) - INT96_EPOCH_DAY;
    // In 128 bits: before the nanoseconds are added, the first day that fits does not.
    let ns = i128::from(days) * i128::from(DAY_NS) + i128::from(of_day);
    i64::try_from(ns).ok()
}
