//! Which of an input's fields is what: the start of a request, its latency, and so on.
//!
//! Formats of rows, such as CSV, differ in nothing else. What a mapping says of one row
//! becomes a record in [`Facts::put`], whatever the format.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Problem;
use super::columns::{Columns, Survey, check_latency, check_text, standard};
use super::json::{f64_at, u64_at};
use super::rows::{PhaseKey, Rows};
use super::time::rfc3339_ns;
use crate::batch::{ColumnType, standard_columns};
use crate::escape;
use crate::names::nearest;

/// The phase of formats that have none.
pub(super) const ONLY_PHASE: &str = "profiling";

/// What a field of an input may be mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
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

/// Roles and what users call them.
const ROLES: [(&str, Role); 12] = [
    ("start", Role::Start),
    ("end", Role::End),
    ("latency", Role::Latency),
    ("status", Role::Status),
    ("error", Role::Error),
    ("error_message", Role::ErrorMessage),
    ("success", Role::Success),
    ("name", Role::Name),
    ("phase", Role::Phase),
    ("session", Role::Session),
    ("worker", Role::Worker),
    ("cancelled", Role::Cancelled),
];

/// Units of times and durations, and how many nanoseconds they have.
const UNITS: [(&str, f64); 5] = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("sec", 1e9)];

/// The unit of a point in time that is written out.
const RFC3339: &str = "rfc3339";

/// One field of an input, mapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedField {
    /// Its name in the input; a path of names with dots between for JSON.
    pub column: String,
    /// The unit that it is in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Which field of an input is what, for CSV, JSON lines and Parquet of any tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// What each is mapped to, in the order in which they were given: `start`, `latency`
    /// and so on, or `metric.NAME`.
    pub fields: Vec<(String, MappedField)>,
}

/// A mapping that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MappingError(pub(super) String);

impl Mapping {
    /// Adds what a flag says: `FIELD=COLUMN` or `FIELD=COLUMN:UNIT`.
    ///
    /// # Errors
    /// When it has another form, or the field or the unit is not known.
    pub fn add_flag(&mut self, text: &str) -> Result<(), MappingError> {
        let Some((field, column)) = text.split_once('=') else {
            return Err(MappingError(format!(
                "`{}` does not say which column a field is; write for example \
                 latency=duration:ms",
                escape(text)
            )));
        };
        let is_unit = |unit: &str| {
            unit == RFC3339 || field.starts_with("metric.") || UNITS.iter().any(|one| one.0 == unit)
        };
        // A column's name may have colons itself.
        let (column, unit) = match column.rsplit_once(':') {
            Some((column, unit)) if is_unit(unit) => (column, Some(unit.to_owned())),
            _ => (column, None),
        };
        self.add(field, MappedField { column: column.to_owned(), unit })
    }

    /// Adds one field, or replaces what it was mapped to.
    ///
    /// # Errors
    /// When the field or the unit is not known.
    pub fn add(&mut self, field: &str, mapped: MappedField) -> Result<(), MappingError> {
        let role = role(field)?;
        if let Some(name) = field.strip_prefix("metric.") {
            check_text("metric", name).map_err(|problem| MappingError(problem.words))?;
            if standard_columns().iter().any(|column| column.name == name) {
                return Err(MappingError(format!(
                    "`{name}` is a column of every run, and no name for a metric"
                )));
            }
            let unit = mapped.unit.as_deref().unwrap_or_default();
            check_text("unit", unit).map_err(|problem| MappingError(problem.words))?;
        }
        if let Some(unit) = &mapped.unit {
            check_unit(field, role, unit)?;
        }
        self.fields.retain(|(known, _)| known != field);
        self.fields.push((field.to_owned(), mapped));
        Ok(())
    }
}

/// One line of `perfbox.yaml`, or of what `perfbox inspect` suggests.
impl fmt::Display for MappedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Some(unit) => write!(f, "{}:{unit}", self.column),
            None => f.write_str(&self.column),
        }
    }
}

