//! Cancel token: ends a run early, on a signal or at the request of an embedder.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Wall-clock time left for guest calls after cancellation. A run ends within two seconds of
/// a signal; the remaining half second is for the report.
const CALLS_AFTER_CANCEL: Duration = Duration::from_millis(1500);

/// Requests the end of a run: reading stops, remaining calls share the remaining time, and
/// the processed records are reported. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    is_cancelled: Arc<AtomicBool>,
    /// Time at which the cancellation was first observed: a signal handler cannot read a clock.
    noticed: Arc<OnceLock<Instant>>,
}

impl CancelToken {
    /// Requests the end.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// True once cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// Flag for a signal handler; setting it cancels.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_cancelled)
    }

    /// Time left for all remaining calls together; `None` before cancellation.
    pub fn time_left(&self) -> Option<Duration> {
        let noticed = self.is_cancelled().then(|| *self.noticed.get_or_init(Instant::now))?;
        Some(CALLS_AFTER_CANCEL.saturating_sub(noticed.elapsed()))
    }
}
