//! A table on its way from one instance to another: what there is of counts, then column
//! by column, all sorted once the counts are out. The other instance sorts its own when the
//! counts come, which is at the same time, and merges samples as they arrive.

use std::mem;

use perfbox_guest::{Error, Result};

use super::columns::Layout;
use super::samples::Merge;
use super::series::Series;
use super::sketch::Sketch;
use super::span::Span;
use super::table::{Counts, Key, Table};
use super::wire::{Reader, Writer, unreadable};

/// Bytes of a part, about.
const PART_BYTES: usize = 1 << 20;
/// Samples that a part begins with at least, before the next part.
const FEWEST_SAMPLES: usize = 1024;

/// What a part starts with.
const COUNTS: u64 = 0;
const SERIES: u64 = 1;
/// What a series starts with.
const EXACT: u64 = 0;
const SKETCHED: u64 = 1;

/// How far saving is.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    are_counts_saved: bool,
    are_all_sorted: bool,
    at: Place,
    /// Samples of the series at that place, and how many of them are saved.
    samples: Option<(Vec<f64>, usize)>,
}

/// A series in a table.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Place {
    column: usize,
    phase: usize,
    cell: usize,
}

impl Outgoing {
    /// The next part; none at the end, or where the table is empty.
    pub(crate) fn next_part<K: Key>(table: &mut Table<K>) -> Option<Vec<u8>> {
        let layout = table.layout.as_ref()?;
        let mut writer = Writer::default();
        if !mem::replace(&mut table.outgoing.are_counts_saved, true) {
            writer.u64(COUNTS);
            layout.write(&mut writer);
            write_counts(table, &mut writer);
            return Some(writer.bytes);
        }
        if !mem::replace(&mut table.outgoing.are_all_sorted, true) {
            table.sort();
        }
        writer.bytes.reserve_exact(PART_BYTES + PART_BYTES / 8);
        writer.u64(SERIES);
        let empty = writer.bytes.len();
        while writer.bytes.len() < PART_BYTES && Self::write_next(table, &mut writer) {}
        (writer.bytes.len() > empty).then_some(writer.bytes)
    }

    /// Writes what fits of the series at the place, and goes on to the next place after
    /// its last sample; false at the end.
    fn write_next<K>(table: &mut Table<K>, writer: &mut Writer) -> bool {
        let columns = table.layout.as_ref().map_or(0, |layout| layout.sampled.len());
        let Outgoing { at, samples, .. } = &mut table.outgoing;
        if at.column == columns {
            return false;
        }
        let Some(phase) = table.phases.get_mut(at.phase) else {
            *at = Place { column: at.column + 1, ..Place::default() };
            return true;
        };
        let Some(cell) = phase.cells.get_mut(at.cell) else {
            *at = Place { phase: at.phase + 1, cell: 0, ..*at };
            return true;
        };
        if samples.is_none() {
            let series = &mut cell.series[at.column];
            match mem::replace(series, Series::new(false)) {
                Series::Exact(all) => *samples = Some((all.into_sorted(), 0)),
                Series::Sketched(sketch) => {
                    at.write(writer);
                    writer.u64(SKETCHED);
                    sketch.write(writer);
                }
            }
        }
        if let Some((sorted, saved)) = samples {
            let left = &sorted[*saved..];
            let room = PART_BYTES.saturating_sub(writer.bytes.len()) / size_of::<f64>();
            let fitting = left.len().min(room.max(FEWEST_SAMPLES));
            if fitting > 0 {
                at.write(writer);
                writer.u64(EXACT);
                writer.usize(sorted.len());
                writer.usize(fitting);
                writer.f64s(&left[..fitting]);
                *saved += fitting;
            }
            if *saved < sorted.len() {
                return true;
            }
        }
        *samples = None;
        at.cell += 1;
        true
    }
}

impl Place {
    fn write(self, writer: &mut Writer) {
        [self.column, self.phase, self.cell].into_iter().for_each(|at| writer.usize(at));
    }

