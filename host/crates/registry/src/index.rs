//! Index of the manifests in a plugins directory, cached between runs.
//!
//! A cached manifest is valid while `stat` of its file is unchanged. The index does not cover
//! components: every load reads them.

use std::fs::Metadata;
use std::iter::Peekable;
use std::path::Path;
use std::time::{Duration, SystemTime};
use std::vec::IntoIter;

use serde::{Deserialize, Serialize};

use crate::cache::entry::INDEX_SUFFIX;
use crate::manifest::Manifest;
use crate::registry::Registry;

/// Minimum age of the last change before a stamp identifies the content: a second change
/// within one tick of the file system's clock would go unnoticed. The coarsest clocks tick
/// every two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// Fields of `stat` that change with the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// Both times in nanoseconds since the Unix epoch.
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

    /// True if the last change is at least [`SETTLED`] ago.
    pub(crate) fn is_settled(self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let latest = self.modified_ns.max(self.changed_ns);
        latest + SETTLED.as_nanos() as i128 <= now.as_nanos() as i128
    }
}

/// Manifests of one plugins directory, sorted by entry name.
#[derive(Debug)]
pub(crate) struct DirectoryIndex {
    entries: Peekable<IntoIter<(String, Stamp, Manifest)>>,
    /// True if an entry was outdated or not requested.
    is_outdated: bool,
}

/// One entry to write.
type Entry<'a> = (&'a str, Stamp, &'a Manifest);

impl DirectoryIndex {
    fn new(entries: Vec<(String, Stamp, Manifest)>) -> Self {
        Self { entries: entries.into_iter().peekable(), is_outdated: false }
    }

    /// Returns the manifest of an entry if its stamp matches. Call in the order of names.
    pub(crate) fn take(&mut self, name: &str, stamp: Stamp) -> Option<Manifest> {
        while self.entries.next_if(|(known, ..)| known.as_str() < name).is_some() {
            self.is_outdated = true;
        }
        let (_, known, manifest) = self.entries.next_if(|(known, ..)| known == name)?;
        self.is_outdated |= known != stamp;
        (known == stamp).then_some(manifest)
    }

    /// True if every entry was taken.
    pub(crate) fn is_used_up(&mut self) -> bool {
        !self.is_outdated && self.entries.peek().is_none()
    }

    fn decode(bytes: &[u8]) -> postcard::Result<Self> {
        postcard::from_bytes(bytes).map(Self::new)
    }
}

/// Encodes the entries with a settled stamp.
fn encode<'a>(
    now: SystemTime,
    entries: impl Iterator<Item = Entry<'a>>,
) -> postcard::Result<Vec<u8>> {
    let settled: Vec<Entry> = entries.filter(|(_, stamp, _)| stamp.is_settled(now)).collect();
    postcard::to_stdvec(&settled)
}

impl Registry {
    /// Returns the cached index of the directory `place`, empty if there is none.
    pub(crate) fn index_of(&self, place: &Path) -> DirectoryIndex {
        let none = || DirectoryIndex::new(Vec::new());
        let Some(cache) = &self.cache else { return none() };
        let index = match cache.read(&entry_name(place)) {
            Ok(bytes) => bytes.map(|bytes| DirectoryIndex::decode(&bytes)),
            Err(error) => {
                tracing::warn!(
                    "{error}; reading every manifest in `{}`",
                    perfbox_model::escape(&place.to_string_lossy())
                );
                None
            }
        };
        // Ignore an index that cannot be decoded.
        index.and_then(Result::ok).unwrap_or_else(none)
    }

    /// Caches the index for the next run; `now` is a time before the first read in the
    /// directory. Failures only cost time, so they are not reported.
    pub(crate) fn keep_index<'a>(
        &self,
        place: &Path,
        now: SystemTime,
        entries: impl Iterator<Item = Entry<'a>>,
    ) {
        let Some(cache) = &self.cache else { return };
        let Ok(bytes) = encode(now, entries) else { return };
        if let Err(error) = cache.write(&entry_name(place), &bytes) {
            tracing::debug!("cannot cache the index of manifests: {error}");
        }
    }
}

/// Cache entry name of a directory's index. Includes the version of perfbox, since other
/// versions may read manifests differently.
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
    fn manifest_is_returned_only_while_its_stamp_is_unchanged() {
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
    fn recently_changed_file_is_not_indexed() {
        let mut index = index(&[("old", NOW_S - 2), ("young", NOW_S - 1), ("ahead", NOW_S + 9)]);
        assert!(index.take("old", stamp(NOW_S - 2)).is_some());
        assert!(index.is_used_up(), "{index:?}");
    }

    /// Creates a plugins directory with one package, and registries that share a cache.
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
    fn manifest_comes_from_the_index_until_its_file_changes() {
        let (_temp, plugins, registry) = directory();
        let later = SystemTime::now() + 2 * SETTLED;
        let file = plugins.join("a/registry.yaml");
        // The planted manifest differs from the file, which shows where a result comes from.
        let stamp = Stamp::of(&file.symlink_metadata().unwrap()).unwrap();
        let planted = Manifest { name: "planted".parse().unwrap(), ..manifest() };
        registry().keep_index(&plugins, later, [("a", stamp, &planted)].into_iter());
        assert_eq!(found(&mut registry(), &plugins, later), "planted");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("real", "anew")).unwrap();
        assert_eq!(found(&mut registry(), &plugins, later), "anew");
        // The new manifest was cached.
        assert_eq!(registry().index_of(&plugins).entries.next().unwrap().2.name.as_str(), "anew");
    }

    #[cfg(unix)]
    #[test]
    fn recently_written_manifest_is_not_cached() {
        let (_temp, plugins, registry) = directory();
        assert_eq!(found(&mut registry(), &plugins, SystemTime::now()), "real");
        assert!(registry().index_of(&plugins).is_used_up());
    }

    #[cfg(unix)]
    #[test]
    fn index_is_not_rewritten_for_entries_that_it_cannot_hold() {
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
    fn malformed_index_is_refused() {
        assert!(DirectoryIndex::decode(b"\xff\xff\xff").is_err());
    }
}
