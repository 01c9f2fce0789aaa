//! Limits of one run's records.

/// Maximum columns of a run. Each column takes up memory in every record.
pub(crate) const COLUMNS_MAX: usize = 4096;

/// Maximum phases of a run. Each phase has batches of its own in every block.
pub(crate) const PHASES_MAX: usize = if cfg!(test) { 20 } else { 1000 };

/// Maximum length of a phase, metric or unit name, in bytes. Processors may return no longer
/// ones.
pub(crate) const NAME_MAX_BYTES: usize = 256;

/// Maximum length of a line, in bytes.
pub(crate) const LINE_MAX_BYTES: usize = 64 << 20;

/// Maximum size of a document that is read whole, in bytes, decompressed.
pub(crate) const DOCUMENT_MAX_BYTES: usize = if cfg!(test) { 8 << 20 } else { 1 << 30 };
