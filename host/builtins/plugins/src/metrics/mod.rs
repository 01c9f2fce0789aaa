mod errors;
mod scalars;

use std::collections::BTreeMap;

use perfbox_guest::{
    Batch, ColumnType, Distribution, Error, Metric, PhaseSummary, ProcessingResult, Processor,
    Requirements, Result, warn,
};
use serde::Deserialize;

use crate::shared::columns::{self, LATENCY, Layout, Rows, START, Sampled};
use crate::shared::failed::Failed;
use crate::shared::rates::Scalars;
use crate::shared::series::Series;
use crate::shared::shown::as_label;
use crate::shared::table::{self, Counts, Table};
use crate::shared::wire::{Reader, Writer, unreadable};
use errors::Errors;

/// Groups that a phase has at most.
const MOST_GROUPS: usize = 1000;

/// What a part of the state ends with.
const ERRORS: u8 = 0;
const TABLE: u8 = 1;

/// The processor `metrics`: for each phase, the distribution of every number that
/// the load tool recorded, then counts, totals, rates, and errors by sort.
///
/// The rules and names are AIPerf's, so that its own summary of a run can be
/// recomputed: distributions stand on the records without an error, those of columns
/// named `error_…` on the records with one; lists are flattened; whole-number columns
/// are stamps, codes and flags and have no distribution. What the records of a phase
/// do not tell is left out.
///
/// It keeps 8 bytes a sample until the end, or sketches once these are more than
/// `exact_memory`. The result is the same however the records are spread over instances.
#[derive(Debug)]
pub struct Metrics {
    only: Vec<String>,
    group_by: String,
    include_errors: bool,
    exact_memory: u64,
    /// Whether a batch had the column `group_by`.
    has_groups: bool,
    /// By phase and group; without groups there is one, named as nothing.
    samples: Table<String>,
    /// By phase.
    errors: BTreeMap<String, Errors>,
    are_errors_saved: bool,
}

/// The parameters of [`Metrics`].
#[derive(Debug, Clone, Deserialize)]
pub struct MetricsConfig {
    /// Columns to have distributions of; empty: all of numbers.
    pub only: Vec<String>,
    /// Column of text by which records are grouped as well; empty: none.
    pub group_by: String,
    /// Distributions stand on records with an error too.
    pub include_errors: bool,
    /// Bytes of samples, over all instances, beyond which sketches are kept.
    pub exact_memory: i64,
}

impl Processor for Metrics {
    type Config = MetricsConfig;

    fn new(config: MetricsConfig) -> Result<Self> {
        let exact_memory = table::exact_memory(config.exact_memory)?;
        Ok(Self {
            only: config.only,
            group_by: config.group_by,
            include_errors: config.include_errors,
            exact_memory,
            has_groups: false,
            samples: Table::new(true, exact_memory),
            errors: BTreeMap::new(),
            are_errors_saved: false,
        })
    }

    fn requirements(&self) -> Requirements {
        let always = [Failed::COLUMN, errors::STATUS, START];
        let group_by = Some(self.group_by.as_str()).filter(|column| !column.is_empty());
        let names = always.into_iter().chain(group_by);
        let required = match self.only.is_empty() {
            true => Requirements::numbers_and(columns::distinct(names)),
            false => {
                let named = self.only.iter().map(String::as_str);
                Requirements::columns(columns::distinct(names.chain([LATENCY]).chain(named)))
            }
        };
        required.mergeable().exact_memory(self.exact_memory)
    }

