//! Rebuilds the statistics and events of a phase from its records.
//!
//! A phase starts with its first request, sending completes at the start of its last request,
//! and the phase completes at the last end of a request. Bounds that the tool reported replace
//! start and end.

use std::collections::HashMap;

use perfbox_model::phase::{EventKind, Phase, PhaseBounds, PhaseEvent, PhaseStats, PhaseSummary};

/// A record's turn in its session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    /// Hash of the name. 128 bits make a collision in one run practically impossible.
    hash: u128,
    last: LastTurn,
}

impl Session {
    pub(crate) fn new(name: &str, turn: u64, end_ns: u64, cancelled: bool) -> Self {
        let hash = xxhash_rust::xxh3::xxh3_128(name.as_bytes());
        Self { hash, last: LastTurn { turn, end_ns, cancelled } }
    }
}

/// Outcome of a request.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Succeeded,
    Failed,
    Cancelled,
}

/// The last turn of a session so far.
#[derive(Debug, Clone, Copy)]
struct LastTurn {
    turn: u64,
    end_ns: u64,
    cancelled: bool,
}

/// Numbers of requests by outcome.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    completed: u64,
    errors: u64,
    cancelled: u64,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Succeeded => self.completed += 1,
            Outcome::Failed => {
                self.completed += 1;
                self.errors += 1;
            }
            Outcome::Cancelled => self.cancelled += 1,
        }
    }

    fn add_all(&mut self, other: Self) {
        self.completed += other.completed;
        self.errors += other.errors;
        self.cancelled += other.cancelled;
    }
}

/// Timeline of one phase. Takes records in any order, and partial timelines in the order of the
/// input.
///
/// Keeps only the ends after the last start so far: about as many as there were requests in
/// flight.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    sent: u64,
    first_start_ns: Option<u64>,
    last_start_ns: u64,
    last_end_ns: u64,
    /// Requests that ended before the last request started.
    back_by_last_start: Tally,
    /// End and outcome of requests that may have ended later.
    back_later: Vec<(u64, Outcome)>,
    /// Length of `back_later` after its last cleanup.
    back_later_kept: usize,
    /// Sessions of a partial timeline, in the order of its records.
    turns: Vec<Session>,
    sessions: HashMap<u128, LastTurn>,
}

/// Minimum length of `back_later` for a cleanup.
const BACK_LATER_MIN: usize = 1024;

/// Start and end of a phase as reported by the tool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReportedBounds {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
}

impl Timeline {
    /// Adds requests: start, end, failed, cancelled.
    pub(crate) fn add_all(
        &mut self,
        requests: impl Iterator<Item = (u64, u64, bool, bool)> + Clone,
    ) {
        for (start_ns, end_ns, ..) in requests.clone() {
            self.sent += 1;
            self.first_start_ns = Some(self.first_start_ns.map_or(start_ns, |ns| ns.min(start_ns)));
            self.last_start_ns = self.last_start_ns.max(start_ns);
            self.last_end_ns = self.last_end_ns.max(end_ns);
        }
        for (_, end_ns, failed, cancelled) in requests {
            let outcome = match (cancelled, failed) {
                (true, _) => Outcome::Cancelled,
                (false, true) => Outcome::Failed,
                (false, false) => Outcome::Succeeded,
            };
            if end_ns <= self.last_start_ns {
                self.back_by_last_start.add(outcome);
            } else {
                self.back_later.push((end_ns, outcome));
            }
        }
        self.sort_out_late();
    }

    /// Adds a turn of a session.
    pub(crate) fn add_session(&mut self, turn: Session) {
        self.turns.push(turn);
    }

    /// Appends the timeline of the next part of the input.
    pub(crate) fn append(&mut self, part: Self) {
        self.sent += part.sent;
        self.first_start_ns = match (self.first_start_ns, part.first_start_ns) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.last_start_ns = self.last_start_ns.max(part.last_start_ns);
        self.last_end_ns = self.last_end_ns.max(part.last_end_ns);
        self.back_by_last_start.add_all(part.back_by_last_start);
        self.back_later.extend(part.back_later);
        self.sort_out_late();
        for Session { hash, last } in part.turns {
            match self.sessions.get_mut(&hash) {
                Some(known) if known.turn <= last.turn => *known = last,
                Some(_) => {}
                None => {
                    self.sessions.insert(hash, last);
                }
            }
        }
    }

