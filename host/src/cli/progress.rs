//! Progress and logs, which share standard error.

use std::io::{self, IsTerminal as _, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use perfbox::escape;
use tracing_subscriber::EnvFilter;

/// Plugins' messages, and warnings of the host's.
const DEFAULT_FILTER: &str = "warn,plugin=info";

/// Warnings of the host's alone.
const QUIET_FILTER: &str = "warn,plugin=off";

/// A bar on a terminal, nothing anywhere else.
pub(crate) fn new_bar(quiet: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    if !quiet && io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

/// Sends what is logged to standard error, around the bar.
pub(crate) fn start_logging(bar: &ProgressBar, quiet: bool) {
    let default = if quiet { QUIET_FILTER } else { DEFAULT_FILTER };
    let given = std::env::var_os(EnvFilter::DEFAULT_ENV).filter(|value| !value.is_empty());
    let parsed = given.as_ref().map(|value| EnvFilter::try_new(value.to_string_lossy()));
    let not_understood = matches!(parsed, Some(Err(_)));
    let filter = parsed.and_then(Result::ok).unwrap_or_else(|| EnvFilter::new(default));
    let bar = bar.clone();
    let colours = io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .without_time()
        .with_target(false)
        .log_internal_errors(false)
        .with_writer(move || AroundBar(bar.clone()))
        .init();
    if let (true, Some(value)) = (not_understood, given) {
        let value = value.to_string_lossy();
        tracing::warn!("RUST_LOG=`{}` is not understood; going on with {default}", escape(&value));
    }
}

/// Writes whole lines to standard error while the bar is out of the way. A line that
/// cannot be written is lost, and nothing else.
struct AroundBar(ProgressBar);

impl Write for AroundBar {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.suspend(|| io::stderr().write_all(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
