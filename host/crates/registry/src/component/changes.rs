//! Differences between two versions of a component.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::capability::Capability;
use super::info::ComponentInfo;
use super::metadata::Producer;
use super::offers::Offer;
use crate::params::ConfigParam;
use perfbox_model::digest::Digest;

/// Differences between two components, from their bytes. The behavior of their code can
/// differ even if nothing here does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Changes {
    /// Digests; equal for identical components.
    pub digest: Changed<Digest>,
    /// Sizes, in bytes.
    pub size_bytes: Changed<u64>,
    /// Requested capabilities.
    pub capabilities: SetChange<Capability>,
    /// Names of imports.
    pub imports: SetChange<String>,
    /// Names of exports.
    pub exports: SetChange<String>,
    /// Versions of the contract.
    pub contract_versions: SetChange<String>,
    /// Declared implementations with their descriptions, as `category/identifier`. For a
    /// component without declarations, see `exports`.
    pub offers: Vec<Changed<String>>,
    /// Declared parameters, as `category/identifier.parameter`.
    pub params: Vec<Changed<ConfigParam>>,
    /// Metadata by section name.
    pub metadata: Vec<Changed<String>>,
    /// Languages and tools.
    pub producers: SetChange<Producer>,
}

/// Difference of two sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetChange<T> {
    /// Only in the new set.
    pub added: Vec<T>,
    /// Only in the old set.
    pub removed: Vec<T>,
}

/// Change of a named value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed<T> {
    /// Name.
    pub name: String,
    /// Old value; `None` if added.
    pub old: Option<T>,
    /// New value; `None` if removed.
    pub new: Option<T>,
}

impl<T: Ord + Clone> SetChange<T> {
    /// Compares two sets.
    pub fn between(old: &BTreeSet<T>, new: &BTreeSet<T>) -> Self {
        let added = new.difference(old).cloned().collect();
        Self { added, removed: old.difference(new).cloned().collect() }
    }

    /// True for equal sets.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Changes {
    /// Compares an old version with a new one.
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

    /// True for identical components.
    pub fn is_identical(&self) -> bool {
        self.digest.old == self.digest.new
    }

    /// True if only the code differs.
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

/// Changed values, sorted by name.
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

/// Implementations that a component declares; empty if the section is missing or invalid.
fn declared(info: &ComponentInfo) -> Vec<Offer> {
    // The stem is only used for components without declarations.
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
    fn every_difference_is_listed_and_nothing_else() {
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
    fn same_bytes_are_identical_and_other_code_is_not() {
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
