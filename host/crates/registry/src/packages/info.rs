//! Description of a package.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::component::capability::Capability;
use crate::component::info::ComponentInfo;
use crate::manifest::{Manifest, ManifestImplementation};
use perfbox_model::names::PackageName;

/// Description of a package. Texts come unchanged from its files:
/// [`escape`](perfbox_model::escape()) them for display.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PackageInfo {
    /// Name; for a bare component without a name, the file name without `.wasm`.
    pub name: PackageName,
    /// Version; empty if not declared.
    pub version: String,
    /// Description.
    pub description: String,
    /// Author.
    pub author: String,
    /// License.
    pub license: String,
    /// If false, listed but never selected.
    pub enabled: bool,
    /// Implementations.
    pub implementations: Vec<ManifestImplementation>,
    /// Valid components by path inside the package.
    pub components: BTreeMap<PathBuf, ComponentInfo>,
}

impl PackageInfo {
    pub(super) fn of_manifest(manifest: Manifest) -> Self {
        let Manifest { name, version, description, author, license, enabled, implementations } =
            manifest;
        let components = BTreeMap::new();
        Self { name, version, description, author, license, enabled, implementations, components }
    }

    /// Creates the description of a bare component from its name alone.
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

    /// Copies the metadata of the component, for a package without a manifest.
    pub(super) fn take_metadata(&mut self) {
        let Some(component) = self.components.values().next() else { return };
        let metadata = &component.metadata;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        self.version = text(&metadata.version);
        self.description = text(&metadata.description);
        self.author = text(&metadata.authors);
        self.license = text(&metadata.licenses);
    }

    /// Capabilities that its components request.
    pub fn capabilities(&self) -> Vec<&Capability> {
        let mut capabilities: Vec<_> =
            self.components.values().flat_map(|component| &component.capabilities).collect();
        capabilities.sort();
        capabilities.dedup();
        capabilities
    }
}