    fn process(&mut self, batch: &Batch) -> Result<()> {
        let phase = self.samples.begin(batch, &self.only)?;
        let failed = Failed::of(batch)?;
        let failed = if self.include_errors { failed.measured_too() } else { failed };
        let rows = match self.group_by.is_empty() {
            true => Rows::All(self.samples.place(phase, &String::new())),
            false => Rows::Each(self.groups_of(batch, phase)?),
        };
        self.samples.add(batch, phase, &failed, &rows)?;
        if failed.count > 0 {
            self.errors.entry(batch.phase().name.clone()).or_default().add(batch)?;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>> {
        if !self.are_errors_saved {
            self.are_errors_saved = true;
            let mut writer = Writer::default();
            writer.bool(self.has_groups);
            for (phase, errors) in &self.errors {
                writer.text(phase);
                errors.write(&mut writer);
            }
            writer.bytes.push(ERRORS);
            return Ok(Some(writer.bytes));
        }
        let part = self.samples.save();
        Ok(part.map(|mut part| {
            part.push(TABLE);
            part
        }))
    }

    fn merge(&mut self, part: &[u8]) -> Result<()> {
        match part.split_last() {
            Some((&TABLE, part)) => {
                self.samples.merge(part)?;
                let mut phases = self.samples.phases.iter();
                phases.try_for_each(|phase| self.check_groups(&phase.name, phase.cells.len()))
            }
            Some((&ERRORS, part)) => {
                let mut reader = Reader::new(part);
                self.has_groups |= reader.bool()?;
                while !reader.is_empty() {
                    self.errors.entry(reader.text()?).or_default().merge(&mut reader)?;
                }
                Ok(())
            }
            _ => Err(unreadable()),
        }
    }

    fn finish(mut self, phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let layout = std::mem::take(&mut self.samples.layout);
        layout.check_met("only", &self.only)?;
        if layout.has_batches() && !self.group_by.is_empty() && !self.has_groups {
            return Err(columns::no_column("group_by", &self.group_by));
        }
        let mut result = ProcessingResult::new();
        for summary in phases {
            result = result.extend(self.metrics_of(summary, &layout));
        }
        Ok(result)
    }
}

impl Metrics {
    /// Where each record of the batch belongs.
    fn groups_of(&mut self, batch: &Batch, phase: usize) -> Result<Vec<Option<u32>>> {
        let name = &self.group_by;
        let found = columns::find(batch, name, &[ColumnType::Text], "text")
            .map_err(|error| columns::of_parameter("group_by", &error))?;
        self.has_groups |= found.is_some();
        let texts = batch.texts(name)?;
        let mut places = vec![None; texts.dictionary().len()];
        let mut place_of_none = None;
        let mut rows = Vec::with_capacity(texts.len());
        for code in texts.codes().rows() {
            let (place, group) = match code {
                Some(code) => (&mut places[code as usize], &texts.dictionary()[code as usize][..]),
                None => (&mut place_of_none, ""),
            };
            if place.is_none() {
                *place = Some(self.samples.place(phase, &as_label(group).into_owned()) as u32);
                let phase = &self.samples.phases[phase];
                self.check_groups(&phase.name, phase.cells.len())?;
            }
            rows.push(*place);
        }
        Ok(rows)
    }

    fn check_groups(&self, phase: &str, groups: usize) -> Result<()> {
        if groups <= MOST_GROUPS {
            return Ok(());
        }
        let column = &self.group_by;
        Err(Error::invalid_input(format!(
            "`group_by`: column `{column}` has more than {MOST_GROUPS} values in phase `{phase}`; \
             choose one with fewer"
        )))
    }

    fn metrics_of(&mut self, summary: &PhaseSummary, layout: &Layout) -> Vec<Metric> {
        let Some(mut phase) = self.samples.take(&summary.phase.name) else { return Vec::new() };
        let mut groups = Vec::new();
        if !self.group_by.is_empty() {
            groups = phase.places.iter().map(|(group, place)| (group, *place, vec![])).collect();
        }
        // Column by column, so that the samples of one are twice in memory, not those of all.
        let mut whole = Vec::new();
        for column in layout.in_order() {
            let mut cells = phase.cells.iter_mut().map(|cell| &mut cell.series[column]);
            if let [only] = &mut cells.by_ref().collect::<Vec<_>>()[..]
                && groups.is_empty()
            {
                whole.push(std::mem::replace(*only, Series::new(false)).into_distribution());
                continue;
            }
            let cells = phase.cells.iter_mut().map(|cell| &mut cell.series[column]);
            whole.push(Series::distribution_of(cells));
            for (_, place, distributions) in &mut groups {
                let series = &mut phase.cells[*place].series[column];
                let series = std::mem::replace(series, Series::new(false));
                distributions.push(series.into_distribution());
            }
        }
        let counts =
            phase.cells.iter().map(|cell| cell.counts).fold(Counts::default(), Counts::and);
        for (column, distribution) in columns(layout).zip(&whole) {
            if distribution.as_ref().is_some_and(|distribution| !distribution.is_finite()) {
                let (column, phase) = (&column.name, &summary.phase.name);
                warn!("{column} of {phase} is left out: its values are too large to add up");
            }
        }
        let mut metrics = describe(layout, counts, whole, Scalars::new(summary));
        for (group, place, distributions) in groups {
            let scalars = Scalars::new(summary).labelled(&self.group_by, group);
            let counts = phase.cells[place].counts;
            metrics.extend(describe(layout, counts, distributions, scalars));
        }
        if let Some(errors) = self.errors.remove(&summary.phase.name) {
            metrics.extend(errors.into_metrics(&summary.phase.name));
        }
        metrics
    }
}

/// The columns as results have them.
fn columns(layout: &Layout) -> impl Iterator<Item = &Sampled> {
    layout.in_order().into_iter().map(|at| &layout.sampled[at])
}

/// The distributions, then the scalars, of some records.
fn describe(
    layout: &Layout,
    counts: Counts,
    distributions: Vec<Option<Distribution>>,
    mut scalars: Scalars,
) -> Vec<Metric> {
    let distributions = columns(layout).zip(distributions);
    let distributions: Vec<_> = distributions
        .filter_map(|(column, distribution)| Some((column, distribution?)))
        .filter(|(_, distribution)| distribution.is_finite())
        .collect();
    let sum = |name: &str| {
        let found = distributions.iter().find(|(column, _)| column.name == name);
        found.map(|(_, distribution)| distribution.sum)
    };
    scalars::add(&mut scalars, counts, sum);

    // A name stands for one thing: a column that is called as a scalar, such as the
    // counter `good_request_count`, gives no distribution beside it.
    let metrics = distributions.into_iter().filter(|(column, _)| !scalars.has(&column.name));
    let mut metrics: Vec<_> = metrics
        .map(|(column, distribution)| scalars.metric(&column.name, distribution, &column.unit))
        .collect();
    metrics.append(&mut scalars.metrics);
    metrics
}

#[cfg(test)]
mod spread_tests;
#[cfg(test)]
mod tests;
