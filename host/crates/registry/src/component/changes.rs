//! What is different in a new version of a component.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::capability::Capability;
use super::info::ComponentInfo;
use super::metadata::Producer;
use super::offers::Offer;
use crate::params::ConfigParam;
use perfbox_model::digest::Digest;

/// The differences between two components, as far as their bytes show them without
/// being run. What their code does may differ though nothing here does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Changes {
    /// The digests; the same one twice for one and the same component.
    pub digest: Changed<Digest>,
    /// The sizes, in bytes.
    pub size_bytes: Changed<u64>,
    /// What it asks for.
    pub capabilities: SetChange<Capability>,
    /// The names of its imports.
    pub imports: SetChange<String>,
    /// The names of its exports.
    pub exports: SetChange<String>,
    /// The versions of the contract that it is built for.
    pub contract_versions: SetChange<String>,
    /// Implementations that it declares, by category and identifier, with their
    /// descriptions. Of a component that declares none, the exports show them.
    pub offers: Vec<Changed<String>>,
    /// Parameters that it declares, as `category/identifier.parameter`.
    pub params: Vec<Changed<ConfigParam>>,
    /// What it says about itself, by the names of the sections.
    pub metadata: Vec<Changed<String>>,
    /// The languages it is written in and the tools that made it.
    pub producers: SetChange<Producer>,
}

/// What is in only one of two sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetChange<T> {
    /// Only in the new one.
    pub added: Vec<T>,
    /// Only in the old one.
    pub removed: Vec<T>,
}

/// Something that has a name, and is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed<T> {
    /// Its name.
    pub name: String,
    /// As it was; none: it was not there.
    pub old: Option<T>,
    /// As it is; none: it is gone.
    pub new: Option<T>,
}

impl<T: Ord + Clone> SetChange<T> {
    /// What is in only one of these.
    pub fn between(old: &BTreeSet<T>, new: &BTreeSet<T>) -> Self {
        let added = new.difference(old).cloned().collect();
        Self { added, removed: old.difference(new).cloned().collect() }
    }

    /// True where both are the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Changes {
    /// From an old version to a new one.
    pub fn between(old: &ComponentInfo, new: &ComponentInfo) -> Self {
        let producers = |info: &ComponentInfo| info.metadata.producers.iter().cloned().collect();
        Self {
            digest: changed("digest", old.digest, new.digest),
            size_bytes: changed("size_bytes", old.size_bytes, new.size_bytes),
            capabilities: SetChange::between(&old.capabilities, &new.capabilities),
            imports: SetChange::between(&old.imports, &new.imports),
            exports: SetChange::between(&old.exports, &new.exports),
            contract_versions: SetChange::between(&old.contract_versions, &new.contract_versions),
            offers: changes(descriptions(old), descriptions(new)),
            params: changes(params(old), params(new)),
            metadata: changes(texts(old), texts(new)),
            producers: SetChange::between(&producers(old), &producers(new)),
        }
    }

    /// True for one and the same component.
    pub fn is_identical(&self) -> bool {
        self.digest.old == self.digest.new
    }

    /// True where nothing differs but the code.
    pub fn is_code_only(&self) -> bool {
        let sets = [&self.imports, &self.exports, &self.contract_versions];
        !self.is_identical()
            && self.capabilities.is_empty()
            && sets.iter().all(|one| one.is_empty())
            && self.producers.is_empty()
            && [&self.offers, &self.metadata].iter().all(|one| one.is_empty())
            && self.params.is_empty()
    }
}

fn changed<T>(name: &str, old: T, new: T) -> Changed<T> {
    Changed { name: name.to_owned(), old: Some(old), new: Some(new) }
}

/// By name, in its order.
fn changes<T: PartialEq>(
    mut old: BTreeMap<String, T>,
    mut new: BTreeMap<String, T>,
) -> Vec<Changed<T>> {
    let names: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    let both = names.into_iter().map(|name| {
        let (old, new) = (old.remove(&name), new.remove(&name));
        Changed { name, old, new }
    });
    both.filter(|one| one.old != one.new).collect()
}

