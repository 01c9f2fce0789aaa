//! How fast is each format read? Every column of it, on one thread, against an ordinary
//! reader of the same file in this process: `serde_json::Value` for each line or document,
//! the `csv` crate with each number parsed, the `parquet` crate's values of each column.
//!
//! `cargo bench -p perfbox --bench ingest`

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parquet::basic::Compression;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, DataType};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use perfbox::batch::WantedColumns;
use perfbox::records::{Mapping, RecordedOptions, RecordedSource};
use perfbox::source::{Item, Source as _};
use serde::Serialize as _;
use serde_json::Value;

/// Bytes of an input, about, and in a smoke run.
const INPUT_BYTES: usize = 32 << 20;
const SMOKE_INPUT_BYTES: usize = 256 << 10;

/// Rows in an input of Parquet for a byte of another: it stores them in less.
const PARQUET_ROWS_PER_BYTE: f64 = 1.0 / 16.0;

/// Rows in a group of Parquet: as DuckDB writes them.
const GROUP_ROWS: usize = 122_880;

/// Measurements whose median is taken.
const RUNS: usize = 7;

/// How an input comes of a fixture, and who else reads it.
#[derive(Clone, Copy)]
enum Form {
    /// JSON, a value a line.
    JsonLines,
    /// CSV, with a header or without.
    Csv {
        has_header: bool,
    },
    /// One JSON document of arrays with an entry for each request.
    Arrays,
    /// One JSON document of benchmarks, each with lists of requests.
    Benchmarks,
    Parquet,
}

/// A format, by a fixture of it.
struct Format {
    name: &'static str,
    fixture: &'static str,
    form: Form,
    mapping: &'static [&'static str],
}

const fn known(name: &'static str, fixture: &'static str, form: Form) -> Format {
    Format { name, fixture, form, mapping: &[] }
}

const CSV: Form = Form::Csv { has_header: true };

const FORMATS: [Format; 14] = [
    known("aiperf-jsonl", "aiperf/profile_export.jsonl", Form::JsonLines),
    known("k6-json", "k6/results.json", Form::JsonLines),
    known("vegeta-json", "vegeta/results.json", Form::JsonLines),
    known("vllm-json", "vllm/serve.json", Form::Arrays),
    known("guidellm-json", "guidellm/benchmarks-v1.json", Form::Benchmarks),
    known("k6-csv", "k6/results-rfc3339-nano.csv", CSV),
    known("jmeter-csv", "jmeter/results.jtl", CSV),
    known("oha-csv", "oha/results.csv", CSV),
    known("hey-csv", "hey/results.csv", CSV),
    known("vegeta-csv", "vegeta/results.csv", Form::Csv { has_header: false }),
    Format {
        name: "csv/locust",
        fixture: "locust/requests.csv",
        form: CSV,
        mapping: &[
            "start=start_time:s",
            "latency=response_time:ms",
            "status=status_code",
            "error=exception",
            "name=name",
            "metric.response_length=response_length:B",
        ],
    },
    Format {
        name: "csv",
        fixture: "generic/results.csv",
        form: CSV,
        mapping: &[
            "start=Sent At (s):s",
            "latency=Took [s]:s",
            "error=Outcome",
            "name=End Point",
            "phase=stage",
            "worker=worker#",
            "metric.response_size=size kB:kB",
        ],
    },
    Format {
        name: "jsonl",
        fixture: "generic/results.jsonl",
        form: Form::JsonLines,
        mapping: &[
            "start=request.sent:rfc3339",
            "latency=timing.total_us:us",
            "error=failure.kind",
            "name=request.endpoint",
            "phase=stage",
            "worker=client.worker",
            "metric.response_size=size.kB:kB",
        ],
    },
    Format {
        name: "parquet",
        fixture: "generic/results-snappy.parquet",
        form: Form::Parquet,
        mapping: &[
            "start=sent",
            "latency=took_ms:ms",
            "error=outcome",
            "name=endpoint",
            "phase=stage",
            "worker=worker",
            "metric.response_size=size_kb:kB",
        ],
    },
];

