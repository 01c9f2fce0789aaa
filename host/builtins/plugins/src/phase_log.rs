use std::fmt::Write;

use perfbox_guest::{Hook, NoConfig, PhaseEvent, Result};

/// The hook `phase_log`: logs one line for each phase event, at level info, as
/// [logfmt](https://brandur.org/logfmt).
///
/// Every line has the same keys in the same order; those whose value is not known at
/// the time of the event are left out. Times are nanoseconds since the Unix epoch.
#[derive(Debug)]
pub struct PhaseLog;

impl Hook for PhaseLog {
    type Config = NoConfig;

    fn new(_config: NoConfig) -> Result<Self> {
        Ok(Self)
    }

    fn on_phase_start(&mut self, event: &PhaseEvent) -> Result<()> {
        log("phase_start", event)
    }

    fn on_phase_sending_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        log("phase_sending_complete", event)
    }

    fn on_phase_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        log("phase_complete", event)
    }

    fn on_phase_timeout(&mut self, event: &PhaseEvent) -> Result<()> {
        log("phase_timeout", event)
    }
}

fn log(name: &str, event: &PhaseEvent) -> Result<()> {
    perfbox_guest::info!("{}", line(name, event)?);
    Ok(())
}

fn line(name: &str, event: &PhaseEvent) -> Result<String> {
    let PhaseEvent { time_ns, phase, stats } = event;
    let mut line = format!(
        "event={name} phase={} kind={} index={} time_ns={time_ns}",
        text(&phase.name),
        text(&phase.kind),
        phase.index,
    );
    let counts = [
        ("sent", Some(stats.sent)),
        ("completed", Some(stats.completed)),
        ("errors", Some(stats.errors)),
        ("cancelled", Some(stats.cancelled)),
        ("in_flight", Some(stats.in_flight)),
        ("sent_sessions", Some(stats.sent_sessions)),
        ("completed_sessions", Some(stats.completed_sessions)),
        ("start_ns", stats.start_ns),
        ("sending_complete_ns", stats.sending_complete_ns),
        ("end_ns", stats.end_ns),
        ("expected_requests", stats.expected_requests),
        ("expected_duration_ns", stats.expected_duration_ns),
    ];
    for (key, value) in counts {
        if let Some(value) = value {
            write!(line, " {key}={value}")?;
        }
    }
    write!(line, " timed_out={}", stats.timed_out)?;
    Ok(line)
}

/// A text as logfmt has it: as it is where that is one plain word, quoted otherwise.
fn text(value: &str) -> String {
    let plain = |c: char| !(c.is_whitespace() || c.is_control() || matches!(c, '"' | '=' | '\\'));
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let mut quoted = String::from('"');
    for c in value.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use perfbox_guest::testing;

    use super::*;

    #[test]
    fn a_phase_that_starts_has_sent_nothing() {
        let mut event = testing::phase_event("warmup", 1_700_000_000_000_000_000);
        event.stats.start_ns = Some(1_700_000_000_000_000_000);
        event.stats.expected_requests = Some(60);
        assert_eq!(
            line("phase_start", &event).unwrap(),
            "event=phase_start phase=warmup kind=warmup index=0 time_ns=1700000000000000000 \
             sent=0 completed=0 errors=0 cancelled=0 in_flight=0 sent_sessions=0 \
             completed_sessions=0 start_ns=1700000000000000000 expected_requests=60 \
             timed_out=false"
        );
    }

    #[test]
    fn a_phase_that_has_sent_everything_may_wait_for_some() {
        let mut event = testing::phase_event("profiling", 25);
        event.phase.index = 1;
        event.stats.sent = 60;
        event.stats.completed = 55;
        event.stats.in_flight = 5;
        event.stats.start_ns = Some(10);
        event.stats.sending_complete_ns = Some(25);
        assert_eq!(
            line("phase_sending_complete", &event).unwrap(),
            "event=phase_sending_complete phase=profiling kind=profiling index=1 time_ns=25 \
             sent=60 completed=55 errors=0 cancelled=0 in_flight=5 sent_sessions=0 \
             completed_sessions=0 start_ns=10 sending_complete_ns=25 timed_out=false"
        );
    }

    #[test]
    fn a_phase_that_is_complete_says_how_it_went() {
        let mut event = testing::phase_event("profiling", 30);
        event.stats.sent = 60;
        event.stats.completed = 58;
        event.stats.errors = 3;
        event.stats.cancelled = 2;
        event.stats.sent_sessions = 7;
        event.stats.completed_sessions = 6;
        event.stats.start_ns = Some(10);
        event.stats.sending_complete_ns = Some(25);
        event.stats.end_ns = Some(30);
        event.stats.expected_duration_ns = Some(20);
        assert_eq!(
            line("phase_complete", &event).unwrap(),
            "event=phase_complete phase=profiling kind=profiling index=0 time_ns=30 \
             sent=60 completed=58 errors=3 cancelled=2 in_flight=0 sent_sessions=7 \
             completed_sessions=6 start_ns=10 sending_complete_ns=25 end_ns=30 \
             expected_duration_ns=20 timed_out=false"
        );
    }

    #[test]
    fn a_phase_that_timed_out_says_so() {
        let mut event = testing::phase_event("profiling", 20);
        event.stats.sent = 9;
        event.stats.completed = 5;
        event.stats.in_flight = 4;
        event.stats.timed_out = true;
        assert_eq!(
            line("phase_timeout", &event).unwrap(),
            "event=phase_timeout phase=profiling kind=profiling index=0 time_ns=20 \
             sent=9 completed=5 errors=0 cancelled=0 in_flight=4 sent_sessions=0 \
             completed_sessions=0 timed_out=true"
        );
    }

    #[test]
    fn text_is_quoted_only_where_it_must_be() {
        assert_eq!(text("warmup-2"), "warmup-2");
        assert_eq!(text("größe"), "größe");
        assert_eq!(text(""), r#""""#);
        assert_eq!(text("run a"), r#""run a""#);
        assert_eq!(text("a=b"), r#""a=b""#);
        assert_eq!(text(r#"say "a\b""#), r#""say \"a\\b\"""#);
        assert_eq!(text("a\nb\u{1b}"), r#""a\nb\u001b""#);
    }
}
