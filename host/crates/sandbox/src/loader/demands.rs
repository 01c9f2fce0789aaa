//! Whether a component asks for more than it may have, before any of its code runs.

use wasmtime::component::Component;

use super::LoadError;
use crate::instance::TABLE_SLOT_BYTES;
use perfbox_model::limits::{Limits, format_bytes};
use perfbox_registry::ComponentLocation;
use perfbox_registry::component::{CompileCost, ComponentError};

const PAGE_BYTES: u64 = 64 * 1024;

/// Whether its bytes show more core instances than it may have.
pub(super) fn check_instances(
    bytes: &[u8],
    location: &ComponentLocation,
    limits: &Limits,
) -> Result<(), LoadError> {
    let most = limits.core_instances;
    match CompileCost::of_instances(bytes) {
        Ok(CompileCost { core_instances: count, .. }) if count > most as u64 => {
            let reason =
                format!("{count} core instances, and its limit `core_instances` is {most}");
            Err(demanding(location, reason))
        }
        Err(error) if CompileCost::is_excess(&error) => Err(too_heavy(&error, location)),
        _ => Ok(()),
    }
}

/// Whether a compiler can be expected to take it.
pub(super) fn check_weight(bytes: &[u8], location: &ComponentLocation) -> Result<(), LoadError> {
    CompileCost::excess_of(bytes).map_or(Ok(()), |error| Err(too_heavy(&error, location)))
}

fn too_heavy(error: &ComponentError, location: &ComponentLocation) -> LoadError {
    let reason = format!("it {error}; ask its author for a build that has less");
    LoadError::Compile { place: location.to_string(), reason }
}

/// Whether an instance of it would begin with more than it may have. Of one that imports
/// core modules that is not known.
pub(super) fn check_resources(
    component: &Component,
    location: &ComponentLocation,
    limits: &Limits,
) -> Result<(), LoadError> {
    let Some(resources) = component.resources_required() else { return Ok(()) };
    for (count, what) in [(resources.num_memories, "memories"), (resources.num_tables, "tables")] {
        let most = limits.core_instances;
        if count as usize > most {
            let reason = format!("{count} {what}, and its limit `core_instances` is {most}");
            return Err(demanding(location, reason));
        }
    }
    let memory = resources.max_initial_memory_size.map(|pages| (pages, PAGE_BYTES, "memory"));
    let slot_bytes = TABLE_SLOT_BYTES as u64;
    let table = resources.max_initial_table_size.map(|slots| (slots, slot_bytes, "table"));
    for (count, bytes_each, what) in [memory, table].into_iter().flatten() {
        let bytes = usize::try_from(count.saturating_mul(bytes_each)).unwrap_or(usize::MAX);
        if bytes > limits.memory_bytes {
            let (bytes, limit) = (format_bytes(bytes), format_bytes(limits.memory_bytes));
            let reason = format!(
                "a {what} that takes {bytes} from the start, and its limit `memory` is {limit}"
            );
            return Err(demanding(location, reason));
        }
    }
    Ok(())
}

fn demanding(location: &ComponentLocation, reason: String) -> LoadError {
    LoadError::Demanding { place: location.to_string(), reason }
}
