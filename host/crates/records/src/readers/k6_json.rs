//! k6's `--out json`: a line for each point of a metric, about nine a request.
//!
//! The points of one request are consecutive and have the same time and tags; nothing else
//! joins them. Their time is the end of the request (`lib/netext/httpext/tracer.go`).

pub(crate) mod join;
pub(crate) mod point;
mod shape;

use crate::batch_builder::BatchBuilder;
use crate::readers::k6_json::join::PointJoiner;

pub(crate) use point::{Tags, metric_of_request};

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use point::{DURATION, FAILED, METRICS, parse_point, time_ns};
use shape::Shapes;

use crate::format::Format;
use crate::input::Block;
use crate::json::scan::{first_line, members};
use crate::limits::LINE_MAX_BYTES;
use crate::lines::Lines;
use crate::reader::{BlockScan, Reader};
use crate::readers::request::scan_for_request;
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;
use crate::time::rfc3339_ns;

/// Reads the requests among k6's points.
#[derive(Default)]
pub(crate) struct K6Json {
    /// A request was found.
    found: AtomicBool,
    /// Shapes of each thread that is not reading now.
    shapes: Mutex<Vec<Shapes>>,
}

/// True if an input begins like k6's `--out json`.
pub(crate) fn detect(start: &[u8]) -> bool {
    let mut seen = [false; 3];
    for (key, value) in members(first_line(start)) {
        match key {
            b"metric" => seen[0] = value.starts_with(b"\""),
            b"type" => {
                seen[1] = [&b"\"Metric\""[..], b"\"Point\""].iter().any(|k| value.starts_with(k));
            }
            b"data" => seen[2] = value.starts_with(b"{"),
            _ => {}
        }
    }
    seen == [true; 3]
}

/// Columns of requests besides the standard ones, with their units.
pub(crate) fn columns() -> Vec<(&'static str, &'static str)> {
    METRICS[DURATION + 1..FAILED].iter().map(|name| (*name, "ms")).collect()
}

impl Reader for K6Json {
    fn format(&self) -> Format {
        Format::K6Json
    }

    fn split_rule(&self) -> SplitRule {
        SplitRule::K6Points
    }

    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan {
        scan_for_request(&self.found, block, schema, &columns(), |line| {
            let Some(point) = parse_point(line)? else { return Ok(false) };
            if metric_of_request(&point.metric) != Some(DURATION) {
                return Ok(false);
            }
            time_ns(line, &point.time).map(|_| true)
        })
    }

    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>) {
        let mut shapes = self.lock().pop().unwrap_or_default();
        self.read_block(block, builder, &mut shapes);
        self.lock().push(shapes);
    }
}

impl K6Json {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Shapes>> {
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_block(&self, block: &Block, builder: &mut BatchBuilder<'_>, shapes: &mut Shapes) {
        // A block that is not UTF-8 is read line by line, to find the bad line.
        let text = std::str::from_utf8(&block.text).unwrap_or_default();
        let text = if block.is_truncated { "" } else { text };
        let mut lines = Lines::new(block);
        let mut joined = PointJoiner::new(builder);
        let mut last_time = ("", 0);
        while let Some(at) = lines.at() {
            if !text.is_empty()
                && let Some((fit, tags)) = shapes.fit(text, at)
            {
                let metric = metric_of_request(fit.metric);
                if metric.is_some() && fit.time != last_time.0 {
                    // A line with a bad time is parsed completely, for its error.
                    last_time = rfc3339_ns(fit.time).map_or(("", 0), |ns| (fit.time, ns));
                }
                if metric.is_none() || !last_time.0.is_empty() {
                    let number = lines.count();
                    lines.skip_to(fit.end);
                    if let Some(metric) = metric
                        && !joined.add(number, metric, last_time.1, fit.value, tags)
                    {
                        break;
                    }
                    continue;
                }
            }
            let (number, line) = lines.next_line();
            if line.is_empty() {
                continue;
            }
            let read = match block.is_truncated {
                true => Err(RecordError::long_line(LINE_MAX_BYTES)),
                false => read_whole(line, shapes),
            };
            let goes_on = match read {
                Ok(None) => true,
                Ok(Some(whole)) => {
                    joined.add(number, whole.metric, whole.time_ns, whole.value, &whole.tags)
                }
                Err(problem) => joined.bad(number, problem),
            };
            if !goes_on {
                break;
            }
        }
        joined.end();
        builder.add_lines(lines.count());
    }
}

/// A point of a request.
struct Whole {
    metric: usize,
    time_ns: u64,
    value: f64,
    tags: Arc<Tags>,
}

/// Parses a line and learns its shape. Returns none if it is not a point of a request.
fn read_whole(line: &[u8], shapes: &mut Shapes) -> Result<Option<Whole>, RecordError> {
    let Some(mut point) = parse_point(line)? else { return Ok(None) };
    let tags = Arc::new(std::mem::take(&mut point.tags));
    shapes.learn(line, &point, &tags);
    let Some(metric) = metric_of_request(&point.metric) else { return Ok(None) };
    Ok(Some(Whole { metric, time_ns: time_ns(line, &point.time)?, value: point.value, tags }))
}

#[cfg(test)]
mod tests;
