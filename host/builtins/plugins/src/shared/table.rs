use std::cmp::Reverse;
use std::collections::BTreeMap;

use perfbox_guest::{Batch, Error, Result};

use super::columns::{LATENCY, Layout, Rows, START};
use super::failed::Failed;
use super::parts::{Incoming, Outgoing};
use super::series::Series;
use super::span::Span;
use super::wire::{Reader, Writer};

/// Samples of the run by phase, by a key within the phase, and by column.
///
/// All are exact or all are sketched: sketched once the host says that the numbers of the run
/// are over `exact_memory`, or once the samples here are. Instances that have not met that are
/// sketched when they are merged.
#[derive(Debug)]
pub(crate) struct Table<K> {
    pub(crate) layout: Layout,
    pub(crate) is_sketched: bool,
    /// Bytes of samples that all instances together may keep.
    exact_memory: u64,
    /// Samples taken in so far.
    pub(super) sample_count: u64,
    /// Whether it is of interest from when to when records are.
    pub(crate) has_spans: bool,
    pub(crate) phases: Vec<Phase<K>>,
    pub(crate) outgoing: Outgoing,
    pub(crate) incoming: Incoming,
}

/// One phase.
#[derive(Debug)]
pub(crate) struct Phase<K> {
    pub(crate) name: String,
    /// Where the cell of a key is.
    pub(crate) places: BTreeMap<K, usize>,
    pub(crate) cells: Vec<Cell>,
}

/// Some records of a phase.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) counts: Counts,
    /// One for each column of the layout.
    pub(crate) series: Vec<Series>,
}

/// Where a series is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) phase: usize,
    pub(super) cell: usize,
    pub(super) column: usize,
}

/// How many records there are, and from when to when the good ones were.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) span: Option<Span>,
}

/// What tells the records of a phase apart.
pub(crate) trait Key: Ord + Clone {
    fn write(&self, writer: &mut Writer);
    fn read(reader: &mut Reader) -> Result<Self>;
}

impl Key for u64 {
    fn write(&self, writer: &mut Writer) {
        writer.u64(*self);
    }
    fn read(reader: &mut Reader) -> Result<Self> {
        reader.u64()
    }
}

impl Key for String {
    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }
    fn read(reader: &mut Reader) -> Result<Self> {
        reader.text()
    }
}

impl<K: Key> Table<K> {
    pub(crate) fn new(has_spans: bool, exact_memory: u64) -> Self {
        Self {
            layout: Layout::default(),
            is_sketched: false,
            exact_memory,
            sample_count: 0,
            has_spans,
            phases: Vec::new(),
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
        }
    }

    /// Prepares for a batch; returns the index of its phase.
    pub(crate) fn begin(&mut self, batch: &Batch, only: &[String]) -> Result<usize> {
        self.layout.add(batch, only)?;
        self.grow_cells();
        if batch.is_over_exact_memory() {
            self.sketch();
        }
        Ok(self.phase(&batch.phase().name))
    }

    /// Gives every cell a series for each column of the layout.
    pub(super) fn grow_cells(&mut self) {
        let (columns, is_sketched) = (self.layout.sampled.len(), self.is_sketched);
        for cell in self.phases.iter_mut().flat_map(|phase| &mut phase.cells) {
            cell.series.resize_with(columns, || Series::new(is_sketched));
        }
    }

    /// Counts samples that were taken in; sketches if they are too many.
    pub(super) fn count_samples(&mut self, samples: u64) {
        self.sample_count += samples;
        if self.sample_count.saturating_mul(size_of::<f64>() as u64) > self.exact_memory {
            self.sketch();
        }
    }

    /// Makes sketches of all samples.
    pub(crate) fn sketch(&mut self) {
        if !self.is_sketched {
            self.is_sketched = true;
            self.series().for_each(Series::sketch);
        }
    }

    /// Sorts all samples that are kept.
    pub(super) fn sort(&mut self) {
        for (place, _) in self.longest_first() {
            if let Some(series) = self.series_at(place) {
                series.sort();
            }
        }
    }

    /// Where all series are, with how many samples they keep, the longest first: the memory
    /// that these leave when they are moved has room for the others.
    pub(super) fn longest_first(&self) -> Vec<(Place, usize)> {
        let mut places = Vec::new();
        for (phase, cells) in self.phases.iter().map(|phase| &phase.cells).enumerate() {
            for (cell, series) in cells.iter().map(|cell| &cell.series).enumerate() {
                let place = |column| Place { phase, cell, column };
                places
                    .extend(series.iter().enumerate().map(|(at, one)| (place(at), one.samples())));
            }
        }
        places.sort_by_key(|(_, samples)| Reverse(*samples));
        places
    }

    /// The series of a place; none: there is no such place.
    pub(super) fn series_at(&mut self, at: Place) -> Option<&mut Series> {
        self.phases.get_mut(at.phase)?.cells.get_mut(at.cell)?.series.get_mut(at.column)
    }

    fn series(&mut self) -> impl Iterator<Item = &mut Series> {
        let cells = self.phases.iter_mut().flat_map(|phase| &mut phase.cells);
        cells.flat_map(|cell| &mut cell.series)
    }

    /// Where the phase of that name is.
    pub(crate) fn phase(&mut self, name: &str) -> usize {
        let known = self.phases.iter().position(|phase| phase.name == name);
        known.unwrap_or_else(|| {
            self.phases.push(Phase::new(name));
            self.phases.len() - 1
        })
    }

