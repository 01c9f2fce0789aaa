//! Opens and reads files at untrusted paths.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::limits::{COMPONENT_BYTES, format_bytes};

/// Opens a regular file for reading. Refuses a symbolic link as the last part of the path,
/// and a FIFO, device or directory, without blocking.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    let file = match options.open(path) {
        Err(error) if path.is_symlink() => {
            return Err(io::Error::new(
                error.kind(),
                "is a symbolic link, and links inside a package are not followed",
            ));
        }
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file"));
    }
    Ok(file)
}

/// Reason why the first bytes cannot start a component, as text that follows the file's name:
/// "is empty". `None` if they can.
pub fn not_a_component(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [] => Some("is empty"),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            Some("is a core WebAssembly module, not a component")
        }
        [0, b'a', b's', b'm', ..] => None,
        _ => Some("is not a WebAssembly component"),
    }
}

/// Default maximum size of a component file, in bytes.
pub const COMPONENT_MAX_BYTES: u64 = COMPONENT_BYTES as u64;

/// Reads a file of at most [`COMPONENT_MAX_BYTES`], without checking its content.
pub fn read_component(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(path, COMPONENT_BYTES)
}

/// Reads a regular file of at most `max_bytes`. Enforces the limit while reading too, since
/// the file may grow.
///
/// # Errors
/// [`FileTooLarge`](io::ErrorKind::FileTooLarge) for a larger file; otherwise the error of the
/// operating system.
pub fn read_at_most(path: &Path, max_bytes: usize) -> io::Result<Vec<u8>> {
    let max = max_bytes as u64;
    let file = open_regular(path)?;
    let expected = file.metadata()?.len().min(max);
    let mut bytes = Vec::with_capacity(expected as usize);
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > max_bytes {
        let message = format!("is larger than {}, the maximum", format_bytes(max_bytes));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}
