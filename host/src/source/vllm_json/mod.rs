//! vLLM's `bench serve --save-result --save-detailed`: an object of parallel arrays with an
//! entry for each request, in seconds (`vllm/benchmarks/serve.py`).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::Problem;
use super::columns::{Columns, Survey};
use super::format::Format;
use super::input::{Block, Cut};
use super::parse::{Misread, count_lines, document, misread};
use super::reader::{Reader, Surveyed};
use super::request::{PROFILING, Request, exception_name, profiling};
use super::rows::{Row, Rows};
use super::sniff::members;
use super::time::rfc3339_ns;
use crate::batch::ColumnType;

/// What the format is called where something is wrong.
const WHAT: &str = "a result of vLLM's bench serve --save-detailed";

/// Reads vLLM's results.
#[derive(Default)]
pub(super) struct VllmJson;

/// Whether an input begins as vLLM's results do, with the arrays of requests or without.
pub(super) fn is_one(start: &[u8]) -> bool {
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

/// One run, borrowed from its document.
#[derive(Debug, Deserialize)]
struct Run<'a> {
    #[serde(borrow, default)]
    date: Option<Cow<'a, str>>,
    #[serde(default)]
    duration: Option<f64>,
    #[serde(default)]
    input_lens: Option<Vec<f64>>,
    #[serde(default)]
    output_lens: Option<Vec<f64>>,
    #[serde(default)]
    ttfts: Option<Vec<f64>>,
    #[serde(default)]
    itls: Option<Vec<Vec<f64>>>,
    #[serde(default)]
    latencies: Option<Vec<f64>>,
    #[serde(default)]
    start_times: Option<Vec<f64>>,
    #[serde(default)]
    queue_times: Option<Vec<f64>>,
    #[serde(default)]
    generated_texts: Option<Count>,
    #[serde(borrow, default)]
    errors: Option<Vec<Option<Text<'a>>>>,
}

#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// How many there are of what is not read.
#[derive(Debug)]
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counter;
        impl<'de> Visitor<'de> for Counter {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_seq(Counter)
    }
}

/// Columns of numbers, their units, by what the run's numbers are multiplied, and where
/// the run has them.
type OwnColumn =
    (&'static str, &'static str, f64, for<'r, 'a> fn(&'r Run<'a>) -> Option<&'r Vec<f64>>);

const OWN_COLUMNS: [OwnColumn; 4] = [
    ("time_to_first_token", "ms", 1e3, |run| run.ttfts.as_ref()),
    ("input_sequence_length", "tokens", 1.0, |run| run.input_lens.as_ref()),
    ("output_sequence_length", "tokens", 1.0, |run| run.output_lens.as_ref()),
    ("queue_time", "ms", 1e3, |run| run.queue_times.as_ref()),
];

/// The column of times between the parts of an answer.
const GAPS: &str = "inter_chunk_latency";

impl Run<'_> {
    /// How many requests there are, if each array says so.
    fn requests(&self) -> Result<usize, Problem> {
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
            let words = "the run has totals only, its requests were not kept: run vLLM with \
                         --save-detailed";
            return Err(Problem::at(1, words));
        };
        let mut others = lens.iter().filter_map(|(name, len)| Some((name, (*len)?)));
        match others.find(|(_, len)| *len != count) {
            None => Ok(count),
            Some((name, len)) => {
                let words = format!(
                    "the arrays of requests differ in length: `input_lens` has {count} \
                     entries, `{name}` has {len}"
                );
                Err(Problem::at(1, words))
            }
        }
    }

    /// When the run started. It says when it ended, to the second, on a clock without a
    /// zone.
    fn start_ns(&self) -> Result<u64, Problem> {
        let Some(date) = self.date.as_deref() else { return Ok(0) };
        let part = |from: usize, to: usize| date.get(from..to).unwrap_or_default();
        let (year, month, day) = (part(0, 4), part(4, 6), part(6, 8));
        let (hour, minute, second) = (part(9, 11), part(11, 13), part(13, 15));
        let written = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
        let is_whole = date.len() == 15 && date.as_bytes()[8] == b'-';
        let end_ns = rfc3339_ns(&written).filter(|_| is_whole).ok_or_else(|| {
            let date = crate::escape(date);
            Problem::at(1, format!("`date` is `{date}`, not a time such as 20260528-143022"))
        })?;
        Ok(end_ns.saturating_sub(ns(self.duration.unwrap_or(0.0))))
    }

    /// How long a request took, in seconds, where that was measured.
    fn latency_s(&self, request: usize, has_failed: bool) -> Option<f64> {
        let latency = match (&self.latencies, &self.ttfts) {
            (Some(latencies), _) => latencies[request],
            (None, Some(ttfts)) => {
                let gaps = self.itls.as_ref().map_or(0.0, |itls| itls[request].iter().sum());
                ttfts[request] + gaps
            }
            (None, None) => return None,
        };
        (!has_failed || latency != 0.0).then_some(latency)
    }

    fn error(&self, request: usize) -> Option<&str> {
        let error = self.errors.as_ref()?[request].as_ref()?;
        Some(&*error.0).filter(|error| !error.is_empty())
    }

    /// Puts a request into a row.
    fn put(&self, request: usize, start_ns: u64, columns: &Columns, row: &mut Row<'_>) {
        let error = self.error(request);
        let latency_s = self.latency_s(request, error.is_some());
        Request {
            start_ns,
            end_ns: latency_s.map(|latency_s| start_ns.saturating_add(ns(latency_s))),
            latency_ms: latency_s.map(|latency_s| latency_s * 1e3),
            error: error.map(|error| exception_name(error).unwrap_or("error")),
            message: error,
            ..Request::default()
        }
        .put(row);
        for (name, _, factor, values) in OWN_COLUMNS {
            if let (Some(column), Some(values)) = (columns.place(name), values(self)) {
                // What a failed request did not come to is 0 there.
                let is_missing =
                    name == "time_to_first_token" && error.is_some() && values[request] == 0.0;
                if !is_missing {
                    row.f64(column, values[request] * factor);
                }
            }
        }
        if let (Some(column), Some(itls)) = (columns.place(GAPS), &self.itls)
            && !(error.is_some() && itls[request].is_empty())
            && let Some(mut list) = row.list(column)
        {
            itls[request].iter().for_each(|gap| list.push(gap * 1e3));
            list.end();
        }
    }
}

