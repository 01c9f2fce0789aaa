//! Builds the batches of one block, phase by phase. Keeps only the values of a record.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow_array::Array as _;
use perfbox_model::batch::{Column, ColumnInfo};
use perfbox_model::cancel::CancelToken;

use crate::column_builder::{ColumnBuilder, ListWriter};
use crate::columns::{Columns, standard};
use crate::limits::{COLUMNS_MAX, PHASES_MAX};
use crate::record_error::{ErrorScope, RecordError};
use crate::timeline::{Session, Timeline};

/// Maximum of values in a batch, missing ones included: 32 MiB of numbers. Batches of many
/// columns have fewer records.
const BATCH_VALUES_MAX: usize = 4 << 20;

/// Name of the phase of records that name none.
pub(crate) const DEFAULT_PHASE: &str = "profiling";

/// Identity of a phase within its input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PhaseKey {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) index: Option<u32>,
}

impl PhaseKey {
    /// A phase that is known by its name alone.
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), kind: name.to_owned(), index: None }
    }
}

/// Records of one phase, as one batch.
pub(crate) struct PhaseBatch {
    /// Index of the phase in [`BlockRecords::phases`].
    pub(crate) phase: usize,
    pub(crate) infos: Arc<[ColumnInfo]>,
    pub(crate) columns: Vec<Option<Column>>,
    pub(crate) len: usize,
}

/// A phase in one block.
pub(crate) struct BlockPhase {
    pub(crate) key: PhaseKey,
    pub(crate) timeline: Timeline,
}

/// A line that is not a valid record.
#[derive(Debug)]
pub(crate) struct BadLine {
    /// Line in its block, from 0.
    pub(crate) line: u64,
    pub(crate) problem: RecordError,
}

/// The records of one block.
#[derive(Default)]
pub(crate) struct BlockRecords {
    pub(crate) phases: Vec<BlockPhase>,
    pub(crate) batches: Vec<PhaseBatch>,
    /// Number of records, including those of phases that are not selected.
    pub(crate) records: u64,
    pub(crate) lines: u64,
    pub(crate) bad_count: u64,
    /// The first bad lines.
    pub(crate) bad: Vec<BadLine>,
    /// The last bad line ends the reading.
    pub(crate) is_over: bool,
    /// The block alone exceeds the maximum of phases.
    pub(crate) has_too_many_phases: bool,
    /// Columns that were not known before this block.
    pub(crate) added_columns: Vec<ColumnInfo>,
    /// The added columns exceed the maximum of columns.
    pub(crate) has_too_many_columns: bool,
    /// Names of phases that are not selected.
    pub(crate) other_phases: BTreeSet<String>,
}

/// Options for reading blocks.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadOptions {
    /// Names of the selected phases; empty: all.
    pub(crate) phases: Vec<String>,
    pub(crate) batch_records: usize,
    pub(crate) skip_bad_records: bool,
    /// Maximum of bad lines to keep.
    pub(crate) bad_max: usize,
    /// Cancel token; ends the reading in the middle of a block, too.
    pub(crate) cancel: CancelToken,
}

/// Collects the records of a block into columns.
pub(crate) struct BatchBuilder<'r> {
    /// Columns known before the block, then those that it adds.
    columns: Arc<Columns>,
    /// The same columns, shared by the batches.
    infos: Arc<[ColumnInfo]>,
    /// Number of columns known before the block.
    known_count: usize,
    options: &'r ReadOptions,
    read: BlockRecords,
    /// Index of each phase in `read`.
    places: HashMap<PhaseKey, usize>,
    /// Column builders of each phase in `read`.
    values: Vec<Vec<ColumnBuilder>>,
    lens: Vec<usize>,
    /// Phases with at least one record, ordered by first record.
    with_records: Vec<usize>,
    has_records: Vec<bool>,
    current: usize,
    /// Maximum of records in a batch.
    batch_records: usize,
}

