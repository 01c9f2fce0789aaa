//! The version of the contract that this host speaks, and what is compatible with it.

use perfbox_model::escape;

/// The contract's version that this host speaks.
pub const CONTRACT_VERSION: &str = "0.2.0";

/// The words for a component that `version` of the contract is for.
pub fn built_for_another(version: &str) -> String {
    format!(
        "built for version {} of the contract, and this perfbox speaks {CONTRACT_VERSION}; \
         build it with a perfbox-guest of that version",
        escape(version)
    )
}

/// True for versions on the semver track of [`CONTRACT_VERSION`].
pub fn is_compatible(version: &str) -> bool {
    let track = |version: &str| {
        let (major, rest) = version.split_once('.')?;
        let minor = rest.split('.').next()?;
        Some((major.to_owned(), if major == "0" { minor.to_owned() } else { String::new() }))
    };
    track(version).is_some() && track(version) == track(CONTRACT_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_on_one_semver_track_are_compatible() {
        assert!(is_compatible("0.1.0"));
        assert!(is_compatible("0.1.7"));
        for other in ["0.2.0", "1.1.0", "", "x"] {
            assert!(!is_compatible(other), "{other}");
        }
    }
}
