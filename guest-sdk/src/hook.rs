use serde::de::DeserializeOwned;

use crate::{PhaseEvent, Result};

/// Hears of every phase event of a run.
///
/// One value is made a run. Events come in order of time; every method does nothing
/// unless it is written. An error or a panic ends this hook for the rest of the run,
/// and nothing else.
pub trait Hook: Sized + 'static {
    /// Its parameters: a struct whose fields are named as the parameters in
    /// [`export!`](crate::export) or in the manifest; [`NoConfig`](crate::NoConfig)
    /// where there are none. The host has filled in defaults and checked types.
    type Config: DeserializeOwned;

    /// Makes the hook, once a run, before the first event.
    ///
    /// # Errors
    /// When the parameters make no sense together.
    fn new(config: Self::Config) -> Result<Self>;

    /// The phase has started.
    ///
    /// # Errors
    /// Ends this hook for the run, as do errors of the methods below.
    fn on_phase_start(&mut self, event: &PhaseEvent) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// The phase's last request has been sent; some may still be in flight.
    ///
    /// # Errors
    /// See [`on_phase_start`](Self::on_phase_start).
    fn on_phase_sending_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// The phase is over.
    ///
    /// # Errors
    /// See [`on_phase_start`](Self::on_phase_start).
    fn on_phase_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        let _ = event;
        Ok(())
    }

    /// The phase ran out of time with requests still in flight. Not every run has
    /// this event, and completion may follow it.
    ///
    /// # Errors
    /// See [`on_phase_start`](Self::on_phase_start).
    fn on_phase_timeout(&mut self, event: &PhaseEvent) -> Result<()> {
        let _ = event;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NoConfig, testing};

    struct Idle;

    impl Hook for Idle {
        type Config = NoConfig;

        fn new(_: NoConfig) -> Result<Self> {
            Ok(Self)
        }
    }

    #[test]
    fn a_hook_that_writes_no_method_lets_every_event_pass() {
        let mut idle = Idle::new(NoConfig {}).unwrap();
        let event = testing::phase_event("profiling", 1);
        assert_eq!(idle.on_phase_start(&event), Ok(()));
        assert_eq!(idle.on_phase_sending_complete(&event), Ok(()));
        assert_eq!(idle.on_phase_timeout(&event), Ok(()));
        assert_eq!(idle.on_phase_complete(&event), Ok(()));
    }
}
