//! A store and the one way to call into it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use wasmtime::{Engine, Store, Trap, UpdateDeadline};

use super::config::InstanceConfig;
use super::deadline::{Budget, CallClock, CallLimit, Ending, ended};
use super::failure::{from_call, from_guest};
use super::state::HostState;
use crate::bindings::types::PluginError;
use crate::engine::EPOCH_TICK;
use perfbox_model::cost::Cost;
use perfbox_model::failure::{Failure, FailureKind};
use perfbox_model::limits::Limits;

/// What a call into a guest returns: the contract's result, or a failure of the call
/// itself.
pub(crate) type Called<T> = wasmtime::Result<Result<T, PluginError>>;

/// A store, until a call into it fails.
pub(crate) struct Sandbox {
    /// None once a call has failed.
    store: Option<Store<HostState>>,
    identifier: String,
    limits: Limits,
    clock: CallClock,
    budget: Budget,
    /// Whether instructions are counted in place of time.
    deterministic: bool,
    cost: Cost,
}

/// Real time that a call may take for each nanosecond of its limit, where instructions
/// are counted: only what the count does not see can take as long.
const REAL_TIME_FACTOR: u32 = 10;

impl Sandbox {
    /// An empty store for one instance.
    pub(crate) fn new(engine: &Engine, config: &InstanceConfig) -> Result<Self, Failure> {
        let limits = config.limits.clone();
        let output_dir = config.output_dir.as_deref();
        let state = HostState::new(&limits, &config.permissions, output_dir, config.deterministic);
        let state = state.map_err(|error| {
            let words = format!("a directory of its cannot be opened: {error}");
            Failure::new(FailureKind::Rejected, "instantiate", words)
        })?;
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(limits.returned_bytes);
        store.set_max_component_handles(limits.handles);
        let clock = CallClock::new(config.cancel.clone());
        let of_guest = clock.clone();
        store.epoch_deadline_callback(move |_| {
            Ok(match of_guest.over() {
                Some(_) => UpdateDeadline::Interrupt,
                None => UpdateDeadline::Yield(1),
            })
        });
        Ok(Self {
            store: Some(store),
            identifier: config.identifier.clone(),
            budget: Budget::new(&limits),
            limits,
            clock,
            deterministic: config.deterministic,
            cost: Cost { instances: 1, ..Cost::default() },
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// It is given so many records, which add to its budget.
    pub(crate) fn add_records(&mut self, records: u64) {
        self.budget.add_records(records);
    }

    /// Another instance of the same implementation has cost so much.
    pub(crate) fn add_cost(&mut self, other: &Cost) {
        self.cost.add(other);
    }

    /// What it has cost so far.
    pub(crate) fn cost(&self) -> &Cost {
        &self.cost
    }

    /// Makes the component's instance; its start functions run.
    pub(crate) async fn instantiate<T>(
        &mut self,
        instantiate: impl AsyncFnOnce(&mut Store<HostState>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let limit = CallLimit::of_start(&self.limits);
        let instantiate = async |store: &mut Store<HostState>| instantiate(store).await.map(Ok);
        self.guarded("instantiate", limit, instantiate).await
    }

    /// Calls into the guest: within its limit and its budget, counted, its logs handed on.
    ///
    /// # Errors
    /// Whatever went wrong, a guest's own error too; the store is gone then.
    pub(crate) async fn call<T>(
        &mut self,
        during: &str,
        limit: CallLimit,
        call: impl AsyncFnOnce(&mut Store<HostState>) -> Called<T>,
    ) -> Result<T, Failure> {
        self.cost.calls += 1;
        tracing::debug!("calling `{during}` of {}", self.identifier);
        self.guarded(during, limit, call).await
    }

    async fn guarded<T>(
        &mut self,
        during: &str,
        limit: CallLimit,
        call: impl AsyncFnOnce(&mut Store<HostState>) -> Called<T>,
    ) -> Result<T, Failure> {
        let Some(mut store) = self.store.take() else {
            let words = "it was called after it had failed";
            return Err(Failure::new(FailureKind::Trap, during, words));
        };
        let counted = if self.deterministic { ", at a nanosecond an instruction" } else { "" };
        let (time, ending) = match self.clock.is_out_of_time() {
            true => (Duration::ZERO, Ending::Cancel),
            false => self.budget.allow(limit.time),
        };
        if time.is_zero() {
            return Err(ended(ending, limit, &self.budget, counted, during));
        }
        if self.deterministic {
            let fuel = time.as_nanos().try_into().unwrap_or(u64::MAX);
            if let Err(error) = store.set_fuel(fuel) {
                return Err(Failure::new(FailureKind::Host, during, format!("{error:#}")));
            }
            self.clock.begin(time.saturating_mul(REAL_TIME_FACTOR), ending);
        } else {
            self.clock.begin(time, ending);
        }
        let state = store.data_mut();
        state.memory.begin_call();
        state.stderr.begin_call();
        store.set_epoch_deadline(1);
        let begun = Instant::now();
        let outcome = {
            let call = call(&mut store);
            // The epoch ends a guest that computes, the clock one that waits.
            let timed = async {
                tokio::select! {
                    biased;
                    returned = call => Ok(returned),
                    ending = self.clock.watch(EPOCH_TICK) => Err(ending),
                }
            };
            caught(timed).await
        };
        let wall = begun.elapsed();
        self.cost.wall_ns += wall.as_nanos() as u64;
        let spent = match store.get_fuel() {
            // What the host does for it takes no instructions, and time all the same.
            Ok(left) => {
                let counted = time.saturating_sub(Duration::from_nanos(left));
                counted.max(wall / REAL_TIME_FACTOR)
            }
            Err(_) => wall,
        };
        self.budget.spend(spent);
        self.take_stock(&mut store);
        Err(match outcome {
            Ok(Ok(Ok(Ok(value)))) => {
                self.store = Some(store);
                return Ok(value);
            }
            Ok(Ok(Ok(Err(refused)))) => from_guest(refused, during),
            Ok(Ok(Err(error))) => match error.downcast_ref::<Trap>() {
                Some(Trap::Interrupt) => {
                    let ending = self.clock.over().unwrap_or(ending);
                    ended(ending, limit, &self.budget, counted, during)
                }
                Some(Trap::OutOfFuel) => ended(ending, limit, &self.budget, counted, during),
                _ => {
                    let state = store.data();
                    let stderr = state.stderr.last_words();
                    from_call(&error, during, state.memory.denial(), &stderr, &self.limits)
                }
            },
            Ok(Err(ending)) => ended(ending, limit, &self.budget, counted, during),
            Err(panic) => Failure::new(
                FailureKind::Host,
                during,
                format!(
                    "perfbox itself broke down ({}): a defect of perfbox, please report it",
                    panic_words(&*panic)
                ),
            ),
        })
    }

    fn take_stock(&mut self, store: &mut Store<HostState>) {
        let HostState { logs, stdout, stderr, memory, .. } = store.data_mut();
        stdout.drain_into(logs);
        stderr.drain_into(logs);
        logs.drain(&self.identifier);
        self.cost.logs_dropped = logs.dropped();
        self.cost.peak_memory_bytes = memory.peak_bytes() as u64;
        self.cost.memory_denials = memory.denials();
    }
}

/// Runs a future; a panic in it is its outcome, and no more than that.
async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    // What the future had its hands on is dropped after a panic.
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

fn panic_words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic")
}

#[cfg(test)]
mod tests {
    use wasmtime::component::{Component, Linker};

    use super::*;
    use crate::engine::new_engine;

    fn sandbox(engine: &Engine) -> Sandbox {
        let config = InstanceConfig { identifier: "one".to_owned(), ..InstanceConfig::default() };
        Sandbox::new(engine, &config).unwrap()
    }

    /// A function of the host's that panics below the guest's frames.
    async fn call_what_panics(sandbox: &mut Sandbox, engine: &Engine) -> Result<(), Failure> {
        let text = r#"(component
            (import "host" (func $host))
            (core func $lowered (canon lower (func $host)))
            (core module $m
                (import "" "host" (func $host))
                (func (export "call") call $host))
            (core instance $i (instantiate $m
                (with "" (instance (export "host" (func $lowered))))))
            (func (export "call") (canon lift (core func $i "call"))))"#;
        let component = Component::from_binary(engine, &wat::parse_str(text).unwrap()).unwrap();
        let mut linker = Linker::new(engine);
        let panics = |_: wasmtime::StoreContextMut<'_, HostState>,
                      (): ()|
         -> wasmtime::Result<()> { panic!("a wheel \x1b[31mcame off") };
        linker.root().func_wrap("host", panics).unwrap();
        let limit = CallLimit::of_event(&Limits::default());
        let call = async |store: &mut Store<HostState>| {
            let instance = linker.instantiate_async(&mut *store, &component).await?;
            let call = instance.get_typed_func::<(), ()>(&mut *store, "call")?;
            call.call_async(store, ()).await.map(Ok)
        };
        sandbox.call("process", limit, call).await
    }

    #[tokio::test]
    async fn a_panic_of_the_hosts_own_ends_the_instance_and_nothing_else() {
        let engine = new_engine(false).unwrap();
        let mut first = sandbox(&engine);
        let failure = call_what_panics(&mut first, &engine).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Host);
        assert_eq!(
            failure.message,
            "perfbox itself broke down (a wheel \\u{1b}[31mcame off): a defect of perfbox, please \
             report it"
        );
        let again = call_what_panics(&mut first, &engine).await.unwrap_err();
        assert_eq!(again.message, "it was called after it had failed");
        let mut second = sandbox(&engine);
        let well = async |_: &mut Store<HostState>| Ok(Ok(7));
        assert_eq!(
            second.call("process", CallLimit::of_event(&Limits::default()), well).await,
            Ok(7)
        );
    }
}