impl<'r> BatchBuilder<'r> {
    pub(crate) fn new(columns: Arc<Columns>, options: &'r ReadOptions) -> Self {
        let batch_records = batch_records(options, columns.infos.len());
        Self {
            infos: columns.infos.as_slice().into(),
            known_count: columns.infos.len(),
            columns,
            options,
            read: BlockRecords::default(),
            places: HashMap::new(),
            values: Vec::new(),
            lens: Vec::new(),
            with_records: Vec::new(),
            has_records: Vec::new(),
            current: 0,
            batch_records,
        }
    }

    /// The columns known so far.
    pub(crate) fn columns(&self) -> Arc<Columns> {
        Arc::clone(&self.columns)
    }

    /// Adds an unknown column. Later batches of this block have it.
    pub(crate) fn add_column(&mut self, info: ColumnInfo) {
        let at = self.columns.infos.len();
        if at >= COLUMNS_MAX {
            self.read.has_too_many_columns = true;
            return;
        }
        let columns = Arc::make_mut(&mut self.columns);
        columns.add(info);
        self.values.iter_mut().for_each(|values| values.push(columns.new_value(at)));
        self.batch_records = batch_records(self.options, at + 1);
    }

    /// True if the block added columns.
    pub(crate) fn has_added_columns(&self) -> bool {
        self.columns.infos.len() > self.known_count
    }

    /// Adds to the number of lines read.
    pub(crate) fn add_lines(&mut self, lines: u64) {
        self.read.lines += lines;
    }

    /// True if reading on is useless: the run is cancelled, or the block will be refused.
    pub(crate) fn is_over(&self) -> bool {
        self.read.has_too_many_phases
            || self.read.has_too_many_columns
            || self.options.cancel.is_cancelled()
    }

    /// Begins a record. Returns none if its phase is not selected: the record is done then.
    pub(crate) fn begin(&mut self, key: &PhaseKey) -> Option<RowWriter<'_>> {
        let wanted = &self.options.phases;
        if !wanted.is_empty() && !wanted.contains(&key.name) {
            self.read.records += 1;
            if !self.read.other_phases.contains(&key.name) {
                self.read.other_phases.insert(key.name.clone());
            }
            return None;
        }
        if self.read.phases.get(self.current).is_none_or(|phase| phase.key != *key) {
            self.current = match self.places.get(key) {
                Some(place) => *place,
                None => self.add_phase(key)?,
            };
        }
        let row = self.lens[self.current];
        let timeline = &mut self.read.phases[self.current].timeline;
        Some(RowWriter { values: &mut self.values[self.current], row, timeline })
    }

    /// Adds a phase and returns its index; none if there are too many.
    fn add_phase(&mut self, key: &PhaseKey) -> Option<usize> {
        let place = self.lens.len();
        if place == PHASES_MAX {
            self.read.has_too_many_phases = true;
            return None;
        }
        self.places.insert(key.clone(), place);
        self.read.phases.push(BlockPhase { key: key.clone(), timeline: Timeline::default() });
        self.values.push(self.columns.new_values());
        self.lens.push(0);
        self.has_records.push(false);
        Some(place)
    }

    /// Ends the record.
    pub(crate) fn end(&mut self) {
        self.read.records += 1;
        if !self.has_records[self.current] {
            self.has_records[self.current] = true;
            self.with_records.push(self.current);
        }
        self.lens[self.current] += 1;
        if self.lens[self.current] >= self.batch_records {
            self.flush(self.current);
        }
    }

    /// Reports a bad line, counted from 0. Returns false if it ends the reading.
    pub(crate) fn bad(&mut self, line: u64, problem: RecordError) -> bool {
        let options = self.options;
        self.read.is_over = match problem.scope {
            ErrorScope::Damaged => true,
            _ => !options.skip_bad_records,
        };
        // Damage is not a bad record: skipping it would lose an unknown number of records.
        self.read.bad_count += u64::from(problem.scope != ErrorScope::Damaged);
        if self.read.is_over || self.read.bad.len() < options.bad_max {
            self.read.bad.push(BadLine { line, problem });
        }
        !self.read.is_over
    }

    /// Returns the records of the block.
    pub(crate) fn finish(mut self) -> BlockRecords {
        let with_records = std::mem::take(&mut self.with_records);
        with_records.iter().for_each(|phase| self.flush(*phase));
        let mut begun: Vec<_> = self.read.phases.drain(..).map(Some).collect();
        let mut places = vec![0; begun.len()];
        for (place, phase) in with_records.into_iter().enumerate() {
            self.read.phases.extend(begun[phase].take());
            places[phase] = place;
        }
        self.read.batches.iter_mut().for_each(|batch| batch.phase = places[batch.phase]);
        self.read.added_columns = self.columns.infos[self.known_count..].to_vec();
        self.read
    }

    fn flush(&mut self, phase: usize) {
        let len = std::mem::take(&mut self.lens[phase]);
        if len == 0 {
            return;
        }
        let columns: Vec<_> =
            self.values[phase].iter_mut().map(|values| values.take(len)).collect();
        add_requests(&mut self.read.phases[phase].timeline, &columns, len);
        if self.infos.len() != self.columns.infos.len() {
            self.infos = self.columns.infos.as_slice().into();
        }
        let infos = Arc::clone(&self.infos);
        self.read.batches.push(PhaseBatch { phase, infos, columns, len });
    }
}

