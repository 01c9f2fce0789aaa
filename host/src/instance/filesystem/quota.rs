//! What a plugin may write in all.

use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::{Limits, show_bytes};

/// Bytes and files that a plugin has left. Clones share it: files are written by streams
/// that outlive the call that made them.
#[derive(Debug, Clone)]
pub(crate) struct Quota {
    limits: (usize, usize),
    used: Arc<Mutex<Used>>,
}

#[derive(Debug, Default)]
struct Used {
    bytes: u64,
    files: usize,
}

/// It wants more than it may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverQuota {
    /// Of bytes.
    #[error("its files would grow by {} in all, and its limit `output` is {}", in_mib(*wanted), show_bytes(*limit))]
    Bytes { wanted: u64, limit: usize },
    /// Of files and directories.
    #[error("it made {limit} files and directories, its limit `output_files`, and wanted another")]
    Files { limit: usize },
}

fn in_mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

impl Quota {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { limits: (limits.output_bytes, limits.output_files), used: Arc::default() }
    }

    /// A file is to grow from one size to another. What was used once is used: a file
    /// that shrinks or goes gives nothing back.
    pub(super) fn grow(&self, from_bytes: u64, to_bytes: u64) -> Result<(), OverQuota> {
        let (limit, _) = self.limits;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = used.bytes.saturating_add(to_bytes.saturating_sub(from_bytes));
        if wanted > limit as u64 {
            return Err(OverQuota::Bytes { wanted, limit });
        }
        used.bytes = wanted;
        Ok(())
    }

    /// A file or directory is to be made.
    pub(super) fn make(&self) -> Result<(), OverQuota> {
        let (_, limit) = self.limits;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.files == limit {
            return Err(OverQuota::Files { limit });
        }
        used.files += 1;
        Ok(())
    }

    /// It was not made after all.
    pub(super) fn unmake(&self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.files = used.files.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_counted_and_nothing_is_given_back() {
        let limits = Limits { output_bytes: 3 << 20, output_files: 2, ..Limits::default() };
        let quota = Quota::new(&limits);
        let mib = 1 << 20;
        assert_eq!(quota.grow(0, 2 * mib), Ok(()));
        assert_eq!(quota.grow(2 * mib, mib), Ok(()));
        let over = quota.grow(mib, 8 << 40).unwrap_err();
        assert_eq!(
            over.to_string(),
            "its files would grow by 8388609 MiB in all, and its limit `output` is 3 MiB"
        );
        assert_eq!(quota.grow(0, mib), Ok(()));
        assert!(quota.clone().grow(0, 1).is_err());
        assert!(quota.grow(0, u64::MAX).is_err());

        assert_eq!(quota.make(), Ok(()));
        quota.unmake();
        assert_eq!((quota.make(), quota.make()), (Ok(()), Ok(())));
        assert_eq!(
            quota.make().unwrap_err().to_string(),
            "it made 2 files and directories, its limit `output_files`, and wanted another"
        );
    }
}
