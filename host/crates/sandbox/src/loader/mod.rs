//! From an implementation's location to a compiled component, checked against the
//! contract and linked, before any of its code runs.

mod child;
mod code;
mod demands;
mod error;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::bindings::hook::HookPre;
use crate::bindings::processor::{Processor, ProcessorPre};
use crate::engine::new_engine;
use crate::instance::HostState;
use code::{Compiled, Compiler};
use demands::{check_instances, check_resources};
pub use error::LoadError;
use perfbox_model::digest::Digest;
use perfbox_model::escape;
use perfbox_model::limits::Limits;
use perfbox_model::names::Category;
use perfbox_model::permissions::Permissions;
use perfbox_registry::Implementation;
use perfbox_registry::cache::CacheDir;
use perfbox_registry::component::{Access, Capability};
use perfbox_registry::contract::{CONTRACT_VERSION, built_for_another, is_compatible};
use perfbox_registry::lock::Lock;
use perfbox_registry::read::read_component;

/// Where components are compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileMode {
    /// In this process: quick, and for components whose compilation cannot do harm,
    /// since a hostile one can take all memory and much time.
    InProcess,
    /// Each in a process of its own, of this perfbox binary, with limits on time and
    /// memory: [`Limits::compile_time`] and [`Limits::compile_memory_bytes`]. The binary
    /// must be of the same version, and one that is trusted: its code is what runs.
    Child(PathBuf),
}

/// Compiles components, each once, or finds them compiled, and checks that they fit the
/// contract.
pub struct Loader {
    engine: Engine,
    linker: Linker<HostState>,
    compiler: Compiler,
    compiled: HashMap<Digest, InstancePre<HostState>>,
    lock: Option<Lock>,
    deterministic: bool,
}

/// An implementation whose component is compiled, fits the contract, and can be
/// instantiated. None of its code has run.
#[derive(Clone)]
pub struct Loaded {
    pub(crate) implementation: Arc<Implementation>,
    pub(crate) origin: Origin,
    pub(crate) component: LoadedComponent,
    /// Whether its engine counts instructions in place of time.
    pub(crate) deterministic: bool,
    /// What its component asks to be able to do.
    asks_for: Vec<(Capability, String)>,
}

impl Loaded {
    /// Refuses what asks for an ability that it is not granted.
    ///
    /// # Errors
    /// With the names of what it is not granted.
    pub fn check_permissions(&self, permissions: &Permissions) -> Result<(), LoadError> {
        let refused = self.asks_for.iter().filter(|(one, _)| !one.is_allowed(permissions));
        let asked: Vec<_> = refused.map(|(ability, import)| shown(ability, import)).collect();
        match asked.is_empty() {
            true => Ok(()),
            false => Err(LoadError::NotGranted {
                place: self.implementation.component.to_string(),
                asked: asked.join(", "),
            }),
        }
    }
}

/// An ability with the import that asks for it.
fn shown(ability: &Capability, import: &str) -> String {
    let import = escape(import);
    match ability {
        Capability::Import(_) => format!("`{import}`"),
        ability => format!("`{ability}` (`{import}`)"),
    }
}

/// A component, by what it is for.
#[derive(Clone)]
pub(crate) enum LoadedComponent {
    Hook(HookPre<HostState>),
    Processor(ProcessorPre<HostState>),
}

/// Where loaded code came from and what it cost.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) digest: Digest,
    /// 0 where it had been compiled already.
    pub(crate) compile_ns: u64,
}

impl Loader {
    /// A loader with an engine of its own.
    ///
    /// # Errors
    /// When the engine cannot be made on this machine.
    pub fn new(mode: CompileMode) -> Result<Self, LoadError> {
        Self::with_engine(mode, false)
    }

    /// A loader for runs that are to be alike to the byte: what it loads is given a clock
    /// that counts, seeded random numbers, one form of NaN, and instructions in place of
    /// time: a nanosecond of a limit is an instruction.
    ///
    /// # Errors
    /// When the engine cannot be made on this machine.
    pub fn deterministic(mode: CompileMode) -> Result<Self, LoadError> {
        Self::with_engine(mode, true)
    }

    fn with_engine(mode: CompileMode, deterministic: bool) -> Result<Self, LoadError> {
        let engine = new_engine(deterministic).map_err(LoadError::Engine)?;
        let linker = new_linker(&engine).map_err(LoadError::Engine)?;
        let compiler = Compiler::new(engine.clone(), mode, deterministic);
        Ok(Self { engine, linker, compiler, compiled: HashMap::new(), lock: None, deterministic })
    }