/// Maximum of records in a batch with that many columns.
fn batch_records(options: &ReadOptions, columns: usize) -> usize {
    options.batch_records.min(BATCH_VALUES_MAX / columns.max(1)).max(1)
}

/// Adds the requests of a batch to the timeline of its phase.
fn add_requests(timeline: &mut Timeline, columns: &[Option<Column>], len: usize) {
    let (
        Some(Some(Column::U64(starts))),
        Some(Some(Column::U64(ends))),
        Some(Some(Column::Text(errors))),
        Some(Some(Column::U64(cancelled))),
    ) = (
        columns.get(standard::START),
        columns.get(standard::END),
        columns.get(standard::ERROR_TYPE),
        columns.get(standard::CANCELLED),
    )
    else {
        return;
    };
    let requests = (0..len).map(|row| {
        let start_ns = starts.value(row);
        let end_ns = if ends.is_valid(row) { ends.value(row) } else { start_ns };
        let is_cancelled = cancelled.is_valid(row) && cancelled.value(row) != 0;
        (start_ns, end_ns, errors.is_valid(row), is_cancelled)
    });
    timeline.add_all(requests);
}

/// Writes the values of one record.
pub(crate) struct RowWriter<'r> {
    values: &'r mut [ColumnBuilder],
    row: usize,
    timeline: &'r mut Timeline,
}

