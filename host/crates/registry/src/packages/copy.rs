//! A package copied, within bounds: directories and regular files, nothing else.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::staging::sync_dir;
use perfbox_model::escape;
use perfbox_model::files::{COMPONENT_MAX_BYTES, open_regular};

/// Files and directories in a package: a manifest, a component or a few, and what is to
/// be read about them. More is a source tree.
const MOST_ENTRIES: usize = 1000;

/// Bytes of a package: four of the largest components.
const MOST_BYTES: u64 = 4 * COMPONENT_MAX_BYTES;

/// Why a package was not copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A link in it.
    #[error("`{}` is a link, and links inside a package are not followed; put the file itself there", escape(&path.to_string_lossy()))]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A FIFO, socket or device in it.
    #[error("`{}` is neither a file nor a directory; take it out of the package", escape(&path.to_string_lossy()))]
    Special {
        /// What it is.
        path: PathBuf,
    },
    /// Too much in it.
    #[error("`{}` has more than {MOST_ENTRIES} files and directories in it, the most that a package may have; take out what is no part of the plugin", escape(&path.to_string_lossy()))]
    TooMany {
        /// The package.
        path: PathBuf,
    },
    /// A file that is larger than a component may be.
    #[error("`{}` is larger than {} MiB, the most that a file of a package may have", escape(&path.to_string_lossy()), COMPONENT_MAX_BYTES >> 20)]
    FileTooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Files that are too large together.
    #[error("`{}` has more than {} MiB in it, the most that a package may have; take out what is no part of the plugin", escape(&path.to_string_lossy()), MOST_BYTES >> 20)]
    TooLarge {
        /// The package.
        path: PathBuf,
    },
    /// A file or directory of it that cannot be read.
    #[error("`{}` cannot be read", escape(&path.to_string_lossy()))]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A copy that cannot be written.
    #[error("`{}` cannot be written; make room for it", escape(&path.to_string_lossy()))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Copies the package in `from` to `to`, which is made. All of it is on the disk when
/// this returns.
pub(super) fn copy_directory(from: &Path, to: &Path) -> Result<(), CopyError> {
    let Content { directories, files } = survey(from)?;
    for inner in &directories {
        let copy = to.join(inner);
        fs::create_dir(&copy).map_err(|source| write_error(&copy, source))?;
    }
    let mut bytes = 0;
    for inner in &files {
        let path = from.join(inner);
        bytes += copy_file(&path, &path, &to.join(inner))?;
        // They may have grown since.
        if bytes > MOST_BYTES {
            return Err(CopyError::TooLarge { path: from.to_owned() });
        }
    }
    directories
        .iter()
        .map(|inner| to.join(inner))
        .try_for_each(|copy| sync_dir(&copy).map_err(|source| write_error(&copy, source)))
}

/// What is in a package, as paths inside of it.
struct Content {
    /// Each after the one that it is in.
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

/// Looks through a package, so that one that is refused is not copied in part.
fn survey(package: &Path) -> Result<Content, CopyError> {
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
            // The package itself is no entry of it.
            if content.directories.len() + content.files.len() > MOST_ENTRIES + 1 {
                return Err(CopyError::TooMany { path: package.to_owned() });
            }
            if bytes > MOST_BYTES {
                return Err(CopyError::TooLarge { path: package.to_owned() });
            }
        }
    }
    Ok(content)
}

/// Copies a regular file, which people know as `shown`, and says how many bytes it has.
pub(super) fn copy_file(from: &Path, shown: &Path, to: &Path) -> Result<u64, CopyError> {
    let source = open_regular(from).map_err(|source| read_error(shown, source))?;
    let mut copy = File::create_new(to).map_err(|source| write_error(to, source))?;
    // It may grow while it is read.
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

/// In order, so that of several errors it is always the same that is told; only one more
/// than there may be.
fn names_in(dir: &Path) -> Result<Vec<std::ffi::OsString>, CopyError> {
    let unreadable = |source| read_error(dir, source);
    let entries = dir.read_dir().map_err(unreadable)?.take(MOST_ENTRIES + 1);
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
