//! `perfbox plugins add`: a package into the user's plugins directory, once whoever adds
//! it has seen what it is and what it asks for.

use std::collections::BTreeSet;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use perfbox::packages::{AddError, Addition, PackageInfo};
use perfbox::registry::{ManifestImplementation, PackageSource, PackageState};
use perfbox::{Registry, escape};

use super::inspect::{capability_row, indented, size};
use super::{known_plugins, users_plugins_dir};
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
The package is copied to the user's own plugins directory,
$XDG_DATA_HOME/perfbox/plugins, and is there whole or not at all. None of its
code is run.

Examples:
  perfbox plugins add my-plugin
  perfbox plugins add my_plugin.wasm --yes
  perfbox plugins add my-plugin-1.1.0 --replace")]
pub(crate) struct AddArgs {
    /// A package's directory, or a bare component.
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Add it without asking; needed where standard input is no terminal.
    #[arg(long, short)]
    yes: bool,

    /// Replace the package of that name that is there.
    #[arg(long)]
    replace: bool,
}

impl AddArgs {
    /// What to print on standard output once it is added.
    pub(super) fn run(&self) -> Result<String, Failed> {
        let dir = users_plugins_dir().usage()?;
        let addition = status_of(Addition::prepare(&self.path, &dir, self.replace))?;
        crate::print(&describe(&addition, &self.path, &known_plugins()))?;
        self.ask()?;
        let package = addition.package();
        let named = named(package.name.as_str(), &package.version);
        let path = status_of(addition.finish())?;
        Ok(format!("added {named}: {}\n", escape(&path.to_string_lossy())))
    }

    fn ask(&self) -> Result<(), Failed> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            let words = "nothing was added: standard input is no terminal, so nobody can be \
                         asked; add it with --yes";
            return Err(anyhow!(words)).usage();
        }
        let mut stderr = std::io::stderr();
        let mut answer = String::new();
        write!(stderr, "add it? [y/N] ")
            .and_then(|()| stderr.flush())
            .and_then(|()| std::io::stdin().read_line(&mut answer))
            .host_failed()?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(anyhow!("nothing was added: it was not confirmed with `y`")).usage(),
        }
    }
}

fn status_of<T>(result: Result<T, AddError>) -> Result<T, Failed> {
    match result {
        Err(error) if error.is_refusal() => Err(error).usage(),
        result => result.host_failed(),
    }
}

fn named(name: &str, version: &str) -> String {
    format!("{name} {}", escape(version)).trim_end().to_owned()
}

/// What is to be added, in a form to decide by. Its words are strangers'.
fn describe(addition: &Addition, from: &Path, known: &Registry) -> String {
    let package = addition.package();
    let mut text = named(package.name.as_str(), &package.version) + "\n";
    let head = [
        ("description", package.description.clone()),
        ("author", package.author.clone()),
        ("license", package.license.clone()),
        ("from", from.to_string_lossy().into_owned()),
        ("to", addition.path().to_string_lossy().into_owned()),
    ];
    text += &indented(head.into_iter().map(|(what, words)| {
        let words = if words.is_empty() { "not said".into() } else { escape(&words) };
        vec![what.to_owned(), words.into_owned()]
    }));
    if !package.enabled {
        text += "  its manifest says `enabled: false`: it is listed, never selected\n";
    }
    let offers = package.implementations.iter().map(|one| {
        let remarks = remarks(one, addition, known).join("; ");
        vec![key(one), remarks, escape(&one.description).into_owned()]
    });
    let components = package
        .components
        .iter()
        .map(|(path, one)| vec![shown(path), one.digest.to_string(), size(one.size_bytes)]);
    text += &format!("\nOffers:\n{}", indented(offers));
    text += &format!("\nComponents:\n{}", indented(components));
    text += &format!(
        "\nAsks for:\n{}",
        indented(package.capabilities().into_iter().map(capability_row))
    );
    if !addition.notes().is_empty() {
        let notes = addition.notes().iter().map(|one| vec![one.to_string()]);
        text += &format!("\nTo be mended by its author:\n{}", indented(notes));
    }
    if let Some((old, info)) = addition.replaces() {
        let old_named = named(&old.name, &old.version);
        text += &format!("\nReplaces {old_named} at {}:\n", shown(&old.path));
        text += &match info.map(|info| changes(info, package)) {
            None => "  it could not be read, so what changes is not known\n".to_owned(),
            Some(changes) if changes.is_empty() => {
                "  version, components, offers and abilities stay as they are\n".to_owned()
            }
            Some(changes) => indented(changes.into_iter()),
        };
    }
    text + "\n"
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
}

