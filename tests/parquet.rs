//! Parquet: which types fit what they are mapped to, what they say, and files that are
//! damaged.

use std::sync::Arc;

use arrow_array::types::Float64Type;
use arrow_array::{
    ArrayRef, Date32Array, DurationMicrosecondArray, Float64Array, Int16Array, Int64Array,
    ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};

use crate::support::{Dir, metric};

const MAPS: &str = "--map start=t:s --map latency=l:ms";

/// A file of these columns, in groups of so many rows.
fn file_of(columns: &[(&str, ArrayRef)], rows: usize) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows))
        .set_dictionary_enabled(false)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn every_compression_of_others_is_read() {
    let numbers = || array(Float64Array::from_iter_values((0..4000).map(f64::from)));
    let batch = RecordBatch::try_from_iter([("t", numbers()), ("l", numbers())]).unwrap();
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let properties = WriterProperties::builder().set_compression(compression).build();
        let mut file = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        file.write(&batch).unwrap();
        let summary = summary_of(&file.into_inner().unwrap(), MAPS);
        assert_eq!(*metric(&summary, "metrics", "request_count"), 4000, "{compression}");
    }
}

/// Two requests with one column more.
fn with(name: &str, column: impl Into<ArrayRef>) -> Vec<u8> {
    let column = column.into();
    let ones = || Arc::new(Int64Array::from(vec![1; column.len()])) as ArrayRef;
    file_of(&[("t", ones()), ("l", ones()), (name, Arc::clone(&column))], 1000)
}

fn array(array: impl arrow_array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}

/// What is said on standard error.
#[track_caller]
fn words_of(file: &[u8], status: i32, flags: &str) -> String {
    let dir = Dir::new();
    dir.write("r.parquet", file);
    dir.expect(status, &format!("run r.parquet --quiet --skip-bad-records {flags}")).stderr
}

#[track_caller]
fn summary_of(file: &[u8], flags: &str) -> Value {
    let dir = Dir::new();
    dir.write("r.parquet", file);
    dir.expect(0, &format!("run r.parquet --format json --quiet {flags}")).json()
}

fn stats(summary: &Value, name: &str) -> (String, Value) {
    let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap();
    let found = metrics.iter().find(|metric| metric["name"] == name).unwrap();
    (found["unit"].as_str().unwrap_or_default().to_owned(), found["stats"]["max"].clone())
}

#[test]
fn a_damaged_row_group_ends_the_reading_though_bad_records_are_left_out() {
    let numbers = || array(Float64Array::from_iter_values((0..4000).map(f64::from)));
    let mut file = file_of(&[("t", numbers()), ("l", numbers())], 1000);
    let reader = SerializedFileReader::new(bytes::Bytes::from(file.clone())).unwrap();
    assert_eq!(reader.num_row_groups(), 4);
    let page = reader.metadata().row_group(2).column(1).data_page_offset() as usize;
    file[page..page + 8].fill(0xff);
    let dir = Dir::new();
    dir.write("r.parquet", file);
    for skip in ["", "--skip-bad-records"] {
        let ran = dir.expect(4, &format!("run r.parquet --format json --quiet {skip} {MAPS}"));
        let start = "error: r.parquet: row group 3 of 4 cannot be decoded: ";
        assert!(ran.stderr.starts_with(start), "{}", ran.stderr);
        assert!(ran.stderr.ends_with("; the records before it are reported\n"), "{}", ran.stderr);
        let summary = ran.json();
        assert_eq!(summary["inputs"][0]["records"], 2000);
        assert_eq!(summary["inputs"][0]["bad_records"], 0);
        assert_eq!(summary["status"], "bad_input");
    }
}

