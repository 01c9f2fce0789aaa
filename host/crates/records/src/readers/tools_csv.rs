//! CSV of load tools, with the roles of their columns.

use crate::format::Format;
use crate::mapping::bind::unique_position;
use crate::mapping::role::{BoundField, FieldRole};
use crate::readers::csv::{Csv, header_of};
use crate::record_error::RecordError;
use crate::time::TimeForm;

const NS: TimeForm = TimeForm::Units(1.0);
const MS: TimeForm = TimeForm::Units(1e6);
const S: TimeForm = TimeForm::Units(1e9);

/// A column of a tool, and its role.
type Known = (&'static str, FieldRole);

fn metric(unit: &str, name: &str) -> FieldRole {
    FieldRole::Metric(name.to_owned(), unit.to_owned())
}

/// JMeter: <https://jmeter.apache.org/usermanual/listeners.html>. Users choose its columns.
fn jmeter() -> Vec<Known> {
    vec![
        ("timeStamp", FieldRole::Start(MS)),
        ("elapsed", FieldRole::Latency(1.0)),
        ("label", FieldRole::Name),
        ("responseCode", FieldRole::Status),
        ("responseMessage", FieldRole::ErrorMessage),
        ("failureMessage", FieldRole::ErrorMessage),
        ("success", FieldRole::Success),
        ("threadName", FieldRole::Worker),
        ("bytes", metric("B", "bytes")),
        ("sentBytes", metric("B", "sentBytes")),
        ("grpThreads", metric("threads", "grpThreads")),
        ("allThreads", metric("threads", "allThreads")),
        ("Latency", metric("ms", "Latency")),
        ("IdleTime", metric("ms", "IdleTime")),
        ("Connect", metric("ms", "Connect")),
    ]
}

fn oha() -> Vec<Known> {
    vec![
        ("request-start", FieldRole::Start(S)),
        ("request-duration", FieldRole::Latency(1e3)),
        ("status", FieldRole::Status),
        ("DNS", metric("s", "DNS")),
        ("DNS+dialup", metric("s", "DNS+dialup")),
        ("Response-delay", metric("s", "Response-delay")),
        ("bytes", metric("B", "bytes")),
    ]
}

fn hey() -> Vec<Known> {
    vec![
        ("offset", FieldRole::Start(S)),
        ("response-time", FieldRole::Latency(1e3)),
        ("status-code", FieldRole::Status),
        ("DNS", metric("s", "DNS")),
        ("DNS+dialup", metric("s", "DNS+dialup")),
        ("Request-write", metric("s", "Request-write")),
        ("Response-delay", metric("s", "Response-delay")),
        ("Response-read", metric("s", "Response-read")),
    ]
}

/// vegeta: fixed columns, no header.
fn vegeta() -> Vec<(usize, Known)> {
    vec![
        (0, ("timestamp", FieldRole::Start(NS))),
        (1, ("code", FieldRole::Code)),
        (2, ("latency", FieldRole::Latency(1e-6))),
        (3, ("bytes_out", metric("B", "bytes_out"))),
        (4, ("bytes_in", metric("B", "bytes_in"))),
        (5, ("error", FieldRole::Failure)),
        (9, ("method", FieldRole::Method)),
        (10, ("url", FieldRole::Name)),
    ]
}

/// Minimum of columns in vegeta's CSV: older versions lack method, URL and headers.
const VEGETA_FIELDS_MIN: usize = 9;

/// The reader of a tool's CSV that begins with `start`; none if it is not that tool's.
///
/// # Errors
/// When a column of the tool is there twice.
pub(crate) fn reader_for(format: Format, start: &[u8]) -> Result<Option<Csv>, RecordError> {
    let Some((csv, header)) = Csv::with_header(start) else { return Ok(None) };
    let has = |name: &str| header.iter().any(|one| one == name);
    let known = match format {
        Format::JmeterCsv if has("timeStamp") && has("elapsed") => jmeter(),
        Format::OhaCsv if has("request-start") && has("request-duration") => oha(),
        Format::HeyCsv if has("response-time") && has("offset") => hey(),
        Format::VegetaCsv if is_vegeta(&header) => {
            let bound = vegeta().into_iter().filter(|(field, _)| *field < header.len());
            let bound = bound.map(|(field, (name, role))| BoundField {
                field,
                name: name.to_owned(),
                role,
            });
            return Ok(Some(Csv { format, header: None, bound: bound.collect(), ..csv }));
        }
        _ => return Ok(None),
    };
    let bound = known.into_iter().filter_map(|(name, role)| {
        let place = unique_position(name, &header).map_err(|message| RecordError::at(1, message));
        let bound = |field| BoundField { field, name: name.to_owned(), role };
        Some(place.transpose()?.map(bound))
    });
    let bound = bound.collect::<Result<_, RecordError>>()?;
    Ok(Some(Csv { format, bound, ..csv }))
}

/// True for Locust's totals, which `--csv` writes: `_stats`, `_stats_history`, `_failures`.
pub(crate) fn is_locust_totals(start: &[u8]) -> bool {
    let Some((_, header)) = header_of(start) else { return false };
    let has = |names: &[&str]| names.iter().all(|name| header.iter().any(|one| one == name));
    has(&["Request Count", "Failure Count"])
        || has(&["Total Request Count", "Total Failure Count"])
        || has(&["Method", "Name", "Error", "Occurrences"])
}

/// True if the first row is vegeta's: a time in ns, a status, a latency, two sizes. A negative
/// latency makes a bad record, not another format.
fn is_vegeta(row: &[String]) -> bool {
    let is_number = |at: usize| row.get(at).is_some_and(|field| field.parse::<i64>().is_ok());
    row.len() >= VEGETA_FIELDS_MIN && row[0].len() >= 18 && (0..5).all(is_number)
}
