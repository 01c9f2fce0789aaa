//! Example plugin: two hooks and two processors in one perfbox component, to be
//! copied from.
//!
//! # Where to read on
//! 1. [`logging_hook`]: the smallest hook. One line of a file for each event.
//! 2. [`metrics_collector_hook`]: a hook with a state, which it writes as JSON.
//! 3. [`results_aggregator`]: the smallest processor. Columns in; metrics and a text
//!    for people out.
//! 4. [`metrics_processor`]: a processor with parameters, a distribution, and a file.
//! 5. This file: how all four become one component.

mod event;
#[cfg(test)]
mod fixtures;
pub mod logging_hook;
pub mod metrics_collector_hook;
pub mod metrics_processor;
pub mod results_aggregator;

use logging_hook::LoggingHook;
use metrics_collector_hook::MetricsCollectorHook;
use metrics_processor::MetricsProcessor;
use results_aggregator::ResultsAggregator;

// `registry.yaml` says the same, and adds what only a manifest can say: version,
// priority, tags. Keep the two in step.
perfbox_guest::export! {
    hooks: {
        example_logging_hook: LoggingHook {
            description: "Simple phase event logger",
            params: {
                log_file: string = "phases.log" => "Where to write, inside the plugin's output directory",
                verbose: bool = false => "Add the phase's statistics",
            },
        },
        example_metrics_collector_hook: MetricsCollectorHook {
            description: "Phase events and durations as JSON",
            params: {
                metrics_file: string = "phase_metrics.json" => "Where to write, inside the plugin's output directory",
                aggregate: bool = true => "Add how long each phase took",
                indent: int = 2 => "Spaces for each level of the JSON; 0 writes it on one line",
            },
        },
    }
    processors: {
        example_metrics_processor: MetricsProcessor {
            description: "Request counts, error rate and latency percentiles",
            params: {
                output_file: string = "metrics.txt" => "Where to write, inside the plugin's output directory",
                include_percentiles: bool = true => "Add the distribution of latencies",
                percentiles: list<float> = [50, 75, 90, 95, 99] => "Which percentiles, from 0 to 100",
            },
        },
        example_results_aggregator: ResultsAggregator {
            description: "Result sets combined into one summary",
        },
    }
}
