//! Columns of Parquet: which types fit what they are mapped to, and what their values say.

use std::borrow::Cow;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray, UInt64Array};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use perfbox_model::escape;

use crate::mapping::definition::MappedField;
use crate::mapping::request_fields::RequestFields;
use crate::mapping::role::{BoundField, FieldRole};
use crate::mapping::values::whole_status;
use crate::number::{is_missing, read_number};
use crate::time::{TimeForm, UNITS};

/// A column that is something.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) bound: BoundField,
    form: Form,
}

/// In which one of few forms its values are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// Points in time, as nanoseconds.
    Ns,
    /// Durations: so many of its unit are a nanosecond.
    Duration(f64),
    Signed,
    Unsigned,
    Number,
    Text,
}

impl Column {
    /// Binds a field to a column of a type.
    ///
    /// # Errors
    /// When no value of that type is such a thing, in words.
    pub(super) fn new(
        mut bound: BoundField,
        (field, mapped): &(String, MappedField),
        kind: &DataType,
    ) -> Result<Self, String> {
        let unit = mapped.unit.as_deref();
        let unfit = |takes: &str| {
            format!(
                "column `{}` is of type {}, which cannot be `{}`; that takes {takes}",
                escape(&bound.name),
                escape(&kind.to_string()),
                escape(field)
            )
        };
        let own_unit = |own: TimeUnit| match unit {
            Some(unit) if !is_unit(own, unit) => Err(format!(
                "column `{}` is of type {}, which has its unit itself, and so not `{}`; leave the \
                 unit of `{}` out",
                escape(&bound.name),
                escape(&kind.to_string()),
                escape(unit),
                escape(field)
            )),
            _ => Ok(()),
        };
        let kind = match kind {
            DataType::Dictionary(_, of) => of,
            kind => kind,
        };
        let form = match &bound.role {
            FieldRole::Start(time) | FieldRole::End(time) => match kind {
                DataType::Timestamp(own, _) => own_unit(*own).map(|()| Form::Ns)?,
                kind if is_text(kind) => Form::Text,
                kind if *time == TimeForm::Rfc3339 || !kind.is_numeric() => {
                    return Err(unfit("a TIMESTAMP, a number with a unit, or text"));
                }
                kind if kind.is_unsigned_integer() => Form::Unsigned,
                kind if kind.is_signed_integer() => Form::Signed,
                // As it is written, so that no digit is lost.
                _ => Form::Text,
            },
            FieldRole::Latency(_) | FieldRole::Metric(..) => match kind {
                DataType::Duration(own) => match &mut bound.role {
                    FieldRole::Metric(_, unit) => {
                        Form::Duration(duration_unit(unit).ok_or_else(|| {
                            unfit("a number; of a DURATION the unit is ns, us, ms or s")
                        })?)
                    }
                    what => {
                        own_unit(*own)?;
                        *what = FieldRole::Latency(1.0);
                        Form::Duration(1e6)
                    }
                },
                DataType::Boolean if matches!(bound.role, FieldRole::Metric(..)) => Form::Number,
                kind if kind.is_numeric() => Form::Number,
                kind if is_text(kind) => Form::Text,
                _ => return Err(unfit("a number, a DURATION, or a number as text")),
            },
            FieldRole::Status => match kind {
                kind if kind.is_unsigned_integer() => Form::Unsigned,
                kind if kind.is_signed_integer() => Form::Signed,
                kind if kind.is_numeric() => Form::Number,
                kind if is_text(kind) => Form::Text,
                _ => return Err(unfit("a number or text")),
            },
            FieldRole::Success | FieldRole::Cancelled
                if *kind != DataType::Boolean && !kind.is_numeric() && !is_text(kind) =>
            {
                return Err(unfit("a truth value, a number or text"));
            }
            _ if kind.is_nested() || !arrow_cast::can_cast_types(kind, &DataType::Utf8) => {
                return Err(unfit("text, or what can be written as one"));
            }
            _ => Form::Text,
        };
        Ok(Self { bound, form })
    }

    /// The values of some rows.
    ///
    /// # Errors
    /// When they are of another type than the file says.
    pub(super) fn values(&self, array: &ArrayRef) -> Result<Values, ArrowError> {
        let cast = |kind| arrow_cast::cast(array, &kind);
        let read = match self.form {
            Form::Ns => {
                let zone = match array.data_type() {
                    DataType::Timestamp(_, zone) => zone.clone(),
                    _ => None,
                };
                let ns = cast(DataType::Timestamp(TimeUnit::Nanosecond, zone))?;
                Read::Ns(arrow_cast::cast(&ns, &DataType::Int64)?.as_primitive().clone())
            }
            Form::Duration(unit_ns) => {
                let ns = cast(DataType::Duration(TimeUnit::Nanosecond))?;
                let ns = arrow_cast::cast(&ns, &DataType::Int64)?;
                let ns = ns.as_primitive::<Int64Type>();
                Read::Number(ns.unary::<_, Float64Type>(|ns| ns as f64 / unit_ns))
            }
            Form::Signed => Read::Signed(cast(DataType::Int64)?.as_primitive().clone()),
            Form::Unsigned => {
                Read::Unsigned(cast(DataType::UInt64)?.as_primitive::<UInt64Type>().clone())
            }
            Form::Number => Read::Number(cast(DataType::Float64)?.as_primitive().clone()),
            Form::Text => Read::Text(cast(DataType::Utf8)?.as_string().clone()),
        };
        Ok(Values { there: array.logical_nulls(), told: read.array().logical_nulls(), read })
    }
}

