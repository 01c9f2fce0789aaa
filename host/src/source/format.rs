//! Formats of recorded results, and how one is recognised.

use super::aiperf::Aiperf;
use super::reader::Reader;

/// The format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// AIPerf's `profile_export.jsonl`.
    AiperfJsonl,
    /// k6's `--out json`.
    K6Json,
    /// k6's `--out csv`.
    K6Csv,
    /// vegeta's `encode --to json`.
    VegetaJson,
    /// vegeta's `encode --to csv`.
    VegetaCsv,
    /// JMeter's results as CSV.
    JmeterCsv,
    /// oha's `--output-format csv`.
    OhaCsv,
    /// hey's `-o csv`.
    HeyCsv,
    /// vLLM's `bench serve --save-result --save-detailed`.
    VllmJson,
    /// guidellm's benchmarks.
    GuidellmJson,
    /// Any CSV, with a mapping.
    Csv,
    /// Any JSON lines, with a mapping.
    Jsonl,
    /// Any Parquet, with a mapping.
    Parquet,
}

impl Format {
    /// All of them, in the order in which an input is tried.
    pub const ALL: [Self; 13] = [
        Self::AiperfJsonl,
        Self::K6Json,
        Self::VegetaJson,
        Self::VllmJson,
        Self::GuidellmJson,
        Self::K6Csv,
        Self::JmeterCsv,
        Self::OhaCsv,
        Self::HeyCsv,
        Self::VegetaCsv,
        Self::Parquet,
        Self::Jsonl,
        Self::Csv,
    ];

    /// Its name, on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::AiperfJsonl => "aiperf-jsonl",
            Self::K6Json => "k6-json",
            Self::K6Csv => "k6-csv",
            Self::VegetaJson => "vegeta-json",
            Self::VegetaCsv => "vegeta-csv",
            Self::JmeterCsv => "jmeter-csv",
            Self::OhaCsv => "oha-csv",
            Self::HeyCsv => "hey-csv",
            Self::VllmJson => "vllm-json",
            Self::GuidellmJson => "guidellm-json",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// The reader of an input that begins with `start`, its first block.
#[expect(unused, reason = "until there is more than one format")]
pub(super) fn reader_of(start: &[u8]) -> Box<dyn Reader> {
    Box::new(Aiperf::default())
}
