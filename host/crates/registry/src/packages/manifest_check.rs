//! Whether a manifest says of a component what the component says of itself.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use crate::component::offers::Offer;
use crate::manifest::ManifestImplementation;
use crate::params::ConfigParam;
use perfbox_model::escape;
use perfbox_model::names::{Category, ParamName, nearest};

/// What could be meant by a class that the component does not offer.
pub(super) fn class_hint(one: &ManifestImplementation, offers: &[Offer]) -> String {
    let classes = || {
        let of_category = offers.iter().filter(|offer| offer.category == one.category);
        of_category.map(|offer| offer.class.as_str())
    };
    match (nearest(&one.class, classes()), classes().next()) {
        (Some(near), _) => format!("did you mean `{}`?", escape(near)),
        (None, Some(_)) => {
            format!("it has {}", escape(&classes().collect::<Vec<_>>().join(", ")))
        }
        (None, None) => format!("it has no {} at all", one.category),
    }
}

/// Where a manifest and its component do not agree about parameters. The host
/// hands on what the manifest declares, and no more: of what it leaves out the component
/// does not even get the default.
pub(super) fn disagreements(declared: &[ConfigParam], taken: &[ConfigParam]) -> Vec<String> {
    let mut problems = Vec::new();
    for param in declared {
        match taken.iter().find(|one| one.name == param.name) {
            Some(one) if one.kind == param.kind => {}
            Some(one) => problems.push(format!(
                "parameter `{}` is declared as {}, and the component takes {}",
                param.name, param.kind, one.kind
            )),
            None => {
                let known = || taken.iter().map(|one| one.name.as_str());
                let hint = match nearest(param.name.as_str(), known()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if taken.is_empty() => "it takes none".to_owned(),
                    None => format!("it takes {}", known().collect::<Vec<_>>().join(", ")),
                };
                problems.push(format!("the component has no parameter `{}`; {hint}", param.name));
            }
        }
    }
    let is_declared = |name: &ParamName| declared.iter().any(|param| param.name == *name);
    let missing = taken.iter().filter(|one| !is_declared(&one.name));
    problems.extend(missing.map(|one| {
        let default = match &one.default {
            Some(default) => format!(", nor its default, {default}"),
            None => String::new(),
        };
        format!(
            "the component takes parameter `{}` ({}), which is not declared, so that it never \
             gets it{default}",
            one.name, one.kind
        )
    }));
    problems
}

/// Line and column of each entry of a valid manifest.
pub(super) fn entries(text: &str) -> BTreeMap<(Category, String), (u64, u64)> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Entries {
        phase_hooks: BTreeMap<String, Spanned<IgnoredAny>>,
        post_processors: BTreeMap<String, Spanned<IgnoredAny>>,
    }
    let found: Entries = serde_saphyr::from_str(text).unwrap_or_default();
    let categories = [
        (Category::PhaseHook, found.phase_hooks),
        (Category::PostProcessor, found.post_processors),
    ];
    let entries = categories.into_iter().flat_map(|(category, entries)| {
        let place = |entry: &Spanned<IgnoredAny>| {
            (entry.referenced.line().max(1), entry.referenced.column().max(1))
        };
        entries.into_iter().map(move |(identifier, entry)| ((category, identifier), place(&entry)))
    });
    entries.collect()
}
