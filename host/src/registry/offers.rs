//! What a bare component offers, read by parsing the file: nothing is compiled or run.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use wasmparser::{Parser, Payload};

use super::params::{ConfigParam, ParamType};
use crate::escape;
use crate::names::{Category, Identifier};

/// The custom section that the guest SDK writes.
const SECTION: &str = "perfbox:offers";

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
    kind: ParamType,
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

fn parse_section(json: &[u8]) -> Result<Vec<Offer>, String> {
    let broken = |error: String| format!("has a broken `{SECTION}` section: {}", escape(&error));
    let raw: RawOffers = serde_json::from_slice(json).map_err(|error| broken(error.to_string()))?;
    let offer = |raw: RawOffer| {
        let param = |raw: RawParam| ConfigParam {
            name: raw.name,
            kind: raw.kind,
            required: raw.default.is_none(),
            default: raw.default,
            description: raw.description,
        };
        Ok(Offer {
            category: raw
                .category
                .parse()
                .map_err(|e: crate::InvalidName| broken(e.to_string()))?,
            identifier: raw.class.parse().map_err(|e: crate::InvalidName| broken(e.to_string()))?,
            class: raw.class,
            description: raw.description,
            params: Some(raw.config_params.into_iter().map(param).collect()),
        })
    };
    raw.implementations.into_iter().map(offer).collect()
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
        let words = parse_section(br#"{"implementations": [{"category": "nonsense", "class": "x", "config_params": []}]}"#);
        assert_eq!(
            words.unwrap_err(),
            "has a broken `perfbox:offers` section: `nonsense` is not a valid category; \
             the categories are phase_hook and post_processor"
        );
    }
}
