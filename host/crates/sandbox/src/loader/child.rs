//! The parent of a process that compiles one component.

use std::io::{self, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::Builder;

use crate::compile::{DETERMINISTIC, Ending, SUBCOMMAND};
use perfbox_model::escape;
use perfbox_model::limits::{Limits, format_bytes, format_duration};

/// Most code that is taken, in bytes. The largest components that are known make some
/// 60 MB of it; the compiler's own limit on memory is usually lower.
const CODE_MAX_BYTES: u64 = 1 << 30;

/// The end of what the process says that is kept, in bytes.
const WORDS_MAX_BYTES: usize = 4096;

/// Threads that compile. More take address space for their stacks and heaps, and few
/// components are large enough to keep them busy.
const THREADS_MAX: usize = 8;

/// Heaps that these threads share: each reserves 64 MiB of address space.
const HEAPS: &str = "2";

/// Why there is no code.
pub(super) enum NoCode {
    /// The process could not be started, or not be watched.
    Unstarted(io::Error),
    /// The compiler refused the component, in its own words.
    Refused(String),
    /// The process died, and of what.
    Died(String),
    /// It went over a limit, and over which.
    OverLimit(String),
}

/// What a process that has ended leaves behind.
struct Ended {
    /// False where it was ended for taking too long.
    in_time: bool,
    status: ExitStatus,
    code: io::Result<Vec<u8>>,
    words: Vec<u8>,
}

/// The machine code for a component, compiled by a process of its own.
///
/// # Errors
/// When the compiler refuses the component, or the process dies.
pub(super) fn compile(
    program: &Path,
    bytes: &[u8],
    deterministic: bool,
    limits: &Limits,
) -> Result<Vec<u8>, NoCode> {
    let mut command = Command::new(program);
    command.arg(SUBCOMMAND).args(arguments(limits));
    if deterministic {
        command.arg(format!("--{DETERMINISTIC}"));
    }
    let ended = run(command, bytes, limits).map_err(NoCode::Unstarted)?;
    conclude(ended, limits)
}

/// What limits the process, in the order in which it is told.
fn arguments(limits: &Limits) -> [String; 3] {
    let seconds = limits.compile_time.as_nanos().div_ceil(1_000_000_000).min(u64::MAX.into());
    let parent = std::process::id();
    [seconds.to_string(), limits.compile_memory_bytes.to_string(), parent.to_string()]
}

fn run(mut command: Command, bytes: &[u8], limits: &Limits) -> io::Result<Ended> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    command.env_clear();
    command.env("RAYON_NUM_THREADS", cores.min(THREADS_MAX).to_string());
    command.env("MALLOC_ARENA_MAX", HEAPS);
    // A build that counts its coverage would die of writing that down.
    command.env("LLVM_PROFILE_FILE", "/dev/null");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Reaped(command.spawn()?);
    let missing = || io::Error::other("it has no pipe");
    let mut stdin = child.0.stdin.take().ok_or_else(missing)?;
    let stdout = child.0.stdout.take().ok_or_else(missing)?;
    let stderr = child.0.stderr.take().ok_or_else(missing)?;
    std::thread::scope(|scope| {
        // Ended before the scope waits for its threads, whatever happens in it.
        let mut child = child;
        // Nothing is sent: it closes when both have read to the end.
        let (reading, closed) = mpsc::channel::<()>();
        let also_reading = reading.clone();
        // A process that has ended needs no more of it.
        let feed = move || drop(stdin.write_all(bytes));
        let read_code = move || {
            let _reading = reading;
            read_most(stdout, CODE_MAX_BYTES)
        };
        let read_words = move || {
            let _reading = also_reading;
            read_end(stderr)
        };
        thread("perfbox-feed").spawn_scoped(scope, feed)?;
        let code = thread("perfbox-code").spawn_scoped(scope, read_code)?;
        let words = thread("perfbox-words").spawn_scoped(scope, read_words)?;
        let in_time = closed.recv_timeout(limits.compile_time) != Err(RecvTimeoutError::Timeout);
        let status = child.end()?;
        let broken = |_| io::Error::other("a thread panicked");
        let code = code.join().map_err(broken)?;
        Ok(Ended { in_time, status, code, words: words.join().map_err(broken)? })
    })
}