#[test]
fn the_line_of_a_bad_record_counts_the_rows_of_all_groups_before() {
    let latencies =
        Float64Array::from_iter_values((0..30).map(|n| if n == 25 { -1.0 } else { 1.0 }));
    let starts = Float64Array::from_iter_values((0..30).map(f64::from));
    let file = file_of(&[("t", array(starts)), ("l", array(latencies))], 10);
    let words = words_of(&file, 0, MAPS);
    let expected = " WARN 1 bad record of r.parquet left out, the first at 26:1: latency is \
        negative: -1 ms\n";
    assert_eq!(words, expected);
}

#[test]
fn types_that_no_value_of_fits_are_refused() {
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>([Some([Some(1.0)]), None]);
    let durations = || array(DurationMicrosecondArray::from(vec![5000, 6000]));
    let times = || array(TimestampMicrosecondArray::from(vec![5000, 6000]));
    for (column, flags, words) in [
        (
            array(lists.clone()),
            "--map metric.n=x",
            "column `x` is of type List(Float64), which cannot be `metric.n`; that takes a number, a \
             DURATION, or a number as text",
        ),
        (
            array(lists),
            "--map name=x",
            "column `x` is of type List(Float64), which cannot be `name`; that takes text, or what \
             can be written as one",
        ),
        (
            array(Date32Array::from(vec![1, 2])),
            "--map end=x",
            "column `x` is of type Date32, which cannot be `end`; that takes a TIMESTAMP, a number \
             with a unit, or text",
        ),
        (
            array(Int64Array::from(vec![1, 2])),
            "--map end=x:rfc3339",
            "column `x` is of type Int64, which cannot be `end`; that takes a TIMESTAMP, a number \
             with a unit, or text",
        ),
        (
            times(),
            "--map status=x",
            "column `x` is of type Timestamp(µs), which cannot be `status`; that takes a number or \
             text",
        ),
        (
            durations(),
            "--map success=x",
            "column `x` is of type Duration(µs), which cannot be `success`; that takes a truth \
             value, a number or text",
        ),
        (
            times(),
            "--map end=x:s",
            "column `x` is of type Timestamp(µs), which has its unit itself, and so not `s`; leave \
             the unit of `end` out",
        ),
        (
            durations(),
            "--map metric.n=x:B",
            "column `x` is of type Duration(µs), which cannot be `metric.n`; that takes a number; \
             of a DURATION the unit is ns, us, ms or s",
        ),
    ] {
        let told = words_of(&with("x", column), 2, &format!("{MAPS} {flags}"));
        assert_eq!(told, format!("error: r.parquet: {words}\n"));
    }
}

#[test]
fn durations_and_timestamps_have_their_unit_themselves() {
    let file = file_of(
        &[
            ("sent", array(TimestampMicrosecondArray::from(vec![1_780_000_000_000_001]))),
            ("took", array(DurationMicrosecondArray::from(vec![5000]))),
        ],
        10,
    );
    for flags in
        ["--map start=sent --map latency=took", "--map start=sent:us --map latency=took:us"]
    {
        let flags = format!("{flags} --map metric.plain=took --map metric.ms=took:ms");
        let summary = summary_of(&file, &flags);
        assert_eq!(stats(&summary, "request_latency"), ("ms".to_owned(), json!(5.0)));
        assert_eq!(stats(&summary, "plain"), ("ns".to_owned(), json!(5e6)));
        assert_eq!(stats(&summary, "ms"), ("ms".to_owned(), json!(5.0)));
        let of_phase = &summary["phases"][0]["stats"];
        assert_eq!(of_phase["start_ns"], 1_780_000_000_000_001_000_u64);
        assert_eq!(of_phase["end_ns"], 1_780_000_000_005_001_000_u64);
    }
    let told = words_of(&file, 2, "--map start=sent --map latency=took:ms");
    let expected = "error: r.parquet: column `took` is of type Duration(µs), which has its unit \
                    itself, and so not `ms`; leave the unit of `latency` out\n";
    assert_eq!(told, expected);
}

