//! guidellm's `benchmarks.json`: one document. Each benchmark is a phase.

mod record;

use std::fmt::Write as _;

use perfbox_model::batch::ColumnType;
use record::{NUMBERS, Record, Report};

use crate::batch_builder::{BatchBuilder, RowWriter};
use crate::checks::{check_latency, check_name};
use crate::columns::Columns;
use crate::format::Format;
use crate::input::Block;
use crate::json::error::{ErrorAtLine, document, json_error};
use crate::json::scan::members;
use crate::reader::{BlockScan, Reader};
use crate::readers::request::{Request, exception_name, profiling};
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;
use crate::text::count_lines;

/// Name of the format in messages.
const WHAT: &str = "a report of guidellm";

/// Column of a request's position in its conversation.
const TURN: &str = "turn_index";

/// Reads guidellm's reports.
#[derive(Default)]
pub(crate) struct GuidellmJson;

/// True if an input begins like a report of guidellm. Other tools have a key `benchmarks`, too.
pub(crate) fn detect(start: &[u8]) -> bool {
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

/// A benchmark with its requests, not parsed yet.
struct Phase<'b> {
    name: String,
    number: u32,
    requests: Vec<Entry<'b>>,
}

/// A request in the document.
struct Entry<'b> {
    ending: Ending,
    /// Name of its list, and its index there.
    list: &'static str,
    index: usize,
    json: &'b str,
}

/// Parses the benchmarks of a report.
fn read_report(text: &str) -> Result<Vec<Phase<'_>>, ErrorAtLine> {
    let report: Report<'_> =
        serde_json::from_str(text).map_err(|error| json_error(&error, WHAT))?;
    let phases = report.benchmarks.into_iter().zip(0..).map(|(benchmark, number)| {
        let name = benchmark.name().unwrap_or_else(|| format!("benchmark-{}", number + 1));
        check_name("phase", &name).map_err(|problem| (0, problem))?;
        let lists = [
            (Ending::Successful, "successful", benchmark.requests.successful),
            (Ending::Incomplete, "incomplete", benchmark.requests.incomplete),
            (Ending::Errored, "errored", benchmark.requests.errored),
        ];
        let requests = lists.into_iter().flat_map(|(ending, list, requests)| {
            let requests = requests.into_iter().flatten().enumerate();
            requests.map(move |(index, raw)| Entry { ending, list, index, json: raw.get() })
        });
        Ok(Phase { name, number, requests: requests.collect() })
    });
    phases.collect()
}

/// Parses requests one by one and finds the lines of bad ones.
struct Requests<'b> {
    text: &'b str,
    /// Number of newlines up to a byte of the text.
    counted: (usize, u64),
}

impl<'b> Requests<'b> {
    fn of(text: &'b str) -> Self {
        Self { text, counted: (0, 0) }
    }

    fn read(&mut self, phase: &Phase<'b>, entry: &Entry<'b>) -> Result<Record<'b>, ErrorAtLine> {
        let (line, problem) = match serde_json::from_str::<Record<'b>>(entry.json) {
            Ok(record) => match check(&record) {
                Ok(()) => return Ok(record),
                Err(message) => (1, RecordError::at(1, message)),
            },
            Err(error) => (error.line().max(1), RecordError::from(&error)),
        };
        let Entry { list, index, .. } = entry;
        let message = format!(
            "the request at index {index} of `{list}` in benchmark {} (`{}`): {}",
            phase.number, phase.name, problem.message
        );
        let (line_before, column_before) = self.place(entry.json);
        let column = match line {
            1 => column_before + problem.column,
            _ => problem.column,
        };
        Err((line_before + line as u64 - 1, RecordError::at(column, message)))
    }

    /// The line in which a part of the text begins, from 0, and the number of bytes before it
    /// there.
    fn place(&mut self, part: &str) -> (u64, u64) {
        let at = part.as_ptr() as usize - self.text.as_ptr() as usize;
        let (from, lines) = match self.counted {
            counted if counted.0 <= at => counted,
            _ => (0, 0),
        };
        let before = &self.text.as_bytes()[..at];
        let lines = lines + memchr::memchr_iter(b'\n', &before[from..]).count() as u64;
        self.counted = (at, lines);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        (lines, (at - line_start) as u64)
    }
}

