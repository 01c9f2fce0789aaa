//! Machine code of components: out of the cache, or compiled and kept there.

use std::hash::{Hash as _, Hasher};
use std::time::Instant;

use wasmtime::Engine;
use wasmtime::component::Component;

use super::child::{self, NoCode};
use super::demands::check_weight;
use super::{CompileMode, LoadError};
use perfbox_model::digest::Digest;
use perfbox_model::escape;
use perfbox_model::limits::Limits;
use perfbox_model::limits::RAISE;
use perfbox_registry::ComponentLocation;
use perfbox_registry::cache::{CODE_SUFFIX, CacheDir};
use perfbox_registry::read::REBUILD;

/// Compiles, and asks the cache first where there is one.
pub(super) struct Compiler {
    engine: Engine,
    mode: CompileMode,
    /// As the engine is.
    deterministic: bool,
    cache: Option<CacheDir>,
    /// Whether to write to it, which is given up, and told, at the first failure.
    keeps: bool,
}

/// A component's machine code.
pub(super) struct Compiled {
    pub(super) component: Component,
    /// 0 where it came out of the cache.
    pub(super) compile_ns: u64,
}

impl Compiler {
    pub(super) fn new(engine: Engine, mode: CompileMode, deterministic: bool) -> Self {
        Self { engine, mode, deterministic, cache: None, keeps: false }
    }

    pub(super) fn use_cache(&mut self, cache: CacheDir) {
        self.cache = Some(cache);
        self.keeps = true;
    }

    /// The machine code for these bytes, whose digest this is.
    ///
    /// # Errors
    /// When they are not in the cache and cannot be compiled.
    pub(super) fn component(
        &mut self,
        digest: &Digest,
        bytes: &[u8],
        location: &ComponentLocation,
        limits: &Limits,
    ) -> Result<Compiled, LoadError> {
        let name = entry_name(&self.engine, digest);
        if let Some(component) = self.kept(&name) {
            return Ok(Compiled { component, compile_ns: 0 });
        }
        let begun = Instant::now();
        let (component, code) = self.compile(bytes, location, limits)?;
        let compile_ns = begun.elapsed().as_nanos() as u64;
        self.keep(&name, &component, code);
        Ok(Compiled { component, compile_ns })
    }

    /// With the code itself where a process of its own has made it.
    fn compile(
        &self,
        bytes: &[u8],
        location: &ComponentLocation,
        limits: &Limits,
    ) -> Result<(Component, Option<TrustedCode>), LoadError> {
        let refused = |reason: String| LoadError::Compile { place: location.to_string(), reason };
        if let Some(reason) = perfbox_model::files::not_a_component(bytes) {
            return Err(refused(format!("it {reason}; {REBUILD}")));
        }
        check_weight(bytes, location)?;
        let unusable = |error: wasmtime::Error| {
            refused(format!("{}; {REBUILD}", escape(&format!("{error:#}"))))
        };
        let program = match &self.mode {
            CompileMode::InProcess => {
                return Ok((Component::from_binary(&self.engine, bytes).map_err(unusable)?, None));
            }
            CompileMode::Child(program) => program,
        };
        let code =
            child::compile(program, bytes, self.deterministic, limits).map_err(
                |why| match why {
                    NoCode::Refused(reason) | NoCode::Died(reason) => {
                        refused(format!("{reason}; {REBUILD}"))
                    }
                    NoCode::OverLimit(reason) => refused(format!("{reason}; {RAISE}")),
                    NoCode::Unstarted(error) => LoadError::Compiler {
                        place: location.to_string(),
                        program: program.clone(),
                        reason: escape(&error.to_string()).into_owned(),
                    },
                },
            )?;
        let code = TrustedCode(code);
        let component = deserialize(&self.engine, &code).map_err(|error| LoadError::Compiler {
            place: location.to_string(),
            program: program.clone(),
            reason: format!("its code is not for this perfbox: {}", escape(&format!("{error:#}"))),
        })?;
        Ok((component, Some(code)))
    }

    /// What the cache holds under this name, whenever it can be trusted and used.
    fn kept(&self, name: &str) -> Option<Component> {
        let code = self.look_up(name)?;
        match deserialize(&self.engine, &code) {
            Ok(component) => Some(component),
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::warn!(
                    "cache entry `{name}` cannot be used: {}; the component is compiled anew",
                    escape(&reason)
                );
                None
            }
        }
    }

    /// The one way to code from the cache: none but what [`Compiler::keep`] put there
    /// under this name.
    fn look_up(&self, name: &str) -> Option<TrustedCode> {
        match self.cache.as_ref()?.read(name) {
            Ok(code) => code.map(TrustedCode),
            Err(error) => {
                tracing::warn!("{error}; the component is compiled anew");
                None
            }
        }
    }

    /// A cache that cannot be written costs time in later runs, and nothing else.
    fn keep(&mut self, name: &str, component: &Component, code: Option<TrustedCode>) {
        let Some(cache) = self.cache.as_ref().filter(|_| self.keeps) else { return };
        let code = code.map_or_else(|| component.serialize(), |code| Ok(code.0));
        let written = match code {
            Ok(code) => cache.write(name, &code).map_err(|error| error.to_string()),
            Err(error) => Err(format!("{error:#}")),
        };
        if let Err(reason) = written {
            self.keeps = false;
            tracing::warn!("compiled code is not kept: {reason}; the next run compiles anew");
        }
    }
}

/// Machine code that this user's perfbox has compiled, bytes that nobody else can change.
struct TrustedCode(Vec<u8>);

