//! A package on its way out of a plugins directory.

use std::io;
use std::path::{Path, PathBuf};

use super::installed::Installed;
use super::staging::{Staging, move_to, sync_dir};
use crate::package::{Package, PackageSource, PackageState};
use crate::registry::Registry;
use perfbox_model::escape;
use perfbox_model::names::nearest;

/// Why a package was not removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// None of that name is there.
    #[error("no package `{}` in `{}`{hint}", escape(name), escape(&plugins_dir.to_string_lossy()))]
    NotThere {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        plugins_dir: PathBuf,
        /// Where it is, or what there is.
        hint: String,
    },
    /// Several of that name are there.
    #[error("`{}` is the name of {} packages here: {}; delete those that you do not want by hand", escape(name), paths.len(), paths.iter().map(|path| format!("`{}`", escape(&path.to_string_lossy()))).collect::<Vec<_>>().join(", "))]
    Several {
        /// What was asked for.
        name: String,
        /// Where they are.
        paths: Vec<PathBuf>,
    },
    /// The plugins directory cannot be read or written.
    #[error("the plugins directory `{}` cannot be changed; check that it can be written to", escape(&path.to_string_lossy()))]
    Io {
        /// The plugins directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is out, but not deleted.
    #[error("package `{name}` is removed, but what was in it could not be deleted; delete `{}` by hand", escape(&path.to_string_lossy()))]
    Left {
        /// What was removed.
        name: String,
        /// What is left.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl RemoveError {
    /// True where the request is the cause, not the system below.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::NotThere { .. } | Self::Several { .. })
    }
}

/// Takes the package of this name out of a plugins directory: out of sight at once, then
/// deleted. Of a link, the link. `known` is what else there is, to say so where the name
/// is not in the directory.
///
/// # Errors
/// When the name means none or several there, or the directory cannot be written.
pub fn remove(plugins_dir: &Path, name: &str, known: &Registry) -> Result<Installed, RemoveError> {
    let failed = |source| RemoveError::Io { path: plugins_dir.to_owned(), source };
    let find = || {
        let all = Installed::all_in(plugins_dir).map_err(failed)?;
        only(all, plugins_dir, name, known)
    };
    find()?;
    let staging = Staging::begin(plugins_dir).map_err(failed)?;
    let alone = staging.lock_packages();
    let removed = find()?;
    let hidden = staging.path().join("removed");
    move_to(&removed.path, &hidden).map_err(failed)?;
    sync_dir(plugins_dir).map_err(failed)?;
    drop(alone);
    let path = staging.path().to_owned();
    match staging.delete() {
        Ok(()) => Ok(removed),
        Err(source) => Err(RemoveError::Left { name: removed.name, path, source }),
    }
}

fn only(
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

/// True for a bare component whose file is called so, with or without `.wasm`.
fn is_file(one: &Installed, name: &str) -> bool {
    let is_component = one.path.extension().is_some_and(|extension| extension == "wasm");
    let names = [one.path.file_name(), one.path.file_stem()];
    is_component && names.contains(&Some(name.as_ref()))
}

/// Most packages that an error lists.
const MOST_LISTED: usize = 10;

fn hint(all: &[Installed], plugins_dir: &Path, name: &str, known: &Registry) -> String {
    // Those of the directory itself were there when `known` was read and are gone since,
    // or are on their way in: they are not for people to delete.
    let is_elsewhere = |package: &&Package| !package.path.starts_with(plugins_dir);
    let mut elsewhere = known.packages().iter().filter(is_elsewhere);
    if let Some(elsewhere) = elsewhere.find(|package| package.name == name) {
        let path = escape(&elsewhere.path.to_string_lossy()).into_owned();
        return match elsewhere.source {
            PackageSource::Builtin => {
                "; that one comes with perfbox: leave it out by not selecting it".to_owned()
            }
            _ => {
                format!("; it is `{path}`, which is not there by `plugins add`: delete it by hand")
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
        return format!("; it is an identifier of package `{}`: name the package", package.name);
    }
    if let Some(near) = nearest(name, all.iter().map(|one| one.name.as_str())) {
        return format!("; did you mean `{near}`?");
    }
    if all.is_empty() {
        return "; there are none".to_owned();
    }
    let more = if all.len() > MOST_LISTED { ", …" } else { "" };
    let listed: Vec<_> = all.iter().take(MOST_LISTED).map(|one| one.name.as_str()).collect();
    format!("; there are {}{more}", listed.join(", "))
}
