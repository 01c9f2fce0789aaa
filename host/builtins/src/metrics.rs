use perfbox_guest::{
    Batch, Column, ColumnType, Distribution, Metric, MetricValue, NoConfig, PhaseBounds,
    PhaseSummary, ProcessingResult, Processor, Result, warn,
};

/// The processor `metrics`: for each phase, the distribution of every number that
/// the load tool recorded, then counts, totals and rates.
///
/// The rules and names are AIPerf's, so that its own summary of a run can be
/// recomputed: distributions stand on the records without an error, those of columns
/// named `error_…` on the records with one; lists are flattened; whole-number columns
/// are stamps, codes and flags and have no distribution. What the records of a phase
/// do not tell is left out.
///
/// It keeps 8 bytes a sample until the end.
#[derive(Debug, Default)]
pub struct Metrics {
    layout: Option<Layout>,
    phases: Vec<PhaseRecords>,
}

impl Processor for Metrics {
    type Config = NoConfig;

    fn new(_config: NoConfig) -> Result<Self> {
        Ok(Self::default())
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        let layout = self.layout.get_or_insert_with(|| Layout::of(batch));
        let name = batch.phase().name;
        let at = match self.phases.iter().position(|phase| phase.name == name) {
            Some(at) => at,
            None => {
                self.phases.push(PhaseRecords::new(name, layout));
                self.phases.len() - 1
            }
        };
        self.phases[at].add(batch, layout)
    }

    fn finish(mut self, phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let Some(layout) = self.layout else { return Ok(ProcessingResult::new()) };
        let mut result = ProcessingResult::new();
        for summary in phases {
            let found = self.phases.iter().position(|phase| phase.name == summary.phase.name);
            if let Some(at) = found {
                result = result.extend(self.phases.swap_remove(at).into_metrics(&layout, summary));
            }
        }
        Ok(result)
    }
}

/// The columns of the run that matter here.
#[derive(Debug)]
struct Layout {
    has_errors: bool,
    has_starts: bool,
    /// `request_latency` first, the others as the run has them.
    sampled: Vec<Sampled>,
}

/// A column whose values are samples.
#[derive(Debug)]
struct Sampled {
    name: String,
    unit: String,
    is_list: bool,
    /// Which records it stands on: true for those with an error.
    of_failed: bool,
}

impl Layout {
    fn of(batch: &Batch) -> Self {
        let columns = batch.columns();
        let has = |name: &str, column_type: ColumnType| {
            columns.iter().any(|column| column.name == name && column.type_ == column_type)
        };
        let has_errors = has("error_type", ColumnType::Text);
        let has_starts = has("request_start_ns", ColumnType::U64);
        let numbers = columns.into_iter().filter_map(|column| {
            let is_list = match column.type_ {
                ColumnType::F64 => false,
                ColumnType::F64List => true,
                ColumnType::U64 | ColumnType::Text => return None,
            };
            let of_failed = column.name.starts_with("error_");
            Some(Sampled { name: column.name, unit: column.unit, is_list, of_failed })
        });
        let mut sampled: Vec<_> = numbers.collect();
        sampled.sort_by_key(|column| column.name != "request_latency");
        Self { has_errors, has_starts, sampled }
    }
}

/// What is known of the records of one phase.
#[derive(Debug)]
struct PhaseRecords {
    name: String,
    succeeded: usize,
    failed: usize,
    span: Option<Span>,
    /// One list for each column of the layout.
    samples: Vec<Vec<f64>>,
}

/// From the first start of a request without an error to the last end of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start_ns: u64,
    end_ns: u64,
}

impl PhaseRecords {
    fn new(name: String, layout: &Layout) -> Self {
        let samples = vec![Vec::new(); layout.sampled.len()];
        Self { name, succeeded: 0, failed: 0, span: None, samples }
    }

