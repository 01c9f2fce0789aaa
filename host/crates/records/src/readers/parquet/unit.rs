//! Units of time that a column's type has.

use std::fmt;

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl Unit {
    /// Nanoseconds in one of it.
    pub(super) fn ns(self) -> i64 {
        match self {
            Self::Second => 1_000_000_000,
            Self::Millisecond => 1_000_000,
            Self::Microsecond => 1000,
            Self::Nanosecond => 1,
        }
    }

    /// Whether a mapping means it by that name.
    pub(super) fn has_name(self, name: &str) -> bool {
        let names: &[&str] = match self {
            Self::Second => &["s", "sec"],
            Self::Millisecond => &["ms"],
            Self::Microsecond => &["us"],
            Self::Nanosecond => &["ns"],
        };
        names.contains(&name)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "s",
            Self::Millisecond => "ms",
            Self::Microsecond => "µs",
            Self::Nanosecond => "ns",
        })
    }
}