#[test]
fn what_inspect_suggests_of_durations_is_read_right() {
    let dir = Dir::new();
    let file = file_of(
        &[
            ("timestamp", array(TimestampMicrosecondArray::from(vec![1_780_000_000_000_000]))),
            ("duration", array(DurationMicrosecondArray::from(vec![5000]))),
        ],
        10,
    );
    dir.write("r.parquet", file);
    let shown = dir.expect(0, "inspect r.parquet").stdout;
    let (_, yaml) = shown.split_once("\nor in perfbox.yaml:\n\n").unwrap();
    dir.write("perfbox.yaml", yaml.replace("\n  ", "\n").trim_start());
    let summary = dir.expect(0, "run r.parquet --format json --quiet").json();
    assert_eq!(stats(&summary, "request_latency"), ("ms".to_owned(), json!(5.0)));
}

#[test]
fn what_inspect_suggests_of_text_is_told_by_its_values() {
    let dir = Dir::new();
    let file = file_of(
        &[
            // arrow cannot write it as text: it has a zone with a name.
            ("logged", array(TimestampMicrosecondArray::from(vec![1; 2]).with_timezone("UTC"))),
            ("began", array(StringArray::from(vec!["2026-11-22T12:40:00.010330Z"; 2]))),
            ("lat_ns", array(Int64Array::from(vec![5_000_000, 7_000_000]))),
            ("Outcome", array(StringArray::from(vec!["ok", "FAIL"]))),
        ],
        10,
    );
    dir.write("r.parquet", file);
    let shown = dir.expect(0, "inspect r.parquet").stdout;
    let (_, yaml) = shown.split_once("\nor in perfbox.yaml:\n\n").unwrap();
    assert_eq!(
        yaml,
        "  mapping:\n    \"start\": \"began:rfc3339\"\n    \"latency\": \"lat_ns:ns\"\n    \
         \"success\": \"Outcome\"\n"
    );
    dir.write("perfbox.yaml", yaml.replace("\n  ", "\n").trim_start());
    let summary = dir.expect(0, "run r.parquet --format json --quiet").json();
    assert_eq!(*metric(&summary, "metrics", "error_request_count"), 1);
    assert_eq!(stats(&summary, "request_latency"), ("ms".to_owned(), json!(5.0)));
}

#[test]
fn a_status_of_any_type_of_numbers_is_a_status() {
    for column in [
        array(Float64Array::from(vec![Some(200.0), Some(500.0), None, Some(0.0)])),
        array(Int16Array::from(vec![Some(200), Some(500), None, Some(0)])),
        array(UInt64Array::from(vec![Some(200), Some(500), None, Some(0)])),
        array(StringArray::from(vec![Some("200.0"), Some("500"), Some(""), Some("0")])),
    ] {
        let summary = summary_of(&with("s", column), &format!("{MAPS} --map status=s"));
        assert_eq!(*metric(&summary, "metrics", "request_count"), 2);
        let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap();
        let errors = metrics.iter().filter(|metric| metric["name"] == "errors");
        let mut kinds: Vec<_> = errors.map(|one| &one["labels"]["error_type"]).collect();
        kinds.sort_by_key(|kind| kind.to_string());
        assert_eq!(kinds, ["500", "transport"]);
    }
}

#[test]
fn values_that_cannot_be_read_are_bad_records_and_not_missing() {
    let starts = array(Int64Array::from(vec![1, 1, i64::MAX, -1]));
    let latencies = array(StringArray::from(vec!["1", "oh", "1", "1"]));
    let file = file_of(&[("t", starts), ("l", latencies)], 10);
    let dir = Dir::new();
    dir.write("r.parquet", file);
    let run = format!("run r.parquet --skip-bad-records --format json --quiet {MAPS}");
    assert_eq!(
        dir.expect(0, &run).json()["inputs"][0]["bad_record_reasons"],
        json!([
            "2:1: column `l`: `oh` is not a number",
            "3:1: column `t`: `9223372036854775807` s are beyond the year 2554; check the unit",
            "4:1: column `t`: the time is before 1970"
        ])
    );
}
