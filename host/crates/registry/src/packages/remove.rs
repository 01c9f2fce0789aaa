//! Removes a package from a plugins directory.

use std::io;
use std::path::{Path, PathBuf};

use super::installed::Installed;
use super::staging::{Staging, move_to, sync_dir};
use crate::package::{Package, PackageSource, PackageState};
use crate::registry::Registry;
use perfbox_model::escape;
use perfbox_model::names::nearest;

/// Errors of removing a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// Unknown package.
    #[error("no package `{}` in `{}`{hint}", escape(name), escape(&plugins_dir.to_string_lossy()))]
    NotThere {
        /// The requested name.
        name: String,
        /// The plugins directory.
        plugins_dir: PathBuf,
        /// Next step.
        hint: String,
    },
    /// Several packages with the name.
    #[error("`{}` is the name of {} packages: {}; delete the unwanted ones by hand", escape(name), paths.len(), paths.iter().map(|path| format!("`{}`", escape(&path.to_string_lossy()))).collect::<Vec<_>>().join(", "))]
    Several {
        /// The requested name.
        name: String,
        /// Their paths.
        paths: Vec<PathBuf>,
    },
    /// Plugins directory that cannot be read or written.
    #[error("cannot change plugins directory `{}`; check that it is writable", escape(&path.to_string_lossy()))]
    Io {
        /// The plugins directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Package that is removed but whose files are not deleted.
    #[error("removed package `{name}`, but cannot delete its files; delete `{}` by hand", escape(&path.to_string_lossy()))]
    Left {
        /// The removed package.
        name: String,
        /// The remaining files.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl RemoveError {
    /// True if the request is the cause, false for an operating system error.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::NotThere { .. } | Self::Several { .. })
    }
}

/// Removes the package with this name from a plugins directory: hides it atomically, then
/// deletes it. Of a symbolic link, removes only the link. `known` supplies hints for a name
/// that is not in the directory.
///
/// # Errors
/// If no package or several have the name, or the directory cannot be written.
pub fn remove(plugins_dir: &Path, name: &str, known: &Registry) -> Result<Installed, RemoveError> {
    let failed = |source| RemoveError::Io { path: plugins_dir.to_owned(), source };
    let find = || {
        let all = Installed::all_in(plugins_dir).map_err(failed)?;
        find_only(all, plugins_dir, name, known)
    };
    find()?;
    let staging = Staging::begin(plugins_dir).map_err(failed)?;
    let guard = staging.lock_packages();
    let removed = find()?;
    let hidden = staging.path().join("removed");
    move_to(&removed.path, &hidden).map_err(failed)?;
    sync_dir(plugins_dir).map_err(failed)?;
    drop(guard);
    let path = staging.path().to_owned();
    match staging.delete() {
        Ok(()) => Ok(removed),
        Err(source) => Err(RemoveError::Left { name: removed.name, path, source }),
    }
}

fn find_only(
    all: Vec<Installed>,
    plugins_dir: &Path,
    name: &str,
    known: &Registry,
) -> Result<Installed, RemoveError> {
    let mut called: Vec<_> = all.iter().filter(|one| one.name == name).collect();
    if called.is_empty() {
        called = all.iter().filter(|one| is_file(one, name)).collect();
    }
    match (called.pop(), called.is_empty()) {
        (Some(one), true) => Ok(one.clone()),
        (Some(last), false) => {
            called.push(last);
            let paths = called.into_iter().map(|one| one.path.clone()).collect();
            Err(RemoveError::Several { name: name.to_owned(), paths })
        }
        (None, _) => Err(RemoveError::NotThere {
            name: name.to_owned(),
            plugins_dir: plugins_dir.to_owned(),
            hint: hint(&all, plugins_dir, name, known),
        }),
    }
}

/// True for a bare component with this file name, with or without `.wasm`.
fn is_file(one: &Installed, name: &str) -> bool {
    let is_component = one.path.extension().is_some_and(|extension| extension == "wasm");
    let names = [one.path.file_name(), one.path.file_stem()];
    is_component && names.contains(&Some(name.as_ref()))
}

/// Maximum number of packages in an error.
const LISTED_MAX: usize = 10;

fn hint(all: &[Installed], plugins_dir: &Path, name: &str, known: &Registry) -> String {
    // Packages in the directory itself were removed since `known` was read, or are being
    // added: no hint for them.
    let is_elsewhere = |package: &&Package| !package.path.starts_with(plugins_dir);
    let mut elsewhere = known.packages().iter().filter(is_elsewhere);
    if let Some(elsewhere) = elsewhere.find(|package| package.name == name) {
        let path = escape(&elsewhere.path.to_string_lossy()).into_owned();
        return match elsewhere.source {
            PackageSource::Builtin => {
                "; it is a builtin, which cannot be removed: deselect it instead".to_owned()
            }
            _ => {
                format!("; it is at `{path}`, outside of that directory: delete it by hand")
            }
        };
    }
    let offering = known.packages().iter().find(|package| match &package.state {
        PackageState::Ready(offered) | PackageState::Disabled(offered) => {
            offered.iter().any(|one| one.identifier.as_str() == name)
        }
        PackageState::Invalid(_) => false,
    });
    if let Some(package) = offering {
        return format!("; it is an identifier of package `{0}`: use `{0}`", package.name);
    }
    if let Some(near) = nearest(name, all.iter().map(|one| one.name.as_str())) {
        return format!("; did you mean `{near}`?");
    }
    if all.is_empty() {
        return "; the directory has no packages".to_owned();
    }
    let more = if all.len() > LISTED_MAX { ", …" } else { "" };
    let listed: Vec<_> = all.iter().take(LISTED_MAX).map(|one| one.name.as_str()).collect();
    format!("; use one of {}{more}", listed.join(", "))
}
