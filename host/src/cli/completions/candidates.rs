//! What can stand in each place of a command line.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use clap::Arg;
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use perfbox::packages::Installed;
use perfbox::registry::{ConfigParam, Implementation, Listed, ParamType, ScalarType, Status};
use perfbox::{Category, Registry, escape};

use super::typed::Typed;
use crate::cli::dirs;

/// What completes an argument's value, where it is more than a list that the parser
/// knows. Arguments are known by their flag or by what their value is called.
pub(super) fn completer(command: &str, arg: &Arg, typed: &Arc<Typed>) -> Option<ArgValueCompleter> {
    let value = arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name);
    let of_registry = |list: fn(&Registry) -> Vec<Candidate>| {
        let typed = Arc::clone(typed);
        ArgValueCompleter::new(move |current: &OsStr| matching(current, list(&typed.registry())))
    };
    Some(match (arg.get_long(), command, value) {
        (Some("hook"), ..) => of_registry(|registry| identifiers(registry, &[Category::PhaseHook])),
        (Some("processor"), ..) => {
            of_registry(|registry| identifiers(registry, &[Category::PostProcessor]))
        }
        (None, _, "ID") => of_registry(|registry| identifiers(registry, &Category::ALL)),
        (Some("use"), ..) => of_registry(choices),
        (Some("category"), ..) => {
            let categories = || Category::ALL.map(|one| Candidate::new(one.as_str(), "")).into();
            ArgValueCompleter::new(move |current: &OsStr| matching(current, categories()))
        }
        (Some("set"), ..) => {
            let typed = Arc::clone(typed);
            ArgValueCompleter::new(move |current: &OsStr| {
                let is_value = current.to_string_lossy().contains('=');
                matching(current, params(&typed.registry(), &typed.selected, is_value))
            })
        }
        (None, "remove", "NAME") => {
            ArgValueCompleter::new(|current: &OsStr| matching(current, removable()))
        }
        (None, "add" | "validate", "PATH") => {
            paths(PathCompleter::any().filter(|path| path.is_dir() || is_component(path)))
        }
        (_, _, value) if value.ends_with(".wasm") => {
            paths(PathCompleter::any().filter(is_component))
        }
        (None, _, "INPUT") => paths(PathCompleter::any().stdio()),
        (_, _, "DIR") => paths(PathCompleter::dir()),
        (_, _, "FILE") => paths(PathCompleter::file()),
        _ => return None,
    })
}

/// A value, and what it is.
struct Candidate {
    value: String,
    help: String,
}

impl Candidate {
    fn new(value: impl Into<String>, help: impl Into<String>) -> Self {
        Self { value: value.into(), help: help.into() }
    }
}

/// Those that go on from what is typed. The words come from manifests, which are
/// strangers': those that could mean something to a shell are left out, whatever its
/// script makes of them, and the help is escaped before it is shown.
fn matching(current: &OsStr, candidates: Vec<Candidate>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let is_offered = |one: &Candidate| one.value.starts_with(&*current) && is_harmless(&one.value);
    let matching = candidates.into_iter().filter(is_offered);
    matching
        .map(|one| {
            let help = (!one.help.is_empty()).then(|| escape(&one.help).into_owned().into());
            CompletionCandidate::new(one.value).help(help)
        })
        .collect()
}

/// True for words that every shell takes for themselves, quoted or not.
fn is_harmless(word: &str) -> bool {
    word.chars().all(|one| one.is_ascii_alphanumeric() || "_.@/=:+,-".contains(one))
}

fn identifiers(registry: &Registry, categories: &[Category]) -> Vec<Candidate> {
    let mut found = BTreeMap::new();
    for Listed { implementation: one, status } in
        categories.iter().flat_map(|category| registry.list_implementations(*category))
    {
        let help = match status {
            Status::Selected(_) if one.description.is_empty() => format!("of {}", one.package),
            Status::Selected(_) => one.description.clone(),
            Status::Ambiguous => "several packages offer it: choose with --use".to_owned(),
            _ => continue,
        };
        found.insert(one.identifier.to_string(), help);
    }
    found.into_iter().map(|(value, help)| Candidate::new(value, help)).collect()
}

/// `CATEGORY/ID=PACKAGE` of everything that can be selected.
fn choices(registry: &Registry) -> Vec<Candidate> {
    let all = selectable(registry);
    let keys: Vec<_> = all.iter().map(|one| format!("{}={}", one.key(), one.package)).collect();
    // How many versions there are; counted once, for there may be thousands of packages.
    let mut versions: HashMap<&str, usize> = HashMap::new();
    for key in &keys {
        *versions.entry(key).or_default() += 1;
    }
    let choice = |(one, key): (&Arc<Implementation>, &String)| {
        let version = match versions[key.as_str()] {
            1 => String::new(),
            _ => format!("@{}", one.version),
        };
        Candidate::new(format!("{key}{version}"), &*one.description)
    };
    all.iter().zip(&keys).map(choice).collect()
}

/// `ID.PARAM=`, or with the values where they are few; of what is selected, else of
/// everything.
fn params(registry: &Registry, selected: &[String], with_values: bool) -> Vec<Candidate> {
    let mut all = selectable(registry);
    if all.iter().any(|one| selected.iter().any(|id| id == one.identifier.as_str())) {
        all.retain(|one| selected.iter().any(|id| id == one.identifier.as_str()));
    }
    let mut candidates = Vec::new();
    for one in &all {
        for param in one.params.iter().flatten() {
            for owner in [one.identifier.to_string(), one.key()] {
                let key = format!("{owner}.{}=", param.name);
                if with_values {
                    let values = values(param);
                    let whole = |value| Candidate::new(format!("{key}{value}"), "");
                    candidates.extend(values.iter().map(whole));
                } else {
                    candidates.push(Candidate::new(key, describe(param)));
                }
            }
        }
    }
    // The category in front is offered to whoever has begun with it.
    candidates.sort_by_key(|one| one.value.contains('/'));
    let mut seen = BTreeSet::new();
    candidates.retain(|one| seen.insert(one.value.clone()));
    candidates
}

fn describe(param: &ConfigParam) -> String {
    let default = param.default.as_ref().map_or(String::new(), |value| format!(" [{value}]"));
    format!("{}{default} {}", param.kind, param.description)
}

fn values(param: &ConfigParam) -> Vec<String> {
    let shown = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match param.kind {
        ParamType::One(ScalarType::Bool) => vec!["true".to_owned(), "false".to_owned()],
        ParamType::One(_) => param.choices.iter().map(shown).collect(),
        ParamType::List(_) => Vec::new(),
    }
}

/// Everything that a name or a choice can mean.
fn selectable(registry: &Registry) -> Vec<Arc<Implementation>> {
    let listed = Category::ALL.into_iter().flat_map(|one| registry.list_implementations(one));
    listed.filter(|one| one.status != Status::Disabled).map(|one| one.implementation).collect()
}

/// The packages in the user's own plugins directory.
fn removable() -> Vec<Candidate> {
    let installed = dirs::user_plugins().map(|dir| Installed::all_in(&dir));
    let installed = installed.into_iter().flatten().flatten();
    installed.map(|package| Candidate::new(package.name, package.version)).collect()
}

fn is_component(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wasm")
}

fn paths(completer: PathCompleter) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let mut found = completer.complete(current);
        // The shells' scripts are given a candidate a line.
        found.retain(|one| !one.get_value().to_string_lossy().chars().any(char::is_control));
        found
    })
}
