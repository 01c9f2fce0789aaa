//! Directories and files that only their owner can access.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::path::Path;

use super::error::{CacheError, failed};
use perfbox_model::escape;

/// Name of the directory in errors.
const WHAT: &str = "cache directory";

/// Creates a directory with mode 0700, or checks owner and mode of an existing one.
pub(super) fn open_private_dir(path: &Path) -> Result<(), CacheError> {
    let refused = |reason: String| CacheError::NotPrivate { what: WHAT, path: path.into(), reason };
    let create = || {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        builder().create(path)
    };
    match create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // On a read-only file system an existing directory is fine.
        Err(_) if path.symlink_metadata().is_ok() => {}
        created => return created.map_err(failed(WHAT, path)),
    }
    let found = path.symlink_metadata().map_err(failed(WHAT, path))?;
    if found.is_symlink() {
        let message = "is a symbolic link; remove it, or use another directory";
        return Err(refused(message.to_owned()));
    }
    if !found.is_dir() {
        let message = "is not a directory; remove it, or use another directory";
        return Err(refused(message.to_owned()));
    }
    let advice = format!("run `chmod 700 {}`", escape(&path.to_string_lossy()));
    check_private(&found, &advice).map_err(refused)
}

/// Creates a directory and its missing parents with mode 0700.
pub(super) fn create_private_dirs(path: &Path) -> io::Result<()> {
    builder().recursive(true).create(path)
}

/// Checks that only the user can access a file or directory; `advice` is the next step for a
/// wrong mode.
///
/// # Errors
/// A message, to follow the path.
#[cfg(unix)]
pub(super) fn check_private(found: &Metadata, advice: &str) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err("belongs to another user; remove it, or use another path".to_owned());
    }
    match found.mode() & 0o777 {
        mode if mode & 0o077 != 0 => {
            Err(format!("is accessible to other users (mode {mode:o}); {advice}"))
        }
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn check_private(_: &Metadata, _: &str) -> Result<(), String> {
    Err("has an owner that cannot be checked on this system; use --no-cache".to_owned())
}

/// Opens a file for reading. Does not follow a symbolic link or block on a FIFO.
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
