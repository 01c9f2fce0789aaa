//! An open input with its reader.

use crate::error::InputError;
use crate::input::Input;
use crate::mapping::definition::Mapping;
use crate::reader::Reader;
use crate::readers::aiperf::manifest::PhaseManifest;

/// An input with the reader of its format.
pub(super) struct OpenInput {
    pub(super) input: Input,
    pub(super) manifest: Option<PhaseManifest>,
    pub(super) reader: Box<dyn Reader>,
}

impl OpenInput {
    /// Error of a run with too many phases, the first of them in this input.
    pub(super) fn too_many_phases(&self, mapping: &Mapping) -> InputError {
        let mapped = mapping.fields.iter().find(|(field, _)| field == "phase");
        let mapped = mapped.filter(|_| self.reader.format().is_mapped());
        InputError::TooManyPhases {
            path: self.input.name.clone(),
            column: mapped.map(|(_, mapped)| mapped.column.clone()),
        }
    }
}
