//! Which implementations a run has, and with which parameters.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use perfbox::registry::{
    GivenParams, Implementation, PackageSource, PackageState, ParamError, check_params,
};
use perfbox::{Category, Limits, Registry, escape};

use super::from_environment;

/// What runs when no processor is named.
const DEFAULT_PROCESSOR: &str = "metrics";

/// What is to run.
#[derive(Debug, Args)]
pub(crate) struct SelectionArgs {
    /// Hook to tell of every phase event; repeatable [env: PERFBOX_HOOKS, by commas].
    #[arg(long = "hook", value_name = "ID")]
    hooks: Vec<String>,

    /// Processor to give every record; repeatable [env: PERFBOX_PROCESSORS, by commas]
    /// [default: metrics].
    #[arg(long = "processor", value_name = "ID")]
    processors: Vec<String>,

    /// Parameter of a plugin, read by its declared type, a list as [a, b]; repeatable.
    #[arg(long = "set", value_name = "[CATEGORY/]ID.PARAM=VALUE")]
    params: Vec<String>,

    /// Leave out plugins whose manifest says auto_load [default: they join].
    #[arg(long)]
    no_auto_load: bool,
}

/// An implementation that is to run, with its parameters.
pub(crate) struct Selected {
    pub(crate) implementation: Arc<Implementation>,
    /// Its parameters or, of one that was not named, why it is refused.
    pub(crate) config: Result<serde_json::Map<String, serde_json::Value>, String>,
    /// Not named: if it is refused, the run goes on.
    pub(crate) auto_loaded: bool,
}

impl Selected {
    pub(crate) fn limits(&self) -> Limits {
        match self.implementation.source {
            PackageSource::Builtin => Limits::for_builtins(),
            PackageSource::Directory | PackageSource::Flag => Limits::default(),
        }
    }
}

/// What flags and environment select, hooks first, then what joins by itself.
pub(crate) fn select(args: &SelectionArgs, registry: &Registry) -> anyhow::Result<Vec<Selected>> {
    let named = |flags: &[String], variable| match flags.is_empty() {
        true => (from_environment(variable), Some(variable)),
        false => (flags.to_vec(), None),
    };
    let hooks = named(&args.hooks, "PERFBOX_HOOKS");
    let mut processors = named(&args.processors, "PERFBOX_PROCESSORS");
    if processors.0.is_empty() {
        processors.0.push(DEFAULT_PROCESSOR.to_owned());
    }
    let mut chosen: Vec<(Arc<Implementation>, bool)> = Vec::new();
    for (category, (identifiers, variable)) in
        [(Category::PhaseHook, hooks), (Category::PostProcessor, processors)]
    {
        for identifier in identifiers {
            let resolved = registry.resolve(category, &identifier);
            let one = match variable {
                Some(variable) => resolved.context(variable)?,
                None => resolved?,
            };
            if !chosen.iter().any(|(known, _)| *known == one) {
                tell_shadowed(registry, &one);
                chosen.push((one, false));
            }
        }
    }
    if !args.no_auto_load {
        for one in registry.auto_loaded() {
            if !chosen.iter().any(|(known, _)| *known == one) {
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
    let mut given = given_params(&args.params, &chosen)?;
    let mut selected = Vec::new();
    for (implementation, auto_loaded) in chosen {
        let given = given.remove(&implementation.key()).unwrap_or_default();
        let owner = format!("`{}`", implementation.key());
        let config = match check_params(&owner, implementation.params.as_deref(), &given) {
            // Nobody asked for it, so nobody can be blamed for what it lacks.
            Err(error @ ParamError::Missing { .. }) if auto_loaded => Err(error.to_string()),
            config => Ok(config?),
        };
        selected.push(Selected { implementation, config, auto_loaded });
    }
    if !args.no_auto_load {
        let conflicts = registry.auto_load_conflicts().into_iter();
        selected.extend(conflicts.map(|(implementation, error)| Selected {
            implementation,
            config: Err(error.to_string()),
            auto_loaded: true,
        }));
    }
    Ok(selected)
}

/// The values of --set, by category and identifier.
fn given_params(
    params: &[String],
    chosen: &[(Arc<Implementation>, bool)],
) -> anyhow::Result<BTreeMap<String, GivenParams>> {
    let mut given: BTreeMap<String, GivenParams> = BTreeMap::new();
    for text in params {
        let parts = text.split_once('=').and_then(|(key, value)| {
            let (owner, param) = key.rsplit_once('.')?;
            Some((owner, param, value))
        });
        let Some((owner, param, value)) = parts else {
            bail!(
                "--set `{}` is not of the form [CATEGORY/]ID.PARAM=VALUE, for example \
                 example_logging_hook.verbose=true",
                escape(text)
            );
        };
        let is_owner =
            |one: &&Arc<Implementation>| one.identifier.as_str() == owner || one.key() == owner;
        let owners: Vec<_> = chosen.iter().map(|(one, _)| one).filter(is_owner).collect();
        match owners.as_slice() {
            [one] => {
                given.entry(one.key()).or_default().insert(param.to_owned(), value.into());
            }
            [] => {
                let keys: Vec<_> = chosen.iter().map(|(one, _)| one.key()).collect();
                bail!(
                    "--set `{}`: `{}` is not part of this run, which has {}; select it with \
                     --hook or --processor",
                    escape(text),
                    escape(owner),
                    keys.join(", ")
                );
            }
            _ => bail!(
                "--set `{}`: `{owner}` is both a hook and a processor here; write {}.{param} or {}.{param}",
                escape(text),
                owners[0].key(),
                owners[1].key(),
            ),
        }
    }
    Ok(given)
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

fn tell_shadowed(registry: &Registry, one: &Implementation) {
    let shadows_builtin = one.source != PackageSource::Builtin
        && registry.shadows(one).any(|other| other.source == PackageSource::Builtin);
    if shadows_builtin {
        tracing::warn!(
            "{} is taken from package {}, which shadows the builtin",
            one.key(),
            one.package
        );
    }
}

/// What --dry-run shows.
pub(crate) fn describe(selected: &[Selected], out: &Path) -> String {
    let mut text = String::new();
    for one in selected {
        let implementation = &one.implementation;
        let config = match &one.config {
            Ok(config) => serde_json::Value::Object(config.clone()).to_string(),
            Err(reason) => {
                text.push_str(&format!("{}\n  refused     {reason}\n", implementation.key()));
                continue;
            }
        };
        let Limits {
            memory_bytes,
            event_deadline,
            batch_deadline,
            finish_deadline,
            start_deadline,
            returned_bytes,
            metrics,
            log_line_bytes,
            log_bytes_per_second,
        } = one.limits();
        let package = format!("{} {}", implementation.package, escape(&implementation.version));
        let files = out.join("plugins").join(implementation.key());
        for line in [
            implementation.key(),
            format!("  package     {}", package.trim_end()),
            format!("  component   {}", implementation.component),
            format!("  parameters  {}", escape(&config)),
            format!("  memory      {} MiB", memory_bytes >> 20),
            format!(
                "  deadlines   start {start_deadline:?}, event {event_deadline:?}, batch \
                 {batch_deadline:?}, create and finish {finish_deadline:?}"
            ),
            format!("  results     {metrics} metrics, {} MiB a value", returned_bytes >> 20),
            format!(
                "  logs        {} KiB a second, {log_line_bytes} bytes a line",
                log_bytes_per_second >> 10
            ),
            format!(
                "  may         log, read clocks, draw random numbers, write below {}",
                escape(&files.to_string_lossy())
            ),
        ] {
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}
