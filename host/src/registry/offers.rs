//! What a bare component offers, read by parsing the file: nothing is compiled or run.

use std::collections::BTreeSet;
use std::fmt::Display;

use serde::Deserialize;
use serde_json::Value;
use wasmparser::{Parser, Payload};

use super::params::{ConfigParam, Declaration};
use crate::escape;
use crate::loader::{CONTRACT_VERSION, built_for_another, is_compatible};
use crate::names::{Category, Identifier, InvalidName};

/// The custom section that the guest SDK writes.
const SECTION: &str = "perfbox:offers";

/// The contract, as the section names it, without version.
const CONTRACT: &str = "perfbox:plugin";

/// One implementation of a bare component.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offer {
    pub(crate) category: Category,
    pub(crate) identifier: Identifier,
    pub(crate) class: String,
    pub(crate) description: String,
    /// None: not declared.
    pub(crate) params: Option<Vec<ConfigParam>>,
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

/// The offers in a component's bytes: what its section says or, without one, one
/// implementation for each interface that it exports, named by `stem`.
///
/// # Errors
/// Why the file offers nothing, in words.
pub(crate) fn read_offers(bytes: &[u8], stem: &str) -> Result<Vec<Offer>, String> {
    if let Some(reason) = crate::files::not_a_component(bytes) {
        return Err(format!("{reason}; build it for wasm32-wasip2"));
    }
    let mut exported = BTreeSet::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| {
            format!("is not a WebAssembly component: {}", escape(error.message()))
        })?;
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if section.name() == SECTION => {
                return parse_section(section.data());
            }
            Payload::ComponentExportSection(exports) if depth == 1 => {
                for export in exports {
                    let export = export.map_err(|error| escape(error.message()).into_owned())?;
                    let interface = export.name.name.split('@').next().unwrap_or_default();
                    exported
                        .extend(Category::ALL.into_iter().filter(|c| c.interface() == interface));
                }
            }
            _ => {}
        }
    }
    if exported.is_empty() {
        let interfaces = Category::ALL.map(Category::interface).join(" nor ");
        return Err(format!("exports neither {interfaces}; see the worlds in `wit/worlds.wit`"));
    }
    let identifier: Identifier =
        stem.parse().map_err(|error: crate::InvalidName| error.to_string())?;
    let offer = |category| Offer {
        category,
        identifier: identifier.clone(),
        class: identifier.as_str().to_owned(),
        description: String::new(),
        params: None,
    };
    Ok(exported.into_iter().map(offer).collect())
}

/// Reads only as much as tells whether the rest can be understood.
#[derive(Deserialize)]
struct ContractOnly {
    contract: Option<String>,
}

fn parse_section(json: &[u8]) -> Result<Vec<Offer>, String> {
    let broken = |error: &dyn Display| {
        format!("has a broken `{SECTION}` section: {}", escape(&error.to_string()))
    };
    let contract: ContractOnly = serde_json::from_slice(json).map_err(|error| broken(&error))?;
    if let Some(contract) = &contract.contract {
        check_contract(contract).map_err(|error| match error {
            Contract::Malformed => broken(&format!(
                "`{contract}` is not a contract, for example {CONTRACT}@{CONTRACT_VERSION}"
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
            let twice = format!("{}/{} is offered twice", offer.category, offer.identifier);
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
    let version = contract.strip_prefix(CONTRACT).and_then(|rest| rest.strip_prefix('@'));
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

    #[test]
    fn what_is_not_a_component_is_said_so() {
        let core_module = b"\0asm\x01\0\0\0";
        let words = read_offers(core_module, "x").unwrap_err();
        assert!(words.contains("core WebAssembly module"), "{words}");
        let words = read_offers(b"plain text", "x").unwrap_err();
        assert!(words.starts_with("is not a WebAssembly component"), "{words}");
        let empty_component = b"\0asm\x0d\0\x01\0";
        let words = read_offers(empty_component, "x").unwrap_err();
        assert_eq!(
            words,
            "exports neither perfbox:plugin/phase-hook nor perfbox:plugin/post-processor; \
             see the worlds in `wit/worlds.wit`"
        );
    }

    #[test]
    fn a_section_is_read_with_its_parameters() {
        let json = br#"{"contract": "perfbox:plugin@0.1.0", "implementations": [
            {"category": "post_processor", "class": "slow", "description": "d",
             "config_params": [{"name": "limit", "type": "float", "default": 2.5, "description": "ms"}]}]}"#;
        let offers = parse_section(json).unwrap();
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
            let json =
                format!(r#"{{"contract": "perfbox:plugin@0.1.0", "implementations": [{offers}]}}"#);
            let expected = format!("has a broken `perfbox:offers` section: {words}");
            assert_eq!(parse_section(json.as_bytes()).unwrap_err(), expected);
        }
        let none = parse_section(br#"{"contract": "perfbox:plugin@0.1.3", "implementations": []}"#);
        assert!(none.unwrap_err().starts_with("offers nothing: "));
        // One name for a hook and a processor is no name twice.
        let both = format!("{plain}, {}", offer("post_processor", limit));
        let json =
            format!(r#"{{"contract": "perfbox:plugin@0.1.0", "implementations": [{both}]}}"#);
        assert_eq!(parse_section(json.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn a_section_for_another_contract_is_refused_whatever_else_it_says() {
        let words = |json: &str| parse_section(json.as_bytes()).unwrap_err();
        assert_eq!(
            words(r#"{"contract": "perfbox:plugin@0.2.0", "exporters": []}"#),
            "is built for version 0.2.0 of the contract, and this perfbox speaks 0.1.0; \
             build it with a perfbox-guest of that version"
        );
        assert_eq!(
            words(r#"{"contract": "acme:plugin@0.1.0", "implementations": []}"#),
            "has a broken `perfbox:offers` section: `acme:plugin@0.1.0` is not a contract, \
             for example perfbox:plugin@0.1.0"
        );
        assert!(words(r#"{"implementations": []}"#).contains("missing field `contract`"));
    }
}
