use perfbox_guest::testing::{self, BatchBuilder};
use perfbox_guest::{MetricValue, PhaseBounds};

use super::*;

fn config() -> MetricsConfig {
    MetricsConfig {
        only: vec![],
        group_by: String::new(),
        include_errors: false,
        exact_memory: 1 << 30,
    }
}

fn finish(batches: &[Batch], phases: &[PhaseSummary]) -> ProcessingResult {
    let mut metrics = Metrics::new(config()).unwrap();
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
    let batch = BatchBuilder::new("profiling").f64s("request_latency", "ms", [1e308, 1e308]).f64s(
        "time_to_first_token",
        "ms",
        [1.0, 2.0],
    );
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
    assert_eq!(names(&result)[3..], ["request_error_rate", "request_throughput", "errors"]);
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

#[test]
fn failed_records_are_measured_where_that_is_asked_for() {
    let batch = || {
        BatchBuilder::new("profiling")
            .f64s("request_latency", "ms", [1.0, 20.0, 3.0])
            .f64s("error_isl", "tokens", [None, Some(7.0), None])
            .f64_lists("gaps", "ms", [vec![1.0], vec![5.0, 6.0], vec![]])
            .texts("error_type", [None, Some("500"), None])
            .build()
    };
    for (include_errors, latencies, gaps) in [(false, 2, 1), (true, 3, 3)] {
        let config = MetricsConfig { include_errors, ..config() };
        let mut metrics = Metrics::new(config).unwrap();
        metrics.process(&batch()).unwrap();
        let result = metrics.finish(&[lasting("profiling", 2, PhaseBounds::Reported)]).unwrap();
        assert_eq!(distribution(&result, "request_latency").count, latencies);
        assert_eq!(distribution(&result, "gaps").count, gaps);
        assert_eq!(distribution(&result, "error_isl").count, 1);
        assert_eq!(result.find("request_count"), Some(&MetricValue::Count(2)));
        assert_eq!(result.find("error_request_count"), Some(&MetricValue::Count(1)));
    }
}
