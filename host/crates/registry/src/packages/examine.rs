//! The checks of one package, in order. One that fails does not hide the others: what
//! can still be looked at is.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::check::{Check, Checked, Finding, Outcome};
use super::contract_check::{MissingItems, validate_code};
use super::info::PackageInfo;
use super::location::PackageLocation;
use super::manifest_check::{class_hint, disagreements, entries};
use crate::component::capability::{Access, Capability};
use crate::component::compile_cost::CompileCost;
use crate::component::info::ComponentInfo;
use crate::component::offers::Offer;
use crate::contract::{CONTRACT_VERSION, built_for_another, is_compatible};
use crate::manifest::{DEFAULT_PRIORITY, MANIFEST_FILE, Manifest, ManifestImplementation};
use crate::yaml::{self, YamlError};
use perfbox_model::escape;
use perfbox_model::names::{Category, PackageName};

/// What is known of one package.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PackageReport {
    /// Its directory, or its file for a bare component.
    pub path: PathBuf,
    /// What it is, where the first check passed.
    pub info: Option<PackageInfo>,
    /// [`Check::OF_PACKAGE`], each with its outcome.
    pub checks: Vec<Checked>,
}

/// Looks closely at one package.
pub(super) fn examine(place: &PackageLocation) -> PackageReport {
    let mut examination = Examination { place, checks: Vec::new(), entries: BTreeMap::new() };
    let info = examination.all();
    PackageReport { path: place.shown.clone(), info, checks: examination.checks }
}

/// Its name alone, before anything else of it is read.
///
/// # Errors
/// What is wrong with its manifest or its name.
pub(super) fn name_of(place: &PackageLocation) -> Result<PackageName, Finding> {
    let mut examination = Examination { place, checks: Vec::new(), entries: BTreeMap::new() };
    examination.manifest().map(|info| info.name)
}

struct Examination<'p> {
    place: &'p PackageLocation,
    checks: Vec<Checked>,
    /// Line and column of each entry of the manifest.
    entries: BTreeMap<(Category, String), (u64, u64)>,
}

/// A component that is valid.
struct Sound {
    info: ComponentInfo,
    gaps: MissingItems,
    /// What it offers, or why that cannot be read. None where only the manifest says it.
    offers: Option<Result<Vec<Offer>, String>>,
}

impl Sound {
    fn offers(&self) -> impl Iterator<Item = &Offer> {
        self.offers.iter().flatten().flatten()
    }
}

