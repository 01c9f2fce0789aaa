//! Compiling in a process of its own: what perfbox and the process that it starts for
//! one component, see [`CompileMode::Child`](crate::loader::CompileMode::Child), agree on.
//!
//! The process is `perfbox compile-component SECONDS BYTES PARENT`: its limits on
//! processor time and address space, and the process that it is not to outlive; then
//! `--deterministic`, where the loader is. It reads
//! the component from standard input, writes its machine code to standard output, and
//! ends as [`Ending`] says, with a line of reason on standard error.

use wasmtime::{CodeBuilder, OutOfMemory};

use crate::engine::new_compiler;

/// The subcommand's name.
pub const SUBCOMMAND: &str = "compile-component";

/// The flag for code like that of [`Loader::deterministic`](crate::loader::Loader::deterministic).
pub const DETERMINISTIC: &str = "deterministic";

/// Longest reason on standard error, in characters.
const REASON_CHARS: usize = 1000;

/// How a process that compiled ended by itself, as its exit status; 0 where it compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Ending {
    /// The compiler refused the component.
    Refused = 10,
    /// There was not enough memory.
    OutOfMemory = 11,
    /// The compiler panicked.
    BrokeDown = 12,
    /// It could not limit itself, or not read and write, and compiled nothing.
    Unable = 13,
}

impl Ending {
    pub(crate) fn of_status(status: i32) -> Option<Self> {
        let all = [Self::Refused, Self::OutOfMemory, Self::BrokeDown, Self::Unable];
        all.into_iter().find(|one| *one as i32 == status)
    }
}

/// The machine code for a component, for an engine like the loader's.
///
/// # Errors
/// When the compiler refuses it or has not enough memory, with the reason in words.
pub fn precompile(bytes: &[u8], deterministic: bool) -> Result<Vec<u8>, (Ending, String)> {
    let engine = new_compiler(deterministic).map_err(ending)?;
    let mut code = CodeBuilder::new(&engine);
    let code = code.wasm_binary(bytes, None).map_err(ending)?;
    code.compile_component_serialized().map_err(ending)
}

/// How a process ends whose compiler has panicked with these words.
pub fn panicked(words: &str) -> (Ending, String) {
    let ending = if is_out_of_memory(words) { Ending::OutOfMemory } else { Ending::BrokeDown };
    (ending, shortened(words.lines().next().unwrap_or_default()))
}

fn ending(error: wasmtime::Error) -> (Ending, String) {
    let words = format!("{error:#}");
    let system = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    let is_out_of_memory =
        error.is::<OutOfMemory>() || system == Some(std::io::ErrorKind::OutOfMemory);
    (if is_out_of_memory { Ending::OutOfMemory } else { Ending::Refused }, shortened(&words))
}

/// What panics say that came of an error of the system, which they show in full.
fn is_out_of_memory(words: &str) -> bool {
    // Threads that cannot have a stack are refused with the second.
    ["os error 12", "code: 12,", "os error 11", "code: 11,"].iter().any(|code| words.contains(code))
}

fn shortened(words: &str) -> String {
    let cut = words.char_indices().nth(REASON_CHARS);
    let words = cut.map_or(words, |(at, _)| &words[..at]);
    perfbox_model::escape(words).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_in_the_compilers_own_words() {
        let (ending, words) = precompile(b"\0asm\x0d\0\x01\0\x01", false).unwrap_err();
        assert_eq!(ending, Ending::Refused);
        assert!(words.starts_with("failed to parse WebAssembly module: "), "{words}");
        let text = precompile(b"(component)", false).unwrap_err();
        assert_eq!(text.0, Ending::Refused, "a text is compiled");
    }

    #[test]
    fn a_panic_is_told_from_a_lack_of_memory() {
        let long = format!("index out of bounds\u{1b}[31m{}\nmore", "x".repeat(5000));
        let (ending, words) = panicked(&long);
        assert_eq!(ending, Ending::BrokeDown);
        assert!(words.starts_with("index out of bounds\\u{1b}[31mxx"), "{words}");
        assert!(words.len() < REASON_CHARS + 10 && !words.contains("more"));
        let of_thread = r#"ThreadPoolBuildError { kind: IOError(Os { code: 11, kind: WouldBlock, message: "Resource temporarily unavailable" }) }"#;
        assert_eq!(panicked(of_thread).0, Ending::OutOfMemory);
        let of_stack = "failed to allocate: Cannot allocate memory (os error 12)";
        assert_eq!(panicked(of_stack).0, Ending::OutOfMemory);
    }

    #[test]
    fn every_ending_is_known_by_its_status() {
        for status in 0..256 {
            assert!(Ending::of_status(status).is_none_or(|ending| ending as i32 == status));
        }
        assert_eq!(Ending::of_status(10), Some(Ending::Refused));
        assert_eq!(Ending::of_status(0), None);
    }
}
