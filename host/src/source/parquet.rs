//! Parquet of any tool: columns of which a mapping says what each is. A piece of it is a
//! row group.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use super::Problem;
use super::columns::Survey;
use super::format::Format;
use super::input::{Block, Cut};
use super::mapping::{self, Bound, Facts, Mapping, ONLY_PHASE, What};
use super::reader::{Reader, Surveyed};
use super::rows::{PhaseKey, Rows};
use crate::escape;

/// Rows that are decoded at a time.
const ROWS: usize = 8192;

/// Reads Parquet.
pub(super) struct Parquet {
    file: Stored,
    metadata: ArrowReaderMetadata,
    bound: Vec<Bound>,
}

/// A file that several threads read at once, each at places of its own.
#[derive(Clone)]
struct Stored(Arc<File>);

impl Length for Stored {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl ChunkReader for Stored {
    type T = StoredFrom;

    fn get_read(&self, at: u64) -> ParquetResult<StoredFrom> {
        Ok(StoredFrom { file: Arc::clone(&self.0), at })
    }

    fn get_bytes(&self, at: u64, len: usize) -> ParquetResult<Bytes> {
        let mut bytes = Vec::new();
        let from = StoredFrom { file: Arc::clone(&self.0), at };
        if from.take(len as u64).read_to_end(&mut bytes)? < len {
            return Err(ParquetError::EOF("the file ends in the middle".to_owned()));
        }
        Ok(bytes.into())
    }
}

/// What stands in a file from a place on.
struct StoredFrom {
    file: Arc<File>,
    at: u64,
}

impl Read for StoredFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

impl Parquet {
    /// Parquet, mapped.
    ///
    /// # Errors
    /// When its metadata cannot be read, or the mapping does not fit it.
    pub(super) fn mapped(file: File, mapping: &Mapping) -> Result<Self, Problem> {
        let file = Stored(Arc::new(file));
        let metadata = metadata_of(&file)?;
        let names: Vec<_> =
            metadata.schema().fields().iter().map(|one| one.name().clone()).collect();
        let bound = mapping::bind(mapping, &names)?;
        Ok(Self { file, metadata, bound })
    }
}

/// The columns of a Parquet file, each with its type.
///
/// # Errors
/// When its metadata cannot be read.
pub(super) fn columns_of(file: File) -> Result<Vec<(String, String)>, Problem> {
    let metadata = metadata_of(&Stored(Arc::new(file)))?;
    let fields = metadata.schema().fields().iter();
    Ok(fields.map(|one| (one.name().clone(), one.data_type().to_string())).collect())
}

fn metadata_of(file: &Stored) -> Result<ArrowReaderMetadata, Problem> {
    ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(refused)
}

fn refused(error: impl std::fmt::Display) -> Problem {
    Problem::at(1, format!("the Parquet file cannot be read: {}", escape(&error.to_string())))
}

impl Reader for Parquet {
    fn format(&self) -> Format {
        Format::Parquet
    }

    fn cut(&self) -> Cut {
        Cut::Groups(self.metadata.metadata().num_row_groups() as u64)
    }

    fn survey(&self, block: &Block, survey: &mut Survey) -> Surveyed {
        mapping::survey(&self.bound, survey);
        let mut seen = Surveyed::default();
        // Where no column names them, there is one phase.
        let phase = self.bound.iter().find(|one| one.what == What::Phase);
        let read = self.each(block, |batch| {
            seen.has_records |= batch.num_rows() > 0;
            seen.lines += batch.num_rows() as u64;
            let Some(phase) = phase else {
                survey.add_phase(ONLY_PHASE);
                return Ok(());
            };
            let names = self.column(batch, phase)?;
            let Values::Text(names) = values(&names, &phase.what)? else { return Ok(()) };
            let names = names.as_string::<i32>();
            names.iter().for_each(|name| survey.add_phase(name.unwrap_or(ONLY_PHASE)));
            Ok(())
        });
        if let Err(problem) = read {
            seen.first_bad = Some((0, problem));
        }
        seen
    }

