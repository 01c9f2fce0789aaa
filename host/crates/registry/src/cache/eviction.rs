//! What lies in the directory: counting it, making room, removing it all.
//!
//! Other processes write and remove at the same time: what has gone in between is no
//! error.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::entry::{self, CODE_SUFFIX, INDEX_SUFFIX};
use super::private_dir;

/// Begins the names of files that are still written.
pub(super) const UNFINISHED_PREFIX: &str = ".unfinished-";

/// An unfinished file that was not written to for so long has no writer any more: no
/// entry takes as long to write.
const ABANDONED_AFTER: Duration = Duration::from_secs(60 * 60);

/// Most indexes that are kept: one a plugins directory, some KB each. Those beyond are of
/// directories that have gone.
const INDEXES_MAX: usize = 256;

/// What a cache holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheInfo {
    /// Most that all entries together may hold, in bytes.
    pub limit_bytes: u64,
    /// All entries.
    pub total: CacheUsage,
    /// Compiled components.
    pub code: CacheUsage,
    /// What was found out about plugins.
    pub index: CacheUsage,
}

/// Entries of a cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheUsage {
    /// How many.
    pub entries: u64,
    /// Their size together, in bytes.
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Index,
    Unfinished,
}

struct Held {
    name: String,
    path: PathBuf,
    kind: Kind,
    bytes: u64,
    used: SystemTime,
}

pub(super) fn info(dir: &Path, limit_bytes: u64) -> io::Result<CacheInfo> {
    let held = list(dir)?;
    let of = |kind| usage(held.iter().filter(|one| one.kind == kind));
    let (code, index) = (of(Kind::Code), of(Kind::Index));
    let total =
        CacheUsage { entries: code.entries + index.entries, bytes: code.bytes + index.bytes };
    Ok(CacheInfo { limit_bytes, total, code, index })
}

/// Removes what nobody writes any more and the indexes beyond the most that are kept,
/// then code until all entries fit the limit: each time the one whose last use is longest
/// ago, `newest` last.
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
    let order = |a: &Held, b: &Held| {
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

/// Removes all entries and unfinished files; what perfbox did not write stays.
pub(super) fn clear(dir: &Path) -> io::Result<CacheUsage> {
    let mut held = list(dir)?;
    for one in &held {
        remove(&one.path)?;
    }
    held.retain(|one| one.kind != Kind::Unfinished);
    Ok(usage(held.iter()))
}

fn list(dir: &Path) -> io::Result<Vec<Held>> {
    let mut held = Vec::new();
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
        // Of a link itself, which is no entry but counts as one and can be removed.
        match entry.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(found) if found.is_dir() => {}
            _ if kind != Kind::Unfinished
                && !is_named_as_entry(&name)
                && !begins_as_entry(&entry.path()) => {}
            found => {
                let found = found?;
                let (path, bytes, used) = (entry.path(), found.len(), found.modified()?);
                held.push(Held { name, path, kind, bytes, used });
            }
        }
    }
    Ok(held)
}

/// True for the names that entries are given: `DIGEST-ENGINE.code` and
/// `manifests-PLACE.index`. Whatever has become of their content, they are perfbox's.
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

/// True for a file that begins as entries do; a file of the user's own does not, however
/// it is named.
fn begins_as_entry(path: &Path) -> bool {
    private_dir::open_for_reading(path).is_ok_and(entry::begins_as_one)
}

fn usage<'h>(held: impl Iterator<Item = &'h Held>) -> CacheUsage {
    held.fold(CacheUsage::default(), |sum, one| CacheUsage {
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
