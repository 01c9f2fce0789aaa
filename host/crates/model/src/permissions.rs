//! Permissions of one plugin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Permissions of one implementation. Every plugin can log; processors can read the run's
/// records. No plugin can use the network, the environment or other files of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Write access to an output directory of its own, `/out` in the guest.
    pub output: bool,
    /// Clock that the guest reads.
    pub clock: Clock,
    /// Source of random numbers.
    pub random: Random,
    /// Read-only directories by name: `/in/NAME` in the guest.
    pub read: BTreeMap<String, PathBuf>,
}

/// Clock of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// System clock.
    Real,
    /// Starts at zero and advances one nanosecond with each reading. Waiting returns at once.
    Counting,
}

/// Source of random numbers of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Random {
    /// Random numbers of the system.
    Real,
    /// The same numbers in every run.
    Seeded,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { output: true, clock: Clock::Real, random: Random::Real, read: BTreeMap::new() }
    }
}

/// List of permissions, to follow the word "may".
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.clock {
            Clock::Real => "log, read the clock",
            Clock::Counting => "log, read a counting clock",
        })?;
        f.write_str(match self.random {
            Random::Real => ", get random numbers",
            Random::Seeded => ", get seeded random numbers",
        })?;
        if self.output {
            f.write_str(", write files")?;
        }
        for (name, dir) in &self.read {
            let dir = dir.to_string_lossy();
            write!(f, ", read {} as /in/{name}", crate::escape::escape(&dir))?;
        }
        Ok(())
    }
}
