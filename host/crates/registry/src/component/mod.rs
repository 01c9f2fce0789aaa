//! What a component is, read by parsing its bytes: nothing is compiled or run.
//!
//! An operator sees from it what a stranger's plugin asks for; the registry, what a
//! bare component offers; a lock file, whether either has changed.

mod ability;
mod changes;
mod metadata;
mod offers;
mod outline;
mod weight;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

pub use ability::{Ability, Grant};
pub use changes::{Changed, Changes, SetChange};
pub use metadata::{Metadata, Producer};
pub use offers::Offer;
pub use weight::Weight;

use crate::contract::is_compatible;
use outline::Outline;
use perfbox_model::digest::Digest;
use perfbox_model::names::Category;

/// The package of the contract's interfaces.
const CONTRACT: &str = "perfbox:plugin";

/// A component as its bytes describe it.
///
/// Its words are as they stand in the file: whoever shows them to people must
/// [`escape`](perfbox_model::escape()) them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ComponentInfo {
    /// Its size, in bytes.
    pub size_bytes: u64,
    /// What tells it from any other.
    pub digest: Digest,
    /// The versions of the contract whose interfaces it imports or exports; of a plugin
    /// one, of anything else none.
    pub contract_versions: BTreeSet<String>,
    /// The categories whose interface it exports, of whatever version.
    pub categories: BTreeSet<Category>,
    /// The names of what it imports, sorted.
    pub imports: BTreeSet<String>,
    /// The names of what it exports, sorted.
    pub exports: BTreeSet<String>,
    /// What these imports let it do.
    pub abilities: BTreeSet<Ability>,
    /// What it says about itself.
    pub metadata: Metadata,
    /// The content of its section of offers.
    offers_section: Option<Vec<u8>>,
}

/// Why bytes were not read as a component, or offer nothing. The words go on from the
/// name of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// Something else, as its first bytes show.
    #[error("{reason}; build it for wasm32-wasip2")]
    NotAComponent {
        /// What it is.
        reason: &'static str,
    },
    /// A component that breaks off or is damaged.
    #[error("is not a whole WebAssembly component: {reason}; build it anew for wasm32-wasip2")]
    Damaged {
        /// What is wrong, and where.
        reason: String,
    },
    /// More of something than any component needs.
    #[error("has more than {most} {what}, the most that a component may have")]
    TooMany {
        /// How many there may be.
        most: usize,
        /// Of what.
        what: &'static str,
    },
    /// More of something than a compiler can be expected to take.
    #[error("has {has} {what}, and the most that a component may have is {most}")]
    TooHeavy {
        /// How many there are.
        has: u64,
        /// How many there may be.
        most: u64,
        /// Of what.
        what: &'static str,
    },
    /// A component that is no plugin.
    #[error("{reason}")]
    NoPlugin {
        /// What it lacks.
        reason: String,
    },
}

/// Why the file that a person named was not read as a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentFileError {
    /// The file cannot be read, or is none that is read.
    #[error(
        "component `{}` cannot be read: {reason}; name a .wasm file of at most 64 MiB",
        shown(path)
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// What is in it is no component.
    #[error("component `{}` {error}", shown(path))]
    NotAComponent {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: ComponentError,
    },
}

fn shown(path: &Path) -> String {
    perfbox_model::escape(&path.to_string_lossy()).into_owned()
}

impl ComponentInfo {
    /// Reads the component in a file that a person has named, through links.
    ///
    /// # Errors
    /// When there is no regular file of at most 64 MiB, or no component in it.
    pub fn read_file(path: &Path) -> Result<Self, ComponentFileError> {
        let read = path.canonicalize().and_then(|real| perfbox_model::files::read_component(&real));
        let bytes = read.map_err(|error| ComponentFileError::Unreadable {
            path: path.to_owned(),
            reason: match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                _ => error.to_string(),
            },
        })?;
        Self::read(&bytes)
            .map_err(|error| ComponentFileError::NotAComponent { path: path.to_owned(), error })
    }

    /// Reads a component. That its code is valid, and fits the contract, is only known
    /// once it is loaded.
    ///
    /// # Errors
    /// When the bytes are no component, are damaged, or hold more than any needs.
    pub fn read(bytes: &[u8]) -> Result<Self, ComponentError> {
        if let Some(reason) = perfbox_model::files::not_a_component(bytes) {
            return Err(ComponentError::NotAComponent { reason });
        }
        let Outline { imports, exports, described } = outline::read(bytes)?;
        let of_contract = |name: &&str| version_of(name, CONTRACT);
        Ok(Self {
            size_bytes: bytes.len() as u64,
            digest: Digest::of(bytes),
            contract_versions: imports.union(&exports).filter_map(of_contract).collect(),
            categories: Category::ALL
                .into_iter()
                .filter(|one| exports.iter().any(|name| interface_of(name) == one.interface()))
                .collect(),
            abilities: imports.iter().filter_map(|name| Ability::of_import(name)).collect(),
            imports: imports.into_iter().map(str::to_owned).collect(),
            exports: exports.into_iter().map(str::to_owned).collect(),
            metadata: described.metadata,
            offers_section: described.offers.map(<[u8]>::to_vec),
        })
    }

    /// The implementations in it: what its section of offers says or, without one, one
    /// for each category whose interface it exports, named by `stem`.
    ///
    /// # Errors
    /// When it offers nothing that this host can use.
    pub fn offers(&self, stem: &str) -> Result<Vec<Offer>, ComponentError> {
        let offers = match &self.offers_section {
            Some(section) => offers::parse_section(section),
            None => offers::by_interface(&self.categories, stem),
        };
        offers.map_err(|reason| ComponentError::NoPlugin { reason })
    }

    /// True where it says itself what it offers, with descriptions and parameters.
    pub fn declares_offers(&self) -> bool {
        self.offers_section.is_some()
    }

    /// The worlds of the contract whose interface it exports.
    pub fn worlds(&self) -> Vec<&'static str> {
        let world = |category: &Category| match category {
            Category::PhaseHook => "hook",
            Category::PostProcessor => "processor",
        };
        self.categories.iter().map(world).collect()
    }

    /// True where it is built for the contract that this host speaks.
    pub fn is_for_this_host(&self) -> bool {
        !self.contract_versions.is_empty()
            && self.contract_versions.iter().all(|version| is_compatible(version))
    }
}

