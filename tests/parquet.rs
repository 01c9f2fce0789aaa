//! Parquet: which types fit what they are mapped to, what they say, and files that are
//! damaged.

use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::{Value, json};

use crate::support::parquet_file::{ARROW_SCHEMA, Values, parquet_file, texts, with_arrow_schema};
use crate::support::{Dir, metric};

const MAPS: &str = "--map start=t:s --map latency=l:ms";

/// Fields of a file with a start and a latency.
const NUMBERS: &str = "required double t; required double l;";

/// A file of these columns, in groups of so many rows.
fn file_of(fields: &str, columns: &[Values], rows: usize) -> Vec<u8> {
    let properties = WriterProperties::builder().set_dictionary_enabled(false);
    parquet_file(fields, columns, rows, properties)
}

/// Numbers from 0 on.
fn numbers(count: u32) -> Values {
    Values::Double((0..count).map(|number| Some(number.into())).collect())
}

fn int64(values: &[i64]) -> Values {
    Values::Int64(values.iter().copied().map(Some).collect())
}

#[test]
fn every_compression_of_others_is_read() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let properties = WriterProperties::builder().set_compression(compression);
        let file = parquet_file(NUMBERS, &[numbers(4000), numbers(4000)], 4000, properties);
        let summary = summary_of(&file, MAPS);
        assert_eq!(*metric(&summary, "metrics", "request_count"), 4000, "{compression}");
    }
}

/// Two requests with a column more.
fn with_column(field: &str, values: Values, properties: WriterPropertiesBuilder) -> Vec<u8> {
    let fields = format!("required int64 t; required int64 l; {field}");
    parquet_file(&fields, &[int64(&[1, 1]), int64(&[1, 1]), values], 1000, properties)
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
    let mut file = file_of(NUMBERS, &[numbers(4000), numbers(4000)], 1000);
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
    let latency = |row| if row == 25 { -1.0 } else { 1.0 };
    let latencies = Values::Double((0..30).map(|row| Some(latency(row))).collect());
    let file = file_of(NUMBERS, &[numbers(30), latencies], 10);
    let words = words_of(&file, 0, MAPS);
    let expected = " WARN 1 bad record of r.parquet left out, the first at 26:1: latency is \
        negative: -1 ms\n";
    assert_eq!(words, expected);
}

#[test]
fn types_that_no_value_of_fits_are_refused() {
    let lists = (
        "optional group x (LIST) { repeated group list { optional double element; } }",
        Values::Double(vec![None, None]),
    );
    let dates = ("optional int32 x (DATE);", Values::Int32(vec![Some(1), Some(2)]));
    let integers = ("optional int64 x;", int64(&[1, 2]));
    let times = ("optional int64 x (TIMESTAMP(MICROS,false));", int64(&[5000, 6000]));
    let durations = ("optional int64 x;", int64(&[5000, 6000]));
    let plain = WriterProperties::builder;
    let noted = || with_arrow_schema(ARROW_SCHEMA);
    for ((field, values), properties, flags, words) in [
        (
            lists.clone(),
            plain(),
            "--map metric.n=x",
            "column `x` is of type List(Float64), which cannot be `metric.n`; that takes a number, a \
             DURATION, or a number as text",
        ),
        (
            lists,
            plain(),
            "--map name=x",
            "column `x` is of type List(Float64), which cannot be `name`; that takes text, or what \
             can be written as one",
        ),
        (
            dates,
            plain(),
            "--map end=x",
            "column `x` is of type Date32, which cannot be `end`; that takes a TIMESTAMP, a number \
             with a unit, or text",
        ),
        (
            integers,
            plain(),
            "--map end=x:rfc3339",
            "column `x` is of type Int64, which cannot be `end`; that takes a TIMESTAMP, a number \
             with a unit, or text",
        ),
        (
            times.clone(),
            plain(),
            "--map status=x",
            "column `x` is of type Timestamp(µs), which cannot be `status`; that takes a number or \
             text",
        ),
        (
            durations.clone(),
            noted(),
            "--map success=x",
            "column `x` is of type Duration(µs), which cannot be `success`; that takes a truth \
             value, a number or text",
        ),
        (
            times,
            plain(),
            "--map end=x:s",
            "column `x` is of type Timestamp(µs), which has its unit itself, and so not `s`; leave \
             the unit of `end` out",
        ),
        (
            durations,
            noted(),
            "--map metric.n=x:B",
            "column `x` is of type Duration(µs), which cannot be `metric.n`; that takes a number; \
             of a DURATION the unit is ns, us, ms or s",
        ),
    ] {
        let told = words_of(&with_column(field, values, properties), 2, &format!("{MAPS} {flags}"));
        assert_eq!(told, format!("error: r.parquet: {words}\n"));
    }
}

#[test]
fn durations_and_timestamps_have_their_unit_themselves() {
    let file = parquet_file(
        "optional int64 sent (TIMESTAMP(MICROS,false)); optional int64 took;",
        &[int64(&[1_780_000_000_000_001]), int64(&[5000])],
        10,
        with_arrow_schema(ARROW_SCHEMA),
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
    let file = parquet_file(
        "optional int64 timestamp (TIMESTAMP(MICROS,false)); optional int64 duration;",
        &[int64(&[1_780_000_000_000_000]), int64(&[5000])],
        10,
        with_arrow_schema(ARROW_SCHEMA),
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
        "optional int64 logged (TIMESTAMP(MICROS,true)); optional binary began (STRING); \
         optional int64 lat_ns; optional binary Outcome (STRING);",
        &[
            int64(&[1, 1]),
            texts(&["2026-11-22T12:40:00.010330Z"; 2]),
            int64(&[5_000_000, 7_000_000]),
            texts(&["ok", "FAIL"]),
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
    let texts_with_null = ["200.0", "500", "", "0"].map(|text| Some(text.as_bytes().to_vec()));
    for (field, values) in [
        ("optional double s;", Values::Double(vec![Some(200.0), Some(500.0), None, Some(0.0)])),
        (
            "optional int32 s (INTEGER(16,true));",
            Values::Int32(vec![Some(200), Some(500), None, Some(0)]),
        ),
        (
            "optional int64 s (INTEGER(64,false));",
            Values::Int64(vec![Some(200), Some(500), None, Some(0)]),
        ),
        ("optional binary s (STRING);", Values::Bytes(texts_with_null.to_vec())),
    ] {
        let fields = format!("required int64 t; required int64 l; {field}");
        let file = file_of(&fields, &[int64(&[1; 4]), int64(&[1; 4]), values], 10);
        let summary = summary_of(&file, &format!("{MAPS} --map status=s"));
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
    let columns = [int64(&[1, 1, i64::MAX, -1]), texts(&["1", "oh", "1", "1"])];
    let file = file_of("optional int64 t; optional binary l (STRING);", &columns, 10);
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