/// Checks the names and numbers of a request.
fn check(record: &Record<'_>) -> Result<(), String> {
    for (_, what, _) in &record.parts {
        check_name("metric", what).map_err(|problem| problem.message)?;
    }
    check_latency(record.latency_s.unwrap_or(0.0) * 1e3)
}

/// Column of a part of the prompt or the response.
fn part_name<'n>(name: &'n mut String, of: &str, what: &str) -> &'n str {
    name.clear();
    let _ = write!(name, "{of}_{what}");
    name
}

/// Unit of a part: `text_words` has the unit `words`.
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

    fn split_rule(&self) -> SplitRule {
        SplitRule::Document
    }

    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan {
        let mut scan = BlockScan { lines: count_lines(&block.text), ..BlockScan::default() };
        let (text, phases) = match document(block).and_then(|text| Ok((text, read_report(text)?))) {
            Ok(read) => read,
            Err(bad) => {
                scan.first_bad = Some(bad);
                return scan;
            }
        };
        let mut requests = Requests::of(text);
        for phase in phases {
            schema.add_phase(&phase.name);
            for entry in &phase.requests {
                match requests.read(&phase, entry) {
                    Ok(record) => {
                        scan.has_records = true;
                        add_columns(&record, schema);
                    }
                    Err(bad) => {
                        scan.first_bad.get_or_insert(bad);
                    }
                }
            }
        }
        scan
    }

    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>) {
        if let Err((line, problem)) = read_into(block, builder) {
            builder.bad(line, problem);
        }
        builder.add_lines(count_lines(&block.text));
    }
}

/// Reads the requests of a document.
fn read_into(block: &Block, builder: &mut BatchBuilder<'_>) -> Result<(), ErrorAtLine> {
    let columns = builder.columns();
    let text = document(block)?;
    let mut requests = Requests::of(text);
    for phase in read_report(text)? {
        let key = profiling(&phase.name, Some(phase.number));
        for entry in &phase.requests {
            if builder.is_over() {
                return Ok(());
            }
            match requests.read(&phase, entry) {
                Ok(record) => {
                    let Some(mut row) = builder.begin(&key) else { continue };
                    put(&record, entry.ending, &columns, &mut row);
                    builder.end();
                }
                Err((line, problem)) => {
                    if !builder.bad(line, problem) {
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

/// Adds the columns of a request to the schema.
fn add_columns(record: &Record<'_>, schema: &mut SchemaScan) {
    for ((_, column, unit), number) in NUMBERS.iter().zip(record.numbers) {
        if number.is_some() {
            schema.add_column(column, ColumnType::F64, unit);
        }
    }
    let mut part = String::new();
    for (of, what, _) in &record.parts {
        schema.add_column(part_name(&mut part, of, what), ColumnType::F64, part_unit(what));
    }
    if record.turn.is_some() {
        schema.add_column(TURN, ColumnType::U64, "");
    }
}

/// Writes a request into a row.
fn put(record: &Record<'_>, ending: Ending, columns: &Columns, row: &mut RowWriter<'_>) {
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
        if let (Some(column), Some(number)) = (columns.position(column), number) {
            row.f64(column, number);
        }
    }
    let mut part = String::new();
    for (of, what, number) in &record.parts {
        if let Some(column) = columns.position(part_name(&mut part, of, what)) {
            row.f64(column, *number);
        }
    }
    if let (Some(column), Some(turn)) = (columns.position(TURN), record.turn) {
        row.u64(column, turn);
    }
}

#[cfg(test)]
mod tests;
