//! How long a call into a guest may take.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use perfbox_model::cancel::CancelToken;
use perfbox_model::failure::{Failure, FailureKind};
use perfbox_model::limits::{Limits, format_duration};

/// The limit of one call: its name and its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallLimit {
    name: &'static str,
    pub(crate) time: Duration,
}

impl CallLimit {
    pub(crate) fn of_start(limits: &Limits) -> Self {
        Self { name: "start_deadline", time: limits.start_deadline }
    }

    pub(crate) fn of_event(limits: &Limits) -> Self {
        Self { name: "event_deadline", time: limits.event_deadline }
    }

    pub(crate) fn of_batch(limits: &Limits) -> Self {
        Self { name: "batch_deadline", time: limits.batch_deadline }
    }

    pub(crate) fn of_snapshot(limits: &Limits) -> Self {
        Self { name: "snapshot_deadline", time: limits.snapshot_deadline }
    }

    pub(crate) fn of_finish(limits: &Limits) -> Self {
        Self { name: "finish_deadline", time: limits.finish_deadline }
    }
}

/// All that a plugin's calls may take together, and what they have taken.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    run: Duration,
    record: Duration,
    records: u64,
    spent: Duration,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        let Limits { run_budget, record_budget, .. } = *limits;
        Self { run: run_budget, record: record_budget, records: 0, spent: Duration::ZERO }
    }

    /// It is given so many records more.
    pub(crate) fn add_records(&mut self, records: u64) {
        self.records += records;
    }

    pub(crate) fn spend(&mut self, time: Duration) {
        self.spent += time;
    }

    fn total(&self) -> Duration {
        // Rounded, past what a nanosecond's count in 64 bits can say: 584 years.
        let nanos = (self.record.as_nanos()).saturating_mul(u128::from(self.records));
        self.run.saturating_add(Duration::from_nanos(nanos.try_into().unwrap_or(u64::MAX)))
    }

    pub(crate) fn left(&self) -> Duration {
        self.total().saturating_sub(self.spent)
    }
}

/// What ends a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its own limit.
    Limit,
    /// What is left of the plugin's budget.
    Budget,
    /// Its share of the time that is left after a cancellation.
    Cancel,
}

impl Budget {
    /// The time that a call may take at most, and what that is.
    pub(crate) fn allow(&self, limit: Duration) -> (Duration, Ending) {
        let left = self.left();
        if left < limit { (left, Ending::Budget) } else { (limit, Ending::Limit) }
    }
}

/// The clock that calls run against; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct CallClock {
    cancel: CancelToken,
    /// When the running call ends, and why.
    end: Arc<Mutex<(Instant, Ending)>>,
}

impl CallClock {
    pub(crate) fn new(cancel: CancelToken) -> Self {
        Self { cancel, end: Arc::new(Mutex::new((Instant::now(), Ending::Limit))) }
    }

    /// A call begins, which may take `time`.
    pub(crate) fn begin(&self, time: Duration, ending: Ending) {
        let now = Instant::now();
        // Whoever sets no end to it gets a day.
        let end = now.checked_add(time).unwrap_or(now + Duration::from_secs(24 * 60 * 60));
        *self.end() = (end, ending);
    }

    /// True where no time is left after a cancellation, not even to begin a call.
    pub(crate) fn is_out_of_time(&self) -> bool {
        self.cancel.time_left().is_some_and(|left| left.is_zero())
    }

    /// What has ended the call, if anything has by now. After a cancellation a call may take
    /// half of the time that is left, so that whatever one does, some is left for the
    /// next.
    pub(crate) fn over(&self) -> Option<Ending> {
        let now = Instant::now();
        let mut end = self.end();
        if end.1 != Ending::Cancel
            && let Some(left) = self.cancel.time_left()
            && now + left / 2 < end.0
        {
            *end = (now + left / 2, Ending::Cancel);
        }
        (now >= end.0).then_some(end.1)
    }

    /// Ready once the call is over. It looks every `tick`, since a cancellation comes from
    /// elsewhere.
    pub(crate) async fn watch(&self, tick: Duration) -> Ending {
        loop {
            match self.over() {
                Some(ending) => return ending,
                None => tokio::time::sleep(tick).await,
            }
        }
    }

    fn end(&self) -> MutexGuard<'_, (Instant, Ending)> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The failure of a call that was ended. `counted` says how time was counted, if not by
/// the clock.
pub(crate) fn ended(
    ending: Ending,
    limit: CallLimit,
    budget: &Budget,
    counted: &str,
    during: &str,
) -> Failure {
    let CallLimit { name, time } = limit;
    let (kind, words) = match ending {
        Ending::Limit => (
            FailureKind::Deadline,
            format!(
                "the call took longer than its limit of {} (`{name}`){counted}",
                format_duration(time)
            ),
        ),
        Ending::Budget => (
            FailureKind::Deadline,
            format!(
                "its calls together took longer than its budget of {}: {} (`run_budget`), and \
                 {} (`record_budget`) for each of {} records{counted}",
                format_duration(budget.total()),
                format_duration(budget.run),
                format_duration(budget.record),
                budget.records,
            ),
        ),
        Ending::Cancel => (
            FailureKind::Interrupted,
            "the run was told to end, and the call did not end in its share of the time left"
                .to_owned(),
        ),
    };
    Failure::new(kind, during, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_grows_with_records_and_is_spent() {
        let mut budget = Budget::new(&Limits {
            run_budget: Duration::from_secs(2),
            record_budget: Duration::from_millis(1),
            ..Limits::default()
        });
        budget.add_records(500);
        assert_eq!(budget.left(), Duration::from_millis(2500));
        assert_eq!(budget.allow(Duration::from_secs(1)), (Duration::from_secs(1), Ending::Limit));
        budget.spend(Duration::from_secs(2));
        let left = Duration::from_millis(500);
        assert_eq!(budget.allow(Duration::from_secs(1)), (left, Ending::Budget));
        budget.spend(Duration::from_secs(9));
        assert_eq!(budget.left(), Duration::ZERO);
        let failure =
            ended(Ending::Budget, CallLimit::of_batch(&Limits::default()), &budget, "", "process");
        assert_eq!(
            failure.message,
            "its calls together took longer than its budget of 2s 500ms: 2s (`run_budget`), and \
             1ms (`record_budget`) for each of 500 records"
        );
    }

    #[test]
    fn after_a_stop_calls_get_a_share_of_what_is_left() {
        let cancel = CancelToken::default();
        let clock = CallClock::new(cancel.clone());
        let hour = Duration::from_secs(3600);
        clock.begin(hour, Ending::Limit);
        assert_eq!(clock.over(), None);
        cancel.cancel();
        assert_eq!(clock.over(), None);
        let first = *clock.end();
        assert_eq!(first.1, Ending::Cancel);
        clock.begin(hour, Ending::Limit);
        assert_eq!(clock.over(), None);
        // Less than the whole, and not before the first would have ended.
        assert!(clock.end().0 < Instant::now() + Duration::from_secs(1));
        // A call that ends sooner anyway keeps its end.
        clock.begin(Duration::ZERO, Ending::Limit);
        assert_eq!(clock.over(), Some(Ending::Limit));
    }
}