    /// With a lock, which refuses what is not as it was when the lock was written.
    #[must_use]
    pub fn with_lock(self, lock: Lock) -> Self {
        Self { lock: Some(lock), ..self }
    }

    /// With a place where compiled code is kept from one process to the next. Without
    /// one, every process compiles what it loads.
    #[must_use]
    pub fn with_cache(mut self, cache: CacheDir) -> Self {
        self.compiler.use_cache(cache);
        self
    }

    /// Reads, compiles and checks the component of an implementation, which may use so
    /// much.
    ///
    /// # Errors
    /// When it is refused.
    pub fn load(
        &mut self,
        implementation: Arc<Implementation>,
        limits: &Limits,
    ) -> Result<Loaded, LoadError> {
        let (component, origin) = self.load_component(&implementation, limits)?;
        let asks_for = self.abilities(component.component()).collect();
        let component = match implementation.category {
            Category::PhaseHook => HookPre::new(component).map(LoadedComponent::Hook),
            Category::PostProcessor => ProcessorPre::new(component).map(LoadedComponent::Processor),
        };
        let component = component.map_err(|error| LoadError::Contract {
            place: implementation.component.to_string(),
            category: implementation.category,
            reason: escape(&format!("{error:#}")).into_owned(),
        })?;
        Ok(Loaded {
            implementation,
            origin,
            component,
            deterministic: self.deterministic,
            asks_for,
        })
    }

    fn load_component(
        &mut self,
        one: &Implementation,
        limits: &Limits,
    ) -> Result<(InstancePre<HostState>, Origin), LoadError> {
        let bytes = read_component(&one.component, limits.component_bytes)?;
        if let Some(lock) = &self.lock {
            lock.check(one, &bytes)?;
        }
        check_instances(&bytes, &one.component, limits)?;
        let digest = Digest::of(&bytes);
        if let Some(linked) = self.compiled.get(&digest) {
            // It may have been compiled for the other category, or with other limits.
            self.check_contract(one, linked.component())?;
            check_resources(linked.component(), &one.component, limits)?;
            return Ok((linked.clone(), Origin { digest, compile_ns: 0 }));
        }
        let Compiled { component, compile_ns } =
            self.compiler.component(&digest, &bytes, &one.component, limits)?;
        check_resources(&component, &one.component, limits)?;
        // Before linking, which would only say that an import is missing.
        self.check_contract(one, &component)?;
        let refused = self.abilities(&component).filter(|(one, _)| one.access() == Access::Refused);
        let asked: Vec<_> = refused.map(|(ability, import)| shown(&ability, &import)).collect();
        if !asked.is_empty() {
            let (place, asked) = (one.component.to_string(), asked.join(", "));
            return Err(LoadError::Refused { place, asked });
        }
        let linked = self.linker.instantiate_pre(&component).map_err(|error| LoadError::Link {
            place: one.component.to_string(),
            reason: escape(&format!("{error:#}")).into_owned(),
        })?;
        self.compiled.insert(digest, linked.clone());
        Ok((linked, Origin { digest, compile_ns }))
    }

    /// What a component asks to be able to do, by which import.
    fn abilities(&self, component: &Component) -> impl Iterator<Item = (Capability, String)> {
        let component_type = component.component_type();
        let names: Vec<_> =
            component_type.imports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        names.into_iter().filter_map(|name| Some((Capability::of_import(&name)?, name)))
    }

    /// A component for another version of the contract is refused with both named.
    fn check_contract(&self, one: &Implementation, component: &Component) -> Result<(), LoadError> {
        let interface = one.category.interface();
        let component_type = component.component_type();
        let exports: Vec<String> =
            component_type.exports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        let versions: Vec<&str> = exports
            .iter()
            .filter_map(|name| name.strip_prefix(interface)?.strip_prefix('@'))
            .collect();
        let reason = match versions.as_slice() {
            [] => format!(
                "it does not export {interface}@{CONTRACT_VERSION}; see the worlds in `wit/worlds.wit`"
            ),
            versions if versions.iter().any(|version| is_compatible(version)) => return Ok(()),
            versions => format!("it is {}", built_for_another(&versions.join(" and "))),
        };
        let place = one.component.to_string();
        Err(LoadError::Contract { place, category: one.category, reason })
    }
}

/// Everything that a plugin may import: the world `processor` imports all that the
/// world `hook` does. WASI sockets are there, since the runtimes of
/// other languages import them, and every call is denied by the WASI context.
fn new_linker(engine: &Engine) -> wasmtime::Result<Linker<HostState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    linker.allow_shadowing(true);
    crate::instance::add_to_linker(&mut linker)?;
    linker.allow_shadowing(false);
    Processor::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
    Ok(linker)
}
