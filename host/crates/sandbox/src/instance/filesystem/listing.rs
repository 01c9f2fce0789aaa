//! The entries of a directory, in order.

use wasmtime_wasi::p2::bindings::filesystem::types::DirectoryEntry;
use wasmtime_wasi::p2::{FsResult, ReaddirIterator};

/// Most entries that a plugin's open directory streams hold together.
const LISTED_MAX: usize = 100_000;

/// What a directory held when it was read, by name; entries that cannot be read come
/// last.
pub(super) struct Listing {
    entries: std::vec::IntoIter<FsResult<DirectoryEntry>>,
    len: usize,
}

/// Directory streams hold their entries in the host's memory.
#[derive(Debug, thiserror::Error)]
#[error(
    "it read directories with more than {LISTED_MAX} entries together without closing one of them"
)]
pub(super) struct ListedTooMuch;

impl Listing {
    /// `listed` is how many entries the plugin's listings have together, with this one
    /// afterwards.
    pub(super) fn new(entries: ReaddirIterator, listed: &mut usize) -> Result<Self, ListedTooMuch> {
        let mut entries: Vec<_> = entries.into_iter().collect();
        let len = entries.len();
        *listed = listed.saturating_add(len);
        if *listed > LISTED_MAX {
            return Err(ListedTooMuch);
        }
        entries.sort_by(|a, b| name(a).cmp(&name(b)));
        Ok(Self { entries: entries.into_iter(), len })
    }

    /// How many entries it had at first.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn next(&mut self) -> FsResult<Option<DirectoryEntry>> {
        self.entries.next().transpose()
    }
}

fn name(entry: &FsResult<DirectoryEntry>) -> (bool, Option<&str>) {
    let entry = entry.as_ref().ok();
    (entry.is_none(), entry.map(|entry| entry.name.as_str()))
}
