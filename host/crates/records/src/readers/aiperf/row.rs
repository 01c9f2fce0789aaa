//! Checks a record of AIPerf and writes it into a row.

use perfbox_model::batch::{ColumnInfo, ColumnType};
use perfbox_model::escape;

use super::record::{MetricValue, Record};
use crate::batch_builder::RowWriter;
use crate::checks::{check_latency, check_name, type_name};
use crate::columns::{Columns, standard};
use crate::record_error::RecordError;

/// Columns of AIPerf's metadata besides the standard ones.
pub(super) const OWN_COLUMNS: [(&str, &str); 3] =
    [("credit_issued_ns", "ns"), ("request_ack_ns", "ns"), ("turn_index", "")];

/// A metric that is never negative.
pub(super) const LATENCY: &str = "request_latency";

pub(super) fn column_type(value: &MetricValue) -> ColumnType {
    match value {
        MetricValue::Number(_) => ColumnType::F64,
        MetricValue::List(_) => ColumnType::F64List,
    }
}

/// Checks that every metric has the type and unit of its column, which `find` looks up. Returns
/// the columns that are new.
pub(super) fn check<'c>(
    find: impl Fn(&str) -> Option<&'c ColumnInfo>,
    record: &Record<'_>,
) -> Result<Vec<ColumnInfo>, RecordError> {
    let mut added = Vec::new();
    let refused = |message| RecordError::at(1, message);
    check_name("phase", record.metadata.phase_name().unwrap_or_default())?;
    for metric in &record.metrics.0 {
        check_name("metric", &metric.name)?;
        check_name("unit", &metric.unit)?;
        if metric.name.is_empty() {
            return Err(refused("a metric has an empty name".to_owned()));
        }
        if metric.name == LATENCY
            && let MetricValue::Number(ms) = metric.value
        {
            check_latency(ms).map_err(refused)?;
        }
        let name = escape(&metric.name);
        let Some(info) = find(&metric.name) else {
            added.push(ColumnInfo::new(&metric.name, column_type(&metric.value), &metric.unit));
            continue;
        };
        if matches!(info.kind, ColumnType::U64 | ColumnType::Text) {
            let message = format!("metric `{name}` has the name of a column that is not a metric");
            return Err(refused(message));
        }
        let kind = column_type(&metric.value);
        if kind != info.kind {
            return Err(refused(format!(
                "metric `{name}` is {} here and {} elsewhere in the run",
                type_name(kind),
                type_name(info.kind),
            )));
        }
        if metric.unit != info.unit.as_str() {
            return Err(refused(format!(
                "metric `{name}` has unit `{}` here and `{}` elsewhere in the run",
                escape(&metric.unit),
                escape(&info.unit),
            )));
        }
    }
    Ok(added)
}

/// Error type of the record. A failed or cancelled record always has one.
fn error_type<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    match (&record.error, record.is_cancelled()) {
        (Some(error), _) => Some(error.kind.as_deref().unwrap_or("unknown")),
        (None, true) => Some("cancelled"),
        (None, false) => None,
    }
}

/// Writes a checked record into a row.
pub(super) fn put(columns: &Columns, record: &Record<'_>, row: &mut RowWriter<'_>) {
    let metadata = &record.metadata;
    let is_cancelled = record.is_cancelled();
    let start_ns = metadata.start_ns().unwrap_or_default();
    let end_ns = record.end_ns();
    row.u64(standard::START, start_ns);
    row.u64(standard::CANCELLED, u64::from(is_cancelled));
    let own = [metadata.credit_issued_ns, metadata.request_ack_ns, metadata.turn_index];
    let own = OWN_COLUMNS.iter().zip(own).map(|((name, _), value)| (columns.position(name), value));
    let error = record.error.as_ref();
    let standard = [
        (Some(standard::END), end_ns),
        (Some(standard::STATUS), error.and_then(|error| error.code)),
    ];
    for (column, value) in own.chain(standard) {
        if let (Some(column), Some(value)) = (column, value) {
            row.u64(column, value);
        }
    }
    for (column, text) in [
        (standard::ERROR_TYPE, error_type(record)),
        (standard::ERROR_MESSAGE, error.and_then(|error| error.message.as_deref())),
        (standard::WORKER, metadata.worker_id.as_deref()),
        (standard::SESSION, metadata.x_correlation_id.as_deref()),
    ] {
        if let Some(text) = text {
            row.text(column, text);
        }
    }
    for metric in &record.metrics.0 {
        let Some(column) = columns.position(&metric.name) else { continue };
        match &metric.value {
            MetricValue::Number(value) => row.f64(column, *value),
            MetricValue::List(values) => {
                if let Some(mut list) = row.list(column) {
                    values.iter().for_each(|value| list.push(*value));
                    list.end();
                }
            }
        }
    }
    if let Some(session) = metadata.x_correlation_id.as_deref() {
        let turn = metadata.turn_index.unwrap_or(0);
        row.session(session, turn, end_ns.unwrap_or(start_ns), is_cancelled);
    }
}
