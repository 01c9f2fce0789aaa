//! A phase's statistics and events, rebuilt from its records.
//!
//! A phase starts at its first request's start, sending completes at its last request's
//! start, the phase completes at its last request's end. Where the tool left the
//! phase's own bounds, start and end are those.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::phase::{EventKind, Phase, PhaseBounds, PhaseEvent, PhaseStats, PhaseSummary};

/// What the timeline needs of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) failed: bool,
    pub(super) cancelled: bool,
    /// Its session and its place in it.
    pub(super) session: Option<(&'a str, u64)>,
}

/// How a request came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// Requests that came back, by outcome.
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
}

/// Takes the records of one phase, in any order.
///
/// Of all ends, only those after the last start seen so far are kept: about as many
/// as requests were in flight.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    sent: u64,
    first_start_ns: Option<u64>,
    last_start_ns: u64,
    last_end_ns: u64,
    /// Those that had come back when the last request was sent.
    back_by_last_start: Tally,
    /// Those that came back later.
    back_later: BinaryHeap<Reverse<(u64, Outcome)>>,
    sessions: HashMap<Box<str>, LastTurn>,
}

/// The bounds of a phase as its tool reported them.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportedBounds {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
}

impl Timeline {
    pub(super) fn add(&mut self, request: Request<'_>) {
        let Request { start_ns, end_ns, failed, cancelled, session } = request;
        self.sent += 1;
        self.first_start_ns = Some(self.first_start_ns.map_or(start_ns, |ns| ns.min(start_ns)));
        self.last_end_ns = self.last_end_ns.max(end_ns);
        let outcome = match (cancelled, failed) {
            (true, _) => Outcome::Cancelled,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Succeeded,
        };
        self.back_later.push(Reverse((end_ns, outcome)));
        self.last_start_ns = self.last_start_ns.max(start_ns);
        while let Some(Reverse((end_ns, outcome))) = self.back_later.peek().copied()
            && end_ns <= self.last_start_ns
        {
            self.back_by_last_start.add(outcome);
            self.back_later.pop();
        }
        if let Some((session, turn)) = session {
            let last = LastTurn { turn, end_ns, cancelled };
            match self.sessions.get_mut(session) {
                Some(known) if known.turn <= turn => *known = last,
                Some(_) => {}
                None => {
                    self.sessions.insert(session.into(), last);
                }
            }
        }
    }

    /// The phase's events in order of time, and its summary.
    pub(super) fn finish(
        self,
        phase: Phase,
        reported: Option<ReportedBounds>,
    ) -> (Vec<PhaseEvent>, PhaseSummary) {
        let sending_complete_ns = self.last_start_ns;
        let first_start_ns = self.first_start_ns.unwrap_or(sending_complete_ns);
        // Bounds that leave requests outside are not this phase's.
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
        for Reverse((_, outcome)) in &self.back_later {
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

    fn request(start_ns: u64, end_ns: u64) -> Request<'static> {
        Request { start_ns, end_ns, failed: false, cancelled: false, session: None }
    }

    fn timeline(requests: &[Request<'_>]) -> Timeline {
        let mut timeline = Timeline::default();
        requests.iter().for_each(|request| timeline.add(*request));
        timeline
    }

    #[test]
    fn events_are_at_first_start_last_start_and_last_end() {
        // Records come in order of their ends.
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
        let failed = Request { failed: true, ..request(1, 2) };
        let cancelled = Request { failed: true, cancelled: true, ..request(2, 3) };
        let (_, summary) = timeline(&[failed, cancelled, request(3, 4)]).finish(phase(), None);
        let stats = summary.stats;
        assert_eq!(
            (stats.sent, stats.completed, stats.errors, stats.cancelled, stats.in_flight),
            (3, 2, 1, 1, 0)
        );
    }

    #[test]
    fn a_session_is_complete_when_its_last_turn_came_back_uncancelled() {
        let turn = |session, turn, end_ns, cancelled| Request {
            cancelled,
            session: Some((session, turn)),
            ..request(10 * turn, end_ns)
        };
        let turns = [
            turn("a", 1, 15, false),
            turn("a", 0, 5, true),
            turn("b", 0, 6, false),
            turn("b", 1, 16, true),
            turn("c", 0, 7, false),
        ];
        let (events, summary) = timeline(&turns).finish(phase(), None);
        assert_eq!((summary.stats.sent_sessions, summary.stats.completed_sessions), (3, 2));
        assert_eq!(events[1].stats.completed_sessions, 1);
    }

    #[test]
    fn bounds_that_the_tool_reported_come_first() {
        let reported = ReportedBounds { start_ns: 5, end_ns: 120 };
        let (events, summary) = timeline(&[request(10, 100)]).finish(phase(), Some(reported));
        assert_eq!((events[0].time_ns, events[2].time_ns), (5, 120));
        assert_eq!((summary.stats.start_ns, summary.stats.end_ns), (Some(5), Some(120)));
        assert_eq!(summary.bounds, PhaseBounds::Reported);
    }

    #[test]
    fn bounds_that_leave_requests_outside_are_not_taken() {
        for (start_ns, end_ns) in [(11, 120), (5, 9)] {
            let reported = ReportedBounds { start_ns, end_ns };
            let (_, summary) = timeline(&[request(10, 100)]).finish(phase(), Some(reported));
            assert_eq!((summary.stats.start_ns, summary.stats.end_ns), (Some(10), Some(100)));
            assert_eq!(summary.bounds, PhaseBounds::FromRecords);
        }
    }

    #[test]
    fn events_keep_their_order_where_a_request_ends_before_it_starts() {
        let (events, _) = timeline(&[request(50, 20)]).finish(phase(), None);
        let times: Vec<_> = events.iter().map(|event| event.time_ns).collect();
        assert_eq!(times, [50, 50, 50]);
    }
}
