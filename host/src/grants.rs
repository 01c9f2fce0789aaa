//! What one plugin is given of the world.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What one implementation is given. It can always log and, as a processor, read the
/// run's records; it never has the network, the environment or the host's other files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The machine's.
    Real,
    /// One that starts at zero and counts a nanosecond for each reading. Who waits for a
    /// time is there at once.
    Counting,
}

/// A source of random numbers for a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Random {
    /// The machine's.
    Real,
    /// The same numbers in every run.
    Seeded,
}

impl Default for Grants {
    fn default() -> Self {
        Self { output: true, clock: Clock::Real, random: Random::Real, read: BTreeMap::new() }
    }
}
