//! What is read of a component's bytes before it is compiled: each way refuses it in
//! words that can be shown, or reads it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfbox::component::{CompileCost, ComponentInfo};
use perfbox_fuzz::assert_can_be_shown;

fuzz_target!(|bytes: &[u8]| {
    describe(bytes);
    check_cost(bytes);
});

/// The check before compilation: what is weighed with its functions has the same
/// instances as without.
fn check_cost(bytes: &[u8]) {
    match (CompileCost::of(bytes), CompileCost::of_instances(bytes)) {
        (Ok(cost), Ok(instances)) => {
            assert_eq!(cost.instances, instances.instances);
            assert_eq!(cost.core_instances, instances.core_instances);
            if let Err(error) = cost.check() {
                assert_can_be_shown(&error.to_string());
            }
        }
        (Err(error), _) | (_, Err(error)) => assert_can_be_shown(&error.to_string()),
    }
}

fn describe(bytes: &[u8]) {
    let info = match ComponentInfo::read(bytes) {
        Ok(info) => info,
        Err(error) => return assert_can_be_shown(&error.to_string()),
    };
    assert_eq!(info.size_bytes, bytes.len() as u64);
    assert_eq!(info.worlds().len(), info.categories.len());
    match info.offers("any") {
        Ok(offers) => {
            assert!(!offers.is_empty());
            for offer in offers {
                assert_can_be_shown(&offer.key());
                assert_eq!(offer.params.is_some(), info.declares_offers());
            }
        }
        Err(error) => assert_can_be_shown(&error.to_string()),
    }
}
