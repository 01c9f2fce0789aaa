//! Opening files that strangers have named.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::limits::{COMPONENT_BYTES, format_bytes};

/// Opens a regular file for reading. Links are not followed at the last part of the
/// path, and a FIFO, device or directory is refused without waiting for it.
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
                "is a link, and links inside a package are not followed",
            ));
        }
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file"));
    }
    Ok(file)
}

/// Why these bytes can be no component, as far as their head shows it; it goes on from
/// the file's name.
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

/// Largest component file where no plugin's limit says otherwise, in bytes.
pub const COMPONENT_MAX_BYTES: u64 = COMPONENT_BYTES as u64;

/// The bytes of a component, whatever they are, up to the largest size.
pub fn read_component(path: &Path) -> io::Result<Vec<u8>> {
    read_at_most(path, COMPONENT_BYTES)
}

/// The bytes of a regular file of at most so many; that is held while reading too, since
/// the file may grow. A larger one is [`FileTooLarge`](io::ErrorKind::FileTooLarge).
pub fn read_at_most(path: &Path, most_bytes: usize) -> io::Result<Vec<u8>> {
    let most = most_bytes as u64;
    let file = open_regular(path)?;
    let expected = file.metadata()?.len().min(most);
    let mut bytes = Vec::with_capacity(expected as usize);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > most_bytes {
        let words =
            format!("is larger than {}, the most a component may have", format_bytes(most_bytes));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
    }
    Ok(bytes)
}
