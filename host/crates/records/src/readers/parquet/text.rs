//! Stored values as text, for columns whose values are none.

use std::fmt::{self, Write as _};
use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta};

use super::column_type::ColumnType;
use super::decimal::write_decimal;
use super::decoder::Decoder;
use super::unit::Unit;
use super::value::{float16, signed, unscaled, unsigned};

const SECOND_NS: i64 = 1_000_000_000;

/// Texts of the values of some rows.
#[derive(Default)]
pub(super) struct Written {
    text: String,
    /// Place of each row's text; none: it is null, or cannot be written.
    places: Vec<Option<Range<usize>>>,
}

impl Written {
    /// Writes the values of rows, which replace those before them.
    pub(super) fn write(&mut self, values: &Decoder, rows: usize, column_type: &ColumnType) {
        self.text.clear();
        self.places.clear();
        self.places.extend((0..rows).map(|row| {
            let start = self.text.len();
            let is_written = !values.is_null(row)
                && write_value(&mut self.text, values, row, column_type).is_ok();
            is_written.then_some(start..self.text.len())
        }));
    }

    pub(super) fn text(&self, row: usize) -> Option<&str> {
        self.text.get(self.places.get(row)?.clone()?)
    }
}

/// Writes a value.
///
/// # Errors
/// When it is beyond the dates that a calendar has.
fn write_value(
    out: &mut String,
    values: &Decoder,
    row: usize,
    column_type: &ColumnType,
) -> fmt::Result {
    let whole = || signed(values, row).ok_or(fmt::Error);
    match (column_type, values) {
        (ColumnType::Boolean, Decoder::Bool(of)) => write!(out, "{}", of.values[row]),
        (ColumnType::Signed(_), _) => write!(out, "{}", whole()?),
        (ColumnType::Unsigned(_), _) => {
            write!(out, "{}", unsigned(values, row).ok_or(fmt::Error)?)
        }
        (ColumnType::Float16, _) => write!(out, "{}", float16(values, row).ok_or(fmt::Error)?),
        (ColumnType::Float32, Decoder::Float(of)) => write!(out, "{:?}", of.values[row]),
        (ColumnType::Float64, Decoder::Double(of)) => write!(out, "{:?}", of.values[row]),
        (ColumnType::Decimal { scale, .. }, _) => {
            write_decimal(out, unscaled(values, row).ok_or(fmt::Error)?, *scale as usize);
            Ok(())
        }
        (ColumnType::Date32, _) => write!(out, "{:?}", date(whole()?).ok_or(fmt::Error)?),
        (ColumnType::Date64, _) => write!(out, "{:?}", time(whole()?, Unit::Millisecond)?),
        (ColumnType::Time(unit), _) => {
            write!(out, "{:?}", time_of_day(whole()?, *unit).ok_or(fmt::Error)?)
        }
        (ColumnType::Timestamp(unit, None), _) => write!(out, "{:?}", time(whole()?, *unit)?),
        (ColumnType::Timestamp(unit, Some(_)), _) => {
            let time = time(whole()?, *unit)?.and_utc();
            out.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }
        (ColumnType::Duration(unit), _) => {
            write!(out, "{}", duration(whole()?, *unit).ok_or(fmt::Error)?)
        }
        _ => Err(fmt::Error),
    }
}

fn date(days: i64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::try_days(days)?)
}

fn time(since_1970: i64, unit: Unit) -> Result<NaiveDateTime, fmt::Error> {
    let (seconds, ns) = split(since_1970, unit);
    DateTime::from_timestamp(seconds, ns).map(|time| time.naive_utc()).ok_or(fmt::Error)
}

fn time_of_day(since_midnight: i64, unit: Unit) -> Option<NaiveTime> {
    let (seconds, ns) = split(since_midnight, unit);
    NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(seconds).ok()?, ns)
}

fn duration(span: i64, unit: Unit) -> Option<TimeDelta> {
    let (seconds, ns) = split(span, unit);
    TimeDelta::new(seconds, ns)
}

/// Whole seconds, and nanoseconds from them on.
fn split(count: i64, unit: Unit) -> (i64, u32) {
    let per_second = SECOND_NS / unit.ns();
    let ns = count.rem_euclid(per_second) * unit.ns();
    (count.div_euclid(per_second), ns as u32)
}
