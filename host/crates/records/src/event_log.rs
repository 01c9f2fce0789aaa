//! Reads a log of phase events: one JSON object a line.

use std::path::Path;

use perfbox_model::cancel::CancelToken;
use perfbox_model::phase::PhaseEvent;

use crate::error::InputError;
use crate::input::Input;
use crate::limits::LINE_MAX_BYTES;
use crate::lines::Lines;
use crate::record_error::RecordError;
use crate::split::rule::SplitRule;

/// Size of a block, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;

/// Reads an event log, plain, gzip or zstd. Returns the events in order of time; events of the
/// same time keep the order of the file.
///
/// ```json
/// {"event": "phase_timeout", "time_ns": 1795351294975138719,
/// "phase": {"name": "profiling", "kind": "profiling", "index": 1},
/// "stats": {"sent": 3000, "completed": 2970, "in_flight": 30}}
/// ```
///
/// `event` is `phase_start`, `phase_sending_complete`, `phase_timeout` or `phase_complete`.
/// Statistics that are absent are 0 or unknown.
///
/// # Errors
/// When the file cannot be read, or a line is not an event.
pub fn read_event_log(path: &Path) -> Result<Vec<PhaseEvent>, InputError> {
    let name = path.to_string_lossy();
    let input = Input::open(&name, &CancelToken::default())?;
    let unreadable = |source, bytes| InputError::Io { path: input.name.clone(), bytes, source };
    let mut blocks = input.blocks(SplitRule::Lines).map_err(|error| unreadable(error, 0))?;
    let mut events: Vec<PhaseEvent> = Vec::new();
    let (mut lines_before, mut bytes) = (0, 0);
    while let Some(block) =
        blocks.next_block(BLOCK_BYTES, Vec::new()).map_err(|error| unreadable(error, bytes))?
    {
        let mut lines = Lines::new(&block);
        while lines.at().is_some() {
            let (number, line) = lines.next_line();
            if line.is_empty() {
                continue;
            }
            let event = match block.is_truncated {
                true => Err(RecordError::long_line(LINE_MAX_BYTES)),
                false => serde_json::from_slice(line).map_err(|error| RecordError::from(&error)),
            };
            events.push(event.map_err(|RecordError { column, message, .. }| {
                InputError::BadFile {
                    path: input.name.clone(),
                    line: lines_before + number + 1,
                    column,
                    problem: format!("not a phase event: {message}"),
                }
            })?);
        }
        lines_before += lines.count();
        bytes += block.text.len() as u64 + block.skipped_bytes;
    }
    events.sort_by_key(|event| event.time_ns);
    Ok(events)
}
