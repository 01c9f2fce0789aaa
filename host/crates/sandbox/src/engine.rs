//! The wasmtime engine: every knob with its reason.

use std::time::Duration;

use wasmtime::{Config, Engine, WasmBacktraceDetails};

/// How often a running guest looks whether its time is up.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(10);

/// Stack of a guest, in bytes; deeper recursion traps.
const GUEST_STACK_BYTES: usize = 512 * 1024;

/// Stack that a guest's calls and the host functions under them run on, in bytes.
const FIBER_STACK_BYTES: usize = 2 * 1024 * 1024;

/// An engine for plugins, and a thread that counts its epochs until it is dropped. A
/// deterministic one counts instructions, and has one form of NaN.
pub(crate) fn new_engine(deterministic: bool) -> wasmtime::Result<Engine> {
    let engine = new_compiler(deterministic)?;
    let weak = engine.weak();
    let tick = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH_TICK);
        }
    };
    std::thread::Builder::new().name("perfbox-epoch".to_owned()).spawn(tick)?;
    Ok(engine)
}

/// An engine that compiles what those of [`new_engine`] run, and runs nothing.
pub(crate) fn new_compiler(deterministic: bool) -> wasmtime::Result<Engine> {
    let mut config = config();
    config.consume_fuel(deterministic);
    config.cranelift_nan_canonicalization(deterministic);
    Engine::new(&config)
}

fn config() -> Config {
    let mut config = Config::new();
    // Deadlines of calls.
    config.epoch_interruption(true);
    // One call at a time into a store: costs a third of the default.
    config.concurrency_support(false);
    // Proposals that no plugin needs are attack surface. Multi-memory stays on:
    // without it, composed components make the compiler panic.
    config.wasm_gc(false);
    config.wasm_exceptions(false);
    config.wasm_function_references(false);
    config.wasm_threads(false);
    config.wasm_memory64(false);
    config.wasm_relaxed_simd(false);
    // For native debuggers.
    config.native_unwind_info(false);
    // Source lines in backtraces, of components that carry them.
    config.generate_address_map(true);
    config.wasm_backtrace_details(WasmBacktraceDetails::Enable);
    config.max_wasm_stack(GUEST_STACK_BYTES);
    config.async_stack_size(FIBER_STACK_BYTES);
    config
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_configuration_is_one_that_wasmtime_takes() {
        super::new_engine(false).expect("an engine");
        super::new_engine(true).expect("a deterministic engine");
    }

    #[test]
    fn the_engine_and_the_validator_take_the_same() {
        let engine = super::new_engine(false).unwrap();
        for (module, taken) in [
            ("(memory 1) (memory 1)", true),
            ("(func $f (return_call $f))", true),
            ("(func (result v128) (i32x4.splat (i32.const 1)))", true),
            ("(table 1 externref)", true),
            ("(memory i64 1)", false),
            ("(memory 1 1 shared)", false),
            ("(type (struct (field i32)))", false),
            ("(tag)", false),
            ("(func (param (ref func)))", false),
            (
                "(func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))",
                false,
            ),
            ("(func (result i32))", false),
        ] {
            let bytes =
                wat::parse_str(format!("(component (core module {module}))")).expect(module);
            let compiled = wasmtime::component::Component::from_binary(&engine, &bytes);
            assert_eq!(compiled.is_ok(), taken, "{module}: {:?}", compiled.err());
            let validated = perfbox_registry::packages::validate_code(&bytes, std::iter::empty());
            assert_eq!(validated.is_ok(), taken, "{module}: {validated:?}");
        }
    }
}
