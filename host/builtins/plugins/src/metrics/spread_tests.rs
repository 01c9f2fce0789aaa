//! The same results however records are spread, exact and sketched; groups and choices.

use perfbox_guest::testing::{self, BatchBuilder};
use perfbox_guest::{ErrorKind, MetricValue};

use super::*;
use crate::shared::testing::{Random, merge, run};

fn config() -> MetricsConfig {
    MetricsConfig {
        only: vec![],
        group_by: String::new(),
        include_errors: false,
        exact_memory: 1 << 30,
    }
}

/// Start, latency, whether it failed, gaps, and one of three groups.
type Row = (u64, f64, bool, Vec<f64>, u64);

/// Two phases with latencies, lists, errors and groups, all with gaps.
fn batches(records: usize, batch_size: usize) -> Vec<Batch> {
    let mut random = Random(7);
    let rows: Vec<_> = (0..records)
        .map(|at| {
            let failed = random.unit() < 0.1;
            let gaps: Vec<f64> =
                (0..random.next() % 4).map(|_| random.latency_ms() / 9.0).collect();
            let latency_ms = random.latency_ms() - 2.0;
            (at as u64 * 1_000_000, latency_ms, failed, gaps, random.next() % 3)
        })
        .collect();
    let half = rows.len() / 3;
    let phases = [("warmup", &rows[..half]), ("profiling", &rows[half..])];
    let in_phases = phases
        .iter()
        .flat_map(|(phase, rows)| rows.chunks(batch_size).map(move |rows| (*phase, rows)));
    let batch = |(phase, rows): (&str, &[Row])| {
        let ttft = rows.iter().map(|row| (row.4 != 0).then_some(row.1 / 3.0));
        BatchBuilder::new(phase)
            .u64s("request_start_ns", "ns", rows.iter().map(|row| row.0))
            .f64s("request_latency", "ms", rows.iter().map(|row| row.1))
            .f64s("ttft", "ms", ttft)
            .f64_lists("gaps", "ms", rows.iter().map(|row| row.3.clone()))
            .u64s("status", "", rows.iter().map(|row| row.2.then_some(500 + row.4)))
            .texts("error_type", rows.iter().map(|row| row.2.then_some("Timeout")))
            .texts("name", rows.iter().map(|row| [None, Some("a"), Some("b")][row.4 as usize]))
            .build()
    };
    in_phases.map(batch).collect()
}

fn phases() -> [PhaseSummary; 2] {
    ["warmup", "profiling"].map(|name| {
        let mut phase = testing::phase_summary(name);
        (phase.stats.start_ns, phase.stats.end_ns) = (Some(5), Some(7_000_000_005));
        phase
    })
}

fn spread(config: &MetricsConfig, batches: &[Batch], instances: usize) -> ProcessingResult {
    let make = || Metrics::new(config.clone()).unwrap();
    run(make, batches, instances, &phases()).unwrap()
}

fn methods(result: &ProcessingResult) -> Vec<&str> {
    let distributions = result.metrics().iter().filter_map(|metric| match metric.value() {
        MetricValue::Distribution(distribution) => Some(distribution.method.as_str()),
        _ => None,
    });
    distributions.collect()
}

#[test]
fn results_are_the_same_however_records_are_spread() {
    let grouped = MetricsConfig { group_by: "name".to_owned(), ..config() };
    let named = MetricsConfig { only: vec!["gaps".to_owned()], ..config() };
    for config in [config(), grouped, named] {
        for (exact_memory, method) in [(1 << 30, "exact"), (50_000, "ddsketch"), (0, "ddsketch")] {
            let config = MetricsConfig { exact_memory, ..config.clone() };
            let whole = spread(&config, &batches(6000, 6000), 1);
            assert!(methods(&whole).len() > 1);
            assert!(methods(&whole).iter().all(|found| *found == method));
            let whole = format!("{whole:?}");
            for (batch_size, instances) in [(6000, 2), (1000, 1), (1000, 2), (97, 3), (500, 5)] {
                let result = spread(&config, &batches(6000, batch_size), instances);
                assert!(
                    format!("{result:?}") == whole,
                    "{instances} times {batch_size}: {config:?}"
                );
            }
        }
    }
}

#[test]
fn it_makes_no_difference_which_instance_merges_and_what_is_merged_already() {
    for exact_memory in [1 << 30, 60_000] {
        let config = MetricsConfig { exact_memory, ..config() };
        let batches = batches(3000, 300);
        let whole = format!("{:?}", spread(&config, &batches, 1));
        let of = |range: std::ops::Range<usize>| {
            let mut metrics = Metrics::new(config.clone()).unwrap();
            batches[range].iter().for_each(|batch| metrics.process(batch).unwrap());
            metrics
        };
        // The last but one is empty; the one that finishes comes from the end or the start.
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let mut parts =
                [Some(of(0..1)), Some(of(1..7)), Some(of(7..7)), Some(of(7..batches.len()))];
            let [mut a, b, mut c, d] = order.map(|at| parts[at].take().unwrap());
            merge(&mut a, b).unwrap();
            merge(&mut c, d).unwrap();
            merge(&mut a, c).unwrap();
            assert!(format!("{:?}", a.finish(&phases()).unwrap()) == whole, "{order:?}");
        }
    }
}

