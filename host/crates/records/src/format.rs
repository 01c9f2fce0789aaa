//! Formats of recorded results.

use std::str::FromStr;

use perfbox_model::names::nearest;

/// Format of an input.
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
    /// All formats, in the order of detection.
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

    /// True if the format needs a mapping.
    pub fn is_mapped(self) -> bool {
        matches!(self, Self::Csv | Self::Jsonl | Self::Parquet)
    }

    /// Name on the command line and in reports.
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

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.iter().map(|format| format.name());
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            // `k6` and `heyy` are near the name of a tool, not of a format.
            let tool = |name: &'static str| name.split('-').next().unwrap_or(name);
            let of_tool = nearest(text, names().map(tool));
            let near = nearest(text, names())
                .or_else(|| names().find(|name| of_tool.is_some_and(|one| one == tool(name))));
            let hint = near.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
            let all: Vec<_> = names().collect();
            format!("unknown format{hint} (formats: {})", all.join(", "))
        })
    }
}
