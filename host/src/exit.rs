//! How the process ends.

use anyhow::Error;
use perfbox::report::RunStatus;

/// perfbox failed, or could not write its output.
const HOST_FAILED: u8 = 1;
/// Wrong usage or configuration: nothing was run.
const USAGE: u8 = 2;
/// A plugin failed.
const PLUGIN_FAILED: u8 = 3;
/// An input could not be read, or a line in it was bad.
const BAD_INPUT: u8 = 4;
/// The run was interrupted.
const INTERRUPTED: u8 = 130;

/// An error and the exit status that goes with it.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) status: u8,
    pub(crate) error: Error,
}

/// Says which exit status an error means.
pub(crate) trait StatusOf<T> {
    /// Wrong usage or configuration.
    fn usage(self) -> Result<T, Failed>;
    /// A plugin that did not do what it was to.
    fn plugin_failed(self) -> Result<T, Failed>;
    /// An input that cannot be read.
    fn bad_input(self) -> Result<T, Failed>;
    /// The host's own failure.
    fn host_failed(self) -> Result<T, Failed>;
}

impl<T, E: Into<Error>> StatusOf<T> for Result<T, E> {
    fn usage(self) -> Result<T, Failed> {
        self.map_err(|error| Failed { status: USAGE, error: error.into() })
    }

    fn plugin_failed(self) -> Result<T, Failed> {
        self.map_err(|error| Failed { status: PLUGIN_FAILED, error: error.into() })
    }

    fn bad_input(self) -> Result<T, Failed> {
        self.map_err(|error| Failed { status: BAD_INPUT, error: error.into() })
    }

    fn host_failed(self) -> Result<T, Failed> {
        self.map_err(|error| Failed { status: HOST_FAILED, error: error.into() })
    }
}

/// The exit status of a run that finished.
pub(crate) fn status_of(status: RunStatus) -> u8 {
    match status {
        RunStatus::Ok => 0,
        RunStatus::PluginFailed => PLUGIN_FAILED,
        RunStatus::BadInput => BAD_INPUT,
        RunStatus::Interrupted => INTERRUPTED,
    }
}
