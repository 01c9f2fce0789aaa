//! Implementations of a component, from its custom section or its exports.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::Deserialize;
use serde_json::Value;

use crate::contract::{CONTRACT_PACKAGE, CONTRACT_VERSION, built_for_another, is_compatible};
use crate::params::{ConfigParam, Declaration};
use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, InvalidName};

/// Custom section written by the guest SDK.
pub(super) const SECTION: &str = "perfbox:offers";

/// Maximum size of the section, in bytes.
const SECTION_MAX_BYTES: usize = 256 * 1024;

/// Implementation offered by a component.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Offer {
    /// Category.
    pub category: Category,
    /// Name for selection.
    pub identifier: Identifier,
    /// Name of the implementation inside the component.
    pub class: String,
    /// Description.
    pub description: String,
    /// Parameters; `None` if not declared, which accepts any.
    pub params: Option<Vec<ConfigParam>>,
}

impl Offer {
    /// Name for users, as `CATEGORY/ID`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.category, self.identifier)
    }
}

#[derive(Deserialize)]
struct RawOffers {
    #[allow(dead_code, reason = "checked first, by `ContractOnly`")]
    contract: String,
    implementations: Vec<RawOffer>,
}

#[derive(Deserialize)]
struct RawOffer {
    category: String,
    class: String,
    #[serde(default)]
    description: String,
    config_params: Vec<RawParam>,
}

#[derive(Deserialize)]
struct RawParam {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    default: Option<Value>,
    #[serde(default)]
    description: String,
}

/// One implementation for each category, with `stem` as identifier.
///
/// # Errors
/// A message if there are no categories or `stem` is not an identifier.
pub(super) fn by_interface(
    categories: &BTreeSet<Category>,
    stem: &str,
) -> Result<Vec<Offer>, String> {
    if categories.is_empty() {
        let interfaces = Category::ALL.map(Category::interface).join(", ");
        return Err(format!(
            "exports none of the interfaces {interfaces}; see the worlds in `wit/worlds.wit`"
        ));
    }
    let identifier: Identifier = stem.parse().map_err(|error: InvalidName| error.to_string())?;
    let offer = |category: &Category| Offer {
        category: *category,
        identifier: identifier.clone(),
        class: identifier.as_str().to_owned(),
        description: String::new(),
        params: None,
    };
    Ok(categories.iter().map(offer).collect())
}

/// First part to parse: another contract explains other errors.
#[derive(Deserialize)]
struct ContractOnly {
    contract: Option<String>,
}

/// Parses a section of offers.
///
/// # Errors
/// A message for an invalid section.
pub(super) fn parse_section(json: &[u8]) -> Result<Vec<Offer>, String> {
    let invalid = |error: &dyn Display| {
        format!("has an invalid `{SECTION}` section: {}", escape(&error.to_string()))
    };
    if json.len() > SECTION_MAX_BYTES {
        return Err(invalid(&format!("larger than {} KiB", SECTION_MAX_BYTES >> 10)));
    }
    let contract: ContractOnly = serde_json::from_slice(json).map_err(|error| invalid(&error))?;
    if let Some(contract) = &contract.contract {
        check_contract(contract).map_err(|error| match error {
            RefusedContract::Malformed => invalid(&format!(
                "invalid contract `{contract}`; use {CONTRACT_PACKAGE}@{CONTRACT_VERSION}"
            )),
            RefusedContract::Other(version) => format!("is {}", built_for_another(version)),
        })?;
    }
    let raw: RawOffers = serde_json::from_slice(json).map_err(|error| invalid(&error))?;
    let mut offers: Vec<Offer> = Vec::new();
    for raw in raw.implementations {
        let offer = check_offer(raw).map_err(|error| invalid(&error))?;
        let is_same = |known: &Offer| {
            (known.category, &known.identifier) == (offer.category, &offer.identifier)
        };
        if offers.iter().any(is_same) {
            let duplicate = format!("{} is offered twice", offer.key());
            return Err(invalid(&duplicate));
        }
        offers.push(offer);
    }
    if offers.is_empty() {
        return Err(format!(
            "offers no implementations: its `{SECTION}` section is empty; add one to \
             perfbox_guest::export!"
        ));
    }
    Ok(offers)
}

/// Reason why the contract of a section is refused.
enum RefusedContract<'c> {
    Malformed,
    Other(&'c str),
}

