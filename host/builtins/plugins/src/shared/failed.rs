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
            |column: &ColumnInfo| column.name == Self::COLUMN && column.kind == ColumnType::Text;
        let error_types = match batch.columns().iter().any(is_error) {
            true => batch.texts(Self::COLUMN)?,
            false => return Ok(Self::none(batch.len())),
        };
        let mut failed = Self::none(error_types.len());
        let rows = error_types.codes().rows().zip(failed.rows.iter_mut().zip(&mut failed.measured));
        for (code, (is_failed, is_measured)) in rows {
            if code.is_some() {
                *is_failed = true;
                *is_measured = false;
                failed.count += 1;
            }
        }
        failed.measured_count -= failed.count;
        Ok(failed)
    }

    /// So many records without an error.
    fn none(records: usize) -> Self {
        let (rows, measured) = (vec![false; records], vec![true; records]);
        Self { rows, count: 0, measured, measured_count: records }
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
