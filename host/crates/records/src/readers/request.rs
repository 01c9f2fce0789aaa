//! Requests as load generators record them: values of the standard columns.

use std::sync::atomic::{AtomicBool, Ordering};

use perfbox_model::batch::ColumnType;

use crate::batch_builder::{PhaseKey, RowWriter};
use crate::columns::standard;
use crate::input::Block;
use crate::limits::LINE_MAX_BYTES;
use crate::lines::Lines;
use crate::reader::BlockScan;
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::text::count_lines;

/// Name and kind of the phase for tools without phases.
pub(crate) const PROFILING: &str = "profiling";

/// A phase of measured requests.
pub(crate) fn profiling(name: &str, index: Option<u32>) -> PhaseKey {
    PhaseKey { name: name.to_owned(), kind: PROFILING.to_owned(), index }
}

/// One request.
#[derive(Debug, Default)]
pub(crate) struct Request<'r> {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: Option<u64>,
    pub(crate) latency_ms: Option<f64>,
    pub(crate) status: Option<u64>,
    /// Error type.
    pub(crate) error: Option<&'r str>,
    pub(crate) message: Option<&'r str>,
    pub(crate) name: Option<&'r str>,
    pub(crate) worker: Option<&'r str>,
    pub(crate) session: Option<&'r str>,
    /// Turn in its session.
    pub(crate) turn: u64,
    pub(crate) is_cancelled: bool,
}

impl Request<'_> {
    /// Writes the standard columns.
    pub(crate) fn put(&self, row: &mut RowWriter<'_>) {
        row.u64(standard::START, self.start_ns);
        row.u64(standard::CANCELLED, u64::from(self.is_cancelled));
        if let Some(end_ns) = self.end_ns {
            row.u64(standard::END, end_ns);
        }
        if let Some(latency_ms) = self.latency_ms {
            row.f64(standard::LATENCY, latency_ms);
        }
        if let Some(status) = self.status {
            row.u64(standard::STATUS, status);
        }
        for (column, text) in [
            (standard::ERROR_TYPE, self.error),
            (standard::ERROR_MESSAGE, self.message),
            (standard::NAME, self.name),
            (standard::WORKER, self.worker),
            (standard::SESSION, self.session),
        ] {
            if let Some(text) = text {
                row.text(column, text);
            }
        }
        if let Some(session) = self.session {
            let end_ns = self.end_ns.unwrap_or(self.start_ns);
            row.session(session, self.turn, end_ns, self.is_cancelled);
        }
    }
}

/// Scans for the first request of an input whose requests all have the same columns. Later
/// blocks are not scanned.
pub(crate) fn scan_for_request(
    found: &AtomicBool,
    block: &Block,
    schema: &mut SchemaScan,
    columns: &[(&str, &str)],
    mut is_request: impl FnMut(&[u8]) -> Result<bool, RecordError>,
) -> BlockScan {
    let mut first_bad = None;
    let mut lines = Lines::new(block);
    while !found.load(Ordering::Relaxed) && lines.at().is_some() {
        let (number, line) = lines.next_line();
        if line.is_empty() {
            continue;
        }
        let seen = match block.is_truncated {
            true => Err(RecordError::long_line(LINE_MAX_BYTES)),
            false => is_request(line),
        };
        match seen {
            Ok(false) => {}
            Ok(true) => {
                schema.add_phase(PROFILING);
                for (name, unit) in columns {
                    schema.add_column(name, ColumnType::F64, unit);
                }
                found.store(true, Ordering::Relaxed);
            }
            Err(problem) => {
                first_bad.get_or_insert((number, problem));
            }
        }
    }
    let has_records = found.load(Ordering::Relaxed);
    BlockScan { has_records, lines: count_lines(&block.text), first_bad }
}

/// Name of a Python exception: in `TimeoutError: too late`, in `TimeoutError('too late')`, or
/// in the last line of a traceback.
pub(crate) fn exception_name(text: &str) -> Option<&str> {
    let line = match text.starts_with("Traceback ") {
        true => text.lines().rev().find(|line| !line.trim().is_empty())?,
        false => text,
    };
    let path = line.split([':', '(']).next()?.trim_end();
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_uppercase())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && ["Error", "Exception", "Timeout"].iter().any(|end| name.ends_with(end))
    };
    // Drops the module: `aiohttp.client_exceptions.ClientPayloadError`.
    path.rsplit('.').next().filter(|name| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exception_names_are_found_in_messages_and_tracebacks() {
        for (text, name) in [
            ("TimeoutError: The request timed out before completing.", Some("TimeoutError")),
            ("HTTPStatusError(\"Server error '500'\")", Some("HTTPStatusError")),
            ("ReadTimeout", Some("ReadTimeout")),
            (
                "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n\
                 aiohttp.client_exceptions.ClientPayloadError: not completed\n",
                Some("ClientPayloadError"),
            ),
            ("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n", None),
            ("Internal Server Error", None),
            ("Never received a valid chunk: Error", None),
            ("Error 500: TimeoutError", None),
            ("", None),
        ] {
            assert_eq!(exception_name(text), name, "{text}");
        }
    }
}
