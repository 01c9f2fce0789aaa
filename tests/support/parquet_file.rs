//! Writes Parquet files for tests and benches, by a schema as Parquet's tools print it.

use std::sync::Arc;

use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType,
    Int32Type, Int64Type, Int96, Int96Type,
};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

/// Note of Arrow's writers that the columns `took`, `duration` and `x` are durations in µs,
/// `duration_s`, `duration_ms` and `duration_ns` in those units, `timestamp_s` and
/// `zoned_ms` (of Europe/Berlin) timestamps, `date64` a date and `time32_s` a time of day:
/// what arrow-rs 59 makes of such a schema.
#[allow(dead_code, reason = "not every user needs it")]
pub(crate) const ARROW_SCHEMA: &str = "\
    /////1ADAAAQAAAAAAAKAAwACgAJAAQACgAAAAgAAAAAAQQAQP///wQAAAANAAAA9AIAALACAACEAgAA\
    SAIAABQCAADgAQAArAEAAHQBAAAgAQAA9AAAAMAAAABwAAAABAAAAFD9//8YAAAADAAAAAAAAQw8AAAA\
    AQAAAAgAAABE/v//cP3//xQAAAAMAAAAAAABEhAAAAAAAAAAXv3//wAAAAAEAAAAaXRlbQAAAAAEAAAA\
    bGlzdAAAAAAQABgAFAAOAA8ABAAQAAgAEAAAADQAAAAsAAAAAAABBRAAAAAoAAAACAAIAAAABAAIAAAA\
    BAAAAFz+//8IAAAAAAAAAQAAAADI/v//CAAAAGNhdGVnb3J5AAAAAAT+//8UAAAADAAAAAAAAQkQAAAA\
    AAAAAPL9//8AAAAACAAAAHRpbWUzMl9zAAAAADT+//8UAAAADAAAAAAAAQgMAAAAAAAAACT///8GAAAA\
    ZGF0ZTY0AABc/v//HAAAAAwAAAAAAAEKMAAAAAAAAAAIAAwACgAEAAgAAAAIAAAAAAABAA0AAABFdXJv\
    cGUvQmVybGluAAAACAAAAHpvbmVkX21zAAAAAKz+//8UAAAADAAAAAAAAQoUAAAAAAAAAJz///8AAAAA\
    AAAAAAsAAAB0aW1lc3RhbXBfcwDg/v//FAAAAAwAAAAAAAESEAAAAAAAAADO/v//AAADAAsAAABkdXJh\
    dGlvbl9ucwAQ////GAAAAAwAAAAAAAESEAAAAAAAAAAEAAQABAAAAAsAAABkdXJhdGlvbl9tcwBA////\
    FAAAAAwAAAAAAAESEAAAAAAAAAAu////AAAAAAoAAABkdXJhdGlvbl9zAABw////GAAAACAAAAAAAAEC\
    HAAAAAgADAAEAAsACAAAAEAAAAAAAAABAAAAAAUAAABwbGFpbgAAAKj///8UAAAADAAAAAAAARIQAAAA\
    AAAAAJb///8AAAIAAQAAAHgAAADQ////FAAAAAwAAAAAAAESEAAAAAAAAAC+////AAACAAgAAABkdXJh\
    dGlvbgAAAAAQABQAEAAOAA8ABAAAAAgAEAAAABwAAAAMAAAAAAABEhgAAAAAAAAAAAAGAAgABgAGAAAA\
    AAACAAQAAAB0b29rAAAAAA==";

/// Values of a column by their physical type; none: null.
#[allow(dead_code, reason = "not every user needs it")]
#[derive(Clone)]
pub(crate) enum Values {
    Bool(Vec<Option<bool>>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    Int96(Vec<Option<Int96>>),
    Float(Vec<Option<f32>>),
    Double(Vec<Option<f64>>),
    Bytes(Vec<Option<Vec<u8>>>),
    FixedBytes(Vec<Option<Vec<u8>>>),
}

/// Texts of a column, all of them there.
#[allow(dead_code, reason = "not every user needs it")]
pub(crate) fn texts(texts: &[&str]) -> Values {
    Values::Bytes(texts.iter().map(|text| Some(text.as_bytes().to_vec())).collect())
}

/// A file of columns, with `group_rows` rows in a row group at most. `schema` has the
/// fields of a message, such as `optional int64 t (TIMESTAMP(MICROS,true));`; a column of
/// lists has nulls alone.
pub(crate) fn parquet_file(
    schema: &str,
    columns: &[Values],
    group_rows: usize,
    properties: WriterPropertiesBuilder,
) -> Vec<u8> {
    let schema = parse_message_type(&format!("message of_test {{ {schema} }}")).unwrap();
    let properties: WriterProperties = properties.build();
    let mut file =
        SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).unwrap();
    let rows = columns[0].len();
    for start in (0..rows).step_by(group_rows) {
        let mut group = file.next_row_group().unwrap();
        for column in columns {
            let mut writer = group.next_column().unwrap().unwrap();
            column.write(start, rows.min(start + group_rows), &mut writer);
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    file.into_inner().unwrap()
}

/// Properties with a note of Arrow's writers.
#[allow(dead_code, reason = "not every user needs it")]
pub(crate) fn with_arrow_schema(note: &str) -> WriterPropertiesBuilder {
    let note = KeyValue::new("ARROW:schema".to_owned(), note.to_owned());
    WriterProperties::builder().set_key_value_metadata(Some(vec![note]))
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Bool(of) => of.len(),
            Self::Int32(of) => of.len(),
            Self::Int64(of) => of.len(),
            Self::Int96(of) => of.len(),
            Self::Float(of) => of.len(),
            Self::Double(of) => of.len(),
            Self::Bytes(of) | Self::FixedBytes(of) => of.len(),
        }
    }

    fn write(&self, start: usize, end: usize, to: &mut SerializedColumnWriter<'_>) {
        let bytes = |of: &Vec<u8>| ByteArray::from(of.clone());
        match self {
            Self::Bool(of) => write::<BoolType>(&of[start..end], to),
            Self::Int32(of) => write::<Int32Type>(&of[start..end], to),
            Self::Int64(of) => write::<Int64Type>(&of[start..end], to),
            Self::Int96(of) => write::<Int96Type>(&of[start..end], to),
            Self::Float(of) => write::<FloatType>(&of[start..end], to),
            Self::Double(of) => write::<DoubleType>(&of[start..end], to),
            Self::Bytes(of) => {
                let values: Vec<_> =
                    of[start..end].iter().map(|of| of.as_ref().map(bytes)).collect();
                write::<ByteArrayType>(&values, to);
            }
            Self::FixedBytes(of) => {
                let values = of[start..end].iter().map(|of| of.as_ref().map(|of| bytes(of).into()));
                write::<FixedLenByteArrayType>(&values.collect::<Vec<_>>(), to);
            }
        }
    }
}

fn write<T: DataType>(values: &[Option<T::T>], to: &mut SerializedColumnWriter<'_>) {
    let full: Vec<T::T> = values.iter().flatten().cloned().collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let repeated = vec![0; values.len()];
    to.typed::<T>().write_batch(&full, Some(&levels), Some(&repeated)).unwrap();
}
