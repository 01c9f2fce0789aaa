use perfbox_guest::{Batch, ColumnInfo, ColumnType, Result};

/// Which records of a batch have an error.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) rows: Vec<bool>,
    pub(crate) count: usize,
    succeeded: Vec<bool>,
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
        let succeeded = rows.iter().map(|is_failed| !is_failed).collect();
        Ok(Self { rows, count, succeeded })
    }

    /// For each record, whether it is one with an error, or one without.
    pub(crate) fn are(&self, failed: bool) -> &[bool] {
        if failed { &self.rows } else { &self.succeeded }
    }
}
