//! Whether a component's code is valid and its interfaces are whole, as far as that is
//! known without compiling it.

use wasmparser::component_types::ComponentEntityType;
use wasmparser::{Validator, WasmFeatures};

use perfbox_model::escape;
use perfbox_model::names::Category;

use crate::contract::items_of;

/// What the engine takes: its `config` says why not more.
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

/// What each category's interface lacks, where the component exports it.
pub type MissingItems = Vec<(Category, Vec<&'static str>)>;

/// Validates all of a component, and looks at the interfaces that it exports under
/// these names.
///
/// # Errors
/// What is not valid, going on from the file's name.
pub fn validate_code(
    bytes: &[u8],
    exports: impl Iterator<Item = (Category, String)>,
) -> Result<MissingItems, String> {
    let types = Validator::new_with_features(features()).validate_all(bytes).map_err(|error| {
        format!(
            "is not valid WebAssembly: {} (at offset 0x{:x}); build it anew for wasm32-wasip2",
            escape(error.message()),
            error.offset()
        )
    })?;
    let gaps = exports.map(|(category, name)| {
        let item = types.component_item_for_export(&name).map(|item| item.ty);
        let lacks = |wanted: &&&str| match item {
            Some(ComponentEntityType::Instance(id)) => !types[id].exports.contains_key(**wanted),
            _ => true,
        };
        (category, items_of(category.interface()).iter().filter(lacks).copied().collect())
    });
    Ok(gaps.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::CONTRACT_VERSION;

    /// The builtins: a real component, as the SDK and cargo make them.
    const REAL: &[u8] = perfbox_builtins::COMPONENT;

    #[test]
    fn a_real_component_is_valid_and_lacks_nothing() {
        let exports =
            Category::ALL.map(|one| (one, format!("{}@{CONTRACT_VERSION}", one.interface())));
        let gaps = validate_code(REAL, exports.into_iter()).unwrap();
        assert_eq!(gaps, Category::ALL.map(|one| (one, Vec::new())));
    }

    #[test]
    fn what_an_interface_lacks_is_named() {
        let text = "(component (instance $i) (export \"x\" (instance $i)))";
        let exports = [(Category::PhaseHook, "x".to_owned())].into_iter();
        let gaps = validate_code(&wat::parse_str(text).unwrap(), exports).unwrap();
        assert_eq!(
            gaps,
            [(Category::PhaseHook, items_of(Category::PhaseHook.interface()).to_vec())]
        );
    }

    #[test]
    fn a_component_that_unfolds_without_end_is_looked_at_once() {
        // Each instantiates the one before twice: unfolded, they are 2^60 instances.
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
