//! Compares reading with and without templates, on lines made to mislead the templates.

mod maker;

use std::cell::Cell as Count;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use maker::{Dice, Maker};
use perfbox_model::batch::{Column, WantedColumns};
use perfbox_model::cancel::CancelToken;
use perfbox_model::phase::Phase;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::*;
use crate::batch_builder::{BatchBuilder, BlockRecords, ReadOptions};
use crate::columns::{Columns, standard};
use crate::input::{Block, Input};
use crate::readers::aiperf::Aiperf;
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;
use crate::timeline::Timeline;

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Unread,
    Missing,
    Whole(u64),
    /// As bits.
    Number(u64),
    Text(String),
    List(Vec<u64>),
}

fn cell(column: &Column, row: usize) -> Cell {
    let bits = |number: f64| number.to_bits();
    match column {
        Column::U64(values) if values.is_valid(row) => Cell::Whole(values.value(row)),
        Column::F64(values) if values.is_valid(row) => Cell::Number(bits(values.value(row))),
        Column::Text(values) if values.is_valid(row) => {
            let key = values.keys().value(row) as usize;
            Cell::Text(values.values().as_string::<i32>().value(key).to_owned())
        }
        Column::F64List(values) if values.is_valid(row) => {
            let list = values.value(row);
            Cell::List(list.as_primitive::<Float64Type>().iter().flatten().map(bits).collect())
        }
        _ => Cell::Missing,
    }
}

/// Records and errors of some lines.
#[derive(Debug, Default)]
struct Outcome {
    /// Rows and timeline of each phase.
    phases: BTreeMap<String, (Vec<Vec<Cell>>, Timeline)>,
    records: u64,
    lines: u64,
    bad: Vec<(u64, RecordError)>,
}

/// Name, rows and timeline of a phase.
type PhaseOutcome = (String, Vec<Vec<Cell>>, String);

impl Outcome {
    /// Adds the next block.
    fn add(&mut self, read: BlockRecords) {
        let bad = read.bad.into_iter().map(|bad| (self.lines + bad.line, bad.problem));
        self.bad.extend(bad);
        self.lines += read.lines;
        self.records += read.records;
        let keys: Vec<_> = read.phases.iter().map(|phase| format!("{:?}", phase.key)).collect();
        for (key, phase) in keys.iter().zip(read.phases) {
            self.phases.entry(key.clone()).or_default().1.append(phase.timeline);
        }
        for batch in read.batches {
            let rows = (0..batch.len).map(|row| {
                let columns = batch.columns.iter();
                columns.map(|one| one.as_ref().map_or(Cell::Unread, |one| cell(one, row))).collect()
            });
            self.phases.entry(keys[batch.phase].clone()).or_default().0.extend(rows);
        }
    }

    /// Everything, for comparison.
    fn outcome(self) -> (Vec<PhaseOutcome>, u64, u64, Vec<(u64, RecordError)>) {
        let phases = self.phases.into_iter().map(|(key, (rows, timeline))| {
            let phase = Phase { name: key.clone(), kind: String::new(), index: 0 };
            (key, rows, format!("{:?}", timeline.finish(phase, None)))
        });
        (phases.collect(), self.records, self.lines, self.bad)
    }
}

fn read(
    reader: &Aiperf,
    block: &Block,
    columns: &Arc<Columns>,
    batch_records: usize,
) -> BlockRecords {
    let options = ReadOptions {
        phases: Vec::new(),
        batch_records,
        skip_bad_records: true,
        bad_max: usize::MAX,
        ..ReadOptions::default()
    };
    let mut builder = BatchBuilder::new(Arc::clone(columns), &options);
    reader.read(block, &mut builder);
    builder.finish()
}

/// Expected cells of a good record, from its parsed JSON.
fn cells_of(record: &Value, columns: &Columns) -> Vec<Cell> {
    let metadata = &record["metadata"];
    let whole = |value: &Value| value.as_u64().map_or(Cell::Missing, Cell::Whole);
    let text = |value: &Value| value.as_str().map_or(Cell::Missing, |text| Cell::Text(text.into()));
    let bits = |value: &Value| value.as_f64().unwrap().to_bits();
    let start = ["request_start_ns", "timestamp_ns"].map(|name| metadata[name].as_u64());
    let start_ns = start[0].or(start[1]).unwrap();
    let is_cancelled = metadata["was_cancelled"] == true;
    let of_column = |at: usize| match (at, columns.infos[at].name.as_str()) {
        _ if !columns.is_read(at) => Cell::Unread,
        (standard::START, _) => Cell::Whole(start_ns),
        (standard::END, _) if metadata["request_end_ns"].is_null() => {
            match record["metrics"]["request_latency"]["value"].as_f64() {
                Some(ms) => Cell::Whole(start_ns.saturating_add((ms * 1e6).round() as u64)),
                None => Cell::Missing,
            }
        }
        (standard::STATUS, _) => whole(&record["error"]["code"]),
        (standard::ERROR_TYPE, _) => match (&record["error"], is_cancelled) {
            (Value::Null, false) => Cell::Missing,
            (Value::Null, true) => Cell::Text("cancelled".to_owned()),
            (error, _) => Cell::Text(error["type"].as_str().unwrap_or("unknown").to_owned()),
        },
        (standard::ERROR_MESSAGE, _) => text(&record["error"]["message"]),
        (standard::NAME, _) => Cell::Missing,
        (standard::WORKER, _) => text(&metadata["worker_id"]),
        (standard::SESSION, _) => text(&metadata["x_correlation_id"]),
        (standard::CANCELLED, _) => Cell::Whole(is_cancelled.into()),
        (_, name) if columns.infos[at].kind == ColumnType::U64 => whole(&metadata[name]),
        (_, name) => {
            let metrics = &record["metrics"];
            let older = if name == "time_to_first_token" { "ttft" } else { name };
            let values = [name, older].map(|name| &metrics[name]["value"]);
            match values.into_iter().find(|value| !value.is_null()) {
                None => Cell::Missing,
                Some(Value::Array(list)) => Cell::List(list.iter().map(bits).collect()),
                Some(number) => Cell::Number(bits(number)),
            }
        }
    };
    (0..columns.infos.len()).map(of_column).collect()
}

