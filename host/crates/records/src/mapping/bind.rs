//! Binds a mapping to the fields of an input.

use perfbox_model::batch::ColumnType;
use perfbox_model::escape;
use perfbox_model::names::nearest;

use crate::columns::{Columns, standard};
use crate::mapping::definition::{MapTarget, MappedField, Mapping, target};
use crate::mapping::request_fields::RequestFields;
use crate::mapping::role::{BoundField, FieldRole};
use crate::number::read_number;
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::time::TimeForm;

/// Adds the metric columns of a mapping to the schema.
pub(crate) fn add_metric_columns<'b>(
    bound: impl IntoIterator<Item = &'b BoundField>,
    schema: &mut SchemaScan,
) {
    for one in bound {
        if let FieldRole::Metric(name, unit) = &one.role {
            schema.add_column(name, ColumnType::F64, unit);
        }
    }
}

/// A bound field whose value is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedField<'b> {
    pub(crate) bound: &'b BoundField,
    /// Column of a metric.
    pub(crate) column: Option<usize>,
}

impl<'b> WantedField<'b> {
    /// A field; none if its column is not read.
    pub(crate) fn new(bound: &'b BoundField, columns: &Columns) -> Option<Self> {
        let is_read = |column: &usize| columns.is_read(*column);
        let column = match &bound.role {
            FieldRole::Metric(name, _) => Some(columns.position(name).filter(is_read)?),
            _ => None,
        };
        let is_wanted = match &bound.role {
            FieldRole::ErrorMessage => columns.is_read(standard::ERROR_MESSAGE),
            FieldRole::Name | FieldRole::Method => columns.is_read(standard::NAME),
            FieldRole::Worker => columns.is_read(standard::WORKER),
            // The other roles decide phases, statistics and errors.
            _ => true,
        };
        is_wanted.then_some(Self { bound, column })
    }

    /// A field; none if it is a metric.
    pub(crate) fn unless_metric(bound: &'b BoundField) -> Option<Self> {
        let is_metric = matches!(bound.role, FieldRole::Metric(..));
        (!is_metric).then_some(Self { bound, column: None })
    }

    /// Takes the text of a field that is not missing.
    pub(crate) fn take<'t>(
        &self,
        text: &'t str,
        request: &mut RequestFields<'t>,
        metrics: &mut Vec<(usize, f64)>,
    ) -> Result<(), String> {
        match self.column {
            Some(column) => metrics.push((column, read_number(text)?)),
            None => request.take(&self.bound.role, text)?,
        }
        Ok(())
    }
}

/// Binds a mapping to the fields of an input, in the order of the mapping.
///
/// # Errors
/// When the input lacks a mapped field or has it twice, or the mapping lacks two of start, end
/// and latency.
pub(crate) fn bind(mapping: &Mapping, fields: &[String]) -> Result<Vec<BoundField>, RecordError> {
    mapping.check().map_err(|error| RecordError::mapping(error.to_string()))?;
    let bound = mapping.fields.iter().map(|(field, mapped)| bind_field(field, mapped, fields));
    bound.collect()
}

fn bind_field(
    field: &str,
    MappedField { column, unit }: &MappedField,
    fields: &[String],
) -> Result<BoundField, RecordError> {
    let target = target(field).map_err(|error| RecordError::mapping(error.to_string()))?;
    let at = column_position(field, column, fields)?;
    let form = |default: &str| TimeForm::of_unit(unit.as_deref().unwrap_or(default));
    let role = match target {
        MapTarget::Start => FieldRole::Start(form("s").unwrap_or(TimeForm::Rfc3339)),
        MapTarget::End => FieldRole::End(form("s").unwrap_or(TimeForm::Rfc3339)),
        MapTarget::Latency => match form("ms") {
            Some(TimeForm::Units(ns)) => FieldRole::Latency(ns / 1e6),
            _ => FieldRole::Latency(1.0),
        },
        MapTarget::Status => FieldRole::Status,
        MapTarget::Error => FieldRole::Error,
        MapTarget::ErrorMessage => FieldRole::ErrorMessage,
        MapTarget::Success => FieldRole::Success,
        MapTarget::Name => FieldRole::Name,
        MapTarget::Phase => FieldRole::Phase,
        MapTarget::Session => FieldRole::Session,
        MapTarget::Worker => FieldRole::Worker,
        MapTarget::Cancelled => FieldRole::Cancelled,
        MapTarget::Metric => {
            let name = field.strip_prefix("metric.").unwrap_or(field).to_owned();
            FieldRole::Metric(name, unit.clone().unwrap_or_default())
        }
    };
    Ok(BoundField { field: at, name: column.clone(), role })
}

/// Position of the column that a field is mapped to.
fn column_position(field: &str, column: &str, fields: &[String]) -> Result<usize, RecordError> {
    unique_position(column, fields).map_err(RecordError::mapping)?.ok_or_else(|| {
        let hint = nearest(column, fields.iter().map(String::as_str))
            .map_or(String::new(), |name| format!("; did you mean `{}`?", escape(name)));
        RecordError::mapping(format!(
            "the input has no column `{}` to map to `{}`{hint} (columns: {})",
            escape(column),
            escape(field),
            escape(&fields.join(", "))
        ))
    })
}

/// Position of a column; none if it is missing.
///
/// # Errors
/// When the column is there twice.
pub(crate) fn unique_position(column: &str, fields: &[String]) -> Result<Option<usize>, String> {
    let mut places = (0..fields.len()).filter(|at| fields[*at] == column);
    let first = places.next();
    if places.next().is_some() {
        return Err(format!(
            "the input has several columns `{}`; rename all but one",
            escape(column)
        ));
    }
    Ok(first)
}
