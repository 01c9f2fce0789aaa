//! The cache directory: reads and writes entries by name.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::entry;
use super::error::{CacheError, failed};
use super::eviction::{self, CacheInfo, CacheUsage};
use super::key::{self, Key};
use super::private_dir;

/// Most that all entries together may hold, in bytes: code of some hundred components,
/// of which those made from Python take 30 MB each.
const DEFAULT_LIMIT_BYTES: u64 = 1 << 30;

/// A directory of entries that only its owner can have written. Processes may share it.
#[derive(Clone)]
pub struct CacheDir {
    path: PathBuf,
    key: Key,
    limit_bytes: u64,
}

impl CacheDir {
    /// Opens the cache in `dir`, with the key in the file `key`. Both are made where they
    /// are missing; where several processes make them at once, they agree on one key.
    ///
    /// # Errors
    /// When either is not the user's own alone, or cannot be made or read; when the key
    /// would lie in the directory.
    pub fn open(dir: &Path, key: &Path) -> Result<Self, CacheError> {
        private_dir::private_dir(dir)?;
        key::check_elsewhere(key, dir)?;
        let key = key::read_or_make(key)?;
        Ok(Self { path: dir.to_owned(), key, limit_bytes: DEFAULT_LIMIT_BYTES })
    }

    /// With another limit on all entries together [default: 1 GiB].
    #[must_use]
    pub fn with_limit(self, limit_bytes: u64) -> Self {
        Self { limit_bytes, ..self }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content of an entry, just as it was written; none where there is no entry of
    /// this name. It counts as used now.
    ///
    /// # Errors
    /// When the entry cannot be read, or is not one that the holder of the key wrote
    /// under this name.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, CacheError> {
        let path = self.path.join(name);
        let untrusted = |reason| CacheError::Untrusted { path: path.clone(), reason };
        let file = match private_dir::open_for_reading(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) if path.is_symlink() => return Err(untrusted("is a link")),
            opened => opened.map_err(failed("cache entry", &path))?,
        };
        let found = file.metadata().map_err(failed("cache entry", &path))?;
        if !found.is_file() {
            return Err(untrusted("is not a regular file"));
        }
        if found.len() > self.limit_bytes.saturating_add(entry::HEADER_BYTES as u64) {
            return Err(untrusted("is larger than the whole cache may be"));
        }
        // Once: what is checked is what is used, whatever becomes of the file.
        let mut header = Vec::with_capacity(entry::HEADER_BYTES);
        let mut content = Vec::with_capacity(found.len() as usize);
        let head = (&file).take(entry::HEADER_BYTES as u64).read_to_end(&mut header);
        head.and_then(|_| (&file).take(found.len()).read_to_end(&mut content))
            .map_err(failed("cache entry", &path))?;
        if header.len() < entry::HEADER_BYTES {
            return Err(untrusted("breaks off"));
        }
        if !entry::is_authentic(&self.key, name, &header, &content) {
            return Err(untrusted("was altered, or written with another key"));
        }
        // Where that is not allowed, it only seems older than it is.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(content))
    }

    /// Writes an entry, whole or not at all, in place of one of this name; then removes
    /// code that was used least recently until the limit is kept. The name ends with
    /// [`CODE_SUFFIX`] or [`INDEX_SUFFIX`].
    ///
    /// # Errors
    /// When it cannot be written, or is larger than the limit.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), CacheError> {
        let path = self.path.join(name);
        let bytes = (entry::HEADER_BYTES + content.len()) as u64;
        if bytes > self.limit_bytes {
            return Err(CacheError::TooLarge { bytes, limit_bytes: self.limit_bytes });
        }
        let write = || {
            let prefix = eviction::UNFINISHED_PREFIX;
            let mut file = tempfile::Builder::new().prefix(prefix).tempfile_in(&self.path)?;
            file.write_all(&entry::header(&self.key, name, content))?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(failed("cache entry", &path))?;
        eviction::evict(&self.path, self.limit_bytes, name)
            .map_err(failed("cache directory", &self.path))
    }

    /// What is in it.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn info(&self) -> Result<CacheInfo, CacheError> {
        eviction::info(&self.path, self.limit_bytes).map_err(failed("cache directory", &self.path))
    }

    /// Removes all entries, and returns what they were. The key stays.
    ///
    /// # Errors
    /// When the directory cannot be listed, or an entry cannot be removed.
    pub fn clear(&self) -> Result<CacheUsage, CacheError> {
        eviction::clear(&self.path).map_err(failed("cache directory", &self.path))
    }
}

impl fmt::Debug for CacheDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the key.
        f.debug_struct("CacheDir").field("path", &self.path).finish_non_exhaustive()
    }
}