/// The bytes, not a path: what was checked is what runs.
#[allow(unsafe_code, reason = "wasmtime cannot check machine code; where it comes from is known")]
fn deserialize(engine: &Engine, code: &TrustedCode) -> wasmtime::Result<Component> {
    // SAFETY: the bytes must come from wasmtime's compiler. `TrustedCode` is made in two
    // places. In `compile`, of what a child process wrote: one of the binary that the
    // embedder vouches for, through a pipe that only the two of them hold, and only
    // where it ended well. A compiler that a component has taken over could write
    // anything there; in this process it could as well. In `look_up`, of an entry whose
    // MAC is right: only `keep` writes entries of code with that key, and gives them
    // what came from such a child or from `Component::serialize`. The name, which the
    // MAC covers, says for which wasmtime, settings and processor. Code for another is
    // refused by wasmtime's own header, wherever it comes from.
    unsafe { Component::deserialize(engine, &code.0) }
}

/// Names code by what was compiled and by all that decides how: wasmtime, its settings,
/// the processor.
fn entry_name(engine: &Engine, digest: &Digest) -> String {
    let mut hasher = Blake3Hasher(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}{CODE_SUFFIX}", digest.hex(), hasher.finish())
}

/// The standard library's own hasher may change between versions of Rust, and then the
/// names would.
struct Blake3Hasher(blake3::Hasher);

impl Hasher for Blake3Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        self.0.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Seek as _, SeekFrom, Write as _};
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::engine::new_engine;

    const LOCATION: ComponentLocation = ComponentLocation::Builtin;

    fn compiler(place: &TempDir) -> Compiler {
        let cache = CacheDir::open(&place.path().join("cache"), &place.path().join("key"));
        let mut compiler = Compiler::new(new_engine(false).unwrap(), CompileMode::InProcess, false);
        compiler.use_cache(cache.unwrap());
        compiler
    }

    /// A component with a function in it, so that there is code to flip.
    fn component() -> Vec<u8> {
        let text = "(component (core module $m (memory 1) (func (export \"f\") (result i32) \
                    i32.const 4 i32.load)) (core instance (instantiate $m)))";
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn code_is_compiled_once_and_comes_out_of_the_cache_after() {
        let place = tempfile::tempdir().unwrap();
        let bytes = component();
        let digest = Digest::of(&bytes);
        let first =
            compiler(&place).component(&digest, &bytes, &LOCATION, &Limits::default()).unwrap();
        assert!(first.compile_ns > 0);
        let second =
            compiler(&place).component(&digest, &bytes, &LOCATION, &Limits::default()).unwrap();
        assert_eq!(second.compile_ns, 0);
        let code = |compiled: Compiled| compiled.component.serialize().unwrap();
        assert!(code(first) == code(second), "the code is another");
    }

    #[test]
    fn no_flipped_byte_of_an_entry_reaches_the_machine() {
        let place = tempfile::tempdir().unwrap();
        let bytes = component();
        let digest = Digest::of(&bytes);
        let mut compiler = compiler(&place);
        compiler.component(&digest, &bytes, &LOCATION, &Limits::default()).unwrap();
        let name = entry_name(&compiler.engine, &digest);
        let path = place.path().join("cache").join(&name);
        let whole = fs::read(&path).unwrap();
        let mut file = fs::File::options().write(true).open(&path).unwrap();
        let mut put = |at: usize, byte: u8| {
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.write_all(&[byte]).unwrap();
        };

        // Every byte of the head, and as many all over the rest as make 2,000.
        let head = 64;
        let rest = 2000 - head;
        let spread = (0..rest).map(|n| head + n * (whole.len() - head) / rest);
        let mut flips = 0;
        for at in (0..head).chain(spread) {
            put(at, whole[at] ^ 1 << (flips % 8));
            assert!(compiler.look_up(&name).is_none(), "the flip at {at} was not seen");
            put(at, whole[at]);
            flips += 1;
        }
        assert_eq!(flips, 2000);
        let code = compiler.look_up(&name).expect("the entry as it was written");
        assert!(deserialize(&compiler.engine, &code).is_ok());
    }

    #[test]
    fn code_for_another_engine_has_another_name() {
        let digest = Digest::of(b"");
        let ours = new_engine(false).unwrap();
        assert_eq!(entry_name(&ours, &digest), entry_name(&new_engine(false).unwrap(), &digest));
        assert_ne!(entry_name(&ours, &digest), entry_name(&ours, &Digest::of(b"other")));
        assert_ne!(entry_name(&ours, &digest), entry_name(&Engine::default(), &digest));
    }

    #[test]
    fn code_that_cannot_be_used_is_compiled_anew_and_replaced() {
        let place = tempfile::tempdir().unwrap();
        let bytes = component();
        let digest = Digest::of(&bytes);
        let mut compiler = compiler(&place);
        let name = entry_name(&compiler.engine, &digest);
        // Written with the right key, and yet no code.
        compiler.cache.as_ref().unwrap().write(&name, b"no code").unwrap();
        assert!(
            compiler.component(&digest, &bytes, &LOCATION, &Limits::default()).unwrap().compile_ns
                > 0
        );
        assert_eq!(
            compiler.component(&digest, &bytes, &LOCATION, &Limits::default()).unwrap().compile_ns,
            0
        );
    }

    #[test]
    fn a_cache_that_cannot_be_written_is_given_up_and_costs_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let bytes = component();
        let digest = Digest::of(&bytes);
        let mut compiler = compiler(&place);
        remove(&place.path().join("cache"));
        for _ in 0..2 {
            assert!(
                compiler
                    .component(&digest, &bytes, &LOCATION, &Limits::default())
                    .unwrap()
                    .compile_ns
                    > 0
            );
            assert!(!compiler.keeps);
        }
    }

    fn remove(dir: &Path) {
        fs::remove_dir_all(dir).unwrap();
    }
}
