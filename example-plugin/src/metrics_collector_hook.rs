//! `example_metrics_collector_hook`: all phase events so far, as one JSON file.

use std::fs;

use perfbox_guest::{Error, Hook, PhaseEvent, Result, output_dir};
use serde::{Deserialize, Serialize};
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use crate::event::{since_start, time};

/// Its parameters.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// Where to write, inside the plugin's output directory.
    pub metrics_file: String,
    /// Adds how long each phase took.
    pub aggregate: bool,
    /// Spaces for each level of the JSON; 0 writes it on one line.
    pub indent: u8,
}

/// Collects every phase event, and rewrites its file after each, so that the file is
/// whole whenever the run ends.
#[derive(Debug)]
pub struct MetricsCollectorHook {
    config: Config,
    phases: Vec<PhaseMetrics>,
}

/// What is known of one phase.
#[derive(Debug)]
struct PhaseMetrics {
    name: String,
    events: Vec<Value>,
    /// `sending_duration` and `total_duration` in seconds, once they are known.
    durations: Map<String, Value>,
}

impl Hook for MetricsCollectorHook {
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self { config, phases: Vec::new() })
    }

    fn on_phase_start(&mut self, event: &PhaseEvent) -> Result<()> {
        self.collect("phase_start", event, &[])?;
        self.write(event)
    }

    fn on_phase_sending_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        let stats = &event.stats;
        let counts = [("sent", stats.sent), ("sent_sessions", stats.sent_sessions)];
        let phase = self.collect("phase_sending_complete", event, &counts)?;
        phase.add_duration("sending_duration", event);
        self.write(event)
    }

    fn on_phase_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        let stats = &event.stats;
        let counts = [
            ("completed", stats.completed),
            ("cancelled", stats.cancelled),
            ("in_flight", stats.in_flight),
        ];
        let phase = self.collect("phase_complete", event, &counts)?;
        phase.add_duration("total_duration", event);
        self.write(event)
    }

    fn on_phase_timeout(&mut self, event: &PhaseEvent) -> Result<()> {
        // No duration: the phase is over when it completes, which may still follow.
        self.collect("phase_timeout", event, &[("in_flight", event.stats.in_flight)])?;
        self.write(event)
    }
}

impl MetricsCollectorHook {
    fn collect(
        &mut self,
        name: &str,
        event: &PhaseEvent,
        counts: &[(&str, u64)],
    ) -> Result<&mut PhaseMetrics> {
        let timestamp = time(event)?.to_string();
        let mut entry = json!({"event": name, "timestamp": timestamp, "phase": event.phase.name});
        for (key, count) in counts {
            entry[*key] = json!(count);
        }
        let phase = self.phase(&event.phase.name);
        phase.events.push(entry);
        Ok(phase)
    }

    fn phase(&mut self, name: &str) -> &mut PhaseMetrics {
        let known = self.phases.iter().position(|phase| phase.name == name);
        let at = known.unwrap_or_else(|| {
            self.phases.push(PhaseMetrics {
                name: name.to_owned(),
                events: Vec::new(),
                durations: Map::new(),
            });
            self.phases.len() - 1
        });
        &mut self.phases[at]
    }

    fn write(&self, last: &PhaseEvent) -> Result<()> {
        let events = |phase: &PhaseMetrics| (phase.name.clone(), json!(phase.events));
        let metrics: Map<_, _> = self.phases.iter().map(events).collect();
        let mut document = json!({"metrics": metrics});
        if self.config.aggregate {
            let timed = self.phases.iter().filter(|phase| !phase.durations.is_empty());
            let durations = |phase: &PhaseMetrics| (phase.name.clone(), json!(phase.durations));
            document["phase_durations"] = timed.map(durations).collect::<Map<_, _>>().into();
        }
        document["last_updated"] = time(last)?.to_string().into();

        let file = &self.config.metrics_file;
        fs::write(output_dir().join(file), to_json(&document, self.config.indent)?)
            .map_err(|error| Error::io(file, &error))
    }
}

impl PhaseMetrics {
    fn add_duration(&mut self, key: &str, event: &PhaseEvent) {
        if let Some(duration) = since_start(event) {
            self.durations.insert(key.to_owned(), duration.as_secs_f64().into());
        }
    }
}

