//! What the tests share.

use std::fs;

use perfbox_guest::testing::{self, with_output_dir};
use perfbox_guest::{PhaseEvent, Result};

/// 2023-11-14T22:13:20Z.
const START_NS: u64 = 1_700_000_000_000_000_000;

/// The output that it shows is compared with what the tests write.
pub(crate) const README: &str = include_str!("../README.md");

/// An event of a phase that started at 2023-11-14T22:13:20Z, so many milliseconds
/// after its start.
pub(crate) fn event(phase: &str, after_ms: u64) -> PhaseEvent {
    let mut event = testing::phase_event(phase, START_NS + after_ms * 1_000_000);
    event.stats.start_ns = Some(START_NS);
    event.stats.sent = 100;
    event.stats.sent_sessions = 10;
    event.stats.completed = 95;
    event.stats.cancelled = 2;
    event.stats.in_flight = 3;
    event
}

/// Runs a plugin in an output directory of its own, and returns what is in `file`
/// afterwards; none when it was not written.
pub(crate) fn written_by(file: &str, run: impl FnOnce() -> Result<()>) -> Option<String> {
    let dir = tempfile::tempdir().unwrap();
    with_output_dir(&dir, run).unwrap();
    fs::read_to_string(dir.path().join(file)).ok()
}
