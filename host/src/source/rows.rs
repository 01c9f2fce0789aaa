//! Records put into columns, as they are read from one block: phase by phase, nothing
//! kept of a record but its values.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::UInt32Type;
use arrow_array::{
    Array as _, DictionaryArray, Float64Array, ListArray, PrimitiveArray, StringArray,
};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};

use super::columns::{Columns, standard};
use super::problem::{Problem, Reach};
use super::timeline::{Session, Timeline};
use crate::batch::{Column, ColumnType};

/// What tells one phase of an input from its others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhaseKey {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) index: Option<u32>,
}

impl PhaseKey {
    /// A phase of which nothing but a name is known.
    pub(super) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), kind: name.to_owned(), index: None }
    }
}

/// Records of one phase that make a batch.
pub(super) struct PhaseBatch {
    /// Place of the phase in [`Read::phases`].
    pub(super) phase: usize,
    pub(super) columns: Vec<Option<Column>>,
    pub(super) len: usize,
}

/// A phase in one block.
pub(super) struct PhaseRead {
    pub(super) key: PhaseKey,
    pub(super) timeline: Timeline,
}

/// A line that is no record.
#[derive(Debug)]
pub(super) struct BadLine {
    /// Counted from 0, in its block.
    pub(super) line: u64,
    pub(super) problem: Problem,
}

/// What was read from one block.
#[derive(Default)]
pub(super) struct Read {
    pub(super) phases: Vec<PhaseRead>,
    pub(super) batches: Vec<PhaseBatch>,
    /// Records, those of phases that are not asked for too.
    pub(super) records: u64,
    pub(super) lines: u64,
    pub(super) bad_count: u64,
    /// The first of them.
    pub(super) bad: Vec<BadLine>,
    /// The reading ends with the last of the bad ones.
    pub(super) is_over: bool,
}

/// How blocks are read.
#[derive(Debug, Clone)]
pub(super) struct ReadOptions {
    /// Only phases of these names; none named: all.
    pub(super) phases: Vec<String>,
    pub(super) batch_records: usize,
    pub(super) skip_bad_records: bool,
    /// Most bad lines that are kept.
    pub(super) bad_max: usize,
    /// Every column of the input has been seen.
    pub(super) is_looked_through: bool,
}

/// The columns that a block's records are put into.
pub(super) struct Rows<'r> {
    columns: &'r Columns,
    options: &'r ReadOptions,
    read: Read,
    /// One for each phase of `read`.
    values: Vec<Vec<Values>>,
    lens: Vec<usize>,
    current: usize,
    /// The record that is being read is the first of its phase.
    is_first: bool,
    /// Turns of sessions before the record that is being read.
    turns: usize,
}

impl<'r> Rows<'r> {
    pub(super) fn new(columns: &'r Columns, options: &'r ReadOptions) -> Self {
        let (read, values, lens) = (Read::default(), Vec::new(), Vec::new());
        Self { columns, options, read, values, lens, current: 0, is_first: false, turns: 0 }
    }

    /// The columns of the run.
    pub(super) fn columns(&self) -> &'r Columns {
        self.columns
    }

    /// So many more lines were looked at.
    pub(super) fn add_lines(&mut self, lines: u64) {
        self.read.lines += lines;
    }

    /// Begins a record of a phase; none: it is of a phase that is not asked for, and done.
    pub(super) fn begin(&mut self, key: &PhaseKey) -> Option<Row<'_>> {
        let wanted = &self.options.phases;
        if !wanted.is_empty() && !wanted.contains(&key.name) {
            self.read.records += 1;
            return None;
        }
        self.is_first = false;
        if self.read.phases.get(self.current).is_none_or(|phase| phase.key != *key) {
            let known = self.read.phases.iter().position(|phase| phase.key == *key);
            self.is_first = known.is_none();
            self.current = known.unwrap_or_else(|| {
                let timeline = Timeline::default();
                self.read.phases.push(PhaseRead { key: key.clone(), timeline });
                self.values.push(self.columns.new_values());
                self.lens.push(0);
                self.lens.len() - 1
            });
        }
        let row = self.lens[self.current];
        let timeline = &mut self.read.phases[self.current].timeline;
        self.turns = timeline.turns();
        Some(Row { values: &mut self.values[self.current], row, timeline })
    }

    /// The record is whole.
    pub(super) fn end(&mut self) {
        self.read.records += 1;
        self.lens[self.current] += 1;
        if self.lens[self.current] == self.options.batch_records {
            self.flush(self.current);
        }
    }

    /// The record is none after all.
    pub(super) fn undo(&mut self) {
        if self.is_first {
            // Phases come in the order of their records, whatever was tried before.
            self.read.phases.pop();
            self.values.pop();
            self.lens.pop();
            return;
        }
        let row = self.lens[self.current];
        self.values[self.current].iter_mut().for_each(|values| values.truncate(row));
        self.read.phases[self.current].timeline.undo_sessions(self.turns);
    }

    /// The line of that number, from 0, is no record. False: the reading ends with it.
    pub(super) fn bad(&mut self, line: u64, problem: Problem) -> bool {
        let options = self.options;
        self.read.is_over = match problem.reach {
            Reach::Damage => true,
            Reach::NewColumn if !options.is_looked_through => true,
            _ => !options.skip_bad_records,
        };
        // What is damaged is no record, and leaving it out would leave out many.
        self.read.bad_count += u64::from(problem.reach != Reach::Damage);
        if self.read.is_over || self.read.bad.len() < options.bad_max {
            self.read.bad.push(BadLine { line, problem });
        }
        !self.read.is_over
    }

    /// What was read.
    pub(super) fn finish(mut self) -> Read {
        (0..self.lens.len()).for_each(|phase| self.flush(phase));
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
        self.read.batches.push(PhaseBatch { phase, columns, len });
    }
}

