//! Directories and files that are their owner's alone.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::path::Path;

use super::error::{CacheError, failed};
use perfbox_model::escape;

/// What the errors of the directory call it.
const WHAT: &str = "cache directory";

/// Makes a directory for its owner alone, or checks that the one that is there is such.
pub(super) fn private_dir(path: &Path) -> Result<(), CacheError> {
    let refused = |reason: String| CacheError::NotPrivate { what: WHAT, path: path.into(), reason };
    let make = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        builder().create(path)
    };
    match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // Where nothing can be made, one that is there will do.
        Err(_) if path.symlink_metadata().is_ok() => {}
        made => return made.map_err(failed(WHAT, path)),
    }
    let found = path.symlink_metadata().map_err(failed(WHAT, path))?;
    if found.is_symlink() {
        let words = "is a link, which is not followed; remove it, or use another directory";
        return Err(refused(words.to_owned()));
    }
    if !found.is_dir() {
        let words = "is not a directory; remove it, or use another directory";
        return Err(refused(words.to_owned()));
    }
    let close = format!("close it with `chmod 700 {}`", escape(&path.to_string_lossy()));
    check_private(&found, &close).map_err(refused)
}

/// Makes a directory and those on the way to it, each for its owner alone.
pub(super) fn private_dirs(path: &Path) -> io::Result<()> {
    builder().recursive(true).create(path)
}

/// Says what is wrong with the owner or the mode of something; `open_to_others` is what
/// to do about the mode.
#[cfg(unix)]
pub(super) fn check_private(found: &Metadata, open_to_others: &str) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err("belongs to another user; remove it, or use another place".to_owned());
    }
    match found.mode() & 0o777 {
        mode if mode & 0o077 != 0 => {
            Err(format!("is open to other users (mode {mode:o}); {open_to_others}"))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn check_private(_: &Metadata, _: &str) -> Result<(), String> {
    // Nothing is trusted that cannot be checked.
    Err("cannot be told to be the user's own on this system; do without a cache".to_owned())
}

/// Opens a file for reading, not through a link, and without waiting for a FIFO.
pub(super) fn open_for_reading(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    options.open(path)
}

fn builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder
}
