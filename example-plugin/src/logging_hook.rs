//! `example_logging_hook`: one line of a file for each phase event.

use std::fs::File;
use std::io::Write;

use jiff::tz::Offset;
use perfbox_guest::{Error, Hook, PhaseEvent, Result, output_dir};
use serde::Deserialize;

use crate::event::{since_start, time};

/// Its parameters.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// Where to write, inside the plugin's output directory.
    pub log_file: String,
    /// Adds the phase's statistics.
    pub verbose: bool,
}

/// Logs every phase event.
#[derive(Debug)]
pub struct LoggingHook {
    config: Config,
    log: File,
}

impl Hook for LoggingHook {
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        // Opened here, so that a bad name ends the hook before the run, not in it.
        let log = File::options()
            .create(true)
            .append(true)
            .open(output_dir().join(&config.log_file))
            .map_err(|error| Error::io(&config.log_file, &error))?;
        Ok(Self { config, log })
    }

    fn on_phase_start(&mut self, event: &PhaseEvent) -> Result<()> {
        self.log("PHASE_START", event, &[])
    }

    fn on_phase_sending_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        let stats = &event.stats;
        let counts = [("Sent", stats.sent), ("Sessions", stats.sent_sessions)];
        self.log("PHASE_SENDING_COMPLETE", event, &counts)
    }

    fn on_phase_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        let stats = &event.stats;
        let counts = [("Completed", stats.completed), ("Cancelled", stats.cancelled)];
        self.log("PHASE_COMPLETE", event, &counts)
    }

    fn on_phase_timeout(&mut self, event: &PhaseEvent) -> Result<()> {
        self.log("PHASE_TIMEOUT", event, &[("In-Flight", event.stats.in_flight)])
    }
}

impl LoggingHook {
    fn log(&mut self, name: &str, event: &PhaseEvent, counts: &[(&str, u64)]) -> Result<()> {
        // The phase's name comes from the input, and must not make a line of its own.
        let phase = event.phase.name.replace(char::is_control, " ");
        // `strftime` would say the same, and add 250 KB to the component.
        let time = Offset::UTC.to_datetime(time(event)?);
        let mut line = format!("[{} {:.0}] {name}: {phase}", time.date(), time.time());
        if self.config.verbose && !counts.is_empty() {
            let counts = counts.iter().map(|(name, count)| format!("{name}: {count}"));
            let duration = since_start(event).map(|d| format!("Duration: {:.2}s", d.as_secs_f64()));
            line += " | ";
            line += &counts.chain(duration).collect::<Vec<_>>().join(", ");
        }
        line.push('\n');
        self.log
            .write_all(line.as_bytes())
            .map_err(|error| Error::io(&self.config.log_file, &error))
    }
}

#[cfg(test)]
mod tests {
    use perfbox_guest::testing::with_output_dir;

    use super::*;
    use crate::fixtures::{README, event, written_by};

    fn hook(verbose: bool) -> Result<LoggingHook> {
        LoggingHook::new(Config { log_file: "phases.log".to_owned(), verbose })
    }

    fn logged(verbose: bool, run: impl FnOnce(&mut LoggingHook) -> Result<()>) -> String {
        written_by("phases.log", || run(&mut hook(verbose)?)).unwrap()
    }

    #[test]
    fn log_is_there_before_the_first_event() {
        assert_eq!(logged(false, |_| Ok(())), "");
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_named() {
        let config = Config { log_file: "no/such/dir.log".to_owned(), verbose: false };
        let dir = tempfile::tempdir().unwrap();
        let error = with_output_dir(&dir, || LoggingHook::new(config)).unwrap_err();
        assert!(error.message().starts_with("`no/such/dir.log`: "), "{error}");
    }

    #[test]
    fn start_is_logged() {
        let log = logged(false, |hook| hook.on_phase_start(&event("warmup", 0)));
        assert_eq!(log, "[2023-11-14 22:13:20] PHASE_START: warmup\n");
    }

    #[test]
    fn sending_complete_is_logged() {
        let log = logged(false, |hook| hook.on_phase_sending_complete(&event("warmup", 9_500)));
        assert_eq!(log, "[2023-11-14 22:13:29] PHASE_SENDING_COMPLETE: warmup\n");
    }

    #[test]
    fn complete_is_logged() {
        let log = logged(false, |hook| hook.on_phase_complete(&event("warmup", 10_250)));
        assert_eq!(log, "[2023-11-14 22:13:30] PHASE_COMPLETE: warmup\n");
    }

    #[test]
    fn timeout_is_logged() {
        let log = logged(false, |hook| hook.on_phase_timeout(&event("warmup", 60_000)));
        assert_eq!(log, "[2023-11-14 22:14:20] PHASE_TIMEOUT: warmup\n");
    }

    #[test]
    fn verbose_lines_are_those_of_the_readme() {
        let log = logged(true, |hook| {
            hook.on_phase_start(&event("warmup", 0))?;
            hook.on_phase_sending_complete(&event("warmup", 9_500))?;
            hook.on_phase_timeout(&event("warmup", 10_000))?;
            hook.on_phase_complete(&event("warmup", 10_256))
        });
        assert_eq!(
            log,
            "[2023-11-14 22:13:20] PHASE_START: warmup\n\
             [2023-11-14 22:13:29] PHASE_SENDING_COMPLETE: warmup | Sent: 100, Sessions: 10, Duration: 9.50s\n\
             [2023-11-14 22:13:30] PHASE_TIMEOUT: warmup | In-Flight: 3, Duration: 10.00s\n\
             [2023-11-14 22:13:30] PHASE_COMPLETE: warmup | Completed: 95, Cancelled: 2, Duration: 10.26s\n"
        );
        assert!(README.contains(&log));
    }

    #[test]
    fn duration_is_left_out_when_the_start_is_unknown() {
        let mut event = event("warmup", 9_500);
        event.stats.start_ns = None;
        let log = logged(true, |hook| hook.on_phase_timeout(&event));
        assert_eq!(log, "[2023-11-14 22:13:29] PHASE_TIMEOUT: warmup | In-Flight: 3\n");
    }

    #[test]
    fn lines_are_appended() {
        let log = written_by("phases.log", || {
            hook(false)?.on_phase_start(&event("warmup", 0))?;
            hook(false)?.on_phase_start(&event("profiling", 1_000))
        });
        let lines = "[2023-11-14 22:13:20] PHASE_START: warmup\n\
                     [2023-11-14 22:13:21] PHASE_START: profiling\n";
        assert_eq!(log.unwrap(), lines);
    }

    #[test]
    fn a_phase_name_makes_no_line_of_its_own() {
        let log = logged(false, |hook| hook.on_phase_start(&event("warm\nup", 0)));
        assert_eq!(log, "[2023-11-14 22:13:20] PHASE_START: warm up\n");
    }
}
