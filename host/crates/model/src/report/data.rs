//! Result of a run as plain data, rendered by other crates.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cost::Cost;
use crate::failure::Failure;
use crate::names::{Category, Identifier};
use crate::phase::{Phase, PhaseStats, PhaseSummary};

/// Schema version of `summary.json`.
pub const SCHEMA_VERSION: &str = "1";

/// Content of `summary.json`: one finished run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// Schema version of this document; changes if a reader of an older version could fail.
    pub schema_version: &'static str,
    /// Version of perfbox that wrote it.
    pub perfbox_version: &'static str,
    /// Inputs of the records; empty if an embedder supplied them.
    pub inputs: Vec<InputReport>,
    /// The phases, in the order of the run.
    pub phases: Vec<PhaseReport>,
    /// Plugins of the run: hooks, then processors, each in call order.
    pub plugins: Vec<PluginReport>,
    /// Results of the processors that succeeded, by identifier.
    pub results: BTreeMap<String, ProcessorResult>,
    /// Outcome of the run.
    pub status: RunStatus,
    /// Plugin whose failure ended the run early, as `CATEGORY/ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aborted_by: Option<String>,
}

/// Outcome of a run. If several apply, the first of: interrupted, bad input, plugin failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// The run finished and every plugin succeeded.
    Ok,
    /// A plugin failed. The run finished, or ended early with `on_failure: abort`.
    PluginFailed,
    /// An input could not be read completely; the records read are reported.
    BadInput,
    /// The run was interrupted; the processed records are reported.
    Interrupted,
}

/// One input of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InputReport {
    /// Path as given; `-` is standard input.
    pub path: String,
    /// Format.
    pub format: &'static str,
    /// Number of good records.
    pub records: u64,
    /// Number of bad records: those skipped, or the one that stopped reading.
    pub bad_records: u64,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Errors of the first bad records, with line and column.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub bad_record_reasons: Vec<String>,
}

/// One phase of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PhaseReport {
    /// The phase.
    #[serde(flatten)]
    pub phase: Phase,
    /// Final statistics.
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
    /// Category.
    #[schemars(with = "String")]
    pub category: Category,
    /// Identifier that selected it.
    #[schemars(with = "String")]
    pub identifier: Identifier,
    /// Package.
    pub package: String,
    /// Version of the package; empty if not declared.
    pub version: String,
    /// File of the component, or `builtin:` and the identifier.
    pub component: String,
    /// SHA-256 of the component; absent if it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Outcome.
    pub status: PluginStatus,
    /// Failure that ended it.
    pub failure: Option<Failure>,
    /// Files written, relative to the output directory.
    pub files: Vec<String>,
    /// Resources used.
    pub cost: Cost,
}

/// Outcome of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginStatus {
    /// Succeeded.
    Ok,
    /// Failed; has no results.
    Failed,
}

/// Result of a processor.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ProcessorResult {
    /// Records delivered.
    pub record_count: u64,
    /// Records with an error, including cancelled ones.
    pub error_count: u64,
    /// Metrics, in the order of the processor.
    pub metrics: Vec<Metric>,
    /// Text report.
    pub report: Option<String>,
}

/// One metric. Name, phase and labels together are its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Name.
    pub name: String,
    /// Phase; `None` for the whole run.
    pub phase: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Unit; empty if none.
    pub unit: String,
    /// Divisor of a rate.
    pub basis: Option<String>,
    /// Value.
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

/// Distribution of samples; every number is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Number of samples.
    pub count: u64,
    /// Sum.
    pub sum: f64,
    /// Mean.
    pub avg: f64,
    /// Minimum.
    pub min: f64,
    /// Maximum.
    pub max: f64,
    /// Population standard deviation.
    pub std: f64,
    /// Quantiles, in ascending order.
    pub quantiles: Vec<Quantile>,
    /// Method that computed the quantiles.
    pub method: String,
}

/// One point of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// Percentile, from 0 to 100.
    pub percent: f64,
    /// Value at the percentile.
    pub value: f64,
    /// True if too few samples lie beyond it.
    pub unreliable: bool,
}

impl Quantile {
    /// Name: `p50`, `p99.9`.
    pub fn name(&self) -> String {
        percentile_name(self.percent)
    }
}

/// Name of a percentile in reports: `p50`, `p99.9`.
pub fn percentile_name(percent: f64) -> String {
    format!("p{percent}")
}

impl Report {
    /// Creates a report of plugins and their results, without inputs.
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

/// Directory inside the output directory for the output of plugins.
pub const PLUGINS_DIR: &str = "plugins";

/// Output directory of one plugin, relative to the output directory.
pub fn plugin_dir(category: Category, identifier: &Identifier) -> String {
    format!("{PLUGINS_DIR}/{category}/{identifier}")
}
