use perfbox_guest::{Batch, ColumnInfo, ColumnType, Result};

/// Which records of a batch have an error.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) rows: Vec<bool>,
    pub(crate) count: usize,
}

impl Failed {
    pub(crate) const COLUMN: &str = "error_type";

    pub(crate) fn of(batch: &Batch) -> Result<Self> {
        let is_error =
            |column: &ColumnInfo| column.name == Self::COLUMN && column.type_ == ColumnType::Text;
        let rows = if batch.columns().iter().any(is_error) {
            let error_types = batch.texts(Self::COLUMN)?;
            error_types.codes().rows().map(|code| code.is_some()).collect()
        } else {
            vec![false; batch.len()]
        };
        let count = rows.iter().filter(|is_failed| **is_failed).count();
        Ok(Self { rows, count })
    }
}
