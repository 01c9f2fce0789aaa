//! The implementations that come with perfbox. They are a component like any
//! plugin's, built on the same SDK, and have no more rights than one.
//!
//! - [`Metrics`]: the distribution of every number, and the scalars, for each phase.
//! - [`Timeslices`]: the same over time.
//! - [`Histogram`]: one number in logarithmic buckets, with bars for people.
//! - [`Slo`]: the requests that meet all of several bounds.
//! - [`PhaseLog`]: one log line for each phase event.
//!
//! `registry.yaml` beside this crate is their manifest.

mod histogram;
mod metrics;
mod phase_log;
mod shared;
mod slo;
mod timeslices;

pub use histogram::{Histogram, HistogramConfig};
pub use metrics::{Metrics, MetricsConfig};
pub use phase_log::PhaseLog;
pub use slo::{Slo, SloConfig};
pub use timeslices::{Timeslices, TimeslicesConfig};

perfbox_guest::export! {
    hooks: {
        phase_log: PhaseLog {
            description: "One log line for each phase event, as key=value pairs",
        },
    }
    processors: {
        metrics: Metrics {
            description: "Distribution of every metric, and counts, totals, rates and errors, for each phase",
        },
        timeslices: Timeslices {
            description: "Counts, throughput and distributions for each slice of time of each phase",
        },
        histogram: Histogram {
            description: "One metric in logarithmic buckets, with bars for people, for each phase",
        },
        slo: Slo {
            description: "Goodput: the requests that meet all of several bounds, for each phase",
        },
    }
}
