//! What a file system shows that differs from run to run, made the same in all.

use std::collections::HashMap;
use std::fs::File;
use std::vec::IntoIter;

use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, DescriptorType, DirectoryEntry, MetadataHashValue,
};

/// Files in the order in which they were first looked at.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    known: HashMap<(u64, u64), u64>,
    last: u64,
}

impl Numbers {
    /// The number of a file or directory that is open.
    pub(super) fn of(&mut self, file: &File) -> MetadataHashValue {
        let lower = *self.known.entry(identity(file)).or_insert_with(|| {
            self.last += 1;
            self.last
        });
        MetadataHashValue { lower, upper: 0 }
    }

    /// One that is open is about to go.
    pub(super) fn forget(&mut self, file: &File) {
        self.known.remove(&identity(file));
    }
}

#[cfg(unix)]
fn identity(file: &File) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().map_or((0, 0), |metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_file: &File) -> (u64, u64) {
    (0, 0)
}

/// Without times, and without what file systems say of directories as they like.
pub(super) fn without_times(stat: DescriptorStat) -> DescriptorStat {
    let zero = Some(Datetime { seconds: 0, nanoseconds: 0 });
    let is_dir = matches!(stat.type_, DescriptorType::Directory);
    DescriptorStat {
        link_count: 1,
        size: if is_dir { 0 } else { stat.size },
        data_access_timestamp: zero,
        data_modification_timestamp: zero,
        status_change_timestamp: zero,
        ..stat
    }
}

/// The entries of a directory by name; it stands in the table of resources in the place
/// of WASI's own stream of entries.
pub(super) struct SortedEntries(IntoIter<DirectoryEntry>);

impl SortedEntries {
    pub(super) fn new(mut entries: Vec<DirectoryEntry>) -> Self {
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Self(entries.into_iter())
    }

    pub(super) fn next(&mut self) -> Option<DirectoryEntry> {
        self.0.next()
    }
}
