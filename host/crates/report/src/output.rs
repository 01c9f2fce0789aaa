//! The output directory of a run: `summary.json` and, below `plugins/`, a directory
//! for each plugin.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier};
use perfbox_model::report::{PLUGINS_DIR, Report, SCHEMA_VERSION, plugin_dir};

/// Where reports go unless a directory is named.
pub const DEFAULT_OUTPUT_DIR: &str = "perfbox-out";

const SUMMARY_FILE: &str = "summary.json";

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
    /// Says whether `prepare` could make the directory ready, and changes nothing.
    ///
    /// # Errors
    /// When it holds something that may not be removed, or cannot be written.
    pub fn check(path: &Path, replace: bool) -> Result<(), OutputError> {
        check_writable(path)?;
        let summary = path.join(SUMMARY_FILE);
        if is_ours(&summary) {
            return match replace {
                true => Ok(()),
                false => Err(OutputError::HoldsRun { path: path.to_owned() }),
            };
        }
        let exists = |name: &str| path.join(name).symlink_metadata().is_ok();
        match exists(SUMMARY_FILE) || exists(PLUGINS_DIR) {
            true => Err(OutputError::NotOurs { path: path.to_owned() }),
            false => Ok(()),
        }
    }

    /// Removes an earlier run, as `prepare` would: what fails before there is a report
    /// leaves none that says otherwise.
    ///
    /// # Errors
    /// As for `check`, and when it cannot be removed.
    pub fn clear(path: &Path, replace: bool) -> Result<(), OutputError> {
        Self::check(path, replace)?;
        // The summary last: it says that the rest may be removed.
        for name in [PLUGINS_DIR, SUMMARY_FILE] {
            let path = path.join(name);
            remove(&path).map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Makes the directory ready, and marks it as perfbox's own with a `summary.json`
    /// that says `running`: what a killed run leaves behind can be replaced. An earlier
    /// run in it is replaced when `replace` says so; only what perfbox wrote is ever
    /// removed.
    ///
    /// # Errors
    /// As for `check`, and when it cannot be made ready.
    pub fn prepare(path: &Path, replace: bool) -> Result<Self, OutputError> {
        Self::check(path, replace)?;
        fs::create_dir_all(path).map_err(failed(path))?;
        let plugins = path.join(PLUGINS_DIR);
        remove(&plugins).map_err(failed(&plugins))?;
        let output = Self { path: path.to_owned() };
        let running = serde_json::json!({
            "schema_version": SCHEMA_VERSION,
            "perfbox_version": env!("CARGO_PKG_VERSION"),
            "status": "running",
        });
        output.write(&format!("{running:#}\n"))?;
        Ok(output)
    }

    /// A fresh directory of the plugin's own, that only its user can enter. Nothing that
    /// lies there already is used, and no link is followed.
    ///
    /// # Errors
    /// When it cannot be made, or exists.
    pub fn plugin_dir(
        &self,
        category: Category,
        identifier: &Identifier,
    ) -> Result<PathBuf, OutputError> {
        let plugins = self.path.join(PLUGINS_DIR);
        let of_category = plugins.join(category.to_string());
        for shared in [&plugins, &of_category] {
            match create_private(shared) {
                // An earlier plugin's.
                Err(_) if shared.symlink_metadata().is_ok_and(|found| found.is_dir()) => {}
                created => created.map_err(failed(shared))?,
            }
        }
        let own = self.path.join(plugin_dir(category, identifier));
        create_private(&own).map_err(failed(&own))?;
        Ok(own)
    }

    /// Writes `summary.json`, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_summary(&self, report: &Report) -> Result<PathBuf, OutputError> {
        self.write(&report.to_json())
    }

    fn write(&self, summary: &str) -> Result<PathBuf, OutputError> {
        let path = self.path.join(SUMMARY_FILE);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            io::Write::write_all(file.as_file_mut(), summary.as_bytes())?;
            readable(&file)?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(failed(&path))?;
        Ok(path)
    }
}

