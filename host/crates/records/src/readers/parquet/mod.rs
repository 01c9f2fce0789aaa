//! Parquet of any tool: columns of which a mapping says what each is. A piece of it is a
//! row group.

mod column;
mod stored;

use std::fs::File;

use column::{Column, Values};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use perfbox_model::escape;
use stored::Stored;

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

/// Rows that are decoded at a time.
const ROWS: usize = 8192;

/// Reads Parquet.
pub(crate) struct Parquet {
    file: Stored,
    metadata: ArrowReaderMetadata,
    columns: Vec<Column>,
}

impl Parquet {
    /// Parquet, mapped.
    ///
    /// # Errors
    /// When its metadata cannot be read, or the mapping does not fit it.
    pub(crate) fn mapped(file: File, mapping: &Mapping) -> Result<Self, RecordError> {
        let file = Stored::new(file);
        let metadata = metadata_of(&file)?;
        let fields = metadata.schema().fields();
        let names: Vec<_> = fields.iter().map(|one| one.name().clone()).collect();
        let bound = bind(mapping, &names)?;
        let columns = bound.into_iter().zip(&mapping.fields).map(|(bound, mapped)| {
            let kind = fields[bound.field].data_type();
            Column::new(bound, mapped, kind).map_err(RecordError::mapping)
        });
        let columns = columns.collect::<Result<_, _>>()?;
        Ok(Self { file, metadata, columns })
    }
}

/// The columns of a Parquet file, each with its type.
///
/// # Errors
/// When its metadata cannot be read.
pub(crate) fn columns_of(file: File) -> Result<Vec<(String, String)>, RecordError> {
    let metadata = metadata_of(&Stored::new(file))?;
    let fields = metadata.schema().fields().iter();
    Ok(fields.map(|one| (one.name().clone(), one.data_type().to_string())).collect())
}

fn metadata_of(file: &Stored) -> Result<ArrowReaderMetadata, RecordError> {
    ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|error| {
        let words = format!("the Parquet file cannot be read: {}", escape(&error.to_string()));
        RecordError::at(1, words)
    })
}

impl Reader for Parquet {
    fn format(&self) -> Format {
        Format::Parquet
    }

    fn split_rule(&self) -> SplitRule {
        SplitRule::RowGroups(self.metadata.metadata().num_row_groups() as u64)
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
        let read = self.each(block, &[phase], |values, rows| {
            for at in 0..rows {
                schema.add_phase(values[0].text(at).unwrap_or(DEFAULT_PHASE));
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
        let read = self.each(block, &columns, |values, count| {
            for at in 0..count {
                let mut facts = RequestFields::default();
                metrics.clear();
                let mut taken = Ok(());
                for (WantedField { bound, column }, values) in wanted.iter().zip(values) {
                    match values.take(at, &bound.role, &mut facts) {
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

/// Why the reading of a row group ends early; none: it was told to.
type Ended = Option<RecordError>;

impl Parquet {
    /// How many rows a group has.
    fn rows(&self, block: &Block) -> u64 {
        let group = self.metadata.metadata().row_group(block.number as usize);
        u64::try_from(group.num_rows()).unwrap_or_default()
    }

    /// Decodes columns of a row group, some rows at a time.
    fn each(
        &self,
        block: &Block,
        columns: &[&Column],
        mut take: impl FnMut(&[Values], usize) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        let damage = |error: &dyn std::fmt::Display| {
            Some(RecordError::damaged(format!(
                "row group {} of {} cannot be decoded: {}",
                block.number + 1,
                self.metadata.metadata().num_row_groups(),
                escape(&error.to_string())
            )))
        };
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            self.file.clone(),
            self.metadata.clone(),
        );
        let fields = columns.iter().map(|one| one.bound.field);
        let mask = ProjectionMask::roots(builder.parquet_schema(), fields);
        let reader = builder
            .with_row_groups(vec![block.number as usize])
            .with_projection(mask)
            .with_batch_size(ROWS)
            .build()
            .map_err(|error| damage(&error))?;
        for batch in reader {
            let batch = batch.map_err(|error| damage(&error))?;
            let values = columns.iter().map(|one| {
                let array = batch.column_by_name(&one.bound.name);
                let array = array.ok_or_else(|| damage(&"a column is missing"))?;
                one.values(array).map_err(|error| damage(&error))
            });
            take(&values.collect::<Result<Vec<_>, _>>()?, batch.num_rows())?;
        }
        Ok(())
    }
}
