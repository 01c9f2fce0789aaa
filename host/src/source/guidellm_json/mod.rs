//! guidellm's `benchmarks.json`: one document, whose benchmarks are phases.

mod record;

use std::fmt::Write as _;

use record::{Benchmark, NUMBERS, Record, Report};

use super::columns::{Columns, Survey, check_text};
use super::format::Format;
use super::input::{Block, Cut};
use super::parse::{Misread, count_lines, document, misread};
use super::reader::{Reader, Surveyed};
use super::request::{Request, exception_name, profiling};
use super::rows::{Row, Rows};
use super::sniff::members;
use crate::batch::ColumnType;

/// What the format is called where something is wrong.
const WHAT: &str = "a report of guidellm";

/// A column of a request's place in its conversation.
const TURN: &str = "turn_index";

/// Reads guidellm's reports.
#[derive(Default)]
pub(super) struct GuidellmJson;

/// Whether an input begins as guidellm's reports do. Reports of other tools have
/// `benchmarks` too.
pub(super) fn is_one(start: &[u8]) -> bool {
    let is_there = |text: &[u8], what: &str| memchr::memmem::find(text, what.as_bytes()).is_some();
    for (key, value) in members(start) {
        match key {
            b"metadata" if is_there(value, "\"guidellm_version\"") => return true,
            b"benchmarks" => {
                return value.starts_with(b"[") && is_there(value, "\"generative_benchmark\"");
            }
            _ => {}
        }
    }
    false
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Successful,
    Incomplete,
    Errored,
}

impl<'a> Benchmark<'a> {
    fn records(&self) -> impl Iterator<Item = (Ending, &Record<'a>)> {
        let groups = [
            (Ending::Successful, &self.requests.successful),
            (Ending::Incomplete, &self.requests.incomplete),
            (Ending::Errored, &self.requests.errored),
        ];
        groups
            .into_iter()
            .flat_map(|(ending, group)| group.iter().flatten().map(move |record| (ending, record)))
    }
}

/// The report that a block is, with a name for each of its benchmarks.
fn read_report(block: &Block) -> Result<Vec<(String, Benchmark<'_>)>, Misread> {
    let text = document(block)?;
    let report: Report<'_> = serde_json::from_str(text).map_err(|error| misread(&error, WHAT))?;
    let named = report.benchmarks.into_iter().enumerate().map(|(number, benchmark)| {
        let name = benchmark.name().unwrap_or_else(|| format!("benchmark-{}", number + 1));
        check_text("phase", &name).map_err(|problem| (0, problem))?;
        for (_, record) in benchmark.records() {
            for (_, what, _) in &record.parts {
                check_text("metric", what).map_err(|problem| (0, problem))?;
            }
        }
        Ok((name, benchmark))
    });
    named.collect()
}

/// The column of what a prompt or an answer was made of.
fn part_name<'n>(name: &'n mut String, of: &str, what: &str) -> &'n str {
    name.clear();
    let _ = write!(name, "{of}_{what}");
    name
}

/// `text_words` are counted in words.
fn part_unit(what: &str) -> &str {
    match what.rsplit('_').next() {
        Some("seconds") => "sec",
        Some("count") | None => "",
        Some(unit) => unit,
    }
}

impl Reader for GuidellmJson {
    fn format(&self) -> Format {
        Format::GuidellmJson
    }

    fn cut(&self) -> Cut {
        Cut::Whole
    }

    fn survey(&self, block: &Block, survey: &mut Survey) -> Surveyed {
        let mut surveyed = Surveyed { lines: count_lines(&block.text), ..Surveyed::default() };
        let benchmarks = match read_report(block) {
            Ok(benchmarks) => benchmarks,
            Err(bad) => {
                surveyed.first_bad = Some(bad);
                return surveyed;
            }
        };
        let mut part = String::new();
        for (phase, benchmark) in benchmarks {
            survey.add_phase(&phase);
            for (_, record) in benchmark.records() {
                surveyed.has_records = true;
                for ((_, column, unit), number) in NUMBERS.iter().zip(record.numbers) {
                    if number.is_some() {
                        survey.add_column(column, ColumnType::F64, unit);
                    }
                }
                for (of, what, _) in &record.parts {
                    let name = part_name(&mut part, of, what);
                    survey.add_column(name, ColumnType::F64, part_unit(what));
                }
                if record.turn.is_some() {
                    survey.add_column(TURN, ColumnType::U64, "");
                }
            }
        }
        surveyed
    }

    fn read(&self, block: &Block, rows: &mut Rows<'_>) {
        let columns = rows.columns();
        match read_report(block) {
            Ok(benchmarks) => {
                for (number, (name, benchmark)) in (0..).zip(benchmarks) {
                    let phase = profiling(&name, Some(number));
                    for (ending, record) in benchmark.records() {
                        let Some(mut row) = rows.begin(&phase) else { continue };
                        put(record, ending, columns, &mut row);
                        rows.end();
                    }
                }
            }
            Err((line, problem)) => {
                rows.bad(line, problem);
            }
        }
        rows.add_lines(count_lines(&block.text));
    }
}

/// Puts a request into a row.
fn put(record: &Record<'_>, ending: Ending, columns: &Columns, row: &mut Row<'_>) {
    let message = record.error.as_deref().filter(|error| !error.is_empty());
    Request {
        start_ns: record.start_ns,
        end_ns: record.end_ns,
        latency_ms: record.latency_s.map(|seconds| seconds * 1e3),
        error: match ending {
            Ending::Successful => None,
            Ending::Incomplete => Some("cancelled"),
            Ending::Errored => Some(message.and_then(exception_name).unwrap_or("error")),
        },
        message: message.filter(|_| ending != Ending::Successful),
        name: record.kind.as_deref(),
        worker: record.worker.as_deref(),
        session: record.conversation.as_deref(),
        turn: record.turn.unwrap_or(0),
        is_cancelled: ending == Ending::Incomplete,
        ..Request::default()
    }
    .put(row);
    let numbers = NUMBERS.iter().zip(record.numbers);
    for ((_, column, _), number) in numbers {
        if let (Some(column), Some(number)) = (columns.place(column), number) {
            row.f64(column, number);
        }
    }
    let mut part = String::new();
    for (of, what, number) in &record.parts {
        if let Some(column) = columns.place(part_name(&mut part, of, what)) {
            row.f64(column, *number);
        }
    }
    if let (Some(column), Some(turn)) = (columns.place(TURN), record.turn) {
        row.u64(column, turn);
    }
}

#[cfg(test)]
mod tests;
