//! What was read of a plugins directory, kept for the next run.
//!
//! A manifest is believed to be as it was while `stat` says that its file is the same;
//! nothing else of it is looked at. Components are not part of this: each is read anew
//! when it is loaded.

use std::fs::Metadata;
use std::iter::Peekable;
use std::path::Path;
use std::time::{Duration, SystemTime};
use std::vec::IntoIter;

use serde::{Deserialize, Serialize};

use crate::cache::entry::INDEX_SUFFIX;
use crate::manifest::Manifest;
use crate::registry::Registry;

/// How long a file must have been left alone before it is known by its stamp: twice in
/// one tick of a file system's clock, and the second change would not show. The coarsest
/// clocks tick every two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// What `stat` says of a file's content having changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Both in ns since the Unix epoch.
    modified_ns: i128,
    changed_ns: i128,
}

impl Stamp {
    #[cfg(unix)]
    pub(crate) fn of(metadata: &Metadata) -> Option<Self> {
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
    pub(crate) fn of(_: &Metadata) -> Option<Self> {
        None
    }

    /// True for a file that has been left alone for a while.
    pub(crate) fn is_settled(self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let latest = self.modified_ns.max(self.changed_ns);
        latest + SETTLED.as_nanos() as i128 <= now.as_nanos() as i128
    }
}

/// The manifests of one plugins directory, in the order of their packages' names in it.
#[derive(Debug)]
pub(crate) struct DirectoryIndex {
    entries: Peekable<IntoIter<(String, Stamp, Manifest)>>,
    /// Something in it was asked for in vain, or not at all.
    is_outdated: bool,
}

/// One entry, as it is written.
type Entry<'a> = (&'a str, Stamp, &'a Manifest);

impl DirectoryIndex {
    fn new(entries: Vec<(String, Stamp, Manifest)>) -> Self {
        Self { entries: entries.into_iter().peekable(), is_outdated: false }
    }

    /// The manifest of an entry whose file has this stamp; to be asked for in the order
    /// of names.
    pub(crate) fn take(&mut self, name: &str, stamp: Stamp) -> Option<Manifest> {
        while self.entries.next_if(|(known, ..)| known.as_str() < name).is_some() {
            self.is_outdated = true;
        }
        let (_, known, manifest) = self.entries.next_if(|(known, ..)| known == name)?;
        self.is_outdated |= known != stamp;
        (known == stamp).then_some(manifest)
    }

    /// True when everything in it was taken.
    pub(crate) fn is_used_up(&mut self) -> bool {
        !self.is_outdated && self.entries.peek().is_none()
    }