fn thread(name: &str) -> Builder {
    Builder::new().name(name.to_owned())
}

/// A process that is ended and waited for, whatever happens.
struct Reaped(Child);

impl Reaped {
    /// Ends it. One that is ending already, as all are whose pipes are closed, keeps the
    /// status that it ends with.
    fn end(&mut self) -> io::Result<ExitStatus> {
        // It fails where there is nothing left to end.
        let _ = self.0.kill();
        self.0.wait()
    }
}

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// All there is, and an error where that is more than `most_bytes`.
fn read_most(from: impl Read, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most_bytes + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > most_bytes {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(bytes),
    }
}

/// The end of all there is.
fn read_end(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chunk = [0; WORDS_MAX_BYTES];
    // What cannot be read was not said.
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..count]);
        bytes.drain(..bytes.len().saturating_sub(WORDS_MAX_BYTES));
    }
    bytes
}

/// What came of a process: its code, or in words why there is none.
fn conclude(ended: Ended, limits: &Limits) -> Result<Vec<u8>, NoCode> {
    let Ended { in_time, status, code, words } = ended;
    let too_long = || {
        let limit = format_duration(limits.compile_time);
        NoCode::OverLimit(format!(
            "its compilation took longer than its limit `compile_time` of {limit}"
        ))
    };
    let too_much = || {
        let limit = format_bytes(limits.compile_memory_bytes);
        NoCode::OverLimit(format!(
            "its compilation needed more memory than its limit `compile_memory` of {limit}"
        ))
    };
    if !in_time {
        return Err(too_long());
    }
    if code.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::FileTooLarge) {
        let most = format_bytes(CODE_MAX_BYTES as usize);
        return Err(NoCode::Died(format!("it would be more than {most} of machine code")));
    }
    let words = String::from_utf8_lossy(&words);
    let words = escape(words.trim_end());
    if let Some(exit) = status.code() {
        return Err(match Ending::of_status(exit) {
            Some(Ending::Refused) => NoCode::Refused(words.into_owned()),
            Some(Ending::OutOfMemory) => too_much(),
            Some(Ending::BrokeDown) => NoCode::Died(format!("the compiler broke down: {words}")),
            Some(Ending::Unable) => NoCode::Unstarted(io::Error::other(words)),
            None if exit == 0 => match code {
                Ok(code) => return Ok(code),
                Err(error) => NoCode::Died(format!("its machine code could not be read: {error}")),
            },
            None => NoCode::Died(format!("the compiler ended with status {exit}: {words}")),
        });
    }
    Err(match signal(status) {
        Some("SIGXCPU") => too_long(),
        // Rust's words, when there is no memory and when there is no stack.
        Some("SIGABRT") if words.contains("memory allocation of ") => too_much(),
        Some("SIGABRT") if words.contains("has overflowed its stack") => {
            NoCode::Died("the compiler ran out of stack over it".to_owned())
        }
        Some("SIGKILL") => NoCode::Died(
            "the compiler was killed, as the system does where memory runs out".to_owned(),
        ),
        Some(name) => NoCode::Died(format!("the compiler died of {name}")),
        None => NoCode::Died(format!("the compiler died: {status}")),
    })
}