/// Values of a column.
pub(super) struct Values {
    /// Which of them are there; none: all.
    there: Option<NullBuffer>,
    /// Which of them could be read; none: all.
    told: Option<NullBuffer>,
    read: Read,
}

enum Read {
    Ns(Int64Array),
    Signed(Int64Array),
    Unsigned(UInt64Array),
    Number(Float64Array),
    Text(StringArray),
}

impl Values {
    /// The text of a row; none: there is none, or these are no texts.
    pub(super) fn text(&self, at: usize) -> Option<&str> {
        match &self.read {
            Read::Text(array) => {
                array.is_valid(at).then(|| array.value(at)).filter(|text| !text.is_empty())
            }
            _ => None,
        }
    }

    /// Takes in the value of a row; gives that of a metric. None: there is none.
    pub(super) fn take<'v>(
        &'v self,
        at: usize,
        what: &FieldRole,
        facts: &mut RequestFields<'v>,
    ) -> Result<Option<f64>, String> {
        let is_null = |of: &Option<NullBuffer>| of.as_ref().is_some_and(|nulls| nulls.is_null(at));
        if is_null(&self.told) {
            return match is_null(&self.there) {
                true => Ok(None),
                false => Err("its value is beyond what can be told".to_owned()),
            };
        }
        match &self.read {
            Read::Ns(array) => {
                let ns = u64::try_from(array.value(at)).map_err(|_| BEFORE_1970.to_owned())?;
                facts.take_ns(what, ns);
            }
            Read::Signed(array) => take_signed(array.value(at), what, facts)?,
            Read::Unsigned(array) => take_unsigned(array.value(at), what, facts)?,
            Read::Number(array) => return take_number(array.value(at), what, facts),
            Read::Text(array) => match (array.value(at), what) {
                (text, _) if is_missing(text) => {}
                (text, FieldRole::Metric(..)) => return read_number(text).map(Some),
                (text, what) => facts.take(what, text)?,
            },
        }
        Ok(None)
    }
}

impl Read {
    fn array(&self) -> &dyn Array {
        match self {
            Self::Ns(array) | Self::Signed(array) => array,
            Self::Unsigned(array) => array,
            Self::Number(array) => array,
            Self::Text(array) => array,
        }
    }
}

const BEFORE_1970: &str = "the time is before 1970";

fn take_signed(value: i64, what: &FieldRole, facts: &mut RequestFields<'_>) -> Result<(), String> {
    match (u64::try_from(value), what) {
        (Ok(value), what) => take_unsigned(value, what, facts),
        (Err(_), FieldRole::Status) => {
            facts.take_status_text(Cow::Owned(value.to_string()));
            Ok(())
        }
        (Err(_), _) => Err(BEFORE_1970.to_owned()),
    }
}

fn take_unsigned(
    value: u64,
    what: &FieldRole,
    facts: &mut RequestFields<'_>,
) -> Result<(), String> {
    match what {
        FieldRole::Start(form @ TimeForm::Units(unit_ns))
        | FieldRole::End(form @ TimeForm::Units(unit_ns)) => {
            let ns = value.checked_mul(*unit_ns as u64);
            facts.take_ns(what, ns.ok_or_else(|| form.not_a_time(&value.to_string()))?);
        }
        FieldRole::Status => facts.take_status(value),
        _ => {}
    }
    Ok(())
}

fn take_number(
    value: f64,
    what: &FieldRole,
    facts: &mut RequestFields<'_>,
) -> Result<Option<f64>, String> {
    if !value.is_finite() {
        return Err(format!("`{value}` is no number"));
    }
    match what {
        FieldRole::Metric(..) => return Ok(Some(value)),
        FieldRole::Status => match whole_status(value) {
            Some(status) => facts.take_status(status),
            None => facts.take_status_text(Cow::Owned(value.to_string())),
        },
        what => facts.take_number(what, value),
    }
    Ok(None)
}

/// Whether texts are of that type; those of a column without any value are.
fn is_text(kind: &DataType) -> bool {
    kind.is_string() || kind.is_binary() || kind.is_null()
}

/// Whether that is the name of a unit.
fn is_unit(unit: TimeUnit, name: &str) -> bool {
    let names: &[&str] = match unit {
        TimeUnit::Second => &["s", "sec"],
        TimeUnit::Millisecond => &["ms"],
        TimeUnit::Microsecond => &["us"],
        TimeUnit::Nanosecond => &["ns"],
    };
    names.contains(&name)
}

/// The nanoseconds of the unit that a metric of durations is in: ns where none is named.
fn duration_unit(unit: &mut String) -> Option<f64> {
    if unit.is_empty() {
        *unit = "ns".to_owned();
    }
    UNITS.iter().find(|(name, _)| name == unit).map(|(_, ns)| *ns)
}
