//! The output directory of a run: `summary.json` and, below `plugins/`, a directory
//! for each plugin.

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use super::Report;
use crate::escape;
use crate::registry::Implementation;

/// Where reports go unless a directory is named.
pub const DEFAULT_OUTPUT_DIR: &str = "perfbox-out";

const SUMMARY_FILE: &str = "summary.json";
const PLUGINS_DIR: &str = "plugins";

/// A directory that is ready to take one run's output.
#[derive(Debug)]
pub struct OutputDir {
    path: PathBuf,
}

/// Why output cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// It holds an earlier run, and was named.
    #[error("`{}` holds the output of an earlier run; name another directory, or replace it with --force", escape(&path.to_string_lossy()))]
    HoldsRun {
        /// The directory.
        path: PathBuf,
    },
    /// It has something in the way that perfbox did not write.
    #[error("`{}` has a `plugins` or `summary.json` in it that perfbox did not write, so nothing in it is removed; name another directory", escape(&path.to_string_lossy()))]
    NotOurs {
        /// The directory.
        path: PathBuf,
    },
    /// The system does not let it be written.
    #[error("`{}` cannot be written; make room for it, or name another directory with --out", escape(&path.to_string_lossy()))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl OutputDir {
    /// Makes the directory ready. An earlier run in it is replaced when `replace` says
    /// so; only what perfbox wrote is ever removed.
    ///
    /// # Errors
    /// When it holds something that may not be removed, or cannot be written.
    pub fn prepare(path: &Path, replace: bool) -> Result<Self, OutputError> {
        let summary = path.join(SUMMARY_FILE);
        let plugins = path.join(PLUGINS_DIR);
        let ours = is_ours(&summary);
        if ours && !replace {
            return Err(OutputError::HoldsRun { path: path.to_owned() });
        }
        let in_the_way = [&summary, &plugins].into_iter().any(|one| one.symlink_metadata().is_ok());
        if in_the_way && !ours {
            return Err(OutputError::NotOurs { path: path.to_owned() });
        }
        if ours {
            if plugins.is_dir() && !plugins.is_symlink() {
                fs::remove_dir_all(&plugins).map_err(failed(&plugins))?;
            }
            fs::remove_file(&summary).map_err(failed(&summary))?;
        }
        create_dir(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// A fresh directory of the plugin's own, that only its user can enter.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn plugin_dir(&self, one: &Implementation) -> Result<PathBuf, OutputError> {
        let dir = self.path.join(relative_dir(one));
        create_dir(&dir)?;
        Ok(dir)
    }

    /// Writes `summary.json`, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_summary(&self, report: &Report) -> Result<PathBuf, OutputError> {
        let path = self.path.join(SUMMARY_FILE);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            io::Write::write_all(&mut file, report.to_json().as_bytes())?;
            readable(&file)?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(failed(&path))?;
        Ok(path)
    }
}

/// Temporary files are private; a summary is for whoever may see the directory.
#[cfg(unix)]
fn readable(file: &tempfile::NamedTempFile) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_file: &tempfile::NamedTempFile) -> io::Result<()> {
    Ok(())
}

/// The plugin's directory below the output directory.
pub(crate) fn relative_dir(one: &Implementation) -> String {
    format!("{PLUGINS_DIR}/{}/{}", one.category, one.identifier)
}

/// True for a summary that perfbox wrote.
fn is_ours(summary: &Path) -> bool {
    let Ok(file) = crate::files::open_regular(summary) else { return false };
    let read: Result<serde_json::Value, _> = serde_json::from_reader(io::BufReader::new(file));
    read.is_ok_and(|summary| summary.get("perfbox_version").is_some())
}

fn create_dir(path: &Path) -> Result<(), OutputError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> OutputError {
    let path = path.to_owned();
    move |source| OutputError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report::new(&[], Vec::new(), std::collections::BTreeMap::new())
    }

    #[test]
    fn an_earlier_run_is_replaced_only_on_request_and_nothing_else_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();
        let output = OutputDir::prepare(dir.path(), false).unwrap();
        output.write_summary(&report()).unwrap();
        fs::create_dir_all(dir.path().join("plugins/x")).unwrap();

        let refused = OutputDir::prepare(dir.path(), false).unwrap_err();
        assert!(matches!(refused, OutputError::HoldsRun { .. }), "{refused}");
        OutputDir::prepare(dir.path(), true).unwrap();
        assert!(!dir.path().join("plugins").exists());
        assert!(!dir.path().join(SUMMARY_FILE).exists());
        assert!(dir.path().join("notes.txt").exists());
    }

    #[test]
    fn what_perfbox_did_not_write_is_never_removed() {
        for name in ["plugins", "summary.json"] {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join(name)).unwrap();
            let refused = OutputDir::prepare(dir.path(), true).unwrap_err();
            assert!(matches!(refused, OutputError::NotOurs { .. }), "{refused}");
            assert!(dir.path().join(name).exists());
        }
    }
}
