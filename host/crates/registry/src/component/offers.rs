//! Which implementations are in a component: what its custom section says, or what its
//! exports show.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::Deserialize;
use serde_json::Value;

use crate::contract::{CONTRACT_PACKAGE, CONTRACT_VERSION, built_for_another, is_compatible};
use crate::params::{ConfigParam, Declaration};
use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, InvalidName};

/// The custom section that the guest SDK writes.
pub(super) const SECTION: &str = "perfbox:offers";

/// Largest section that is read, in bytes.
const SECTION_MAX_BYTES: usize = 256 * 1024;

/// One implementation in a component.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Offer {
    /// What it is for.
    pub category: Category,
    /// What users select it by.
    pub identifier: Identifier,
    /// Which of the component's implementations.
    pub class: String,
    /// For people.
    pub description: String,
    /// Its parameters; none: not declared, anything goes.
    pub params: Option<Vec<ConfigParam>>,
}

impl Offer {
    /// Category and identifier, as users write them.
    pub fn key(&self) -> String {
        format!("{}/{}", self.category, self.identifier)
    }
}

#[derive(Deserialize)]
struct RawOffers {
    #[allow(dead_code, reason = "looked at by `ContractOnly`, before anything else is believed")]
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

/// One implementation for each of these categories, named by `stem`.
///
/// # Errors
/// When there are none, or `stem` is no identifier, in words.
pub(super) fn by_interface(
    categories: &BTreeSet<Category>,
    stem: &str,
) -> Result<Vec<Offer>, String> {
    if categories.is_empty() {
        let interfaces = Category::ALL.map(Category::interface).join(" nor ");
        return Err(format!("exports neither {interfaces}; see the worlds in `wit/worlds.wit`"));
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

/// Reads only as much as tells whether the rest can be understood.
#[derive(Deserialize)]
struct ContractOnly {
    contract: Option<String>,
}

/// What a section of offers says.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn parse_section(json: &[u8]) -> Result<Vec<Offer>, String> {
    let broken = |error: &dyn Display| {
        format!("has a broken `{SECTION}` section: {}", escape(&error.to_string()))
    };
    if json.len() > SECTION_MAX_BYTES {
        return Err(broken(&format!("it has more than {} KiB", SECTION_MAX_BYTES >> 10)));
    }
    let contract: ContractOnly = serde_json::from_slice(json).map_err(|error| broken(&error))?;
    if let Some(contract) = &contract.contract {
        check_contract(contract).map_err(|error| match error {
            Contract::Malformed => broken(&format!(
                "`{contract}` is not a contract, for example {CONTRACT_PACKAGE}@{CONTRACT_VERSION}"
            )),
            Contract::Other(version) => format!("is {}", built_for_another(version)),
        })?;
    }
    let raw: RawOffers = serde_json::from_slice(json).map_err(|error| broken(&error))?;
    let mut offers: Vec<Offer> = Vec::new();
    for raw in raw.implementations {
        let offer = check_offer(raw).map_err(|error| broken(&error))?;
        let is_same = |known: &Offer| {
            (known.category, &known.identifier) == (offer.category, &offer.identifier)
        };
        if offers.iter().any(is_same) {
            let twice = format!("{} is offered twice", offer.key());
            return Err(broken(&twice));
        }
        offers.push(offer);
    }
    if offers.is_empty() {
        return Err(format!(
            "offers nothing: its `{SECTION}` section names no implementation; name one in \
             perfbox_guest::export!"
        ));
    }
    Ok(offers)
}

/// Why a section's contract is not this host's.
enum Contract<'c> {
    Malformed,
    Other(&'c str),
}

fn check_contract(contract: &str) -> Result<(), Contract<'_>> {
    let version = contract.strip_prefix(CONTRACT_PACKAGE).and_then(|rest| rest.strip_prefix('@'));
    match version {
        None => Err(Contract::Malformed),
        Some(version) if !is_compatible(version) => Err(Contract::Other(version)),
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
    fn a_section_is_read_with_its_parameters() {
        let offers = parse_section(section(
            r#"{"category": "post_processor", "class": "slow", "description": "d",
                "config_params": [{"name": "limit", "type": "float", "default": 2.5, "description": "ms"}]}"#,
        ).as_bytes()).unwrap();
        assert_eq!(offers[0].identifier.as_str(), "slow");
        assert_eq!(offers[0].params.as_ref().unwrap()[0].default, Some(2.5.into()));
    }

    #[test]
    fn a_section_is_checked_as_a_manifest_is() {
        let offer = |category: &str, param: &str| {
            format!(r#"{{"category": "{category}", "class": "x", "config_params": [{param}]}}"#)
        };
        let hook = |param: &str| offer("phase_hook", param);
        let plain = hook("");
        let limit = r#"{"name": "limit", "type": "int", "default": 1}"#;
        for (offers, words) in [
            (
                offer("nonsense", ""),
                "`nonsense` is not a valid category; the categories are phase_hook and post_processor",
            ),
            (format!("{plain}, {plain}"), "phase_hook/x is offered twice"),
            (hook(&format!("{limit}, {limit}")), "parameter `limit` is declared twice"),
            (
                hook(r#"{"name": "a\u001b[31m", "type": "int"}"#),
                "`a\\u{1b}[31m` is not a valid parameter name; use a-z, 0-9, _ and -, at most 64, the first a letter or digit",
            ),
            (
                hook(r#"{"name": "limit", "type": "int", "default": "many"}"#),
                "the default of parameter `limit` is not of its type, int: \"many\"",
            ),
        ] {
            let json = section(&offers);
            let expected = format!("has a broken `perfbox:offers` section: {words}");
            assert_eq!(parse_section(json.as_bytes()).unwrap_err(), expected);
        }
        let large = parse_section(" ".repeat(SECTION_MAX_BYTES + 1).as_bytes());
        assert!(large.unwrap_err().ends_with("it has more than 256 KiB"));
        let none = parse_section(section("").as_bytes());
        assert!(none.unwrap_err().starts_with("offers nothing: "));
        // One name for a hook and a processor is no name twice.
        let both = format!("{plain}, {}", offer("post_processor", limit));
        assert_eq!(parse_section(section(&both).as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_section_for_another_contract_is_refused_whatever_else_it_says() {
        let words = |json: &str| parse_section(json.as_bytes()).unwrap_err();
        assert_eq!(
            words(r#"{"contract": "perfbox:plugin@99.0.0", "exporters": []}"#),
            format!("is {}", built_for_another("99.0.0"))
        );
        assert_eq!(
            words(r#"{"contract": "acme:plugin@0.1.0", "implementations": []}"#),
            format!(
                "has a broken `perfbox:offers` section: `acme:plugin@0.1.0` is not a contract, \
                 for example {CONTRACT_PACKAGE}@{CONTRACT_VERSION}"
            )
        );
        assert!(words(r#"{"implementations": []}"#).contains("missing field `contract`"));
    }
}
