//! What stands in batches, whatever their sizes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use perfbox::Batch;
use perfbox::batch::Column;

/// Records and digests of the values of each column, by phase: the records of one phase come
/// in the order of the input, those of two need not. A column that a batch lacks is missing
/// for all its records, so a missing value adds nothing.
#[derive(Default)]
pub struct Digests(BTreeMap<String, (usize, BTreeMap<String, DefaultHasher>)>);

impl Digests {
    /// Adds the values of a batch.
    pub fn add(&mut self, batch: &Batch) {
        let phase = batch.phase();
        let key = format!("{} {} {}", phase.index, phase.name, phase.kind);
        let (records, digests) = self.0.entry(key).or_default();
        for (info, column) in batch.columns().filter(|(_, column)| column.present() > 0) {
            let digest = digests.entry(info.name.clone()).or_default();
            for row in (0..batch.len()).filter(|row| is_present(column, *row)) {
                (*records + row).hash(digest);
                add_value(column, row, digest);
            }
        }
        *records += batch.len();
    }
}

impl std::fmt::Debug for Digests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = self.0.iter().map(|(phase, (records, digests))| {
            let digests: Vec<_> =
                digests.iter().map(|(name, digest)| (name, digest.finish())).collect();
            (phase, (records, digests))
        });
        f.debug_map().entries(told).finish()
    }
}

fn is_present(column: &Column, row: usize) -> bool {
    match column {
        Column::U64(values) => values.is_valid(row),
        Column::F64(values) => values.is_valid(row),
        Column::Text(values) => values.is_valid(row),
        Column::F64List(lists) => lists.is_valid(row),
    }
}

fn add_value(column: &Column, row: usize, digest: &mut DefaultHasher) {
    match column {
        Column::U64(values) => values.is_valid(row).then(|| values.value(row)).hash(digest),
        Column::F64(values) => {
            values.is_valid(row).then(|| values.value(row).to_bits()).hash(digest);
        }
        Column::Text(values) => {
            let texts = values.values().as_string::<i32>();
            let text = values.key(row).map(|key| texts.value(key));
            text.hash(digest);
        }
        Column::F64List(lists) => {
            let list = lists.is_valid(row).then(|| lists.value(row));
            let items = list.as_ref().map(|list| list.as_primitive::<Float64Type>().values());
            let bits = |items: &&[f64]| items.iter().map(|item| item.to_bits()).collect::<Vec<_>>();
            items.map(|items| bits(&&items[..])).hash(digest);
        }
    }
}
