//! A recorded event log: one JSON object a line, each a phase event.

use std::path::Path;

use super::SourceError;
use super::aiperf::Problem;
use super::input::Input;
use crate::phase::PhaseEvent;
use crate::stop::Stop;

/// Reads an event log, plain, gzip or zstd. Events are returned in order of time;
/// events of one time stay in the order of the file.
///
/// ```json
/// {"event": "phase_timeout", "time_ns": 1795351294975138719,
///  "phase": {"name": "profiling", "kind": "profiling", "index": 1},
///  "stats": {"sent": 3000, "completed": 2970, "cancelled": 0, "in_flight": 30, "start_ns": 1795351252499340810}}
/// ```
///
/// `event` is `phase_start`, `phase_sending_complete`, `phase_timeout` or
/// `phase_complete`; statistics that are left out are 0 or unknown.
///
/// # Errors
/// When it cannot be read, or a line is not such an object.
pub fn read_event_log(path: &Path) -> Result<Vec<PhaseEvent>, SourceError> {
    let name = path.to_string_lossy();
    let input = Input::open(&name, &Stop::default())?;
    let unreadable = |source, bytes| SourceError::Io { path: input.name.clone(), bytes, source };
    let mut lines = input.lines().map_err(|error| unreadable(error, 0))?;
    let mut events: Vec<PhaseEvent> = Vec::new();
    loop {
        let bytes = lines.bytes();
        let Some(line) = lines.next_line().map_err(|error| unreadable(error, bytes))? else {
            break;
        };
        let parse = |text| serde_json::from_slice(text).map_err(|error| Problem::from(&error));
        let event = line.text().and_then(parse).map_err(|Problem { column, words }| {
            SourceError::BadFile {
                path: input.name.clone(),
                line: line.number,
                column,
                problem: format!("not a phase event: {words}"),
            }
        })?;
        events.push(event);
    }
    events.sort_by_key(|event| event.time_ns);
    Ok(events)
}
