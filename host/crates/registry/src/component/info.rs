//! Description of a component, read from its bytes.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use perfbox_model::digest::Digest;
use perfbox_model::names::Category;

use super::capability::Capability;
use super::error::{ComponentError, ComponentFileError};
use super::metadata::Metadata;
use super::offers::{self, Offer};
use super::sections::{self, Sections};
use crate::contract::{CONTRACT_PACKAGE, is_compatible};

/// Description of a component.
///
/// Texts come unchanged from the file: [`escape`](perfbox_model::escape()) them for display.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ComponentInfo {
    /// Size, in bytes.
    pub size_bytes: u64,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Versions of the contract in its imports and exports: one for a plugin, none for other
    /// components.
    pub contract_versions: BTreeSet<String>,
    /// Categories whose interface it exports, in any version.
    pub categories: BTreeSet<Category>,
    /// Names of imports, sorted.
    pub imports: BTreeSet<String>,
    /// Names of exports, sorted.
    pub exports: BTreeSet<String>,
    /// Capabilities that its imports request.
    pub capabilities: BTreeSet<Capability>,
    /// Metadata.
    pub metadata: Metadata,
    /// Content of its section of offers.
    offers_section: Option<Vec<u8>>,
}

impl ComponentInfo {
    /// Reads the component in a file named by the user. Follows symbolic links.
    ///
    /// # Errors
    /// If the file is not a regular file of at most 64 MiB, or not a component.
    pub fn read_file(path: &Path) -> Result<Self, ComponentFileError> {
        let read = path.canonicalize().and_then(|real| perfbox_model::files::read_component(&real));
        let bytes = read.map_err(|error| ComponentFileError::Unreadable {
            path: path.to_owned(),
            reason: match error.kind() {
                io::ErrorKind::NotFound => "file not found".to_owned(),
                _ => error.to_string(),
            },
        })?;
        Self::read(&bytes)
            .map_err(|error| ComponentFileError::NotAComponent { path: path.to_owned(), error })
    }

    /// Reads a component. Does not validate its code or its interfaces.
    ///
    /// # Errors
    /// If the bytes are not a component, are malformed, or exceed a limit.
    pub fn read(bytes: &[u8]) -> Result<Self, ComponentError> {
        if let Some(reason) = perfbox_model::files::not_a_component(bytes) {
            return Err(ComponentError::NotAComponent { reason });
        }
        let Sections { imports, exports, description } = sections::read(bytes)?;
        let of_contract = |name: &&str| version_of(name, CONTRACT_PACKAGE);
        Ok(Self {
            size_bytes: bytes.len() as u64,
            digest: Digest::of(bytes),
            contract_versions: imports.union(&exports).filter_map(of_contract).collect(),
            categories: Category::ALL
                .into_iter()
                .filter(|one| exports.iter().any(|name| interface_of(name) == one.interface()))
                .collect(),
            capabilities: imports.iter().filter_map(|name| Capability::of_import(name)).collect(),
            imports: imports.into_iter().map(str::to_owned).collect(),
            exports: exports.into_iter().map(str::to_owned).collect(),
            metadata: description.metadata,
            offers_section: description.offers.map(<[u8]>::to_vec),
        })
    }

    /// Implementations of the component: those in its section of offers or, without one, one
    /// for each exported category, with `stem` as identifier.
    ///
    /// # Errors
    /// If it offers no implementation that this host supports.
    pub fn offers(&self, stem: &str) -> Result<Vec<Offer>, ComponentError> {
        let offers = match &self.offers_section {
            Some(section) => offers::parse_section(section),
            None => offers::by_interface(&self.categories, stem),
        };
        offers.map_err(|reason| ComponentError::NotAPlugin { reason })
    }

    /// True if it has a section of offers, with descriptions and parameters.
    pub fn declares_offers(&self) -> bool {
        self.offers_section.is_some()
    }

    /// Worlds of the contract that it implements.
    pub fn worlds(&self) -> Vec<&'static str> {
        let world = |category: &Category| match category {
            Category::PhaseHook => "hook",
            Category::PostProcessor => "processor",
        };
        self.categories.iter().map(world).collect()
    }

    /// True if it is built for a compatible version of the contract.
    pub fn is_for_this_host(&self) -> bool {
        !self.contract_versions.is_empty()
            && self.contract_versions.iter().all(|version| is_compatible(version))
    }
}

/// Name of an interface without its version.
fn interface_of(name: &str) -> &str {
    name.split('@').next().unwrap_or_default()
}

