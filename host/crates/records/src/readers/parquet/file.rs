//! An open file: its metadata is read, its row groups are not.

use std::fs::File;

use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::chunk::Chunk;
use super::column::Form;
use super::decoder::Decoder;
use super::schema::{FileColumn, columns_of};
use super::stored::Stored;
use crate::record_error::RecordError;
use perfbox_model::escape;

/// An open file. Several threads read row groups of it at once.
pub(super) struct ParquetFile {
    reader: SerializedFileReader<Stored>,
    pub(super) columns: Vec<FileColumn>,
}

impl ParquetFile {
    /// # Errors
    /// When its metadata cannot be read.
    pub(super) fn open(file: File) -> Result<Self, RecordError> {
        let reader = SerializedFileReader::new(Stored::new(file));
        let reader = reader.map_err(|error| unreadable(&error.to_string()))?;
        let columns = columns_of(reader.metadata());
        Ok(Self { reader, columns })
    }

    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.reader.metadata()
    }

    pub(super) fn groups(&self) -> usize {
        self.metadata().num_row_groups()
    }

    /// Rows of a row group.
    pub(super) fn rows(&self, group: usize) -> u64 {
        u64::try_from(self.metadata().row_group(group).num_rows()).unwrap_or_default()
    }

    /// A column of a row group, ready to be decoded. It must not be nested.
    ///
    /// # Errors
    /// When the row group is damaged.
    pub(super) fn chunk(
        &self,
        group: usize,
        column: usize,
        form: Form,
    ) -> ParquetResult<Chunk<'_>> {
        let column = &self.columns[column];
        let leaf = column.leaf();
        let at = self.metadata().row_group(group).column(leaf);
        let starts = [Some(at.data_page_offset()), at.dictionary_page_offset()];
        if at.compressed_size() < 0 || starts.into_iter().flatten().any(|start| start < 0) {
            return Err(ParquetError::General("a column lies outside of the file".to_owned()));
        }
        let pages = self.reader.get_row_group(group)?.get_column_page_reader(leaf)?;
        let stored = self.metadata().file_metadata().schema_descr().column(leaf);
        Ok(Chunk::new(&column.column_type, form, Decoder::new(&stored, pages)))
    }
}

/// The problem of a file that is not read at all.
pub(super) fn unreadable(reason: &str) -> RecordError {
    RecordError::at(1, format!("the Parquet file cannot be read: {}", escape(reason)))
}
