//! The cache: nothing is read from it but what was written to it. A file with any other
//! bytes, a good entry that was changed, one under another name: none is trusted.
//!
//! An input of three bytes flips one bit of the good entry; any other is the file.
#![no_main]

use std::cell::LazyCell;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use perfbox::{CacheDir, CacheError, Registry};
use perfbox_fuzz::{assert_can_be_shown, directory};
use tempfile::TempDir;

const MANIFEST: &str = "
plugin: {name: acme, version: '1.0.0'}
post_processors:
  audit: {component: audit.wasm, config_params: [{name: depth, type: int, default: 3}]}
";

/// A cache with one entry in it, an index of manifests.
struct Place {
    cache: CacheDir,
    name: String,
    path: PathBuf,
    entry: Vec<u8>,
    content: Vec<u8>,
    _dir: TempDir,
}

thread_local! {
    static PLACE: LazyCell<Place> = LazyCell::new(Place::new);
}

fuzz_target!(|input: &[u8]| {
    PLACE.with(|place| {
        let mut bytes = input.to_vec();
        if let [high, low, bit] = *input {
            bytes.clone_from(&place.entry);
            let at = usize::from(u16::from_be_bytes([high, low])) % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
        }
        fs::write(&place.path, &bytes).expect("a file");
        match place.cache.read(&place.name) {
            Err(error @ CacheError::Untrusted { .. }) => assert_can_be_shown(&error.to_string()),
            Ok(Some(content)) => assert!(bytes == place.entry && content == place.content),
            odd => panic!("{odd:?}"),
        }
        // Under another name not even the good entry.
        let other = place.cache.path().join("other.code");
        fs::write(&other, &place.entry).expect("a file");
        assert!(place.cache.read("other.code").is_err());
    });
});

impl Place {
    fn new() -> Self {
        let dir = directory();
        let plugins = dir.path().join("plugins");
        fs::create_dir_all(plugins.join("acme")).expect("a directory");
        fs::write(plugins.join("acme/registry.yaml"), MANIFEST).expect("a file");
        // Only what has been left alone for two seconds goes into the index.
        std::thread::sleep(Duration::from_millis(2100));
        let cache = CacheDir::open(&dir.path().join("cache"), &dir.path().join("key/key"));
        let cache = cache.expect("a cache");
        Registry::default().with_cache(cache.clone()).discover(&plugins).expect("a package");
        let mut entries = fs::read_dir(cache.path()).expect("a directory");
        let path = entries.next().expect("an entry").expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let entry = fs::read(&path).expect("the entry");
        let content = cache.read(&name).expect("the entry").expect("the entry");
        assert!(entry.ends_with(&content) && content.len() > 20);
        Self { cache, name, path, entry, content, _dir: dir }
    }
}
