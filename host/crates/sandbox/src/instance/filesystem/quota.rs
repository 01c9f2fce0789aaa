//! What a plugin may write in all.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wasmtime_wasi::p2::{FsError, StreamError};

use perfbox_model::limits::{Limits, format_bytes};

/// Counts by how much files grow and how many files and directories are made, before
/// it happens. What is removed again is not given back, so that the disk never holds
/// more than the limits, not even in files that are removed and still open.
#[derive(Debug)]
pub(super) struct Quota {
    bytes_max: u64,
    files_max: u64,
    bytes: AtomicU64,
    files: AtomicU64,
}

/// More than a plugin may write. Ends the call into it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverQuota {
    #[error(
        "it wanted to write {} in all, and its limit `output` is {}",
        rounded_up(*wanted),
        format_bytes(*limit as usize)
    )]
    Bytes { wanted: u64, limit: u64 },
    #[error("it made more files and directories than its limit `output_files` of {limit}")]
    Files { limit: u64 },
}

/// In the largest unit of which it is one at least, to the next whole number.
fn rounded_up(bytes: u64) -> String {
    match bytes {
        0..0x400 => format!("{bytes} B"),
        0x400..0x10_0000 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes.div_ceil(1 << 20)),
        _ => format!("{} GiB", bytes.div_ceil(1 << 30)),
    }
}

impl From<OverQuota> for FsError {
    fn from(over: OverQuota) -> Self {
        Self::trap(over)
    }
}

impl From<OverQuota> for StreamError {
    fn from(over: OverQuota) -> Self {
        Self::Trap(over.into())
    }
}

impl Quota {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            bytes_max: limits.output_bytes as u64,
            files_max: limits.output_files as u64,
            bytes: AtomicU64::new(0),
            files: AtomicU64::new(0),
        }
    }

    /// Charges for files that grow by so many bytes.
    fn grow(&self, bytes: u64) -> Result<(), OverQuota> {
        charge(&self.bytes, bytes, self.bytes_max)
            .map_err(|wanted| OverQuota::Bytes { wanted, limit: self.bytes_max })
    }

    /// Charges for what a file grows by when its end comes to lie at `end`. Bytes that it
    /// has already are free, a hole that it gets is not.
    pub(super) fn reach(&self, file: &File, end: u64) -> Result<(), OverQuota> {
        let size = file.metadata().map_or(0, |found| found.len());
        self.grow(end.saturating_sub(size))
    }

    /// Charges for a file or directory that is about to be made.
    pub(super) fn make(&self) -> Result<(), OverQuota> {
        charge(&self.files, 1, self.files_max)
            .map_err(|_wanted| OverQuota::Files { limit: self.files_max })
    }

    /// Gives back a file or directory that came to nothing.
    pub(super) fn unmake(&self) {
        self.files.fetch_sub(1, Relaxed);
    }
}

/// Adds to a count, or returns what it would have come to.
fn charge(count: &AtomicU64, more: u64, max: u64) -> Result<(), u64> {
    let add = |had: u64| had.checked_add(more).filter(|all| *all <= max);
    match count.fetch_update(Relaxed, Relaxed, add) {
        Ok(_had) => Ok(()),
        Err(had) => Err(had.saturating_add(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(output_bytes: usize, output_files: usize) -> Quota {
        Quota::new(&Limits { output_bytes, output_files, ..Limits::default() })
    }

    #[test]
    fn bytes_are_charged_up_to_the_limit_and_not_given_back() {
        let quota = quota(1 << 20, 1);
        quota.grow(1 << 20).unwrap();
        quota.grow(0).unwrap();
        let over = quota.grow(1).unwrap_err();
        assert_eq!(
            over.to_string(),
            "it wanted to write 2 MiB in all, and its limit `output` is 1 MiB"
        );
        quota.grow(u64::MAX).unwrap_err();
        quota.grow(0).unwrap();
    }

    #[test]
    fn only_what_lies_past_the_end_is_charged() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(100).unwrap();
        let quota = quota(10, 1);
        quota.reach(&file, 100).unwrap();
        quota.reach(&file, 110).unwrap();
        assert_eq!(quota.reach(&file, 101), Err(OverQuota::Bytes { wanted: 11, limit: 10 }));
        assert_eq!(quota.bytes.into_inner(), 10);
    }

    #[test]
    fn files_that_came_to_nothing_are_given_back() {
        let quota = quota(1, 1);
        quota.make().unwrap();
        let words = "it made more files and directories than its limit `output_files` of 1";
        assert_eq!(quota.make().unwrap_err().to_string(), words);
        quota.unmake();
        quota.make().unwrap();
    }
}
