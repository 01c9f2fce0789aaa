//! Locked component.

use std::collections::{BTreeMap, BTreeSet};

use perfbox_model::digest::Digest;
use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, PackageName};

use crate::component::capability::Capability;
use crate::component::changes::SetChange;
use crate::package::Implementation;

/// Component of a package at the time of locking.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct LockedComponent {
    /// Package.
    pub package: PackageName,
    /// Version of the package; empty if not declared.
    pub version: String,
    /// Path inside the package.
    pub component: String,
    /// Version of the contract.
    pub contract: String,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Requested capabilities.
    pub capabilities: BTreeSet<Capability>,
    /// Selected implementations, with the class that serves each.
    pub serves: BTreeMap<(Category, Identifier), String>,
    /// Selected implementations that joined by `auto_load`.
    pub auto_loaded: BTreeSet<(Category, Identifier)>,
}

impl LockedComponent {
    /// Lists the differences to the current component, as messages.
    pub fn changes(
        &self,
        version: &str,
        digest: Digest,
        capabilities: &BTreeSet<Capability>,
    ) -> Vec<String> {
        let mut changes = Vec::new();
        if self.version != version {
            let [old, new] = [self.version.as_str(), version].map(escape);
            changes.push(format!("version changed from `{old}` to `{new}`"));
        }
        let SetChange { added, removed } = SetChange::between(&self.capabilities, capabilities);
        let names = |capabilities: &[Capability]| {
            let names: Vec<_> = capabilities.iter().map(Capability::to_string).collect();
            escape(&names.join(", ")).into_owned()
        };
        if !added.is_empty() {
            changes.push(format!("newly asks for {}", names(&added)));
        }
        if !removed.is_empty() {
            changes.push(format!("no longer asks for {}", names(&removed)));
        }
        if self.digest != digest {
            changes.push(format!("digest changed from {} to {digest}", self.digest));
        }
        changes
    }

    pub(super) fn change_of_class(&self, one: &Implementation) -> Option<String> {
        let old = self.serves.get(&(one.category, one.identifier.clone()))?;
        change_of_class(&one.key(), &one.class, old)
    }

    /// Lists implementations that another class serves in `new`, as messages.
    pub fn changes_of_class(&self, new: &Self) -> Vec<String> {
        let in_both =
            self.serves.iter().filter_map(|(key, old)| Some((key, old, new.serves.get(key)?)));
        in_both
            .filter_map(|((category, id), old, new)| {
                change_of_class(&format!("{category}/{id}"), new, old)
            })
            .collect()
    }
}

/// Message for an identifier that another class serves.
fn change_of_class(key: &str, new: &str, old: &str) -> Option<String> {
    let [shown_new, shown_old] = [new, old].map(escape);
    (new != old).then(|| format!("class of {key} changed from `{shown_old}` to `{shown_new}`"))
}
