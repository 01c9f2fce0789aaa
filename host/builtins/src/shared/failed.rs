use perfbox_guest::{Batch, ColumnInfo, ColumnType, Result};

/// Which records of a batch have an error.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) rows: Vec<bool>,
    pub(crate) count: usize,
    /// Those that distributions stand on which are not of errors.
    measured: Vec<bool>,
    measured_count: usize,
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
        let measured = rows.iter().map(|is_failed| !is_failed).collect();
        let measured_count = rows.len() - count;
        Ok(Self { rows, count, measured, measured_count })
    }

    /// Distributions stand on records with an error as well.
    pub(crate) fn measured_too(self) -> Self {
        let measured_count = self.rows.len();
        Self { measured: vec![true; measured_count], measured_count, ..self }
    }

    /// For each record, whether a column stands on it: one that is of errors, or another.
    pub(crate) fn stands_on(&self, of_failed: bool) -> &[bool] {
        if of_failed { &self.rows } else { &self.measured }
    }

    /// How many there are of these.
    pub(crate) fn stands_on_count(&self, of_failed: bool) -> usize {
        if of_failed { self.count } else { self.measured_count }
    }
}
