//! Damaged files and unread compressions: each is refused or told, and nothing panics.

use super::*;

const FLAGS: &[&str] =
    &["start=t:s", "latency=l:ms", "name=name", "metric.m=m", "success=b", "phase=phase"];

/// A small file with a column of each way in which values are stored.
fn small_file(version: WriterVersion, encodings: &[(&str, Encoding)]) -> Vec<u8> {
    let rows = 40;
    let text = |row: usize| (!row.is_multiple_of(3)).then(|| format!("n{}", row % 4).into_bytes());
    let columns = [
        Values::Bytes((0..rows).map(text).collect()),
        Values::Double((0..rows).map(|row| Some(row as f64)).collect()),
        Values::Bool((0..rows).map(|row| Some(row % 2 == 0)).collect()),
        Values::Bytes(vec![Some(b"phase".to_vec()); rows]),
    ];
    let mut properties = WriterProperties::builder().set_writer_version(version);
    for (column, encoding) in encodings {
        properties = properties
            .set_column_dictionary_enabled((*column).into(), false)
            .set_column_encoding((*column).into(), *encoding);
    }
    let fields = "optional binary name (STRING); optional double m; optional boolean b; \
                  required binary phase (STRING);";
    file_with(fields, &columns, rows, properties)
}

#[test]
fn a_damaged_byte_is_no_panic_of_the_reader() {
    let plain = [("t", Encoding::PLAIN), ("name", Encoding::PLAIN), ("m", Encoding::PLAIN)];
    let delta = [
        ("t", Encoding::DELTA_BINARY_PACKED),
        ("l", Encoding::BYTE_STREAM_SPLIT),
        ("name", Encoding::DELTA_BYTE_ARRAY),
        ("phase", Encoding::DELTA_LENGTH_BYTE_ARRAY),
        ("m", Encoding::BYTE_STREAM_SPLIT),
    ];
    for (version, encodings) in [
        (WriterVersion::PARQUET_1_0, &[][..]),
        (WriterVersion::PARQUET_1_0, &plain[..]),
        (WriterVersion::PARQUET_2_0, &[][..]),
        (WriterVersion::PARQUET_2_0, &delta[..]),
    ] {
        let whole = small_file(version, encodings);
        assert_eq!(read(&whole, FLAGS).unwrap().records.len(), 40);
        for at in 0..whole.len() {
            for byte in [0x00, 0x01, 0x7f, 0x80, 0xff, whole[at] ^ 0x04, whole[at].wrapping_add(2)]
            {
                let mut file = whole.clone();
                file[at] = byte;
                // Read or refused; either is fine.
                let _ = read(&file, FLAGS);
                let _ = sample(stored(&file), 100, |_, _| ());
            }
        }
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let whole = small_file(WriterVersion::PARQUET_1_0, &[]);
    for len in [0, 8, whole.len() / 2, whole.len() - 1] {
        let refused = read(&whole[..len], FLAGS).unwrap_err();
        assert!(refused.starts_with("the Parquet file cannot be read: "), "{refused}");
    }
}

#[test]
fn damage_is_told_with_its_row_group() {
    let rows = 4000_i32;
    let metric = Values::Double((0..rows).map(|row| Some(f64::from(row))).collect());
    let properties = WriterProperties::builder().set_dictionary_enabled(false);
    let mut file = file_with("required double x;", &[metric], rows as usize, properties);
    let reader = parquet::file::reader::SerializedFileReader::new(bytes::Bytes::from(file.clone()));
    let reader = reader.unwrap();
    let group = parquet::file::reader::FileReader::metadata(&reader).row_group(2);
    let page = group.column(2).data_page_offset() as usize;
    file[page..page + 8].fill(0xff);
    let told = read(&file, &["start=t:s", "latency=l:ms", "metric.m=x"]).unwrap();
    assert_eq!(told.records.len(), 3000);
    assert_eq!(told.bad.len(), 1);
    let start = "2001:1: row group 3 of 4 cannot be decoded: ";
    assert!(told.bad[0].starts_with(start), "{}", told.bad[0]);
}

#[test]
fn text_that_is_not_utf8_is_a_bad_record() {
    for field in ["required binary x (STRING);", "required binary x;"] {
        let values = Values::Bytes(vec![Some(b"a".to_vec()), Some(vec![0xff])]);
        let told = read_column(field, values, 2, "name=x").unwrap();
        assert_eq!(told.value("name"), ["a"]);
        assert_eq!(told.bad, ["2:1: column `x`: its text is not UTF-8"]);
    }
}

#[test]
fn a_compression_that_is_not_read_is_named_with_those_that_are() {
    let properties = WriterProperties::builder().set_compression(Compression::LZ4_RAW);
    let mut file = file_with("", &[], 2, properties);
    // In the metadata of the column `t`: its path, and then the number of LZ4_RAW.
    let written = [0x18, 1, b't', 0x15, 7 << 1];
    let at = file.windows(written.len()).position(|bytes| bytes == written).unwrap();
    file[at + written.len() - 1] = 4 << 1;
    assert_eq!(
        read(&file, &["start=t:s", "latency=l:ms"]).unwrap_err(),
        "the Parquet file cannot be read: column `t` is compressed with brotli, which is not read; \
         write the file with none, snappy, gzip, zstd or lz4"
    );
    let columns = sample(stored(&file), 10, |at, _| assert_eq!(at, 1)).unwrap();
    assert_eq!(columns.len(), 2);
}
