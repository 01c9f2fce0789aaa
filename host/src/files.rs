//! Opening files that strangers have named.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Opens a regular file for reading. Links are not followed at the last part of the
/// path, and a FIFO, device or directory is refused without waiting for it.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
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
pub(crate) fn not_a_component(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [] => Some("is empty"),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            Some("is a core WebAssembly module, not a component")
        }
        [0, b'a', b's', b'm', ..] => None,
        _ => Some("is not a WebAssembly component"),
    }
}

/// Largest component file that is read, in bytes.
pub(crate) const COMPONENT_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The bytes of a component, whatever they are, up to the largest size; the size is
/// held while reading too, since the file may grow.
pub(crate) fn read_component(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let expected = file.metadata()?.len().min(COMPONENT_MAX_BYTES);
    let mut bytes = Vec::with_capacity(expected as usize);
    file.take(COMPONENT_MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > COMPONENT_MAX_BYTES {
        let words = format!(
            "is larger than {} MiB, the most a component may have",
            COMPONENT_MAX_BYTES >> 20
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
    }
    Ok(bytes)
}