    /// Where in the phase the cell of that key is.
    pub(crate) fn place(&mut self, phase: usize, key: &K) -> usize {
        let Phase { places, cells, .. } = &mut self.phases[phase];
        if let Some(place) = places.get(key) {
            return *place;
        }
        let columns = self.layout.sampled.len();
        let series = (0..columns).map(|_| Series::new(self.is_sketched)).collect();
        cells.push(Cell { counts: Counts::default(), series });
        places.insert(key.clone(), cells.len() - 1);
        cells.len() - 1
    }

    /// Takes the records of a batch in, each into the cell where it belongs.
    pub(crate) fn add(
        &mut self,
        batch: &Batch,
        phase: usize,
        failed: &Failed,
        rows: &Rows,
    ) -> Result<()> {
        let cells = &mut self.phases[phase].cells;
        let has_times = self.has_spans && batch.has(START) && batch.has(LATENCY);
        let added = match rows {
            Rows::All(place) => cells[*place].add_all(batch, &self.layout, failed, has_times)?,
            Rows::Each(places) => add_each(cells, batch, &self.layout, failed, places, has_times)?,
        };
        self.count_samples(added);
        Ok(())
    }

    /// Takes a phase out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Phase<K>> {
        let at = self.phases.iter().position(|phase| phase.name == name)?;
        Some(self.phases.swap_remove(at))
    }

    pub(crate) fn save(&mut self) -> Option<Vec<u8>> {
        Outgoing::next_part(self)
    }

    /// # Errors
    /// When the part is not one that [`save`](Self::save) made.
    pub(crate) fn merge(&mut self, part: &[u8]) -> Result<()> {
        Incoming::take_in(self, &mut Reader::new(part))
    }
}

impl<K> Phase<K> {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), places: BTreeMap::new(), cells: Vec::new() }
    }
}

impl Counts {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            succeeded: self.succeeded + other.succeeded,
            failed: self.failed + other.failed,
            span: match (self.span, other.span) {
                (Some(mine), Some(theirs)) => Some(mine.and(theirs)),
                (mine, theirs) => mine.or(theirs),
            },
        }
    }
}

impl Cell {
    /// Returns how many samples it took in.
    fn add_all(
        &mut self,
        batch: &Batch,
        layout: &Layout,
        failed: &Failed,
        has_times: bool,
    ) -> Result<u64> {
        let mut added = 0;
        let records = failed.rows.len();
        self.counts.failed += failed.count as u64;
        self.counts.succeeded += (records - failed.count) as u64;
        let mut latencies_ms = None;
        let mut chosen = Vec::new();
        for (column, series) in layout.sampled.iter().zip(&mut self.series) {
            let wanted = failed.stands_on_count(column.of_failed);
            let is_wanted = failed.stands_on(column.of_failed);
            if wanted == 0 || !batch.has(&column.name) {
                continue;
            }
            let mut extend = |samples: &[f64]| {
                added += samples.len() as u64;
                series.extend(samples);
            };
            if column.is_list {
                let lists = batch.f64_lists(&column.name)?;
                if wanted == records {
                    extend(lists.flattened());
                    continue;
                }
                for (list, is_wanted) in lists.rows().zip(is_wanted) {
                    if let Some(list) = list
                        && *is_wanted
                    {
                        extend(list);
                    }
                }
                continue;
            }
            let values = batch.f64s(&column.name)?;
            if wanted == records && values.is_complete() {
                extend(values.as_slice());
            } else {
                chosen.clear();
                values.choose(is_wanted, &mut chosen);
                extend(&chosen);
            }
            if column.name == LATENCY {
                latencies_ms = Some(values);
            }
        }
        if has_times && failed.count < records {
            let latencies_ms = latencies_ms.map_or_else(|| batch.f64s(LATENCY), Ok)?;
            let starts_ns = batch.u64s(START)?;
            let span = self.counts.span;
            let is_whole =
                failed.count == 0 && starts_ns.is_complete() && latencies_ms.is_complete();
            self.counts.span = match is_whole {
                true => Span::around_all(span, starts_ns.as_slice(), latencies_ms.as_slice()),
                false => Span::around(span, starts_ns, latencies_ms, &failed.rows),
            };
        }
        Ok(added)
    }
}

fn add_each(
    cells: &mut [Cell],
    batch: &Batch,
    layout: &Layout,
    failed: &Failed,
    places: &[Option<u32>],
    has_times: bool,
) -> Result<u64> {
    let mut added = 0;
    for (place, is_failed) in places.iter().zip(&failed.rows) {
        if let Some(place) = place {
            let counts = &mut cells[*place as usize].counts;
            counts.failed += u64::from(*is_failed);
            counts.succeeded += u64::from(!is_failed);
        }
    }
    for (at, column) in layout.sampled.iter().enumerate() {
        if !batch.has(&column.name) {
            continue;
        }
        column.each(batch, failed, |row, samples| {
            if let Some(place) = places[row] {
                added += samples.len() as u64;
                cells[place as usize].series[at].extend(samples);
            }
        })?;
    }
    if has_times {
        let (starts_ns, latencies_ms) = (batch.u64s(START)?, batch.f64s(LATENCY)?);
        let times = starts_ns.rows().zip(latencies_ms.rows());
        for (((start_ns, latency_ms), place), is_failed) in times.zip(places).zip(&failed.rows) {
            if let (Some(start_ns), Some(latency_ms), Some(place), false) =
                (start_ns, latency_ms, place, is_failed)
            {
                let span = &mut cells[*place as usize].counts.span;
                let own = Span::of(start_ns, latency_ms);
                *span = Some(span.map_or(own, |span| span.and(own)));
            }
        }
    }
    Ok(added)
}

/// The parameter `exact_memory`, in bytes.
pub(crate) fn exact_memory(bytes: i64) -> Result<u64> {
    u64::try_from(bytes).map_err(|_| {
        Error::invalid_config(format!("`exact_memory` is a number of bytes, not {bytes}"))
    })
}