fn main() {
    let smoke = std::env::args_os().any(|arg| arg == OsStr::new("--test"));
    let (bytes, runs) = if smoke { (SMOKE_INPUT_BYTES, 1) } else { (INPUT_BYTES, RUNS) };
    let dir = tempfile::tempdir().expect("a directory");
    for format in FORMATS {
        let path = dir.path().join("input");
        let records = format.enlarge(&path, bytes);
        format.compare(&path, records, runs);
    }
}

impl Format {
    fn fixture(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(self.fixture)
    }

    /// The fixture over and over, until there are so many bytes. How many records it has.
    fn enlarge(&self, path: &Path, bytes: usize) -> u64 {
        let fixture = fs::read(self.fixture()).expect("a fixture");
        let mut out = BufWriter::new(File::create(path).expect("a file"));
        let mut times = bytes.div_ceil(fixture.len());
        let document = || serde_json::from_slice(&fixture).expect("a document");
        match self.form {
            Form::Csv { has_header: true } => {
                let end = fixture.iter().position(|byte| *byte == b'\n').expect("a header");
                let (header, rows) = fixture.split_at(end + 1);
                out.write_all(header).expect("a header");
                (0..times).for_each(|_| out.write_all(rows).expect("rows"));
            }
            Form::JsonLines | Form::Csv { .. } => {
                (0..times).for_each(|_| out.write_all(&fixture).expect("lines"));
            }
            Form::Arrays => {
                let run = repeated_arrays(document(), times);
                serde_json::to_writer(out, &run).expect("a run");
            }
            Form::Benchmarks => {
                let report = repeated_requests(document(), times);
                let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
                let mut out = serde_json::Serializer::with_formatter(out, indent);
                report.serialize(&mut out).expect("a report");
            }
            Form::Parquet => {
                let file = SerializedFileReader::new(File::open(self.fixture()).expect("a file"));
                let file = file.expect("Parquet");
                let of_fixture = file.metadata().file_metadata().num_rows() as usize;
                times = (bytes as f64 * PARQUET_ROWS_PER_BYTE) as usize / of_fixture;
                write_parquet(out, &file, times);
            }
        }
        self.records_of_fixture(&fixture) * times as u64
    }

    fn records_of_fixture(&self, fixture: &[u8]) -> u64 {
        let path = self.fixture();
        let Ok(expected) = fs::read(path.with_file_name("expected.json")) else {
            // A record a line.
            return fixture.iter().filter(|byte| **byte == b'\n').count() as u64;
        };
        let expected: Value = serde_json::from_slice(&expected).expect("what is expected");
        let file = path.file_name().and_then(OsStr::to_str).expect("a name");
        let phases = expected["files"][file]["phases"].as_object().expect("its phases");
        phases.values().map(|phase| phase["records"].as_u64().expect("a number")).sum()
    }

    /// Both in turns.
    fn compare(&self, path: &Path, records: u64, runs: usize) {
        let (mut plainly, mut as_source) = (Vec::new(), Vec::new());
        // The first of each warms up, and is not counted.
        for _ in 0..=runs {
            let begun = Instant::now();
            black_box(self.read_plainly(path));
            plainly.push(begun.elapsed());
            let begun = Instant::now();
            let read = self.read(path);
            as_source.push(begun.elapsed());
            assert_eq!(read, records, "{}", self.name);
        }
        let megabytes = fs::metadata(path).expect("the input").len() as f64 / 1e6;
        let median = |times: &mut [Duration]| {
            times.sort();
            times[times.len() / 2].as_secs_f64()
        };
        let (plain, ours) = (median(&mut plainly[1..]), median(&mut as_source[1..]));
        let name = self.name;
        for (who, took) in [("plain", plain), ("perfbox", ours)] {
            let title = format!("ingest/{name}/{who}");
            let (megabytes, records) = (megabytes / took, records as f64 / took / 1e6);
            println!("{title:<28} {megabytes:8.1} MB/s {records:8.3} M records/s");
        }
        let title = format!("ingest/{name}/ratio");
        println!("{title:<28} {:8.2} times as fast as plain", plain / ours);
    }