/// The name of an interface without its version.
fn interface_of(name: &str) -> &str {
    name.split('@').next().unwrap_or_default()
}

/// The version in the name of an interface of this package.
fn version_of(name: &str, package: &str) -> Option<String> {
    let (interface, version) = name.split_once('@')?;
    let (owner, _) = interface.split_once('/')?;
    (owner == package).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The builtins: a real component, as the SDK and cargo make them.
    const REAL: &[u8] = perfbox_builtins::COMPONENT;

    #[test]
    fn a_real_component_is_read_whole() {
        let info = ComponentInfo::read(REAL).unwrap();
        assert_eq!(info.size_bytes, REAL.len() as u64);
        assert_eq!(info.digest, Digest::of(REAL));
        assert_eq!(Vec::from_iter(&info.contract_versions), ["0.1.0"]);
        assert_eq!(Vec::from_iter(info.categories.clone()), Category::ALL);
        assert!(info.is_for_this_host());
        assert_eq!(
            Vec::from_iter(&info.exports),
            ["perfbox:plugin/phase-hook@0.1.0", "perfbox:plugin/post-processor@0.1.0"]
        );
        assert!(info.imports.contains("perfbox:plugin/batches@0.1.0"));
        let abilities: Vec<String> = info.abilities.iter().map(Ability::to_string).collect();
        assert_eq!(abilities, ["log", "batches", "environment", "stdio"]);
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
    fn a_component_that_breaks_off_anywhere_is_refused_or_read_and_never_panics() {
        let mut refused = 0;
        // Every place near the head and the end, and a sample of those between.
        let places = (0..2048).chain((2048..REAL.len() - 2048).step_by(997));
        for end in places.chain(REAL.len() - 2048..REAL.len()) {
            refused += usize::from(ComponentInfo::read(&REAL[..end]).is_err());
        }
        // Only between two sections does a prefix read as a component.
        assert!(refused > 4000, "{refused}");
    }

    #[test]
    fn a_flipped_byte_never_panics() {
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
    fn what_is_not_a_component_is_said_so() {
        let words = |bytes: &[u8]| ComponentInfo::read(bytes).unwrap_err().to_string();
        assert!(words(b"\0asm\x01\0\0\0").contains("core WebAssembly module"));
        assert!(words(b"plain text").starts_with("is not a WebAssembly component; build it"));
        assert!(words(b"").starts_with("is empty; "));
        assert!(words(b"\0asm\x0d\0").starts_with("is not a whole WebAssembly component: "));
    }

    #[test]
    fn a_component_of_no_interest_offers_nothing() {
        let empty_component = ComponentInfo::read(b"\0asm\x0d\0\x01\0").unwrap();
        assert!(!empty_component.is_for_this_host());
        assert_eq!(
            empty_component.offers("x").unwrap_err().to_string(),
            "exports neither perfbox:plugin/phase-hook nor perfbox:plugin/post-processor; \
             see the worlds in `wit/worlds.wit`"
        );
    }

    #[test]
    fn an_interface_without_a_section_is_named_by_the_file() {
        let component = |name: &str| {
            let text =
                format!("(component (instance $nothing) (export \"{name}\" (instance $nothing)))");
            ComponentInfo::read(&wat::parse_str(text).unwrap()).unwrap()
        };
        let info = component("perfbox:plugin/phase-hook@0.1.3");
        assert!(info.is_for_this_host() && !info.declares_offers());
        let offers = info.offers("audit").unwrap();
        assert_eq!((offers[0].category, offers[0].class.as_str()), (Category::PhaseHook, "audit"));
        let newer = component("perfbox:plugin/phase-hook@0.2.0");
        assert!(!newer.is_for_this_host());
        assert_eq!(Vec::from_iter(&newer.contract_versions), ["0.2.0"]);
    }
}
