mod bars;
mod buckets;

use std::collections::BTreeMap;

use perfbox_guest::{
    Batch, Error, Metric, PhaseSummary, ProcessingResult, Processor, Requirements, Result,
};
use serde::Deserialize;

use crate::shared::columns::{self, Sampled};
use crate::shared::failed::Failed;
use crate::shared::wire::{Reader, Writer, unreadable};
use bars::Bar;
use buckets::Buckets;

/// The processor `histogram`: for each phase, how many samples of one metric there are
/// in buckets whose bounds grow by a constant factor, and bars of them for people.
///
/// The bounds are powers of ten and numbers of three digits between. A metric
/// `…_bucket` counts the samples of one bucket alone: those above the bound before, up
/// to and with `le`. Zeros are in a bucket of their own, `le` 0, negative samples in one
/// with the label `lt` 0. Which samples count is as in `metrics`.
#[derive(Debug)]
pub struct Histogram {
    metric: String,
    buckets: Buckets,
    column: Option<Sampled>,
    has_batches: bool,
    /// By phase.
    counts: BTreeMap<String, Counts>,
    is_saved: bool,
}

/// The parameters of [`Histogram`].
#[derive(Debug, Clone, Deserialize)]
pub struct HistogramConfig {
    /// The column.
    pub metric: String,
    /// Buckets from one power of ten to the next, 1 to 50.
    pub buckets_per_decade: i64,
}

/// The samples of one phase.
#[derive(Debug, Default, Clone, PartialEq)]
struct Counts {
    negative: u64,
    zeros: u64,
    /// By bucket, up to the last that has any.
    positive: Vec<u64>,
}

impl Processor for Histogram {
    type Config = HistogramConfig;

    fn new(config: HistogramConfig) -> Result<Self> {
        let per_decade = config.buckets_per_decade;
        let in_range = u32::try_from(per_decade).ok().filter(|per| (1..=50).contains(per));
        let per_decade = in_range.ok_or_else(|| {
            let words = format!("`buckets_per_decade` is from 1 to 50, not {per_decade}");
            Error::invalid_config(words)
        })?;
        Ok(Self {
            metric: config.metric,
            buckets: Buckets::new(per_decade),
            column: None,
            has_batches: false,
            counts: BTreeMap::new(),
            is_saved: false,
        })
    }

    fn requirements(&self) -> Requirements {
        Requirements::columns([Failed::COLUMN, &self.metric]).mergeable()
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        self.has_batches = true;
        let Some(column) = find(batch, &self.metric)? else { return Ok(()) };
        let column = self.column.get_or_insert(column);
        let counts = self.counts.entry(batch.phase().name.clone()).or_default();
        column.each(batch, &Failed::of(batch)?, |_, samples| {
            samples.iter().for_each(|sample| counts.add(*sample, &self.buckets));
        })
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(column) = self.column.as_ref().filter(|_| !self.is_saved) else {
            return Ok(None);
        };
        let mut writer = Writer::default();
        writer.text(&column.unit);
        for (phase, counts) in &self.counts {
            writer.text(phase);
            writer.u64(counts.negative);
            writer.u64(counts.zeros);
            writer.usize(counts.positive.len());
            counts.positive.iter().for_each(|count| writer.u64(*count));
        }
        self.is_saved = true;
        Ok(Some(writer.bytes))
    }

    fn merge(&mut self, part: &[u8]) -> Result<()> {
        let mut reader = Reader::new(part);
        let unit = reader.text()?;
        if self.column.is_none() {
            let (name, is_list, of_failed) = (self.metric.clone(), false, false);
            self.column = Some(Sampled { name, unit, is_list, of_failed });
        }
        while !reader.is_empty() {
            let counts = self.counts.entry(reader.text()?).or_default();
            counts.negative += reader.u64()?;
            counts.zeros += reader.u64()?;
            for bucket in 0..reader.usize()? {
                if bucket >= self.buckets.bounds.len() {
                    return Err(unreadable());
                }
                *counts.bucket(bucket) += reader.u64()?;
            }
        }
        Ok(())
    }

    fn finish(self, phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let Some(column) = self.column else {
            return match self.has_batches {
                true => Err(columns::no_column("metric", &self.metric)),
                false => Ok(ProcessingResult::new()),
            };
        };
        let mut result = ProcessingResult::new();
        let mut report = String::new();
        for summary in phases {
            let phase = &summary.phase.name;
            let Some(counts) = self.counts.get(phase) else { continue };
            let rows = counts.rows(&self.buckets);
            let name = format!("{}_bucket", self.metric);
            result = result.extend(rows.iter().map(|(key, bound, count)| {
                Metric::new(&name, *count, "samples").phase(phase).label(*key, bound)
            }));
            let bar = |(key, bound, count): (&str, String, u64)| {
                let sign = if key == "lt" { "<" } else { "<=" };
                Bar { label: format!("{sign} {bound}"), count }
            };
            let bars: Vec<_> = rows.into_iter().map(bar).collect();
            let unit = match column.unit.is_empty() {
                true => String::new(),
                false => format!(" ({})", column.unit),
            };
            report += &bars::draw(&format!("{}{unit}, {phase}", self.metric), &bars);
        }
        Ok(if report.is_empty() { result } else { result.report(report.trim_end()) })
    }
}

/// The column, which must hold numbers; none if the batch lacks it.
fn find(batch: &Batch, metric: &str) -> Result<Option<Sampled>> {
    let found = columns::find_numbers(batch, metric)
        .map_err(|error| columns::of_parameter("metric", &error))?;
    Ok(found.and_then(Sampled::of))
}

