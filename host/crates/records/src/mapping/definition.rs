//! Mappings as users write them: `start=sent_at:s`.

use std::fmt;

use perfbox_model::batch::standard_columns;
use perfbox_model::escape;
use perfbox_model::names::nearest;
use serde::{Deserialize, Serialize};

use crate::checks::check_name;
use crate::time::{RFC3339, UNITS};

/// What a field can be mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum MapTarget {
    Start,
    End,
    Latency,
    Status,
    Error,
    ErrorMessage,
    Success,
    Name,
    Phase,
    Session,
    Worker,
    Cancelled,
    Metric,
}

/// Names of the targets.
const TARGETS: [(&str, MapTarget); 12] = [
    ("start", MapTarget::Start),
    ("end", MapTarget::End),
    ("latency", MapTarget::Latency),
    ("status", MapTarget::Status),
    ("error", MapTarget::Error),
    ("error_message", MapTarget::ErrorMessage),
    ("success", MapTarget::Success),
    ("name", MapTarget::Name),
    ("phase", MapTarget::Phase),
    ("session", MapTarget::Session),
    ("worker", MapTarget::Worker),
    ("cancelled", MapTarget::Cancelled),
];

/// A mapped field of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedField {
    /// Name in the input; in JSON, a path of names joined by dots.
    pub column: String,
    /// Unit of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Mapping of fields for CSV, JSON lines and Parquet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Target and field, in the order given. A target is `start`, `latency` and so on, or
    /// `metric.NAME`.
    pub fields: Vec<(String, MappedField)>,
}

/// Error of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MappingError(String);

impl Mapping {
    /// Adds the mapping of a flag: `FIELD=COLUMN` or `FIELD=COLUMN:UNIT`.
    ///
    /// # Errors
    /// When the flag has another form, the field or unit is unknown, or the field is already
    /// mapped to another column.
    pub fn add_flag(&mut self, text: &str) -> Result<(), MappingError> {
        let Some((field, column)) = text.split_once('=') else {
            return Err(MappingError(format!(
                "`{}` is not a mapping; write FIELD=COLUMN, for example latency=duration:ms",
                escape(text)
            )));
        };
        let target = target(field)?;
        let is_unit = |unit: &str| target.has_unit() || unit == RFC3339 || is_time_unit(unit);
        // The name of a column may contain colons.
        let (column, unit) = match column.rsplit_once(':') {
            Some((column, unit)) if is_unit(unit) => (column, Some(unit.to_owned())),
            _ => (column, None),
        };
        self.add(field, MappedField { column: column.to_owned(), unit })
    }

    /// Adds a field.
    ///
    /// # Errors
    /// When the field or unit is unknown, or the field is already mapped to another column.
    pub fn add(&mut self, field: &str, mapped: MappedField) -> Result<(), MappingError> {
        let target = target(field)?;
        if let Some(name) = field.strip_prefix("metric.") {
            check_name("metric", name).map_err(|problem| MappingError(problem.message))?;
            if standard_columns().iter().any(|column| column.name == name) {
                return Err(MappingError(format!(
                    "`{name}` is a standard column; choose another name for the metric"
                )));
            }
            let unit = mapped.unit.as_deref().unwrap_or_default();
            check_name("unit", unit).map_err(|problem| MappingError(problem.message))?;
        }
        if let Some(unit) = &mapped.unit {
            check_unit(field, target, unit)?;
        }
        if let Some((_, known)) = self.fields.iter().find(|(known, _)| known == field) {
            if *known == mapped {
                return Ok(());
            }
            return Err(MappingError(format!(
                "`{}` is mapped twice, to `{}` and to `{}`; remove one of them",
                escape(field),
                escape(&known.to_string()),
                escape(&mapped.to_string())
            )));
        }
        self.fields.push((field.to_owned(), mapped));
        Ok(())
    }

    /// Adds the fields of another mapping that this one lacks.
    #[must_use]
    pub fn over(self, other: Self) -> Self {
        let is_new = |field: &str| self.fields.iter().all(|(known, _)| known != field);
        let below = other.fields.into_iter().filter(|(field, _)| is_new(field));
        let mut fields: Vec<_> = below.collect();
        fields.extend(self.fields);
        Self { fields }
    }

    /// Checks that the mapping has two of start, end and latency. An empty mapping passes.
    ///
    /// # Errors
    /// When it has fewer than two.
    pub fn check(&self) -> Result<(), MappingError> {
        if self.fields.is_empty() || self.missing().is_none() {
            return Ok(());
        }
        Err(MappingError(
            "the mapping lacks times: map two of start, end and latency; `perfbox inspect` shows \
                the columns"
                .to_owned(),
        ))
    }

    /// The times that the mapping lacks; none if it has enough.
    pub fn missing(&self) -> Option<&'static str> {
        let has = |field: &str| self.fields.iter().any(|(known, _)| known == field);
        match (has("start"), has("end"), has("latency")) {
            (false, false, false) => Some("two of start, end and latency"),
            (true, false, false) => Some("latency or end"),
            (false, true, false) => Some("latency or start"),
            (false, false, true) => Some("start or end"),
            _ => None,
        }
    }
}

/// Written as in `perfbox.yaml`: `COLUMN:UNIT`.
impl fmt::Display for MappedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Some(unit) => write!(f, "{}:{unit}", self.column),
            None => f.write_str(&self.column),
        }
    }
}

pub(super) fn target(field: &str) -> Result<MapTarget, MappingError> {
    if field.strip_prefix("metric.").is_some_and(|name| !name.is_empty()) {
        return Ok(MapTarget::Metric);
    }
    let names = || TARGETS.iter().map(|(name, _)| *name);
    names().position(|name| name == field).map(|at| TARGETS[at].1).ok_or_else(|| {
        let hint = nearest(field, names())
            .map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        let fields: Vec<_> = names().collect();
        MappingError(format!(
            "unknown field `{}`{hint} (fields: {} and metric.NAME)",
            escape(field),
            fields.join(", ")
        ))
    })
}

impl MapTarget {
    /// True if the text after the last colon is always a unit.
    fn has_unit(self) -> bool {
        matches!(self, Self::Start | Self::End | Self::Latency | Self::Metric)
    }
}

fn is_time_unit(unit: &str) -> bool {
    UNITS.iter().any(|(name, _)| *name == unit)
}

fn check_unit(field: &str, target: MapTarget, unit: &str) -> Result<(), MappingError> {
    let known = is_time_unit(unit);
    let (fits, choices) = match target {
        MapTarget::Start | MapTarget::End => (known || unit == RFC3339, "ns, us, ms, s or rfc3339"),
        MapTarget::Latency => (known, "ns, us, ms or s"),
        MapTarget::Metric => (true, ""),
        _ => (false, ""),
    };
    if fits {
        return Ok(());
    }
    let unit = escape(unit);
    Err(MappingError(match choices {
        "" => format!("`{field}` takes no unit; remove `{unit}`"),
        _ => format!(
            "unknown unit `{unit}` for `{field}`; the units are {choices}; a column name with a \
                colon needs its unit after it"
        ),
    }))
}
