//! `example_metrics_processor`: request counts, error rate and latency percentiles.

use std::{fs, iter};

use perfbox_guest::{
    Batch, Distribution, Error, Metric, PhaseSummary, ProcessingResult, Processor, Requirements,
    Result, output_dir,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// In ms.
const LATENCY: &str = "request_latency";

/// Present for a record exactly when the request failed.
const ERROR: &str = "error_type";

/// Its parameters.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// Where to write, inside the plugin's output directory.
    pub output_file: String,
    /// Adds the distribution of latencies.
    pub include_percentiles: bool,
    /// Which percentiles, from 0 to 100.
    pub percentiles: Vec<f64>,
}

/// Counts requests, and keeps the latencies of those that succeeded.
#[derive(Debug)]
pub struct MetricsProcessor {
    config: Config,
    successful: u64,
    failed: u64,
    latencies_ms: Vec<f64>,
}

impl Processor for MetricsProcessor {
    type Config = Config;

    fn new(mut config: Config) -> Result<Self> {
        let percentiles = &mut config.percentiles;
        if let Some(bad) = percentiles.iter().find(|percent| !(0.0..=100.0).contains(*percent)) {
            return Err(Error::invalid_config(format!(
                "`percentiles` must be from 0 to 100, {bad} is not"
            )));
        }
        percentiles.sort_unstable_by(f64::total_cmp);
        percentiles.dedup();
        Ok(Self { config, successful: 0, failed: 0, latencies_ms: Vec::new() })
    }

    fn requirements(&self) -> Requirements {
        let latency = self.config.include_percentiles.then_some(LATENCY);
        Requirements::columns(iter::once(ERROR).chain(latency))
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        // A run whose format has no errors, or no latencies, has no such column.
        let errors = batch.has(ERROR).then(|| batch.texts(ERROR)).transpose()?;
        let latencies = batch.has(LATENCY).then(|| batch.f64s(LATENCY)).transpose()?;
        for row in 0..batch.len() {
            if errors.as_ref().is_some_and(|errors| errors.get(row).is_some()) {
                self.failed += 1;
            } else {
                self.successful += 1;
                self.latencies_ms.extend(latencies.as_ref().and_then(|ms| ms.get(row)));
            }
        }
        Ok(())
    }

    fn finish(self, _phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let Self { config, successful, failed, latencies_ms } = self;
        let total = successful + failed;
        // Rates of no requests do not exist: they are left out, here and below.
        let rate = |count: u64| (total > 0).then(|| count as f64 / total as f64);

        let mut counts = json!({"total": total, "successful": successful, "failed": failed});
        let mut document = json!({"total_records": total});
        let mut result = ProcessingResult::new().metric("total_records", total, "records");
        if let Some(success_rate) = rate(successful) {
            counts["success_rate"] = json!(success_rate);
            result = result.metric("success_rate", success_rate, "ratio");
        }
        document["request_counts"] = counts;

        if config.include_percentiles
            && let Some(latency) = Distribution::exact_at(latencies_ms, &config.percentiles)
        {
            document["latency_percentiles"] = latency_percentiles(&latency);
            result = result.push(Metric::new(LATENCY, latency, "ms"));
        }

        if failed > 0
            && let Some(error_rate) = rate(failed)
        {
            document["error_count"] = json!(failed);
            document["error_rate"] = json!(error_rate);
            result = result.metric("error_count", failed, "requests");
            result = result.metric("error_rate", error_rate, "ratio");
        }

        let json = serde_json::to_string_pretty(&document)?;
        let text = format!("=== perfbox Example Plugin Metrics ===\n\n{json}\n");
        fs::write(output_dir().join(&config.output_file), text)
            .map_err(|error| Error::io(&config.output_file, &error))?;
        Ok(result)
    }
}

/// All in ms: each percentile under `p` and its number, then the other statistics.
fn latency_percentiles(latency: &Distribution) -> Value {
    let mut json = json!({});
    for quantile in &latency.quantiles {
        json[format!("p{}", quantile.percent)] = json!(quantile.value);
    }
    json["min"] = json!(latency.min);
    json["max"] = json!(latency.max);
    json["mean"] = json!(latency.avg);
    if latency.count > 1 {
        // `Distribution::std` divides by n; a sample's deviation divides by n − 1.
        let n = latency.count as f64;
        json["stdev"] = json!(latency.std * (n / (n - 1.0)).sqrt());
    }
    json
}

#[cfg(test)]
mod tests {
    use perfbox_guest::testing::BatchBuilder;

    use super::*;
    use crate::fixtures::{README, written_by};

    fn config() -> Config {
        Config {
            output_file: "metrics.txt".to_owned(),
            include_percentiles: true,
            percentiles: vec![50.0, 75.0, 90.0, 95.0, 99.0],
        }
    }

    /// Latencies of 10, 20, … 100 ms, and two failures that must not count among them.
    fn twelve_records() -> Batch {
        let latencies = (1..=10).map(|i| Some(f64::from(i) * 10.0));
        BatchBuilder::new("profiling")
            .f64s(LATENCY, "ms", latencies.chain([Some(5_000.0), None]))
            .texts(ERROR, [None; 10].into_iter().chain([Some("Timeout"), Some("HTTP 503")]))
            .build()
    }

    fn run(config: Config, batches: &[Batch]) -> (String, ProcessingResult) {
        let mut result = None;
        let text = written_by("metrics.txt", || {
            let mut processor = MetricsProcessor::new(config)?;
            batches.iter().try_for_each(|batch| processor.process(batch))?;
            result = Some(processor.finish(&[])?);
            Ok(())
        });
        (text.unwrap(), result.unwrap())
    }

