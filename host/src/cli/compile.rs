//! `perfbox compile-component`: what a run starts for each component that it compiles.

use std::io::{self, Read as _, Write as _};
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use clap::Args;
use perfbox::compile::{DETERMINISTIC, Ending, panicked, precompile};

/// In the order that [`perfbox::compile`] says.
#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    cpu_seconds: u64,
    memory_bytes: u64,
    parent: u32,
    #[arg(long = DETERMINISTIC)]
    deterministic: bool,
}

impl CompileArgs {
    /// Compiles standard input to standard output, confined.
    pub(crate) fn run(self) -> ExitCode {
        std::panic::set_hook(Box::new(end_of_panic));
        match self.confine().map_err(unable).and_then(|()| compile(self.deterministic)) {
            Ok(()) => ExitCode::SUCCESS,
            Err((ending, words)) => {
                crate::print_to_stderr(&words);
                ExitCode::from(ending as u8)
            }
        }
    }

    /// Gives up what compiling does not need, before anything of the component is read.
    #[cfg(target_os = "linux")]
    fn confine(&self) -> io::Result<()> {
        use rustix::process::{Resource, Signal};

        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // One that died before that line sends nothing any more.
        let parent = rustix::process::getppid().map(|parent| parent.as_raw_pid());
        if parent != i32::try_from(self.parent).ok() {
            return Err(io::Error::other("the process that needs it is gone"));
        }
        lower(Resource::Core, 0, 0)?;
        lower(Resource::Fsize, 0, 0)?;
        lower(Resource::As, self.memory_bytes, self.memory_bytes)?;
        // The first is told of by a signal of its own, the second not.
        lower(Resource::Cpu, self.cpu_seconds, self.cpu_seconds.saturating_add(1))?;
        std::env::set_current_dir("/")?;
        close_all_but_standard()
    }

    /// Elsewhere the parent's clock is all that holds.
    #[cfg(not(target_os = "linux"))]
    fn confine(&self) -> io::Result<()> {
        std::env::set_current_dir("/")
    }
}

/// Limits a resource, or leaves it where it is less already.
#[cfg(target_os = "linux")]
fn lower(resource: rustix::process::Resource, soft: u64, hard: u64) -> io::Result<()> {
    let now = rustix::process::getrlimit(resource);
    let least = |new: u64, old: Option<u64>| Some(old.map_or(new, |old| old.min(new)));
    let new = rustix::process::Rlimit {
        current: least(soft, now.current),
        maximum: least(hard, now.maximum),
    };
    Ok(rustix::process::setrlimit(resource, new)?)
}

/// Closes what the parent's own parent may have left open.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "descriptors that nothing here knows of have no owner")]
fn close_all_but_standard() -> io::Result<()> {
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        open.extend(name.to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // SAFETY: nothing in this process owns it. It is called before anything is
        // opened, but for the directory just read, which is closed by now.
        unsafe { rustix::io::close(descriptor) };
    }
    Ok(())
}

fn compile(deterministic: bool) -> Result<(), (Ending, String)> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map_err(unable)?;
    let code = precompile(&bytes, deterministic)?;
    let mut stdout = io::stdout();
    stdout.write_all(&code).and_then(|()| stdout.flush()).map_err(unable)
}

fn unable(error: io::Error) -> (Ending, String) {
    let ending = match error.kind() {
        io::ErrorKind::OutOfMemory => Ending::OutOfMemory,
        _ => Ending::Unable,
    };
    (ending, error.to_string())
}

/// A panic of whichever thread is the end of the process.
fn end_of_panic(panic: &PanicHookInfo) {
    let (ending, words) = panicked(panic.payload_as_str().unwrap_or("a panic without words"));
    crate::print_to_stderr(&words);
    std::process::exit(ending as i32);
}
