//! Version and interfaces of the contract, from `wit/`, and which versions are compatible.

use perfbox_model::escape;

include!(concat!(env!("OUT_DIR"), "/contract.rs"));

/// Error text for a component built for `version` of the contract.
pub fn built_for_another(version: &str) -> String {
    format!(
        "built for version {} of the contract, but this perfbox supports {CONTRACT_VERSION}; \
         rebuild it with a perfbox-guest for {CONTRACT_VERSION}",
        escape(version)
    )
}

/// True for versions compatible with [`CONTRACT_VERSION`]: same major version, or same minor
/// version before 1.0.
pub fn is_compatible(version: &str) -> bool {
    let track = compatibility_track(version);
    track.is_some() && track == compatibility_track(CONTRACT_VERSION)
}

/// Resources and functions that an interface of the contract requires, under the names that a
/// component exports: `hook`, `[static]hook.create`, `[method]hook.on-phase-start`. Empty for
/// an interface that the contract does not have.
pub(crate) fn items_of(interface: &str) -> &'static [&'static str] {
    let found = INTERFACES.iter().find(|(name, _)| *name == interface);
    found.map_or(&[], |(_, items)| items)
}

/// The leading part of a version that compatible versions share: `1` of 1.4.2, `0.4` of 0.4.2.
fn compatibility_track(version: &str) -> Option<&str> {
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split('.').next()?;
    let track_len = if major == "0" { major.len() + 1 + minor.len() } else { major.len() };
    Some(&version[..track_len])
}

#[cfg(test)]
mod tests {
    use super::*;
    use perfbox_model::names::Category;

    #[test]
    fn versions_on_one_semver_track_are_compatible() {
        let is_compatible = |a, b| compatibility_track(a) == compatibility_track(b);
        assert!(is_compatible("0.1.0", "0.1.7"));
        assert!(is_compatible("1.4.2", "1.0.0"));
        for other in ["0.2.0", "1.1.0", "", "x", "0"] {
            assert!(!is_compatible("0.1.0", other), "{other}");
        }
    }

    #[test]
    fn own_version_is_compatible_and_malformed_versions_are_not() {
        assert!(is_compatible(CONTRACT_VERSION));
        for malformed in ["", "x", "0", "é.1.0"] {
            assert!(!is_compatible(malformed), "{malformed}");
        }
    }

    #[test]
    fn every_category_has_an_interface_with_a_constructor_in_the_contract() {
        for category in Category::ALL {
            let interface = category.interface();
            assert!(interface.starts_with(CONTRACT_PACKAGE));
            let items = items_of(interface);
            assert!(items.iter().any(|item| item.ends_with(".create")), "{interface}: {items:?}");
        }
        assert!(items_of("perfbox:plugin/unknown").is_empty());
    }
}
