//! What a run returns: plain data, rendered by whoever has it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cost::Cost;
use crate::failure::Failure;
use crate::names::{Category, Identifier};
use crate::phase::{Phase, PhaseStats, PhaseSummary};

/// The form of `summary.json` that this version writes.
pub const SCHEMA_VERSION: &str = "1";

/// A finished run: the content of `summary.json`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// The form of this document; it changes when a reader of an older one could fail.
    pub schema_version: &'static str,
    /// The perfbox that wrote it.
    pub perfbox_version: &'static str,
    /// Where the records came from; empty when they were fed by an embedder.
    pub inputs: Vec<InputReport>,
    /// The phases, in the order of the run.
    pub phases: Vec<PhaseReport>,
    /// The plugins that took part: hooks, then processors, each in the order of calls.
    pub plugins: Vec<PluginReport>,
    /// What each processor that did its work returned, by identifier.
    pub results: BTreeMap<String, ProcessorResult>,
    /// How it went.
    pub status: RunStatus,
    /// The plugin whose failure ended the run early, as `CATEGORY/ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aborted_by: Option<String>,
}

/// How a run went. Where several hold, the first of: interrupted, bad input, plugin
/// failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It finished, and every plugin did its work.
    Ok,
    /// A plugin failed; it finished, or ended there where it was told to.
    PluginFailed,
    /// An input could not be read to its end; what was read is reported.
    BadInput,
    /// It was interrupted; what was processed is reported.
    Interrupted,
}

/// One input of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InputReport {
    /// As it was named; `-` is standard input.
    pub path: String,
    /// What it was read as.
    pub format: &'static str,
    /// Good records.
    pub records: u64,
    /// Bad records: those skipped, or the one that ended the reading.
    pub bad_records: u64,
    /// Bytes read, decompressed.
    pub bytes: u64,
    /// The first bad records, with line and column.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub bad_record_reasons: Vec<String>,
}

/// One phase of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PhaseReport {
    /// Which phase.
    #[serde(flatten)]
    pub phase: Phase,
    /// Its last statistics.
    pub stats: PhaseStats,
}

impl From<&PhaseSummary> for PhaseReport {
    fn from(summary: &PhaseSummary) -> Self {
        Self { phase: summary.phase.clone(), stats: summary.stats.clone() }
    }
}

/// One plugin of a run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PluginReport {
    /// What it is for.
    #[schemars(with = "String")]
    pub category: Category,
    /// What it was selected by.
    #[schemars(with = "String")]
    pub identifier: Identifier,
    /// The package that offers it.
    pub package: String,
    /// The package's version; empty where it does not say.
    pub version: String,
    /// The component's file, or `builtin:` and the identifier.
    pub component: String,
    /// SHA-256 of the component; absent where it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether it did its work.
    pub status: PluginStatus,
    /// What ended it.
    pub failure: Option<Failure>,
    /// The files that it wrote, relative to the output directory.
    pub files: Vec<String>,
    /// What it took.
    pub cost: Cost,
}

/// Whether a plugin did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginStatus {
    /// It did.
    Ok,
    /// It did not; it has no results.
    Failed,
}

/// What a processor returned.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ProcessorResult {
    /// Records that it was given.
    pub record_count: u64,
    /// Those with an error; a cancelled one has one.
    pub error_count: u64,
    /// Its metrics, in its order.
    pub metrics: Vec<Metric>,
    /// Its text for people.
    pub report: Option<String>,
}

/// One metric. Name, phase and labels together are its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// The phase that it is about; none: the whole run.
    pub phase: Option<String>,
    /// Its dimensions.
    pub labels: BTreeMap<String, String>,
    /// Its unit; empty where there is none.
    pub unit: String,
    /// What a rate was divided by.
    pub basis: Option<String>,
    /// Its value.
    pub value: MetricValue,
}

/// The value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValue {
    /// A whole number.
    Count(u64),
    /// A finite number.
    Number(f64),
    /// A set of samples.
    Distribution(Distribution),
}

/// How a set of samples is distributed; every number is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Samples.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Their mean.
    pub avg: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Standard deviation over the population.
    pub std: f64,
    /// Quantiles, in rising order.
    pub quantiles: Vec<Quantile>,
    /// How the quantiles were computed.
    pub method: String,
}

/// One point of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// From 0 to 100.
    pub percent: f64,
    /// The value there.
    pub value: f64,
    /// True when too few samples lie beyond it.
    pub unreliable: bool,
}

impl Quantile {
    /// As it is written: `p50`, `p99.9`.
    pub fn name(&self) -> String {
        percentile_name(self.percent)
    }
}

/// The name of a percentile, as reports write it: `p50`, `p99.9`.
pub fn percentile_name(percent: f64) -> String {
    format!("p{percent}")
}

impl Report {
    /// A report of what plugins did, without inputs.
    pub fn new(
        phases: &[PhaseSummary],
        plugins: Vec<PluginReport>,
        results: BTreeMap<String, ProcessorResult>,
    ) -> Self {
        let failed = plugins.iter().any(|plugin| plugin.status == PluginStatus::Failed);
        Self {
            schema_version: SCHEMA_VERSION,
            perfbox_version: env!("CARGO_PKG_VERSION"),
            inputs: Vec::new(),
            phases: phases.iter().map(PhaseReport::from).collect(),
            plugins,
            results,
            status: if failed { RunStatus::PluginFailed } else { RunStatus::Ok },
            aborted_by: None,
        }
    }
}

/// The directory below the output directory that holds the plugins' own.
pub const PLUGINS_DIR: &str = "plugins";

/// A plugin's own directory, relative to the output directory.
pub fn plugin_dir(category: Category, identifier: &Identifier) -> String {
    format!("{PLUGINS_DIR}/{category}/{identifier}")
}