    /// Counts the requests that ended before the last start known by now. Runs when their
    /// number has doubled, so that the cost stays linear.
    fn sort_out_late(&mut self) {
        if self.back_later.len() > BACK_LATER_MIN.max(2 * self.back_later_kept) {
            self.sort_out();
        }
    }

    fn sort_out(&mut self) {
        let (last_start_ns, back) = (self.last_start_ns, &mut self.back_by_last_start);
        self.back_later.retain(|(end_ns, outcome)| {
            if *end_ns <= last_start_ns {
                back.add(*outcome);
            }
            *end_ns > last_start_ns
        });
        self.back_later_kept = self.back_later.len();
    }

    /// The events of the phase in order of time, and its summary.
    pub(crate) fn finish(
        mut self,
        phase: Phase,
        reported: Option<ReportedBounds>,
    ) -> (Vec<PhaseEvent>, PhaseSummary) {
        self.sort_out();
        let sending_complete_ns = self.last_start_ns;
        let first_start_ns = self.first_start_ns.unwrap_or(sending_complete_ns);
        // Bounds that exclude requests belong to another phase.
        let fitting = reported
            .filter(|one| one.start_ns <= first_start_ns && one.end_ns >= sending_complete_ns);
        let (start_ns, end_ns, bounds) = match fitting {
            Some(one) => (one.start_ns, one.end_ns, PhaseBounds::Reported),
            None => {
                let end_ns = self.last_end_ns.max(sending_complete_ns);
                (first_start_ns, end_ns, PhaseBounds::FromRecords)
            }
        };

        let at_start = PhaseStats { start_ns: Some(start_ns), ..PhaseStats::default() };
        let at_sending_complete = PhaseStats {
            sending_complete_ns: Some(sending_complete_ns),
            sent_sessions: self.sessions.len() as u64,
            completed_sessions: self.completed_sessions(sending_complete_ns),
            ..counted(at_start.clone(), self.sent, self.back_by_last_start)
        };
        let mut all_back = self.back_by_last_start;
        for (_, outcome) in &self.back_later {
            all_back.add(*outcome);
        }
        let at_end = PhaseStats {
            end_ns: Some(end_ns),
            completed_sessions: self.completed_sessions(u64::MAX),
            ..counted(at_sending_complete.clone(), self.sent, all_back)
        };
        let event = |event, time_ns, stats: &PhaseStats| PhaseEvent {
            event,
            time_ns,
            phase: phase.clone(),
            stats: stats.clone(),
        };
        let events = vec![
            event(EventKind::PhaseStart, start_ns, &at_start),
            event(EventKind::PhaseSendingComplete, sending_complete_ns, &at_sending_complete),
            event(EventKind::PhaseComplete, end_ns, &at_end),
        ];
        (events, PhaseSummary { phase, stats: at_end, bounds })
    }

    fn completed_sessions(&self, by_ns: u64) -> u64 {
        let completed = |last: &&LastTurn| !last.cancelled && last.end_ns <= by_ns;
        self.sessions.values().filter(completed).count() as u64
    }
}

