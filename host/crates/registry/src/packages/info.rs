//! A package as its files describe it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::component::capability::Capability;
use crate::component::info::ComponentInfo;
use crate::manifest::{Manifest, ManifestImplementation};
use perfbox_model::names::PackageName;

/// A package as its files describe it. Its words are as they stand there: whoever shows
/// them to people must [`escape`](perfbox_model::escape()) them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PackageInfo {
    /// Its name; of a bare component that does not say, its file's without `.wasm`.
    pub name: PackageName,
    /// Its version; empty where it does not say.
    pub version: String,
    /// For people.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Under which licence.
    pub license: String,
    /// False: listed, never selected.
    pub enabled: bool,
    /// What it offers.
    pub implementations: Vec<ManifestImplementation>,
    /// Its components that are sound, by their path inside the package.
    pub components: BTreeMap<PathBuf, ComponentInfo>,
}

impl PackageInfo {
    pub(super) fn of_manifest(manifest: Manifest) -> Self {
        let Manifest { name, version, description, author, license, enabled, implementations } =
            manifest;
        let components = BTreeMap::new();
        Self { name, version, description, author, license, enabled, implementations, components }
    }

    /// A component without a manifest, of which only the name is known yet.
    pub(super) fn of_bare(name: PackageName) -> Self {
        let none = String::new;
        Self {
            name,
            version: none(),
            description: none(),
            author: none(),
            license: none(),
            enabled: true,
            implementations: Vec::new(),
            components: BTreeMap::new(),
        }
    }

    /// Takes what the component says about itself, where no manifest does.
    pub(super) fn take_metadata(&mut self) {
        let Some(component) = self.components.values().next() else { return };
        let metadata = &component.metadata;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        self.version = text(&metadata.version);
        self.description = text(&metadata.description);
        self.author = text(&metadata.authors);
        self.license = text(&metadata.licenses);
    }

    /// What its components ask to be able to do, all together.
    pub fn capabilities(&self) -> Vec<&Capability> {
        let mut capabilities: Vec<_> =
            self.components.values().flat_map(|component| &component.capabilities).collect();
        capabilities.sort();
        capabilities.dedup();
        capabilities
    }
}
