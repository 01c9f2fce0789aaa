//! Parquet of any tool: a mapping tells what each column is. A block of it is a row group.
//!
//! From the file to records: [`file`] reads the metadata, [`schema`] the columns and their
//! types, [`column`] matches them with the mapping; [`decoder`] reads stored values, some
//! rows at a time, and [`chunk`] takes them into records.

mod arrow_schema;
mod chunk;
mod column;
mod column_type;
mod decimal;
mod decoder;
mod file;
mod pages;
mod sample;
mod schema;
mod stored;
#[cfg(test)]
mod tests;
mod text;
mod unit;
mod value;

use std::fs::File;

use chunk::Chunk;
use column::Column;
use decoder::ROWS;
use file::{ParquetFile, unreadable};
use perfbox_model::escape;

use crate::batch_builder::{BatchBuilder, DEFAULT_PHASE, PhaseKey};
use crate::format::Format;
use crate::input::Block;
use crate::mapping::bind::{WantedField, add_metric_columns, bind};
use crate::mapping::definition::Mapping;
use crate::mapping::request_fields::RequestFields;
use crate::mapping::role::FieldRole;
use crate::reader::{BlockScan, Reader};
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;

pub(crate) use sample::sample;

/// Reads Parquet.
pub(crate) struct Parquet {
    file: ParquetFile,
    columns: Vec<Column>,
}

impl Parquet {
    /// Parquet, mapped.
    ///
    /// # Errors
    /// When its metadata or a compression cannot be read, or the mapping does not fit it.
    pub(crate) fn mapped(file: File, mapping: &Mapping) -> Result<Self, RecordError> {
        let file = ParquetFile::open(file)?;
        let names: Vec<_> = file.columns.iter().map(|column| column.name.clone()).collect();
        let bound = bind(mapping, &names)?;
        let columns = bound.into_iter().zip(&mapping.fields).map(|(bound, mapped)| {
            let column_type = &file.columns[bound.field].column_type;
            Column::new(bound, mapped, column_type).map_err(RecordError::mapping)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for column in &columns {
            let column = &file.columns[column.bound.field];
            column.check_compression(file.metadata()).map_err(|reason| unreadable(&reason))?;
        }
        Ok(Self { file, columns })
    }
}

impl Reader for Parquet {
    fn format(&self) -> Format {
        Format::Parquet
    }

    fn split_rule(&self) -> SplitRule {
        SplitRule::RowGroups(self.file.groups() as u64)
    }

    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan {
        add_metric_columns(self.columns.iter().map(|one| &one.bound), schema);
        let lines = self.rows(block);
        let mut seen = BlockScan { has_records: lines > 0, lines, first_bad: None };
        // Where no column names them, there is one phase.
        let Some(phase) = self.columns.iter().find(|one| one.bound.role == FieldRole::Phase) else {
            if seen.has_records {
                schema.add_phase(DEFAULT_PHASE);
            }
            return seen;
        };
        let read = self.each(block, &[phase], |chunks, rows| {
            for at in 0..rows {
                schema.add_phase(chunks[0].text(at).unwrap_or(DEFAULT_PHASE));
            }
            Ok(())
        });
        if let Err(Some(problem)) = read {
            seen.has_records = false;
            seen.first_bad = Some((0, problem));
        }
        seen
    }

    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>) {
        let all = builder.columns();
        let wanted =
            self.columns.iter().filter_map(|one| Some((one, WantedField::new(&one.bound, &all)?)));
        let (columns, wanted): (Vec<_>, Vec<_>) = wanted.unzip();
        let mut phase = PhaseKey::named(DEFAULT_PHASE);
        let mut metrics = Vec::new();
        let mut row = 0;
        let read = self.each(block, &columns, |chunks, count| {
            for at in 0..count {
                let mut facts = RequestFields::default();
                metrics.clear();
                let mut taken = Ok(());
                for (WantedField { bound, column }, chunk) in wanted.iter().zip(chunks) {
                    match chunk.take(at, &bound.role, &mut facts) {
                        Ok(value) => metrics.extend(column.zip(value)),
                        Err(words) => {
                            taken = Err(format!("column `{}`: {words}", escape(&bound.name)));
                            break;
                        }
                    }
                }
                let put = taken.and_then(|()| facts.put(builder, &mut phase, metrics.drain(..)));
                row += 1;
                if let Err(words) = put
                    && !builder.bad(row - 1, RecordError::at(1, words))
                {
                    return Err(None);
                }
            }
            Ok(())
        });
        if let Err(Some(problem)) = read {
            builder.bad(row, problem);
        }
        builder.add_lines(self.rows(block));
    }
}

/// Problem that ends a row group early; none: the caller ends it.
type Ended = Option<RecordError>;

impl Parquet {
    /// Rows of a block.
    fn rows(&self, block: &Block) -> u64 {
        self.file.rows(block.number as usize)
    }

    /// Decodes columns of a row group, some rows at a time.
    fn each(
        &self,
        block: &Block,
        columns: &[&Column],
        mut take: impl FnMut(&[Chunk<'_>], usize) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        let damage = |error: parquet::errors::ParquetError| {
            Some(RecordError::damaged(format!(
                "row group {} of {} cannot be decoded: {}",
                block.number + 1,
                self.file.groups(),
                escape(&error.to_string())
            )))
        };
        let chunks = columns
            .iter()
            .map(|column| self.file.chunk(block.number as usize, column.bound.field, column.form));
        let mut chunks = chunks.collect::<Result<Vec<_>, _>>().map_err(damage)?;
        let mut left = self.rows(block);
        while left > 0 {
            let rows = left.min(ROWS as u64) as usize;
            for chunk in &mut chunks {
                chunk.decode(rows).map_err(damage)?;
            }
            take(&chunks, rows)?;
            left -= rows as u64;
        }
        Ok(())
    }
}
