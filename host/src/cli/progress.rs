//! Progress and logs, which share standard error.

use std::io::{self, IsTerminal as _, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::EnvFilter;

/// Plugins' messages, and warnings of the host's.
const DEFAULT_FILTER: &str = "warn,plugin=info";

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
    let default = if quiet { "error" } else { DEFAULT_FILTER };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let bar = bar.clone();
    let colours = io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .without_time()
        .with_target(false)
        .with_writer(move || AroundBar(bar.clone()))
        .init();
}

/// Writes whole lines to standard error while the bar is out of the way.
struct AroundBar(ProgressBar);

impl Write for AroundBar {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