fn role(field: &str) -> Result<Role, MappingError> {
    if field.strip_prefix("metric.").is_some_and(|name| !name.is_empty()) {
        return Ok(Role::Metric);
    }
    let names = || ROLES.iter().map(|(name, _)| *name);
    names().position(|name| name == field).map(|at| ROLES[at].1).ok_or_else(|| {
        let hint = nearest(field, names())
            .map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        let fields: Vec<_> = names().collect();
        MappingError(format!(
            "`{}` is not a field that can be mapped{hint} (there are {} and metric.NAME)",
            escape(field),
            fields.join(", ")
        ))
    })
}

fn check_unit(field: &str, role: Role, unit: &str) -> Result<(), MappingError> {
    let known = UNITS.iter().any(|(name, _)| *name == unit);
    let (fits, choices) = match role {
        Role::Start | Role::End => (known || unit == RFC3339, "ns, us, ms, s or rfc3339"),
        Role::Latency => (known, "ns, us, ms or s"),
        Role::Metric => (true, ""),
        _ => (false, ""),
    };
    if fits {
        return Ok(());
    }
    let unit = escape(unit);
    Err(MappingError(match choices {
        "" => format!("`{field}` has no unit, and so not `{unit}`"),
        _ => format!("`{unit}` cannot be the unit of `{field}`; its units are {choices}"),
    }))
}

/// How a point in time is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum TimeForm {
    /// A number of so many nanoseconds each.
    Units(f64),
    Rfc3339,
}

impl TimeForm {
    pub(super) fn of_unit(unit: &str) -> Option<Self> {
        if unit == RFC3339 {
            return Some(Self::Rfc3339);
        }
        UNITS.iter().find(|(name, _)| *name == unit).map(|(_, ns)| Self::Units(*ns))
    }

    /// Nanoseconds since the Unix epoch.
    pub(super) fn ns(self, text: &str) -> Option<u64> {
        match self {
            Self::Rfc3339 => rfc3339_ns(text),
            Self::Units(unit_ns) => match u64_at(text, 0) {
                Some((whole, end)) if end == text.len() => whole.checked_mul(unit_ns as u64),
                _ => decimal_ns(text, unit_ns),
            },
        }
    }
}

/// A number with a fraction as nanoseconds, without what an f64 would lose of it.
fn decimal_ns(text: &str, unit_ns: f64) -> Option<u64> {
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, fraction)) if is_plain(whole) && is_plain(fraction) && fraction.len() < 16 => {
            let whole: u64 = whole.parse().ok()?;
            let fraction = format!("0.{fraction}").parse::<f64>().ok()?;
            whole.checked_mul(unit_ns as u64)?.checked_add((fraction * unit_ns).round() as u64)
        }
        _ => {
            let ns = number(text)? * unit_ns;
            (0.0..1.8e19).contains(&ns).then_some(ns.round() as u64)
        }
    }
}

/// A finite number.
pub(super) fn number(text: &str) -> Option<f64> {
    match f64_at(text, 0) {
        Some((value, end)) if end == text.len() => Some(value),
        _ => text.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

/// A field of the input that is something.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    /// Its place in a row.
    pub(super) field: usize,
    /// Its name in the input.
    pub(super) name: String,
    pub(super) what: What,
}

/// What a field is, and how it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Start(TimeForm),
    End(TimeForm),
    /// In so many milliseconds each.
    Latency(f64),
    Status,
    /// What sort of error; empty for none.
    Error,
    ErrorMessage,
    /// The message of an error; empty for none.
    Failure,
    /// Whether it succeeded: `true`, `1`, `yes` or `ok`.
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

/// What one row says of its request.
#[derive(Default)]
pub(super) struct Facts<'r> {
    start_ns: Option<u64>,
    end_ns: Option<u64>,
    latency_ms: Option<f64>,
    status: Option<u64>,
    /// What stands in the place of one.
    status_text: Option<&'r str>,
    error: Option<&'r str>,
    error_message: Option<&'r str>,
    success: Option<bool>,
    cancelled: bool,
    name: Option<&'r str>,
    method: Option<&'r str>,
    phase: Option<&'r str>,
    session: Option<&'r str>,
    worker: Option<&'r str>,
}