    /// All columns, as `perfbox run` reads them. How many records there were.
    fn read(&self, path: &Path) -> u64 {
        let mut mapping = Mapping::default();
        for flag in self.mapping {
            mapping.add_flag(flag).expect("a mapping");
        }
        let options = RecordedOptions { mapping, ..Default::default() };
        let name = path.to_str().expect("a path of letters").to_owned();
        let mut source = RecordedSource::open(&[name], options).expect("it opens");
        source.want(&WantedColumns::All);
        let mut records = 0;
        for item in source.items() {
            if let Item::Batch(batch) = black_box(item) {
                records += batch.len() as u64;
            }
        }
        let end = source.end();
        assert!(end.error.is_none(), "{}: {:?}", self.name, end.error);
        records
    }

    /// Everything that stands in it. How many values there were.
    fn read_plainly(&self, path: &Path) -> usize {
        match self.form {
            Form::JsonLines => read_json_lines(path),
            Form::Arrays | Form::Benchmarks => {
                let text = fs::read(path).expect("the input");
                let document: Value = serde_json::from_slice(&text).expect("a document");
                black_box(document).as_object().map_or(0, |object| object.len())
            }
            Form::Csv { has_header } => read_csv(path, has_header),
            Form::Parquet => read_parquet(path),
        }
    }
}

fn read_json_lines(path: &Path) -> usize {
    let mut input = BufReader::with_capacity(256 << 10, File::open(path).expect("the input"));
    let (mut line, mut values) = (Vec::new(), 0);
    while input.read_until(b'\n', &mut line).expect("a line") > 0 {
        let value: Value = serde_json::from_slice(&line).expect("JSON");
        values += black_box(value).as_object().map_or(0, |object| object.len());
        line.clear();
    }
    values
}

/// Which fields are numbers is seen in the first row.
fn read_csv(path: &Path, has_header: bool) -> usize {
    let reader = csv::ReaderBuilder::new().has_headers(has_header).from_path(path);
    let mut reader = reader.expect("the input");
    let mut row = csv::StringRecord::new();
    let (mut numbers, mut values) = (None, 0);
    while reader.read_record(&mut row).expect("a row") {
        let is_number = |field: &str| field.parse::<f64>().is_ok();
        let numbers: &Vec<bool> =
            numbers.get_or_insert_with(|| row.iter().map(is_number).collect());
        for (field, is_number) in row.iter().zip(numbers) {
            if *is_number {
                values += usize::from(black_box(field.parse::<f64>()).is_ok());
            }
        }
    }
    values
}

/// Values of a column and the level of each row, which tells a null.
struct Values<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

impl<T> Values<T> {
    /// Levels of a column that may have nulls.
    fn levels(&self) -> Option<&[i16]> {
        (!self.levels.is_empty()).then_some(&self.levels)
    }
}

/// A column of a file, as it is stored.
enum Stored {
    Int32(Values<i32>),
    Int64(Values<i64>),
    Double(Values<f64>),
    Bytes(Values<ByteArray>),
}

/// Every value of every column, some rows at a time.
fn read_parquet(path: &Path) -> usize {
    let file = SerializedFileReader::new(File::open(path).expect("the input")).expect("Parquet");
    let mut values = 0;
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).expect("a row group");
        for column in 0..group.num_columns() {
            let each = |rows: Stored| {
                values += match black_box(rows) {
                    Stored::Int32(of) => of.values.len(),
                    Stored::Int64(of) => of.values.len(),
                    Stored::Double(of) => of.values.len(),
                    Stored::Bytes(of) => of.values.len(),
                };
            };
            read_column(group.get_column_reader(column).expect("a column"), 8192, each);
        }
    }
    values
}

/// The rows of a column in a row group, so many at a time.
fn read_column(reader: ColumnReader, rows: usize, each: impl FnMut(Stored)) {
    fn read<T: DataType>(
        mut reader: ColumnReaderImpl<T>,
        rows: usize,
        stored: impl Fn(Values<T::T>) -> Stored,
        mut each: impl FnMut(Stored),
    ) {
        loop {
            let (mut values, mut levels) = (Vec::new(), Vec::new());
            let read = reader.read_records(rows, Some(&mut levels), None, &mut values);
            if read.expect("values").0 == 0 {
                return;
            }
            each(stored(Values { values, levels }));
        }
    }
    match reader {
        ColumnReader::Int32ColumnReader(reader) => read(reader, rows, Stored::Int32, each),
        ColumnReader::Int64ColumnReader(reader) => read(reader, rows, Stored::Int64, each),
        ColumnReader::DoubleColumnReader(reader) => read(reader, rows, Stored::Double, each),
        ColumnReader::ByteArrayColumnReader(reader) => read(reader, rows, Stored::Bytes, each),
        _ => panic!("the fixture has a column of another type"),
    }
}