    fn add(&mut self, batch: &Batch, layout: &Layout) -> Result<()> {
        let is_failed = if layout.has_errors {
            batch.texts("error_type")?.codes().rows().map(|code| code.is_some()).collect()
        } else {
            vec![false; batch.len()]
        };
        let failed = is_failed.iter().filter(|is_failed| **is_failed).count();
        let succeeded = is_failed.len() - failed;
        self.failed += failed;
        self.succeeded += succeeded;

        for (column, samples) in layout.sampled.iter().zip(&mut self.samples) {
            let wanted = if column.of_failed { failed } else { succeeded };
            if wanted == 0 {
                continue;
            }
            if column.is_list {
                let lists = batch.f64_lists(&column.name)?;
                for (list, is_failed) in lists.rows().zip(&is_failed) {
                    if let Some(list) = list
                        && *is_failed == column.of_failed
                    {
                        samples.extend_from_slice(list);
                    }
                }
                continue;
            }
            let values = batch.f64s(&column.name)?;
            if wanted == is_failed.len() && values.is_complete() {
                samples.extend_from_slice(values.as_slice());
            } else {
                let of_wanted = values.rows().zip(&is_failed);
                let of_wanted = of_wanted.filter(|(_, failed)| **failed == column.of_failed);
                samples.reserve(wanted);
                samples.extend(of_wanted.filter_map(|(value, _)| value));
            }
            if column.name == "request_latency" && layout.has_starts {
                let starts_ns = batch.u64s("request_start_ns")?;
                let is_whole = failed == 0 && starts_ns.is_complete() && values.is_complete();
                self.span = match is_whole {
                    true => Span::around_all(self.span, starts_ns.as_slice(), values.as_slice()),
                    false => Span::around(self.span, &starts_ns, &values, &is_failed),
                };
            }
        }
        Ok(())
    }

    fn into_metrics(self, layout: &Layout, summary: &PhaseSummary) -> Vec<Metric> {
        let sampled = layout.sampled.iter().zip(self.samples);
        let distributions: Vec<_> = sampled
            .filter_map(|(column, samples)| Some((column, Distribution::exact(samples)?)))
            .filter(|(column, distribution)| {
                if !distribution.is_finite() {
                    let (column, phase) = (&column.name, &self.name);
                    warn!("{column} of {phase} is left out: its values are too large to add up");
                }
                distribution.is_finite()
            })
            .collect();
        let sum = |name: &str| {
            let found = distributions.iter().find(|(column, _)| column.name == name);
            found.map(|(_, distribution)| distribution.sum)
        };
        let (succeeded, failed) = (self.succeeded as u64, self.failed as u64);
        let records = (succeeded + failed) as f64;
        let isl = sum("input_sequence_length");
        let osl = sum("output_sequence_length");
        let good = sum("good_request_count");
        let benchmark_s = self.span.map(|span| (span.end_ns - span.start_ns) as f64 / 1e9);

        let mut scalars = Scalars::new(summary);
        scalars.add("request_count", Some(succeeded), "requests");
        scalars.add("error_request_count", Some(failed), "requests");
        scalars.add("completed_request_count", Some(succeeded + failed), "requests");
        scalars.add("request_error_rate", Some(100.0 * failed as f64 / records), "%");
        scalars.add("total_isl", isl, "tokens");
        scalars.add("total_osl", osl, "tokens");
        scalars.add("benchmark_duration", benchmark_s, "sec");
        scalars.add_rate("request_throughput", Some(succeeded as f64), "requests/sec");
        scalars.add_rate("output_token_throughput", osl, "tokens/sec");
        scalars.add_rate("input_token_throughput", isl, "tokens/sec");
        let both = isl.zip(osl).map(|(isl, osl)| isl + osl);
        scalars.add_rate("total_token_throughput", both, "tokens/sec");
        scalars.add("good_request_count", good, "requests");
        scalars.add("good_request_fraction", good.map(|good| good / records), "ratio");
        scalars.add_rate("goodput", good, "requests/sec");
        scalars.add("total_error_isl", sum("error_isl"), "tokens");
        scalars.add("total_output_tokens", sum("output_token_count"), "tokens");
        scalars.add("total_usage_prompt_tokens", sum("usage_prompt_tokens"), "tokens");
        scalars.add("total_usage_completion_tokens", sum("usage_completion_tokens"), "tokens");
        scalars.add("total_usage_total_tokens", sum("usage_total_tokens"), "tokens");

        // A name stands for one thing: a column that is called as a scalar, such as the
        // counter `good_request_count`, gives no distribution beside it.
        let metrics = distributions.into_iter().filter(|(column, _)| !scalars.has(&column.name));
        let mut metrics: Vec<_> = metrics
            .map(|(column, distribution)| {
                Metric::new(&column.name, distribution, &column.unit).phase(&self.name)
            })
            .collect();
        metrics.append(&mut scalars.metrics);
        metrics
    }
}

