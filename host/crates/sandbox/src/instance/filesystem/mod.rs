//! The guest's `wasi:filesystem`: wasmtime-wasi's, with a quota on what is written,
//! without links and, where every run is to be the same, without what differs from one
//! file system to another.

mod descriptor;
mod listing;
mod quota;
mod stream;

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DescriptorStat, DescriptorType, MetadataHashValue,
};

use super::HostState;
use perfbox_model::limits::Limits;
use quota::Quota;

pub(crate) use quota::OverQuota;

/// Puts it in the place of wasmtime-wasi's. The preopened directories stay as they are.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

/// What one plugin has done with its files.
pub(crate) struct Files {
    quota: Arc<Quota>,
    deterministic: bool,
    /// Entries that its open directory streams hold together.
    listed: usize,
    numbers: Numbers,
}

impl Files {
    /// A deterministic one reads all times as zero, and knows files by the order in
    /// which they were first asked for.
    pub(crate) fn new(limits: &Limits, deterministic: bool) -> Self {
        let numbers = Numbers::default();
        Self { quota: Arc::new(Quota::new(limits)), deterministic, listed: 0, numbers }
    }

    fn shown_stat(&self, stat: DescriptorStat) -> DescriptorStat {
        if !self.deterministic {
            return stat;
        }
        let zero = Some(Datetime { seconds: 0, nanoseconds: 0 });
        let stat = DescriptorStat {
            data_access_timestamp: zero,
            data_modification_timestamp: zero,
            status_change_timestamp: zero,
            ..stat
        };
        match stat.type_ {
            // Each file system has its own idea of these.
            DescriptorType::Directory => DescriptorStat { size: 0, link_count: 1, ..stat },
            _ => stat,
        }
    }

    fn shown_hash(&mut self, hash: MetadataHashValue) -> MetadataHashValue {
        match self.deterministic {
            true => MetadataHashValue { lower: self.numbers.of(key(hash)), upper: 0 },
            false => hash,
        }
    }
}

/// wasmtime-wasi's hash, of device and inode.
type Key = (u64, u64);

fn key(hash: MetadataHashValue) -> Key {
    (hash.lower, hash.upper)
}

/// Numbers for files, from 1, in the order in which they are first seen.
#[derive(Default)]
struct Numbers {
    given: u64,
    known: HashMap<Key, u64>,
}

impl Numbers {
    fn of(&mut self, key: Key) -> u64 {
        *self.known.entry(key).or_insert_with(|| {
            self.given += 1;
            self.given
        })
    }

    /// For a file that is gone: another may get its inode.
    fn forget(&mut self, key: Key) {
        self.known.remove(&key);
    }
}

#[cfg(test)]
mod tests;
