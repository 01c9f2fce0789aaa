mod bound;

use std::collections::BTreeMap;

use perfbox_guest::{
    Batch, Error, PhaseSummary, ProcessingResult, Processor, Requirements, Result,
};
use serde::Deserialize;

use crate::shared::columns;
use crate::shared::failed::Failed;
use crate::shared::rates::Scalars;
use crate::shared::wire::{Reader, Writer, unreadable};
use bound::Bound;

/// The processor `slo`: for each phase, how many requests were good, which is to meet
/// every bound, and how many met each.
///
/// As AIPerf counts goodput, shares are of all records: one with an error, a cancelled
/// one too, is never good and meets nothing, nor does one without the metric.
#[derive(Debug)]
pub struct Slo {
    bounds: Vec<Bound>,
    /// By phase.
    tallies: BTreeMap<String, Tally>,
    is_saved: bool,
}

/// The parameters of [`Slo`].
#[derive(Debug, Clone, Deserialize)]
pub struct SloConfig {
    /// Such as `request_latency<=2000`, in the metric's own unit.
    pub bounds: Vec<String>,
}

#[derive(Debug, Default, Clone)]
struct Tally {
    records: u64,
    good: u64,
    /// By bound.
    met: Vec<u64>,
    /// By bound, whether a batch had its metric.
    has_metric: Vec<bool>,
}

impl Tally {
    fn fit(&mut self, bounds: usize) {
        self.met.resize(bounds, 0);
        self.has_metric.resize(bounds, false);
    }
}

impl Processor for Slo {
    type Config = SloConfig;

    fn new(config: SloConfig) -> Result<Self> {
        let bounds = config.bounds.iter().map(|text| Bound::parse(text));
        let bounds = bounds.collect::<Result<Vec<_>>>()?;
        if bounds.is_empty() {
            return Err(Error::invalid_config(
                "`bounds` is empty; name one or more, such as `time_to_first_token<=200`",
            ));
        }
        let twice = (1..bounds.len()).find(|at| bounds[..*at].contains(&bounds[*at]));
        if let Some(at) = twice {
            return Err(Error::invalid_config(format!("`bounds` has `{}` twice", bounds[at])));
        }
        Ok(Self { bounds, tallies: BTreeMap::new(), is_saved: false })
    }

