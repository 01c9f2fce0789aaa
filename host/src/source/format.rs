//! Formats of recorded results.

/// The format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// AIPerf's `profile_export.jsonl`.
    AiperfJsonl,
}

impl Format {
    /// Its name, on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::AiperfJsonl => "aiperf-jsonl",
        }
    }
}