    fn decode(bytes: &[u8]) -> postcard::Result<Self> {
        postcard::from_bytes(bytes).map(Self::new)
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
    pub(crate) fn index_of(&self, place: &Path) -> DirectoryIndex {
        let none = || DirectoryIndex::new(Vec::new());
        let Some(cache) = &self.cache else { return none() };
        let index = match cache.read(&entry_name(place)) {
            Ok(bytes) => bytes.map(|bytes| DirectoryIndex::decode(&bytes)),
            Err(error) => {
                tracing::warn!(
                    "{error}; reading every manifest of `{}`",
                    perfbox_model::escape(&place.to_string_lossy())
                );
                None
            }
        };
        // One that cannot be read is as good as none.
        index.and_then(Result::ok).unwrap_or_else(none)
    }

    /// Keeps it for the next; `now` is a time before anything of the directory was looked
    /// at. What cannot be kept will be read again, no more.
    pub(crate) fn keep_index<'a>(
        &self,
        place: &Path,
        now: SystemTime,
        entries: impl Iterator<Item = Entry<'a>>,
    ) {
        let Some(cache) = &self.cache else { return };
        let Ok(bytes) = encode(now, entries) else { return };
        if let Err(error) = cache.write(&entry_name(place), &bytes) {
            tracing::debug!("the index of manifests is not kept: {error}");
        }
    }
}

/// The name of a directory's index in the cache. Another version of perfbox has another:
/// it may read manifests differently.
fn entry_name(place: &Path) -> String {
    let mut place_and_version = place.as_os_str().as_encoded_bytes().to_vec();
    place_and_version.extend_from_slice(concat!("\0", env!("CARGO_PKG_VERSION")).as_bytes());
    let place = blake3::hash(&place_and_version);
    format!("manifests-{}{INDEX_SUFFIX}", place.to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::dir::CacheDir;

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
        let whole = || index(&[("a", 100), ("b", 100), ("d", 100)]);
        let mut all_taken = whole();
        for name in ["a", "b", "d"] {
            assert_eq!(all_taken.take(name, stamp(100)), Some(manifest()));
        }
        assert!(all_taken.is_used_up());

        let mut one_more = whole();
        assert!(one_more.take("a", stamp(100)).is_some());
        assert!(one_more.take("b", stamp(100)).is_some());
        assert_eq!(one_more.take("c", stamp(100)), None);
        assert!(!one_more.is_used_up());
        assert!(one_more.take("d", stamp(100)).is_some());

        for changed in [
            stamp(101),
            Stamp { bytes: 4, ..stamp(100) },
            Stamp { inode: 4, ..stamp(100) },
            Stamp { device: 4, ..stamp(100) },
            Stamp { modified_ns: 4, ..stamp(100) },
            Stamp { changed_ns: 4, ..stamp(100) },
        ] {
            let mut one_changed = whole();
            assert_eq!(one_changed.take("a", changed), None);
            assert!(one_changed.take("b", stamp(100)).is_some());
            assert!(one_changed.take("d", stamp(100)).is_some());
            assert!(!one_changed.is_used_up());
        }

        let mut one_gone = whole();
        assert!(one_gone.take("a", stamp(100)).is_some());
        assert!(one_gone.take("d", stamp(100)).is_some());
        assert!(!one_gone.is_used_up());
    }

    #[test]
    fn a_file_that_has_just_changed_is_not_known_by_its_stamp() {
        let mut index = index(&[("old", NOW_S - 2), ("young", NOW_S - 1), ("ahead", NOW_S + 9)]);
        assert!(index.take("old", stamp(NOW_S - 2)).is_some());
        assert!(index.is_used_up(), "{index:?}");
    }

    /// A plugins directory with one package, and a registry with a cache.
    fn directory() -> (tempfile::TempDir, std::path::PathBuf, impl Fn() -> Registry) {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("plugins/a")).unwrap();
        let text = "plugin: {name: real, version: '1'}\nphase_hooks: {x: {component: a.wasm}}\n";
        std::fs::write(root.join("plugins/a/registry.yaml"), text).unwrap();
        let (cache, key) = (root.join("cache"), root.join("keys/key"));
        let registry =
            move || Registry::default().with_cache(CacheDir::open(&cache, &key).unwrap());
        (temp, root.join("plugins"), registry)
    }

    fn found(registry: &mut Registry, plugins: &Path, now: SystemTime) -> String {
        registry.discover_at(plugins, now).unwrap();
        registry.packages()[0].name.clone()
    }

    #[cfg(unix)]
    #[test]
    fn a_manifest_comes_from_the_index_until_its_file_changes() {
        let (_temp, plugins, registry) = directory();
        let later = SystemTime::now() + 2 * SETTLED;
        let file = plugins.join("a/registry.yaml");
        // One that says something else than the file shows that it is the one read.
        let stamp = Stamp::of(&file.symlink_metadata().unwrap()).unwrap();
        let planted = Manifest { name: "planted".parse().unwrap(), ..manifest() };
        registry().keep_index(&plugins, later, [("a", stamp, &planted)].into_iter());
        assert_eq!(found(&mut registry(), &plugins, later), "planted");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("real", "anew")).unwrap();
        assert_eq!(found(&mut registry(), &plugins, later), "anew");
        // And was kept as such.
        assert_eq!(registry().index_of(&plugins).entries.next().unwrap().2.name.as_str(), "anew");
    }

    #[cfg(unix)]
    #[test]
    fn what_has_just_been_written_is_not_kept() {
        let (_temp, plugins, registry) = directory();
        assert_eq!(found(&mut registry(), &plugins, SystemTime::now()), "real");
        assert!(registry().index_of(&plugins).is_used_up());
    }

    #[cfg(unix)]
    #[test]
    fn an_index_is_not_written_anew_for_what_it_cannot_hold() {
        let (_temp, plugins, registry) = directory();
        std::fs::create_dir(plugins.join("bad")).unwrap();
        std::os::unix::fs::symlink("a", plugins.join("link")).unwrap();
        let later = SystemTime::now() + 2 * SETTLED;
        found(&mut registry(), &plugins, later);
        let entry = || {
            let cache = plugins.with_file_name("cache");
            let mut entries = cache.read_dir().unwrap().map(|entry| entry.unwrap().metadata());
            let inode = |found: Metadata| Stamp::of(&found).unwrap().inode;
            entries.next().map(|found| inode(found.unwrap()))
        };
        let before = entry();
        assert!(before.is_some());
        found(&mut registry(), &plugins, later);
        assert_eq!(entry(), before);
    }

    #[test]
    fn bytes_of_something_else_are_no_index() {
        assert!(DirectoryIndex::decode(b"\xff\xff\xff").is_err());
    }
}