impl Span {
    /// Takes the records without an error in that have a start and a latency.
    fn around(
        so_far: Option<Self>,
        starts_ns: &Column<u64>,
        latencies_ms: &Column<f64>,
        is_failed: &[bool],
    ) -> Option<Self> {
        let times = starts_ns.rows().zip(latencies_ms.rows()).zip(is_failed);
        let times = times.filter(|(_, is_failed)| !**is_failed);
        times
            .filter_map(|((start_ns, latency_ms), _)| start_ns.zip(latency_ms))
            .map(|(start_ns, latency_ms)| Self::of(start_ns, latency_ms))
            .fold(so_far, |so_far, span| Some(so_far.map_or(span, |so_far| so_far.and(span))))
    }

    /// Takes all records in, in strides: guests look at their deadline each time round a
    /// loop.
    fn around_all(so_far: Option<Self>, starts_ns: &[u64], latencies_ms: &[f64]) -> Option<Self> {
        const STRIDE: usize = 16;
        let mut span = match (so_far, starts_ns.first(), latencies_ms.first()) {
            (Some(span), ..) => span,
            (None, Some(start_ns), Some(latency_ms)) => Self::of(*start_ns, *latency_ms),
            (None, ..) => return None,
        };
        let (starts, last_starts) = starts_ns.as_chunks::<STRIDE>();
        let (latencies, last_latencies) = latencies_ms.as_chunks::<STRIDE>();
        for (starts, latencies) in starts.iter().zip(latencies) {
            for at in 0..STRIDE {
                span = span.and(Self::of(starts[at], latencies[at]));
            }
        }
        for (start, latency) in last_starts.iter().zip(last_latencies) {
            span = span.and(Self::of(*start, *latency));
        }
        Some(span)
    }

    fn of(start_ns: u64, latency_ms: f64) -> Self {
        Self { start_ns, end_ns: start_ns.saturating_add((latency_ms * 1e6).round() as u64) }
    }

    fn and(self, other: Self) -> Self {
        Self { start_ns: self.start_ns.min(other.start_ns), end_ns: self.end_ns.max(other.end_ns) }
    }
}

/// The scalars of one phase, those that can be had.
struct Scalars<'a> {
    phase: &'a str,
    duration_s: Option<f64>,
    basis: &'static str,
    metrics: Vec<Metric>,
}

impl<'a> Scalars<'a> {
    fn new(summary: &'a PhaseSummary) -> Self {
        let stats = &summary.stats;
        let bounds_ns = stats.start_ns.zip(stats.end_ns);
        let duration_ns = bounds_ns.and_then(|(start, end)| end.checked_sub(start));
        Self {
            phase: &summary.phase.name,
            duration_s: duration_ns.filter(|ns| *ns > 0).map(|ns| ns as f64 / 1e9),
            basis: match summary.bounds {
                PhaseBounds::Reported => "phase duration",
                PhaseBounds::FromRecords => "first request start to last request end",
            },
            metrics: Vec::new(),
        }
    }

    fn add(&mut self, name: &str, value: Option<impl Into<MetricValue>>, unit: &str) {
        let metric = value.map(|value| Metric::new(name, value, unit).phase(self.phase));
        self.metrics.extend(metric);
    }

    /// `amount` over the phase's duration.
    fn add_rate(&mut self, name: &str, amount: Option<f64>, unit: &str) {
        let metric = amount.zip(self.duration_s).map(|(amount, duration_s)| {
            Metric::new(name, amount / duration_s, unit).phase(self.phase).basis(self.basis)
        });
        self.metrics.extend(metric);
    }

