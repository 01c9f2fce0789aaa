//! Runs the checks of one package. A failed check skips only the checks that depend on it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::check::{Check, Checked, Finding, Outcome};
use super::contract_check::{MissingItems, validate_code};
use super::info::PackageInfo;
use super::location::PackageLocation;
use super::manifest_check::{class_hint, entry_positions, param_differences};
use crate::component::capability::{Access, Capability};
use crate::component::compile_cost::CompileCost;
use crate::component::info::ComponentInfo;
use crate::component::offers::Offer;
use crate::contract::{CONTRACT_PACKAGE, CONTRACT_VERSION, built_for_another, is_compatible};
use crate::manifest::{DEFAULT_PRIORITY, MANIFEST_FILE, Manifest, ManifestImplementation};
use crate::yaml::{self, YamlError};
use perfbox_model::escape;
use perfbox_model::names::{Category, PackageName};

/// Result of examining one package.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PackageReport {
    /// Directory, or the file of a bare component.
    pub path: PathBuf,
    /// Description, if the first check passed.
    pub info: Option<PackageInfo>,
    /// Outcomes of [`Check::OF_PACKAGE`].
    pub checks: Vec<Checked>,
}

/// Runs all checks of one package.
pub(super) fn examine(location: &PackageLocation) -> PackageReport {
    let mut examination = Examination { location, checks: Vec::new(), positions: BTreeMap::new() };
    let info = examination.run();
    PackageReport { path: location.shown.clone(), info, checks: examination.checks }
}

/// Reads only the name of a package.
///
/// # Errors
/// A finding for an invalid manifest or name.
pub(super) fn name_of(location: &PackageLocation) -> Result<PackageName, Finding> {
    let mut examination = Examination { location, checks: Vec::new(), positions: BTreeMap::new() };
    examination.manifest().map(|info| info.name)
}

struct Examination<'p> {
    location: &'p PackageLocation,
    checks: Vec<Checked>,
    /// Line and column of each entry of the manifest.
    positions: BTreeMap<(Category, String), (u64, u64)>,
}

/// Valid component.
struct ValidComponent {
    info: ComponentInfo,
    missing: MissingItems,
    /// Offered implementations, or the error of reading them; `None` if only the manifest
    /// declares them.
    offers: Option<Result<Vec<Offer>, String>>,
}

impl ValidComponent {
    fn offers(&self) -> impl Iterator<Item = &Offer> {
        self.offers.iter().flatten().flatten()
    }
}