impl RowWriter<'_> {
    /// True if the column is read.
    pub(crate) fn takes(&self, column: usize) -> bool {
        !matches!(self.values[column], ColumnBuilder::Unread)
    }

    /// Removes the value of a column again.
    pub(crate) fn unset(&mut self, column: usize) {
        self.values[column].truncate(self.row);
    }

    /// Sets the value of a u64 column.
    pub(crate) fn u64(&mut self, column: usize, value: u64) {
        if let ColumnBuilder::U64(values) = &mut self.values[column] {
            values.set(self.row, value);
        }
    }

    /// Sets the value of an f64 column.
    pub(crate) fn f64(&mut self, column: usize, value: f64) {
        if let ColumnBuilder::F64(values) = &mut self.values[column] {
            values.set(self.row, value);
        }
    }

    /// Sets the value of a text column.
    pub(crate) fn text(&mut self, column: usize, text: &str) {
        if let ColumnBuilder::Text(values) = &mut self.values[column] {
            values.set(self.row, text);
        }
    }

    /// Begins the list of an f64-list column.
    pub(crate) fn list(&mut self, column: usize) -> Option<ListWriter<'_>> {
        let ColumnBuilder::F64List(values) = &mut self.values[column] else { return None };
        Some(values.begin(self.row))
    }

    /// Adds the record to its session.
    pub(crate) fn session(&mut self, session: &str, turn: u64, end_ns: u64, cancelled: bool) {
        self.timeline.add_session(Session::new(session, turn, end_ns, cancelled));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Block;
    use crate::lines::read_lines;
    use crate::schema_scan::SchemaScan;
    use perfbox_model::batch::ColumnType;

    #[test]
    fn cancelling_ends_the_reading_in_the_middle_of_a_block() {
        let columns = SchemaScan::default().columns();
        let options = ReadOptions { batch_records: 10, ..ReadOptions::default() };
        let mut builder = BatchBuilder::new(columns.into(), &options);
        let block = Block { text: "1\n2\n3\n4\n".into(), ..Block::default() };
        read_lines(&block, &mut builder, |line, builder| {
            builder.begin(&PhaseKey::named("p")).unwrap().u64(standard::START, 1);
            builder.end();
            if line == b"2" {
                options.cancel.cancel();
            }
            Ok(())
        });
        let read = builder.finish();
        assert_eq!((read.records, read.lines), (2, 2));
    }

    #[test]
    fn phases_are_ordered_by_their_first_complete_record() {
        let columns = SchemaScan::default().columns();
        let options = ReadOptions { batch_records: 10, ..ReadOptions::default() };
        let mut builder = BatchBuilder::new(columns.into(), &options);
        // A line template begins a record before it knows whether the line matches.
        builder.begin(&PhaseKey::named("first begun"));
        builder.begin(&PhaseKey::named("only begun"));
        for phase in ["b", "first begun", "b"] {
            builder.begin(&PhaseKey::named(phase)).unwrap().u64(standard::START, 1);
            builder.end();
        }
        let read = builder.finish();
        let names = read.batches.iter().map(|batch| &*read.phases[batch.phase].key.name);
        assert_eq!(names.collect::<Vec<_>>(), ["b", "first begun"]);
        let phases: Vec<_> = read.phases.iter().map(|phase| &*phase.key.name).collect();
        assert_eq!(phases, ["b", "first begun"]);
    }

    #[test]
    fn batches_of_many_columns_have_fewer_records() {
        let mut schema = SchemaScan::default();
        for number in 0..4000 {
            schema.add_column(&format!("metric_{number}"), ColumnType::F64, "ms");
        }
        let columns = schema.columns();
        let options = ReadOptions { batch_records: 16_384, ..ReadOptions::default() };
        let mut builder = BatchBuilder::new(columns.into(), &options);
        for _ in 0..1100 {
            builder.begin(&PhaseKey::named("p")).unwrap().u64(standard::START, 1);
            builder.end();
        }
        let lens: Vec<_> = builder.finish().batches.iter().map(|batch| batch.len).collect();
        assert_eq!(lens, [1045, 55]);
    }

    #[test]
    fn added_column_is_in_the_later_batches_of_its_block() {
        let columns = Arc::new(SchemaScan::default().columns());
        let known = columns.infos.len();
        let options = ReadOptions { batch_records: 2, ..ReadOptions::default() };
        let mut builder = BatchBuilder::new(Arc::clone(&columns), &options);
        for record in 0..5 {
            if record == 3 {
                builder.add_column(ColumnInfo::new("late", ColumnType::F64, "ms"));
            }
            let mut row = builder.begin(&PhaseKey::named("p")).unwrap();
            row.u64(standard::START, 1);
            if record == 3 {
                row.f64(known, 7.0);
            }
            builder.end();
        }
        let read = builder.finish();
        let counts: Vec<_> = read.batches.iter().map(|batch| batch.columns.len()).collect();
        assert_eq!(counts, [known, known + 1, known + 1]);
        let present = |at: usize| read.batches[at].columns[known].as_ref().unwrap().present();
        assert_eq!((present(1), present(2)), (1, 0));
        assert_eq!(read.added_columns, [ColumnInfo::new("late", ColumnType::F64, "ms")]);
        assert_eq!(columns.infos.len(), known);
    }

    #[test]
    fn block_adds_no_more_columns_than_the_maximum() {
        let options = ReadOptions { batch_records: 2, ..ReadOptions::default() };
        let columns = SchemaScan::default().columns();
        let most = COLUMNS_MAX - columns.infos.len();
        let mut builder = BatchBuilder::new(columns.into(), &options);
        for number in 0..=most {
            assert!(!builder.is_over());
            builder.add_column(ColumnInfo::new(&number.to_string(), ColumnType::F64, "ms"));
        }
        assert!(builder.is_over() && builder.finish().has_too_many_columns);
    }
}
