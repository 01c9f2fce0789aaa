//! `perfbox plugins diff`: what a new version of a component asks for and offers that
//! the old one did not.

use std::path::PathBuf;

use clap::Args;
use perfbox::component::{Changed, Changes, ComponentInfo, Producer, SetChange};
use perfbox::registry::ConfigParam;
use perfbox::report::{Align, in_columns};
use perfbox::{Digest, escape};
use serde_json::{Value, json};

use super::inspect::{capability_row, indented, producer_words, size};
use super::show::param_json;
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
The files are parsed: nothing in them is compiled or run. The exit status is 0
whether they differ or not, and 2 when one of them is no component.

The JSON is an object of is_identical and:
  old, new                         each with file, size_bytes and digest
  abilities, imports, exports,
  contract_versions, producers     each with what is added and what is removed
  offers, parameters, metadata     lists of name, old and new; null: not there

Examples:
  perfbox plugins diff acme-1.0.wasm acme-1.1.wasm
  perfbox plugins diff old.wasm new.wasm --json | jq -e '.abilities.added == []'")]
pub(crate) struct DiffArgs {
    /// The component as it was.
    #[arg(value_name = "OLD.wasm")]
    old: PathBuf,

    /// The component as it is.
    #[arg(value_name = "NEW.wasm")]
    new: PathBuf,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl DiffArgs {
    /// What to print on standard output.
    pub(super) fn run(&self) -> Result<String, Failed> {
        let old = ComponentInfo::read_file(&self.old).usage()?;
        let new = ComponentInfo::read_file(&self.new).usage()?;
        let changes = Changes::between(&old, &new);
        Ok(match self.json {
            true => self.as_json(&changes),
            false => self.as_text(&changes),
        })
    }

    fn as_text(&self, changes: &Changes) -> String {
        let (old, new) = (self.old.to_string_lossy(), self.new.to_string_lossy());
        if changes.is_identical() {
            let digest = changes.digest.old.map(|one| one.to_string()).unwrap_or_default();
            return format!("{} and {} are identical: {digest}\n", escape(&old), escape(&new));
        }
        let side = |name: &str, file: &str, digest: Option<Digest>, bytes: Option<u64>| {
            let digest = digest.map(|one| one.to_string()).unwrap_or_default();
            let file = escape(file).into_owned();
            vec![name.to_owned(), file, digest, size(bytes.unwrap_or_default())]
        };
        let sides = [
            side("old", &old, changes.digest.old, changes.size_bytes.old),
            side("new", &new, changes.digest.new, changes.size_bytes.new),
        ];
        let mut text = in_columns(&sides, &[Align::Left]);
        if changes.is_code_only() {
            text.push_str("\nOnly the code differs: it asks for, offers and says the same.\n");
            return text;
        }
        let abilities = signed(&changes.capabilities, capability_row);
        match abilities.is_empty() {
            true => text.push_str("\nAsks for: the same\n"),
            false => text.push_str(&section("Asks for", abilities)),
        }
        let name = |name: &String| vec![escape(name).into_owned()];
        let producer = |one: &Producer| vec![producer_words(one)];
        let plain = |text: &String| escape(text).into_owned();
        for (title, rows) in [
            ("Imports", signed(&changes.imports, name)),
            ("Exports", signed(&changes.exports, name)),
            ("Contract", signed(&changes.contract_versions, name)),
            ("Offers", changed(&changes.offers, plain)),
            ("Parameters", changed(&params_in_words(&changes.params), plain)),
            ("Says of itself", changed(&changes.metadata, plain)),
            ("Made with", signed(&changes.producers, producer)),
        ] {
            if !rows.is_empty() {
                text.push_str(&section(title, rows));
            }
        }
        text
    }

    fn as_json(&self, changes: &Changes) -> String {
        let side = |file: &PathBuf, bytes: Option<u64>, digest: Option<Digest>| json!({"file": file.to_string_lossy(), "size_bytes": bytes, "digest": digest});
        let params = changes.params.iter().map(|Changed { name, old, new }| {
            json!({
                "name": name,
                "old": old.as_ref().map(param_json),
                "new": new.as_ref().map(param_json),
            })
        });
        let diff = json!({
            "is_identical": changes.is_identical(),
            "old": side(&self.old, changes.size_bytes.old, changes.digest.old),
            "new": side(&self.new, changes.size_bytes.new, changes.digest.new),
            "abilities": changes.capabilities,
            "imports": changes.imports,
            "exports": changes.exports,
            "contract_versions": changes.contract_versions,
            "offers": changes.offers,
            "parameters": params.collect::<Vec<Value>>(),
            "metadata": changes.metadata,
            "producers": changes.producers,
        });
        format!("{diff:#}\n")
    }
}

fn section(title: &str, rows: Vec<Vec<String>>) -> String {
    format!("\n{title}:\n{}", indented(rows.into_iter()))
}

/// `+` in front of what is only in the new one, `-` of what is only in the old one.
fn signed<T>(change: &SetChange<T>, row: impl Fn(&T) -> Vec<String>) -> Vec<Vec<String>> {
    let signed = |sign: &str, one: &T| [vec![sign.to_owned()], row(one)].concat();
    let added = change.added.iter().map(|one| signed("+", one));
    added.chain(change.removed.iter().map(|one| signed("-", one))).collect()
}

/// The same for what has a name, and `~` for what is there as before, but otherwise.
fn changed<T>(changes: &[Changed<T>], words: impl Fn(&T) -> String) -> Vec<Vec<String>> {
    let row = |Changed { name, old, new }: &Changed<T>| {
        let (sign, words) = match (old.as_ref().map(&words), new.as_ref().map(&words)) {
            (None, new) => ("+", new.unwrap_or_default()),
            (Some(old), None) => ("-", old),
            (Some(old), Some(new)) => ("~", format!("{old} -> {new}")),
        };
        vec![sign.to_owned(), name.clone(), words]
    };
    changes.iter().map(row).collect()
}

/// Parameters as text; with the description where nothing else tells old from new.
fn params_in_words(changes: &[Changed<ConfigParam>]) -> Vec<Changed<String>> {
    let described = |param: &ConfigParam| match param.description.is_empty() {
        true => param_words(param),
        false => format!("{}  {}", param_words(param), param.description),
    };
    let change = |Changed { name, old, new }: &Changed<ConfigParam>| {
        let words = [old, new].map(|one| one.as_ref().map(param_words));
        let [old, new] = match &words {
            [Some(old), Some(new)] if old != new => words,
            _ => [old, new].map(|one| one.as_ref().map(described)),
        };
        Changed { name: name.clone(), old, new }
    };
    changes.iter().map(change).collect()
}

/// What a parameter takes, for example `float = 250.0, at least 0`.
fn param_words(param: &ConfigParam) -> String {
    let value = match &param.default {
        Some(default) => format!(" = {}", escape(&default.to_string())),
        None if param.required => ", required".to_owned(),
        None => String::new(),
    };
    let constraint = param.constraint();
    let comma = if constraint.is_empty() { "" } else { ", " };
    format!("{}{value}{comma}{constraint}", param.kind)
}
