//! Parquet in files that the tests write: types, and damage.

use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::data_type::Int96;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};

use self::parquet_file::{ARROW_SCHEMA, Values, parquet_file, texts, with_arrow_schema};
use super::{Parquet, sample};
use crate::mapping::definition::Mapping;
use crate::testing::{ReadOutcome, read_in_blocks};

#[path = "../../../../../../tests/support/parquet_file.rs"]
mod parquet_file;

mod damage;
mod types;

/// A file in the file system.
fn stored(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    file
}

/// Reads a file by a mapping, beyond bad records.
fn read(bytes: &[u8], flags: &[&str]) -> Result<ReadOutcome, String> {
    let mut mapping = Mapping::default();
    flags.iter().for_each(|flag| mapping.add_flag(flag).unwrap());
    let parquet = Parquet::mapped(stored(bytes), &mapping).map_err(|problem| problem.message)?;
    Ok(read_in_blocks(&parquet, bytes, 1))
}

/// Columns `t` and `l` of so many rows, in front of others.
fn file_with(
    fields: &str,
    columns: &[Values],
    rows: usize,
    properties: WriterPropertiesBuilder,
) -> Vec<u8> {
    let ones = || Values::Int64(vec![Some(1); rows]);
    let all: Vec<_> = [ones(), ones()].into_iter().chain(columns.iter().cloned()).collect();
    let fields = format!("required int64 t; required int64 l; {fields}");
    parquet_file(&fields, &all, 1000, properties)
}

/// Reads a column `x` besides `t` and `l`.
fn read_column(
    field: &str,
    values: Values,
    rows: usize,
    flag: &str,
) -> Result<ReadOutcome, String> {
    let file = file_with(field, &[values], rows, WriterProperties::builder());
    read(&file, &["start=t:s", "latency=l:ms", flag])
}
