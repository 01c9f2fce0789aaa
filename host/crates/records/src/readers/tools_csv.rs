//! The CSV of load tools: which of their columns is what.

use super::csv::{Csv, header_of};
use crate::Problem;
use crate::format::Format;
use crate::mapping::{Bound, What, only_place};
use crate::time::TimeForm;

const NS: TimeForm = TimeForm::Units(1.0);
const MS: TimeForm = TimeForm::Units(1e6);
const S: TimeForm = TimeForm::Units(1e9);

/// A column of a tool's, and what it is.
type Known = (&'static str, What);

fn metric(unit: &str, name: &str) -> What {
    What::Metric(name.to_owned(), unit.to_owned())
}

/// JMeter: <https://jmeter.apache.org/usermanual/listeners.html>. Which columns there are
/// is configurable.
fn jmeter() -> Vec<Known> {
    vec![
        ("timeStamp", What::Start(MS)),
        ("elapsed", What::Latency(1.0)),
        ("label", What::Name),
        ("responseCode", What::Status),
        ("responseMessage", What::ErrorMessage),
        ("failureMessage", What::ErrorMessage),
        ("success", What::Success),
        ("threadName", What::Worker),
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
        ("request-start", What::Start(S)),
        ("request-duration", What::Latency(1e3)),
        ("status", What::Status),
        ("DNS", metric("s", "DNS")),
        ("DNS+dialup", metric("s", "DNS+dialup")),
        ("Response-delay", metric("s", "Response-delay")),
        ("bytes", metric("B", "bytes")),
    ]
}

fn hey() -> Vec<Known> {
    vec![
        ("offset", What::Start(S)),
        ("response-time", What::Latency(1e3)),
        ("status-code", What::Status),
        ("DNS", metric("s", "DNS")),
        ("DNS+dialup", metric("s", "DNS+dialup")),
        ("Request-write", metric("s", "Request-write")),
        ("Response-delay", metric("s", "Response-delay")),
        ("Response-read", metric("s", "Response-read")),
    ]
}

/// vegeta: no header, always these columns.
fn vegeta() -> Vec<(usize, Known)> {
    vec![
        (0, ("timestamp", What::Start(NS))),
        (1, ("code", What::Code)),
        (2, ("latency", What::Latency(1e-6))),
        (3, ("bytes_out", metric("B", "bytes_out"))),
        (4, ("bytes_in", metric("B", "bytes_in"))),
        (5, ("error", What::Failure)),
        (9, ("method", What::Method)),
        (10, ("url", What::Name)),
    ]
}

/// Fewest columns of vegeta's: older ones have neither method nor URL nor headers.
const VEGETA_FIELDS_MIN: usize = 9;

/// The reader of a tool's CSV that begins with `start`; none: it is no such thing.
///
/// # Errors
/// When a column of the tool's is there twice.
pub(crate) fn reader_of(format: Format, start: &[u8]) -> Result<Option<Csv>, Problem> {
    let Some((csv, header)) = Csv::with_header(start) else { return Ok(None) };
    let has = |name: &str| header.iter().any(|one| one == name);
    let known = match format {
        Format::JmeterCsv if has("timeStamp") && has("elapsed") => jmeter(),
        Format::OhaCsv if has("request-start") && has("request-duration") => oha(),
        Format::HeyCsv if has("response-time") && has("offset") => hey(),
        Format::VegetaCsv if is_vegeta(&header) => {
            let bound = vegeta().into_iter().filter(|(field, _)| *field < header.len());
            let bound =
                bound.map(|(field, (name, what))| Bound { field, name: name.to_owned(), what });
            return Ok(Some(Csv { format, header: None, bound: bound.collect(), ..csv }));
        }
        _ => return Ok(None),
    };
    let bound = known.into_iter().filter_map(|(name, what)| {
        let place = only_place(name, &header).map_err(|words| Problem::at(1, words));
        let bound = |field| Bound { field, name: name.to_owned(), what };
        Some(place.transpose()?.map(bound))
    });
    let bound = bound.collect::<Result<_, Problem>>()?;
    Ok(Some(Csv { format, bound, ..csv }))
}

/// Whether these are the totals that Locust leaves with `--csv`: `_stats`,
/// `_stats_history`, `_failures`.
pub(crate) fn is_locust_totals(start: &[u8]) -> bool {
    let Some((_, header)) = header_of(start) else { return false };
    let has = |names: &[&str]| names.iter().all(|name| header.iter().any(|one| one == name));
    has(&["Request Count", "Failure Count"])
        || has(&["Total Request Count", "Total Failure Count"])
        || has(&["Method", "Name", "Error", "Occurrences"])
}

/// Whether a first row, here in the place of a header, is one of vegeta's: a time in
/// nanoseconds, a status, a latency, two sizes. A latency below zero is its record's own
/// mistake.
fn is_vegeta(row: &[String]) -> bool {
    let is_number = |at: usize| row.get(at).is_some_and(|field| field.parse::<i64>().is_ok());
    row.len() >= VEGETA_FIELDS_MIN && row[0].len() >= 18 && (0..5).all(is_number)
}