fn check_contract(contract: &str) -> Result<(), RefusedContract<'_>> {
    let version = contract.strip_prefix(CONTRACT_PACKAGE).and_then(|rest| rest.strip_prefix('@'));
    match version {
        None => Err(RefusedContract::Malformed),
        Some(version) if !is_compatible(version) => Err(RefusedContract::Other(version)),
        Some(_) => Ok(()),
    }
}

fn check_offer(raw: RawOffer) -> Result<Offer, String> {
    let mut params = Vec::new();
    for RawParam { name, kind, default, description } in raw.config_params {
        let declaration =
            Declaration { name, kind, default, description, ..Declaration::default() };
        ConfigParam::declared(declaration)?.add_to(&mut params)?;
    }
    Ok(Offer {
        category: raw.category.parse().map_err(|error: InvalidName| error.to_string())?,
        identifier: raw.class.parse().map_err(|error: InvalidName| error.to_string())?,
        class: raw.class,
        description: raw.description,
        params: Some(params),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section with these implementations, built for this host's contract.
    fn section(implementations: &str) -> String {
        let contract = format!("{CONTRACT_PACKAGE}@{CONTRACT_VERSION}");
        format!(r#"{{"contract": "{contract}", "implementations": [{implementations}]}}"#)
    }

    #[test]
    fn section_is_parsed_with_parameters() {
        let offers = parse_section(section(
            r#"{"category": "post_processor", "class": "slow", "description": "d",
                "config_params": [{"name": "limit", "type": "float", "default": 2.5, "description": "ms"}]}"#,
        ).as_bytes()).unwrap();
        assert_eq!(offers[0].identifier.as_str(), "slow");
        assert_eq!(offers[0].params.as_ref().unwrap()[0].default, Some(2.5.into()));
    }

    #[test]
    fn section_is_checked_like_a_manifest() {
        let offer = |category: &str, param: &str| {
            format!(r#"{{"category": "{category}", "class": "x", "config_params": [{param}]}}"#)
        };
        let hook = |param: &str| offer("phase_hook", param);
        let plain = hook("");
        let limit = r#"{"name": "limit", "type": "int", "default": 1}"#;
        for (offers, message) in [
            (
                offer("nonsense", ""),
                "invalid category `nonsense`; use one of phase_hook, post_processor",
            ),
            (format!("{plain}, {plain}"), "phase_hook/x is offered twice"),
            (hook(&format!("{limit}, {limit}")), "parameter `limit` is declared twice"),
            (
                hook(r#"{"name": "a\u001b[31m", "type": "int"}"#),
                "invalid parameter name `a\\u{1b}[31m`; use at most 64 of a-z, 0-9, _ and -, starting with a letter or digit",
            ),
            (
                hook(r#"{"name": "limit", "type": "int", "default": "many"}"#),
                "default of parameter `limit` is not of type int: \"many\"",
            ),
        ] {
            let json = section(&offers);
            let expected = format!("has an invalid `perfbox:offers` section: {message}");
            assert_eq!(parse_section(json.as_bytes()).unwrap_err(), expected);
        }
        let large = parse_section(" ".repeat(SECTION_MAX_BYTES + 1).as_bytes());
        assert!(large.unwrap_err().ends_with("larger than 256 KiB"));
        let none = parse_section(section("").as_bytes());
        assert!(none.unwrap_err().starts_with("offers no implementations: "));
        // A hook and a processor may have the same name.
        let both = format!("{plain}, {}", offer("post_processor", limit));
        assert_eq!(parse_section(section(&both).as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn section_for_another_contract_is_refused_before_other_errors() {
        let message = |json: &str| parse_section(json.as_bytes()).unwrap_err();
        assert_eq!(
            message(r#"{"contract": "perfbox:plugin@99.0.0", "exporters": []}"#),
            format!("is {}", built_for_another("99.0.0"))
        );
        assert_eq!(
            message(r#"{"contract": "acme:plugin@0.2.0", "implementations": []}"#),
            format!(
                "has an invalid `perfbox:offers` section: invalid contract `acme:plugin@0.2.0`; \
                 use {CONTRACT_PACKAGE}@{CONTRACT_VERSION}"
            )
        );
        assert!(message(r#"{"implementations": []}"#).contains("missing field `contract`"));
    }
}