    fn read(&self, block: &Block, rows: &mut Rows<'_>) {
        let mut phase = PhaseKey::named(ONLY_PHASE);
        let mut row = 0;
        let read = self.each(block, |batch| {
            let columns = rows.columns();
            let mut of_batch = Vec::new();
            for one in &self.bound {
                let place = match &one.what {
                    What::Metric(name, _) => match columns.place(name) {
                        Some(place) if columns.is_read(place) => Some(place),
                        _ => continue,
                    },
                    _ => None,
                };
                let array = self.column(batch, one)?;
                of_batch.push((one, values(&array, &one.what)?, place));
            }
            for at in 0..batch.num_rows() {
                let put = put(&of_batch, at, &mut phase, rows);
                row += 1;
                if let Err(words) = put
                    && !rows.bad(row - 1, Problem::at(1, words))
                {
                    return Err(Problem::at(0, ""));
                }
            }
            Ok(())
        });
        if let Err(problem) = read
            && problem.column > 0
        {
            rows.bad(row, problem);
        }
        rows.add_lines(row);
    }
}

/// Puts one row into rows.
fn put(
    columns: &[(&Bound, Values, Option<usize>)],
    at: usize,
    phase: &mut PhaseKey,
    rows: &mut Rows<'_>,
) -> Result<(), String> {
    let mut facts = Facts::default();
    let mut metrics = Vec::new();
    for (one, values, place) in columns {
        match (values, place) {
            (Values::Number(array), _) if array.is_null(at) => {}
            (Values::Number(array), place) => {
                let value = array.as_primitive::<Float64Type>().value(at);
                if !value.is_finite() {
                    return Err(format!("column `{}`: `{value}` is no number", escape(&one.name)));
                }
                match place {
                    Some(place) => metrics.push((*place, value)),
                    None => facts.take_number(&one.what, value),
                }
            }
            (Values::Ns(array), _) if array.is_valid(at) => {
                let ns = array.as_primitive::<Int64Type>().value(at);
                let ns = u64::try_from(ns).map_err(|_| {
                    format!("column `{}`: the time is before 1970", escape(&one.name))
                })?;
                facts.take_ns(&one.what, ns);
            }
            (Values::Text(array), _) if array.is_valid(at) => {
                let text = array.as_string::<i32>().value(at);
                if !text.is_empty() {
                    facts
                        .take(&one.what, text)
                        .map_err(|words| format!("column `{}`: {words}", escape(&one.name)))?;
                }
            }
            (Values::Ns(_) | Values::Text(_), _) => {}
        }
    }
    facts.put(rows, phase, metrics.into_iter())
}

/// Values of a column, in the one form that its meaning needs.
enum Values {
    Number(ArrayRef),
    /// Nanoseconds since 1970.
    Ns(ArrayRef),
    Text(ArrayRef),
}

fn values(array: &ArrayRef, what: &What) -> Result<Values, Problem> {
    let cast = |kind: &DataType| arrow_cast::cast(array, kind).map_err(refused);
    Ok(match (what, array.data_type()) {
        (What::Start(_) | What::End(_), DataType::Timestamp(_, zone)) => {
            let ns = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
            Values::Ns(arrow_cast::cast(&cast(&ns)?, &DataType::Int64).map_err(refused)?)
        }
        (What::Metric(..) | What::Latency(_), DataType::Duration(_)) => {
            let ns = cast(&DataType::Duration(TimeUnit::Nanosecond))?;
            Values::Number(arrow_cast::cast(&ns, &DataType::Float64).map_err(refused)?)
        }
        (What::Metric(..) | What::Latency(_), _) => Values::Number(cast(&DataType::Float64)?),
        _ => Values::Text(cast(&DataType::Utf8)?),
    })
}

impl Parquet {
    fn column(&self, batch: &RecordBatch, one: &Bound) -> Result<ArrayRef, Problem> {
        let found = batch.column_by_name(&one.name);
        found.cloned().ok_or_else(|| refused(format!("it lacks column `{}`", one.name)))
    }

    /// Decodes the columns of a row group that are bound.
    fn each(
        &self,
        block: &Block,
        mut take: impl FnMut(&RecordBatch) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            self.file.clone(),
            self.metadata.clone(),
        );
        let fields = self.bound.iter().map(|one| one.field);
        let mask = ProjectionMask::roots(builder.parquet_schema(), fields);
        let reader = builder
            .with_row_groups(vec![block.number as usize])
            .with_projection(mask)
            .with_batch_size(ROWS)
            .build()
            .map_err(refused)?;
        for batch in reader {
            take(&batch.map_err(refused)?)?;
        }
        Ok(())
    }
}
