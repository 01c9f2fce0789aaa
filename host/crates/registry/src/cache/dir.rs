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

/// Default maximum total size, in bytes: room for the code of about a hundred components;
/// components built from Python take 30 MB each.
const DEFAULT_LIMIT_BYTES: u64 = 1 << 30;

/// Directory of entries that only its owner can write. Several processes may share it.
#[derive(Clone)]
pub struct CacheDir {
    path: PathBuf,
    key: Key,
    limit_bytes: u64,
}

impl CacheDir {
    /// Opens the cache in `dir`, with the key in the file `key`. Creates both if missing;
    /// processes that do so at the same time end up with one key.
    ///
    /// # Errors
    /// If other users can access either, if either cannot be created or read, or if the key is
    /// inside the directory.
    pub fn open(dir: &Path, key: &Path) -> Result<Self, CacheError> {
        private_dir::open_private_dir(dir)?;
        key::check_elsewhere(key, dir)?;
        let key = key::read_or_create(key)?;
        Ok(Self { path: dir.to_owned(), key, limit_bytes: DEFAULT_LIMIT_BYTES })
    }

    /// Sets the maximum total size of all entries [default: 1 GiB].
    #[must_use]
    pub fn with_limit(self, limit_bytes: u64) -> Self {
        Self { limit_bytes, ..self }
    }

    /// Path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads an entry and marks it as used; `None` if there is no such entry.
    ///
    /// # Errors
    /// If the entry cannot be read, or was not written by the holder of the key under this
    /// name.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, CacheError> {
        let path = self.path.join(name);
        let untrusted = |reason| CacheError::Untrusted { path: path.clone(), reason };
        let file = match private_dir::open_for_reading(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) if path.is_symlink() => return Err(untrusted("is a symbolic link")),
            opened => opened.map_err(failed("cache entry", &path))?,
        };
        let found = file.metadata().map_err(failed("cache entry", &path))?;
        if !found.is_file() {
            return Err(untrusted("is not a regular file"));
        }
        if found.len() > self.limit_bytes.saturating_add(entry::HEADER_BYTES as u64) {
            return Err(untrusted("is larger than the limit of the cache"));
        }
        // Read once, so that the checked bytes are the used bytes even if the file changes.
        let mut header = Vec::with_capacity(entry::HEADER_BYTES);
        let mut content = Vec::with_capacity(found.len() as usize);
        let head = (&file).take(entry::HEADER_BYTES as u64).read_to_end(&mut header);
        head.and_then(|_| (&file).take(found.len()).read_to_end(&mut content))
            .map_err(failed("cache entry", &path))?;
        if header.len() < entry::HEADER_BYTES {
            return Err(untrusted("is truncated"));
        }
        if !entry::is_authentic(&self.key, name, &header, &content) {
            return Err(untrusted("was modified, or written with another key"));
        }
        // If this fails, the entry only looks older than it is.
        let _ = file.set_modified(SystemTime::now());
        Ok(Some(content))
    }

    /// Writes or replaces an entry atomically, then evicts the least recently used code until
    /// the cache fits its limit. The name ends with [`CODE_SUFFIX`](entry::CODE_SUFFIX) or
    /// `INDEX_SUFFIX`.
    ///
    /// # Errors
    /// If it cannot be written, or is larger than the limit.
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

    /// Returns number and size of the entries.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn info(&self) -> Result<CacheInfo, CacheError> {
        eviction::info(&self.path, self.limit_bytes).map_err(failed("cache directory", &self.path))
    }

    /// Removes all entries and returns their number and size. Keeps the key.
    ///
    /// # Errors
    /// If the directory cannot be listed, or an entry cannot be removed.
    pub fn clear(&self) -> Result<CacheUsage, CacheError> {
        eviction::clear(&self.path).map_err(failed("cache directory", &self.path))
    }
}

impl fmt::Debug for CacheDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Omit the key.
        f.debug_struct("CacheDir").field("path", &self.path).finish_non_exhaustive()
    }
}
