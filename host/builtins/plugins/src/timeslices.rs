use perfbox_guest::{
    Batch, Error, Metric, PhaseSummary, ProcessingResult, Processor, Requirements, Result,
};
use serde::Deserialize;

use crate::shared::columns::{self, Layout, Rows, START};
use crate::shared::failed::Failed;
use crate::shared::rates::Scalars;
use crate::shared::series::Series;
use crate::shared::table::{self, Cell, Counts, Table};

/// Slices from the first to the last of a phase, at most.
const MOST_SLICES: u64 = 10_000;

/// The processor `timeslices`: for each phase and slice of time, by when requests were
/// sent, how many there were, how many a second, and how they were distributed.
///
/// Slices begin at multiples of their length since the Unix epoch, so that they do not
/// depend on which record comes first; a phase's first and last slice are in part
/// outside of it. A slice without a record has counts of 0 and no distribution. Records
/// without a start are in none. Which samples count is as in `metrics`.
#[derive(Debug)]
pub struct Timeslices {
    slice_ns: u64,
    slice_s: f64,
    only: Vec<String>,
    exact_memory: u64,
    /// By phase and number of the slice since the epoch.
    samples: Table<u64>,
}

/// The parameters of [`Timeslices`].
#[derive(Debug, Clone, Deserialize)]
pub struct TimeslicesConfig {
    /// Length of a slice in seconds.
    pub slice: f64,
    /// Columns to have distributions of; empty: all of numbers.
    pub only: Vec<String>,
    /// Bytes of samples, over all instances, beyond which sketches are kept.
    pub exact_memory: i64,
}

impl Processor for Timeslices {
    type Config = TimeslicesConfig;

    fn new(config: TimeslicesConfig) -> Result<Self> {
        let slice_ns = (config.slice * 1e9).round();
        // Up to about 292 years.
        if !(1.0..=i64::MAX as f64).contains(&slice_ns) {
            return Err(Error::invalid_config(format!(
                "`slice` is a length in seconds, such as 0.5, not {}",
                config.slice
            )));
        }
        let exact_memory = table::exact_memory(config.exact_memory)?;
        Ok(Self {
            slice_ns: slice_ns as u64,
            slice_s: slice_ns / 1e9,
            only: config.only,
            exact_memory,
            samples: Table::new(false, exact_memory),
        })
    }

    fn requirements(&self) -> Requirements {
        let always = [Failed::COLUMN, START];
        let required = match self.only.is_empty() {
            true => Requirements::numbers_and(always),
            false => {
                let named = self.only.iter().map(String::as_str);
                Requirements::columns(columns::distinct(always.into_iter().chain(named)))
            }
        };
        required.mergeable().exact_memory(self.exact_memory)
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        let phase = self.samples.begin(batch, &self.only)?;
        let starts_ns = batch.u64s(START)?;
        let slices = || starts_ns.iter().map(|start_ns| start_ns / self.slice_ns);
        let Some((first, last)) = slices().min().zip(slices().max()) else { return Ok(()) };
        self.check_range(phase, first, last)?;
        let mut latest = None;
        let place = |start_ns: Option<u64>| {
            let slice = start_ns? / self.slice_ns;
            match latest {
                Some((known, place)) if known == slice => Some(place),
                _ => {
                    let place = self.samples.place(phase, &slice) as u32;
                    latest = Some((slice, place));
                    Some(place)
                }
            }
        };
        let rows = Rows::Each(starts_ns.rows().map(place).collect());
        self.samples.add(batch, phase, &Failed::of(batch)?, &rows)
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>> {
        Ok(self.samples.save())
    }

    fn merge(&mut self, part: &[u8]) -> Result<()> {
        self.samples.merge(part)?;
        for phase in 0..self.samples.phases.len() {
            let places = &self.samples.phases[phase].places;
            if let (Some((first, _)), Some((last, _))) =
                (places.first_key_value(), places.last_key_value())
            {
                self.check_range(phase, *first, *last)?;
            }
        }
        Ok(())
    }

    fn finish(mut self, phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let layout = std::mem::take(&mut self.samples.layout);
        layout.check_met("only", &self.only)?;
        let mut result = ProcessingResult::new();
        for summary in phases {
            result = result.extend(self.metrics_of(summary, &layout));
        }
        Ok(result)
    }
}

impl Timeslices {
    /// Refuses slices, together with those that the phase has, that are too many.
    fn check_range(&self, phase: usize, first: u64, last: u64) -> Result<()> {
        let phase = &self.samples.phases[phase];
        let first = phase.places.keys().next().map_or(first, |known| first.min(*known));
        let last = phase.places.keys().next_back().map_or(last, |known| last.max(*known));
        let slices = last - first + 1;
        if slices <= MOST_SLICES {
            return Ok(());
        }
        // In whole seconds and a little more than needed: slices shift with their length.
        let needed_s = (slices as f64 * self.slice_s / (MOST_SLICES - 1) as f64).ceil();
        Err(Error::invalid_input(format!(
            "phase `{}` has {slices} slices or more of {} s, and {MOST_SLICES} are the most; \
             set `slice` to {needed_s} or more",
            phase.name, self.slice_s
        )))
    }