    fn has(&self, name: &str) -> bool {
        self.metrics.iter().any(|metric| metric.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use perfbox_guest::testing::{self, BatchBuilder};

    use super::*;

    fn finish(batches: &[Batch], phases: &[PhaseSummary]) -> ProcessingResult {
        let mut metrics = Metrics::default();
        for batch in batches {
            metrics.process(batch).unwrap();
        }
        metrics.finish(phases).unwrap()
    }

    /// A phase of that many seconds.
    fn lasting(phase: &str, seconds: u64, bounds: PhaseBounds) -> PhaseSummary {
        let mut summary = testing::phase_summary(phase);
        summary.stats.start_ns = Some(5);
        summary.stats.end_ns = Some(5 + seconds * 1_000_000_000);
        summary.bounds = bounds;
        summary
    }

    fn of_one_phase(batch: BatchBuilder) -> ProcessingResult {
        finish(&[batch.build()], &[lasting("profiling", 2, PhaseBounds::Reported)])
    }

    fn distribution<'a>(result: &'a ProcessingResult, name: &str) -> &'a Distribution {
        match result.find(name) {
            Some(MetricValue::Distribution(distribution)) => distribution,
            other => panic!("`{name}` is {other:?}"),
        }
    }

    #[test]
    fn the_span_of_records_is_the_same_in_strides_and_one_by_one() {
        for count in [1, 15, 16, 17, 40] {
            let starts: Vec<u64> = (0..count).map(|n| 1_000 + n * 7919 % 41 * 1_000_000).collect();
            let latencies: Vec<f64> = (0..count).map(|n| (n * 31 % 17) as f64).collect();
            let end = starts.iter().zip(&latencies).map(|(start, ms)| *start as f64 + ms * 1e6);
            let first = *starts.iter().min().unwrap() as f64;
            let expected_s = (end.fold(0.0, f64::max) - first) / 1e9;
            let whole = BatchBuilder::new("profiling")
                .u64s("request_start_ns", "ns", starts.clone())
                .f64s("request_latency", "ms", latencies.clone());
            let missing = BatchBuilder::new("profiling")
                .u64s("request_start_ns", "ns", starts.into_iter().map(Some).chain([None]))
                .f64s("request_latency", "ms", latencies.into_iter().map(Some).chain([None]));
            for batch in [whole, missing] {
                let found = of_one_phase(batch).find("benchmark_duration").cloned();
                assert_eq!(found, Some(MetricValue::Number(expected_s)), "{count} records");
            }
        }
    }

    #[test]
    fn samples_too_large_to_add_up_cost_their_own_column_only() {
        let batch = BatchBuilder::new("profiling")
            .f64s("request_latency", "ms", [1e308, 1e308])
            .f64s("time_to_first_token", "ms", [1.0, 2.0]);
        let result = of_one_phase(batch);
        assert_eq!(result.find("request_latency"), None);
        assert_eq!(distribution(&result, "time_to_first_token").sum, 3.0);
    }

    fn number(result: &ProcessingResult, name: &str) -> Option<f64> {
        match result.find(name)? {
            MetricValue::Number(number) => Some(*number),
            MetricValue::Count(count) => Some(*count as f64),
            MetricValue::Distribution(_) => panic!("`{name}` is a distribution"),
        }
    }

    fn names(result: &ProcessingResult) -> Vec<&str> {
        result.metrics().iter().map(Metric::name).collect()
    }

    #[test]
    fn latency_of_a_failed_record_is_not_counted() {
        let result = of_one_phase(
            BatchBuilder::new("profiling")
                .f64s("request_latency", "ms", [10.0, 9000.0, 20.0])
                .texts("error_type", [None, Some("Timeout"), None]),
        );
        let latency = distribution(&result, "request_latency");
        assert_eq!((latency.count, latency.max), (2, 20.0));
        assert_eq!(number(&result, "request_count"), Some(2.0));
        assert_eq!(number(&result, "error_request_count"), Some(1.0));
        assert_eq!(number(&result, "completed_request_count"), Some(3.0));
        assert_eq!(number(&result, "request_error_rate"), Some(100.0 / 3.0));
    }

    #[test]
    fn error_columns_stand_on_failed_records() {
        let result = of_one_phase(
            BatchBuilder::new("profiling")
                .f64s("error_isl", "tokens", [Some(1.0), Some(30.0), None, Some(50.0)])
                .texts("error_type", [None, Some("Timeout"), Some("Timeout"), Some("503")]),
        );
        let isl = distribution(&result, "error_isl");
        assert_eq!((isl.count, isl.min, isl.max), (2, 30.0, 50.0));
        assert_eq!(number(&result, "total_error_isl"), Some(80.0));
    }

