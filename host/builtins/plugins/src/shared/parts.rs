//! A table on its way from one instance to another: what there is of counts, then series
//! by series, all sorted once the counts are out. The other instance sorts its own when the
//! counts come, which is at the same time, and merges samples as they arrive.

use std::{mem, vec};

use perfbox_guest::Result;

use super::columns::Layout;
use super::samples::Merge;
use super::series::Series;
use super::sketch::Sketch;
use super::span::Span;
use super::table::{Counts, Key, Place, Table};
use super::wire::{Reader, Writer, unreadable};

/// Bytes of a part, about.
const PART_BYTES: usize = 1 << 20;
/// Samples that a part begins with at least, before the next part.
const FEWEST_SAMPLES: usize = 1024;
/// Samples of a series that it is worth keeping room for.
const LONG: usize = 1 << 16;

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
    /// Where the series are that are not saved, each with its samples; none: they are not
    /// sorted yet.
    left: Option<vec::IntoIter<(Place, usize)>>,
    /// Where samples are from that are being saved, in order, and how many of them are.
    begun: Option<(Place, Vec<f64>, usize)>,
}

impl Outgoing {
    /// The next part; none at the end, or where the table is empty.
    pub(crate) fn next_part<K: Key>(table: &mut Table<K>) -> Option<Vec<u8>> {
        if !table.layout.has_batches() {
            return None;
        }
        let mut writer = Writer::default();
        if !mem::replace(&mut table.outgoing.are_counts_saved, true) {
            writer.u64(COUNTS);
            table.layout.write(&mut writer);
            write_counts(table, &mut writer);
            return Some(writer.bytes);
        }
        if table.outgoing.left.is_none() {
            table.sort();
            table.outgoing.left = Some(table.longest_first().into_iter());
        }
        writer.bytes.reserve_exact(PART_BYTES + PART_BYTES / 8);
        writer.u64(SERIES);
        let empty = writer.bytes.len();
        while writer.bytes.len() < PART_BYTES && Self::write_next(table, &mut writer) {}
        (writer.bytes.len() > empty).then_some(writer.bytes)
    }

    /// Writes what fits of the next series; false at the end.
    fn write_next<K: Key>(table: &mut Table<K>, writer: &mut Writer) -> bool {
        if table.outgoing.begun.is_none() {
            let left = table.outgoing.left.as_mut();
            let Some((at, _)) = left.and_then(Iterator::next) else { return false };
            let series = table.series_at(at).map(|series| mem::replace(series, Series::new(false)));
            match series {
                Some(Series::Exact(samples)) => {
                    table.outgoing.begun = Some((at, samples.into_sorted(), 0));
                }
                Some(Series::Sketched(sketch)) => {
                    at.write(writer);
                    writer.u64(SKETCHED);
                    sketch.write(writer);
                }
                None => {}
            }
        }
        if let Some((at, sorted, saved)) = &mut table.outgoing.begun {
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
            if *saved == sorted.len() {
                table.outgoing.begun = None;
            }
        }
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

/// Also says how many samples there are of long series.
fn write_counts<K: Key>(table: &Table<K>, writer: &mut Writer) {
    writer.bool(table.is_sketched);
    writer.u64(table.sample_count);
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
    let longest = table.longest_first().into_iter();
    let long: Vec<_> = longest.take_while(|(_, samples)| *samples >= LONG).collect();
    writer.usize(long.len());
    for (at, samples) in long {
        at.write(writer);
        writer.usize(samples);
    }
}

/// How far merging of one other instance is.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// For each column of the other instance, the column here.
    columns: Vec<usize>,
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
        table.incoming.columns = table.layout.merge(Layout::read(reader)?)?;
        table.grow_cells();
        if reader.bool()? {
            table.sketch();
        }
        table.count_samples(reader.u64()?);
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
        for _ in 0..reader.usize()? {
            let at = table.incoming.own_place(Place::read(reader)?)?;
            table.series_at(at).ok_or_else(unreadable)?.expect(reader.usize()?);
        }
        // Now, while the other instance sorts its own.
        table.sort();
        Ok(())
    }

    fn take_series<K>(table: &mut Table<K>, reader: &mut Reader) -> Result<()> {
        let Place { column, phase, cell } = table.incoming.own_place(Place::read(reader)?)?;
        let Incoming { begun, piece, .. } = &mut table.incoming;
        let series = table.phases[phase].cells[cell].series.get_mut(column);
        let series = series.ok_or_else(unreadable)?;
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

    /// Where a series of the other instance is here.
    fn own_place(&self, at: Place) -> Result<Place> {
        let (phase, cells) = self.cells.get(at.phase).ok_or_else(unreadable)?;
        let cell = cells.get(at.cell).ok_or_else(unreadable)?;
        let column = self.columns.get(at.column).ok_or_else(unreadable)?;
        Ok(Place { phase: *phase, cell: *cell, column: *column })
    }
}
