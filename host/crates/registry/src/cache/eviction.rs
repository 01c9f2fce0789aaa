//! Lists, evicts and clears entries of the cache directory.
//!
//! Other processes write and remove entries at the same time: a missing file is not an error.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::entry::{self, CODE_SUFFIX, INDEX_SUFFIX};
use super::private_dir;

/// Prefix of files that are still being written.
pub(super) const UNFINISHED_PREFIX: &str = ".unfinished-";

/// Age after which an unfinished file counts as abandoned; writing an entry takes much less.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// Maximum number of indexes, one per plugins directory, a few KB each. More are likely of
/// deleted directories.
const INDEXES_MAX: usize = 256;

/// Content of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheInfo {
    /// Maximum total size of all entries, in bytes.
    pub limit_bytes: u64,
    /// All entries.
    pub total: CacheUsage,
    /// Compiled components.
    pub code: CacheUsage,
    /// Indexes of manifests.
    pub index: CacheUsage,
}

/// Number and size of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheUsage {
    /// Number of entries.
    pub entries: u64,
    /// Total size, in bytes.
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Index,
    Unfinished,
}

struct StoredFile {
    name: String,
    path: PathBuf,
    kind: Kind,
    bytes: u64,
    used: SystemTime,
}

pub(super) fn info(dir: &Path, limit_bytes: u64) -> io::Result<CacheInfo> {
    let files = list(dir)?;
    let of = |kind| usage(files.iter().filter(|one| one.kind == kind));
    let (code, index) = (of(Kind::Code), of(Kind::Index));
    let total =
        CacheUsage { entries: code.entries + index.entries, bytes: code.bytes + index.bytes };
    Ok(CacheInfo { limit_bytes, total, code, index })
}

/// Removes abandoned files and excess indexes, then code until all entries fit the limit.
/// Removes the least recently used first, and `newest` last.
pub(super) fn evict(dir: &Path, limit_bytes: u64, newest: &str) -> io::Result<()> {
    let now = SystemTime::now();
    let (mut code, mut indexes) = (Vec::new(), Vec::new());
    for one in list(dir)? {
        match one.kind {
            Kind::Code => code.push(one),
            Kind::Index => indexes.push(one),
            Kind::Unfinished => {
                if now.duration_since(one.used).is_ok_and(|age| age > ABANDONED_AFTER) {
                    remove(&one.path)?;
                }
            }
        }
    }
    let order = |a: &StoredFile, b: &StoredFile| {
        (a.name == newest, a.used, &a.name).cmp(&(b.name == newest, b.used, &b.name))
    };
    indexes.sort_by(order);
    let too_many = indexes.len().saturating_sub(INDEXES_MAX);
    for one in indexes.drain(..too_many) {
        remove(&one.path)?;
    }
    code.sort_by(order);
    let mut bytes = usage(code.iter().chain(&indexes)).bytes;
    for one in code {
        if bytes <= limit_bytes {
            break;
        }
        remove(&one.path)?;
        bytes -= one.bytes;
    }
    Ok(())
}

/// Removes all entries and unfinished files; keeps files of others.
pub(super) fn clear(dir: &Path) -> io::Result<CacheUsage> {
    let mut files = list(dir)?;
    for one in &files {
        remove(&one.path)?;
    }
    files.retain(|one| one.kind != Kind::Unfinished);
    Ok(usage(files.iter()))
}

fn list(dir: &Path) -> io::Result<Vec<StoredFile>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = if name.starts_with(UNFINISHED_PREFIX) {
            Kind::Unfinished
        } else if name.ends_with(CODE_SUFFIX) {
            Kind::Code
        } else if name.ends_with(INDEX_SUFFIX) {
            Kind::Index
        } else {
            continue;
        };
        // Metadata of a link itself: a link counts as an entry, so that it can be removed.
        match entry.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(found) if found.is_dir() => {}
            _ if kind != Kind::Unfinished
                && !is_named_as_entry(&name)
                && !has_entry_format(&entry.path()) => {}
            found => {
                let found = found?;
                let (path, bytes, used) = (entry.path(), found.len(), found.modified()?);
                files.push(StoredFile { name, path, kind, bytes, used });
            }
        }
    }
    Ok(files)
}

/// True for names of entries, `DIGEST-ENGINE.code` and `manifests-HASH.index`, whatever their
/// content.
fn is_named_as_entry(name: &str) -> bool {
    let is_hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    if let Some((digest, engine)) =
        name.strip_suffix(CODE_SUFFIX).and_then(|stem| stem.split_once('-'))
    {
        return is_hex(digest, 64) && is_hex(engine, 16);
    }
    let place = name.strip_prefix("manifests-").and_then(|rest| rest.strip_suffix(INDEX_SUFFIX));
    place.is_some_and(|place| is_hex(place, 64))
}

/// True for a file with the format of entries, whatever its name.
fn has_entry_format(path: &Path) -> bool {
    private_dir::open_for_reading(path).is_ok_and(entry::has_format_marker)
}

fn usage<'h>(files: impl Iterator<Item = &'h StoredFile>) -> CacheUsage {
    files.fold(CacheUsage::default(), |sum, one| CacheUsage {
        entries: sum.entries + 1,
        bytes: sum.bytes + one.bytes,
    })
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
