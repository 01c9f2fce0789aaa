//! The `phase_manifest.json` that AIPerf writes beside its records.

use std::path::Path;

use serde::Deserialize;

use crate::error::InputError;
use crate::record_error::RecordError;

/// File name of the manifest.
const PHASE_MANIFEST: &str = "phase_manifest.json";

/// The manifest: bounds of the phases.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PhaseManifest {
    pub(crate) phases: Vec<ManifestPhase>,
}

impl PhaseManifest {
    /// Reads the manifest in `dir`, if there is one. Only a regular file counts: opening a pipe
    /// would block.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, InputError> {
        let path = dir.join(PHASE_MANIFEST);
        if !path.is_file() {
            return Ok(None);
        }
        let name = path.to_string_lossy().into_owned();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(source) => return Err(InputError::Io { path: name, bytes: 0, source }),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| InputError::BadFile {
            path: name,
            line: error.line() as u64,
            column: error.column() as u64,
            problem: format!(
                "not a phase manifest of AIPerf: {}; remove the file to use the records alone",
                RecordError::from(&error).message
            ),
        })
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ManifestPhase {
    pub(crate) phase_name: String,
    pub(crate) phase_index: u32,
    pub(crate) start_ns: Option<u64>,
    pub(crate) end_ns: Option<u64>,
}