fn key(one: &ManifestImplementation) -> String {
    format!("{}/{}", one.category, one.identifier)
}

/// Of an implementation that need not be named.
const AUTO_LOAD: &str = "joins every run (auto_load)";

/// What follows from an implementation's name and manifest.
fn remarks(one: &ManifestImplementation, addition: &Addition, known: &Registry) -> Vec<String> {
    let mut remarks = Vec::new();
    if one.auto_load {
        remarks.push(AUTO_LOAD.to_owned());
    }
    if !addition.package().enabled {
        return remarks;
    }
    let old = addition.replaces().map(|(old, _)| old.path.as_path());
    let to_come = addition.path();
    for package in known.packages() {
        let PackageState::Ready(offered) = &package.state else { continue };
        let is_same = |other: &&std::sync::Arc<perfbox::registry::Implementation>| {
            (other.category, &other.identifier) == (one.category, &one.identifier)
        };
        let stays = Some(package.path.as_path()) != old && package.path != to_come;
        if !stays || !offered.iter().any(|other| is_same(&other)) {
            continue;
        }
        remarks.push(match package.source {
            PackageSource::Builtin => "shadows the builtin".to_owned(),
            _ => {
                format!("ambiguous with package {}: choose with --use", package.name)
            }
        });
    }
    remarks
}

/// What is different in the new one: `+` in front of what is only in it, `-` of what is
/// only in the old one, `~` of what is there as before, but otherwise.
fn changes(old: &PackageInfo, new: &PackageInfo) -> Vec<Vec<String>> {
    let row = |sign: &str, name: &str, words: &str| {
        vec![sign.to_owned(), name.to_owned(), words.to_owned()]
    };
    let mut rows = Vec::new();
    if old.version != new.version {
        let [was, is] = [old, new].map(|info| match info.version.as_str() {
            "" => "none".into(),
            version => escape(version),
        });
        rows.push(row("~", "version", &format!("{was} -> {is}")));
    }
    let paths: BTreeSet<_> = old.components.keys().chain(new.components.keys()).collect();
    for path in paths {
        let [was, is] = [old, new].map(|info| info.components.get(path).map(|one| one.digest));
        rows.extend(match (was, is) {
            (Some(was), Some(is)) if was == is => None,
            (Some(was), Some(is)) => Some(row("~", &shown(path), &format!("{was} -> {is}"))),
            (Some(was), None) => Some(row("-", &shown(path), &was.to_string())),
            (None, is) => {
                Some(row("+", &shown(path), &is.map_or(String::new(), |is| is.to_string())))
            }
        });
    }
    let said = |info: &PackageInfo| -> BTreeSet<(String, String)> {
        let offers = info.implementations.iter().flat_map(|one| {
            let joins = one.auto_load.then(|| (key(one), AUTO_LOAD.to_owned()));
            [(key(one), "offered".to_owned())].into_iter().chain(joins)
        });
        let abilities = info.capabilities().into_iter().map(|one| {
            (escape(&one.to_string()).into_owned(), format!("asked for, {}", one.access()))
        });
        offers.chain(abilities).collect()
    };
    let [was, is] = [old, new].map(said);
    rows.extend((&is - &was).iter().map(|(name, words)| row("+", name, words)));
    rows.extend((&was - &is).iter().map(|(name, words)| row("-", name, words)));
    rows
}
