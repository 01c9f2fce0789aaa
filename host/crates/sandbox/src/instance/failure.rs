//! What ended a plugin.

use wasmtime::component::ResourceTableError;
use wasmtime::{FrameInfo, FrameSymbol, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::filesystem::OverQuota;
use super::state::RANDOM_MAX_BYTES;
use crate::bindings::types::{ErrorKind, PluginError};
use perfbox_model::escape;
use perfbox_model::failure::{Failure, FailureKind};
use perfbox_model::limits::{Limits, format_bytes};

/// What a panicking guest printed, in one line, without advice that it cannot take.
fn last_words(stderr: &str) -> Option<String> {
    let lines = stderr.lines().map(str::trim);
    let telling = lines.filter(|line| !line.is_empty() && !line.contains("RUST_BACKTRACE"));
    let words = telling.collect::<Vec<_>>().join(" ");
    // Of a panic: not which thread, since there is one.
    let words = match words.split_once(" panicked at ") {
        Some((thread, place)) if thread.starts_with("thread '") => format!("panicked at {place}"),
        _ => words,
    };
    (!words.is_empty()).then_some(words)
}

/// What WebAssembly forbids, in its words.
fn trap_words(trap: Trap) -> String {
    let words = trap.to_string();
    let words = words.strip_prefix("wasm trap: ").unwrap_or(&words);
    match trap {
        // The stack of a guest's own lies in its memory.
        Trap::MemoryOutOfBounds => format!("{words}, as by a recursion without end"),
        _ => words.to_owned(),
    }
}

/// A cause, and what the guest printed before it.
fn with_words(cause: String, printed: Option<String>) -> String {
    match printed {
        Some(words) => format!("{cause} (it printed: {words})"),
        None => cause,
    }
}

/// An error that the guest returned.
pub(crate) fn from_guest(error: PluginError, during: &str) -> Failure {
    let prefix = match error.kind {
        ErrorKind::InvalidConfig => "its configuration was refused: ",
        ErrorKind::InvalidInput => "the input does not suit it: ",
        ErrorKind::Io => "its files could not be written: ",
        ErrorKind::Other => "",
    };
    Failure::new(FailureKind::Error, during, format!("{prefix}{}", error.message))
}

/// An error of a call as wasmtime reports it. `memory_denied` says that memory was
/// refused in this call, `stderr` holds the last of what the guest printed in it.
pub(crate) fn from_call(
    error: &wasmtime::Error,
    during: &str,
    memory_denied: Option<String>,
    stderr: &str,
    limits: &Limits,
) -> Failure {
    let failure = without_backtrace(error, during, memory_denied, stderr, limits);
    let backtrace = match failure.kind {
        FailureKind::Trap | FailureKind::Memory => backtrace(error),
        _ => Vec::new(),
    };
    Failure { backtrace, ..failure }
}

fn without_backtrace(
    error: &wasmtime::Error,
    during: &str,
    memory_denied: Option<String>,
    stderr: &str,
    limits: &Limits,
) -> Failure {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        // WASI 0.2 hands on no more of the status.
        let status = if exit.0 == 0 { "0" } else { "other than 0" };
        let message = format!("it called exit, with status {status}; return an error instead");
        return Failure::new(FailureKind::Exit, during, message);
    }
    let trap = error.downcast_ref::<Trap>();
    let printed = last_words(stderr);
    if let Some(denied) = memory_denied {
        return Failure::new(FailureKind::Memory, during, with_words(denied, printed));
    }
    match (trap, printed) {
        // What a panic becomes; what it printed says it all.
        (Some(Trap::UnreachableCodeReached), Some(words)) => {
            Failure::new(FailureKind::Trap, during, words)
        }
        (Some(trap), words) => {
            Failure::new(FailureKind::Trap, during, with_words(trap_words(*trap), words))
        }
        (None, words) => {
            if let Some(over) = error.downcast_ref::<OverQuota>() {
                return Failure::new(FailureKind::Output, during, over.to_string());
            }
            let cause = error.root_cause().to_string();
            // wasmtime keeps the type of this error to itself.
            if cause.contains("fuel allocated for hostcalls") {
                let words = format!(
                    "it handed over more in one value than its limit `returned_value` of {}",
                    format_bytes(limits.returned_bytes)
                );
                return Failure::new(FailureKind::InvalidOutput, during, words);
            }
            if error.chain().any(|cause| cause.is::<std::io::Error>()) {
                let words = format!("the machine did not give what it needed: {cause}");
                return Failure::new(FailureKind::Host, during, words);
            }
            if let Some(cause) = told_better(error, limits) {
                return Failure::new(FailureKind::Trap, during, cause);
            }
            Failure::new(FailureKind::Trap, during, with_words(cause, words))
        }
    }
}

/// What the host's own functions refuse, in words for a plugin's author.
fn told_better(error: &wasmtime::Error, limits: &Limits) -> Option<String> {
    if let Some(ResourceTableError::Full) = error.downcast_ref::<ResourceTableError>() {
        return Some(format!(
            "it held {} open files, directories, streams and batches, its limit `resources`, and \
             wanted another",
            limits.resources
        ));
    }
    // wasmtime has no types for these.
    let cause = error.root_cause().to_string();
    if cause.contains("store handle limit exceeded") {
        return Some(format!(
            "it held {} handles, its limit `handles`, and wanted another",
            limits.handles
        ));
    }
    if cause.starts_with("requested len ") {
        return Some(format!(
            "it asked for more random bytes in one call than the {} that are given",
            format_bytes(RANDOM_MAX_BYTES as usize)
        ));
    }
    None
}

/// Longest name of a function or a file in a backtrace, in bytes.
const FRAME_NAME_BYTES: usize = 200;

/// The guest's frames, made safe.
fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(frames) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let mut lines: Vec<_> = frames.frames().iter().flat_map(frame_lines).collect();
    // From a panic to the code that panicked, it is the same each time.
    let of_panic = lines.iter().take_while(|line| is_of_panic(line)).count();
    if of_panic < lines.len() {
        lines.drain(..of_panic);
    }
    lines
}

/// True for a function of Rust's own that a panic ends in.
fn is_of_panic(line: &str) -> bool {
    line == "abort"
        || ["__rust", "core::", "rust_", "std::"].iter().any(|start| line.starts_with(start))
}

/// One line, or one for each function that was inlined there.
fn frame_lines(frame: &FrameInfo) -> Vec<String> {
    let name = |raw: Option<&str>| match raw {
        // Without the hash that Rust puts behind a name.
        Some(raw) => shortened(&format!("{:#}", rustc_demangle::demangle(raw))),
        None => format!("function {}", frame.func_index()),
    };
    let symbols = frame.symbols();
    if symbols.is_empty() {
        return vec![name(frame.func_name())];
    }
    let line = |symbol: &FrameSymbol| {
        let function = name(symbol.name().or(frame.func_name()));
        match (symbol.file(), symbol.line(), symbol.column()) {
            (Some(file), Some(line), Some(column)) => {
                format!("{function} ({}:{line}:{column})", shortened(file))
            }
            (Some(file), Some(line), None) => format!("{function} ({}:{line})", shortened(file)),
            _ => function,
        }
    };
    symbols.iter().map(line).collect()
}

fn shortened(text: &str) -> String {
    let kept = &text[..text.floor_char_boundary(FRAME_NAME_BYTES)];
    let cut = if kept.len() < text.len() { "…" } else { "" };
    format!("{}{cut}", escape(kept))
}
