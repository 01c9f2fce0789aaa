//! Validates the code and the interfaces of a component, without compiling it.

use wasmparser::component_types::ComponentEntityType;
use wasmparser::{Validator, WasmFeatures};

use perfbox_model::escape;
use perfbox_model::names::Category;

use crate::contract::items_of;

/// WebAssembly features of the engine; its `config` has the reasons.
fn features() -> WasmFeatures {
    let mut features = WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL;
    features.insert(WasmFeatures::GC_TYPES);
    features.remove(
        WasmFeatures::GC
            | WasmFeatures::EXCEPTIONS
            | WasmFeatures::FUNCTION_REFERENCES
            | WasmFeatures::THREADS
            | WasmFeatures::MEMORY64
            | WasmFeatures::RELAXED_SIMD,
    );
    features
}

/// Missing items of each exported interface, by category.
pub type MissingItems = Vec<(Category, Vec<&'static str>)>;

/// Validates the code of a component, and checks the interfaces in `exports` for missing
/// items.
///
/// # Errors
/// A message for invalid code, to follow the name of the file.
pub fn validate_code(
    bytes: &[u8],
    exports: impl Iterator<Item = (Category, String)>,
) -> Result<MissingItems, String> {
    let types = Validator::new_with_features(features()).validate_all(bytes).map_err(|error| {
        format!(
            "is not valid WebAssembly: {} (at offset 0x{:x}); rebuild it for wasm32-wasip2",
            escape(error.message()),
            error.offset()
        )
    })?;
    let missing = exports.map(|(category, name)| {
        let item = types.component_item_for_export(&name).map(|item| item.ty);
        let is_missing = |wanted: &&&str| match item {
            Some(ComponentEntityType::Instance(id)) => !types[id].exports.contains_key(**wanted),
            _ => true,
        };
        (category, items_of(category.interface()).iter().filter(is_missing).copied().collect())
    });
    Ok(missing.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::CONTRACT_VERSION;

    /// The builtins, a real component built with the SDK and cargo.
    const REAL: &[u8] = perfbox_builtins::COMPONENT;

    #[test]
    fn real_component_is_valid_and_complete() {
        let exports =
            Category::ALL.map(|one| (one, format!("{}@{CONTRACT_VERSION}", one.interface())));
        let missing = validate_code(REAL, exports.into_iter()).unwrap();
        assert_eq!(missing, Category::ALL.map(|one| (one, Vec::new())));
    }

    #[test]
    fn missing_items_of_an_interface_are_named() {
        let text = "(component (instance $i) (export \"x\" (instance $i)))";
        let exports = [(Category::PhaseHook, "x".to_owned())].into_iter();
        let missing = validate_code(&wat::parse_str(text).unwrap(), exports).unwrap();
        assert_eq!(
            missing,
            [(Category::PhaseHook, items_of(Category::PhaseHook.interface()).to_vec())]
        );
    }

    #[test]
    fn exponential_instantiation_is_validated_in_linear_time() {
        // Each level instantiates the previous one twice, for 2^60 instances in total.
        let first = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
        let level = |n: usize| {
            format!(
                "(component $c{n} (alias outer 1 $c{} (component $c)) \
                 (instance (instantiate $c)) (instance (instantiate $c)))",
                n - 1
            )
        };
        let levels: String = std::iter::once(first).chain((1..60).map(level)).collect();
        let bytes = wat::parse_str(format!("(component {levels})")).unwrap();
        assert_eq!(validate_code(&bytes, std::iter::empty()), Ok(Vec::new()));
    }
}