    #[test]
    fn lists_are_flattened_and_those_of_failed_records_left_out() {
        let lists = [Some(vec![1.0, 2.0]), Some(vec![]), None, Some(vec![99.0]), Some(vec![3.0])];
        let result = of_one_phase(
            BatchBuilder::new("profiling")
                .f64_lists("inter_chunk_latency", "ms", lists)
                .texts("error_type", [None, None, None, Some("Timeout"), None]),
        );
        let gaps = distribution(&result, "inter_chunk_latency");
        assert_eq!((gaps.count, gaps.sum, gaps.max), (3, 6.0, 3.0));
    }

    #[test]
    fn a_missing_value_is_not_zero() {
        let result = of_one_phase(BatchBuilder::new("profiling").f64s(
            "time_to_first_token",
            "ms",
            [Some(4.0), None, Some(6.0)],
        ));
        let ttft = distribution(&result, "time_to_first_token");
        assert_eq!((ttft.count, ttft.min, ttft.avg), (2, 4.0, 5.0));
    }

    #[test]
    fn a_column_without_a_sample_gives_no_metric() {
        let result = of_one_phase(
            BatchBuilder::new("profiling")
                .f64s("output_sequence_length", "tokens", [None, Some(9.0)])
                .f64s("error_isl", "tokens", [None::<f64>, None])
                .u64s("status", "", [200, 503])
                .texts("error_type", [None, Some("503")]),
        );
        let counts = ["request_count", "error_request_count", "completed_request_count"];
        assert_eq!(names(&result)[..3], counts);
        assert_eq!(names(&result)[3..], ["request_error_rate", "request_throughput"]);
    }

    #[test]
    fn totals_and_rates_are_made_of_what_the_records_have() {
        let tokens = |name: &str, batch: BatchBuilder| batch.f64s(name, "tokens", [3.0, 5.0]);
        let mut batch = BatchBuilder::new("profiling");
        for name in [
            "input_sequence_length",
            "output_sequence_length",
            "output_token_count",
            "usage_prompt_tokens",
            "usage_completion_tokens",
            "usage_total_tokens",
        ] {
            batch = tokens(name, batch);
        }
        let result = of_one_phase(batch.f64s("good_request_count", "requests", [0.0, 1.0]));
        let scalars: Vec<_> = result.metrics()[6..]
            .iter()
            .map(|metric| (metric.name(), number(&result, metric.name()).unwrap(), metric.unit()))
            .collect();
        assert_eq!(
            scalars,
            [
                ("request_count", 2.0, "requests"),
                ("error_request_count", 0.0, "requests"),
                ("completed_request_count", 2.0, "requests"),
                ("request_error_rate", 0.0, "%"),
                ("total_isl", 8.0, "tokens"),
                ("total_osl", 8.0, "tokens"),
                ("request_throughput", 1.0, "requests/sec"),
                ("output_token_throughput", 4.0, "tokens/sec"),
                ("input_token_throughput", 4.0, "tokens/sec"),
                ("total_token_throughput", 8.0, "tokens/sec"),
                ("good_request_count", 1.0, "requests"),
                ("good_request_fraction", 0.5, "ratio"),
                ("goodput", 0.5, "requests/sec"),
                ("total_output_tokens", 8.0, "tokens"),
                ("total_usage_prompt_tokens", 8.0, "tokens"),
                ("total_usage_completion_tokens", 8.0, "tokens"),
                ("total_usage_total_tokens", 8.0, "tokens"),
            ]
        );
    }

    #[test]
    fn good_requests_are_a_fraction_of_all_records_failed_ones_too() {
        let result = of_one_phase(
            BatchBuilder::new("profiling")
                .f64s("good_request_count", "requests", [Some(1.0), Some(0.0), Some(1.0), None])
                .texts("error_type", [None, None, None, Some("Timeout")]),
        );
        assert_eq!(number(&result, "good_request_fraction"), Some(0.5));
    }

