//! k6's `--out json`: a line for each point of a metric, about nine a request.
//!
//! The points of one request follow one another and share time and tags, which is all
//! that joins them; their time is when the request ended (`lib/netext/httpext/tracer.go`).

mod point;
mod shape;

pub(crate) use point::{Tags, metric_of_request};

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use point::{DURATION, FAILED, METRICS, parse_point, time_ns};
use shape::Shapes;

use super::{Lines, Reader, Surveyed};
use crate::Problem;
use crate::columns::{Columns, Survey};
use crate::cut::Cut;
use crate::format::Format;
use crate::input::{Block, LINE_MAX_BYTES};
use crate::request::{PROFILING, Request, profiling, survey_alike};
use crate::rows::{PhaseKey, Rows};
use crate::sniff::{first_line, members};
use crate::time::rfc3339_ns;

/// Reads the requests among k6's points.
#[derive(Default)]
pub(crate) struct K6Json {
    /// A request has been seen.
    found: AtomicBool,
    /// Of each thread that is not reading.
    shapes: Mutex<Vec<Shapes>>,
}

/// Whether an input begins as k6's `--out json` does.
pub(crate) fn is_one(start: &[u8]) -> bool {
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

/// The columns that requests have beside those of every run, with their units.
pub(crate) fn columns() -> Vec<(&'static str, &'static str)> {
    METRICS[DURATION + 1..FAILED].iter().map(|name| (*name, "ms")).collect()
}

impl Reader for K6Json {
    fn format(&self) -> Format {
        Format::K6Json
    }

    fn cut(&self) -> Cut {
        Cut::Points
    }

    fn survey(&self, block: &Block, survey: &mut Survey) -> Surveyed {
        survey_alike(&self.found, block, survey, &columns(), |line| {
            let Some(point) = parse_point(line)? else { return Ok(false) };
            if metric_of_request(&point.metric) != Some(DURATION) {
                return Ok(false);
            }
            time_ns(line, &point.time).map(|_| true)
        })
    }

    fn read(&self, block: &Block, rows: &mut Rows<'_>) {
        let mut shapes = self.lock().pop().unwrap_or_default();
        self.read_block(block, rows, &mut shapes);
        self.lock().push(shapes);
    }
}

impl K6Json {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Shapes>> {
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_block(&self, block: &Block, rows: &mut Rows<'_>, shapes: &mut Shapes) {
        // What is not UTF-8 somewhere is read line by line, to say where.
        let text = std::str::from_utf8(&block.text).unwrap_or_default();
        let text = if block.is_cut_short { "" } else { text };
        let mut lines = Lines::new(block);
        let mut joined = Joined::new(rows);
        let mut last_time = ("", 0);
        while let Some(at) = lines.at() {
            if !text.is_empty()
                && let Some((fit, tags)) = shapes.fit(text, at)
            {
                let metric = metric_of_request(fit.metric);
                if metric.is_some() && fit.time != last_time.0 {
                    // One that is no time is read whole, to say so.
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
            let read = match block.is_cut_short {
                true => Err(Problem::long_line(LINE_MAX_BYTES)),
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
        rows.add_lines(lines.count());
    }
}

/// A point of a request.
struct Whole {
    metric: usize,
    time_ns: u64,
    value: f64,
    tags: Arc<Tags>,
}

/// Reads a line, and takes a shape from it; none: it is no point of a request.
fn read_whole(line: &[u8], shapes: &mut Shapes) -> Result<Option<Whole>, Problem> {
    let Some(mut point) = parse_point(line)? else { return Ok(None) };
    let tags = Arc::new(std::mem::take(&mut point.tags));
    shapes.learn(line, &point, &tags);
    let Some(metric) = metric_of_request(&point.metric) else { return Ok(None) };
    Ok(Some(Whole { metric, time_ns: time_ns(line, &point.time)?, value: point.value, tags }))
}

/// Points joined into requests.
pub(crate) struct Joined<'j, 'r> {
    rows: &'j mut Rows<'r>,
    columns: Arc<Columns>,
    phase: PhaseKey,
    open: Option<Open>,
    is_over: bool,
}

/// A request whose points are being read.
struct Open {
    time_ns: u64,
    tags: Arc<Tags>,
    values: [Option<f64>; METRICS.len()],
    /// Of its last point.
    line: u64,
}

impl Open {
    fn has_duration(&self) -> bool {
        self.values[DURATION].is_some()
    }
}

impl<'j, 'r> Joined<'j, 'r> {
    pub(crate) fn new(rows: &'j mut Rows<'r>) -> Self {
        let (columns, phase) = (rows.columns(), profiling(PROFILING, None));
        Self { rows, columns, phase, open: None, is_over: false }
    }

    /// Takes the next point. False: the reading ends before it.
    pub(crate) fn add(
        &mut self,
        line: u64,
        metric: usize,
        time_ns: u64,
        value: f64,
        tags: &Arc<Tags>,
    ) -> bool {
        if let Some(open) = &mut self.open
            && open.time_ns == time_ns
            && open.values[metric].is_none()
            && (Arc::ptr_eq(&open.tags, tags) || open.tags == *tags)
        {
            open.values[metric] = Some(value);
            open.line = line;
            return true;
        }
        self.close();
        if !self.is_over {
            let mut values = [None; METRICS.len()];
            values[metric] = Some(value);
            self.open = Some(Open { time_ns, tags: Arc::clone(tags), values, line });
        }
        !self.is_over
    }

    /// A line is none of k6's. False: the reading ends with it.
    pub(crate) fn bad(&mut self, line: u64, problem: Problem) -> bool {
        self.is_over = !self.rows.bad(line, problem) || self.is_over;
        !self.is_over
    }

    /// There are no more points.
    pub(crate) fn end(mut self) {
        // Of a file that breaks off, the last request is one if its points were written.
        if !self.is_over || self.open.as_ref().is_some_and(Open::has_duration) {
            self.close();
        }
    }

    /// The open request is whole.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let refused = |words: &str| Problem::at(1, words);
        let Some(latency_ms) = open.values[DURATION] else {
            let words = "the request whose points end here lacks `http_req_duration`";
            self.bad(open.line, refused(words));
            return;
        };
        if latency_ms < 0.0 {
            let words = format!("`http_req_duration` is negative: {latency_ms}");
            self.bad(open.line, refused(&words));
            return;
        }
        let Some(mut row) = self.rows.begin(&self.phase) else { return };
        let failed = open.values[FAILED].is_some_and(|failed| failed != 0.0);
        let request = Request {
            start_ns: open.time_ns.saturating_sub((latency_ms * 1e6).round() as u64),
            end_ns: Some(open.time_ns),
            latency_ms: Some(latency_ms),
            status: open.tags.status(),
            error: open.tags.error(failed),
            message: open.tags.message(),
            name: open.tags.name(),
            worker: open.tags.worker(),
            ..Request::default()
        };
        request.put(&mut row);
        for (name, value) in METRICS[..FAILED].iter().zip(open.values).skip(DURATION + 1) {
            if let (Some(column), Some(value)) = (self.columns.place(name), value) {
                row.f64(column, value);
            }
        }
        self.rows.end();
    }
}

#[cfg(test)]
mod tests;
