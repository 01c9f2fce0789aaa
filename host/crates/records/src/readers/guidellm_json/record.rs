//! guidellm's `benchmarks.json`, older versions (`start_time`, …) and newer ones since 0.4
//! (`request_start_time`, `info.timings`, …).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::time::seconds_ns;

/// Numbers of a request: key, column, unit.
pub(super) const NUMBERS: [(&str, &str, &str); 18] = [
    ("time_to_first_token_ms", "time_to_first_token", "ms"),
    ("time_to_first_output_token_ms", "time_to_first_output_token", "ms"),
    ("time_per_output_token_ms", "time_per_output_token", "ms"),
    ("inter_token_latency_ms", "inter_token_latency", "ms"),
    ("time_to_last_round_trip_ms", "time_to_last_round_trip", "ms"),
    ("avg_round_trip_time_ms", "avg_round_trip_time", "ms"),
    ("prompt_tokens", "input_sequence_length", "tokens"),
    ("output_tokens", "output_sequence_length", "tokens"),
    ("total_tokens", "total_tokens", "tokens"),
    ("cached_tokens", "cached_tokens", "tokens"),
    ("tokens_per_second", "tokens_per_second", "tokens/sec"),
    ("output_tokens_per_second", "output_tokens_per_second", "tokens/sec"),
    ("iter_tokens_per_iteration", "iter_tokens_per_iteration", "tokens"),
    ("output_tokens_per_iteration", "output_tokens_per_iteration", "tokens"),
    ("request_dispatch_delay", "request_dispatch_delay", "sec"),
    ("turn_predecessor_delay", "turn_predecessor_delay", "sec"),
    ("turn_scheduling_delay", "turn_scheduling_delay", "sec"),
    ("request_scheduled_latency", "request_scheduled_latency", "sec"),
];

/// A report, borrowed from its document.
#[derive(Debug, Deserialize)]
pub(super) struct Report<'a> {
    #[serde(borrow)]
    pub(super) benchmarks: Vec<Benchmark<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Benchmark<'a> {
    /// Older versions.
    #[serde(borrow, default)]
    args: Option<Settings<'a>>,
    #[serde(borrow, default)]
    config: Option<Settings<'a>>,
    #[serde(borrow)]
    pub(super) requests: Groups<'a>,
}

#[derive(Debug, Deserialize)]
struct Settings<'a> {
    #[serde(borrow, default)]
    strategy: Option<Strategy<'a>>,
}

#[derive(Debug, Deserialize)]
struct Strategy<'a> {
    #[serde(rename = "type_", borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    rate: Option<f64>,
    #[serde(default)]
    streams: Option<f64>,
}

/// Requests by how they ended, not parsed yet: a bad request does not affect the others.
#[derive(Debug, Deserialize)]
pub(super) struct Groups<'a> {
    #[serde(borrow, default)]
    pub(super) successful: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pub(super) incomplete: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pub(super) errored: Option<Vec<&'a RawValue>>,
}

/// A request.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) start_ns: u64,
    pub(super) end_ns: Option<u64>,
    pub(super) latency_s: Option<f64>,
    pub(super) error: Option<Cow<'a, str>>,
    pub(super) kind: Option<Cow<'a, str>>,
    pub(super) worker: Option<String>,
    pub(super) conversation: Option<Cow<'a, str>>,
    pub(super) turn: Option<u64>,
    /// In the order of [`NUMBERS`].
    pub(super) numbers: [Option<f64>; NUMBERS.len()],
    /// Parts of prompt and response: `input` or `output`, kind, number.
    pub(super) parts: Vec<(&'static str, Cow<'a, str>, f64)>,
}

/// Scheduling of a request, newer versions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Info<'a> {
    #[serde(borrow)]
    conversation_id: Option<Text<'a>>,
    turn_index: Option<u64>,
    scheduler_node_id: Option<u64>,
    scheduler_process_id: Option<u64>,
    timings: Option<Timings>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
}

/// Scheduling of a request, older versions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SchedulerInfo {
    process_id: Option<u64>,
}

/// Times of requests that were cancelled before they were sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Timings {
    scheduled_at: Option<f64>,
    dequeued: Option<f64>,
    queued: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Numbers by name, without nulls.
struct Parts<'a>(Vec<(Cow<'a, str>, f64)>);

