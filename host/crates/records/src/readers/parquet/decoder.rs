//! Values of a column in a row group, as they are stored, some rows at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::column::page::PageReader;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

use super::pages::CheckedPages;

/// Rows to decode at a time.
pub(super) const ROWS: usize = 8192;

/// Decodes a column by its physical type.
pub(super) enum Decoder {
    Bool(Typed<BoolType>),
    Int32(Typed<Int32Type>),
    Int64(Typed<Int64Type>),
    Int96(Typed<Int96Type>),
    Float(Typed<FloatType>),
    Double(Typed<DoubleType>),
    Bytes(Typed<ByteArrayType>),
    FixedBytes(Typed<FixedLenByteArrayType>),
}

impl Decoder {
    pub(super) fn new(column: &ColumnDescPtr, pages: Box<dyn PageReader>) -> Self {
        let pages = Box::new(CheckedPages::new(pages, column));
        let full_level = column.max_def_level();
        match get_column_reader(column.clone(), pages) {
            ColumnReader::BoolColumnReader(of) => Self::Bool(Typed::new(of, full_level)),
            ColumnReader::Int32ColumnReader(of) => Self::Int32(Typed::new(of, full_level)),
            ColumnReader::Int64ColumnReader(of) => Self::Int64(Typed::new(of, full_level)),
            ColumnReader::Int96ColumnReader(of) => Self::Int96(Typed::new(of, full_level)),
            ColumnReader::FloatColumnReader(of) => Self::Float(Typed::new(of, full_level)),
            ColumnReader::DoubleColumnReader(of) => Self::Double(Typed::new(of, full_level)),
            ColumnReader::ByteArrayColumnReader(of) => Self::Bytes(Typed::new(of, full_level)),
            ColumnReader::FixedLenByteArrayColumnReader(of) => {
                Self::FixedBytes(Typed::new(of, full_level))
            }
        }
    }

    /// Decodes the next rows, which replace those before them.
    ///
    /// # Errors
    /// When the file is damaged, or the column has fewer rows left.
    pub(super) fn decode(&mut self, rows: usize) -> Result<()> {
        // Of a damaged page, parquet's decoders may index beyond its end. Nothing decodes
        // with them any more after that.
        let decoded = catch_unwind(AssertUnwindSafe(|| match self {
            Self::Bool(of) => of.decode(rows),
            Self::Int32(of) => of.decode(rows),
            Self::Int64(of) => of.decode(rows),
            Self::Int96(of) => of.decode(rows),
            Self::Float(of) => of.decode(rows),
            Self::Double(of) => of.decode(rows),
            Self::Bytes(of) => of.decode(rows),
            Self::FixedBytes(of) => of.decode(rows),
        }));
        decoded.unwrap_or_else(|_| Err(ParquetError::General("a page is damaged".to_owned())))
    }

    /// Whether a row has no value.
    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Bool(of) => of.is_null(row),
            Self::Int32(of) => of.is_null(row),
            Self::Int64(of) => of.is_null(row),
            Self::Int96(of) => of.is_null(row),
            Self::Float(of) => of.is_null(row),
            Self::Double(of) => of.is_null(row),
            Self::Bytes(of) => of.is_null(row),
            Self::FixedBytes(of) => of.is_null(row),
        }
    }
}

/// Decodes a column of one physical type.
pub(super) struct Typed<T: DataType> {
    reader: ColumnReaderImpl<T>,
    /// A value for each row; of a null, any.
    pub(super) values: Vec<T::T>,
    /// A level for each row; none where no row is null.
    levels: Vec<i16>,
    /// Level of the rows that have a value.
    full_level: i16,
}

impl<T: DataType> Typed<T> {
    fn new(reader: ColumnReaderImpl<T>, full_level: i16) -> Self {
        Self { reader, values: Vec::new(), levels: Vec::new(), full_level }
    }

    fn decode(&mut self, rows: usize) -> Result<()> {
        self.values.clear();
        self.levels.clear();
        let (read, mut full, _) =
            self.reader.read_records(rows, Some(&mut self.levels), None, &mut self.values)?;
        if read < rows {
            return Err(ParquetError::General("a column has too few rows".to_owned()));
        }
        if full == rows {
            self.levels.clear();
            return Ok(());
        }
        // Values stand behind one another: move each to its row, the last one first.
        self.values.resize(rows, T::T::default());
        for row in (0..rows).rev().filter(|row| self.levels[*row] == self.full_level) {
            full -= 1;
            self.values.swap(full, row);
        }
        Ok(())
    }

    fn is_null(&self, row: usize) -> bool {
        self.levels.get(row).is_some_and(|level| *level != self.full_level)
    }
}
