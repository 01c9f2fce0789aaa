//! How an entry lies in its file: a head that names the format, a MAC, the content.

use std::io::Read;

use super::key::Key;

/// Format and version, so that a later one is not taken for this one.
const FORMAT: &[u8; 16] = b"perfbox cache 1\n";

/// Ends the names of entries of compiled code: those that are used least are removed
/// where the limit asks for it.
pub const CODE_SUFFIX: &str = ".code";

/// Ends the names of entries that are rewritten in place, and make no room for code.
pub(crate) const INDEX_SUFFIX: &str = ".index";

const MAC_BYTES: usize = blake3::OUT_LEN;

/// What stands before the content, in bytes.
pub(super) const HEADER_BYTES: usize = FORMAT.len() + MAC_BYTES;

/// True for a file that begins as entries do, whoever wrote it.
pub(super) fn begins_as_one(file: impl Read) -> bool {
    let mut head = Vec::with_capacity(FORMAT.len());
    let read = file.take(FORMAT.len() as u64).read_to_end(&mut head);
    read.is_ok() && head == FORMAT
}

/// What is to stand before this content, under this name.
pub(super) fn header(key: &Key, name: &str, content: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (format, mac) = header.split_at_mut(FORMAT.len());
    format.copy_from_slice(FORMAT);
    mac.copy_from_slice(mac_of(key, name, content).as_bytes());
    header
}

/// True where the holder of the key wrote this content under this name.
pub(super) fn is_authentic(key: &Key, name: &str, header: &[u8], content: &[u8]) -> bool {
    let Some(mac) = header.strip_prefix(FORMAT.as_slice()) else { return false };
    let Ok(mac) = <[u8; MAC_BYTES]>::try_from(mac) else { return false };
    // Compared in constant time.
    mac_of(key, name, content) == mac
}

/// BLAKE3 in its keyed mode. The name's length stands before it, so that no part of the
/// one can be taken for a part of the other.
fn mac_of(key: &Key, name: &str, content: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key.bytes());
    hasher.update(FORMAT).update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
    hasher.update(content).finalize()
}
