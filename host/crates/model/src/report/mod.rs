//! The report of a run as plain data, and its JSON form.

pub(crate) mod data;
mod json;

pub use data::{
    Distribution, InputReport, Metric, MetricValue, PLUGINS_DIR, PhaseReport, PluginReport,
    PluginStatus, ProcessorResult, Quantile, Report, RunStatus, SCHEMA_VERSION, percentile_name,
    plugin_dir,
};
pub use json::summary_schema;
