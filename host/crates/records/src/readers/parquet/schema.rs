//! Columns of a file: each field of its schema's root, with its type.

use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;

use super::arrow_schema::noted_types;
use super::column_type::ColumnType;
use perfbox_model::escape;

/// A column of a file.
#[derive(Debug)]
pub(super) struct FileColumn {
    pub(super) name: String,
    pub(super) column_type: ColumnType,
    /// Its place among the columns that hold values. Of a nested one, that of the first
    /// inside of it.
    leaf: usize,
}

/// Columns of a file, in its order.
pub(super) fn columns_of(metadata: &ParquetMetaData) -> Vec<FileColumn> {
    let schema = metadata.file_metadata().schema_descr();
    let noted = noted_types(metadata.file_metadata());
    let fields = schema.root_schema().get_fields();
    let mut leaves = vec![0; fields.len()];
    for leaf in (0..schema.num_columns()).rev() {
        leaves[schema.get_column_root_idx(leaf)] = leaf;
    }
    let columns = fields.iter().zip(leaves).map(|(field, leaf)| {
        let column_type = ColumnType::of_field(field);
        let column_type = match noted.get(field.name()) {
            Some(noted) => column_type.refined(noted),
            None => column_type,
        };
        FileColumn { name: field.name().to_owned(), column_type, leaf }
    });
    columns.collect()
}

impl FileColumn {
    /// Place of a column that is not nested among those that hold values.
    pub(super) fn leaf(&self) -> usize {
        self.leaf
    }

    /// Checks that the compression of a column that is not nested is read.
    ///
    /// # Errors
    /// When it is not, in words that name it.
    pub(super) fn check_compression(&self, metadata: &ParquetMetaData) -> Result<(), String> {
        for group in metadata.row_groups() {
            let codec = match group.column(self.leaf).compression() {
                Compression::BROTLI(_) => "brotli",
                Compression::LZO => "lzo",
                _ => continue,
            };
            return Err(format!(
                "column `{}` is compressed with {codec}, which is not read; write the file with \
                 none, snappy, gzip, zstd or lz4",
                escape(&self.name)
            ));
        }
        Ok(())
    }
}