impl Counts {
    fn add(&mut self, sample: f64, buckets: &Buckets) {
        if sample > 0.0 {
            *self.bucket(buckets.of(sample)) += 1;
        } else if sample == 0.0 {
            self.zeros += 1;
        } else {
            self.negative += 1;
        }
    }

    fn bucket(&mut self, bucket: usize) -> &mut u64 {
        if bucket >= self.positive.len() {
            self.positive.resize(bucket + 1, 0);
        }
        &mut self.positive[bucket]
    }

    /// Label, bound and count of each bucket from the first that has any to the last.
    fn rows(&self, buckets: &Buckets) -> Vec<(&'static str, String, u64)> {
        let mut rows = Vec::new();
        if self.negative > 0 {
            rows.push(("lt", "0".to_owned(), self.negative));
        }
        if self.zeros > 0 {
            rows.push(("le", "0".to_owned(), self.zeros));
        }
        let positive = self.positive.iter().zip(&buckets.bounds);
        let from_first = positive.skip_while(|(count, _)| **count == 0);
        rows.extend(from_first.map(|(count, bound)| ("le", bound.to_string(), *count)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use perfbox_guest::MetricValue;
    use perfbox_guest::testing::{self, BatchBuilder};

    use super::*;
    use crate::shared::testing::{Random, run};

    fn config() -> HistogramConfig {
        HistogramConfig { metric: "request_latency".to_owned(), buckets_per_decade: 3 }
    }

    fn spread(config: &HistogramConfig, batches: &[Batch], instances: usize) -> ProcessingResult {
        let make = || Histogram::new(config.clone()).unwrap();
        let phases = ["warmup", "profiling"].map(testing::phase_summary);
        run(make, batches, instances, &phases).unwrap()
    }

    fn rows(result: &ProcessingResult) -> Vec<String> {
        let row = |metric: &Metric| {
            let [(key, bound)] = metric.labels() else { panic!() };
            let MetricValue::Count(count) = metric.value() else { panic!() };
            format!("{} {key}={bound} {count}", metric.name())
        };
        result.metrics().iter().map(row).collect()
    }

    #[test]
    fn samples_are_counted_by_size_zeros_and_negatives_apart() {
        let values = [0.0, -3.0, -0.0, 1.0, 1.5, 2.15, 10.0, 10.01];
        let batch = BatchBuilder::new("profiling").f64s("request_latency", "ms", values).build();
        let result = spread(&config(), &[batch], 1);
        assert_eq!(
            rows(&result),
            [
                "request_latency_bucket lt=0 1",
                "request_latency_bucket le=0 2",
                "request_latency_bucket le=1 1",
                "request_latency_bucket le=2.15 2",
                "request_latency_bucket le=4.64 0",
                "request_latency_bucket le=10 1",
                "request_latency_bucket le=21.5 1",
            ]
        );
        let report = result.report_text().unwrap();
        assert_eq!(report.lines().count(), 8);
        assert!(report.starts_with("request_latency (ms), profiling\n"));
        assert!(report.contains("\n    <= 10 1  12.5% ####"), "{report}");
    }

    #[test]
    fn lists_are_flattened_and_failed_records_left_out() {
        let batch = BatchBuilder::new("profiling")
            .f64_lists("gaps", "", [Some(vec![1.0, 1.0]), None, Some(vec![5.0])])
            .texts("error_type", [None, None, Some("Timeout")])
            .build();
        let config = HistogramConfig { metric: "gaps".to_owned(), ..config() };
        let result = spread(&config, &[batch], 1);
        assert_eq!(rows(&result), ["gaps_bucket le=1 2"]);
        assert!(result.report_text().unwrap().starts_with("gaps, profiling\n"));
    }

    #[test]
    fn results_are_the_same_however_records_are_spread() {
        let batches = |size: usize| {
            let mut random = Random(9);
            let values: Vec<f64> = (0..3000).map(|_| random.latency_ms() - 10.0).collect();
            let batch = |(at, chunk): (usize, &[f64])| {
                let phase = if at * size < 1000 { "warmup" } else { "profiling" };
                BatchBuilder::new(phase).f64s("request_latency", "ms", chunk.to_vec()).build()
            };
            values.chunks(size).enumerate().map(batch).collect::<Vec<_>>()
        };
        let whole = spread(&config(), &batches(500), 1);
        for (size, instances) in [(100, 1), (100, 2), (250, 3), (500, 9)] {
            assert_eq!(spread(&config(), &batches(size), instances), whole);
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        for buckets_per_decade in [0, -1, 51] {
            let config = HistogramConfig { buckets_per_decade, ..config() };
            let error = Histogram::new(config).unwrap_err();
            let expected =
                format!("`buckets_per_decade` is from 1 to 50, not {buckets_per_decade}");
            assert_eq!(error.message(), expected);
        }
        let batch = BatchBuilder::new("profiling").f64s("ttft", "ms", [1.0]).build();
        let mut histogram = Histogram::new(config()).unwrap();
        histogram.process(&batch).unwrap();
        let error = histogram.finish(&[]).unwrap_err();
        assert_eq!(error.message(), "`metric`: the records have no column `request_latency`");
    }

    #[test]
    fn without_records_there_is_nothing_to_draw() {
        assert_eq!(spread(&config(), &[], 2), ProcessingResult::new());
        let wanted = Histogram::new(config()).unwrap().requirements();
        let columns = ["error_type", "request_latency"];
        assert_eq!(wanted, Requirements::columns(columns).mergeable());
    }
}
