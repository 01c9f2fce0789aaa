use perfbox_guest::{Metric, MetricValue, PhaseBounds, PhaseSummary};

/// Metrics of one phase, or of some of its records, those that can be had.
pub(crate) struct Scalars<'a> {
    phase: &'a str,
    labels: Vec<(&'a str, String)>,
    duration_s: Option<f64>,
    basis: &'static str,
    pub(crate) metrics: Vec<Metric>,
}

impl<'a> Scalars<'a> {
    pub(crate) fn new(summary: &'a PhaseSummary) -> Self {
        let stats = &summary.stats;
        let bounds_ns = stats.start_ns.zip(stats.end_ns);
        let duration_ns = bounds_ns.and_then(|(start, end)| end.checked_sub(start));
        Self {
            phase: &summary.phase.name,
            labels: Vec::new(),
            duration_s: duration_ns.filter(|ns| *ns > 0).map(|ns| ns as f64 / 1e9),
            basis: match summary.bounds {
                PhaseBounds::Reported => "phase duration",
                PhaseBounds::FromRecords => "first request start to last request end",
            },
            metrics: Vec::new(),
        }
    }

    /// Of the records with that label.
    pub(crate) fn labelled(mut self, key: &'a str, value: impl Into<String>) -> Self {
        self.labels.push((key, value.into()));
        self
    }

    /// A metric of these records.
    pub(crate) fn metric(&self, name: &str, value: impl Into<MetricValue>, unit: &str) -> Metric {
        let metric = Metric::new(name, value, unit).phase(self.phase);
        self.labels.iter().fold(metric, |metric, (key, value)| metric.label(*key, value))
    }

    pub(crate) fn add(&mut self, name: &str, value: Option<impl Into<MetricValue>>, unit: &str) {
        let metric = value.map(|value| self.metric(name, value, unit));
        self.metrics.extend(metric);
    }

    /// `amount` over the phase's duration.
    pub(crate) fn add_rate(&mut self, name: &str, amount: Option<f64>, unit: &str) {
        let metric = amount.zip(self.duration_s).map(|(amount, duration_s)| {
            self.metric(name, amount / duration_s, unit).basis(self.basis)
        });
        self.metrics.extend(metric);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.metrics.iter().any(|metric| metric.name() == name)
    }
}