impl<'r> Facts<'r> {
    /// The phase that it names.
    pub(super) fn phase(&self) -> Option<&'r str> {
        self.phase
    }

    /// Takes in one field that is not empty and no metric.
    pub(super) fn take(&mut self, what: &What, text: &'r str) -> Result<(), String> {
        let refused = |what: &str| format!("`{}` is no {what}", escape(text));
        match what {
            What::Start(form) => {
                self.start_ns = Some(form.ns(text).ok_or_else(|| refused("time"))?);
            }
            What::End(form) => {
                self.end_ns = Some(form.ns(text).ok_or_else(|| refused("time"))?);
            }
            What::Latency(ms) => {
                self.latency_ms = Some(number(text).ok_or_else(|| refused("number"))? * ms);
            }
            What::Status => match u64_at(text, 0) {
                // No answer came.
                Some((0, end)) if end == text.len() => {
                    self.error = self.error.or(Some("transport"));
                }
                Some((status, end)) if end == text.len() => self.status = Some(status),
                // JMeter writes what went wrong in the place of a status.
                _ => self.status_text = Some(text),
            },
            What::Error => self.error = Some(text),
            What::ErrorMessage => self.error_message = Some(text),
            What::Failure => {
                self.error_message = Some(text);
                self.success = Some(false);
            }
            What::Success => self.success = Some(is_true(text)),
            What::Cancelled => self.cancelled = is_true(text),
            What::Name => self.name = Some(text),
            What::Method => self.method = Some(text),
            What::Phase => self.phase = Some(text),
            What::Session => self.session = Some(text),
            What::Worker => self.worker = Some(text),
            What::Metric(..) => {}
        }
        Ok(())
    }

    /// Takes in a latency.
    pub(super) fn take_number(&mut self, what: &What, value: f64) {
        if let What::Latency(ms) = what {
            self.latency_ms = Some(value * ms);
        }
    }

    /// Takes in a point in time.
    pub(super) fn take_ns(&mut self, what: &What, ns: u64) {
        match what {
            What::Start(_) => self.start_ns = Some(ns),
            What::End(_) => self.end_ns = Some(ns),
            _ => {}
        }
    }

    /// Puts the record into rows. `metrics` gives its numbers with their columns.
    pub(super) fn put(
        self,
        rows: &mut Rows<'_>,
        phase: &mut PhaseKey,
        metrics: impl Iterator<Item = (usize, f64)>,
    ) -> Result<(), String> {
        let (start_ns, latency_ms, end_ns) = self.times()?;
        let name = self.phase.unwrap_or(ONLY_PHASE);
        if phase.name != name {
            check_text("phase", name).map_err(|problem| problem.words)?;
            *phase = PhaseKey::named(name);
        }
        let Some(mut row) = rows.begin(phase) else { return Ok(()) };
        row.u64(standard::START, start_ns);
        row.u64(standard::END, end_ns);
        row.f64(standard::LATENCY, latency_ms);
        if let Some(status) = self.status {
            row.u64(standard::STATUS, status);
        }
        row.u64(standard::CANCELLED, u64::from(self.cancelled));
        if let Some(error_type) = self.error_type() {
            row.text(standard::ERROR_TYPE, &error_type);
            if let Some(message) = self.error_message {
                row.text(standard::ERROR_MESSAGE, message);
            }
        }
        match (self.method, self.name) {
            (Some(method), Some(name)) if row.takes(standard::NAME) => {
                row.text(standard::NAME, &format!("{method} {name}"))
            }
            (None, Some(name)) => row.text(standard::NAME, name),
            (Some(_), _) | (None, None) => {}
        }
        if let Some(worker) = self.worker {
            row.text(standard::WORKER, worker);
        }
        if let Some(session) = self.session {
            row.text(standard::SESSION, session);
            row.session(session, start_ns, end_ns, self.cancelled);
        }
        for (column, value) in metrics {
            row.f64(column, value);
        }
        rows.end();
        Ok(())
    }

    /// What sort of error it ended with; none: it has none.
    fn error_type(&self) -> Option<Cow<'r, str>> {
        // What stands there of a request that succeeded is no error.
        let status_text = self.status_text.filter(|_| self.success != Some(true));
        if let Some(error) = self.error.or(status_text) {
            return Some(error.into());
        }
        if let Some(status) = self.status.filter(|status| *status >= 400) {
            return Some(status.to_string().into());
        }
        if self.cancelled {
            return Some("cancelled".into());
        }
        (self.success == Some(false)).then(|| "failed".into())
    }

    /// Start, latency and end; two of them tell the third.
    fn times(&self) -> Result<(u64, f64, u64), String> {
        let latency_ms = match (self.latency_ms, self.start_ns, self.end_ns) {
            (Some(ms), ..) => ms,
            (None, Some(start), Some(end)) => (end as f64 - start as f64) / 1e6,
            (None, ..) => return Err("it has no latency".to_owned()),
        };
        check_latency(latency_ms)?;
        let latency_ns = (latency_ms * 1e6).round() as u64;
        let start_ns = match (self.start_ns, self.end_ns) {
            (Some(start), _) => start,
            (None, Some(end)) => end.saturating_sub(latency_ns),
            (None, None) => return Err("it has no start".to_owned()),
        };
        Ok((start_ns, latency_ms, self.end_ns.unwrap_or(start_ns.saturating_add(latency_ns))))
    }
}