fn to_json(document: &Value, indent: u8) -> Result<Vec<u8>> {
    let mut json = Vec::new();
    if indent == 0 {
        serde_json::to_writer(&mut json, document)?;
    } else {
        let spaces = " ".repeat(indent.into());
        let formatter = PrettyFormatter::with_indent(spaces.as_bytes());
        document.serialize(&mut Serializer::with_formatter(&mut json, formatter))?;
    }
    json.push(b'\n');
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{README, event, written_by};

    fn config() -> Config {
        Config { metrics_file: "phase_metrics.json".to_owned(), aggregate: true, indent: 2 }
    }

    fn text(
        config: Config,
        run: impl FnOnce(&mut MetricsCollectorHook) -> Result<()>,
    ) -> Option<String> {
        written_by("phase_metrics.json", || run(&mut MetricsCollectorHook::new(config)?))
    }

    fn collected(run: impl FnOnce(&mut MetricsCollectorHook) -> Result<()>) -> Value {
        serde_json::from_str(&text(config(), run).unwrap()).unwrap()
    }

    #[test]
    fn no_event_writes_no_file() {
        assert_eq!(text(config(), |_| Ok(())), None);
    }

    #[test]
    fn start_has_no_counts() {
        let json = collected(|hook| hook.on_phase_start(&event("warmup", 0)));
        assert_eq!(
            json,
            json!({
                "metrics": {"warmup": [
                    {"event": "phase_start", "timestamp": "2023-11-14T22:13:20Z", "phase": "warmup"},
                ]},
                "phase_durations": {},
                "last_updated": "2023-11-14T22:13:20Z",
            })
        );
    }

    #[test]
    fn sending_complete_has_what_was_sent_and_for_how_long() {
        let json = collected(|hook| hook.on_phase_sending_complete(&event("warmup", 9_500)));
        assert_eq!(
            json,
            json!({
                "metrics": {"warmup": [
                    {"event": "phase_sending_complete", "timestamp": "2023-11-14T22:13:29.5Z", "phase": "warmup",
                     "sent": 100, "sent_sessions": 10},
                ]},
                "phase_durations": {"warmup": {"sending_duration": 9.5}},
                "last_updated": "2023-11-14T22:13:29.5Z",
            })
        );
    }

    #[test]
    fn complete_has_what_became_of_the_requests_and_how_long_it_took() {
        let json = collected(|hook| hook.on_phase_complete(&event("warmup", 10_250)));
        assert_eq!(
            json,
            json!({
                "metrics": {"warmup": [
                    {"event": "phase_complete", "timestamp": "2023-11-14T22:13:30.25Z", "phase": "warmup",
                     "completed": 95, "cancelled": 2, "in_flight": 3},
                ]},
                "phase_durations": {"warmup": {"total_duration": 10.25}},
                "last_updated": "2023-11-14T22:13:30.25Z",
            })
        );
    }

    #[test]
    fn timeout_has_what_is_in_flight_and_no_duration() {
        let json = collected(|hook| hook.on_phase_timeout(&event("warmup", 10_000)));
        assert_eq!(
            json,
            json!({
                "metrics": {"warmup": [
                    {"event": "phase_timeout", "timestamp": "2023-11-14T22:13:30Z", "phase": "warmup",
                     "in_flight": 3},
                ]},
                "phase_durations": {},
                "last_updated": "2023-11-14T22:13:30Z",
            })
        );
    }

    #[test]
    fn timestamps_are_exact_to_the_nanosecond() {
        let mut event = event("warmup", 0);
        event.time_ns += 123_456_789;
        let json = collected(|hook| hook.on_phase_start(&event));
        assert_eq!(json["last_updated"], "2023-11-14T22:13:20.123456789Z");
    }

    #[test]
    fn a_whole_phase_is_as_in_the_readme() {
        let json = text(config(), |hook| {
            hook.on_phase_start(&event("warmup", 0))?;
            hook.on_phase_sending_complete(&event("warmup", 9_500))?;
            hook.on_phase_complete(&event("warmup", 10_250))
        });
        assert!(README.contains(&json.unwrap()));
    }

    #[test]
    fn phases_are_kept_apart_in_the_order_of_the_run() {
        let json = collected(|hook| {
            hook.on_phase_start(&event("warmup", 0))?;
            hook.on_phase_start(&event("profiling", 1_000))?;
            hook.on_phase_complete(&event("warmup", 2_000))
        });
        let metrics = json["metrics"].as_object().unwrap();
        let counts: Vec<_> = metrics
            .iter()
            .map(|(name, list)| (name.as_str(), list.as_array().unwrap().len()))
            .collect();
        assert_eq!(counts, [("warmup", 2), ("profiling", 1)]);
        assert_eq!(json["phase_durations"], json!({"warmup": {"total_duration": 2.0}}));
    }

    #[test]
    fn durations_are_left_out_when_the_start_is_unknown() {
        let mut event = event("warmup", 10_250);
        event.stats.start_ns = None;
        let json = collected(|hook| hook.on_phase_complete(&event));
        assert_eq!(json["phase_durations"], json!({}));
    }

    #[test]
    fn without_aggregate_there_are_no_durations() {
        let config = Config { aggregate: false, ..config() };
        let json = text(config, |hook| hook.on_phase_complete(&event("warmup", 10_250))).unwrap();
        assert!(!json.contains("phase_durations"), "{json}");
    }

    #[test]
    fn indent_is_the_one_asked_for() {
        let with_indent = |indent| {
            let config = Config { indent, ..config() };
            text(config, |hook| hook.on_phase_start(&event("warmup", 0))).unwrap()
        };
        assert!(with_indent(4).starts_with("{\n    \"metrics\": {\n        \"warmup\""));
        assert!(with_indent(0).starts_with("{\"metrics\":{\"warmup\":[{\"event\":"));
        assert_eq!(with_indent(0).lines().count(), 1);
    }
}