/// Fails where the directory, or the nearest one above that exists, cannot take files.
fn check_writable(path: &Path) -> Result<(), OutputError> {
    for above in path.ancestors() {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        let writable = match above.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => Err(error),
            Ok(found) if !found.is_dir() => Err(io::ErrorKind::NotADirectory.into()),
            Ok(_) => may_write(above),
        };
        return writable.map_err(failed(path));
    }
    Ok(())
}

#[cfg(unix)]
fn may_write(dir: &Path) -> io::Result<()> {
    use rustix::fs::Access;
    Ok(rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK)?)
}

#[cfg(not(unix))]
fn may_write(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes what is there, if anything is: a link itself, never what it leads to.
fn remove(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
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

/// True for a summary that perfbox wrote.
fn is_ours(summary: &Path) -> bool {
    let Ok(mut file) = perfbox_model::files::open_regular(summary) else { return false };
    let mut text = Vec::new();
    if file.read_to_end(&mut text).is_err() {
        return false;
    }
    // What the fields hold is of no interest, as long as all of it is JSON.
    let fields: Result<BTreeMap<String, IgnoredAny>, _> = serde_json::from_slice(&text);
    fields.is_ok_and(|fields| fields.contains_key("perfbox_version"))
}

/// Makes one directory, which must not exist yet, for its user only.
fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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

    #[test]
    fn an_earlier_run_is_cleared_only_on_request_and_nothing_else_is_touched() {
        let dir = tempfile::tempdir().unwrap();
        OutputDir::clear(&dir.path().join("not-there-yet"), false).unwrap();
        OutputDir::prepare(dir.path(), false).unwrap();
        fs::create_dir_all(dir.path().join("plugins/x")).unwrap();
        fs::write(dir.path().join("notes.txt"), "mine").unwrap();

        let refused = OutputDir::clear(dir.path(), false).unwrap_err();
        assert!(matches!(refused, OutputError::HoldsRun { .. }), "{refused}");
        OutputDir::clear(dir.path(), true).unwrap();
        let left: Vec<_> =
            dir.path().read_dir().unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
    }

    fn plugin_dir(output: &OutputDir) -> Result<PathBuf, OutputError> {
        output.plugin_dir(Category::PostProcessor, &"metrics".parse().unwrap())
    }

    #[test]
    fn what_a_killed_run_left_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let killed = OutputDir::prepare(dir.path(), true).unwrap();
        fs::write(plugin_dir(&killed).unwrap().join("half"), "").unwrap();
        let again = OutputDir::prepare(dir.path(), true).unwrap();
        let fresh = plugin_dir(&again).unwrap();
        assert_eq!(fresh.read_dir().unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn planted_links_are_removed_or_refused_and_never_followed() {
        use std::os::unix::fs::symlink;
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("kept.txt"), "mine").unwrap();
        let dir = tempfile::tempdir().unwrap();
        OutputDir::prepare(dir.path(), true).unwrap();
        symlink(elsewhere.path(), dir.path().join("plugins")).unwrap();
        // Of an earlier run: the link goes.
        let output = OutputDir::prepare(dir.path(), true).unwrap();
        assert!(dir.path().join("plugins").symlink_metadata().is_err());

        let places = ["plugins", "plugins/post_processor", "plugins/post_processor/metrics"];
        for place in places {
            let place = dir.path().join(place);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            symlink(elsewhere.path(), &place).unwrap();
            let refused = plugin_dir(&output).unwrap_err();
            assert!(matches!(refused, OutputError::Io { .. }), "{refused}");
            fs::remove_file(&place).unwrap();
        }
        assert_eq!(elsewhere.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_exists_is_not_given_to_a_plugin() {
        let dir = tempfile::tempdir().unwrap();
        let output = OutputDir::prepare(dir.path(), true).unwrap();
        plugin_dir(&output).unwrap();
        let again = plugin_dir(&output).unwrap_err();
        assert!(matches!(again, OutputError::Io { .. }), "{again}");
    }
}
