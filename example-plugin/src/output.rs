//! Errors of writing files, for all that write one.

use std::io;

use perfbox_guest::{Error, ErrorKind};

/// An I/O error alone does not say which file it is about.
pub(crate) fn cannot_write(file: &str, error: &io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write `{file}`: {error}"))
}