    /// The JSON that it writes.
    fn metrics(config: Config, batches: &[Batch]) -> Value {
        let (text, _) = run(config, batches);
        let (title, json) = text.split_once("\n\n").unwrap();
        assert_eq!(title, "=== perfbox Example Plugin Metrics ===");
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_percentile_beyond_100_is_refused() {
        let error = MetricsProcessor::new(Config { percentiles: vec![50.0, 101.0], ..config() });
        assert_eq!(error.unwrap_err().message(), "`percentiles` must be from 0 to 100, 101 is not");
    }

    #[test]
    fn it_asks_for_no_column_that_it_does_not_read() {
        let wanted = |config| MetricsProcessor::new(config).unwrap().requirements();
        assert_eq!(wanted(config()), Requirements::columns(["error_type", "request_latency"]));
        let config = Config { include_percentiles: false, ..config() };
        assert_eq!(wanted(config), Requirements::columns(["error_type"]));
    }

    #[test]
    fn file_is_as_in_the_readme() {
        let (text, _) = run(config(), &[twelve_records()]);
        assert!(README.contains(&text), "{text}");
    }

    #[test]
    fn without_records_only_counts_are_left() {
        let (_, result) = run(config(), &[]);
        assert_eq!(
            metrics(config(), &[]),
            json!({"total_records": 0, "request_counts": {"total": 0, "successful": 0, "failed": 0}})
        );
        assert_eq!(result, ProcessingResult::new().metric("total_records", 0_u64, "records"));
    }

    #[test]
    fn requests_are_counted_over_all_batches() {
        let json = metrics(config(), &[twelve_records(), twelve_records()]);
        assert_eq!(json["total_records"], 24);
        assert_eq!(
            json["request_counts"],
            json!({"total": 24, "successful": 20, "failed": 4, "success_rate": 20.0 / 24.0})
        );
    }

    #[test]
    fn percentiles_are_of_successful_requests() {
        let json = metrics(config(), &[twelve_records()]);
        let latency = &json["latency_percentiles"];
        // numpy: a = np.arange(10, 101, 10); np.percentile(a, [50, 75, 90, 95, 99]); a.std(ddof=1)
        let expected = [
            ("p50", 55.0),
            ("p75", 77.5),
            ("p90", 91.0),
            ("p95", 95.5),
            ("p99", 99.1),
            ("min", 10.0),
            ("max", 100.0),
            ("mean", 55.0),
            ("stdev", 30.276_503_540_974_915),
        ];
        assert_eq!(latency.as_object().unwrap().len(), expected.len());
        for (key, value) in expected {
            let actual = latency[key].as_f64().unwrap();
            assert!((actual - value).abs() < 1e-9, "{key} is {actual}, not {value}");
        }
    }

    #[test]
    fn percentiles_are_those_asked_for() {
        let config = Config { percentiles: vec![99.9, 0.0, 0.0], ..config() };
        let json = metrics(config, &[twelve_records()]);
        let keys: Vec<_> = json["latency_percentiles"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["p0", "p99.9", "min", "max", "mean", "stdev"]);
    }

    #[test]
    fn percentiles_can_be_left_out() {
        let config = Config { include_percentiles: false, ..config() };
        let (text, result) = run(config, &[twelve_records()]);
        assert!(!text.contains("latency_percentiles"), "{text}");
        assert_eq!(result.find(LATENCY), None);
    }

    #[test]
    fn one_latency_has_no_deviation() {
        let batch = BatchBuilder::new("profiling").f64s(LATENCY, "ms", [12.5]).build();
        let json = metrics(Config { percentiles: vec![50.0], ..config() }, &[batch]);
        assert_eq!(
            json["latency_percentiles"],
            json!({"p50": 12.5, "min": 12.5, "max": 12.5, "mean": 12.5})
        );
    }

    #[test]
    fn without_latencies_there_are_no_percentiles() {
        let without_column = BatchBuilder::new("profiling").texts(ERROR, [None, Some("Timeout")]);
        let without_value = without_column.clone().f64s(LATENCY, "ms", [None, Some(1.0)]);
        for batch in [without_column.build(), without_value.build()] {
            let json = metrics(config(), &[batch]);
            assert_eq!(json["total_records"], 2);
            assert_eq!(json.get("latency_percentiles"), None);
        }
    }

    #[test]
    fn error_rate_is_a_fraction_of_all_requests() {
        let json = metrics(config(), &[twelve_records()]);
        assert_eq!(json["error_count"], 2);
        assert_eq!(json["error_rate"], 2.0 / 12.0);
    }

    #[test]
    fn without_the_column_no_request_failed() {
        let batch = BatchBuilder::new("profiling").f64s(LATENCY, "ms", [1.0, 2.0]).build();
        let json = metrics(config(), &[batch]);
        assert_eq!(json["request_counts"]["success_rate"], 1.0);
        assert_eq!((json.get("error_count"), json.get("error_rate")), (None, None));
    }

    #[test]
    fn metrics_say_what_the_file_says() {
        let (_, result) = run(config(), &[twelve_records()]);
        let names: Vec<_> = result.metrics().iter().map(|m| (m.name(), m.unit())).collect();
        assert_eq!(
            names,
            [
                ("total_records", "records"),
                ("success_rate", "ratio"),
                ("request_latency", "ms"),
                ("error_count", "requests"),
                ("error_rate", "ratio"),
            ]
        );
        assert_eq!(result.find("total_records"), Some(&12_u64.into()));
        assert_eq!(result.find("success_rate"), Some(&(10.0 / 12.0).into()));
    }
}
