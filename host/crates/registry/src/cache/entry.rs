//! File format of a cache entry: format marker, MAC, content.

use std::io::Read;

use super::key::Key;

/// Format marker with version.
const FORMAT: &[u8; 16] = b"perfbox cache 1\n";

/// Suffix of entries with compiled code; the least recently used are evicted over the limit.
pub const CODE_SUFFIX: &str = ".code";

/// Suffix of index entries, which are rewritten in place and not evicted for code.
pub(crate) const INDEX_SUFFIX: &str = ".index";

const MAC_BYTES: usize = blake3::OUT_LEN;

/// Size of format marker and MAC, in bytes.
pub(super) const HEADER_BYTES: usize = FORMAT.len() + MAC_BYTES;

/// True for a file that starts with the format marker, without a check of its MAC.
pub(super) fn has_format_marker(file: impl Read) -> bool {
    let mut head = Vec::with_capacity(FORMAT.len());
    let read = file.take(FORMAT.len() as u64).read_to_end(&mut head);
    read.is_ok() && head == FORMAT
}

/// Header for this name and content.
pub(super) fn header(key: &Key, name: &str, content: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (format, mac) = header.split_at_mut(FORMAT.len());
    format.copy_from_slice(FORMAT);
    mac.copy_from_slice(mac_of(key, name, content).as_bytes());
    header
}

/// True if the holder of the key wrote this content under this name.
pub(super) fn is_authentic(key: &Key, name: &str, header: &[u8], content: &[u8]) -> bool {
    let Some(mac) = header.strip_prefix(FORMAT.as_slice()) else { return false };
    let Ok(mac) = <[u8; MAC_BYTES]>::try_from(mac) else { return false };
    // Constant-time comparison.
    mac_of(key, name, content) == mac
}

/// Keyed BLAKE3 of format, name and content. The length of the name precedes it, so that name
/// and content cannot be shifted into each other.
fn mac_of(key: &Key, name: &str, content: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key.bytes());
    hasher.update(FORMAT).update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
    hasher.update(content).finalize()
}