impl Examination<'_> {
    fn run(&mut self) -> Option<PackageInfo> {
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
        let paths: BTreeSet<PathBuf> = match self.location.is_bare {
            true => [PathBuf::from(self.location.path.file_name().unwrap_or_default())].into(),
            false => info.implementations.iter().map(|one| one.component.clone()).collect(),
        };
        let sound = self.components(&paths);
        if self.location.is_bare {
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
            format!("{} does not declare its implementations", escape(&path.to_string_lossy()))
        });
        let unknown = unsound.or(silent);
        self.classes(&info.implementations, &sound, &unknown);
        let unknown = if self.failed(Check::Classes) { because(Check::Classes) } else { unknown };
        self.params(&info.implementations, &sound, &unknown);
        info.components = sound.into_iter().map(|(path, one)| (path, one.info)).collect();
        if self.location.is_bare {
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

    /// Finding for an entry of the manifest.
    fn entry(&self, one: &ManifestImplementation, problem: &str) -> Finding {
        let at = self.positions.get(&(one.category, one.identifier.to_string())).copied();
        let problem = format!("{}/{}: {problem}", one.category, one.identifier);
        let finding = self.location.finding(Path::new(MANIFEST_FILE), problem);
        Finding { line: at.map(|at| at.0), column: at.map(|at| at.1), ..finding }
    }

    fn manifest(&mut self) -> Result<PackageInfo, Finding> {
        let location = self.location;
        if location.is_bare {
            let own = read_bare(&location.path).ok().map(|info| info.metadata);
            let name = bare_name(own.and_then(|own| own.name).as_deref(), &location.stem());
            let name = name.map_err(|problem| location.finding(Path::new(""), problem))?;
            return Ok(PackageInfo::of_bare(name));
        }
        let path = location.path.join(MANIFEST_FILE);
        if path.symlink_metadata().is_err() {
            let problem = format!("has no {MANIFEST_FILE}; add one, or use its .wasm file alone");
            return Err(location.finding(Path::new(""), problem));
        }
        let manifest = Manifest::read(&location.path).map_err(|error| {
            let inner = Path::new(MANIFEST_FILE);
            match error {
                YamlError::Invalid { line, column, message, .. } => Finding {
                    line: Some(line),
                    column: Some(column),
                    ..location.finding(inner, message)
                },
                YamlError::Unreadable { reason, .. } => location.finding(inner, reason),
                error => location.finding(inner, error.to_string()),
            }
        })?;
        // Only for positions in errors, so failures are ignored.
        self.positions = entry_positions(&yaml::read(&path).unwrap_or_default());
        Ok(PackageInfo::of_manifest(manifest))
    }

    /// Reads the components and returns the valid ones.
    fn components(&mut self, paths: &BTreeSet<PathBuf>) -> BTreeMap<PathBuf, ValidComponent> {
        let (mut unreadable, mut invalid) = (Vec::new(), Vec::new());
        let mut sound = BTreeMap::new();
        for path in paths {
            let bytes = match self.read(path) {
                Ok(bytes) => bytes,
                Err(problem) => {
                    unreadable.push(self.location.finding(path, problem));
                    continue;
                }
            };
            let stem = self.location.is_bare.then(|| self.location.stem());
            match check_component(&bytes, stem.as_deref()) {
                Ok(one) => drop(sound.insert(path.clone(), one)),
                Err(problem) => invalid.push(self.location.finding(path, problem)),
            }
        }
        let unread = (!unreadable.is_empty()).then(|| because(Check::Files)).flatten();
        self.end(Check::Files, unreadable, None);
        self.end(Check::Valid, invalid, unread);
        sound
    }

    fn read(&self, inner: &Path) -> Result<Vec<u8>, String> {
        if !self.location.is_bare
            && let Some(linked) = linked_directory(&self.location.path, inner)
        {
            let linked = linked.to_string_lossy().into_owned();
            return Err(format!(
                "is behind the symbolic link `{}`, which is not allowed in a package; replace the link with the directory",
                escape(&linked)
            ));
        }
        let file = match self.location.is_bare {
            // Follow a link to a bare component: its owner made it.
            true => self.location.path.canonicalize().map_err(|error| error.to_string())?,
            false => self.location.file(inner),
        };
        perfbox_model::files::read_component(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                format!("file not found; check `component` in {MANIFEST_FILE}")
            }
            _ => error.to_string(),
        })
    }

    fn contract(&mut self, sound: &BTreeMap<PathBuf, ValidComponent>, unsound: &Option<String>) {
        let mut findings = Vec::new();
        for (path, ValidComponent { info, .. }) in sound {
            let versions: Vec<_> = info.contract_versions.iter().map(String::as_str).collect();
            let problem = match versions.as_slice() {
                [] => format!(
                    "is not a plugin: it neither imports nor exports \
                     {CONTRACT_PACKAGE}@{CONTRACT_VERSION}; see the worlds in `wit/worlds.wit`"
                ),
                _ if info.is_for_this_host() => continue,
                versions => format!("is {}", built_for_another(&versions.join(" and "))),
            };
            findings.push(self.location.finding(path, problem));
        }
        self.end(Check::Contract, findings, unsound.clone());
    }

    fn interfaces(
        &mut self,
        implementations: &[ManifestImplementation],
        sound: &BTreeMap<PathBuf, ValidComponent>,
        unsound: &Option<String>,
    ) {
        let needed: BTreeSet<(&PathBuf, Category)> =
            implementations.iter().map(|one| (&one.component, one.category)).collect();
        let mut findings = Vec::new();
        for (path, category) in needed {
            let Some(ValidComponent { info, missing, .. }) = sound.get(path) else { continue };
            let interface = category.interface();
            if !info.categories.contains(&category) {
                let problem = format!(
                    "does not export {interface}, required for a {category}; see the worlds in \
                     `wit/worlds.wit`"
                );
                findings.push(self.location.finding(path, problem));
            }
            for (_, items) in
                missing.iter().filter(|(of, items)| *of == category && !items.is_empty())
            {
                let problem = format!(
                    "exports {interface} without {}; build it with perfbox-guest, or export every \
                     item of the interface in `wit/`",
                    items.join(", ")
                );
                findings.push(self.location.finding(path, problem));
            }
        }
        self.end(Check::Interfaces, findings, unsound.clone());
    }

    fn imports(&mut self, sound: &BTreeMap<PathBuf, ValidComponent>, unsound: &Option<String>) {
        let mut findings = Vec::new();
        for (path, ValidComponent { info, .. }) in sound {
            for name in &info.imports {
                let capability = Capability::of_import(name);
                let is_refused = capability.is_some_and(|one| one.access() == Access::Refused);
                // The contract check reports other versions of the contract.
                if is_refused && !is_of_another_contract(name) {
                    let problem = format!(
                        "imports {}, which this host does not support; see the worlds in \
                         `wit/worlds.wit`",
                        escape(name)
                    );
                    findings.push(self.location.finding(path, problem));
                }
            }
        }
        self.end(Check::Imports, findings, unsound.clone());
    }

    fn classes(
        &mut self,
        implementations: &[ManifestImplementation],
        sound: &BTreeMap<PathBuf, ValidComponent>,
        unknown: &Option<String>,
    ) {
        let mut findings = Vec::new();
        for (path, one) in sound {
            if let Some(Err(problem)) = &one.offers {
                findings.push(self.location.finding(path, problem));
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
        sound: &BTreeMap<PathBuf, ValidComponent>,
        unknown: &Option<String>,
    ) {
        let mut findings = Vec::new();
        for one in implementations {
            let mut offers = sound.get(&one.component).into_iter().flat_map(ValidComponent::offers);
            let expected =
                offers.find(|offer| is_of(one, offer)).and_then(|offer| offer.params.as_ref());
            if let Some(expected) = expected {
                let problems =
                    param_differences(one.params.as_deref().unwrap_or_default(), expected);
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

/// Reads a bare component.
pub(super) fn read_bare(path: &Path) -> Result<ComponentInfo, String> {
    // Follow a link to a bare component: its owner made it.
    let file = path.canonicalize().map_err(|error| error.to_string())?;
    let bytes = perfbox_model::files::read_component(&file).map_err(|error| error.to_string())?;
    ComponentInfo::read(&bytes).map_err(|error| error.to_string())
}

/// Package name of a bare component: its own name, or that of its file.
pub(super) fn bare_name(own: Option<&str>, stem: &str) -> Result<PackageName, String> {
    let own = own.and_then(|name| PackageName::of_plugin(name).ok());
    own.map_or_else(|| PackageName::of_plugin(stem), Ok)
}

/// First directory on the way from a package to a file in it that is a symbolic link.
fn linked_directory(package: &Path, inner: &Path) -> Option<PathBuf> {
    let parents = inner.ancestors().skip(1).filter(|part| !part.as_os_str().is_empty());
    let linked = parents.filter(|part| package.join(part).is_symlink());
    linked.last().map(Path::to_owned)
}

/// Validates a component; `stem` is the fallback identifier of a bare one.
fn check_component(bytes: &[u8], stem: Option<&str>) -> Result<ValidComponent, String> {
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
    let missing = validate_code(bytes, exports)?;
    let has_offers = info.declares_offers() || stem.is_some();
    let offers = has_offers.then(|| info.offers(stem.unwrap_or_default()));
    let offers = offers.map(|offers| offers.map_err(|error| error.to_string()));
    Ok(ValidComponent { missing, offers, info })
}

fn is_of_another_contract(import: &str) -> bool {
    let version = import.split_once('@').map(|(_, version)| version);
    import.strip_prefix(CONTRACT_PACKAGE).is_some_and(|rest| rest.starts_with('/'))
        && !version.is_some_and(is_compatible)
}

/// Manifest entry for an implementation of a bare component.
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
