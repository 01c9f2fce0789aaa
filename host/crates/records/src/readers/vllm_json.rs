//! vLLM's `bench serve --save-result --save-detailed`: an object of parallel arrays with one
//! entry a request, in seconds (`vllm/benchmarks/serve.py`).

mod entry;

use std::borrow::Cow;

use entry::{Count, Entry};
use perfbox_model::batch::ColumnType;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::batch_builder::{BatchBuilder, PhaseKey, RowWriter};
use crate::checks::check_latency;
use crate::columns::Columns;
use crate::format::Format;
use crate::input::Block;
use crate::json::error::{ErrorAtLine, document, json_error};
use crate::json::scan::members;
use crate::reader::{BlockScan, Reader};
use crate::readers::request::{PROFILING, Request, exception_name, profiling};
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;
use crate::text::count_lines;
use crate::time::rfc3339_ns;

/// Name of the format in messages.
const WHAT: &str = "a result of vLLM's bench serve --save-detailed";

/// Reads vLLM's results.
#[derive(Default)]
pub(crate) struct VllmJson;

/// True if an input begins like vLLM's results, with or without the arrays of requests.
pub(crate) fn detect(start: &[u8]) -> bool {
    const SETTINGS: [&[u8]; 4] = [b"backend", b"num_prompts", b"duration", b"completed"];
    let mut settings = 0;
    for (key, value) in members(start) {
        if [&b"input_lens"[..], b"ttfts", b"itls"].contains(&key) && value.starts_with(b"[") {
            return true;
        }
        settings += usize::from(SETTINGS.contains(&key));
    }
    settings == SETTINGS.len()
}

/// One run: its arrays and its time.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "E: Deserialize<'de>"))]
struct Run<'a, E> {
    #[serde(borrow, default)]
    date: Option<Cow<'a, str>>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    input_lens: Option<Vec<E>>,
    #[serde(default)]
    output_lens: Option<Vec<E>>,
    #[serde(default)]
    ttfts: Option<Vec<E>>,
    #[serde(default)]
    itls: Option<Vec<E>>,
    #[serde(default)]
    latencies: Option<Vec<E>>,
    #[serde(default)]
    start_times: Option<Vec<E>>,
    #[serde(default)]
    queue_times: Option<Vec<E>>,
    #[serde(default)]
    generated_texts: Option<Count>,
    #[serde(default)]
    errors: Option<Vec<E>>,
}

/// Name and entries of an array.
type Array<'r, E> = (&'static str, Option<&'r Vec<E>>);

/// Number columns, their units, and the factor from the run's numbers.
const OWN_COLUMNS: [(&str, &str, f64); 4] = [
    ("time_to_first_token", "ms", 1e3),
    ("input_sequence_length", "tokens", 1.0),
    ("output_sequence_length", "tokens", 1.0),
    ("queue_time", "ms", 1e3),
];

/// Values of one request.
struct Measured<'r> {
    start_s: Option<f64>,
    /// Latency, if it was measured.
    latency_s: Option<f64>,
    error: Option<&'r str>,
    gaps_s: Option<&'r [f64]>,
    /// In the order of [`OWN_COLUMNS`].
    numbers: [Option<f64>; OWN_COLUMNS.len()],
}

/// Column of the times between the chunks of a response.
const GAPS: &str = "inter_chunk_latency";