/// The rows over and over, each time somewhat later and slower: what is repeated takes no
/// room in Parquet, and no time to decode.
fn write_parquet(out: BufWriter<File>, fixture: &SerializedFileReader<File>, times: usize) {
    let metadata = fixture.metadata();
    let rows = metadata.file_metadata().num_rows() as usize;
    let schema = metadata.file_metadata().schema_descr().root_schema_ptr();
    let group = fixture.get_row_group(0).expect("a row group");
    assert_eq!(metadata.num_row_groups(), 1);
    let columns = (0..group.num_columns()).map(|column| {
        let mut stored = None;
        let reader = group.get_column_reader(column).expect("a column");
        read_column(reader, rows, |rows| stored = Some(rows));
        stored.expect("rows")
    });
    let columns: Vec<_> = columns.collect();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut file = SerializedFileWriter::new(out, schema, Arc::new(properties)).expect("a writer");
    let per_group = (GROUP_ROWS / rows).max(1);
    for first in (0..times).step_by(per_group) {
        let mut group = file.next_row_group().expect("a row group");
        for (place, column) in columns.iter().enumerate() {
            let mut writer = group.next_column().expect("a column").expect("a column");
            for time in first..times.min(first + per_group) {
                column.write(place, time, &mut writer);
            }
            writer.close().expect("a column");
        }
        group.close().expect("a row group");
    }
    file.close().expect("the end");
}

impl Stored {
    /// Writes the rows; the column of starts somewhat later each time, that of latencies
    /// slower.
    fn write(&self, place: usize, time: usize, to: &mut SerializedColumnWriter<'_>) {
        let written = match (self, to.untyped()) {
            (Self::Int32(of), ColumnWriter::Int32ColumnWriter(to)) => {
                to.write_batch(&of.values, of.levels(), None)
            }
            (Self::Int64(of), ColumnWriter::Int64ColumnWriter(to)) => {
                let later = if place == 0 { time as i64 * 5_000_000 } else { 0 };
                let values: Vec<_> = of.values.iter().map(|value| value + later).collect();
                to.write_batch(&values, of.levels(), None)
            }
            (Self::Double(of), ColumnWriter::DoubleColumnWriter(to)) => {
                let slower = if place == 1 { time as f64 / 1e3 } else { 0.0 };
                let values: Vec<_> = of.values.iter().map(|value| value + slower).collect();
                to.write_batch(&values, of.levels(), None)
            }
            (Self::Bytes(of), ColumnWriter::ByteArrayColumnWriter(to)) => {
                to.write_batch(&of.values, of.levels(), None)
            }
            _ => panic!("a column is of one type"),
        };
        written.expect("rows");
    }
}

/// vLLM's run, with each array that has an entry for each request so many times as long.
fn repeated_arrays(mut run: Value, times: usize) -> Value {
    let requests = run["num_prompts"].as_u64().expect("a number") as usize;
    for value in run.as_object_mut().expect("an object").values_mut() {
        if let Value::Array(entries) = value
            && entries.len() == requests
        {
            repeat(entries, times);
        }
    }
    run
}

/// guidellm's report, with so many times the requests.
fn repeated_requests(mut report: Value, times: usize) -> Value {
    for benchmark in report["benchmarks"].as_array_mut().expect("benchmarks") {
        let groups = benchmark["requests"].as_object_mut().expect("requests");
        for requests in groups.values_mut().filter_map(Value::as_array_mut) {
            repeat(requests, times);
        }
    }
    report
}

fn repeat(entries: &mut Vec<Value>, times: usize) {
    *entries = std::iter::repeat_n(std::mem::take(entries), times).flatten().collect();
}
