//! Which implementations a run has, and with which parameters.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use perfbox::registry::{Implementation, PackageSource, PackageState, ParamError, Selection};
use perfbox::{Category, Limits, Loaded, OnFailure, Permissions, Registry, escape};

use super::config::{Config, Limit, Param};
use super::settings::Settings;

/// What is to run.
#[derive(Debug, Default, Args)]
pub(crate) struct SelectionArgs {
    /// Hook to tell of every phase event; repeatable, or by commas [env: PERFBOX_HOOKS].
    #[arg(long = "hook", value_name = "ID", value_delimiter = ',')]
    pub(super) hooks: Vec<String>,

    /// Processor to give every record, in place of `metrics`; repeatable, or by commas
    /// [env: PERFBOX_PROCESSORS] [default: metrics].
    #[arg(long = "processor", value_name = "ID", value_delimiter = ',')]
    pub(super) processors: Vec<String>,

    /// Parameter of a plugin, read by its declared type, a list as [a, b]; repeatable.
    #[arg(long = "set", value_name = "[CATEGORY/]ID.PARAM=VALUE")]
    pub(super) params: Vec<String>,

    /// Limit of a plugin or, without ID, of all but the builtins; repeatable.
    ///
    /// `perfbox plugins show ID` has every limit with its value.
    #[arg(long = "limit", value_name = "[[CATEGORY/]ID.]LIMIT=VALUE")]
    pub(super) limits: Vec<String>,

    /// Leave out plugins whose manifest says auto_load [default: they join].
    #[arg(long)]
    pub(super) no_auto_load: bool,
}

impl SelectionArgs {
    /// One value of --set.
    pub(super) fn param(text: &str) -> anyhow::Result<Param> {
        let parts = text.split_once('=').and_then(|(key, value)| {
            let (owner, name) = key.rsplit_once('.')?;
            Some(Param { owner: owner.to_owned(), name: name.to_owned(), value: value.into() })
        });
        parts.ok_or_else(|| {
            anyhow!(
                "--set `{}` is not of the form [CATEGORY/]ID.PARAM=VALUE, for example \
                 example_logging_hook.verbose=true",
                escape(text)
            )
        })
    }
}

impl SelectionArgs {
    /// One value of --limit.
    pub(super) fn limit(text: &str) -> anyhow::Result<Limit> {
        let Some((key, value)) = text.split_once('=') else {
            bail!(
                "--limit `{}` is not of the form [[CATEGORY/]ID.]LIMIT=VALUE, for example \
                 memory=512MiB or metrics.memory=4GiB",
                escape(text)
            );
        };
        let (owner, name) = match key.rsplit_once('.') {
            Some((owner, name)) => (Some(owner.to_owned()), name),
            None => (None, key),
        };
        Ok(Limit { owner, name: name.to_owned(), value: value.to_owned() })
    }
}

/// An implementation that is to run, with its parameters.
pub(crate) struct Selected {
    pub(crate) implementation: Arc<Implementation>,
    /// Its parameters or, of one that was not named, why it is refused.
    pub(crate) config: Result<serde_json::Map<String, serde_json::Value>, String>,
    /// What it may use.
    pub(crate) limits: Limits,
    /// What it is given.
    pub(crate) permissions: Permissions,
    pub(crate) on_failure: OnFailure,
    /// Not named: if it is refused, the run goes on.
    pub(crate) auto_loaded: bool,
}

