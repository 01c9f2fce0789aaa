//! Joins points of k6 into requests.

use std::sync::Arc;

use super::point::{DURATION, FAILED, METRICS};
use crate::batch_builder::{BatchBuilder, PhaseKey};
use crate::columns::Columns;
use crate::readers::k6_json::point::Tags;
use crate::readers::request::{PROFILING, Request, profiling};
use crate::record_error::RecordError;

/// Joins consecutive points into requests.
pub(crate) struct PointJoiner<'j, 'r> {
    builder: &'j mut BatchBuilder<'r>,
    columns: Arc<Columns>,
    phase: PhaseKey,
    open: Option<Open>,
    is_over: bool,
}

/// A request that may have further points.
struct Open {
    time_ns: u64,
    tags: Arc<Tags>,
    values: [Option<f64>; METRICS.len()],
    /// Line of its last point.
    line: u64,
}

impl Open {
    fn has_duration(&self) -> bool {
        self.values[DURATION].is_some()
    }
}

impl<'j, 'r> PointJoiner<'j, 'r> {
    pub(crate) fn new(builder: &'j mut BatchBuilder<'r>) -> Self {
        let (columns, phase) = (builder.columns(), profiling(PROFILING, None));
        Self { builder, columns, phase, open: None, is_over: false }
    }

    /// Adds the next point. Returns false if the reading ended before it.
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

    /// Reports a bad line. Returns false if it ends the reading.
    pub(crate) fn bad(&mut self, line: u64, problem: RecordError) -> bool {
        self.is_over = !self.builder.bad(line, problem) || self.is_over;
        !self.is_over
    }

    /// Ends the last request.
    pub(crate) fn end(mut self) {
        // In a file that breaks off, the last request counts if its duration was written.
        if !self.is_over || self.open.as_ref().is_some_and(Open::has_duration) {
            self.close();
        }
    }

    /// Ends the open request.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let refused = |message: &str| RecordError::at(1, message);
        let Some(latency_ms) = open.values[DURATION] else {
            let message = "the request whose points end here lacks `http_req_duration`";
            self.bad(open.line, refused(message));
            return;
        };
        if latency_ms < 0.0 {
            let message = format!("`http_req_duration` is negative: {latency_ms}");
            self.bad(open.line, refused(&message));
            return;
        }
        let Some(mut row) = self.builder.begin(&self.phase) else { return };
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
            if let (Some(column), Some(value)) = (self.columns.position(name), value) {
                row.f64(column, value);
            }
        }
        self.builder.end();
    }
}
