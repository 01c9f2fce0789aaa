//! `perfbox.lock` for a run: where it lies, and whether it must be there.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use perfbox::registry::PackageState;
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
/// working directory. Where the config file is a link, and no lock lies beside that, its
/// target may have one.
pub(crate) fn lock_path(flag: Option<&Path>, config: &Config) -> PathBuf {
    let beside = config.file.as_deref().map(|file| {
        let beside = file.with_file_name(LOCK_FILE);
        let target = file.is_symlink().then(|| file.canonicalize().ok()).flatten();
        let beside_target = target.map(|target| target.with_file_name(LOCK_FILE));
        // A lock that is itself a link counts, wherever it leads.
        let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
        beside_target.filter(|other| !is_there(&beside) && is_there(other)).unwrap_or(beside)
    });
    flag.map(Path::to_owned).or(beside).unwrap_or_else(|| PathBuf::from(LOCK_FILE))
}

/// Refuses a configuration of which the lock has more than there is: what is named and
/// gone, since the words for an unknown name would not say that it was known once, and
/// what joined by itself and does not any more, since nothing else would miss it.
pub(crate) fn check_names(lock: &Lock, config: &Config, registry: &Registry) -> anyhow::Result<()> {
    let invalid = || -> Vec<String> {
        let reason = |package: &perfbox::registry::Package| match &package.state {
            PackageState::Invalid(reason) => Some(reason.clone()),
            PackageState::Ready(_) | PackageState::Disabled(_) => None,
        };
        registry.packages().iter().filter_map(reason).collect()
    };
    let named = config.named();
    for (category, identifiers) in named {
        let offered = registry.list_implementations(category);
        for named in identifiers {
            let id = named.value.as_str();
            let is_there = offered.iter().any(|one| one.implementation.identifier.as_str() == id);
            if is_there {
                continue;
            }
            if let Some(breach) = lock.breach_of_missing(category, id, invalid()) {
                return Err(breach.into());
            }
        }
    }
    if !config.auto_load.value {
        return Ok(());
    }
    let joining = registry.auto_loaded();
    for locked in lock.components() {
        for key in &locked.auto_loaded {
            let (category, id) = key;
            let is_named = named.iter().any(|(of, identifiers)| {
                of == category && identifiers.iter().any(|one| one.value == id.as_str())
            });
            let joins =
                joining.iter().any(|(one, _)| (one.category, &one.identifier) == (*category, id));
            if !is_named && !joins {
                let offered = registry.list_implementations(*category);
                let is_there = offered.iter().any(|one| {
                    let one = &one.implementation;
                    (&one.identifier, &one.package) == (id, &locked.package)
                });
                return Err(lock.breach_of_left(locked, key, is_there, invalid()).into());
            }
        }
    }
    Ok(())
}
