//! The implementations that come with perfbox. They are a component like any
//! plugin's, built on the same SDK, and have no more rights than one.
//!
//! - [`Metrics`]: the distribution of every number, and the scalars, for each phase.
//! - [`PhaseLog`]: one log line for each phase event.
//!
//! `registry.yaml` beside this crate is their manifest.

mod metrics;
mod phase_log;
mod shared;

pub use metrics::{Metrics, MetricsConfig};
pub use phase_log::PhaseLog;

perfbox_guest::export! {
    hooks: {
        phase_log: PhaseLog {
            description: "One log line for each phase event, as key=value pairs",
        },
    }
    processors: {
        metrics: Metrics {
            description: "Distribution of every metric, and counts, totals and rates, for each phase",
        },
    }
}
