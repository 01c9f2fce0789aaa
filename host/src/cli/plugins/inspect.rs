//! `perfbox plugins inspect`: what a component is and asks for, before anything of it
//! runs.

use std::path::PathBuf;

use clap::Args;
use perfbox::component::{Capability, ComponentError, ComponentInfo, Offer, Producer};
use perfbox::escape;
use perfbox::report::{Align, in_columns};
use serde_json::{Value, json};

use super::show::{param_json, params_table};
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
The file is parsed: nothing in it is compiled or run, and nobody vouches for
what it says of itself.

What a component asks for, it asks for by its imports:
  granted  it has it, within the sandbox's limits
  empty    it has it, and finds nothing there
  denied   every call fails
  refused  perfbox does not have it, and loads no component that needs it

The JSON is an object of file, size_bytes, digest, contract_versions,
is_for_this_host, worlds, categories, imports, exports, and:
  abilities       each with ability, grant, explanation and imports
  offers          each with category, identifier, description and
                  config_params, null where it declares none
  offers_problem  why it offers nothing, or null
  metadata        name, version, description, authors, licenses, homepage,
                  source, revision and producers, as far as it says them

Examples:
  perfbox plugins inspect plugin.wasm
  perfbox plugins inspect plugin.wasm --json | jq '[.abilities[].ability]'")]
pub(crate) struct InspectArgs {
    /// The component.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl InspectArgs {
    /// What to print on standard output.
    pub(super) fn run(&self) -> Result<String, Failed> {
        let info = ComponentInfo::read_file(&self.file).usage()?;
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        let offers = info.offers(&stem);
        Ok(match self.json {
            true => self.as_json(&info, &offers),
            false => self.as_text(&info, &offers),
        })
    }

    fn as_text(&self, info: &ComponentInfo, offers: &Result<Vec<Offer>, ComponentError>) -> String {
        let head = [
            row("component", &self.file.to_string_lossy()),
            row("size", &size(info.size_bytes)),
            row("digest", &info.digest.to_string()),
            row("contract", &contract(info)),
            row("worlds", &or_none(info.worlds().join(", "))),
        ];
        let mut text = in_columns(&head, &[Align::Left]);
        let mut said: Vec<_> = info.metadata.texts().map(|(name, text)| row(name, text)).collect();
        let producers: Vec<String> = info.metadata.producers.iter().map(producer_words).collect();
        if !producers.is_empty() {
            said.push(row("made with", &producers.join(", ")));
        }
        text.push_str("\nSays of itself:\n");
        text.push_str(&indented(said.into_iter()));

        text.push_str("\nAsks for:\n");
        text.push_str(&indented(info.capabilities.iter().map(capability_row)));
        match offers {
            Ok(offers) => {
                text.push_str("\nOffers:\n");
                offers.iter().for_each(|offer| text.push_str(&offer_lines(offer)));
            }
            Err(error) => text.push_str(&format!("\nOffers nothing: it {error}\n")),
        }
        for (title, names) in [("Imports", &info.imports), ("Exports", &info.exports)] {
            text.push_str(&format!("\n{title}:\n"));
            text.push_str(&indented(names.iter().map(|name| vec![escape(name).into_owned()])));
        }
        text
    }

    fn as_json(&self, info: &ComponentInfo, offers: &Result<Vec<Offer>, ComponentError>) -> String {
        let ability = |ability: &Capability| {
            let asking =
                |name: &&String| Capability::of_import(name).is_some_and(|one| one == *ability);
            json!({
                "ability": ability,
                "grant": ability.access(),
                "explanation": ability.explanation(),
                "imports": info.imports.iter().filter(asking).collect::<Vec<_>>(),
            })
        };
        let offered = offers.iter().flatten().map(offer_json);
        let inspected = json!({
            "file": self.file.to_string_lossy(),
            "size_bytes": info.size_bytes,
            "digest": info.digest,
            "contract_versions": info.contract_versions,
            "is_for_this_host": info.is_for_this_host(),
            "worlds": info.worlds(),
            "categories": info.categories,
            "abilities": info.capabilities.iter().map(ability).collect::<Vec<_>>(),
            "imports": info.imports,
            "exports": info.exports,
            "offers": offered.collect::<Vec<_>>(),
            "offers_problem": offers.as_ref().err().map(ToString::to_string),
            "metadata": info.metadata,
        });
        format!("{inspected:#}\n")
    }
}

fn row(name: &str, value: &str) -> Vec<String> {
    vec![name.to_owned(), escape(value).into_owned()]
}

/// Rows in columns, two blanks in front of each; `none` where there are none.
pub(super) fn indented(rows: impl Iterator<Item = Vec<String>>) -> String {
    let rows: Vec<_> = rows.collect();
    match rows.is_empty() {
        true => "  none\n".to_owned(),
        false => {
            let columns = in_columns(&rows, &[Align::Left]);
            columns.lines().map(|line| format!("  {line}\n")).collect()
        }
    }
}

pub(super) fn capability_row(ability: &Capability) -> Vec<String> {
    let name = escape(&ability.to_string()).into_owned();
    vec![name, ability.access().to_string(), ability.explanation().to_owned()]
}

/// Without what stands behind the version, such as the revision of a compiler.
pub(super) fn producer_words(producer: &Producer) -> String {
    let version = producer.version.split(' ').next().unwrap_or_default();
    escape(format!("{} {version}", producer.name).trim_end()).into_owned()
}

pub(super) fn size(bytes: u64) -> String {
    match bytes {
        ..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB ({bytes} bytes)", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB ({bytes} bytes)", bytes as f64 / 1_048_576.0),
    }
}

fn contract(info: &ComponentInfo) -> String {
    let versions: Vec<&str> = info.contract_versions.iter().map(String::as_str).collect();
    let versions = or_none(versions.join(", "));
    match info.is_for_this_host() {
        true => versions,
        false => format!("{versions}: not for this perfbox, which refuses to load it"),
    }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

fn offer_lines(offer: &Offer) -> String {
    let description = escape(&offer.description);
    let mut lines = format!("  {}  {description}", offer.key()).trim_end().to_owned() + "\n";
    let Some(params) = &offer.params else {
        lines.push_str("    takes any parameter, as it declares none\n");
        return lines;
    };
    lines.extend(params_table(params).lines().map(|line| format!("    {line}\n")));
    lines
}

fn offer_json(offer: &Offer) -> Value {
    json!({
        "category": offer.category,
        "identifier": offer.identifier,
        "description": offer.description,
        "config_params": offer.params.as_ref().map(|params| {
            params.iter().map(param_json).collect::<Vec<_>>()
        }),
    })
}
