//! How fast is each format read? Every column of it, on one thread, against an ordinary
//! reader of the same file in this process: `serde_json::Value` for each line or document,
//! the `csv` crate with each number parsed, arrow's own reader of Parquet.
//!
//! `cargo bench -p perfbox --bench ingest`

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
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
                let rows: Vec<_> = read_parquet(&self.fixture()).collect();
                let of_fixture: usize = rows.iter().map(RecordBatch::num_rows).sum();
                times = (bytes as f64 * PARQUET_ROWS_PER_BYTE) as usize / of_fixture;
                write_parquet(out, &rows, times);
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
            Form::Parquet => read_parquet(path).map(|batch| black_box(batch).num_rows()).sum(),
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

fn read_parquet(path: &Path) -> impl Iterator<Item = RecordBatch> {
    let file = File::open(path).expect("the input");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let reader = reader.with_batch_size(8192).build().expect("its columns");
    reader.map(|batch| batch.expect("a batch"))
}

/// The rows over and over, each time somewhat later and slower: what is repeated takes no
/// room in Parquet, and no time to decode.
fn write_parquet(out: BufWriter<File>, rows: &[RecordBatch], times: usize) {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS));
    let mut writer = ArrowWriter::try_new(out, rows[0].schema(), Some(properties.build()))
        .expect("a writer of Parquet");
    for (time, batch) in (0..times).flat_map(|time| rows.iter().map(move |rows| (time, rows))) {
        let mut columns = batch.columns().to_vec();
        let sent = columns[0].as_primitive::<TimestampMicrosecondType>();
        let kind = sent.data_type().clone();
        let later = sent.unary::<_, TimestampMicrosecondType>(|us| us + time as i64 * 5_000_000);
        columns[0] = Arc::new(later.with_data_type(kind)) as ArrayRef;
        let took = columns[1].as_primitive::<Float64Type>();
        let slower = took.unary::<_, Float64Type>(|ms| ms + time as f64 / 1e3);
        columns[1] = Arc::new(slower);
        let batch = RecordBatch::try_new(batch.schema(), columns).expect("a batch");
        writer.write(&batch).expect("rows");
    }
    writer.close().expect("the end");
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