/// Seconds that are not negative, in nanoseconds.
fn ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// The runs of a document, each with the line that it begins in, from 0: appended ones
/// follow one another.
fn runs(block: &Block) -> impl Iterator<Item = Result<(u64, Run<'_>), Misread>> {
    let (text, unread) = match document(block) {
        Ok(text) => (text, None),
        Err(misread) => ("", Some(Err(misread))),
    };
    let mut runs = serde_json::Deserializer::from_str(text).into_iter::<Run<'_>>();
    let read = std::iter::from_fn(move || {
        let from = runs.byte_offset();
        let run = runs.next()?;
        let blank = text[from..].bytes().take_while(u8::is_ascii_whitespace).count();
        let line = memchr::memchr_iter(b'\n', &text.as_bytes()[..from + blank]).count() as u64;
        Some(run.map(|run| (line, run)).map_err(|error| misread(&error, WHAT)))
    });
    unread.into_iter().chain(read)
}

/// The requests of a run, and when it started.
fn check(run: &Run<'_>) -> Result<(usize, u64), Problem> {
    Ok((run.requests()?, run.start_ns()?))
}

impl Reader for VllmJson {
    fn format(&self) -> Format {
        Format::VllmJson
    }

    fn cut(&self) -> Cut {
        Cut::Whole
    }

    fn survey(&self, block: &Block, survey: &mut Survey) -> Surveyed {
        let mut surveyed = Surveyed { lines: count_lines(&block.text), ..Surveyed::default() };
        for run in runs(block) {
            let checked = run.and_then(|(line, run)| match check(&run) {
                Ok((requests, _)) => Ok((requests, run)),
                Err(problem) => Err((line, problem)),
            });
            match checked {
                Ok((requests, run)) => {
                    surveyed.has_records |= requests > 0;
                    survey.add_phase(PROFILING);
                    for (name, unit, _, values) in OWN_COLUMNS {
                        if values(&run).is_some() {
                            survey.add_column(name, ColumnType::F64, unit);
                        }
                    }
                    if run.itls.is_some() {
                        survey.add_column(GAPS, ColumnType::F64List, "ms");
                    }
                }
                Err(bad) => {
                    surveyed.first_bad.get_or_insert(bad);
                }
            }
        }
        surveyed
    }

    fn read(&self, block: &Block, rows: &mut Rows<'_>) {
        let columns = rows.columns();
        for (number, run) in (0..).zip(runs(block)) {
            let checked = run.and_then(|(line, run)| match check(&run) {
                Ok(checked) => Ok((run, checked)),
                Err(problem) => Err((line, problem)),
            });
            let (run, (requests, run_start_ns)) = match checked {
                Ok(checked) => checked,
                Err((line, problem)) => match rows.bad(line, problem) {
                    true => continue,
                    false => break,
                },
            };
            // Each run is a phase of its own.
            let phase = profiling(PROFILING, Some(number));
            let starts = run.start_times.as_deref().unwrap_or_default();
            let first_s = starts.iter().copied().fold(f64::INFINITY, f64::min);
            for request in 0..requests {
                let Some(mut row) = rows.begin(&phase) else { continue };
                let since_first = starts.get(request).map_or(0, |start| ns(start - first_s));
                run.put(request, run_start_ns.saturating_add(since_first), columns, &mut row);
                rows.end();
            }
        }
        rows.add_lines(count_lines(&block.text));
    }
}

#[cfg(test)]
mod tests;
