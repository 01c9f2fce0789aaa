//! `example_results_aggregator`: all result sets of a run, combined into one summary.
//! A set is what one phase left behind.

use std::collections::BTreeMap;

use perfbox_guest::{
    Batch, Error, Metric, NoConfig, PhaseSummary, ProcessingResult, Processor, Requirements, Result,
};

/// In ns since the Unix epoch.
const START: &str = "request_start_ns";

/// Present for a record exactly when the request failed.
const ERROR: &str = "error_type";

/// Counts the records of each set, the failures, and the records over time.
#[derive(Debug, Default)]
pub struct ResultsAggregator {
    /// By index and name of the phase, and so in the order of the run.
    records_per_set: BTreeMap<(u32, String), u64>,
    failed: u64,
    started: u64,
    /// Earliest and latest start.
    span_ns: Option<(u64, u64)>,
}

impl Processor for ResultsAggregator {
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self> {
        Ok(Self::default())
    }

    fn requirements(&self) -> Requirements {
        Requirements::columns([START, ERROR])
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        let phase = batch.phase();
        *self.records_per_set.entry((phase.index, phase.name.clone())).or_default() +=
            batch.len() as u64;
        // A run whose format has no errors, or no start times, has no such column.
        if batch.has(ERROR) {
            self.failed += batch.texts(ERROR)?.rows().flatten().count() as u64;
        }
        if batch.has(START) {
            for &start_ns in batch.u64s(START)?.iter() {
                let (first, last) = self.span_ns.unwrap_or((start_ns, start_ns));
                self.span_ns = Some((first.min(start_ns), last.max(start_ns)));
                self.started += 1;
            }
        }
        Ok(())
    }

    fn finish(self, _phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let records: u64 = self.records_per_set.values().sum();
        if records == 0 {
            return Err(Error::invalid_input("no results to aggregate"));
        }
        let sets = self.records_per_set.len() as u64;
        let success_rate = (records - self.failed) as f64 / records as f64;

        let counts = self.records_per_set.iter().map(|((_, phase), count)| (phase, *count));
        let mut result = ProcessingResult::new()
            .metric("total_records", records, "records")
            .metric("total_sets", sets, "sets")
            .extend(counts.clone().map(|(phase, count)| {
                Metric::new("records_per_set", count, "records").phase(phase)
            }))
            .metric("success_rate", success_rate, "ratio");
        let per_set: Vec<_> = counts.map(|(phase, count)| format!("{phase} {count}")).collect();
        let mut report = format!(
            "Total records: {records}\n\
             Result sets: {sets}\n\
             Records per set: {}\n\
             Success rate: {:.2}%",
            per_set.join(", "),
            success_rate * 100.0
        );
        if let Some(throughput_rps) = self.throughput_rps() {
            let metric = Metric::new("throughput_rps", throughput_rps, "requests/sec");
            result = result.push(metric.basis("first to last request start"));
            report += &format!("\nThroughput: {throughput_rps:.2} requests/sec");
        }
        Ok(result.report(report))
    }
}

impl ResultsAggregator {
    /// Records over the span of their start times; none for fewer than two, or when
    /// all started at once.
    fn throughput_rps(&self) -> Option<f64> {
        let (first, last) = self.span_ns?;
        // Fewer than two have no span either.
        let span_ns = last - first;
        (span_ns > 0).then(|| self.started as f64 / (span_ns as f64 / 1e9))
    }
}

#[cfg(test)]
mod tests {
    use perfbox_guest::testing::BatchBuilder;

    use super::*;
    use crate::fixtures::README;

    /// Records that start at these milliseconds; the first one failed.
    fn set(phase: &str, starts_ms: &[u64]) -> Batch {
        let errors = (0..starts_ms.len()).map(|row| (row == 0).then_some("Timeout"));
        BatchBuilder::new(phase)
            .u64s(
                START,
                "ns",
                starts_ms.iter().map(|ms| 1_700_000_000_000_000_000 + ms * 1_000_000),
            )
            .texts(ERROR, errors)
            .build()
    }