    fn metrics_of(&mut self, summary: &PhaseSummary, layout: &Layout) -> Vec<Metric> {
        let Some(mut phase) = self.samples.take(&summary.phase.name) else { return Vec::new() };
        let (Some(first), Some(last)) =
            (phase.places.keys().next().copied(), phase.places.keys().next_back().copied())
        else {
            return Vec::new();
        };
        let mut metrics = Vec::new();
        for slice in first..=last {
            let place = phase.places.get(&slice);
            let none = Cell { counts: Counts::default(), series: Vec::new() };
            let cell = place.map_or(none, |place| {
                let cell = &mut phase.cells[*place];
                Cell { counts: cell.counts, series: std::mem::take(&mut cell.series) }
            });
            let mut scalars = Scalars::new(summary)
                .labelled("slice", (slice - first).to_string())
                .labelled("start_ns", (slice * self.slice_ns).to_string());
            let mut series = cell.series;
            series.resize_with(layout.sampled.len(), || Series::new(false));
            for at in layout.in_order() {
                let column = &layout.sampled[at];
                let series = std::mem::replace(&mut series[at], Series::new(false));
                let distribution = series.into_distribution();
                let distribution = distribution.filter(|distribution| distribution.is_finite());
                scalars.add(&column.name, distribution, &column.unit);
            }
            let Counts { succeeded, failed, .. } = cell.counts;
            scalars.add("request_count", Some(succeeded), "requests");
            scalars.add("error_request_count", Some(failed), "requests");
            let throughput = scalars.metric(
                "request_throughput",
                succeeded as f64 / self.slice_s,
                "requests/sec",
            );
            scalars.metrics.push(throughput.basis("slice"));
            metrics.append(&mut scalars.metrics);
        }
        metrics
    }
}

#[cfg(test)]
mod tests {
    use perfbox_guest::MetricValue;
    use perfbox_guest::testing::{self, BatchBuilder};

    use super::*;
    use crate::shared::testing::{Random, run};

    const SECOND: u64 = 1_000_000_000;

    fn config() -> TimeslicesConfig {
        TimeslicesConfig {
            slice: 1.0,
            only: vec!["request_latency".to_owned()],
            exact_memory: 1 << 30,
        }
    }

    fn spread(config: &TimeslicesConfig, batches: &[Batch], n: usize) -> Result<ProcessingResult> {
        let make = || Timeslices::new(config.clone()).unwrap();
        run(make, batches, n, &["warmup", "profiling"].map(testing::phase_summary))
    }

    fn at(starts_ns: &[u64]) -> Batch {
        BatchBuilder::new("profiling")
            .u64s("request_start_ns", "ns", starts_ns.to_vec())
            .f64s("request_latency", "ms", (0..starts_ns.len()).map(|n| n as f64))
            .build()
    }

    #[test]
    fn each_slice_has_its_own_counts_and_distributions_and_empty_ones_none() {
        let batch = BatchBuilder::new("profiling")
            .u64s(
                "request_start_ns",
                "ns",
                [
                    Some(12 * SECOND - 1),
                    Some(12 * SECOND),
                    Some(14 * SECOND),
                    Some(12 * SECOND + 5),
                    None,
                ],
            )
            .f64s("request_latency", "ms", [1.0, 2.0, 4.0, 8.0, 16.0])
            .f64s("ttft", "ms", [1.0; 5])
            .texts("error_type", [None, None, None, Some("Timeout"), None])
            .build();
        let result = spread(&config(), &[batch], 1).unwrap();
        let rows: Vec<_> = result
            .metrics()
            .iter()
            .map(|metric| {
                let value = match metric.value() {
                    MetricValue::Count(count) => *count as f64,
                    MetricValue::Number(number) => *number,
                    MetricValue::Distribution(distribution) => distribution.sum,
                };
                let labels = metric.labels().iter().map(|(key, value)| format!("{key}={value}"));
                let labels: Vec<_> = labels.collect();
                format!("{} {} {value}", metric.name(), labels.join(" "))
            })
            .collect();
        assert_eq!(
            rows,
            [
                "request_latency slice=0 start_ns=11000000000 1",
                "request_count slice=0 start_ns=11000000000 1",
                "error_request_count slice=0 start_ns=11000000000 0",
                "request_throughput slice=0 start_ns=11000000000 1",
                "request_latency slice=1 start_ns=12000000000 2",
                "request_count slice=1 start_ns=12000000000 1",
                "error_request_count slice=1 start_ns=12000000000 1",
                "request_throughput slice=1 start_ns=12000000000 1",
                "request_count slice=2 start_ns=13000000000 0",
                "error_request_count slice=2 start_ns=13000000000 0",
                "request_throughput slice=2 start_ns=13000000000 0",
                "request_latency slice=3 start_ns=14000000000 4",
                "request_count slice=3 start_ns=14000000000 1",
                "error_request_count slice=3 start_ns=14000000000 0",
                "request_throughput slice=3 start_ns=14000000000 1",
            ]
        );
    }