/// Tells the timeline of the records of a batch.
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

/// One record while it is read.
pub(super) struct Row<'r> {
    values: &'r mut [Values],
    row: usize,
    timeline: &'r mut Timeline,
}

impl Row<'_> {
    /// Whether values of a column are asked for.
    pub(super) fn takes(&self, column: usize) -> bool {
        !matches!(self.values[column], Values::Unread)
    }

    /// Sets a column of whole numbers.
    pub(super) fn u64(&mut self, column: usize, value: u64) {
        if let Values::U64(values) = &mut self.values[column] {
            values.set(self.row, value);
        }
    }

    /// Sets a column of numbers.
    pub(super) fn f64(&mut self, column: usize, value: f64) {
        if let Values::F64(values) = &mut self.values[column] {
            values.set(self.row, value);
        }
    }

    /// Sets a column of text.
    pub(super) fn text(&mut self, column: usize, text: &str) {
        if let Values::Text(values) = &mut self.values[column] {
            let code = values.code(text);
            values.codes.set(self.row, code);
        }
    }

    /// Begins a list of numbers in a column of them.
    pub(super) fn list(&mut self, column: usize) -> Option<List<'_>> {
        let Values::F64List(values) = &mut self.values[column] else { return None };
        let from = values.items.len();
        Some(List { values, row: self.row, from })
    }

    /// Says which session the record is a turn of.
    pub(super) fn session(&mut self, session: &str, turn: u64, end_ns: u64, cancelled: bool) {
        self.timeline.add_session(Session::new(session, turn, end_ns, cancelled));
    }
}

/// A list of numbers while it is read.
pub(super) struct List<'l> {
    values: &'l mut ListValues,
    row: usize,
    from: usize,
}

impl List<'_> {
    pub(super) fn push(&mut self, value: f64) {
        self.values.items.push(value);
    }

    pub(super) fn end(self) {
        let end = self.values.items.len();
        self.values.ends.pad(self.row, self.from as i32);
        self.values.ends.set(self.row, end as i32);
    }
}

/// Values of one column, in a row for each record up to the last that has one.
pub(super) enum Values {
    U64(Fixed<u64>),
    F64(Fixed<f64>),
    Text(TextValues),
    F64List(ListValues),
    /// Nobody asks for them.
    Unread,
}

impl Values {
    pub(super) fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::U64 => Self::U64(Fixed::default()),
            ColumnType::F64 => Self::F64(Fixed::default()),
            ColumnType::Text => Self::Text(TextValues::default()),
            ColumnType::F64List => Self::F64List(ListValues::default()),
        }
    }

    /// Only the first rows stay.
    fn truncate(&mut self, rows: usize) {
        match self {
            Self::U64(values) => values.truncate(rows),
            Self::F64(values) => values.truncate(rows),
            Self::Text(values) => values.codes.truncate(rows),
            Self::F64List(values) => {
                values.ends.truncate(rows);
                values.items.truncate(values.ends.values.last().map_or(0, |end| *end as usize));
            }
            Self::Unread => {}
        }
    }

    /// The column of so many rows; those without a value are missing. None: it is not read.
    fn take(&mut self, rows: usize) -> Option<Column> {
        Some(match self {
            Self::U64(values) => {
                let (values, nulls) = values.take(rows, 0);
                Column::U64(PrimitiveArray::new(values.into(), nulls))
            }
            Self::F64(values) => {
                let (values, nulls) = values.take(rows, 0.0);
                Column::F64(Float64Array::new(values.into(), nulls))
            }
            Self::Text(values) => Column::Text(values.take(rows)),
            Self::F64List(values) => Column::F64List(values.take(rows)),
            Self::Unread => return None,
        })
    }
}

