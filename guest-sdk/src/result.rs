use crate::bindings::types as wit;
use crate::stats::Distribution;

/// What a processor returns: metrics, and a text for people if it likes.
///
/// ```
/// use perfbox_guest::{Metric, ProcessingResult};
///
/// let result = ProcessingResult::new()
///     .metric("requests", 3_u64, "requests")
///     .push(Metric::new("error_rate", 0.25, "ratio").phase("profiling").label("code", "503"))
///     .report("3 requests\n1 error");
/// assert_eq!(result.metrics().len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProcessingResult {
    metrics: Vec<Metric>,
    report: Option<String>,
}

impl ProcessingResult {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a metric of the whole run.
    #[must_use]
    pub fn metric(
        self,
        name: impl Into<String>,
        value: impl Into<MetricValue>,
        unit: impl Into<String>,
    ) -> Self {
        self.push(Metric::new(name, value, unit))
    }

    /// Adds a metric.
    #[must_use]
    pub fn push(mut self, metric: Metric) -> Self {
        self.metrics.push(metric);
        self
    }

    /// Adds metrics.
    #[must_use]
    pub fn extend(mut self, metrics: impl IntoIterator<Item = Metric>) -> Self {
        self.metrics.extend(metrics);
        self
    }

    /// Sets the text for people, in lines.
    #[must_use]
    pub fn report(mut self, text: impl Into<String>) -> Self {
        self.report = Some(text.into());
        self
    }

    /// The metrics so far.
    pub fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// The value of the first metric of that name.
    pub fn find(&self, name: &str) -> Option<&MetricValue> {
        self.metrics.iter().find(|metric| metric.name == name).map(|metric| &metric.value)
    }

    /// The text for people.
    pub fn report_text(&self) -> Option<&str> {
        self.report.as_deref()
    }

    pub(crate) fn into_wit(self) -> wit::ProcessingResult {
        wit::ProcessingResult {
            metrics: self.metrics.into_iter().map(Metric::into_wit).collect(),
            report: self.report,
        }
    }
}

/// One result. Name, phase and labels together are its key: return each key once.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    name: String,
    phase: Option<String>,
    labels: Vec<(String, String)>,
    unit: String,
    basis: Option<String>,
    value: MetricValue,
}

impl Metric {
    /// A metric of the whole run. `unit` is for example `ms`, `requests/sec`,
    /// `ratio`; empty where there is none.
    pub fn new(
        name: impl Into<String>,
        value: impl Into<MetricValue>,
        unit: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            phase: None,
            labels: Vec::new(),
            unit: unit.into(),
            basis: None,
            value: value.into(),
        }
    }

    /// Makes it a metric of one phase, by [`Phase::name`](crate::Phase::name).
    #[must_use]
    pub fn phase(mut self, name: impl Into<String>) -> Self {
        self.phase = Some(name.into());
        self
    }

    /// Adds a dimension, for example the name of an endpoint.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((key.into(), value.into()));
        self
    }

    /// Says what a rate was divided by.
    #[must_use]
    pub fn basis(mut self, basis: impl Into<String>) -> Self {
        self.basis = Some(basis.into());
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The phase that it is about; none: the whole run.
    pub fn phase_name(&self) -> Option<&str> {
        self.phase.as_deref()
    }

    /// Its dimensions.
    pub fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// Its unit.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Its value.
    pub fn value(&self) -> &MetricValue {
        &self.value
    }

    fn into_wit(self) -> wit::Metric {
        wit::Metric {
            name: self.name,
            phase: self.phase,
            labels: self.labels,
            unit: self.unit,
            basis: self.basis,
            value: match self.value {
                MetricValue::Count(value) => wit::MetricValue::Count(value),
                MetricValue::Number(value) => wit::MetricValue::Number(value),
                MetricValue::Distribution(value) => {
                    wit::MetricValue::Distribution(value.into_wit())
                }
            },
        }
    }
}

/// The value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricValue {
    /// A whole number.
    Count(u64),
    /// Any finite number: the host refuses a result with NaN or an infinity in it.
    Number(f64),
    /// A set of samples.
    Distribution(Distribution),
}

impl From<u64> for MetricValue {
    fn from(value: u64) -> Self {
        Self::Count(value)
    }
}

impl From<f64> for MetricValue {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<Distribution> for MetricValue {
    fn from(value: Distribution) -> Self {
        Self::Distribution(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_gets_metrics_in_order_with_all_that_was_said_of_them() {
        let rate = Metric::new("rate", 2.5, "requests/sec").basis("sending time");
        let errors =
            Metric::new("errors", 3_u64, "").phase("profiling").label("b", "2").label("a", "1");
        let result = ProcessingResult::new().extend([rate, errors]).report("two\nlines");
        let expected = wit::ProcessingResult {
            metrics: vec![
                wit::Metric {
                    name: "rate".to_owned(),
                    phase: None,
                    labels: vec![],
                    unit: "requests/sec".to_owned(),
                    basis: Some("sending time".to_owned()),
                    value: wit::MetricValue::Number(2.5),
                },
                wit::Metric {
                    name: "errors".to_owned(),
                    phase: Some("profiling".to_owned()),
                    labels: [("b", "2"), ("a", "1")].map(|(k, v)| (k.into(), v.into())).into(),
                    unit: String::new(),
                    basis: None,
                    value: wit::MetricValue::Count(3),
                },
            ],
            report: Some("two\nlines".to_owned()),
        };
        assert_eq!(result.into_wit(), expected);
    }

    #[test]
    fn a_metric_tells_what_it_was_made_of() {
        let metric = Metric::new("errors", 3_u64, "requests").phase("warmup").label("code", "503");
        assert_eq!((metric.name(), metric.unit()), ("errors", "requests"));
        assert_eq!(metric.phase_name(), Some("warmup"));
        assert_eq!(metric.labels(), [("code".to_owned(), "503".to_owned())]);
        assert_eq!(metric.value(), &MetricValue::Count(3));
    }

    #[test]
    fn the_first_metric_of_a_name_is_found() {
        let result = ProcessingResult::new().metric("n", 1_u64, "").metric("n", 2_u64, "");
        assert_eq!(result.find("n"), Some(&MetricValue::Count(1)));
        assert_eq!(result.find("m"), None);
        assert_eq!(result.report_text(), None);
    }

    #[test]
    fn a_distribution_reaches_the_host_field_by_field() {
        let samples = Distribution::exact_at(vec![1.0, 2.0, 6.0], &[50.0]).unwrap();
        let mut result = ProcessingResult::new().metric("latency", samples, "ms").into_wit();
        let expected = wit::Distribution {
            count: 3,
            sum: 9.0,
            avg: 3.0,
            min: 1.0,
            max: 6.0,
            std: (14.0_f64 / 3.0).sqrt(),
            quantiles: vec![wit::Quantile { percent: 50.0, value: 2.0, unreliable: true }],
            method: "exact".to_owned(),
        };
        let latency = result.metrics.remove(0);
        assert_eq!(latency.value, wit::MetricValue::Distribution(expected));
    }
}
