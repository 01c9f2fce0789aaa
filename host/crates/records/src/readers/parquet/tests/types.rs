//! Every type, encoding and compression of a column, and nulls.

use super::*;

fn ints<T: Copy + Into<i64>>(values: &[T]) -> Values {
    Values::Int64(values.iter().map(|value| Some((*value).into())).collect())
}

/// The texts that a column's values are written as, as `name` reads them.
fn names_of(field: &str, values: Values, rows: usize) -> Vec<String> {
    let told = read_column(field, values, rows, "name=x").unwrap();
    assert_eq!(told.bad, Vec::<String>::new(), "{field}");
    told.value("name").into_iter().map(str::to_owned).collect()
}

#[test]
fn every_type_is_written_as_text() {
    let bytes = |values: &[&[u8]]| values.iter().map(|value| Some(value.to_vec())).collect();
    let int32 = |value| Values::Int32(vec![Some(value), None]);
    let int64 = |value| Values::Int64(vec![Some(value), None]);
    let mut int96 = Int96::new();
    int96.set_data(1_000_000, 0, 2_440_589);
    for (field, values, text) in [
        ("boolean x", Values::Bool(vec![Some(true), None]), "true"),
        ("int32 x", int32(-5), "-5"),
        ("int32 x (INTEGER(8,true))", int32(-5), "-5"),
        ("int32 x (INTEGER(16,false))", int32(65_535), "65535"),
        ("int32 x (INTEGER(32,false))", int32(-1), "4294967295"),
        ("int32 x (UINT_8)", int32(200), "200"),
        ("int64 x", int64(i64::MIN), "-9223372036854775808"),
        ("int64 x (INTEGER(64,false))", int64(-1), "18446744073709551615"),
        ("int32 x (DATE)", int32(20_779), "2026-11-22"),
        ("int32 x (TIME(MILLIS,true))", int32(45_651_500), "12:40:51.500"),
        ("int64 x (TIME(MICROS,false))", int64(45_651_000_001), "12:40:51.000001"),
        ("int64 x (TIME(NANOS,false))", int64(1), "00:00:00.000000001"),
        ("int64 x (TIMESTAMP(MILLIS,false))", int64(1500), "1970-01-01T00:00:01.500"),
        ("int64 x (TIMESTAMP(MICROS,true))", int64(-1), "1969-12-31T23:59:59.999999Z"),
        ("int64 x (TIMESTAMP(NANOS,true))", int64(0), "1970-01-01T00:00:00Z"),
        ("int64 x (TIMESTAMP_MILLIS)", int64(1), "1970-01-01T00:00:00.001Z"),
        ("int96 x", Values::Int96(vec![Some(int96), None]), "1970-01-02T00:00:00.001"),
        ("float x", Values::Float(vec![Some(0.1), None]), "0.1"),
        ("double x", Values::Double(vec![Some(1e300), None]), "1e300"),
        ("fixed_len_byte_array(2) x (FLOAT16)", fixed(&[0x00, 0x3e]), "1.5"),
        ("int32 x (DECIMAL(9,2))", int32(-5), "-0.05"),
        ("int64 x (DECIMAL(18,0))", int64(12), "12"),
        ("binary x (DECIMAL(9,3))", with_null(&[0xff, 0x00]), "-0.256"),
        ("fixed_len_byte_array(3) x (DECIMAL(5,1))", fixed(&[0, 1, 0]), "25.6"),
        (
            "fixed_len_byte_array(17) x (DECIMAL(40,38))",
            fixed(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            "3.40282366920938463463374607431768211456",
        ),
        ("binary x (STRING)", with_null("é".as_bytes()), "é"),
        ("binary x (JSON)", with_null(b"{}"), "{}"),
        ("binary x (ENUM)", with_null(b"GET"), "GET"),
        ("binary x", with_null(b"raw"), "raw"),
        ("fixed_len_byte_array(3) x", fixed(b"abc"), "abc"),
    ] {
        let field = format!("optional {field};");
        assert_eq!(names_of(&field, values, 2), [text, ""], "{field}");
    }
    assert_eq!(names_of("required binary x;", Values::Bytes(bytes(&[b"a", b"b"])), 2), ["a", "b"]);
}

fn with_null(value: &[u8]) -> Values {
    Values::Bytes(vec![Some(value.to_vec()), None])
}

fn fixed(value: &[u8]) -> Values {
    Values::FixedBytes(vec![Some(value.to_vec()), None])
}

#[test]
fn every_type_of_numbers_is_a_metric() {
    for (field, values, expected) in [
        ("boolean x", Values::Bool(vec![Some(true), None]), "1"),
        ("int32 x", Values::Int32(vec![Some(-5), None]), "-5"),
        ("int32 x (INTEGER(32,false))", Values::Int32(vec![Some(-1), None]), "4294967295"),
        (
            "int64 x (INTEGER(64,false))",
            Values::Int64(vec![Some(-1), None]),
            "18446744073709552000",
        ),
        ("float x", Values::Float(vec![Some(0.5), None]), "0.5"),
        ("double x", Values::Double(vec![Some(-0.1), None]), "-0.1"),
        ("fixed_len_byte_array(2) x (FLOAT16)", fixed(&[0x00, 0x3e]), "1.5"),
        ("int32 x (DECIMAL(9,2))", Values::Int32(vec![Some(12_345), None]), "123.45"),
        ("fixed_len_byte_array(3) x (DECIMAL(5,1))", fixed(&[0xff, 0xff, 0xfe]), "-0.2"),
        (
            "fixed_len_byte_array(17) x (DECIMAL(40,38))",
            fixed(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            "3.4028236692093845",
        ),
        ("binary x (STRING)", with_null(b" 7.5 "), "7.5"),
    ] {
        let told = read_column(&format!("optional {field};"), values, 2, "metric.m=x").unwrap();
        assert_eq!(told.value("m"), [expected, ""], "{field}: {:?}", told.bad);
    }
}

#[test]
fn timestamps_of_every_unit_are_nanoseconds() {
    let mut int96 = Int96::new();
    int96.set_data(7, 0, 2_440_589);
    let mut beyond = Int96::new();
    beyond.set_data(0, 0, u32::MAX >> 1);
    let rows = [Some(5), Some(-1), Some(i64::MAX), None];
    let int64 = || Values::Int64(rows.to_vec());
    let before = "2:1: column `x`: the time is before 1970";
    let beyond_told = "3:1: column `x`: its value is out of range";
    for (field, ns, is_limited) in [
        ("int64 x (TIMESTAMP(MILLIS,true))", "5000000", true),
        ("int64 x (TIMESTAMP(MICROS,false))", "5000", true),
        ("int64 x (TIMESTAMP_MICROS)", "5000", true),
        ("int64 x (TIMESTAMP(NANOS,true))", "5", false),
    ] {
        let told = read_column(&format!("optional {field};"), int64(), 4, "end=x").unwrap();
        assert_eq!(told.value("request_end_ns")[0], ns, "{field}");
        assert_eq!(told.bad[0], before);
        assert_eq!(told.bad.get(1).is_some_and(|told| told == beyond_told), is_limited);
    }
    let times = Values::Int96(vec![Some(int96), None, Some(beyond)]);
    let told = read_column("optional int96 x;", times, 3, "end=x").unwrap();
    assert_eq!(told.value("request_end_ns")[0], "86400000000007");
    assert_eq!(told.bad, [beyond_told]);
}

#[test]
fn types_that_only_arrow_has_are_read_off_its_schema() {
    let fields = "optional int64 took; optional int64 duration_s; optional int64 duration_ms; \
                  optional int64 duration_ns; optional int64 plain; optional int64 timestamp_s; \
                  optional int64 zoned_ms (TIMESTAMP(MILLIS,true)); optional int64 date64; \
                  optional int32 time32_s; optional binary category (STRING);";
    let columns: Vec<_> = (0..8)
        .map(|_| ints(&[5_i64]))
        .chain([Values::Int32(vec![Some(5)]), texts(&["a"])])
        .collect();
    let types = |note: &str| {
        let file = parquet_file(fields, &columns, 10, with_arrow_schema(note));
        let columns = sample(stored(&file), 10, |_, _| ()).unwrap();
        columns.into_iter().map(|(_, column_type)| column_type).collect::<Vec<_>>()
    };
    assert_eq!(
        types(ARROW_SCHEMA),
        [
            "Duration(µs)",
            "Duration(s)",
            "Duration(ms)",
            "Duration(ns)",
            "Int64",
            "Timestamp(s)",
            "Timestamp(ms, \"Europe/Berlin\")",
            "Date64",
            "Time32(s)",
            "Utf8"
        ]
    );
    // A note that is damaged anywhere is ignored, or misread, and nothing worse.
    for end in 0..ARROW_SCHEMA.len() / 4 {
        assert_eq!(types(&ARROW_SCHEMA[..4 * end]).len(), columns.len());
    }
    let note =
        |at: usize| format!("{}////{}", &ARROW_SCHEMA[..4 * at], &ARROW_SCHEMA[4 * at + 4..]);
    for at in 0..ARROW_SCHEMA.len() / 4 {
        assert_eq!(types(&note(at)).len(), columns.len());
    }
    let file = parquet_file(fields, &columns, 10, with_arrow_schema(ARROW_SCHEMA));
    let flags = ["start=timestamp_s", "latency=took", "metric.s=duration_s:ms", "name=duration_ms"];
    let told = read(&file, &flags).unwrap();
    assert_eq!(told.value("request_start_ns"), ["5000000000"]);
    assert_eq!(told.value("request_latency"), ["0.005"]);
    assert_eq!(told.value("s"), ["5000"]);
    assert_eq!(told.value("name"), ["PT0.005S"]);
}

#[test]
fn nested_and_unknown_columns_are_refused_by_their_type() {
    let nulls = || Values::Double(vec![None]);
    for (field, values, column_type) in [
        (
            "optional group x (LIST) { repeated group list { optional double element; } }",
            nulls(),
            "List(Float64)",
        ),
        ("repeated double x", nulls(), "List(Float64)"),
        ("optional group x { optional double a; }", nulls(), "Struct"),
        (
            "optional fixed_len_byte_array(12) x (INTERVAL)",
            Values::FixedBytes(vec![None]),
            "FIXED_LEN_BYTE_ARRAY (INTERVAL)",
        ),
    ] {
        let end = if field.ends_with('}') { "" } else { ";" };
        let field = format!("{field}{end}");
        for (flag, takes) in [
            ("metric.m=x", "a number, a DURATION, or a number as text"),
            ("name=x", "text, or what can be written as one"),
        ] {
            let refused = read_column(&field, values.clone(), 1, flag).unwrap_err();
            let mapped = flag.trim_end_matches("=x");
            assert_eq!(
                refused,
                format!(
                    "column `x` is of type {column_type}, which cannot be `{mapped}`; that takes {takes}"
                )
            );
        }
    }
}

#[test]
fn texts_of_a_dictionary_with_nulls_keep_their_rows() {
    let text =
        |row: usize| (!row.is_multiple_of(7)).then(|| format!("name {}", row % 5).into_bytes());
    let rows = 20_000;
    let values = Values::Bytes((0..rows).map(text).collect());
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        let properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_data_page_row_count_limit(300)
            .set_write_batch_size(100);
        let ones = || Values::Int64(vec![Some(1); rows]);
        let fields = "required int64 t; required int64 l; optional binary x (STRING);";
        let columns = [ones(), ones(), values.clone()];
        let file = parquet_file(fields, &columns, 15_000, properties);
        let told = read(&file, &["start=t:s", "latency=l:ms", "name=x"]).unwrap();
        let expected = (0..rows).map(|row| text(row).map(|text| String::from_utf8(text).unwrap()));
        assert!(told.value("name").into_iter().eq(expected.map(Option::unwrap_or_default)));
    }
}

#[test]
fn every_encoding_is_read() {
    for encoding in [Encoding::PLAIN, Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT] {
        let properties =
            WriterProperties::builder().set_dictionary_enabled(false).set_encoding(encoding);
        let values = ints(&[7_i64, -7, 1_000_000_007]);
        let file = file_with("optional int64 x;", &[values], 3, properties);
        let told = read(&file, &["start=t:s", "latency=l:ms", "metric.m=x"]).unwrap();
        assert_eq!(told.value("m"), ["7", "-7", "1000000007"], "{encoding}");
    }
    for encoding in [Encoding::PLAIN, Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY]
    {
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_column_encoding("x".into(), encoding);
        let values = texts(&["abc", "abd", ""]);
        let file = file_with("optional binary x (STRING);", &[values], 3, properties);
        let told = read(&file, &["start=t:s", "latency=l:ms", "name=x"]).unwrap();
        assert_eq!(told.value("name"), ["abc", "abd", ""], "{encoding}");
    }
}

#[test]
fn every_compression_is_read() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let properties = WriterProperties::builder().set_compression(compression);
        let rows = 3000_i32;
        let values = Values::Double((0..rows).map(|row| Some(f64::from(row))).collect());
        let file = file_with("optional double x;", &[values], rows as usize, properties);
        let told = read(&file, &["start=t:s", "latency=l:ms", "metric.m=x"]).unwrap();
        assert_eq!(told.records.len(), rows as usize, "{compression}");
        assert_eq!(told.value("m")[2999], "2999");
    }
}
