//! What both hooks ask of an event.

use std::time::Duration;

use jiff::Timestamp;
use perfbox_guest::{Error, PhaseEvent, Result};

/// When it happened, in UTC; displayed as RFC 3339, to the nanosecond.
pub(crate) fn time(event: &PhaseEvent) -> Result<Timestamp> {
    Timestamp::from_nanosecond(event.time_ns.into())
        .map_err(|error| Error::invalid_input(format!("cannot tell an event's time: {error}")))
}

/// How long after the start of its phase it happened; none when the start is unknown.
pub(crate) fn since_start(event: &PhaseEvent) -> Option<Duration> {
    event.time_ns.checked_sub(event.stats.start_ns?).map(Duration::from_nanos)
}
