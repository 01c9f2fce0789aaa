//! Ends a run early: on a signal, or because an embedder asks for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Time for all calls from the cancellation on, wall clock. The rest of the two seconds
/// that a signal may take is for the report.
const CALLS_AFTER_CANCEL: Duration = Duration::from_millis(1500);

/// Asks a run to end: reading stops, remaining calls share what time is left, and what was
/// processed is reported. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    is_cancelled: Arc<AtomicBool>,
    /// When the cancellation was first noticed: a signal handler cannot read a clock.
    noticed: Arc<OnceLock<Instant>>,
}

impl CancelToken {
    /// Asks for the end.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// True once the end was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    /// The flag that cancels when set, for a signal handler.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_cancelled)
    }

    /// Time left for all remaining calls together; none while not cancelled.
    pub fn time_left(&self) -> Option<Duration> {
        let noticed = self.is_cancelled().then(|| *self.noticed.get_or_init(Instant::now))?;
        Some(CALLS_AFTER_CANCEL.saturating_sub(noticed.elapsed()))
    }
}