    fn aggregate(batches: &[Batch]) -> Result<ProcessingResult> {
        let mut aggregator = ResultsAggregator::new(NoConfig {})?;
        batches.iter().try_for_each(|batch| aggregator.process(batch))?;
        aggregator.finish(&[])
    }

    fn records_per_set(
        result: &ProcessingResult,
    ) -> Vec<(Option<&str>, &perfbox_guest::MetricValue)> {
        let metrics = result.metrics().iter().filter(|metric| metric.name() == "records_per_set");
        metrics.map(|metric| (metric.phase_name(), metric.value())).collect()
    }

    #[test]
    fn it_asks_for_no_column_that_it_does_not_read() {
        let wanted = ResultsAggregator::default().requirements();
        assert_eq!(wanted, Requirements::columns(["request_start_ns", "error_type"]));
    }

    #[test]
    fn no_records_are_an_error() {
        let error = aggregate(&[]).unwrap_err();
        assert_eq!(error, Error::invalid_input("no results to aggregate"));
    }

    #[test]
    fn one_set_is_counted() {
        let result = aggregate(&[set("profiling", &[0, 1_000]), set("profiling", &[2_000])]);
        let result = result.unwrap();
        assert_eq!(result.find("total_records"), Some(&3_u64.into()));
        assert_eq!(result.find("total_sets"), Some(&1_u64.into()));
        assert_eq!(records_per_set(&result), [(Some("profiling"), &3_u64.into())]);
    }

    #[test]
    fn many_sets_are_counted_one_by_one() {
        let result =
            aggregate(&[set("a", &[0]), set("b", &[1, 2]), set("c", &[3]), set("a", &[4])]);
        let result = result.unwrap();
        assert_eq!(result.find("total_records"), Some(&5_u64.into()));
        assert_eq!(result.find("total_sets"), Some(&3_u64.into()));
        assert_eq!(
            records_per_set(&result),
            [(Some("a"), &2_u64.into()), (Some("b"), &2_u64.into()), (Some("c"), &1_u64.into())]
        );
    }

    #[test]
    fn success_rate_is_a_fraction_of_all_sets_together() {
        let result = aggregate(&[set("a", &[0, 1, 2]), set("b", &[3])]).unwrap();
        assert_eq!(result.find("success_rate"), Some(&0.5.into()));
    }

    #[test]
    fn without_the_columns_no_request_failed_and_there_is_no_throughput() {
        let batch = BatchBuilder::new("profiling").f64s("other", "", [1.0, 2.0]).build();
        let result = aggregate(&[batch]).unwrap();
        assert_eq!(result.find("success_rate"), Some(&1.0.into()));
        assert_eq!(result.find("throughput_rps"), None);
    }

    #[test]
    fn throughput_is_records_over_the_span_of_their_starts() {
        // Out of order, and over both sets: 4 records from 0.5 s to 2.5 s.
        let result = aggregate(&[set("a", &[2_500, 500]), set("b", &[1_000, 2_000])]).unwrap();
        assert_eq!(result.find("throughput_rps"), Some(&2.0.into()));
    }

    #[test]
    fn fewer_than_two_records_have_no_throughput() {
        assert_eq!(aggregate(&[set("a", &[0])]).unwrap().find("throughput_rps"), None);
    }

    #[test]
    fn records_that_start_at_once_have_no_throughput() {
        assert_eq!(aggregate(&[set("a", &[7, 7])]).unwrap().find("throughput_rps"), None);
    }

    #[test]
    fn report_is_as_in_the_readme() {
        let result = aggregate(&[set("cold", &[0, 500, 1_000]), set("warm", &[2_000])]);
        let report = "Total records: 4\n\
                      Result sets: 2\n\
                      Records per set: cold 3, warm 1\n\
                      Success rate: 50.00%\n\
                      Throughput: 2.00 requests/sec";
        assert_eq!(result.unwrap().report_text(), Some(report));
        assert!(README.contains(report));
    }

    #[test]
    fn report_without_throughput_has_four_lines() {
        let result = aggregate(&[set("warmup", &[0])]).unwrap();
        assert_eq!(result.report_text().unwrap().lines().count(), 4);
    }
}