impl Examination<'_> {
    fn all(&mut self) -> Option<PackageInfo> {
        let mut info = match self.manifest() {
            Ok(info) => info,
            Err(finding) => {
                self.end(Check::Manifest, vec![finding], None);
                let rest = Check::OF_PACKAGE.into_iter().skip(1);
                rest.for_each(|check| self.end(check, Vec::new(), because(Check::Manifest)));
                return None;
            }
        };
        self.end(Check::Manifest, Vec::new(), None);
        let paths: BTreeSet<PathBuf> = match self.place.is_bare {
            true => [PathBuf::from(self.place.path.file_name().unwrap_or_default())].into(),
            false => info.implementations.iter().map(|one| one.component.clone()).collect(),
        };
        let sound = self.components(&paths);
        if self.place.is_bare {
            let offered =
                sound.iter().flat_map(|(path, one)| one.offers().map(move |one| (path, one)));
            info.implementations =
                offered.map(|(path, offer)| implementation(path, offer)).collect();
        }
        let unsound = match (sound.len() == paths.len(), self.failed(Check::Files)) {
            (true, _) => None,
            (false, true) => because(Check::Files),
            (false, false) => because(Check::Valid),
        };
        self.contract(&sound, &unsound);
        self.interfaces(&info.implementations, &sound, &unsound);
        self.imports(&sound, &unsound);
        let silent = sound.iter().find(|(_, one)| one.offers.is_none()).map(|(path, _)| {
            format!("{} does not say what it offers", escape(&path.to_string_lossy()))
        });
        let unknown = unsound.or(silent);
        self.classes(&info.implementations, &sound, &unknown);
        let unknown = if self.failed(Check::Classes) { because(Check::Classes) } else { unknown };
        self.params(&info.implementations, &sound, &unknown);
        info.components = sound.into_iter().map(|(path, one)| (path, one.info)).collect();
        if self.place.is_bare {
            info.take_metadata();
        }
        Some(info)
    }

    fn end(&mut self, check: Check, findings: Vec<Finding>, skipped: Option<String>) {
        self.checks.push(Checked { check, outcome: Outcome::of(findings, skipped) });
    }

    fn failed(&self, check: Check) -> bool {
        let is_it = |one: &&Checked| one.check == check;
        self.checks.iter().find(is_it).is_some_and(|one| matches!(one.outcome, Outcome::Failed(_)))
    }

    /// What is wrong with an entry of the manifest.
    fn entry(&self, one: &ManifestImplementation, problem: &str) -> Finding {
        let at = self.entries.get(&(one.category, one.identifier.to_string())).copied();
        let problem = format!("{}/{}: {problem}", one.category, one.identifier);
        let finding = self.place.finding(Path::new(MANIFEST_FILE), problem);
        Finding { line: at.map(|at| at.0), column: at.map(|at| at.1), ..finding }
    }

    fn manifest(&mut self) -> Result<PackageInfo, Finding> {
        let place = self.place;
        if place.is_bare {
            let own = bare(&place.path).ok().map(|info| info.metadata);
            let name = bare_name(own.and_then(|own| own.name).as_deref(), &place.stem());
            let name = name.map_err(|problem| place.finding(Path::new(""), problem))?;
            return Ok(PackageInfo::of_bare(name));
        }
        let path = place.path.join(MANIFEST_FILE);
        if path.symlink_metadata().is_err() {
            let problem = format!(
                "has no {MANIFEST_FILE}, so it is no package; add one, or take its .wasm by itself"
            );
            return Err(place.finding(Path::new(""), problem));
        }
        let manifest = Manifest::read(&place.path).map_err(|error| {
            let inner = Path::new(MANIFEST_FILE);
            match error {
                YamlError::Invalid { line, column, problem, .. } => Finding {
                    line: Some(line),
                    column: Some(column),
                    ..place.finding(inner, problem)
                },
                YamlError::Unreadable { reason, .. } => place.finding(inner, reason),
                error => place.finding(inner, error.to_string()),
            }
        })?;
        // For errors only, so what cannot be known is left out.
        self.entries = entries(&yaml::read(&path).unwrap_or_default());
        Ok(PackageInfo::of_manifest(manifest))
    }

    /// The components that are there and valid.
    fn components(&mut self, paths: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, Sound> {
        let (mut unreadable, mut invalid) = (Vec::new(), Vec::new());
        let mut sound = BTreeMap::new();
        for path in paths {
            let bytes = match self.read(path) {
                Ok(bytes) => bytes,
                Err(problem) => {
                    unreadable.push(self.place.finding(path, problem));
                    continue;
                }
            };
            let stem = self.place.is_bare.then(|| self.place.stem());
            match look_into(&bytes, stem.as_deref()) {
                Ok(one) => drop(sound.insert(path.clone(), one)),
                Err(problem) => invalid.push(self.place.finding(path, problem)),
            }
        }
        let unread = (!unreadable.is_empty()).then(|| because(Check::Files)).flatten();
        self.end(Check::Files, unreadable, None);
        self.end(Check::Valid, invalid, unread);
        sound
    }

    fn read(&self, inner: &Path) -> Result<Vec<u8>, String> {
        if !self.place.is_bare
            && let Some(linked) = linked_directory(&self.place.path, inner)
        {
            let linked = linked.to_string_lossy().into_owned();
            return Err(format!(
                "lies behind the link `{}`, and links inside a package are not followed",
                escape(&linked)
            ));
        }
        let file = match self.place.is_bare {
            // A link to a bare component is its owner's own.
            true => self.place.path.canonicalize().map_err(|error| error.to_string())?,
            false => self.place.file(inner),
        };
        perfbox_model::files::read_component(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                format!("there is no such file; check `component` in {MANIFEST_FILE}")
            }
            _ => error.to_string(),
        })
    }

    fn contract(&mut self, sound: &BTreeMap<PathBuf, Sound>, unsound: &Option<String>) {
        let mut findings = Vec::new();
        for (path, Sound { info, .. }) in sound {
            let versions: Vec<_> = info.contract_versions.iter().map(String::as_str).collect();
            let problem = match versions.as_slice() {
                [] => format!(
                    "has nothing of perfbox:plugin@{CONTRACT_VERSION}, so it is no plugin; see \
                     the worlds in `wit/worlds.wit`"
                ),
                _ if info.is_for_this_host() => continue,
                versions => format!("is {}", built_for_another(&versions.join(" and "))),
            };
            findings.push(self.place.finding(path, problem));
        }
        self.end(Check::Contract, findings, unsound.clone());
    }

    fn interfaces(
        &mut self,
        implementations: &[ManifestImplementation],
        sound: &BTreeMap<PathBuf, Sound>,
        unsound: &Option<String>,
    ) {
        let needed: BTreeSet<(&PathBuf, Category)> =
            implementations.iter().map(|one| (&one.component, one.category)).collect();
        let mut findings = Vec::new();
        for (path, category) in needed {
            let Some(Sound { info, gaps, .. }) = sound.get(path) else { continue };
            let interface = category.interface();
            if !info.categories.contains(&category) {
                let problem = format!(
                    "does not export {interface}, which a {category} needs; see the worlds in \
                     `wit/worlds.wit`"
                );
                findings.push(self.place.finding(path, problem));
            }
            for (_, lacking) in gaps.iter().filter(|(of, gap)| *of == category && !gap.is_empty()) {
                let problem = format!(
                    "exports {interface} without {}; build it with perfbox-guest, or export all \
                     that `wit/` has there",
                    lacking.join(", ")
                );
                findings.push(self.place.finding(path, problem));
            }
        }
        self.end(Check::Interfaces, findings, unsound.clone());
    }

    fn imports(&mut self, sound: &BTreeMap<PathBuf, Sound>, unsound: &Option<String>) {
        let mut findings = Vec::new();
        for (path, Sound { info, .. }) in sound {
            for name in &info.imports {
                let ability = Capability::of_import(name);
                let is_refused = ability.is_some_and(|one| one.access() == Access::Refused);
                // The contract's own check has told of other versions of it.
                if is_refused && !is_of_another_contract(name) {
                    let problem = format!(
                        "imports {}, which this host does not have; `wit/worlds.wit` says what \
                         there is",
                        escape(name)
                    );
                    findings.push(self.place.finding(path, problem));
                }
            }
        }
        self.end(Check::Imports, findings, unsound.clone());
    }

    fn classes(
        &mut self,
        implementations: &[ManifestImplementation],
        sound: &BTreeMap<PathBuf, Sound>,
        unknown: &Option<String>,
    ) {
        let mut findings = Vec::new();
        for (path, one) in sound {
            if let Some(Err(problem)) = &one.offers {
                findings.push(self.place.finding(path, problem));
            }
        }
        for one in implementations {
            let component = sound.get(&one.component);
            let Some(Ok(offers)) = component.and_then(|one| one.offers.as_ref()) else { continue };
            if offers.iter().any(|offer| is_of(one, offer)) {
                continue;
            }
            let problem = format!(
                "{} has no class `{}`; {}",
                escape(&one.component.to_string_lossy()),
                escape(&one.class),
                class_hint(one, offers)
            );
            findings.push(self.entry(one, &problem));
        }
        self.end(Check::Classes, findings, unknown.clone());
    }

    fn params(
        &mut self,
        implementations: &[ManifestImplementation],
        sound: &BTreeMap<PathBuf, Sound>,
        unknown: &Option<String>,
    ) {
        let mut findings = Vec::new();
        for one in implementations {
            let mut offers = sound.get(&one.component).into_iter().flat_map(Sound::offers);
            let taken =
                offers.find(|offer| is_of(one, offer)).and_then(|offer| offer.params.as_ref());
            if let Some(taken) = taken {
                let problems = disagreements(one.params.as_deref().unwrap_or_default(), taken);
                findings.extend(problems.iter().map(|problem| self.entry(one, problem)));
            }
        }
        self.end(Check::Params, findings, unknown.clone());
    }
}