/// The name of the signal that a process died of.
#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<&'static str> {
    use std::os::unix::process::ExitStatusExt as _;
    signal_hook::low_level::signal_name(status.signal()?)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<&'static str> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A shell that takes the component for what it is to do.
    const SHELL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/compiler.sh");

    fn compile_as(deed: &str, limits: &Limits) -> Result<Vec<u8>, NoCode> {
        compile(Path::new(SHELL), format!("ulimit -c 0\n{deed}\n").as_bytes(), false, limits)
    }

    /// The words for why there is no code, behind the kind of them.
    #[track_caller]
    fn words(deed: &str) -> String {
        match compile_as(deed, &Limits::default()) {
            Ok(code) => panic!("{deed}: {} bytes of code", code.len()),
            Err(NoCode::Refused(words)) => format!("refused: {words}"),
            Err(NoCode::Died(words)) => format!("died: {words}"),
            Err(NoCode::OverLimit(words)) => format!("over: {words}"),
            Err(NoCode::Unstarted(error)) => format!("unstarted: {error}"),
        }
    }

    #[test]
    fn whatever_a_compiler_dies_of_has_words() {
        let too_long = "over: its compilation took longer than its limit `compile_time` of 1m";
        let too_much =
            "over: its compilation needed more memory than its limit `compile_memory` of 2 GiB";
        for (deed, expected) in [
            ("echo a.wasm is odd >&2; exit 10", "refused: a.wasm is odd"),
            ("exit 11", too_much),
            ("printf 'no\\033[31m' >&2; exit 12", "died: the compiler broke down: no\\u{1b}[31m"),
            ("echo no limit >&2; exit 13", "unstarted: no limit"),
            ("echo x >&2; exit 1", "died: the compiler ended with status 1: x"),
            ("kill -XCPU $$", too_long),
            ("echo memory allocation of 9 bytes failed >&2; kill -ABRT $$", too_much),
            (
                "echo thread main has overflowed its stack >&2; kill -ABRT $$",
                "died: the compiler ran out of stack over it",
            ),
            ("kill -ABRT $$", "died: the compiler died of SIGABRT"),
            ("kill -SEGV $$", "died: the compiler died of SIGSEGV"),
            (
                "kill -KILL $$",
                "died: the compiler was killed, as the system does where memory runs out",
            ),
        ] {
            assert_eq!(words(deed), expected, "{deed}");
        }
        assert_eq!(compile_as("printf code", &Limits::default()).ok().unwrap(), b"code");
    }

    #[test]
    fn one_that_cannot_be_started_is_told_apart() {
        let started = compile(Path::new("/no/such/perfbox"), b"", false, &Limits::default());
        assert!(matches!(started, Err(NoCode::Unstarted(_))));
    }

    #[test]
    fn one_that_reads_nothing_or_talks_much_is_no_trouble() {
        let much = " ".repeat(1 << 20);
        assert_eq!(words(&format!("exit 11\n{much}")), words("exit 11"));
        let talk = "i=0; while [ $i -lt 9999 ]; do echo $i >&2; i=$((i+1)); done; exit 10";
        let said = words(talk);
        assert!(said.ends_with("\\n9997\\n9998"), "{said}");
        assert!(said.len() < 2 * WORDS_MAX_BYTES, "{}", said.len());
    }

    #[test]
    fn one_that_goes_on_is_ended_at_the_limit() {
        let limits = Limits { compile_time: Duration::from_millis(20), ..Limits::default() };
        for deed in ["while :; do :; done", "while :; do echo x >&2; done", "exec sleep 1000"] {
            let ended = compile_as(deed, &limits);
            let Err(NoCode::OverLimit(words)) = ended else { panic!("{deed}") };
            assert!(words.ends_with("its limit `compile_time` of 20ms"), "{words}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_is_left_of_one_that_says_no_more_and_stays() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pid");
        let deed = format!("echo $$ >{}; exec >&- 2>&-; exec sleep 1000", file.display());
        assert!(words(&deed).starts_with("died: the compiler was killed"));
        let pid = std::fs::read_to_string(file).unwrap();
        assert!(!Path::new("/proc").join(pid.trim()).exists(), "a zombie");
    }

    #[test]
    fn it_gets_nothing_of_the_environment_but_how_to_use_threads() {
        let said = words("env >&2; exit 10");
        let threads = std::thread::available_parallelism().unwrap().get().min(THREADS_MAX);
        assert!(said.contains(&format!("RAYON_NUM_THREADS={threads}")), "{said}");
        assert!(said.contains("MALLOC_ARENA_MAX=2"), "{said}");
        for of_cargo in ["CARGO", "HOME=", "LD_LIBRARY_PATH"] {
            assert!(!said.contains(of_cargo), "{said}");
        }
    }

    #[test]
    fn what_is_read_has_an_end() {
        assert_eq!(read_most(&b"abc"[..], 3).unwrap(), b"abc");
        let error = read_most(io::repeat(0), 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