impl<E> Run<'_, E> {
    /// The arrays of [`OWN_COLUMNS`].
    fn own_arrays(&self) -> [Array<'_, E>; OWN_COLUMNS.len()] {
        [
            ("ttfts", self.ttfts.as_ref()),
            ("input_lens", self.input_lens.as_ref()),
            ("output_lens", self.output_lens.as_ref()),
            ("queue_times", self.queue_times.as_ref()),
        ]
    }

    /// Number of requests. All arrays must agree.
    fn requests(&self) -> Result<usize, RecordError> {
        let lens = [
            ("input_lens", self.input_lens.as_ref().map(Vec::len)),
            ("output_lens", self.output_lens.as_ref().map(Vec::len)),
            ("ttfts", self.ttfts.as_ref().map(Vec::len)),
            ("itls", self.itls.as_ref().map(Vec::len)),
            ("latencies", self.latencies.as_ref().map(Vec::len)),
            ("start_times", self.start_times.as_ref().map(Vec::len)),
            ("queue_times", self.queue_times.as_ref().map(Vec::len)),
            ("generated_texts", self.generated_texts.as_ref().map(|texts| texts.0)),
            ("errors", self.errors.as_ref().map(Vec::len)),
        ];
        let Some(count) = lens[0].1 else {
            let message = "the run has totals only; run vLLM with --save-detailed to keep its \
                requests";
            return Err(RecordError::at(1, message));
        };
        let mut others = lens.iter().filter_map(|(name, len)| Some((name, (*len)?)));
        match others.find(|(_, len)| *len != count) {
            None => Ok(count),
            Some((name, len)) => {
                let message = format!(
                    "the arrays of requests differ in length: `input_lens` has {count} \
                     entries, `{name}` has {len}"
                );
                Err(RecordError::at(1, message))
            }
        }
    }

    /// Start of the run. `date` is its end, in whole seconds and without a time zone.
    fn start_ns(&self) -> Result<u64, RecordError> {
        let Some(date) = self.date.as_deref() else { return Ok(0) };
        let part = |from: usize, to: usize| date.get(from..to).unwrap_or_default();
        let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
        let (hour, minute, second) = (part(9, 11), part(11, 13), part(13, 15));
        let written = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
        let is_whole = date.len() == 15 && date.as_bytes()[8] == b'-';
        let end_ns = rfc3339_ns(&written).filter(|_| is_whole).ok_or_else(|| {
            let date = perfbox_model::escape(date);
            RecordError::at(1, format!("`date` is `{date}`, not a time such as 20260528-143022"))
        })?;
        Ok(end_ns.saturating_sub(ns(self.duration.unwrap_or(0.0))))
    }

    /// Number of requests, and start of the run.
    fn check(&self) -> Result<(usize, u64), RecordError> {
        Ok((self.requests()?, self.start_ns()?))
    }
}

impl<'a> Run<'a, Entry<'a>> {
    /// Values of one request.
    fn request(&self, request: usize) -> Result<Measured<'_>, RecordError> {
        self.entries(request).map_err(|message| {
            RecordError::at(1, format!("the request at index {request}: {message}"))
        })
    }

    fn entries(&self, request: usize) -> Result<Measured<'_>, String> {
        let number = |(name, entries): Array<'_, Entry<'_>>| {
            let entry = entries.map(|entries| &entries[request]);
            entry.map(|entry| entry.number(name)).transpose()
        };
        let text = self.errors.as_ref().map(|errors| errors[request].text("errors"));
        let error = text.transpose()?.flatten().filter(|error| !error.is_empty());
        let gaps = self.itls.as_ref().map(|itls| itls[request].numbers("itls"));
        let gaps_s = gaps.transpose()?;
        let mut numbers = [None; OWN_COLUMNS.len()];
        for (value, array) in numbers.iter_mut().zip(self.own_arrays()) {
            *value = number(array)?;
        }
        let [first_token_s, ..] = &mut numbers;
        let with_gaps = |first: f64| first + gaps_s.map_or(0.0, |gaps| gaps.iter().sum());
        let latency_s = match number(("latencies", self.latencies.as_ref()))? {
            Some(latency) => Some(latency),
            None => first_token_s.map(with_gaps),
        };
        check_latency(latency_s.unwrap_or(0.0) * 1e3)?;
        let has_failed = error.is_some();
        // vLLM writes 0 for what a failed request did not reach.
        *first_token_s = first_token_s.filter(|first| !has_failed || *first != 0.0);
        Ok(Measured {
            start_s: number(("start_times", self.start_times.as_ref()))?,
            latency_s: latency_s.filter(|latency| !has_failed || *latency != 0.0),
            error,
            gaps_s: gaps_s.filter(|gaps| !has_failed || !gaps.is_empty()),
            numbers,
        })
    }

    /// Start of the first request, on the clock of the run.
    fn first_start_s(&self) -> f64 {
        let starts = self.start_times.iter().flatten();
        starts.filter_map(|start| start.number("").ok()).fold(f64::INFINITY, f64::min)
    }
}

