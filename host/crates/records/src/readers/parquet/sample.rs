//! Columns of a file with texts of its first rows, for a mapping to start from.

use std::fs::File;

use parquet::errors::Result as ParquetResult;

use super::column::Form;
use super::decoder::ROWS;
use super::file::ParquetFile;
use crate::record_error::RecordError;

/// Columns of a file, each with the name of its type. `add` gets the texts of the first
/// rows, column by column, with the column's place. A column that is damaged or compressed
/// in a way that is not read has none: a run tells why.
///
/// # Errors
/// When the metadata cannot be read.
pub(crate) fn sample(
    file: File,
    rows_max: usize,
    mut add: impl FnMut(usize, &str),
) -> Result<Vec<(String, String)>, RecordError> {
    let file = ParquetFile::open(file)?;
    for (at, column) in file.columns.iter().enumerate() {
        let is_read =
            column.column_type.is_scalar() && column.check_compression(file.metadata()).is_ok();
        if is_read {
            let _ = add_column(&file, at, rows_max, |text| add(at, text));
        }
    }
    let columns = file.columns.into_iter();
    Ok(columns.map(|column| (column.name, column.column_type.to_string())).collect())
}

fn add_column(
    file: &ParquetFile,
    column: usize,
    mut rows_left: usize,
    mut add: impl FnMut(&str),
) -> ParquetResult<()> {
    for group in 0..file.groups() {
        let mut left = file.rows(group).min(rows_left as u64) as usize;
        rows_left -= left;
        let mut chunk = file.chunk(group, column, Form::Text)?;
        while left > 0 {
            let rows = left.min(ROWS);
            chunk.decode(rows)?;
            (0..rows).filter_map(|row| chunk.text(row)).for_each(&mut add);
            left -= rows;
        }
        if rows_left == 0 {
            break;
        }
    }
    Ok(())
}
