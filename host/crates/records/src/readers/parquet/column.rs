//! Mapped columns: which types fit what a column is mapped to.

use super::column_type::ColumnType;
use super::unit::Unit;
use crate::mapping::definition::MappedField;
use crate::mapping::role::{BoundField, FieldRole};
use crate::time::{TimeForm, UNITS};
use perfbox_model::escape;

/// A mapped column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) bound: BoundField,
    pub(super) form: Form,
}

/// Form in which the values of a column are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// Points in time, in units of so many nanoseconds.
    Ns {
        unit_ns: i64,
    },
    /// Durations in units of so many nanoseconds, as numbers of `per_ns` nanoseconds each.
    Duration {
        unit_ns: i64,
        per_ns: f64,
    },
    Signed,
    Unsigned,
    Number,
    Text,
}

impl Column {
    /// Binds a field to a column of a type.
    ///
    /// # Errors
    /// When no value of that type fits the field, in words.
    pub(super) fn new(
        mut bound: BoundField,
        (field, mapped): &(String, MappedField),
        column_type: &ColumnType,
    ) -> Result<Self, String> {
        let unit = mapped.unit.as_deref();
        let unfit = |takes: &str| {
            format!(
                "column `{}` is of type {}, which cannot be `{}`; that takes {takes}",
                escape(&bound.name),
                escape(&column_type.to_string()),
                escape(field)
            )
        };
        let own_unit = |own: Unit| match unit {
            Some(unit) if !own.has_name(unit) => Err(format!(
                "column `{}` is of type {}, which has its unit itself, and so not `{}`; leave the \
                 unit of `{}` out",
                escape(&bound.name),
                escape(&column_type.to_string()),
                escape(unit),
                escape(field)
            )),
            _ => Ok(own.ns()),
        };
        let is_number_or_text = column_type.is_numeric() || column_type.is_text();
        let form = match &bound.role {
            FieldRole::Start(time) | FieldRole::End(time) => match column_type {
                ColumnType::Timestamp(own, _) => Form::Ns { unit_ns: own_unit(*own)? },
                of if of.is_text() => Form::Text,
                of if *time == TimeForm::Rfc3339 || !of.is_numeric() => {
                    return Err(unfit("a TIMESTAMP, a number with a unit, or text"));
                }
                // A number with a fraction as it is written, so that no digit is lost.
                of => integer_form(of).unwrap_or(Form::Text),
            },
            FieldRole::Latency(_) | FieldRole::Metric(..) => match column_type {
                ColumnType::Duration(own) => match &mut bound.role {
                    FieldRole::Metric(_, unit) => {
                        let per_ns = duration_unit(unit).ok_or_else(|| {
                            unfit("a number; of a DURATION the unit is ns, us, ms or s")
                        })?;
                        Form::Duration { unit_ns: own.ns(), per_ns }
                    }
                    role => {
                        let unit_ns = own_unit(*own)?;
                        *role = FieldRole::Latency(1.0);
                        Form::Duration { unit_ns, per_ns: 1e6 }
                    }
                },
                ColumnType::Boolean if matches!(bound.role, FieldRole::Metric(..)) => Form::Number,
                of if of.is_numeric() => Form::Number,
                of if of.is_text() => Form::Text,
                _ => return Err(unfit("a number, a DURATION, or a number as text")),
            },
            FieldRole::Status if !is_number_or_text => return Err(unfit("a number or text")),
            FieldRole::Status => match column_type.is_text() {
                true => Form::Text,
                false => integer_form(column_type).unwrap_or(Form::Number),
            },
            FieldRole::Success | FieldRole::Cancelled
                if *column_type != ColumnType::Boolean && !is_number_or_text =>
            {
                return Err(unfit("a truth value, a number or text"));
            }
            _ if !column_type.is_scalar() => {
                return Err(unfit("text, or what can be written as one"));
            }
            _ => Form::Text,
        };
        Ok(Self { bound, form })
    }
}

fn integer_form(column_type: &ColumnType) -> Option<Form> {
    match column_type {
        ColumnType::Signed(_) => Some(Form::Signed),
        ColumnType::Unsigned(_) => Some(Form::Unsigned),
        _ => None,
    }
}

/// Nanoseconds of the unit that a metric of durations is in: ns where none is named.
fn duration_unit(unit: &mut String) -> Option<f64> {
    if unit.is_empty() {
        *unit = "ns".to_owned();
    }
    UNITS.iter().find(|(name, _)| name == unit).map(|(_, ns)| *ns)
}
