//! Reads a text with a reader, block by block, for tests.

use std::sync::Arc;

use perfbox_model::batch::Column;
use perfbox_model::cancel::CancelToken;

use crate::batch_builder::{BatchBuilder, PhaseKey, ReadOptions};
use crate::columns::Columns;
use crate::format::Format;
use crate::input::Input;
use crate::reader::Reader;
use crate::schema_scan::SchemaScan;

/// Records and errors of a text.
#[derive(Debug, Default)]
pub(crate) struct ReadOutcome {
    pub(crate) has_records: bool,
    /// Name and unit of each column that is not a standard one.
    pub(crate) columns: Vec<(String, String)>,
    /// Phase and values of each record, as `name=value`; missing values are left out.
    pub(crate) records: Vec<(PhaseKey, Vec<String>)>,
    /// `line:column: message`, from 1.
    pub(crate) bad: Vec<String>,
    pub(crate) lines: u64,
}

impl ReadOutcome {
    /// Values of each record, except those of some columns.
    pub(crate) fn values(&self, but: &[&str]) -> Vec<String> {
        let is_told = |value: &&String| !but.contains(&value.split('=').next().unwrap());
        let outcome = |values: &Vec<String>| {
            values.iter().filter(is_told).cloned().collect::<Vec<_>>().join(" ")
        };
        self.records.iter().map(|(_, values)| outcome(values)).collect()
    }

    /// Values of one column; empty where missing.
    pub(crate) fn value(&self, name: &str) -> Vec<&str> {
        let value = |(_, values): &'_ (PhaseKey, Vec<String>)| {
            values.iter().position(|value| value.split('=').next() == Some(name))
        };
        let records = self.records.iter();
        records
            .map(|record| value(record).map_or("", |at| &record.1[at][name.len() + 1..]))
            .collect()
    }
}

/// Reads a text in blocks of about `block_bytes`, skipping bad records.
pub(crate) fn read_in_blocks(reader: &dyn Reader, text: &[u8], block_bytes: usize) -> ReadOutcome {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, text).unwrap();
    let input = Input::open(&file.path().to_string_lossy(), &CancelToken::default()).unwrap();
    let mut outcome = ReadOutcome::default();
    let mut schema = SchemaScan::default();
    let mut blocks = input.blocks(reader.split_rule()).unwrap();
    while let Some(block) = blocks.next_block(block_bytes, Vec::new()).unwrap() {
        outcome.has_records |= reader.scan_schema(&block, &mut schema).has_records;
    }
    let columns = Arc::new(schema.columns());
    let own = columns.infos.iter().skip(perfbox_model::batch::standard_columns().len());
    outcome.columns = own.map(|info| (info.name.clone(), info.unit.clone())).collect();
    let options = ReadOptions {
        phases: Vec::new(),
        batch_records: 1000,
        skip_bad_records: true,
        bad_max: 100,
        ..ReadOptions::default()
    };
    let mut blocks = input.blocks(reader.split_rule()).unwrap();
    while let Some(block) = blocks.next_block(block_bytes, Vec::new()).unwrap() {
        let mut builder = BatchBuilder::new(Arc::clone(&columns), &options);
        reader.read(&block, &mut builder);
        let read = builder.finish();
        for batch in &read.batches {
            let key = &read.phases[batch.phase].key;
            for row in 0..batch.len {
                outcome.records.push((key.clone(), record(&columns, &batch.columns, row)));
            }
        }
        let bad = read.bad.iter().map(|bad| {
            let line = outcome.lines + bad.line + 1;
            format!("{line}:{}: {}", bad.problem.column, bad.problem.message)
        });
        outcome.bad.extend(bad.collect::<Vec<_>>());
        outcome.lines += read.lines;
    }
    outcome
}

/// Reads a text in one block.
pub(crate) fn read(reader: &dyn Reader, text: &str) -> ReadOutcome {
    read_in_blocks(reader, text.as_bytes(), 1 << 20)
}

/// Values of a record, without missing ones.
fn record(columns: &Columns, values: &[Option<Column>], row: usize) -> Vec<String> {
    use arrow_array::Array as _;
    let outcome = columns.infos.iter().zip(values).filter_map(|(info, values)| {
        let value = match values.as_ref()? {
            Column::U64(values) => values.is_valid(row).then(|| values.value(row).to_string()),
            Column::F64(values) => values.is_valid(row).then(|| values.value(row).to_string()),
            Column::Text(values) => values.is_valid(row).then(|| {
                let texts = values.downcast_dict::<arrow_array::StringArray>().unwrap();
                texts.values().value(values.keys().value(row) as usize).to_owned()
            }),
            Column::F64List(values) => values.is_valid(row).then(|| {
                let list = values.value(row);
                let list = list.as_any().downcast_ref::<arrow_array::Float64Array>().unwrap();
                format!("{:?}", list.values().to_vec())
            }),
        };
        Some(format!("{}={}", info.name, value?))
    });
    outcome.collect()
}

/// The start of an input of each format.
pub(crate) const STARTS: [(Format, &str); 9] = [
    (
        Format::AiperfJsonl,
        r#"{"metadata":{"request_start_ns":1,"benchmark_phase":"profiling"},"metrics":{"a":{"value":1,"unit":"ms"}}}"#,
    ),
    (
        Format::K6Json,
        r#"{"type":"Metric","data":{"name":"http_reqs","type":"counter","contains":"default","thresholds":[],"submetrics":null},"metric":"http_reqs"}"#,
    ),
    (
        Format::VegetaJson,
        r#"{"attack":"","seq":0,"code":200,"timestamp":"2026-05-28T15:28:20Z","latency":1,"bytes_out":0,"bytes_in":4,"error":"","body":""}"#,
    ),
    (
        Format::VllmJson,
        "{\n \"date\": \"20260528-143022\", \"backend\": \"openai\", \"input_lens\": [1, 2",
    ),
    (
        Format::GuidellmJson,
        "{\n    \"benchmarks\": [\n        {\n            \"type_\": \"generative_benchmark\",",
    ),
    (Format::K6Csv, "metric_name,timestamp,metric_value,check\nhttp_reqs,1,1.000000,"),
    (Format::VegetaCsv, "1780000100000062202,200,2990233,0,40,,e30=,steady,0,GET,http://h,"),
    (Format::Jsonl, r#"{"start":1,"latency":2,"type":"Point","benchmarks":[{"name":"a"}]}"#),
    (Format::Parquet, "PAR1\u{15}\u{0}"),
];
