//! One component in a lock.

use std::collections::{BTreeMap, BTreeSet};

use perfbox_model::digest::Digest;
use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, PackageName};

use crate::component::capability::Capability;
use crate::component::changes::SetChange;
use crate::package::Implementation;

/// A component of a package, as it was when the lock was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct LockedComponent {
    /// The package that it belongs to.
    pub package: PackageName,
    /// The package's version; empty where it did not say.
    pub version: String,
    /// Its place in the package.
    pub component: String,
    /// The contract's version that it is built for.
    pub contract: String,
    /// Its bytes.
    pub digest: Digest,
    /// What it asks for.
    pub capabilities: BTreeSet<Capability>,
    /// What it was selected for, and by which of its classes each is served.
    pub serves: BTreeMap<(Category, Identifier), String>,
    /// Which of these nobody named: they joined, as the manifest said auto_load.
    pub auto_loaded: BTreeSet<(Category, Identifier)>,
}

impl LockedComponent {
    /// What is different in what is there now, in words.
    pub fn changes(
        &self,
        version: &str,
        digest: Digest,
        capabilities: &BTreeSet<Capability>,
    ) -> Vec<String> {
        let mut changes = Vec::new();
        if self.version != version {
            let [old, new] = [self.version.as_str(), version].map(escape);
            changes.push(format!("its version is `{new}`, it was `{old}`"));
        }
        let SetChange { added, removed } = SetChange::between(&self.capabilities, capabilities);
        let words = |capabilities: &[Capability]| {
            let words: Vec<_> = capabilities.iter().map(Capability::to_string).collect();
            escape(&words.join(", ")).into_owned()
        };
        if !added.is_empty() {
            changes.push(format!("it asks for {}, which it did not", words(&added)));
        }
        if !removed.is_empty() {
            changes.push(format!("it does not ask for {} any more", words(&removed)));
        }
        if self.digest != digest {
            changes.push(format!("its digest is {digest}, it was {}", self.digest));
        }
        changes
    }

    pub(super) fn change_of_class(&self, one: &Implementation) -> Option<String> {
        let old = self.serves.get(&(one.category, one.identifier.clone()))?;
        change_of_class(&one.key(), &one.class, old)
    }

    /// What another class serves in `new`, in words.
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

/// The words for an identifier that another class now serves.
fn change_of_class(key: &str, new: &str, old: &str) -> Option<String> {
    let [shown_new, shown_old] = [new, old].map(escape);
    (new != old).then(|| format!("the class of {key} is `{shown_new}`, it was `{shown_old}`"))
}
