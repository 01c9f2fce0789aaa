//! What one plugin is given of the world.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What one implementation is given. It can always log and, as a processor, read the
/// run's records; it never has the network, the environment or the host's other files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Whether it may write below a directory of its own, `/out` to the guest.
    pub output: bool,
    /// Which clock it reads.
    pub clock: Clock,
    /// Where its random numbers come from.
    pub random: Random,
    /// Directories that it may read and not write, by name: `/in/NAME` to the guest.
    pub read: BTreeMap<String, PathBuf>,
}

/// A clock for a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The machine's.
    Real,
    /// One that starts at zero and counts a nanosecond for each reading. Who waits for a
    /// time is there at once.
    Counting,
}

/// A source of random numbers for a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Random {
    /// The machine's.
    Real,
    /// The same numbers in every run.
    Seeded,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { output: true, clock: Clock::Real, random: Random::Real, read: BTreeMap::new() }
    }
}

/// In words, as it goes on from "may".
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.clock {
            Clock::Real => "log, read clocks",
            Clock::Counting => "log, read a clock that counts",
        })?;
        f.write_str(match self.random {
            Random::Real => ", draw random numbers",
            Random::Seeded => ", draw the same random numbers each time",
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
