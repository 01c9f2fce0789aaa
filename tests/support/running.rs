//! A command under way. It ends before its time is over, or its test fails; it gets no
//! more memory than it should ever need, and does not outlive its test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Ran;

/// Longest run, by the wall clock: many times what the slowest takes on a busy machine.
const LONGEST: Duration = Duration::from_secs(120);

/// Most memory of a run that it may write to, in bytes: eight plugins at their limits.
#[cfg(target_os = "linux")]
const MEMORY_BYTES: u64 = 2 << 30;

/// A command that has not ended yet.
pub(crate) struct Running {
    command_line: String,
    child: Child,
    must_end: Instant,
    /// Its standard input, where that stays open.
    input: Option<JoinHandle<Option<ChildStdin>>>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Receiver<Vec<u8>>,
    said: String,
}

impl Running {
    /// Starts it with that on standard input, which stays open until its end if so said.
    pub(super) fn start(mut command: Command, input: Vec<u8>, stays_open: bool) -> Self {
        let command_line = format!("{command:?}");
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pipes.stderr(Stdio::piped()).spawn().unwrap();
        limit_memory(&child);
        let mut stdin = child.stdin.take().unwrap();
        let input = std::thread::spawn(move || {
            // A command that does not read its input closes it.
            let _ = stdin.write_all(&input);
            stays_open.then_some(stdin)
        });
        let mut stdout = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut text = Vec::new();
            stdout.read_to_end(&mut text).unwrap();
            text
        });
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (sender, stderr) = channel();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                if sender.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
        let must_end = Instant::now() + LONGEST;
        let (input, stdout) = (Some(input), Some(stdout));
        Self { command_line, child, must_end, input, stdout, stderr, said: String::new() }
    }

    /// The next line that it prints on standard error; none once that is closed.
    fn line(&mut self) -> Option<String> {
        let left = self.must_end.saturating_duration_since(Instant::now());
        match self.stderr.recv_timeout(left) {
            Ok(line) => {
                let line = String::from_utf8(line).unwrap();
                self.said.push_str(&line);
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("after {LONGEST:?} it has not ended: {}\n{}", self.command_line, self.said)
            }
        }
    }

    /// Waits for a line on standard error that has this in it.
    pub(crate) fn wait_for(&mut self, part: &str) {
        while let Some(line) = self.line() {
            if line.contains(part) {
                return;
            }
        }
        panic!("it ended without a word of {part:?}: {}\n{}", self.command_line, self.said);
    }

    /// Sends it a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Ends it where it stands.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        while self.line().is_some() {}
        let stdout = self.stdout.take().unwrap().join().unwrap();
        let status = self.child.wait().unwrap();
        drop(self.input.take().map(JoinHandle::join));
        Ran {
            command_line: std::mem::take(&mut self.command_line),
            status: status.code().unwrap_or_else(|| panic!("{status}:\n{}", self.said)),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: std::mem::take(&mut self.said),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is no matter.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts what it may write to: of the address space, WebAssembly reserves far more.
#[cfg(target_os = "linux")]
fn limit_memory(child: &Child) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let limit = Rlimit { current: Some(MEMORY_BYTES), maximum: Some(MEMORY_BYTES) };
    // One that has ended already needs no limit.
    let _ = prlimit(Some(Pid::from_child(child)), Resource::Data, limit);
}

#[cfg(not(target_os = "linux"))]
fn limit_memory(_child: &Child) {}