    fn read(reader: &mut Reader) -> Result<Self> {
        Ok(Self { column: reader.usize()?, phase: reader.usize()?, cell: reader.usize()? })
    }
}

fn write_counts<K: Key>(table: &Table<K>, writer: &mut Writer) {
    writer.bool(table.is_sketched);
    writer.usize(table.phases.len());
    for phase in &table.phases {
        writer.text(&phase.name);
        writer.usize(phase.cells.len());
        // By place, since the samples are named by it.
        let mut places: Vec<_> = phase.places.iter().collect();
        places.sort_by_key(|(_, place)| **place);
        for (key, place) in places {
            key.write(writer);
            let Counts { succeeded, failed, span } = phase.cells[*place].counts;
            writer.u64(succeeded);
            writer.u64(failed);
            writer.bool(span.is_some());
            if let Some(Span { start_ns, end_ns }) = span {
                writer.u64(start_ns);
                writer.u64(end_ns);
            }
        }
    }
}

/// How far merging of one other instance is.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// For each phase and cell of the other instance, the phase and the cell here.
    cells: Vec<(usize, Vec<usize>)>,
    /// Of a series of which not all samples have come yet.
    begun: Option<Merge>,
    /// Samples of one part, kept for its memory.
    piece: Vec<f64>,
}

impl Incoming {
    pub(crate) fn take_in<K: Key>(table: &mut Table<K>, reader: &mut Reader) -> Result<()> {
        match reader.u64()? {
            COUNTS => Self::take_counts(table, reader),
            SERIES => {
                while !reader.is_empty() {
                    Self::take_series(table, reader)?;
                }
                Ok(())
            }
            _ => Err(unreadable()),
        }
    }

    fn take_counts<K: Key>(table: &mut Table<K>, reader: &mut Reader) -> Result<()> {
        let layout = Layout::read(reader)?;
        if *table.layout.get_or_insert_with(|| layout.clone()) != layout {
            return Err(Error::other("the instances to merge had records of other columns"));
        }
        if reader.bool()? {
            table.sketch();
        }
        table.incoming.cells.clear();
        for _ in 0..reader.usize()? {
            let phase = table.phase(&reader.text()?);
            let mut places = Vec::new();
            for _ in 0..reader.usize()? {
                let place = table.place(phase, &K::read(reader)?);
                let (succeeded, failed) = (reader.u64()?, reader.u64()?);
                let span = match reader.bool()? {
                    true => Some(Span { start_ns: reader.u64()?, end_ns: reader.u64()? }),
                    false => None,
                };
                let counts = &mut table.phases[phase].cells[place].counts;
                *counts = counts.and(Counts { succeeded, failed, span });
                places.push(place);
            }
            table.incoming.cells.push((phase, places));
        }
        // Now, while the other instance sorts its own.
        table.sort();
        Ok(())
    }

    fn take_series<K>(table: &mut Table<K>, reader: &mut Reader) -> Result<()> {
        let Place { column, phase, cell } = Place::read(reader)?;
        let Incoming { cells, begun, piece } = &mut table.incoming;
        let (phase, places) = cells.get(phase).ok_or_else(unreadable)?;
        let place = places.get(cell).ok_or_else(unreadable)?;
        let cell = &mut table.phases[*phase].cells[*place];
        let series = cell.series.get_mut(column).ok_or_else(unreadable)?;
        match (reader.u64()?, series) {
            (SKETCHED, Series::Sketched(sketch)) => sketch.merge(&Sketch::read(reader)?),
            (EXACT, series) => {
                let (count, fitting) = (reader.usize()?, reader.usize()?);
                piece.clear();
                reader.f64s(fitting, piece)?;
                match series {
                    Series::Sketched(sketch) => sketch.extend(piece),
                    Series::Exact(samples) => samples.merge(begun, piece, count),
                }
            }
            _ => return Err(unreadable()),
        }
        Ok(())
    }
}