#[test]
fn a_series_of_many_parts_arrives_whole() {
    let count = 300_000_u64;
    let batch = |from: u64| {
        let values = (0..count).map(move |at| ((at * 7919 + from) % count) as f64);
        BatchBuilder::new("profiling").f64s("request_latency", "ms", values).build()
    };
    let two = [batch(0), batch(1)];
    let whole = spread(&config(), &two, 1);
    assert_eq!(format!("{:?}", spread(&config(), &two, 2)), format!("{whole:?}"));
    let mut metrics = Metrics::new(config()).unwrap();
    metrics.process(&two[0]).unwrap();
    let parts = std::iter::from_fn(|| metrics.save().unwrap()).map(|part| part.len());
    let parts: Vec<_> = parts.collect();
    assert_eq!(parts.len(), 2 + 3);
    assert!(parts.iter().all(|bytes| *bytes < 1_200_000), "{parts:?}");
}

#[test]
fn sketches_are_within_a_thousandth_of_exact() {
    let batch = |exact: bool| {
        let mut random = Random(3);
        let values: Vec<f64> = (0..100_000).map(|_| random.latency_ms()).collect();
        let config = MetricsConfig { exact_memory: if exact { 1 << 30 } else { 0 }, ..config() };
        let batch = BatchBuilder::new("profiling").f64s("request_latency", "ms", values).build();
        let result = spread(&config, &[batch], 1);
        match result.find("request_latency") {
            Some(MetricValue::Distribution(distribution)) => distribution.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (exact, sketched) = (batch(true), batch(false));
    assert_eq!((&exact.method[..], &sketched.method[..]), ("exact", "ddsketch"));
    assert_eq!((sketched.count, sketched.min, sketched.max), (100_000, exact.min, exact.max));
    for (found, expected) in
        [(sketched.sum, exact.sum), (sketched.avg, exact.avg), (sketched.std, exact.std)]
    {
        assert!((found / expected - 1.0).abs() < 1e-12, "{found} is not {expected}");
    }
    for (found, expected) in sketched.quantiles.iter().zip(&exact.quantiles) {
        assert!((found.value / expected.value - 1.0).abs() < 0.001, "{found:?} {expected:?}");
        assert_eq!(found.unreliable, expected.unreliable);
    }
}

#[test]
fn groups_stand_beside_the_whole_and_a_missing_name_is_a_group() {
    let config = MetricsConfig { group_by: "name".to_owned(), ..config() };
    let batch = BatchBuilder::new("profiling")
        .f64s("request_latency", "ms", [1.0, 2.0, 3.0, 4.0])
        .texts("error_type", [None, None, None, Some("Timeout")])
        .texts("name", [Some("b"), Some("a"), None, Some("b")])
        .build();
    let result = spread(&config, &[batch], 1);
    let found = |name: &str| {
        let named = result.metrics().iter().filter(|metric| metric.name() == name);
        let value = |metric: &Metric| {
            let group = metric.labels().iter().map(|(key, value)| format!("{key}={value}"));
            let value = match metric.value() {
                MetricValue::Count(count) => *count as f64,
                MetricValue::Number(number) => *number,
                MetricValue::Distribution(distribution) => distribution.sum,
            };
            (group.collect::<String>(), value)
        };
        named.map(value).collect::<Vec<_>>()
    };
    let expected = |values: [f64; 4]| {
        let groups = ["", "name=", "name=a", "name=b"].map(str::to_owned);
        groups.into_iter().zip(values).collect::<Vec<_>>()
    };
    assert_eq!(found("request_latency"), expected([6.0, 3.0, 2.0, 1.0]));
    assert_eq!(found("request_count"), expected([3.0, 1.0, 1.0, 1.0]));
    assert_eq!(found("error_request_count"), expected([1.0, 0.0, 0.0, 1.0]));
    assert_eq!(found("request_error_rate"), expected([25.0, 0.0, 0.0, 50.0]));
}

#[test]
fn more_than_a_thousand_groups_are_an_error_wherever_they_come_together() {
    let config = MetricsConfig { group_by: "name".to_owned(), ..config() };
    let names = |range: std::ops::Range<u64>| range.map(|at| at.to_string()).collect::<Vec<_>>();
    let batch = |range| {
        let names = names(range);
        BatchBuilder::new("profiling")
            .f64s("request_latency", "ms", vec![1.0; names.len()])
            .texts("name", names.iter().map(String::as_str))
            .build()
    };
    let expected = Error::invalid_input(
        "`group_by`: column `name` has more than 1000 values in phase `profiling`; choose one \
         with fewer",
    );
    let halves = [batch(0..600), batch(500..1001)];
    for instances in [1, 2] {
        let make = || Metrics::new(config.clone()).unwrap();
        assert_eq!(run(make, &halves, instances, &[]), Err(expected.clone()));
    }
    assert!(Metrics::new(config).unwrap().process(&batch(0..1000)).is_ok());
}

#[test]
fn a_choice_of_columns_leaves_out_what_it_does_not_tell() {
    let only = |names: &[&str]| {
        let only = names.iter().map(|name| (*name).to_owned()).collect();
        Metrics::new(MetricsConfig { only, ..config() }).unwrap()
    };
    let columns = ["error_type", "status", "request_start_ns", "request_latency", "ttft"];
    let wanted = only(&["ttft", "request_latency", "ttft"]).requirements();
    assert_eq!(wanted, Requirements::columns(columns).mergeable().exact_memory(1 << 30));
    let batch = BatchBuilder::new("profiling")
        .u64s("request_start_ns", "ns", [1_000])
        .f64s("request_latency", "ms", [4.0])
        .f64s("input_sequence_length", "tokens", [7.0])
        .f64s("ttft", "ms", [1.0])
        .build();
    let mut metrics = only(&["ttft"]);
    metrics.process(&batch).unwrap();
    let result = metrics.finish(&[testing::phase_summary("profiling")]).unwrap();
    let names: Vec<_> = result.metrics().iter().map(Metric::name).collect();
    assert_eq!(names[..2], ["ttft", "request_count"]);
    assert_eq!(names.last(), Some(&"benchmark_duration"));
    assert!(!names.contains(&"total_isl") && !names.contains(&"request_latency"));
}

#[test]
fn a_column_that_no_record_has_or_of_the_wrong_type_is_an_error() {
    let batch = BatchBuilder::new("profiling")
        .f64s("request_latency", "ms", [4.0])
        .u64s("status", "", [200])
        .texts("name", ["a"])
        .build();
    let error = |only: &str, group_by: &str| {
        let only = if only.is_empty() { vec![] } else { vec![only.to_owned()] };
        let config = MetricsConfig { only, group_by: group_by.to_owned(), ..config() };
        let mut metrics = Metrics::new(config).unwrap();
        let processed = metrics.process(&batch);
        let error = processed.and_then(|()| metrics.finish(&[])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    };
    assert_eq!(error("tftt", ""), "`only`: the records have no column `tftt`");
    assert_eq!(error("status", ""), "`only`: column `status` is not a column of numbers");
    assert_eq!(error("", "names"), "`group_by`: the records have no column `names`");
    assert_eq!(error("", "status"), "`group_by`: column `status` is not a column of text");
}

/// A column that comes up with a later batch, and not for every instance.
#[test]
fn later_columns_follow_by_name_however_the_batches_are_spread() {
    let batch = |later: &[&str]| {
        let first = BatchBuilder::new("profiling").f64s("z_first", "ms", [1.0, 2.0]).f64s(
            "request_latency",
            "ms",
            [4.0, 5.0],
        );
        later.iter().fold(first, |batch, name| batch.f64s(name, "ms", [7.0, 8.0])).build()
    };
    let later: [&[&str]; 5] = [&[], &["m_late"], &["a_late", "m_late"], &["k_late"], &[]];
    for exact_memory in [1 << 30, 0] {
        let config = MetricsConfig { exact_memory, ..config() };
        let whole = spread(&config, &later.map(batch), 1);
        let names: Vec<_> = whole.metrics().iter().map(Metric::name).collect();
        assert_eq!(names[..5], ["request_latency", "z_first", "a_late", "k_late", "m_late"]);
        for instances in [2, 3, 5] {
            assert_eq!(spread(&config, &later.map(batch), instances), whole);
        }
        let reversed = [4, 3, 2, 1, 0].map(|at| batch(later[at]));
        assert_eq!(spread(&config, &reversed, 2), whole);
    }
}

#[test]
fn without_a_choice_all_numbers_are_wanted() {
    let wanted = Metrics::new(config()).unwrap().requirements();
    let columns = ["error_type", "status", "request_start_ns"];
    assert_eq!(wanted, Requirements::numbers_and(columns).mergeable().exact_memory(1 << 30));
    let grouped = MetricsConfig { group_by: "name".to_owned(), ..config() };
    let columns = ["error_type", "status", "request_start_ns", "name"];
    let wanted = Metrics::new(grouped).unwrap().requirements();
    assert_eq!(wanted, Requirements::numbers_and(columns).mergeable().exact_memory(1 << 30));
}

#[test]
fn memory_is_not_negative() {
    let error = Metrics::new(MetricsConfig { exact_memory: -1, ..config() }).unwrap_err();
    assert_eq!(error.message(), "`exact_memory` is a number of bytes, not -1");
}

#[test]
fn negative_latencies_are_samples_and_end_where_they_start() {
    let batch = BatchBuilder::new("profiling")
        .u64s("request_start_ns", "ns", [2_000_000_000, 1_000_000_000])
        .f64s("request_latency", "ms", [-5000.0, -1.0])
        .build();
    let result = spread(&config(), &[batch], 1);
    assert_eq!(result.find("benchmark_duration"), Some(&MetricValue::Number(1.0)));
    let Some(MetricValue::Distribution(latency)) = result.find("request_latency") else { panic!() };
    assert_eq!((latency.min, latency.max), (-5000.0, -1.0));
}