    #[test]
    fn throughput_is_by_second_whatever_the_slice() {
        let config = TimeslicesConfig { slice: 0.25, ..config() };
        let result = spread(&config, &[at(&[SECOND, SECOND + 1, SECOND + 2])], 1).unwrap();
        assert_eq!(result.find("request_throughput"), Some(&MetricValue::Number(12.0)));
    }

    #[test]
    fn results_are_the_same_however_records_are_spread() {
        let mut random = Random(2);
        let records: Vec<_> =
            (0..4000).map(|_| (random.next() % (20 * SECOND), random.latency_ms())).collect();
        let batches = |size: usize| {
            let mut so_far = 0;
            let batch = |chunk: &[(u64, f64)]| {
                let phase = if so_far < 900 { "warmup" } else { "profiling" };
                so_far += chunk.len() as u64;
                BatchBuilder::new(phase)
                    .u64s("request_start_ns", "ns", chunk.iter().map(|record| record.0))
                    .f64s("request_latency", "ms", chunk.iter().map(|record| record.1))
                    .build()
            };
            records.chunks(size).map(batch).collect::<Vec<_>>()
        };
        for (exact_memory, method) in [(1 << 30, "exact"), (9000, "ddsketch")] {
            let config = TimeslicesConfig { exact_memory, only: vec![], ..config() };
            let whole = spread(&config, &batches(100), 1).unwrap();
            let Some(MetricValue::Distribution(latency)) = whole.find("request_latency") else {
                panic!()
            };
            assert_eq!(latency.method, method);
            let whole = format!("{whole:?}");
            for (size, instances) in [(100, 2), (50, 3), (10, 5)] {
                let result = spread(&config, &batches(size), instances).unwrap();
                assert!(format!("{result:?}") == whole, "{instances} times {size}");
            }
        }
    }

    #[test]
    fn too_many_slices_are_answered_with_a_length_that_is_enough() {
        let fits = [at(&[0]), at(&[9999 * SECOND])];
        assert_eq!(spread(&config(), &fits, 2).unwrap().metrics().len(), 30_002);
        let too_far = [at(&[0]), at(&[25_000 * SECOND])];
        for instances in [1, 2] {
            let error = spread(&config(), &too_far, instances).unwrap_err();
            assert_eq!(
                error.message(),
                "phase `profiling` has 25001 slices or more of 1 s, and 10000 are the most; set \
                 `slice` to 3 or more"
            );
        }
        let longer = TimeslicesConfig { slice: 3.0, ..config() };
        assert!(spread(&longer, &too_far, 1).is_ok());
    }

    #[test]
    fn a_slice_has_a_length() {
        for slice in [0.0, -1.0, f64::NAN, 1e300, 1e-10] {
            let error = Timeslices::new(TimeslicesConfig { slice, ..config() }).unwrap_err();
            let expected = format!("`slice` is a length in seconds, such as 0.5, not {slice}");
            assert_eq!(error.message(), expected);
        }
    }

    #[test]
    fn only_what_is_named_is_read() {
        let wanted = |config| Timeslices::new(config).unwrap().requirements();
        let columns = ["error_type", "request_start_ns", "request_latency"];
        assert_eq!(
            wanted(config()),
            Requirements::columns(columns).mergeable().exact_memory(1 << 30)
        );
        let all = TimeslicesConfig { only: vec![], ..config() };
        let columns = ["error_type", "request_start_ns"];
        assert_eq!(
            wanted(all),
            Requirements::numbers_and(columns).mergeable().exact_memory(1 << 30)
        );
    }
}
