//! What is set for each plugin of a run: its parameters and limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::bail;
use perfbox::registry::{Implementation, ParamError, ParamValues, check_params};
use perfbox::{Category, Limits, OnFailure, Permissions, Registry, escape};

use super::config::{Config, Granted, Limit, OfPlugin, Origin, Param, Sourced};

/// All that is set for the plugins of a run.
pub(crate) struct Settings<'c> {
    /// By category and identifier, the weightiest last.
    params: BTreeMap<String, Vec<&'c Sourced<Param>>>,
    config: &'c Config,
}

impl<'c> Settings<'c> {
    /// What `config` sets for those of `chosen`.
    pub(crate) fn new(
        config: &'c Config,
        registry: &Registry,
        chosen: &[(Arc<Implementation>, bool)],
    ) -> anyhow::Result<Self> {
        let mut params: BTreeMap<String, Vec<&Sourced<Param>>> = BTreeMap::new();
        for param in &config.params {
            let owners = owners(&param.value.owner, chosen);
            match owners.as_slice() {
                [one] => params.entry(one.key()).or_default().push(param),
                // A file is for many runs, and may set what this one does not have.
                [] if is_of_a_file(&param.origin) => {}
                [] => bail!(not_part_of_run(&shown(param), &param.value.owner, chosen)),
                [first, second, ..] => {
                    let Param { owner, name, .. } = &param.value;
                    bail!(
                        "{}: `{owner}` is both a hook and a processor here; write {}.{name} or {}.{name}",
                        shown(param),
                        first.key(),
                        second.key(),
                    );
                }
            }
        }
        // Those of plugins that do not run, too: a misspelt one is found at once.
        for limit in &config.limits {
            limit.said(Limits::default().set(&limit.value.name, &limit.value.value))?;
            let Some(owner) = &limit.value.owner else { continue };
            if !is_of_a_file(&limit.origin) && owners(owner, chosen).is_empty() {
                let text = format!("{owner}.{}={}", limit.value.name, limit.value.value);
                bail!(not_part_of_run(&format!("--limit `{}`", escape(&text)), owner, chosen));
            }
        }
        tell_unknown(config, registry);
        Ok(Self { params, config })
    }

    /// Its parameters, checked or, of what is wrong, where it was said.
    pub(crate) fn params(
        &self,
        one: &Implementation,
    ) -> Result<serde_json::Map<String, serde_json::Value>, (ParamError, Option<&Origin>)> {
        let set = self.params.get(&one.key()).map_or(&[][..], Vec::as_slice);
        let given: ParamValues =
            set.iter().map(|param| (param.value.name.clone(), param.value.value.clone())).collect();
        let owner = format!("`{}`", one.key());
        check_params(&owner, one.params.as_deref(), &given).map_err(|error| {
            let of_error = |param: &&&Sourced<Param>| error.param() == param.value.name;
            let origin = set.iter().rev().find(of_error).map(|param| &param.origin);
            (error, origin.filter(|origin| is_of_a_file(origin)))
        })
    }

    /// What it may use.
    pub(crate) fn limits(&self, one: &Implementation) -> anyhow::Result<Limits> {
        limits(&self.config.limits, one)
    }

    /// What it is given.
    pub(crate) fn permissions(&self, one: &Implementation) -> Permissions {
        permissions(&self.config.grants, one)
    }

    /// What becomes of the run when it fails.
    pub(crate) fn on_failure(&self, one: &Implementation) -> OnFailure {
        let said = self.config.on_failure.iter().map(|said| &said.value);
        let mut its_own = said.filter(|said| is_called(one, &said.owner));
        its_own.next_back().map(|said| said.value).unwrap_or_default()
    }
}

/// What an implementation is given: the default, then what is said of it.
pub(crate) fn permissions(
    said: &[Sourced<OfPlugin<Granted>>],
    one: &Implementation,
) -> Permissions {
    let mut permissions = Permissions::default();
    for said in said.iter().map(|said| &said.value).filter(|said| is_called(one, &said.owner)) {
        match &said.value {
            Granted::Output(output) => permissions.output = *output,
            Granted::Clock(clock) => permissions.clock = *clock,
            Granted::Random(random) => permissions.random = *random,
            Granted::Read(name, dir) => {
                permissions.read.insert(name.clone(), dir.clone());
            }
        }
    }
    permissions
}

/// What an implementation may use: the defaults, what is said of all plugins, then what
/// is said of it. The builtins are nobody's plugins, and need what they have.
pub(crate) fn limits(said: &[Sourced<Limit>], one: &Implementation) -> anyhow::Result<Limits> {
    let mut limits = match one.is_builtin() {
        true => Limits::for_builtins(),
        false => Limits::default(),
    };
    for limit in said {
        let Limit { owner, name, value } = &limit.value;
        let is_its_own = match owner {
            Some(owner) => is_called(one, owner),
            None => !one.is_builtin(),
        };
        if is_its_own {
            limit.said(limits.set(name, value))?;
        }
    }
    Ok(limits)
}

/// True for `[CATEGORY/]ID` of an implementation.
fn is_called(one: &Implementation, name: &str) -> bool {
    one.identifier.as_str() == name || one.key() == name
}

fn owners<'a>(
    name: &str,
    chosen: &'a [(Arc<Implementation>, bool)],
) -> Vec<&'a Arc<Implementation>> {
    chosen.iter().map(|(one, _)| one).filter(|one| is_called(one, name)).collect()
}

fn not_part_of_run(said: &str, owner: &str, chosen: &[(Arc<Implementation>, bool)]) -> String {
    let keys: Vec<_> = chosen.iter().map(|(one, _)| one.key()).collect();
    format!(
        "{said}: `{}` is not part of this run, which has {}; select it with --hook or --processor",
        escape(owner),
        keys.join(", ")
    )
}

fn is_of_a_file(origin: &Origin) -> bool {
    matches!(origin, Origin::File { .. })
}

/// As one would type it, or where it stands.
fn shown(param: &Sourced<Param>) -> String {
    let Param { owner, name, value } = &param.value;
    match &param.origin {
        Origin::File { .. } => param.origin.to_string(),
        origin => format!("{origin} `{}`", escape(&format!("{owner}.{name}={}", value.text()))),
    }
}

/// A name in the file that nothing has is worth a word.
fn tell_unknown(config: &Config, registry: &Registry) {
    let of_params = config.params.iter().map(|one| (&one.value.owner, &one.origin));
    let of_limits =
        config.limits.iter().filter_map(|one| Some((one.value.owner.as_ref()?, &one.origin)));
    let of_grants = config.grants.iter().map(|one| (&one.value.owner, &one.origin));
    let of_policies = config.on_failure.iter().map(|one| (&one.value.owner, &one.origin));
    let named: BTreeMap<_, _> = of_params
        .chain(of_limits)
        .chain(of_grants)
        .chain(of_policies)
        .filter(|(_, origin)| is_of_a_file(origin))
        .collect();
    if named.is_empty() {
        return;
    }
    let listed = Category::ALL.into_iter().flat_map(|one| registry.list_implementations(one));
    let known: Vec<_> = listed.map(|listed| listed.implementation).collect();
    for (name, origin) in named {
        if !known.iter().any(|one| is_called(one, name)) {
            tracing::warn!(
                "{origin}: `{}` is no known plugin, and what is set for it is not used (see `perfbox plugins list`)",
                escape(name)
            );
        }
    }
}
