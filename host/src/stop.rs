//! The end of a run, asked for from elsewhere: by a signal, or by an embedder.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// From a stop to the last call's end. What is left of the two seconds that a signal
/// may take is for the report.
const LAST_CALLS: Duration = Duration::from_millis(1500);

/// Tells a run to end: no more is read, calls get a share of the time that is left, and
/// what was done is reported. Clones are one and the same.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    requested: Arc<AtomicBool>,
    /// When that was first seen: a signal's handler cannot tell the time.
    seen: Arc<OnceLock<Instant>>,
}

impl Stop {
    /// Asks for the end.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// True once the end was asked for.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// What a signal's handler sets to ask for the end.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.requested)
    }

    /// How long the calls that are still to be made may take together, once the end was
    /// asked for.
    pub(crate) fn left(&self) -> Option<Duration> {
        let seen = self.is_requested().then(|| *self.seen.get_or_init(Instant::now))?;
        Some(LAST_CALLS.saturating_sub(seen.elapsed()))
    }
}