    #[test]
    fn benchmark_duration_ends_with_the_last_latency_not_the_last_stamp() {
        let start_ns = 1_700_000_000_000_000_000;
        let result = of_one_phase(
            BatchBuilder::new("profiling")
                .u64s("request_start_ns", "ns", [start_ns + 500_000_000, start_ns, 7])
                .u64s("request_end_ns", "ns", [start_ns + 9_000_000_000, start_ns, 7])
                .f64s("request_latency", "ms", [1000.0, 1200.0, 1.0])
                .texts("error_type", [None, None, Some("Timeout")]),
        );
        assert_eq!(number(&result, "benchmark_duration"), Some(1.5));
    }

    #[test]
    fn a_rate_says_what_it_was_divided_by() {
        let throughput = |summary: PhaseSummary| {
            let batch = BatchBuilder::new("profiling").f64s("request_latency", "ms", [1.0; 8]);
            let result = finish(&[batch.build()], &[summary]);
            let mut metrics = result.metrics().iter();
            metrics.find(|metric| metric.name() == "request_throughput").cloned()
        };
        let rate = |basis: &str| {
            let metric = Metric::new("request_throughput", 4.0, "requests/sec");
            Some(metric.phase("profiling").basis(basis))
        };
        let reported = lasting("profiling", 2, PhaseBounds::Reported);
        assert_eq!(throughput(reported), rate("phase duration"));
        let from_records = lasting("profiling", 2, PhaseBounds::FromRecords);
        assert_eq!(throughput(from_records), rate("first request start to last request end"));
        assert_eq!(throughput(lasting("profiling", 0, PhaseBounds::Reported)), None);
        assert_eq!(throughput(testing::phase_summary("profiling")), None);
    }

    #[test]
    fn phases_are_kept_apart_and_come_in_the_order_of_the_run() {
        let batch = |phase: &str, latency_ms: f64| {
            BatchBuilder::new(phase).f64s("request_latency", "ms", [latency_ms]).build()
        };
        let batches = [batch("profiling", 1.0), batch("warmup", 50.0), batch("profiling", 2.0)];
        let phases = ["warmup", "profiling", "cooldown"].map(testing::phase_summary);
        let result = finish(&batches, &phases);
        let latencies: Vec<_> = result
            .metrics()
            .iter()
            .filter_map(|metric| match metric.value() {
                MetricValue::Distribution(d) => Some((metric.phase_name().unwrap(), d.sum)),
                _ => None,
            })
            .collect();
        assert_eq!(latencies, [("warmup", 50.0), ("profiling", 3.0)]);
    }

    #[test]
    fn latency_comes_first_then_the_columns_then_the_scalars() {
        let result = of_one_phase(
            BatchBuilder::new("profiling")
                .f64s("time_to_first_token", "ms", [1.0])
                .f64s("decode_duration", "ms", [1.0])
                .f64s("request_latency", "ms", [1.0]),
        );
        assert_eq!(
            names(&result)[..4],
            ["request_latency", "time_to_first_token", "decode_duration", "request_count"]
        );
    }

    #[test]
    fn batch_size_makes_no_difference_not_even_in_the_last_bit() {
        let latency_ms: Vec<f64> = (0..1000).map(|i| 0.1 * f64::from(i * 7919 % 1000)).collect();
        let result = |batch_size: usize| {
            let batches: Vec<_> = latency_ms
                .chunks(batch_size)
                .map(|chunk| {
                    let failed = |ms: &f64| (ms.fract() > 0.75).then_some("Timeout");
                    BatchBuilder::new("profiling")
                        .u64s("request_start_ns", "ns", chunk.iter().map(|ms| *ms as u64))
                        .f64s("request_latency", "ms", chunk.iter().copied())
                        .f64s("error_isl", "tokens", chunk.iter().map(|ms| ms / 3.0))
                        .f64_lists("gaps", "ms", chunk.iter().map(|ms| vec![ms / 7.0, ms / 9.0]))
                        .texts("error_type", chunk.iter().map(failed))
                        .build()
                })
                .collect();
            format!("{:?}", finish(&batches, &[lasting("profiling", 3, PhaseBounds::Reported)]))
        };
        let whole = result(1000);
        for batch_size in [1, 7, 64, 999] {
            assert_eq!(result(batch_size), whole);
        }
    }

    #[test]
    fn a_run_without_records_has_no_metrics() {
        let result = finish(&[], &[testing::phase_summary("profiling")]);
        assert_eq!(result, ProcessingResult::new());
    }
}
