//! A mapping bound to the fields that an input has.

use super::facts::Facts;
use super::fields::{MappedField, Mapping, Role, role};
use super::values::read_number;
use crate::Problem;
use crate::columns::{Columns, Survey, standard};
use crate::time::TimeForm;
use perfbox_model::batch::ColumnType;
use perfbox_model::escape;
use perfbox_model::names::nearest;

/// A field of the input that is something.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bound {
    /// Its place in a row.
    pub(crate) field: usize,
    /// Its name in the input.
    pub(crate) name: String,
    pub(crate) what: What,
}

/// What a field is, and how it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    Start(TimeForm),
    End(TimeForm),
    /// In so many milliseconds each.
    Latency(f64),
    Status,
    /// A status of vegeta's, which succeeds from 200 to 399.
    Code,
    /// What sort of error; empty for none.
    Error,
    ErrorMessage,
    /// The message of an error; empty for none.
    Failure,
    /// Whether it succeeded.
    Success,
    Name,
    /// Put before the name.
    Method,
    Phase,
    Session,
    Worker,
    Cancelled,
    /// A number under a name, in a unit.
    Metric(String, String),
}

/// Adds the columns of a mapping to those of the run.
pub(crate) fn survey<'b>(bound: impl IntoIterator<Item = &'b Bound>, survey: &mut Survey) {
    for one in bound {
        if let What::Metric(name, unit) = &one.what {
            survey.add_column(name, ColumnType::F64, unit);
        }
    }
}

/// A field whose value is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'b> {
    pub(crate) bound: &'b Bound,
    /// Of a metric, the column that it goes into.
    pub(crate) column: Option<usize>,
}

impl<'b> Wanted<'b> {
    /// A field; none: nobody asks for the column that it goes into.
    pub(crate) fn new(bound: &'b Bound, columns: &Columns) -> Option<Self> {
        let is_read = |column: &usize| columns.is_read(*column);
        let column = match &bound.what {
            What::Metric(name, _) => Some(columns.place(name).filter(is_read)?),
            _ => None,
        };
        let is_wanted = match &bound.what {
            What::ErrorMessage => columns.is_read(standard::ERROR_MESSAGE),
            What::Name | What::Method => columns.is_read(standard::NAME),
            What::Worker => columns.is_read(standard::WORKER),
            // Phases, their statistics and what an error is are made of the others.
            _ => true,
        };
        is_wanted.then_some(Self { bound, column })
    }

    /// A field, where metrics are not asked for.
    pub(crate) fn but_metrics(bound: &'b Bound) -> Option<Self> {
        let is_metric = matches!(bound.what, What::Metric(..));
        (!is_metric).then_some(Self { bound, column: None })
    }

    /// Takes in the text of the field, which is not missing.
    pub(crate) fn take<'t>(
        &self,
        text: &'t str,
        facts: &mut Facts<'t>,
        metrics: &mut Vec<(usize, f64)>,
    ) -> Result<(), String> {
        match self.column {
            Some(column) => metrics.push((column, read_number(text)?)),
            None => facts.take(&self.bound.what, text)?,
        }
        Ok(())
    }
}

/// Binds a mapping to the fields that an input has: each of its own, in its order.
///
/// # Errors
/// When it names one that the input does not have or has twice, or says too little of when
/// requests were.
pub(crate) fn bind(mapping: &Mapping, fields: &[String]) -> Result<Vec<Bound>, Problem> {
    mapping.check().map_err(|error| Problem::of_mapping(error.to_string()))?;
    let bound = mapping.fields.iter().map(|(field, mapped)| bind_one(field, mapped, fields));
    bound.collect()
}

fn bind_one(
    field: &str,
    MappedField { column, unit }: &MappedField,
    fields: &[String],
) -> Result<Bound, Problem> {
    let role = role(field).map_err(|error| Problem::of_mapping(error.to_string()))?;
    let at = place(field, column, fields)?;
    let form = |default: &str| TimeForm::of_unit(unit.as_deref().unwrap_or(default));
    let what = match role {
        Role::Start => What::Start(form("s").unwrap_or(TimeForm::Rfc3339)),
        Role::End => What::End(form("s").unwrap_or(TimeForm::Rfc3339)),
        Role::Latency => match form("ms") {
            Some(TimeForm::Units(ns)) => What::Latency(ns / 1e6),
            _ => What::Latency(1.0),
        },
        Role::Status => What::Status,
        Role::Error => What::Error,
        Role::ErrorMessage => What::ErrorMessage,
        Role::Success => What::Success,
        Role::Name => What::Name,
        Role::Phase => What::Phase,
        Role::Session => What::Session,
        Role::Worker => What::Worker,
        Role::Cancelled => What::Cancelled,
        Role::Metric => {
            let name = field.strip_prefix("metric.").unwrap_or(field).to_owned();
            What::Metric(name, unit.clone().unwrap_or_default())
        }
    };
    Ok(Bound { field: at, name: column.clone(), what })
}

/// Where the column stands that a field is mapped to.
fn place(field: &str, column: &str, fields: &[String]) -> Result<usize, Problem> {
    only_place(column, fields).map_err(Problem::of_mapping)?.ok_or_else(|| {
        let hint = nearest(column, fields.iter().map(String::as_str))
            .map_or(String::new(), |name| format!("; did you mean `{}`?", escape(name)));
        Problem::of_mapping(format!(
            "the input has no column `{}`, which is to be its {}{hint} (it has {})",
            escape(column),
            escape(field),
            escape(&fields.join(", "))
        ))
    })
}

/// Where a column stands; none: it is not there.
///
/// # Errors
/// When it is there twice, in words.
pub(crate) fn only_place(column: &str, fields: &[String]) -> Result<Option<usize>, String> {
    let mut places = (0..fields.len()).filter(|at| fields[*at] == column);
    let first = places.next();
    if places.next().is_some() {
        return Err(format!(
            "the input has more than one column `{}`; give each a name of its own",
            escape(column)
        ));
    }
    Ok(first)
}
