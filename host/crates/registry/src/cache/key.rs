//! Key that authenticates entries: random, created once, readable by its owner only.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::error::{CacheError, failed};
use super::private_dir;
use perfbox_model::escape;

/// Name of the key in errors.
const WHAT: &str = "cache key";

/// Next step for an invalid or exposed key.
const ADVICE: &str = "remove it; the next run creates a new key and refills the cache";

const KEY_BYTES: usize = blake3::KEY_LEN;

/// The key of one user's cache.
#[derive(Clone)]
pub(super) struct Key([u8; KEY_BYTES]);

impl Key {
    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// Refuses a key inside the cache directory: access to the directory would include the key.
pub(super) fn check_elsewhere(path: &Path, dir: &Path) -> Result<(), CacheError> {
    // Missing directories are created below the first existing ancestor.
    let existing = path.ancestors().skip(1).find_map(|ancestor| ancestor.canonicalize().ok());
    let real = dir.canonicalize().map_err(failed("cache directory", dir))?;
    if !existing.is_some_and(|existing| existing.starts_with(&real)) {
        return Ok(());
    }
    let reason = format!(
        "is inside the cache directory `{}`; set XDG_STATE_HOME to a directory outside of \
         XDG_CACHE_HOME",
        escape(&dir.to_string_lossy())
    );
    Err(CacheError::NotPrivate { what: WHAT, path: path.into(), reason })
}

/// Reads the key, or creates it if missing.
pub(super) fn read_or_create(path: &Path) -> Result<Key, CacheError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    create(path).map_err(failed(WHAT, path))?;
    // Read it back: another process may have created it first.
    read(path)?.ok_or_else(|| failed(WHAT, path)(io::ErrorKind::NotFound.into()))
}

fn read(path: &Path) -> Result<Option<Key>, CacheError> {
    let refused = |reason: String| CacheError::NotPrivate { what: WHAT, path: path.into(), reason };
    let file = match private_dir::open_for_reading(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => {
            return Err(refused(format!("is a symbolic link; {ADVICE}")));
        }
        opened => opened.map_err(failed(WHAT, path))?,
    };
    let found = file.metadata().map_err(failed(WHAT, path))?;
    if !found.is_file() {
        return Err(refused(format!("is not a regular file; {ADVICE}")));
    }
    private_dir::check_private(&found, ADVICE).map_err(refused)?;
    let mut bytes = Vec::with_capacity(KEY_BYTES);
    file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed(WHAT, path))?;
    let key = <[u8; KEY_BYTES]>::try_from(bytes).map_err(|bytes| {
        let longer = if bytes.len() > KEY_BYTES { "more than " } else { "" };
        let length = bytes.len().min(KEY_BYTES);
        refused(format!("has {longer}{length} bytes instead of {KEY_BYTES}; {ADVICE}"))
    })?;
    Ok(Some(Key(key)))
}

/// Creates the key atomically, without replacing an existing one.
fn create(path: &Path) -> io::Result<()> {
    let dir = path.parent().unwrap_or(path);
    private_dir::create_private_dirs(dir)?;
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    // Temporary files have mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.map(drop).map_err(io::Error::from),
    }
}