fn counted(stats: PhaseStats, sent: u64, back: Tally) -> PhaseStats {
    PhaseStats {
        sent,
        completed: back.completed,
        errors: back.errors,
        cancelled: back.cancelled,
        in_flight: sent - back.completed - back.cancelled,
        ..stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase() -> Phase {
        Phase { name: "profiling".to_owned(), kind: "profiling".to_owned(), index: 0 }
    }

    /// Start, end, failed, cancelled.
    type Request = (u64, u64, bool, bool);

    fn request(start_ns: u64, end_ns: u64) -> Request {
        (start_ns, end_ns, false, false)
    }

    fn timeline(requests: &[Request]) -> Timeline {
        let mut timeline = Timeline::default();
        timeline.add_all(requests.iter().copied());
        timeline
    }

    #[test]
    fn partial_timelines_add_up_wherever_the_input_is_split() {
        let request =
            |n: u64| (n * 7, n * 7 + n * 31 % 97, n.is_multiple_of(5), n.is_multiple_of(7));
        let requests: Vec<_> = (0..5000).map(request).collect();
        let summary = |parts: usize| {
            let mut whole = Timeline::default();
            requests.chunks(requests.len().div_ceil(parts)).for_each(|part| {
                let mut of_part = timeline(part);
                part.iter().for_each(|(start_ns, end_ns, ..)| {
                    let name = format!("{}", start_ns % 50);
                    of_part.add_session(Session::new(&name, *start_ns, *end_ns, false));
                });
                whole.append(of_part);
            });
            whole.finish(phase(), None)
        };
        let whole = summary(1);
        assert_eq!(whole.1.stats.sent, 5000);
        assert!(whole.0[1].stats.in_flight > 0);
        for parts in [2, 7, 5000] {
            assert_eq!(summary(parts), whole, "{parts}");
        }
    }

    #[test]
    fn events_are_at_first_start_last_start_and_last_end() {
        // Records are in the order of their ends.
        let requests = [request(20, 30), request(10, 50), request(40, 90), request(45, 95)];
        let (events, summary) = timeline(&requests).finish(phase(), None);
        let times: Vec<_> = events.iter().map(|event| (event.event, event.time_ns)).collect();
        assert_eq!(
            times,
            [
                (EventKind::PhaseStart, 10),
                (EventKind::PhaseSendingComplete, 45),
                (EventKind::PhaseComplete, 95)
            ]
        );
        let sending = &events[1].stats;
        assert_eq!((sending.sent, sending.completed, sending.in_flight), (4, 1, 3));
        assert_eq!(events[0].stats.sent, 0);
        assert_eq!((summary.stats.completed, summary.stats.in_flight), (4, 0));
        assert_eq!(summary.bounds, PhaseBounds::FromRecords);
    }

    #[test]
    fn cancelled_requests_are_neither_completed_nor_errors() {
        let failed = (1, 2, true, false);
        let cancelled = (2, 3, true, true);
        let (_, summary) = timeline(&[failed, cancelled, request(3, 4)]).finish(phase(), None);
        let stats = summary.stats;
        assert_eq!(
            (stats.sent, stats.completed, stats.errors, stats.cancelled, stats.in_flight),
            (3, 2, 1, 1, 0)
        );
    }

    #[test]
    fn session_is_complete_when_its_last_turn_ended_uncancelled() {
        let turns = [
            ("a", 1, 15, false),
            ("a", 0, 5, true),
            ("b", 0, 6, false),
            ("b", 1, 16, true),
            ("c", 0, 7, false),
        ];
        let mut part = Timeline::default();
        part.add_all(
            turns
                .iter()
                .map(|(_, turn, end_ns, cancelled)| (10 * turn, *end_ns, *cancelled, *cancelled)),
        );
        for (session, turn, end_ns, cancelled) in turns {
            part.add_session(Session::new(session, turn, end_ns, cancelled));
        }
        let mut whole = Timeline::default();
        whole.append(part);
        let (events, summary) = whole.finish(phase(), None);
        assert_eq!((summary.stats.sent_sessions, summary.stats.completed_sessions), (3, 2));
        assert_eq!(events[1].stats.completed_sessions, 1);
    }

    #[test]
    fn reported_bounds_take_precedence() {
        let reported = ReportedBounds { start_ns: 5, end_ns: 120 };
        let (events, summary) = timeline(&[request(10, 100)]).finish(phase(), Some(reported));
        assert_eq!((events[0].time_ns, events[2].time_ns), (5, 120));
        assert_eq!((summary.stats.start_ns, summary.stats.end_ns), (Some(5), Some(120)));
        assert_eq!(summary.bounds, PhaseBounds::Reported);
    }

    #[test]
    fn reported_bounds_that_exclude_requests_are_ignored() {
        for (start_ns, end_ns) in [(11, 120), (5, 9)] {
            let reported = ReportedBounds { start_ns, end_ns };
            let (_, summary) = timeline(&[request(10, 100)]).finish(phase(), Some(reported));
            assert_eq!((summary.stats.start_ns, summary.stats.end_ns), (Some(10), Some(100)));
            assert_eq!(summary.bounds, PhaseBounds::FromRecords);
        }
    }

    #[test]
    fn events_stay_in_order_if_a_request_ends_before_it_starts() {
        let (events, _) = timeline(&[request(50, 20)]).finish(phase(), None);
        let times: Vec<_> = events.iter().map(|event| event.time_ns).collect();
        assert_eq!(times, [50, 50, 50]);
    }
}
