//! What was read of a plugins directory, kept for the next run.
//!
//! A manifest is believed to be as it was while `stat` says that its file is the same;
//! nothing else of it is looked at. Components are not part of this: each is read anew
//! when it is loaded.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::Registry;
use super::manifest::Manifest;
use crate::cache::INDEX_SUFFIX;

/// How long a file must have been left alone before it is known by its stamp: twice in
/// one tick of a file system's clock, and the second change would not show. The coarsest
/// clocks tick every two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// What `stat` says of a file's content having changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Both in ns since the Unix epoch.
    modified_ns: i128,
    changed_ns: i128,
}

impl Stamp {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let ns = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// True for a file that has been left alone for a while.
    fn is_settled(self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let latest = self.modified_ns.max(self.changed_ns);
        latest + SETTLED.as_nanos() as i128 <= now.as_nanos() as i128
    }
}

/// The manifests of one plugins directory, by the name of the package's entry in it.
#[derive(Debug, Default)]
pub(super) struct DirectoryIndex(HashMap<String, (Stamp, Manifest)>);

/// One entry, as it is written.
type Entry<'a> = (&'a str, Stamp, &'a Manifest);

impl DirectoryIndex {
    /// The manifest of an entry whose file has this stamp.
    pub(super) fn take(&mut self, name: &str, stamp: Stamp) -> Option<Manifest> {
        let (known, _) = self.0.get(name)?;
        if *known != stamp {
            return None;
        }
        self.0.remove(name).map(|(_, manifest)| manifest)
    }

    /// True when everything in it was taken.
    pub(super) fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }

    fn decode(bytes: &[u8]) -> postcard::Result<Self> {
        let entries: Vec<(String, Stamp, Manifest)> = postcard::from_bytes(bytes)?;
        let by_name = entries.into_iter().map(|(name, stamp, one)| (name, (stamp, one)));
        Ok(Self(by_name.collect()))
    }
}

/// Those that can be known by their stamps, as bytes.
fn encode<'a>(
    now: SystemTime,
    entries: impl Iterator<Item = Entry<'a>>,
) -> postcard::Result<Vec<u8>> {
    let settled: Vec<Entry> = entries.filter(|(_, stamp, _)| stamp.is_settled(now)).collect();
    postcard::to_stdvec(&settled)
}

impl Registry {
    /// What an earlier run kept of the directory `place`.
    pub(super) fn index_of(&self, place: &Path) -> DirectoryIndex {
        let Some(cache) = &self.cache else { return DirectoryIndex::default() };
        let index = match cache.read(&entry_name(place)) {
            Ok(bytes) => bytes.map(|bytes| DirectoryIndex::decode(&bytes)),
            Err(error) => {
                tracing::warn!(
                    "{error}; reading every manifest of `{}`",
                    crate::escape(&place.to_string_lossy())
                );
                None
            }
        };
        // One that another version wrote is as good as none.
        index.and_then(Result::ok).unwrap_or_default()
    }

    /// Keeps it for the next. What cannot be kept will be read again, no more.
    pub(super) fn keep_index<'a>(&self, place: &Path, entries: impl Iterator<Item = Entry<'a>>) {
        let Some(cache) = &self.cache else { return };
        let Ok(bytes) = encode(SystemTime::now(), entries) else { return };
        if let Err(error) = cache.write(&entry_name(place), &bytes) {
            tracing::debug!("the index of manifests is not kept: {error}");
        }
    }
}

/// The name of a directory's index in the cache.
fn entry_name(place: &Path) -> String {
    let place = blake3::hash(place.as_os_str().as_encoded_bytes());
    format!("manifests-{}{INDEX_SUFFIX}", place.to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_000_000;

    fn stamp(changed_s: u64) -> Stamp {
        let ns = i128::from(changed_s) * 1_000_000_000;
        Stamp { device: 1, inode: 2, bytes: 3, modified_ns: ns, changed_ns: ns }
    }

    fn manifest() -> Manifest {
        let text = "
plugin: {name: acme, version: '1'}
post_processors:
  audit:
    component: a.wasm
    tags: [x]
    config_params:
      - plain
      - {name: depth, type: int, default: 3, min: 1, choices: [1, 3]}
      - {name: names, type: list<string>}
";
        Manifest::parse(text, Path::new("registry.yaml")).unwrap()
    }

    fn index(entries: &[(&str, u64)]) -> DirectoryIndex {
        let manifest = manifest();
        let entries = entries.iter().map(|(name, at)| (*name, stamp(*at), &manifest));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S);
        DirectoryIndex::decode(&encode(now, entries).unwrap()).unwrap()
    }

    #[test]
    fn a_manifest_is_taken_as_it_was_read_while_its_stamp_is_the_same() {
        let mut index = index(&[("a", 100), ("b", 100)]);
        assert_eq!(index.take("c", stamp(100)), None);
        assert_eq!(index.take("a", stamp(101)), None);
        let grown = Stamp { bytes: 4, ..stamp(100) };
        assert_eq!(index.take("a", grown), None);
        let replaced = Stamp { inode: 4, ..stamp(100) };
        assert_eq!(index.take("a", replaced), None);
        assert_eq!(index.take("a", stamp(100)), Some(manifest()));
        assert!(!index.is_used_up());
        assert_eq!(index.take("b", stamp(100)), Some(manifest()));
        assert!(index.is_used_up());
    }

    #[test]
    fn a_file_that_has_just_changed_is_not_known_by_its_stamp() {
        let mut index = index(&[("old", NOW_S - 2), ("young", NOW_S - 1), ("ahead", NOW_S + 9)]);
        assert!(index.take("old", stamp(NOW_S - 2)).is_some());
        assert!(index.is_used_up(), "{index:?}");
    }

    #[test]
    fn bytes_of_something_else_are_no_index() {
        assert!(DirectoryIndex::decode(b"\xff\xff\xff").is_err());
    }
}