/// Version of an interface, if it belongs to `package`.
fn version_of(name: &str, package: &str) -> Option<String> {
    let (interface, version) = name.split_once('@')?;
    let (owner, _) = interface.split_once('/')?;
    (owner == package).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::CONTRACT_VERSION;

    /// The builtins, a real component built with the SDK and cargo.
    const REAL: &[u8] = perfbox_builtins::COMPONENT;

    #[test]
    fn real_component_is_read_completely() {
        let info = ComponentInfo::read(REAL).unwrap();
        assert_eq!(info.size_bytes, REAL.len() as u64);
        assert_eq!(info.digest, Digest::of(REAL));
        assert_eq!(Vec::from_iter(&info.contract_versions), [CONTRACT_VERSION]);
        assert_eq!(Vec::from_iter(info.categories.clone()), Category::ALL);
        assert!(info.is_for_this_host());
        assert_eq!(
            Vec::from_iter(&info.exports),
            Category::ALL.map(|one| format!("{}@{CONTRACT_VERSION}", one.interface())).each_ref()
        );
        assert!(info.imports.contains(&format!("{CONTRACT_PACKAGE}/logging@{CONTRACT_VERSION}")));
        let capabilities: Vec<String> =
            info.capabilities.iter().map(Capability::to_string).collect();
        assert_eq!(capabilities, ["log", "batches", "environment", "stdio"]);
        let offers = info.offers("any").unwrap();
        let offered: Vec<&str> = offers.iter().map(|one| one.identifier.as_str()).collect();
        assert_eq!(offered, ["phase_log", "metrics", "timeslices", "histogram", "slo"]);
        let texts: Vec<_> = info.metadata.texts().collect();
        assert_eq!(
            texts,
            [
                ("name", "perfbox_builtin_plugins"),
                ("version", env!("CARGO_PKG_VERSION")),
                ("description", "Sources of the implementations that come with perfbox"),
                ("licenses", "Apache-2.0"),
            ]
        );
        assert!(info.metadata.producers.iter().any(|one| one.name == "rustc"));
        assert!(info.metadata.producers.iter().any(|one| one.name == "wit-component"));
    }

    #[test]
    fn truncation_anywhere_never_panics() {
        let mut refused = 0;
        // All positions near start and end, and a sample in between.
        let places = (0..2048).chain((2048..REAL.len() - 2048).step_by(997));
        for end in places.chain(REAL.len() - 2048..REAL.len()) {
            refused += usize::from(ComponentInfo::read(&REAL[..end]).is_err());
        }
        // A prefix is only valid if it ends between two sections.
        assert!(refused > 4000, "{refused}");
    }

    #[test]
    fn flipped_bit_anywhere_never_panics() {
        let mut bytes = REAL.to_vec();
        let tail = bytes.len() - 12_000;
        for at in (0..4096).chain((4096..tail).step_by(1009)).chain((tail..bytes.len()).step_by(3))
        {
            bytes[at] ^= 1 << (at % 8);
            if let Ok(info) = ComponentInfo::read(&bytes) {
                let _ = info.offers("any");
                assert_ne!(info.digest, Digest::of(REAL), "{at}");
            }
            bytes[at] ^= 1 << (at % 8);
        }
        assert!(ComponentInfo::read(&bytes).is_ok());
    }

    #[test]
    fn other_files_are_refused_by_kind() {
        let message = |bytes: &[u8]| ComponentInfo::read(bytes).unwrap_err().to_string();
        assert!(message(b"\0asm\x01\0\0\0").contains("core WebAssembly module"));
        assert!(message(b"plain text").starts_with("is not a WebAssembly component; build it"));
        assert!(message(b"").starts_with("is empty; "));
        assert!(message(b"\0asm\x0d\0").starts_with("is a malformed WebAssembly component: "));
    }

    #[test]
    fn component_without_interfaces_offers_nothing() {
        let empty_component = ComponentInfo::read(b"\0asm\x0d\0\x01\0").unwrap();
        assert!(!empty_component.is_for_this_host());
        assert_eq!(
            empty_component.offers("x").unwrap_err().to_string(),
            "exports none of the interfaces perfbox:plugin/phase-hook, \
             perfbox:plugin/post-processor; see the worlds in `wit/worlds.wit`"
        );
    }

    #[test]
    fn implementation_without_a_section_is_named_after_the_file() {
        let component = |name: &str| {
            let text =
                format!("(component (instance $nothing) (export \"{name}\" (instance $nothing)))");
            ComponentInfo::read(&wat::parse_str(text).unwrap()).unwrap()
        };
        let info = component(&format!("perfbox:plugin/phase-hook@{CONTRACT_VERSION}"));
        assert!(info.is_for_this_host() && !info.declares_offers());
        let offers = info.offers("audit").unwrap();
        assert_eq!((offers[0].category, offers[0].class.as_str()), (Category::PhaseHook, "audit"));
        let newer = component("perfbox:plugin/phase-hook@99.0.0");
        assert!(!newer.is_for_this_host());
        assert_eq!(Vec::from_iter(&newer.contract_versions), ["99.0.0"]);
    }
}