#[test]
fn misleading_lines_are_read_as_without_templates() {
    let lines = prop::collection::vec((0_u64..4, any::<u64>()), 1..80);
    let cases = (any::<u64>(), lines, any::<u64>());
    let (by_template, good) = (Count::new(0), Count::new(0));
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let ran = TestRunner::new(config).run(&cases, |(base, lines, layout)| {
        let mut layout = Dice(layout);
        let mut text = Vec::new();
        for (shape, values) in lines {
            let line = Maker::line(base.wrapping_add(shape), values);
            text.extend_from_slice(line.as_bytes());
            if layout.once_in(200) {
                text.insert(layout.below(text.len()), 0xff);
            }
            let end = ["\n", "\n", "\n", "\n", "\r\n", " \n", "\n\n"];
            text.extend_from_slice(layout.one_of(&end).as_bytes());
        }
        if layout.once_in(4) {
            text.pop();
        }
        let whole = Block { text: text.clone(), is_last: true, ..Block::default() };
        let mut schema = SchemaScan::default();
        Aiperf::default().scan_schema(&whole, &mut schema);
        let mut columns = schema.columns();
        if layout.once_in(3) {
            let names = ["request_latency", "inter_chunk_latency", "worker_id"];
            columns.want(&WantedColumns::Named(names.map(str::to_owned).into()));
        }

        let columns = Arc::new(columns);

        // Line by line, each with a new reader that has no templates.
        let mut plain = Outcome::default();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let block = Block { number: 1, text: line.to_vec(), ..Block::default() };
            let one = read(&Aiperf::default(), &block, &columns, 1);
            let (records, mut alone) = (one.records, Outcome::default());
            alone.add(one);
            if records == 1
                && let Ok(value) = serde_json::from_slice::<Value>(line)
            {
                let rows: Vec<_> = alone.phases.values().flat_map(|(rows, _)| rows).collect();
                prop_assert_eq!(rows, [&cells_of(&value, &columns)]);
            }
            plain.add(read(&Aiperf::default(), &block, &columns, 1));
        }
        good.set(good.get() + plain.records);
        let plain = plain.outcome();

        // In one block, twice: the second time all templates are known.
        let reader = Aiperf::default();
        let batch_records = layout.below(20) + 1;
        for _ in 0..2 {
            let mut at_once = Outcome::default();
            at_once.add(read(&reader, &whole, &columns, batch_records));
            prop_assert_eq!(&at_once.outcome(), &plain);
        }
        let mut templates = reader.lock().pop().unwrap();
        let options = ReadOptions {
            phases: Vec::new(),
            batch_records,
            skip_bad_records: true,
            bad_max: 0,
            ..ReadOptions::default()
        };
        let mut builder = BatchBuilder::new(Arc::clone(&columns), &options);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let fits =
                std::str::from_utf8(line).ok().and_then(|l| templates.read(l, 0, &mut builder));
            by_template.set(by_template.get() + u64::from(fits.is_some()));
        }

        // In blocks of any size.
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&text).unwrap();
        let input = Input::open(&file.path().to_string_lossy(), &CancelToken::default()).unwrap();
        for _ in 0..2 {
            let (reader, bytes) = (Aiperf::default(), layout.below(8000) + 1);
            let mut blocks = input.blocks(SplitRule::Lines).unwrap();
            let mut in_blocks = Outcome::default();
            while let Some(block) = blocks.next_block(bytes, Vec::new()).unwrap() {
                in_blocks.add(read(&reader, &block, &columns, batch_records));
            }
            prop_assert_eq!(&in_blocks.outcome(), &plain);
        }
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
    assert!(
        good.get() > 5000 && by_template.get() * 5 > good.get(),
        "{} of {} good lines fit a template: too few to say anything",
        by_template.get(),
        good.get()
    );
}