fn is_of(one: &ManifestImplementation, offer: &Offer) -> bool {
    (offer.category, &offer.class) == (one.category, &one.class)
}

fn because(check: Check) -> Option<String> {
    Some(format!("check {} failed", check.number()))
}

/// A bare component, as far as it can be read.
pub(super) fn bare(path: &Path) -> Result<ComponentInfo, String> {
    // A link to a bare component is its owner's own.
    let file = path.canonicalize().map_err(|error| error.to_string())?;
    let bytes = perfbox_model::files::read_component(&file).map_err(|error| error.to_string())?;
    ComponentInfo::read(&bytes).map_err(|error| error.to_string())
}

/// What a bare component is called: as it says itself, or as its file is.
pub(super) fn bare_name(own: Option<&str>, stem: &str) -> Result<PackageName, String> {
    let own = own.and_then(|name| PackageName::of_plugin(name).ok());
    own.map_or_else(|| PackageName::of_plugin(stem), Ok)
}

/// The first directory between a package and a file in it that is a link.
fn linked_directory(package: &Path, inner: &Path) -> Option<PathBuf> {
    let parents = inner.ancestors().skip(1).filter(|part| !part.as_os_str().is_empty());
    let linked = parents.filter(|part| package.join(part).is_symlink());
    linked.last().map(Path::to_owned)
}

