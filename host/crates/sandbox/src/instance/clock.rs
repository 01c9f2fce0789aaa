//! `wasi:clocks` for guests: the machine's time, or a clock that counts its readings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::clocks::{
    HostMonotonicClock, HostWallClock, WasiClocksCtxView, WasiClocksView as _,
};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

use super::state::HostState;

/// A clock that starts at zero, and is a nanosecond later at each reading; clones share
/// it. One that stood still would hang whoever waits for it to move.
#[derive(Debug, Clone, Default)]
pub(crate) struct CountingClock(Arc<AtomicU64>);

impl CountingClock {
    fn read(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// Who waits for a time is there at once.
    fn advance_to(&self, time_ns: u64) {
        self.0.fetch_max(time_ns, Ordering::Relaxed);
    }
}

impl HostWallClock for CountingClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.read())
    }
}

impl HostMonotonicClock for CountingClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.read()
    }
}

/// A time that has come.
struct Come;

#[async_trait::async_trait]
impl Pollable for Come {
    async fn ready(&mut self) {}
}

/// The monotonic clock of a guest.
pub(crate) struct MonotonicClock<'a> {
    wasi: WasiClocksCtxView<'a>,
    counting: Option<CountingClock>,
}

struct HasMonotonicClock;

impl HasData for HasMonotonicClock {
    type Data<'a> = MonotonicClock<'a>;
}

/// In place of WASI's own, which waits by the machine's time whatever its clock says.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<HostState, HasMonotonicClock>(linker, |state| {
        let counting = state.counting_clock.clone();
        MonotonicClock { wasi: state.clocks(), counting }
    })
}

impl monotonic_clock::Host for MonotonicClock<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.wasi.now()
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.wasi.resolution()
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let Some(clock) = &self.counting else { return self.wasi.subscribe_instant(when) };
        clock.advance_to(when);
        let come = self.wasi.table.push(Come)?;
        subscribe(self.wasi.table, come)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let Some(clock) = &self.counting else { return self.wasi.subscribe_duration(duration) };
        let when = clock.read().saturating_add(duration);
        self.subscribe_instant(when)
    }
}
