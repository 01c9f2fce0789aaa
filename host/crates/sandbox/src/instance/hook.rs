//! An instance of a phase hook.

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::config::InstanceConfig;
use super::deadline::CallLimit;
use super::sandbox::Sandbox;
use super::state::HostState;
use crate::bindings::hook::exports::perfbox::plugin::phase_hook;
use crate::bindings::hook::{Hook, HookPre};
use perfbox_model::cost::Cost;
use perfbox_model::failure::Failure;
use perfbox_model::phase::{EventKind, PhaseEvent};

/// A hook, created.
pub struct HookInstance {
    sandbox: Sandbox,
    bindings: Hook,
    hook: ResourceAny,
}

impl HookInstance {
    /// Makes an instance and has it create the hook.
    pub(crate) async fn create(
        component: &HookPre<HostState>,
        config: &InstanceConfig,
    ) -> Result<Self, (Failure, Cost)> {
        let mut sandbox = Sandbox::new(component.engine(), config)
            .map_err(|failure| (failure, Cost::default()))?;
        match Self::start(&mut sandbox, component, config).await {
            Ok((bindings, hook)) => Ok(Self { sandbox, bindings, hook }),
            Err(failure) => Err((failure, sandbox.cost().clone())),
        }
    }

    async fn start(
        sandbox: &mut Sandbox,
        component: &HookPre<HostState>,
        config: &InstanceConfig,
    ) -> Result<(Hook, ResourceAny), Failure> {
        let bindings =
            sandbox.instantiate(async |store| component.instantiate_async(store).await).await?;
        let limit = CallLimit::of_finish(sandbox.limits());
        let guest = bindings.perfbox_plugin_phase_hook().hook();
        let create = async |store: &mut Store<HostState>| {
            guest.call_create(store, &config.class, &config.config).await
        };
        let hook = sandbox.call("create", limit, create).await?;
        Ok((bindings, hook))
    }

    /// Tells the hook what happened.
    pub async fn call(&mut self, event: &PhaseEvent) -> Result<(), Failure> {
        let guest = self.bindings.perfbox_plugin_phase_hook().hook();
        let hook = self.hook;
        let kind = event.event;
        let event = phase_hook::PhaseEvent::from(event);
        let limit = CallLimit::of_event(self.sandbox.limits());
        let call = async |store: &mut Store<HostState>| match kind {
            EventKind::PhaseStart => guest.call_on_phase_start(store, hook, event).await,
            EventKind::PhaseSendingComplete => {
                guest.call_on_phase_sending_complete(store, hook, event).await
            }
            EventKind::PhaseTimeout => guest.call_on_phase_timeout(store, hook, event).await,
            EventKind::PhaseComplete => guest.call_on_phase_complete(store, hook, event).await,
        };
        self.sandbox.call(kind.function(), limit, call).await
    }

    /// What it has cost so far.
    pub fn cost(&self) -> &Cost {
        self.sandbox.cost()
    }
}