/// What a component declares that it offers; nothing where that cannot be read.
fn declared(info: &ComponentInfo) -> Vec<Offer> {
    // The name is for those that declare nothing.
    let offers = info.declares_offers().then(|| info.offers("undeclared"));
    offers.and_then(Result::ok).unwrap_or_default()
}

fn descriptions(info: &ComponentInfo) -> BTreeMap<String, String> {
    declared(info).into_iter().map(|one| (one.key(), one.description)).collect()
}

fn params(info: &ComponentInfo) -> BTreeMap<String, ConfigParam> {
    let offers = declared(info).into_iter();
    offers
        .flat_map(|one| {
            let key = one.key();
            let params = one.params.unwrap_or_default().into_iter();
            params.map(move |param| (format!("{key}.{}", param.name), param))
        })
        .collect()
}

fn texts(info: &ComponentInfo) -> BTreeMap<String, String> {
    info.metadata.texts().map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{CONTRACT_PACKAGE, CONTRACT_VERSION};

    fn component(imports: &[&str], params: &str, version: &str) -> ComponentInfo {
        let offers = format!(
            r#"{{"contract": "{CONTRACT_PACKAGE}@{CONTRACT_VERSION}", "implementations": [{{"category":
            "post_processor", "class": "slow", "description": "d", "config_params": [{params}]}}]}}"#
        );
        let imports: String =
            imports.iter().map(|name| format!("(import {name:?} (instance))")).collect();
        let text = format!(
            "(component {imports} (@custom \"perfbox:offers\" {offers:?}) \
             (@custom \"version\" {version:?}))"
        );
        ComponentInfo::read(&wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn every_difference_is_told_and_nothing_else() {
        let old = component(
            &["wasi:clocks/wall-clock@0.2.0", "wasi:io/poll@0.2.0"],
            r#"{"name": "limit", "type": "int", "default": 1}, {"name": "gone", "type": "bool"}"#,
            "1.0.0",
        );
        let new = component(
            &["wasi:sockets/tcp@0.2.0", "wasi:io/poll@0.2.0"],
            r#"{"name": "limit", "type": "int", "default": 2}, {"name": "added", "type": "bool"}"#,
            "1.1.0",
        );
        let changes = Changes::between(&old, &new);
        assert!(!changes.is_identical() && !changes.is_code_only());
        assert_eq!(
            changes.capabilities,
            SetChange { added: vec![Capability::Sockets], removed: vec![Capability::Clocks] }
        );
        assert_eq!(changes.imports.added, ["wasi:sockets/tcp@0.2.0"]);
        assert_eq!(changes.imports.removed, ["wasi:clocks/wall-clock@0.2.0"]);
        assert!(changes.exports.is_empty() && changes.offers.is_empty());
        let params: Vec<_> = changes
            .params
            .iter()
            .map(|one| (one.name.as_str(), one.old.is_some(), one.new.is_some()))
            .collect();
        assert_eq!(
            params,
            [
                ("post_processor/slow.added", false, true),
                ("post_processor/slow.gone", true, false),
                ("post_processor/slow.limit", true, true),
            ]
        );
        assert_eq!(changes.metadata, [changed("version", "1.0.0".to_owned(), "1.1.0".to_owned())]);
    }

    #[test]
    fn the_same_bytes_are_identical_and_other_code_is_not() {
        let one = component(&[], "", "1");
        let same = Changes::between(&one, &one);
        assert!(same.is_identical() && !same.is_code_only());
        let code = |code: &str| {
            let text = format!("(component (core module (func {code})))");
            ComponentInfo::read(&wat::parse_str(text).unwrap()).unwrap()
        };
        let other = Changes::between(&code(""), &code("nop"));
        assert!(other.is_code_only() && !other.is_identical());
        assert_eq!(other.size_bytes.new.unwrap() - other.size_bytes.old.unwrap(), 1);
    }
}
