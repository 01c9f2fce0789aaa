//! What guests say: messages through the contract, lines on standard output and error.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::bindings::logging::Level;
use perfbox_model::escape;
use perfbox_model::limits::Limits;

/// Longest tail of standard error that is kept for the message of a trap, in bytes.
const LAST_WORDS_BYTES: usize = 512;

/// Most bytes of one write to standard output or error.
const WRITE_MAX_BYTES: usize = 4096;

/// Lines that wait to be handed to `tracing` after the call.
#[derive(Debug)]
pub(crate) struct Logs {
    line_max_bytes: usize,
    bytes_per_second: usize,
    waiting: Vec<(Level, String)>,
    second: Instant,
    second_bytes: usize,
    dropped: u64,
}

impl Logs {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            line_max_bytes: limits.log_line_bytes,
            bytes_per_second: limits.log_bytes_per_second,
            waiting: Vec::new(),
            second: Instant::now(),
            second_bytes: 0,
            dropped: 0,
        }
    }

    /// Keeps one line, or drops and counts it.
    pub(crate) fn push(&mut self, level: Level, message: &str) {
        if self.second.elapsed() >= Duration::from_secs(1) {
            self.second = Instant::now();
            self.second_bytes = 0;
        }
        let kept = &message[..message.floor_char_boundary(self.line_max_bytes)];
        // An empty line costs as well.
        self.second_bytes += kept.len() + 1;
        if self.second_bytes > self.bytes_per_second {
            self.dropped += 1;
            return;
        }
        let cut = if kept.len() < message.len() { "…" } else { "" };
        self.waiting.push((level, format!("{}{cut}", escape(kept))));
    }

    /// Lines dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Hands what waits to `tracing`, under the plugin's identifier.
    pub(crate) fn drain(&mut self, identifier: &str) {
        for (level, line) in self.waiting.drain(..) {
            match level {
                Level::Trace => tracing::trace!(target: "plugin", "{identifier}: {line}"),
                Level::Debug => tracing::debug!(target: "plugin", "{identifier}: {line}"),
                Level::Info => tracing::info!(target: "plugin", "{identifier}: {line}"),
                Level::Warn => tracing::warn!(target: "plugin", "{identifier}: {line}"),
                Level::Error => tracing::error!(target: "plugin", "{identifier}: {line}"),
            }
        }
    }
}

/// Standard output or standard error of a guest: bounded, split into lines.
#[derive(Debug, Clone)]
pub(crate) struct GuestOutput {
    level: Level,
    shared: Arc<Mutex<Written>>,
}

#[derive(Debug, Default)]
struct Written {
    /// Whole lines, and the start of one.
    text: Vec<u8>,
    capacity: usize,
    /// Ends of lines that found no room.
    dropped_lines: u64,
    /// The last of what was written in this call.
    tail: Vec<u8>,
}

impl GuestOutput {
    pub(crate) fn new(level: Level, limits: &Limits) -> Self {
        let capacity = limits.log_bytes_per_second;
        Self { level, shared: Arc::new(Mutex::new(Written { capacity, ..Written::default() })) }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was written in earlier calls.
    pub(crate) fn begin_call(&self) {
        self.written().tail.clear();
    }

    /// Moves what was written into `logs`, line by line.
    pub(crate) fn drain_into(&self, logs: &mut Logs) {
        let (text, dropped_lines) = {
            let written = &mut *self.written();
            (std::mem::take(&mut written.text), std::mem::take(&mut written.dropped_lines))
        };
        logs.dropped += dropped_lines;
        let text = String::from_utf8_lossy(&text);
        // Rust's advice after a panic, which a plugin without environment cannot take.
        let telling = |line: &&str| {
            !line.trim().is_empty() && !line.starts_with("note: run with `RUST_BACKTRACE=")
        };
        for line in text.lines().filter(telling) {
            logs.push(self.level, line);
        }
    }

    /// The last of what was written in this call.
    pub(crate) fn last_words(&self) -> String {
        String::from_utf8_lossy(&self.written().tail).trim().to_owned()
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only asked for by WASI 0.3, which is not linked.
        Box::new(tokio::io::sink())
    }
}

#[async_trait::async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut written = self.written();
        let room = written.capacity.saturating_sub(written.text.len());
        let (kept, dropped) = bytes.split_at(bytes.len().min(room));
        written.text.extend_from_slice(kept);
        written.dropped_lines += dropped.iter().filter(|byte| **byte == b'\n').count() as u64;
        written.tail.extend_from_slice(&bytes);
        let excess = written.tail.len().saturating_sub(LAST_WORDS_BYTES);
        written.tail.drain(..excess);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_MAX_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    #[test]
    fn long_lines_are_cut_and_floods_are_dropped_and_counted() {
        let limits = Limits { log_line_bytes: 8, log_bytes_per_second: 20, ..Limits::default() };
        let mut logs = Logs::new(&limits);
        for _ in 0..3 {
            logs.push(Level::Info, "ab\ncdefghijkl");
        }
        let lines: Vec<_> = logs.waiting.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!(lines, ["ab\\ncdefg…", "ab\\ncdefg…"]);
        assert_eq!(logs.dropped(), 1);
    }

    #[test]
    fn lines_that_find_no_room_are_counted() {
        let limits = Limits { log_bytes_per_second: 8, ..Limits::default() };
        let mut stdout = GuestOutput::new(Level::Info, &limits);
        stdout.write(Bytes::from_static(b"abc\ndef\nghi\njkl\n")).unwrap();
        let mut logs = Logs::new(&limits);
        stdout.drain_into(&mut logs);
        assert_eq!((logs.waiting.len(), logs.dropped()), (2, 2));
    }

    #[test]
    fn what_a_guest_prints_becomes_lines() {
        let limits = Limits::default();
        let mut stderr = GuestOutput::new(Level::Warn, &limits);
        stderr.write(Bytes::from_static(b"panicked\nat src/lib.rs\n")).unwrap();
        let mut logs = Logs::new(&limits);
        stderr.drain_into(&mut logs);
        assert_eq!(logs.waiting.len(), 2);
        assert_eq!(stderr.last_words(), "panicked\nat src/lib.rs");
    }
    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(7),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn whatever_a_guest_prints_or_logs_can_be_shown(
            printed in prop::collection::vec(any::<u8>(), 0..64),
            logged in any::<String>(),
            log_line_bytes in 0_usize..16,
        ) {
            let limits = Limits { log_line_bytes, ..Limits::default() };
            let mut stdout = GuestOutput::new(Level::Info, &limits);
            stdout.write(Bytes::from(printed)).unwrap();
            let mut logs = Logs::new(&limits);
            stdout.drain_into(&mut logs);
            logs.push(Level::Warn, &logged);
            for (_, line) in &logs.waiting {
                prop_assert_eq!(escape(line), line.as_str());
            }
        }
    }
}
