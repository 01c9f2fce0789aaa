//! Tests of the cache directory through its public functions.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::*;

const NAME: &str = "one.code";

/// Paths of cache and key inside a temporary directory.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("cache/perfbox")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("state/perfbox/cache.key")
    }

    fn open(&self) -> CacheDir {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<CacheDir, CacheError> {
        CacheDir::open(&self.dir(), &self.key())
    }

    /// Error message of opening the cache.
    fn refusal(&self) -> String {
        let message = self.try_open().unwrap_err().to_string();
        message.replace(&*self.0.path().to_string_lossy(), "PLACE")
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().unwrap().permissions().mode() & 0o7777
}

/// Sets the time of the last use, in seconds since the Unix epoch.
fn used_at(cache: &CacheDir, name: &str, seconds: u64) {
    let file = fs::File::options().write(true).open(cache.path().join(name)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

fn names(cache: &CacheDir) -> Vec<String> {
    let entries = fs::read_dir(cache.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn next_process_reads_written_entries() {
    let place = Place::new();
    assert!(place.open().read(NAME).unwrap().is_none());
    place.open().write(NAME, b"content").unwrap();
    assert_eq!(place.open().read(NAME).unwrap().unwrap(), b"content");
    place.open().write(NAME, b"").unwrap();
    assert_eq!(place.open().read(NAME).unwrap().unwrap(), b"");
    assert_eq!(names(&place.open()), [NAME]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_access_directory_key_and_entries() {
    let place = Place::new();
    place.open().write(NAME, b"content").unwrap();
    assert_eq!(mode(&place.dir()), 0o700);
    assert_eq!(mode(&place.key()), 0o600);
    assert_eq!(mode(&place.dir().join(NAME)), 0o600);
}

#[cfg(unix)]
#[test]
fn directory_or_key_accessible_to_others_is_refused() {
    let place = Place::new();
    place.open();
    set_mode(&place.dir(), 0o755);
    assert_eq!(
        place.refusal(),
        "cache directory `PLACE/cache/perfbox` is accessible to other users (mode 755); \
         run `chmod 700 PLACE/cache/perfbox`"
    );
    set_mode(&place.dir(), 0o700);
    set_mode(&place.key(), 0o640);
    assert_eq!(
        place.refusal(),
        "cache key `PLACE/state/perfbox/cache.key` is accessible to other users (mode 640); \
         remove it; the next run creates a new key and refills the cache"
    );
    set_mode(&place.key(), 0o400);
    place.open();
}

#[cfg(unix)]
#[test]
fn links_to_directory_key_or_entry_are_not_followed() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    let cache = place.open();
    cache.write(NAME, b"content").unwrap();

    let elsewhere = place.0.path().join("elsewhere");
    fs::rename(place.dir().join(NAME), &elsewhere).unwrap();
    symlink(&elsewhere, place.dir().join(NAME)).unwrap();
    let message = cache.read(NAME).unwrap_err().to_string();
    assert!(message.ends_with("one.code` is not trusted: it is a symbolic link"), "{message}");
    cache.write(NAME, b"anew").unwrap();
    assert_eq!(cache.read(NAME).unwrap().unwrap(), b"anew");

    fs::rename(place.key(), &elsewhere).unwrap();
    symlink(&elsewhere, place.key()).unwrap();
    assert_eq!(
        place.refusal(),
        "cache key `PLACE/state/perfbox/cache.key` is a symbolic link; \
         remove it; the next run creates a new key and refills the cache"
    );
    fs::rename(&elsewhere, place.key()).unwrap();

    let elsewhere = place.0.path().join("other");
    fs::rename(place.dir(), &elsewhere).unwrap();
    symlink(&elsewhere, place.dir()).unwrap();
    assert_eq!(
        place.refusal(),
        "cache directory `PLACE/cache/perfbox` is a symbolic link; remove it, or \
         use another directory"
    );
}

#[test]
fn file_at_the_path_of_directory_or_key_is_named() {
    let place = Place::new();
    fs::create_dir_all(place.dir().parent().unwrap()).unwrap();
    fs::write(place.dir(), "").unwrap();
    assert_eq!(
        place.refusal(),
        "cache directory `PLACE/cache/perfbox` is not a directory; remove it, or use another \
         directory"
    );
    fs::remove_file(place.dir()).unwrap();
    fs::remove_dir(place.dir().parent().unwrap()).unwrap();
    fs::write(place.dir().parent().unwrap(), "").unwrap();
    let message = place.refusal();
    let head = "cannot use cache directory `PLACE/cache/perfbox`: ";
    assert!(message.starts_with(head), "{message}");

    let place = Place::new();
    fs::create_dir_all(place.key()).unwrap();
    assert_eq!(
        place.refusal(),
        "cache key `PLACE/state/perfbox/cache.key` is not a regular file; remove it; \
         the next run creates a new key and refills the cache"
    );
    for (content, length) in [(&b""[..], "0"), (&[1; 31], "31"), (&[1; 40], "more than 32")] {
        let place = Place::new();
        place.open();
        fs::write(place.key(), content).unwrap();
        let refusal = place.refusal();
        let message = format!("has {length} bytes instead of 32; remove it; the next run");
        assert!(refusal.contains(&message), "{refusal}");
    }
}

#[test]
fn concurrent_processes_agree_on_one_key() {
    let place = Place::new();
    let caches: Vec<CacheDir> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| place.open())).collect();
        openers.into_iter().map(|opener| opener.join().unwrap()).collect()
    });
    for (n, cache) in caches.iter().enumerate() {
        cache.write(NAME, &[n as u8]).unwrap();
        for other in &caches {
            assert_eq!(other.read(NAME).unwrap().unwrap(), [n as u8]);
        }
    }
    let left = fs::read_dir(place.key().parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "a temporary file is left beside the key");
}

#[test]
fn entry_with_another_name_or_key_is_not_trusted() {
    let place = Place::new();
    let cache = place.open();
    cache.write(NAME, b"content").unwrap();
    fs::copy(place.dir().join(NAME), place.dir().join("two.code")).unwrap();
    let message = cache.read("two.code").unwrap_err().to_string();
    assert!(message.ends_with("it was modified, or written with another key"), "{message}");
    assert!(cache.read(NAME).is_ok());

    fs::remove_file(place.key()).unwrap();
    let message = place.open().read(NAME).unwrap_err().to_string();
    assert!(message.ends_with("it was modified, or written with another key"), "{message}");
}

#[test]
fn truncated_or_extended_entry_is_not_trusted() {
    let place = Place::new();
    let cache = place.open();
    let content = [7; 100];
    cache.write(NAME, &content).unwrap();
    let whole = fs::read(place.dir().join(NAME)).unwrap();
    for length in 0..whole.len() {
        fs::write(place.dir().join(NAME), &whole[..length]).unwrap();
        assert!(cache.read(NAME).is_err(), "{length} bytes");
    }
    fs::write(place.dir().join(NAME), [&whole[..], &[7]].concat()).unwrap();
    assert!(cache.read(NAME).is_err());
    fs::write(place.dir().join(NAME), &whole).unwrap();
    assert_eq!(cache.read(NAME).unwrap().unwrap(), content);
}

#[test]
fn directory_or_oversized_file_is_not_read() {
    let place = Place::new();
    let cache = place.open().with_limit(1000);
    fs::create_dir(place.dir().join(NAME)).unwrap();
    let message = cache.read(NAME).unwrap_err().to_string();
    assert!(message.ends_with("it is not a regular file"), "{message}");
    fs::File::create(place.dir().join("two.code")).unwrap().set_len(1 << 40).unwrap();
    let message = cache.read("two.code").unwrap_err().to_string();
    assert!(message.ends_with("it is larger than the limit of the cache"), "{message}");
}

#[test]
fn least_recently_used_code_is_evicted_and_the_index_stays() {
    let place = Place::new();
    // Room for four entries of 100 bytes.
    let cache = place.open().with_limit(4 * (100 + entry::HEADER_BYTES as u64));
    let content = [0; 100];
    cache.write("manifests.index", &content).unwrap();
    used_at(&cache, "manifests.index", 1);
    for (at, name) in [(10, "a.code"), (20, "b.code"), (30, "c.code")] {
        cache.write(name, &content).unwrap();
        used_at(&cache, name, at);
    }
    // Marks `a` as used, so that `b` is the oldest.
    assert!(cache.read("a.code").unwrap().is_some());
    fs::write(place.dir().join("notes.txt"), [0; 1000]).unwrap();
    cache.write("d.code", &content).unwrap();
    assert_eq!(names(&cache), ["a.code", "c.code", "d.code", "manifests.index", "notes.txt"]);
    // Needs all the space that the index leaves.
    cache.write("e.code", &[0; 350]).unwrap();
    assert_eq!(names(&cache), ["e.code", "manifests.index", "notes.txt"]);
    let refused = cache.write("f.code", &[0; 1000]).unwrap_err().to_string();
    assert_eq!(
        refused,
        "cache entry of 1048 bytes exceeds the cache limit of 592 bytes; raise the limit"
    );
    assert_eq!(names(&cache), ["e.code", "manifests.index", "notes.txt"]);
}

#[test]
fn most_recently_used_indexes_are_kept() {
    let place = Place::new();
    let cache = place.open();
    cache.write("a.code", b"code").unwrap();
    used_at(&cache, "a.code", 1);
    for n in 0..300 {
        let name = format!("manifests-{n}.index");
        cache.write(&name, b"index").unwrap();
        // Later indexes are older, except for the last one.
        used_at(&cache, &name, 1000 - n);
    }
    assert_eq!(cache.info().unwrap().index.entries, 256);
    assert!(cache.read("manifests-0.index").unwrap().is_some());
    assert!(cache.read("manifests-299.index").unwrap().is_some());
    assert!(cache.read("manifests-298.index").unwrap().is_none());
    assert!(cache.read("a.code").unwrap().is_some());
}

#[test]
fn abandoned_file_is_removed_and_unfinished_file_stays() {
    let place = Place::new();
    let cache = place.open();
    let old = format!("{}old", eviction::UNFINISHED_PREFIX);
    let young = format!("{}young", eviction::UNFINISHED_PREFIX);
    for name in [&old, &young] {
        fs::write(place.dir().join(name), "half an entry").unwrap();
    }
    used_at(&cache, &old, 1);
    assert_eq!(cache.info().unwrap().total.entries, 0);
    cache.write(NAME, b"content").unwrap();
    assert_eq!(names(&cache), [young.as_str(), NAME]);
    cache.clear().unwrap();
    assert!(names(&cache).is_empty());
}

#[test]
fn key_inside_the_directory_is_refused() {
    let place = Place::new();
    for inside in ["cache.key", "below/cache.key"] {
        let refused = CacheDir::open(&place.dir(), &place.dir().join(inside)).unwrap_err();
        let message = refused.to_string().replace(&*place.0.path().to_string_lossy(), "PLACE");
        assert_eq!(
            message,
            format!(
                "cache key `PLACE/cache/perfbox/{inside}` is inside the cache directory \
                 `PLACE/cache/perfbox`; set XDG_STATE_HOME to a directory outside of \
                 XDG_CACHE_HOME"
            )
        );
    }
    assert_eq!(fs::read_dir(place.dir()).unwrap().count(), 0, "nothing is created");
}

#[test]
fn foreign_file_named_like_an_entry_is_kept() {
    let place = Place::new();
    let cache = place.open().with_limit(1000);
    for name in ["mine.code", "mine.index", "manifests-mine.index", "a-b.code"] {
        fs::write(place.dir().join(name), [7; 2000]).unwrap();
    }
    // Damaged entries of perfbox.
    let damaged = format!("{}-{}.code", "0a".repeat(32), "1b".repeat(8));
    fs::write(place.dir().join(&damaged), "damaged").unwrap();
    let damaged = format!("manifests-{}.index", "0a".repeat(32));
    fs::write(place.dir().join(&damaged), "damaged").unwrap();
    cache.write(NAME, b"content").unwrap();
    assert_eq!(cache.clear().unwrap().entries, 3);
    assert_eq!(names(&cache), ["a-b.code", "manifests-mine.index", "mine.code", "mine.index"]);
}

#[test]
fn info_and_clear_cover_only_files_of_perfbox() {
    let place = Place::new();
    let cache = place.open();
    let header = entry::HEADER_BYTES as u64;
    cache.write("a.code", &[0; 10]).unwrap();
    cache.write("b.code", &[0; 20]).unwrap();
    cache.write("manifests.index", &[0; 5]).unwrap();
    fs::write(place.dir().join("notes.txt"), "mine").unwrap();
    let info = cache.info().unwrap();
    assert_eq!(cache.path(), place.dir());
    assert_eq!(info.limit_bytes, 1 << 30);
    assert_eq!(info.code, CacheUsage { entries: 2, bytes: 30 + 2 * header });
    assert_eq!(info.index, CacheUsage { entries: 1, bytes: 5 + header });
    assert_eq!(info.total, CacheUsage { entries: 3, bytes: 35 + 3 * header });
    assert_eq!(cache.clear().unwrap(), info.total);
    assert_eq!(cache.info().unwrap().total, CacheUsage::default());
    assert_eq!(names(&cache), ["notes.txt"]);
    assert!(place.key().exists());
}