/// What a configuration selects, hooks first, then what joins by itself.
pub(crate) fn select(config: &Config, registry: &Registry) -> anyhow::Result<Vec<Selected>> {
    let mut chosen: Vec<(Arc<Implementation>, bool)> = Vec::new();
    let named = config.named();
    for (category, identifiers) in named {
        for identifier in identifiers {
            let meant = identifier.said(registry.explain(category, &identifier.value))?;
            if !chosen.iter().any(|(known, _)| *known == meant.implementation) {
                tell_shadowed(&meant);
                chosen.push((meant.implementation, false));
            }
        }
    }
    if config.processors.is_none() {
        let meant = registry.default_of(Category::PostProcessor)?;
        tell_shadowed(&registry.explain(meant.category, meant.identifier.as_str())?);
        chosen.push((meant, false));
    }
    let mut refused = Vec::new();
    let joining = if config.auto_load.value { registry.auto_loaded() } else { Vec::new() };
    for (one, meant) in joining {
        match meant {
            Err(error) => refused.push((one, error)),
            Ok(()) if chosen.iter().any(|(known, _)| *known == one) => {}
            Ok(()) => {
                tracing::warn!(
                    "{} of package {} joins the run, as its manifest says auto_load; leave it out with --no-auto-load",
                    one.key(),
                    one.package
                );
                chosen.push((one, true));
            }
        }
    }
    tell_left_out(registry, &chosen);
    let settings = Settings::new(config, registry, &chosen)?;
    let mut selected = Vec::new();
    for (implementation, auto_loaded) in chosen {
        let config = match settings.params(&implementation) {
            // Nobody asked for it, so nobody can be blamed for what it lacks.
            Err((error @ ParamError::Missing { .. }, _)) if auto_loaded => Err(error.to_string()),
            Err((error, Some(origin))) => return Err(error).context(origin.to_string()),
            Err((error, None)) => return Err(error.into()),
            Ok(config) => Ok(config),
        };
        selected.push(Selected {
            limits: settings.limits(&implementation)?,
            permissions: settings.permissions(&implementation),
            on_failure: settings.on_failure(&implementation),
            implementation,
            config,
            auto_loaded,
        });
    }
    for (implementation, error) in refused {
        selected.push(Selected {
            limits: settings.limits(&implementation)?,
            permissions: settings.permissions(&implementation),
            on_failure: settings.on_failure(&implementation),
            implementation,
            config: Err(error.to_string()),
            auto_loaded: true,
        });
    }
    Ok(selected)
}

/// A package that was named by itself, and of which nothing was selected.
fn tell_left_out(registry: &Registry, chosen: &[(Arc<Implementation>, bool)]) {
    for package in registry.packages().iter().filter(|one| one.source == PackageSource::Flag) {
        let PackageState::Ready(offered) = &package.state else { continue };
        if offered.iter().all(|one| chosen.iter().all(|(known, _)| known != one)) {
            let offered: Vec<_> = offered.iter().map(|one| one.key()).collect();
            tracing::warn!(
                "`{}` takes no part in this run: select what it offers with --hook or --processor: {}",
                escape(&package.path.to_string_lossy()),
                offered.join(", ")
            );
        }
    }
}

fn tell_shadowed(meant: &Selection) {
    let one = &meant.implementation;
    if !one.is_builtin() && meant.shadowed.iter().any(|other| other.is_builtin()) {
        tracing::warn!(
            "{} is taken from package {}, which shadows the builtin",
            one.key(),
            one.package
        );
    }
}

/// What --dry-run shows.
pub(crate) fn describe(
    selected: &[Selected],
    loaded: &[Result<Loaded, String>],
    out: &Path,
) -> String {
    let mut text = String::new();
    for (one, loaded) in selected.iter().zip(loaded) {
        let implementation = &one.implementation;
        let config = match (&one.config, loaded) {
            (Ok(config), Ok(_)) => serde_json::Value::Object(config.clone()).to_string(),
            (Err(reason), _) | (_, Err(reason)) => {
                text.push_str(&format!("{}\n  refused     {reason}\n", implementation.key()));
                continue;
            }
        };
        let limits: Vec<_> =
            one.limits.list().map(|(name, value)| format!("{name} {value}")).collect();
        let limits: Vec<_> = limits.chunks(3).map(|row| row.join(", ")).collect();
        let package = format!("{} {}", implementation.package, escape(&implementation.version));
        let files = out.join("plugins").join(implementation.key());
        for line in [
            implementation.key(),
            format!("  package     {}", package.trim_end()),
            format!("  component   {}", implementation.component),
            format!("  parameters  {}", escape(&config)),
            format!("  limits      {}", limits.join("\n              ")),
            format!("  may         {}", one.permissions),
        ]
        .into_iter()
        .chain(
            one.permissions
                .output
                .then(|| format!("  files       below {}", escape(&files.to_string_lossy()))),
        )
        .chain(
            (one.on_failure == OnFailure::Abort).then(|| "  on failure  the run ends".to_owned()),
        ) {
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}
