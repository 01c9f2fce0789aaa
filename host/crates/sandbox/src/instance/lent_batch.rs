//! The contract's `batch`, as lent to a guest for one call.

use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use wasmtime::component::Resource;

use super::state::HostState;
use crate::bindings::batches::{self, ColumnError};
use crate::bindings::types;
use perfbox_model::batch::{Batch, Column, ColumnInfo, ColumnType, WantedColumns};

/// A batch, seen by one processor.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct LentBatch {
    batch: Arc<Batch>,
    /// The columns that it may ask for.
    wanted: Arc<WantedColumns>,
}

impl LentBatch {
    pub(crate) fn new(batch: Arc<Batch>, wanted: Arc<WantedColumns>) -> Self {
        Self { batch, wanted }
    }

    fn find(&self, name: &str) -> Result<(&ColumnInfo, &Column), ColumnError> {
        let info = self.batch.infos().iter().find(|info| info.name == name);
        let info = info.ok_or(ColumnError::Missing)?;
        let column = self.wanted.wants(info).then(|| self.batch.column(name)).flatten();
        Ok((info, column.ok_or(ColumnError::NotRequired)?))
    }
}

fn wrong_type(info: &ColumnInfo) -> ColumnError {
    ColumnError::WrongType(column_type(info.kind))
}

fn column_type(kind: ColumnType) -> batches::ColumnType {
    match kind {
        ColumnType::U64 => batches::ColumnType::U64,
        ColumnType::F64 => batches::ColumnType::F64,
        ColumnType::Text => batches::ColumnType::Text,
        ColumnType::F64List => batches::ColumnType::F64List,
    }
}

/// Arrow's validity bits are the contract's: lowest bit first, 1 for a value.
fn validity(array: &dyn Array) -> Option<Vec<u8>> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0)?;
    Some(nulls.inner().sliced().as_slice().to_vec())
}

/// The values of a number column with 0 where one is missing, as the contract says.
fn zeroed<T: Copy + Default>(values: &[T], array: &dyn Array) -> Vec<T> {
    let mut values = values.to_vec();
    if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
        for (value, present) in values.iter_mut().zip(nulls.iter()) {
            if !present {
                *value = T::default();
            }
        }
    }
    values
}

type Answer<T> = wasmtime::Result<Result<T, ColumnError>>;

impl batches::Host for HostState {}

impl batches::HostBatch for HostState {
    fn phase(&mut self, batch: Resource<LentBatch>) -> wasmtime::Result<types::Phase> {
        Ok(self.table.get(&batch)?.batch.phase().into())
    }

    fn len(&mut self, batch: Resource<LentBatch>) -> wasmtime::Result<u32> {
        Ok(u32::try_from(self.table.get(&batch)?.batch.len())?)
    }

    fn numbers_so_far(&mut self, batch: Resource<LentBatch>) -> wasmtime::Result<u64> {
        let LentBatch { batch, wanted } = self.table.get(&batch)?;
        Ok(batch.numbers_so_far(wanted))
    }

    fn columns(
        &mut self,
        batch: Resource<LentBatch>,
    ) -> wasmtime::Result<Vec<batches::ColumnInfo>> {
        let lent = self.table.get(&batch)?;
        let answer = lent.batch.infos().iter().map(|info| batches::ColumnInfo {
            name: info.name.clone(),
            type_: column_type(info.kind),
            unit: info.unit.clone(),
        });
        Ok(answer.collect())
    }

    fn u64s(&mut self, batch: Resource<LentBatch>, name: String) -> Answer<batches::U64Column> {
        Ok(match self.table.get(&batch)?.find(&name) {
            Ok((_, Column::U64(array))) => Ok(batches::U64Column {
                values: zeroed(array.values(), array),
                validity: validity(array),
            }),
            Ok((info, _)) => Err(wrong_type(info)),
            Err(error) => Err(error),
        })
    }

    fn f64s(&mut self, batch: Resource<LentBatch>, name: String) -> Answer<batches::F64Column> {
        Ok(match self.table.get(&batch)?.find(&name) {
            Ok((_, Column::F64(array))) => Ok(batches::F64Column {
                values: zeroed(array.values(), array),
                validity: validity(array),
            }),
            Ok((info, _)) => Err(wrong_type(info)),
            Err(error) => Err(error),
        })
    }

    fn texts(&mut self, batch: Resource<LentBatch>, name: String) -> Answer<batches::TextColumn> {
        Ok(match self.table.get(&batch)?.find(&name) {
            Ok((_, Column::Text(array))) => {
                let dictionary = array.values().as_string::<i32>();
                Ok(batches::TextColumn {
                    dictionary: dictionary.iter().flatten().map(str::to_owned).collect(),
                    codes: zeroed(array.keys().values(), array),
                    validity: validity(array),
                })
            }
            Ok((info, _)) => Err(wrong_type(info)),
            Err(error) => Err(error),
        })
    }

    fn f64_lists(
        &mut self,
        batch: Resource<LentBatch>,
        name: String,
    ) -> Answer<batches::F64ListColumn> {
        Ok(match self.table.get(&batch)?.find(&name) {
            Ok((_, Column::F64List(array))) => {
                let values = array.values().as_primitive::<Float64Type>();
                Ok(batches::F64ListColumn {
                    values: values.values().to_vec(),
                    offsets: array.value_offsets().iter().map(|offset| *offset as u32).collect(),
                    validity: validity(array),
                })
            }
            Ok((info, _)) => Err(wrong_type(info)),
            Err(error) => Err(error),
        })
    }

    fn drop(&mut self, batch: Resource<LentBatch>) -> wasmtime::Result<()> {
        // A guest only ever borrows one.
        self.table.delete(batch)?;
        Ok(())
    }
}