/// A component from its bytes; `stem` is what a bare one offers by where it does not say.
fn look_into(bytes: &[u8], stem: Option<&str>) -> Result<Sound, String> {
    let info = ComponentInfo::read(bytes).map_err(|error| error.to_string())?;
    if let Some(excess) = CompileCost::excess_of(bytes) {
        return Err(excess.to_string());
    }
    let exports = Category::ALL.into_iter().filter_map(|category| {
        let is_its = |name: &&String| {
            name.strip_prefix(category.interface())
                .and_then(|rest| rest.strip_prefix('@'))
                .is_some_and(is_compatible)
        };
        Some((category, info.exports.iter().find(is_its)?.clone()))
    });
    let gaps = validate_code(bytes, exports)?;
    let says = info.declares_offers() || stem.is_some();
    let offers = says.then(|| info.offers(stem.unwrap_or_default()));
    let offers = offers.map(|offers| offers.map_err(|error| error.to_string()));
    Ok(Sound { gaps, offers, info })
}

fn is_of_another_contract(import: &str) -> bool {
    let version = import.split_once('@').map(|(_, version)| version);
    import.starts_with("perfbox:plugin/") && !version.is_some_and(is_compatible)
}

/// An offer of a bare component in a manifest's form.
fn implementation(component: &Path, offer: &Offer) -> ManifestImplementation {
    ManifestImplementation {
        category: offer.category,
        identifier: offer.identifier.clone(),
        component: component.to_owned(),
        class: offer.class.clone(),
        description: offer.description.clone(),
        priority: DEFAULT_PRIORITY,
        tags: Vec::new(),
        auto_load: false,
        params: offer.params.clone(),
    }
}
