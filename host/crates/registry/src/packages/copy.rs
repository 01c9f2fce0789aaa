//! Copies a package with limits: directories and regular files only.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::staging::sync_dir;
use perfbox_model::escape;
use perfbox_model::files::{COMPONENT_MAX_BYTES, open_regular};

/// Maximum number of files and directories in a package: enough for a manifest, components and
/// documentation, but not for a source tree.
const ENTRIES_MAX: usize = 1000;

/// Maximum size of a package, in bytes: four components of maximum size.
const BYTES_MAX: u64 = 4 * COMPONENT_MAX_BYTES;

/// Errors of copying a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// Symbolic link in the package.
    #[error("`{}` is a symbolic link, which is not allowed in a package; replace it with the file", escape(&path.to_string_lossy()))]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// FIFO, socket or device in the package.
    #[error("`{}` is neither a file nor a directory; remove it from the package", escape(&path.to_string_lossy()))]
    Special {
        /// The FIFO, socket or device.
        path: PathBuf,
    },
    /// Too many entries.
    #[error("`{}` has more than {ENTRIES_MAX} files and directories, the maximum for a package; remove files that are not part of the plugin", escape(&path.to_string_lossy()))]
    TooMany {
        /// The package.
        path: PathBuf,
    },
    /// File that is too large.
    #[error("`{}` is larger than {} MiB, the maximum for a file in a package; remove or shrink it", escape(&path.to_string_lossy()), COMPONENT_MAX_BYTES >> 20)]
    FileTooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Package that is too large.
    #[error("`{}` is larger than {} MiB, the maximum for a package; remove files that are not part of the plugin", escape(&path.to_string_lossy()), BYTES_MAX >> 20)]
    TooLarge {
        /// The package.
        path: PathBuf,
    },
    /// File or directory that cannot be read.
    #[error("cannot read `{}`", escape(&path.to_string_lossy()))]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Copy that cannot be written.
    #[error("cannot write `{}`; check permissions and free disk space", escape(&path.to_string_lossy()))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

/// Copies the package in `from` to the new directory `to`, and syncs it to disk.
pub(super) fn copy_directory(from: &Path, to: &Path) -> Result<(), CopyError> {
    let Content { directories, files } = scan(from)?;
    for inner in &directories {
        let copy = to.join(inner);
        fs::create_dir(&copy).map_err(|source| write_error(&copy, source))?;
    }
    let mut bytes = 0;
    for inner in &files {
        let path = from.join(inner);
        bytes += copy_file(&path, &path, &to.join(inner))?;
        // Files may have grown since the scan.
        if bytes > BYTES_MAX {
            return Err(CopyError::TooLarge { path: from.to_owned() });
        }
    }
    directories
        .iter()
        .map(|inner| to.join(inner))
        .try_for_each(|copy| sync_dir(&copy).map_err(|source| write_error(&copy, source)))
}

/// Content of a package, as relative paths.
struct Content {
    /// Parents before children.
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

/// Lists and checks the content of a package, so that a refused one is not partly copied.
fn scan(package: &Path) -> Result<Content, CopyError> {
    let mut content = Content { directories: vec![PathBuf::new()], files: Vec::new() };
    let mut bytes: u64 = 0;
    let mut next = 0;
    while let Some(directory) = content.directories.get(next).cloned() {
        next += 1;
        for name in names_in(&package.join(&directory))? {
            let inner = directory.join(name);
            let path = package.join(&inner);
            let found = path.symlink_metadata().map_err(|source| read_error(&path, source))?;
            if found.is_symlink() {
                return Err(CopyError::Link { path });
            } else if found.is_dir() {
                content.directories.push(inner);
            } else if !found.is_file() {
                return Err(CopyError::Special { path });
            } else if found.len() > COMPONENT_MAX_BYTES {
                return Err(CopyError::FileTooLarge { path });
            } else {
                bytes += found.len();
                content.files.push(inner);
            }
            // Plus one for the package directory itself.
            if content.directories.len() + content.files.len() > ENTRIES_MAX + 1 {
                return Err(CopyError::TooMany { path: package.to_owned() });
            }
            if bytes > BYTES_MAX {
                return Err(CopyError::TooLarge { path: package.to_owned() });
            }
        }
    }
    Ok(content)
}

/// Copies a regular file and returns its size in bytes; errors show the path `shown`.
pub(super) fn copy_file(from: &Path, shown: &Path, to: &Path) -> Result<u64, CopyError> {
    let source = open_regular(from).map_err(|source| read_error(shown, source))?;
    let mut copy = File::create_new(to).map_err(|source| write_error(to, source))?;
    // The file may grow while it is read.
    let mut source = source.take(COMPONENT_MAX_BYTES + 1);
    let mut chunk = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        let read = source.read(&mut chunk).map_err(|source| read_error(shown, source))?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if bytes > COMPONENT_MAX_BYTES {
            return Err(CopyError::FileTooLarge { path: shown.to_owned() });
        }
        copy.write_all(&chunk[..read]).map_err(|source| write_error(to, source))?;
    }
    copy.sync_all().map_err(|source| write_error(to, source))?;
    Ok(bytes)
}

/// Sorted names in a directory, for deterministic errors; stops after one more than the
/// maximum.
fn names_in(dir: &Path) -> Result<Vec<std::ffi::OsString>, CopyError> {
    let unreadable = |source| read_error(dir, source);
    let entries = dir.read_dir().map_err(unreadable)?.take(ENTRIES_MAX + 1);
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names: Vec<_> = names.collect::<Result<_, _>>().map_err(unreadable)?;
    names.sort();
    Ok(names)
}

fn read_error(path: &Path, source: io::Error) -> CopyError {
    CopyError::Read { path: path.to_owned(), source }
}

fn write_error(path: &Path, source: io::Error) -> CopyError {
    CopyError::Write { path: path.to_owned(), source }
}
