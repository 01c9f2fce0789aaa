//! `perfbox plugins list`: what there is, and which one a name means.

use clap::Args;
use perfbox::registry::{ComponentLocation, Listed, PackageSource, PackageState, Standing};
use perfbox::report::{Align, in_columns};
use perfbox::{Category, Registry, escape};
use serde_json::{Value, json};

use crate::cli::PluginArgs;
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perfbox plugins list
  perfbox plugins list --plugins-dir plugins --category post_processor
  perfbox plugins list --json")]
pub(crate) struct ListArgs {
    /// Only this category: phase_hook or post_processor.
    #[arg(long, value_name = "CATEGORY")]
    category: Option<Category>,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    plugins: PluginArgs,
}

impl ListArgs {
    /// What to print on standard output.
    pub(super) fn run(&self) -> Result<String, Failed> {
        let registry = self.plugins.registry().usage()?;
        let categories = match self.category {
            Some(category) => vec![category],
            None => Category::ALL.to_vec(),
        };
        let listed: Vec<Listed> =
            categories.iter().flat_map(|one| registry.list_implementations(*one)).collect();
        Ok(if self.json { as_json(&registry, &listed) } else { as_table(&registry, &listed) })
    }
}

/// Path and reason of each package that was refused.
fn invalid(registry: &Registry) -> impl Iterator<Item = (String, &str)> {
    registry.packages().iter().filter_map(|package| match &package.state {
        PackageState::Invalid(reason) => {
            Some((package.path.to_string_lossy().into_owned(), reason.as_str()))
        }
        PackageState::Ready(_) | PackageState::Disabled(_) => None,
    })
}

fn as_table(registry: &Registry, listed: &[Listed]) -> String {
    let heading = ["CATEGORY", "IDENTIFIER", "PACKAGE", "VERSION", "SOURCE", "STATUS"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for Listed { implementation: one, standing } in listed {
        let version = if one.version.is_empty() { "-".into() } else { escape(&one.version) };
        rows.push(vec![
            one.category.to_string(),
            one.identifier.to_string(),
            one.package.to_string(),
            version.into_owned(),
            source(one.source).to_owned(),
            status(standing),
        ]);
    }
    let mut text = in_columns(&rows, &[Align::Left]);
    let refused: Vec<_> = invalid(registry).collect();
    if !refused.is_empty() {
        text.push_str("\nInvalid packages:\n");
        // The reasons start with the place.
        text.extend(refused.iter().map(|(_, reason)| format!("  {reason}\n")));
    }
    text
}

fn source(source: PackageSource) -> &'static str {
    match source {
        PackageSource::Builtin => "builtin",
        PackageSource::Directory => "directory",
        PackageSource::Flag => "flag",
    }
}

fn status(standing: &Standing) -> String {
    match standing {
        Standing::Selected(why) => format!("selected: {why}"),
        Standing::ShadowedBy(package) => format!("shadowed by {package}"),
        Standing::Ambiguous => "ambiguous: choose with --use".to_owned(),
        Standing::Disabled => "disabled in its manifest".to_owned(),
    }
}

fn as_json(registry: &Registry, listed: &[Listed]) -> String {
    let one = |Listed { implementation: one, standing }: &Listed| -> Value {
        json!({
            "category": one.category,
            "identifier": one.identifier,
            "package": one.package,
            "version": one.version,
            "source": one.source,
            "component": match &one.component {
                ComponentLocation::Builtin => format!("builtin:{}", one.identifier),
                ComponentLocation::File { path, .. } => path.to_string_lossy().into_owned(),
            },
            "description": one.description,
            "status": match standing {
                Standing::Selected(_) => "selected",
                Standing::ShadowedBy(_) => "shadowed",
                Standing::Ambiguous => "ambiguous",
                Standing::Disabled => "disabled",
            },
            "reason": status(standing),
        })
    };
    let refused = invalid(registry).map(|(path, reason)| json!({"path": path, "reason": reason}));
    let listing = json!({
        "implementations": listed.iter().map(one).collect::<Vec<_>>(),
        "invalid_packages": refused.collect::<Vec<_>>(),
    });
    format!("{listing:#}\n")
}