impl Benchmark<'_> {
    /// Name of the phase: strategy, and its rate or streams.
    pub(super) fn name(&self) -> Option<String> {
        let settings = [&self.config, &self.args].into_iter().flatten();
        let strategy = settings.filter_map(|settings| settings.strategy.as_ref()).next()?;
        // Three digits are enough to distinguish rates.
        let number = strategy.rate.or(strategy.streams).map(|number| (number * 1e3).round() / 1e3);
        Some(match number {
            None => strategy.kind.to_string(),
            Some(number) => format!("{}-{number}", strategy.kind),
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Record<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that is a request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record<'de>, A::Error> {
        let mut record = Record::default();
        let (mut start, mut end, mut timings) = (None, None, None);
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                key @ ("request_start_time" | "start_time") => start = time(&mut map, key)?,
                key @ ("request_end_time" | "end_time") => end = time(&mut map, key)?,
                key @ "request_latency" => record.latency_s = value(&mut map, key)?,
                key @ "error" => record.error = text(&mut map, key)?,
                key @ "request_type" => record.kind = text(&mut map, key)?,
                key @ "input_metrics" => add_parts("input", &mut record, &mut map, key)?,
                key @ "output_metrics" => add_parts("output", &mut record, &mut map, key)?,
                key @ "scheduler_info" => {
                    let info: Option<SchedulerInfo> = value(&mut map, key)?;
                    let process = info.unwrap_or_default().process_id;
                    record.worker = process.map(|process| process.to_string());
                }
                key @ "info" => {
                    let info: Option<Info<'de>> = value(&mut map, key)?;
                    let info = info.unwrap_or_default();
                    record.conversation = info.conversation_id.map(|text| text.0);
                    record.turn = info.turn_index;
                    record.error = info.error.map(|text| text.0).or(record.error);
                    let worker = info.scheduler_node_id.zip(info.scheduler_process_id);
                    record.worker = worker.map(|(node, process)| format!("{node}:{process}"));
                    timings = info.timings;
                }
                key => match NUMBERS.iter().position(|(known, ..)| *known == key) {
                    Some(at) => record.numbers[at] = value(&mut map, key)?,
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        let before = timings.unwrap_or_default();
        let before = before.scheduled_at.or(before.dequeued).or(before.queued);
        record.start_ns = match (start, before) {
            (Some(ns), _) => ns,
            (None, Some(seconds)) => since_1970("info", seconds)?,
            (None, None) => {
                return Err(A::Error::custom("`request_start_time` or `start_time` is missing"));
            }
        };
        record.end_ns = end;
        Ok(record)
    }
}

/// Parses the value of a key. Its errors name the key.
fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    key: &str,
) -> Result<T, A::Error> {
    map.next_value().map_err(|error: A::Error| {
        let message = error.to_string();
        // The outer error adds the position again.
        let message = message.split(" at line ").next().unwrap_or_default();
        A::Error::custom(format!("`{key}`: {message}"))
    })
}

/// A time, in ns.
fn time<'de, A: MapAccess<'de>>(map: &mut A, key: &str) -> Result<Option<u64>, A::Error> {
    let seconds: Option<f64> = value(map, key)?;
    seconds.map(|seconds| since_1970(key, seconds)).transpose()
}

fn since_1970<E: serde::de::Error>(key: &str, seconds: f64) -> Result<u64, E> {
    seconds_ns(seconds)
        .ok_or_else(|| E::custom(format!("`{key}`: `{seconds}` is not a time since 1970")))
}

fn text<'de, A: MapAccess<'de>>(map: &mut A, key: &str) -> Result<Option<Cow<'de, str>>, A::Error> {
    Ok(value::<A, Option<Text<'de>>>(map, key)?.map(|text| text.0))
}

fn add_parts<'de, A: MapAccess<'de>>(
    of: &'static str,
    record: &mut Record<'de>,
    map: &mut A,
    key: &str,
) -> Result<(), A::Error> {
    if let Some(Parts(parts)) = value(map, key)? {
        record.parts.extend(parts.into_iter().map(|(what, number)| (of, what, number)));
    }
    Ok(())
}

impl<'de: 'a, 'a> Deserialize<'de> for Parts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartsVisitor;
        impl<'de> Visitor<'de> for PartsVisitor {
            type Value = Parts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
                let mut parts = Vec::new();
                while let Some(Text(what)) = map.next_key()? {
                    let number: Option<f64> = map.next_value()?;
                    // Totals of the request have columns of their own.
                    let is_known = ["total_tokens", "cached_tokens"].contains(&&*what);
                    if let Some(number) = number.filter(|_| !is_known) {
                        parts.push((what, number));
                    }
                }
                Ok(Parts(parts))
            }
        }
        deserializer.deserialize_map(PartsVisitor)
    }
}
