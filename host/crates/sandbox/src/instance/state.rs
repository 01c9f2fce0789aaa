//! What a store holds on the host's side.

use std::path::Path;

use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::clock::CountingClock;
use super::filesystem::Files;
use super::limiter::MemoryLimiter;
use super::logs::{GuestOutput, Logs};
use crate::bindings::logging::{self, Level};
use crate::bindings::{batches, types};
use perfbox_model::limits::Limits;
use perfbox_model::permissions::{Clock, Permissions, Random};

/// Most random bytes that one call returns.
pub(super) const RANDOM_MAX_BYTES: u64 = 1024 * 1024;

/// Of seeded random numbers; any number would do.
const SEED: u64 = 0x7065_7266_626f_7821;

/// State of one store. It knows nothing of the host that made it.
pub(crate) struct HostState {
    wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) memory: MemoryLimiter,
    pub(crate) logs: Logs,
    pub(crate) stdout: GuestOutput,
    pub(crate) stderr: GuestOutput,
    pub(super) files: Files,
    /// Where it does not read the machine's time.
    pub(crate) counting_clock: Option<CountingClock>,
}

impl HostState {
    /// No arguments, no environment, no input, no network; files only below
    /// `output_dir` and the directories that are granted for reading.
    pub(crate) fn new(
        limits: &Limits,
        grants: &Permissions,
        output_dir: Option<&Path>,
        deterministic: bool,
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
        let counts = deterministic || grants.clock == Clock::Counting;
        let counting_clock = counts.then(CountingClock::default);
        if let Some(clock) = &counting_clock {
            wasi.wall_clock(clock.clone()).monotonic_clock(clock.clone());
        }
        if deterministic || grants.random == Random::Seeded {
            wasi.secure_random(Xoshiro256PlusPlus::seed_from_u64(SEED))
                .insecure_random(Xoshiro256PlusPlus::seed_from_u64(!SEED))
                .insecure_random_seed(u128::from(SEED));
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
            counting_clock,
            files: Files::new(limits, deterministic),
        })
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl types::Host for HostState {}

impl batches::Host for HostState {}

impl logging::Host for HostState {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.logs.push(level, &message);
        Ok(())
    }
}
