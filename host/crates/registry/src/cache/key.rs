//! The key that vouches for entries: random, made once, readable by its owner alone.

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::error::{CacheError, failed};
use super::private_dir;
use perfbox_model::escape;

/// What its errors call it.
const WHAT: &str = "the cache's key";

/// What to do about a key that is none, or that somebody may have learnt.
const ADVICE: &str = "remove it, and the cache is filled anew under another key";

const KEY_BYTES: usize = blake3::KEY_LEN;

/// The key of one user's cache.
#[derive(Clone)]
pub(super) struct Key([u8; KEY_BYTES]);

impl Key {
    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// Refuses a key inside of the directory that it vouches for: whoever is given the one,
/// or writes to it, would have the other too.
pub(super) fn check_elsewhere(path: &Path, dir: &Path) -> Result<(), CacheError> {
    // What is not there yet will be made below what is.
    let there = path.ancestors().skip(1).find_map(|ancestor| ancestor.canonicalize().ok());
    let real = dir.canonicalize().map_err(failed("cache directory", dir))?;
    if !there.is_some_and(|there| there.starts_with(&real)) {
        return Ok(());
    }
    let reason = format!(
        "would lie inside the cache directory `{}`, for which it is to vouch from elsewhere; set \
         XDG_STATE_HOME to another directory than XDG_CACHE_HOME",
        escape(&dir.to_string_lossy())
    );
    Err(CacheError::NotPrivate { what: WHAT, path: path.into(), reason })
}

/// The key in this file, made where there is none yet.
pub(super) fn read_or_make(path: &Path) -> Result<Key, CacheError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    make(path).map_err(failed(WHAT, path))?;
    // Not the one just made: another process may have been first.
    read(path)?.ok_or_else(|| failed(WHAT, path)(io::ErrorKind::NotFound.into()))
}

fn read(path: &Path) -> Result<Option<Key>, CacheError> {
    let refused = |reason: String| CacheError::NotPrivate { what: WHAT, path: path.into(), reason };
    let file = match private_dir::open_for_reading(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => {
            return Err(refused(format!("is a link, which is not followed; {ADVICE}")));
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
        refused(format!("has {longer}{length} bytes in place of {KEY_BYTES}; {ADVICE}"))
    })?;
    Ok(Some(Key(key)))
}

/// Whole or not at all, and never in place of another.
fn make(path: &Path) -> io::Result<()> {
    let dir = path.parent().unwrap_or(path);
    private_dir::private_dirs(dir)?;
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    // A temporary file is its owner's alone.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop).map_err(io::Error::from),
    }
}