    fn requirements(&self) -> Requirements {
        let bounds = self.bounds.iter().map(|bound| bound.column.as_str());
        let names = columns::distinct([Failed::COLUMN].into_iter().chain(bounds));
        Requirements::columns(names).mergeable()
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        let failed = Failed::of(batch)?;
        let tally = self.tallies.entry(batch.phase().name.clone()).or_default();
        tally.fit(self.bounds.len());
        tally.records += failed.rows.len() as u64;
        let mut is_good: Vec<bool> = failed.rows.iter().map(|is_failed| !is_failed).collect();
        let tallied = tally.met.iter_mut().zip(&mut tally.has_metric);
        for (bound, (met, has_metric)) in self.bounds.iter().zip(tallied) {
            let Some(is_met) = bound.met(batch)? else {
                is_good.fill(false);
                continue;
            };
            *has_metric = true;
            let met_by = is_met.iter().zip(&failed.rows).filter(|(met, failed)| **met && !**failed);
            *met += met_by.count() as u64;
            is_good.iter_mut().zip(is_met).for_each(|(is_good, is_met)| *is_good &= is_met);
        }
        tally.good += is_good.into_iter().filter(|is_good| *is_good).count() as u64;
        Ok(())
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>> {
        if self.is_saved {
            return Ok(None);
        }
        self.is_saved = true;
        let mut writer = Writer::default();
        for (phase, tally) in &self.tallies {
            writer.text(phase);
            writer.u64(tally.records);
            writer.u64(tally.good);
            writer.usize(tally.met.len());
            tally.met.iter().for_each(|met| writer.u64(*met));
            tally.has_metric.iter().for_each(|has| writer.bool(*has));
        }
        Ok(Some(writer.bytes))
    }

    fn merge(&mut self, part: &[u8]) -> Result<()> {
        let mut reader = Reader::new(part);
        while !reader.is_empty() {
            let tally = self.tallies.entry(reader.text()?).or_default();
            tally.fit(self.bounds.len());
            tally.records += reader.u64()?;
            tally.good += reader.u64()?;
            if reader.usize()? != tally.met.len() {
                return Err(unreadable());
            }
            for met in &mut tally.met {
                *met += reader.u64()?;
            }
            for has_metric in &mut tally.has_metric {
                *has_metric |= reader.bool()?;
            }
        }
        Ok(())
    }

    fn finish(self, phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        for (at, bound) in self.bounds.iter().enumerate() {
            if !self.tallies.is_empty() && !self.tallies.values().any(|tally| tally.has_metric[at])
            {
                return Err(columns::no_column("bounds", &bound.column));
            }
        }
        let mut result = ProcessingResult::new();
        for summary in phases {
            let Some(tally) = self.tallies.get(&summary.phase.name) else { continue };
            let share = |count: u64| count as f64 / tally.records as f64;
            let mut scalars = Scalars::new(summary);
            scalars.add("slo_good_request_count", Some(tally.good), "requests");
            scalars.add("slo_good_request_fraction", Some(share(tally.good)), "ratio");
            scalars.add_rate("slo_goodput", Some(tally.good as f64), "requests/sec");
            for (bound, met) in self.bounds.iter().zip(&tally.met) {
                let metric = scalars.metric("slo_bound_met_fraction", share(*met), "ratio");
                scalars.metrics.push(metric.label("bound", bound.to_string()));
            }
            result = result.extend(scalars.metrics);
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use perfbox_guest::testing::{self, BatchBuilder};
    use perfbox_guest::{Metric, PhaseBounds};

    use super::*;
    use crate::shared::testing::{Random, run};

    fn config(bounds: &[&str]) -> SloConfig {
        SloConfig { bounds: bounds.iter().map(|bound| (*bound).to_owned()).collect() }
    }

    fn spread(bounds: &[&str], batches: &[Batch], instances: usize) -> ProcessingResult {
        let make = || Slo::new(config(bounds)).unwrap();
        let phases = ["warmup", "profiling"].map(|name| {
            let mut phase = testing::phase_summary(name);
            (phase.stats.start_ns, phase.stats.end_ns) = (Some(0), Some(4_000_000_000));
            phase.bounds = PhaseBounds::Reported;
            phase
        });
        run(make, batches, instances, &phases).unwrap()
    }

    #[test]
    fn good_requests_meet_every_bound_and_are_a_share_of_all_records() {
        let batch = BatchBuilder::new("profiling")
            .f64s("ttft", "ms", [Some(1.0), Some(9.0), None, Some(1.0), Some(2.0)])
            .f64s("request_latency", "ms", [10.0, 10.0, 10.0, 10.0, 99.0])
            .texts("error_type", [None, None, None, Some("cancelled"), None])
            .build();
        let result = spread(&["ttft<=2", "request_latency<50"], &[batch], 1);
        let metric = |name, value: f64, unit| Metric::new(name, value, unit).phase("profiling");
        let met =
            |share, bound| metric("slo_bound_met_fraction", share, "ratio").label("bound", bound);
        let expected = [
            Metric::new("slo_good_request_count", 1_u64, "requests").phase("profiling"),
            metric("slo_good_request_fraction", 0.2, "ratio"),
            metric("slo_goodput", 0.25, "requests/sec").basis("phase duration"),
            met(0.4, "ttft<=2"),
            met(0.6, "request_latency<50"),
        ];
        assert_eq!(result.metrics(), expected);
    }

    #[test]
    fn results_are_the_same_however_records_are_spread() {
        let batches = |size: usize| {
            let mut random = Random(4);
            let values: Vec<f64> = (0..2000).map(|_| random.latency_ms()).collect();
            let batch = |(at, chunk): (usize, &[f64])| {
                BatchBuilder::new(if at * size < 500 { "warmup" } else { "profiling" })
                    .f64s("request_latency", "ms", chunk.to_vec())
                    .texts("error_type", chunk.iter().map(|ms| (*ms > 300.0).then_some("Slow")))
                    .build()
            };
            values.chunks(size).enumerate().map(batch).collect::<Vec<_>>()
        };
        let bounds = ["request_latency<=80", "request_latency>3"];
        let whole = spread(&bounds, &batches(500), 1);
        assert_eq!(whole.metrics().len(), 10);
        for (size, instances) in [(100, 1), (100, 2), (250, 3), (500, 7)] {
            assert_eq!(spread(&bounds, &batches(size), instances), whole);
        }
    }

    #[test]
    fn whole_numbers_have_bounds_too() {
        let batch = BatchBuilder::new("profiling").u64s("status", "", [200, 404]).build();
        let result = spread(&["status<400"], &[batch], 1);
        assert_eq!(result.find("slo_good_request_fraction"), Some(&0.5.into()));
    }

    #[test]
    fn bounds_that_say_nothing_are_refused() {
        let error = |bounds: &[&str]| Slo::new(config(bounds)).unwrap_err().to_string();
        assert_eq!(
            error(&[]),
            "`bounds` is empty; name one or more, such as `time_to_first_token<=200`"
        );
        assert_eq!(error(&["a<=2", "b<1", "a <= 2.0"]), "`bounds` has `a<=2` twice");
    }

    #[test]
    fn a_metric_that_no_record_has_or_of_the_wrong_type_is_an_error() {
        let batch = BatchBuilder::new("profiling")
            .f64s("request_latency", "ms", [1.0])
            .texts("name", ["a"])
            .build();
        let error = |bound: &str| {
            let mut slo = Slo::new(config(&[bound])).unwrap();
            let processed = slo.process(&batch);
            processed.and_then(|()| slo.finish(&[])).unwrap_err().to_string()
        };
        assert_eq!(error("ttft<1"), "`bounds`: the records have no column `ttft`");
        assert_eq!(error("name<1"), "`bounds`: column `name` is not a column of numbers");
    }
}
