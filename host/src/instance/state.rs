//! What a store holds on the host's side.

use std::path::Path;
use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::limiter::MemoryLimiter;
use super::logs::{GuestOutput, Logs};
use crate::bindings::logging::{self, Level};
use crate::bindings::types;
use crate::grants::Grants;
use crate::limits::Limits;

/// Most random bytes that one call returns.
const RANDOM_MAX_BYTES: u64 = 1024 * 1024;

/// State of one store. It knows nothing of the host that made it.
pub(crate) struct HostState {
    wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) memory: MemoryLimiter,
    pub(crate) logs: Logs,
    pub(crate) stdout: GuestOutput,
    pub(crate) stderr: GuestOutput,
    /// When the running call has had its time.
    pub(crate) deadline: Instant,
}

impl HostState {
    /// No arguments, no environment, no input, no network; files only below
    /// `output_dir` and the directories that are granted for reading.
    pub(crate) fn new(
        limits: &Limits,
        grants: &Grants,
        output_dir: Option<&Path>,
    ) -> wasmtime::Result<Self> {
        let stdout = GuestOutput::new(Level::Info, limits);
        let stderr = GuestOutput::new(Level::Warn, limits);
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(stdout.clone())
            .stderr(stderr.clone())
            .max_random_size(RANDOM_MAX_BYTES)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        if let Some(dir) = output_dir.filter(|_| grants.output) {
            wasi.preopened_dir(dir, "/out", FsPerms::ReadWrite)?;
        }
        for (name, dir) in &grants.read {
            wasi.preopened_dir(dir, format!("/in/{name}"), FsPerms::ReadOnly)?;
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources);
        Ok(Self {
            wasi: wasi.build(),
            table,
            memory: MemoryLimiter::new(limits),
            logs: Logs::new(limits),
            stdout,
            stderr,
            deadline: Instant::now(),
        })
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for HostState {}

impl logging::Host for HostState {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.logs.push(level, &message);
        Ok(())
    }
}