fn is_true(text: &str) -> bool {
    ["true", "1", "yes", "ok"].iter().any(|yes| text.eq_ignore_ascii_case(yes))
}

/// Adds the columns of a mapping to those of the run.
pub(super) fn survey(bound: &[Bound], survey: &mut Survey) {
    for one in bound {
        if let What::Metric(name, unit) = &one.what {
            survey.add_column(name, ColumnType::F64, unit);
        }
    }
}

/// Where the metrics of a mapping stand among the columns of the run: field, column.
pub(super) fn metric_places(bound: &[Bound], columns: &Columns) -> Vec<(usize, usize)> {
    let place = |one: &Bound| match &one.what {
        What::Metric(name, _) => {
            let column = columns.place(name).filter(|column| columns.is_read(*column));
            column.map(|column| (one.field, column))
        }
        _ => None,
    };
    bound.iter().filter_map(place).collect()
}

/// Binds a mapping to the fields that an input has.
///
/// # Errors
/// When it names one that the input does not have, or says neither start nor end.
pub(super) fn bind(mapping: &Mapping, fields: &[String]) -> Result<Vec<Bound>, Problem> {
    let refused = |words| Problem::at(1, words);
    let mut bound = Vec::new();
    for (field, MappedField { column, unit }) in &mapping.fields {
        let role = role(field).map_err(|error| refused(error.0))?;
        let Some(at) = fields.iter().position(|name| name == column) else {
            let mut hint = nearest(column, fields.iter().map(String::as_str))
                .map_or(String::new(), |name| format!("; did you mean `{}`?", escape(name)));
            if column.contains(':') && unit.is_none() {
                hint.push_str("; units are ns, us, ms, s and, of a time, rfc3339");
            }
            return Err(refused(format!(
                "the input has no column `{}`, which is to be its {field}{hint} (it has {})",
                escape(column),
                escape(&fields.join(", "))
            )));
        };
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
        bound.push(Bound { field: at, name: column.clone(), what });
    }
    let has = |wanted: fn(&What) -> bool| bound.iter().any(|one| wanted(&one.what));
    let (start, end) =
        (has(|what| matches!(what, What::Start(_))), has(|what| matches!(what, What::End(_))));
    let latency = has(|what| matches!(what, What::Latency(_)));
    if !(start && (end || latency) || end && latency) {
        return Err(refused(
            "the mapping says too little of when requests were: it takes two of start, end and \
             latency; `perfbox inspect` shows the columns"
                .to_owned(),
        ));
    }
    Ok(bound)
}
