//! `perfbox.lock` for a run: where it lies, and whether it must be there.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use perfbox::{Lock, Registry, escape};

use super::config::Config;

/// Its name beside the config file.
const LOCK_FILE: &str = "perfbox.lock";

/// The lock of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Locked plugins")]
pub(crate) struct LockArgs {
    /// Lock of components, which refuses those that have changed [default: perfbox.lock
    /// beside the config file or in the working directory, where there is one].
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,

    /// Refuse plugins that are not in the lock too; there must be one.
    #[arg(long)]
    locked: bool,
}

impl LockArgs {
    /// Whether whatever is not in the lock is refused too.
    pub(crate) fn is_exclusive(&self) -> bool {
        self.locked
    }

    /// The lock that holds for a run, where there is one.
    pub(crate) fn read(&self, config: &Config) -> anyhow::Result<Option<Lock>> {
        let path = lock_path(self.lock.as_deref(), config);
        match Lock::read(&path)? {
            Some(lock) if self.locked => Ok(Some(lock.exclusive())),
            None if self.locked || self.lock.is_some() => bail!(
                "there is no lock `{}`; write it with `perfbox plugins lock`",
                escape(&path.to_string_lossy())
            ),
            lock => Ok(lock),
        }
    }
}

/// Where the lock lies: the flag's place, else beside the config file, else in the
/// working directory.
pub(crate) fn lock_path(flag: Option<&Path>, config: &Config) -> PathBuf {
    let beside = config.file.as_deref().map(|file| file.with_file_name(LOCK_FILE));
    flag.map(Path::to_owned).or(beside).unwrap_or_else(|| PathBuf::from(LOCK_FILE))
}

/// Refuses a configuration that names what only the lock still has: the words for an
/// unknown name would not say that it was known once.
pub(crate) fn check_names(lock: &Lock, config: &Config, registry: &Registry) -> anyhow::Result<()> {
    let named = config.named();
    for (category, identifiers) in named {
        let offered = registry.list_implementations(category);
        for named in identifiers {
            let id = named.value.as_str();
            let is_there = offered.iter().any(|one| one.implementation.identifier.as_str() == id);
            if let Some(breach) = lock.breach_of_missing(category, id).filter(|_| !is_there) {
                return Err(breach.into());
            }
        }
    }
    Ok(())
}