impl Measured<'_> {
    /// Writes the request into a row.
    fn put(&self, start_ns: u64, columns: &Columns, row: &mut RowWriter<'_>) {
        Request {
            start_ns,
            end_ns: self.latency_s.map(|latency_s| start_ns.saturating_add(ns(latency_s))),
            latency_ms: self.latency_s.map(|latency_s| latency_s * 1e3),
            error: self.error.map(|error| exception_name(error).unwrap_or("error")),
            message: self.error,
            ..Request::default()
        }
        .put(row);
        for ((name, _, factor), number) in OWN_COLUMNS.iter().zip(self.numbers) {
            if let (Some(column), Some(number)) = (columns.position(name), number) {
                row.f64(column, number * factor);
            }
        }
        if let (Some(column), Some(gaps)) = (columns.position(GAPS), self.gaps_s)
            && let Some(mut list) = row.list(column)
        {
            gaps.iter().for_each(|gap| list.push(gap * 1e3));
            list.end();
        }
    }
}

/// Nanoseconds of a number of seconds, at least 0.
fn ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// Runs of a document, each with its first line, from 0. Appended runs follow one another.
fn runs<'b, E: Deserialize<'b> + 'b>(
    block: &'b Block,
) -> impl Iterator<Item = Result<(u64, Run<'b, E>), ErrorAtLine>> {
    let (text, unread) = match document(block) {
        Ok(text) => (text, None),
        Err(misread) => ("", Some(Err(misread))),
    };
    let mut runs = serde_json::Deserializer::from_str(text).into_iter::<Run<'b, E>>();
    let read = std::iter::from_fn(move || {
        let from = runs.byte_offset();
        let run = runs.next()?;
        let blank = text[from..].bytes().take_while(u8::is_ascii_whitespace).count();
        let line = memchr::memchr_iter(b'\n', &text.as_bytes()[..from + blank]).count() as u64;
        Some(run.map(|run| (line, run)).map_err(|error| json_error(&error, WHAT)))
    });
    unread.into_iter().chain(read)
}

impl Reader for VllmJson {
    fn format(&self) -> Format {
        Format::VllmJson
    }

    fn split_rule(&self) -> SplitRule {
        SplitRule::Document
    }

    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan {
        let mut scan = BlockScan { lines: count_lines(&block.text), ..BlockScan::default() };
        // Entries are checked when they are read.
        for run in runs::<IgnoredAny>(block) {
            let checked = run.and_then(|(line, run)| match run.check() {
                Ok((requests, _)) => Ok((requests, run)),
                Err(problem) => Err((line, problem)),
            });
            match checked {
                Ok((requests, run)) => {
                    scan.has_records |= requests > 0;
                    schema.add_phase(PROFILING);
                    for ((name, unit, _), (_, array)) in OWN_COLUMNS.iter().zip(run.own_arrays()) {
                        if array.is_some() {
                            schema.add_column(name, ColumnType::F64, unit);
                        }
                    }
                    if run.itls.is_some() {
                        schema.add_column(GAPS, ColumnType::F64List, "ms");
                    }
                }
                Err(bad) => {
                    scan.first_bad.get_or_insert(bad);
                }
            }
        }
        scan
    }

    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>) {
        for (number, run) in (0..).zip(runs::<Entry<'_>>(block)) {
            let read = run.and_then(|(line, run)| match run.check() {
                Ok(checked) => Ok((line, run, checked)),
                Err(problem) => Err((line, problem)),
            });
            let goes_on = match read {
                Ok((line, run, (requests, start_ns))) => {
                    // Each run is a separate phase.
                    let phase = profiling(PROFILING, Some(number));
                    read_run(&run, requests, start_ns, (line, &phase), builder)
                }
                Err((line, problem)) => builder.bad(line, problem),
            };
            if !goes_on {
                break;
            }
        }
        builder.add_lines(count_lines(&block.text));
    }
}

/// Reads the requests of a run. Returns false if a bad record ends the reading.
fn read_run(
    run: &Run<'_, Entry<'_>>,
    requests: usize,
    run_start_ns: u64,
    (line, phase): (u64, &PhaseKey),
    builder: &mut BatchBuilder<'_>,
) -> bool {
    let columns = builder.columns();
    let first_s = run.first_start_s();
    for request in 0..requests {
        if builder.is_over() {
            return false;
        }
        match run.request(request) {
            Ok(measured) => {
                let Some(mut row) = builder.begin(phase) else { continue };
                let since_first = measured.start_s.map_or(0, |start| ns(start - first_s));
                measured.put(run_start_ns.saturating_add(since_first), &columns, &mut row);
                builder.end();
            }
            Err(problem) => {
                if !builder.bad(line, problem) {
                    return false;
                }
            }
        }
    }
    true
}

#[cfg(test)]
mod tests;
