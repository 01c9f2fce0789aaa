//! JSON form of the report. Missing numbers are absent.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::data::{Distribution, Metric, MetricValue, Quantile, Report};

/// JSON form of a metric.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Metric")]
struct MetricJson<'a> {
    /// Name.
    name: &'a str,
    /// Phase; absent for the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
    /// Labels.
    labels: &'a BTreeMap<String, String>,
    /// Unit; empty if none.
    unit: &'a str,
    /// Divisor of a rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    basis: Option<&'a str>,
    /// Method that computed the quantiles in `stats`.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    /// Statistics of a distribution: avg, min, max, std, quantiles such as `p50`, count, sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    stats: Option<Map<String, Value>>,
    /// Quantiles with too few samples beyond them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    unreliable: Vec<String>,
    /// Value of a metric that is not a distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<f64>")]
    value: Option<Value>,
}

impl<'a> From<&'a Metric> for MetricJson<'a> {
    fn from(metric: &'a Metric) -> Self {
        let distribution = match &metric.value {
            MetricValue::Distribution(distribution) => Some(distribution),
            MetricValue::Count(_) | MetricValue::Number(_) => None,
        };
        Self {
            name: &metric.name,
            phase: metric.phase.as_deref(),
            labels: &metric.labels,
            unit: &metric.unit,
            basis: metric.basis.as_deref(),
            method: distribution.map(|distribution| distribution.method.as_str()),
            stats: distribution.map(stats),
            unreliable: distribution.map(unreliable).unwrap_or_default(),
            value: match &metric.value {
                MetricValue::Count(value) => Some(json!(value)),
                MetricValue::Number(value) => Some(json!(value)),
                MetricValue::Distribution(_) => None,
            },
        }
    }
}

fn stats(distribution: &Distribution) -> Map<String, Value> {
    let mut stats = Map::new();
    stats.insert("avg".to_owned(), json!(distribution.avg));
    stats.insert("min".to_owned(), json!(distribution.min));
    stats.insert("max".to_owned(), json!(distribution.max));
    stats.insert("std".to_owned(), json!(distribution.std));
    for quantile in &distribution.quantiles {
        stats.insert(quantile.name(), json!(quantile.value));
    }
    stats.insert("count".to_owned(), json!(distribution.count));
    stats.insert("sum".to_owned(), json!(distribution.sum));
    stats
}

fn unreliable(distribution: &Distribution) -> Vec<String> {
    let unreliable = distribution.quantiles.iter().filter(|quantile| quantile.unreliable);
    unreliable.map(Quantile::name).collect()
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        MetricJson::from(self).serialize(serializer)
    }
}

impl JsonSchema for Metric {
    fn schema_name() -> Cow<'static, str> {
        MetricJson::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        MetricJson::json_schema(generator)
    }
}

impl Report {
    /// Content of `summary.json`, ending with a newline.
    ///
    /// # Panics
    /// Never: every part of a report can be serialized.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("a report serializes to JSON");
        json.push('\n');
        json
    }
}

/// JSON Schema of `summary.json`, generated from the types.
pub fn summary_schema() -> Value {
    schemars::schema_for!(Report).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `BLESS=1` rewrites the published schema.
    #[test]
    fn published_schema_matches_the_types() {
        let published = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/summary.schema.json");
        let schema = format!("{:#}\n", summary_schema());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(published, &schema).unwrap();
        }
        assert_eq!(std::fs::read_to_string(published).unwrap(), schema);
    }

    #[test]
    fn missing_parts_of_a_metric_are_absent_from_its_json() {
        let metric = Metric {
            name: "rate".to_owned(),
            phase: None,
            labels: BTreeMap::new(),
            unit: "requests/sec".to_owned(),
            basis: Some("phase duration".to_owned()),
            value: MetricValue::Number(2.5),
        };
        assert_eq!(
            serde_json::to_value(&metric).unwrap(),
            json!({"name": "rate", "labels": {}, "unit": "requests/sec", "basis": "phase duration", "value": 2.5})
        );
        let quantile = |percent, unreliable| Quantile { percent, value: 1.0, unreliable };
        let distribution = Distribution {
            count: 2,
            sum: 2.0,
            avg: 1.0,
            min: 1.0,
            max: 1.0,
            std: 0.0,
            quantiles: vec![quantile(50.0, false), quantile(99.9, true)],
            method: "exact".to_owned(),
        };
        let metric = Metric {
            phase: Some("profiling".to_owned()),
            basis: None,
            value: MetricValue::Distribution(distribution),
            ..metric
        };
        assert_eq!(
            serde_json::to_value(&metric).unwrap(),
            json!({"name": "rate", "phase": "profiling", "labels": {}, "unit": "requests/sec",
                   "method": "exact", "unreliable": ["p99.9"],
                   "stats": {"avg": 1.0, "min": 1.0, "max": 1.0, "std": 0.0, "p50": 1.0, "p99.9": 1.0,
                             "count": 2, "sum": 2.0}})
        );
    }
}
