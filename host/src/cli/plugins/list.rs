//! `perfbox plugins list`: what there is, and which one a name means.

use std::mem::ManuallyDrop;

use clap::Args;
use perfbox::registry::{Implementation, Listed, Package, PackageState, Status};
use perfbox::report::{Align, in_columns};
use perfbox::{Category, Registry, escape};
use serde::Serialize;

use crate::cli::PluginArgs;
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perfbox plugins list
  perfbox plugins list --plugins-dir plugins --category post_processor
  perfbox plugins list --json

`selected` is the one that a run takes when its identifier is named, not that it runs.")]
pub(crate) struct ListArgs {
    /// Only this category: phase_hook or post_processor.
    #[arg(long, value_name = "CATEGORY")]
    category: Option<Category>,

    /// Also where each package is, and why those that are invalid were refused.
    #[arg(long)]
    all: bool,

    /// Print JSON; it has all.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    plugins: PluginArgs,
}

impl ListArgs {
    /// What to print on standard output.
    pub(super) fn run(&self) -> Result<String, Failed> {
        // Taking thousands of packages apart at the end of the process is for nobody.
        let registry = ManuallyDrop::new(self.plugins.registry().usage()?);
        let categories = match self.category {
            Some(category) => vec![category],
            None => Category::ALL.to_vec(),
        };
        let listed: Vec<Listed> =
            categories.iter().flat_map(|one| registry.list_implementations(*one)).collect();
        if self.json {
            return as_json(&registry, &listed).host_failed();
        }
        Ok(self.as_table(&registry, &listed))
    }

    fn as_table(&self, registry: &Registry, listed: &[Listed]) -> String {
        let heading = ["CATEGORY", "IDENTIFIER", "PACKAGE", "VERSION", "SOURCE", "STATUS"];
        let place = self.all.then_some("COMPONENT");
        let heading = heading.into_iter().chain(place).map(str::to_owned).collect();
        let mut rows: Vec<Vec<String>> = vec![heading];
        for Listed { implementation: one, status } in listed {
            let version = if one.version.is_empty() { "-".into() } else { escape(&one.version) };
            let place = self.all.then(|| escape(&component(one)).into_owned());
            let row = [
                one.category.to_string(),
                one.identifier.to_string(),
                one.package.to_string(),
                version.into_owned(),
                one.source.to_string(),
                status_text(status),
            ];
            rows.push(row.into_iter().chain(place).collect());
        }
        let mut text = in_columns(&rows, &[Align::Left]);
        let refused: Vec<_> = invalid(registry).collect();
        match refused.len() {
            0 => {}
            // The reasons start with the place.
            _ if self.all => {
                text.push_str("\nInvalid packages:\n");
                text.extend(refused.iter().map(|(_, reason)| format!("  {reason}\n")));
            }
            1 => text
                .push_str(&format!("\n1 invalid package: {} (--all says why)\n", names(&refused))),
            count => text.push_str(&format!(
                "\n{count} invalid packages: {} (--all says why)\n",
                names(&refused)
            )),
        }
        text
    }
}

/// Each package that was refused, with the reason.
fn invalid(registry: &Registry) -> impl Iterator<Item = (&Package, &str)> {
    registry.packages().iter().filter_map(|package| match &package.state {
        PackageState::Invalid(reason) => Some((package, reason.as_str())),
        PackageState::Ready(_) | PackageState::Disabled(_) => None,
    })
}

fn names(refused: &[(&Package, &str)]) -> String {
    let names: Vec<_> = refused.iter().map(|(package, _)| package.name.as_str()).collect();
    names.join(", ")
}

/// How an implementation stands, in words.
pub(super) fn status_text(status: &Status) -> String {
    match status {
        Status::Selected(why) => format!("selected: {why}"),
        Status::ShadowedBy(package) => format!("shadowed by {package}"),
        Status::Ambiguous => "ambiguous: choose with --use".to_owned(),
        Status::Unresolved { package, by } => {
            format!("unresolved: {} chose {}, which does not offer it", escape(by), escape(package))
        }
        Status::Disabled => "disabled in its manifest".to_owned(),
    }
}

/// Where the code of an implementation is.
pub(super) fn component(one: &Implementation) -> String {
    match one.component.path() {
        Some(path) => path.to_string_lossy().into_owned(),
        None => format!("builtin:{}", one.identifier),
    }
}

/// What a script gets.
#[derive(Serialize)]
struct Listing<'r> {
    implementations: Vec<ListedJson<'r>>,
    invalid_packages: Vec<InvalidJson<'r>>,
}

#[derive(Serialize)]
struct ListedJson<'r> {
    category: Category,
    identifier: &'r str,
    package: &'r str,
    version: &'r str,
    source: &'static str,
    component: String,
    description: &'r str,
    status: &'static str,
    reason: String,
}

#[derive(Serialize)]
struct InvalidJson<'r> {
    path: String,
    reason: &'r str,
}

impl<'r> From<&'r Listed> for ListedJson<'r> {
    fn from(Listed { implementation: one, status }: &'r Listed) -> Self {
        Self {
            category: one.category,
            identifier: one.identifier.as_str(),
            package: one.package.as_str(),
            version: &one.version,
            source: one.source.as_str(),
            component: component(one),
            description: &one.description,
            status: status_word(status),
            reason: status_text(status),
        }
    }
}

impl<'r> From<(&'r Package, &'r str)> for InvalidJson<'r> {
    fn from((package, reason): (&'r Package, &'r str)) -> Self {
        Self { path: package.path.to_string_lossy().into_owned(), reason }
    }
}

fn as_json(registry: &Registry, listed: &[Listed]) -> serde_json::Result<String> {
    let listing = Listing {
        implementations: listed.iter().map(ListedJson::from).collect(),
        invalid_packages: invalid(registry).map(InvalidJson::from).collect(),
    };
    Ok(serde_json::to_string_pretty(&listing)? + "\n")
}

/// How an implementation stands, in one word for scripts.
pub(super) fn status_word(status: &Status) -> &'static str {
    match status {
        Status::Selected(_) => "selected",
        Status::ShadowedBy(_) => "shadowed",
        Status::Ambiguous => "ambiguous",
        Status::Unresolved { .. } => "unresolved",
        Status::Disabled => "disabled",
    }
}