/// Values of one size, and the rows that have none.
#[derive(Default)]
pub(super) struct Fixed<T> {
    values: Vec<T>,
    missing: Vec<u32>,
}

impl<T: Copy + Default> Fixed<T> {
    fn set(&mut self, row: usize, value: T) {
        if self.values.len() != row {
            self.pad(row, T::default());
        }
        self.values.push(value);
    }

    /// Rows before `row` that have no value get one.
    #[cold]
    fn pad(&mut self, row: usize, value: T) {
        let from = self.values.len();
        if from < row {
            self.missing.extend((from..row).map(|row| row as u32));
            self.values.resize(row, value);
        }
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        let kept = self.missing.partition_point(|row| (*row as usize) < rows);
        self.missing.truncate(kept);
    }

    fn take(&mut self, rows: usize, last: T) -> (Vec<T>, Option<NullBuffer>) {
        self.pad(rows, last);
        // The next batch is likely to be as large.
        let values = std::mem::replace(&mut self.values, Vec::with_capacity(rows));
        let missing = std::mem::take(&mut self.missing);
        if missing.is_empty() {
            return (values, None);
        }
        let mut validity = BooleanBufferBuilder::new(rows);
        validity.append_n(rows, true);
        missing.iter().for_each(|row| validity.set_bit(*row as usize, false));
        (values, Some(NullBuffer::new(validity.finish())))
    }
}

/// Texts, each distinct one once.
#[derive(Default)]
pub(super) struct TextValues {
    codes: Fixed<u32>,
    dictionary: Vec<Arc<str>>,
    known: HashMap<Arc<str>, u32>,
    last: u32,
}

impl TextValues {
    fn code(&mut self, text: &str) -> u32 {
        // Neighbours are often alike.
        if self.dictionary.get(self.last as usize).is_some_and(|last| **last == *text) {
            return self.last;
        }
        self.last = match self.known.get(text) {
            Some(code) => *code,
            None => {
                let (code, text) = (self.dictionary.len() as u32, Arc::<str>::from(text));
                self.dictionary.push(Arc::clone(&text));
                self.known.insert(text, code);
                code
            }
        };
        self.last
    }

    fn take(&mut self, rows: usize) -> DictionaryArray<UInt32Type> {
        let (codes, nulls) = self.codes.take(rows, 0);
        let texts = StringArray::from_iter_values(std::mem::take(&mut self.dictionary));
        self.known.clear();
        let codes = PrimitiveArray::new(codes.into(), nulls);
        DictionaryArray::new(codes, Arc::new(texts))
    }
}

/// Lists, one behind the other.
#[derive(Default)]
pub(super) struct ListValues {
    items: Vec<f64>,
    /// Where in `items` each row's list ends.
    ends: Fixed<i32>,
}

impl ListValues {
    fn take(&mut self, rows: usize) -> ListArray {
        let (ends, nulls) = self.ends.take(rows, self.items.len() as i32);
        let items = std::mem::take(&mut self.items);
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        offsets.extend(ends);
        let field = Field::new_list_field(DataType::Float64, true);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        ListArray::new(Arc::new(field), offsets, Arc::new(Float64Array::from(items)), nulls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::columns::Survey;

    #[test]
    fn a_record_that_is_undone_leaves_no_phase_behind() {
        let columns = Survey::default().columns();
        let options = ReadOptions {
            phases: Vec::new(),
            batch_records: 10,
            skip_bad_records: false,
            bad_max: 1,
            is_looked_through: true,
        };
        let mut rows = Rows::new(&columns, &options);
        for (phase, is_one) in
            [("b", false), ("a", true), ("b", false), ("b", true), ("a", false), ("a", true)]
        {
            rows.begin(&PhaseKey::named(phase)).unwrap().u64(standard::START, 1);
            if is_one { rows.end() } else { rows.undo() }
        }
        let read = rows.finish();
        let phases: Vec<_> = read.phases.iter().map(|phase| &*phase.key.name).collect();
        assert_eq!(phases, ["a", "b"]);
        let lens: Vec<_> = read.batches.iter().map(|batch| (batch.phase, batch.len)).collect();
        assert_eq!(lens, [(0, 2), (1, 1)]);
    }
}
