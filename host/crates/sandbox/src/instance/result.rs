//! What a processor returned, checked: names that can be shown, finite numbers, each
//! metric once.

use std::collections::{BTreeMap, HashSet};

use crate::bindings::types;
use perfbox_model::escape;
use perfbox_model::report::{Distribution, Metric, MetricValue};

/// Longest name of a metric, unit, label or method, in bytes.
const NAME_MAX_BYTES: usize = 256;

/// The metrics of a result.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn check_result(
    result: types::ProcessingResult,
    metrics_max: usize,
) -> Result<Vec<Metric>, String> {
    let count = result.metrics.len();
    if count > metrics_max {
        return Err(format!(
            "it returned {count} metrics, and its limit `metrics` is {metrics_max}"
        ));
    }
    let mut seen = HashSet::with_capacity(count);
    let mut checked = Vec::with_capacity(count);
    for metric in result.metrics {
        let metric = check_metric(metric)?;
        let key = (metric.name.clone(), metric.phase.clone(), metric.labels.clone());
        if !seen.insert(key) {
            return Err(format!(
                "it returned metric `{}` twice for {}",
                metric.name,
                place(&metric)
            ));
        }
        checked.push(metric);
    }
    Ok(checked)
}

fn place(metric: &Metric) -> String {
    let phase = metric.phase.as_deref().unwrap_or("the whole run");
    match metric.labels.is_empty() {
        true => escape(phase).into_owned(),
        false => format!("{} and the same labels", escape(phase)),
    }
}

fn check_metric(metric: types::Metric) -> Result<Metric, String> {
    let name = check_name("a metric's name", &metric.name)?;
    if name.is_empty() {
        return Err("it returned a metric without a name".to_owned());
    }
    check_name("a unit", &metric.unit)?;
    check_name("a metric's phase", metric.phase.as_deref().unwrap_or_default())?;
    check_name("a metric's basis", metric.basis.as_deref().unwrap_or_default())?;
    let mut labels = BTreeMap::new();
    for (key, value) in metric.labels {
        check_name("a label", &key)?;
        check_name("a label", &value)?;
        if labels.insert(key.clone(), value).is_some() {
            return Err(format!("metric `{name}` has label `{key}` twice"));
        }
    }
    let value = match metric.value {
        types::MetricValue::Count(value) => MetricValue::Count(value),
        types::MetricValue::Number(value) => MetricValue::Number(finite(&name, value)?),
        types::MetricValue::Distribution(value) => {
            MetricValue::Distribution(check_distribution(&name, value)?)
        }
    };
    Ok(Metric { name, phase: metric.phase, labels, unit: metric.unit, basis: metric.basis, value })
}

fn check_name(what: &str, name: &str) -> Result<String, String> {
    if name.len() > NAME_MAX_BYTES {
        let start: String = name.chars().take(40).collect();
        return Err(format!(
            "{what} has {} bytes, at most {NAME_MAX_BYTES} are taken: `{}…`",
            name.len(),
            escape(&start)
        ));
    }
    if escape(name) != name {
        return Err(format!("{what} has characters that cannot be shown: `{}`", escape(name)));
    }
    Ok(name.to_owned())
}

fn finite(name: &str, value: f64) -> Result<f64, String> {
    match value.is_finite() {
        true => Ok(value),
        false => Err(format!("metric `{name}` is {value}; leave out what does not exist")),
    }
}

fn check_distribution(name: &str, value: types::Distribution) -> Result<Distribution, String> {
    check_name("a method", &value.method)?;
    let mut quantiles = Vec::with_capacity(value.quantiles.len());
    let mut last = f64::NEG_INFINITY;
    for quantile in value.quantiles {
        if !(0.0..=100.0).contains(&quantile.percent) || quantile.percent <= last {
            return Err(format!(
                "metric `{name}` has percentile {}; percentiles rise from 0 to 100, each once",
                quantile.percent
            ));
        }
        last = quantile.percent;
        quantiles.push(perfbox_model::report::Quantile {
            // Zero without a sign.
            percent: quantile.percent + 0.0,
            value: finite(name, quantile.value)?,
            unreliable: quantile.unreliable,
        });
    }
    let checked = Distribution {
        count: value.count,
        sum: finite(name, value.sum)?,
        avg: finite(name, value.avg)?,
        min: finite(name, value.min)?,
        max: finite(name, value.max)?,
        std: finite(name, value.std)?,
        quantiles,
        method: value.method,
    };
    let Distribution { min, max, std, .. } = checked;
    if checked.count == 0 {
        return Err(format!("metric `{name}` has no samples; leave out what does not exist"));
    }
    if min > max {
        return Err(format!("metric `{name}` has the minimum {min}, above its maximum {max}"));
    }
    if std < 0.0 {
        return Err(format!("metric `{name}` has the standard deviation {std}, below zero"));
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: &str, value: f64) -> types::Metric {
        types::Metric {
            name: name.to_owned(),
            phase: Some("profiling".to_owned()),
            labels: vec![("code".to_owned(), "503".to_owned())],
            unit: "ms".to_owned(),
            basis: None,
            value: types::MetricValue::Number(value),
        }
    }

    fn check(metrics: Vec<types::Metric>) -> Result<usize, String> {
        check_result(types::ProcessingResult { metrics, report: None }, 2).map(|m| m.len())
    }

    fn distribution(percents: &[f64]) -> types::Metric {
        let quantile =
            |percent: &f64| types::Quantile { percent: *percent, value: 1.0, unreliable: false };
        types::Metric {
            value: types::MetricValue::Distribution(types::Distribution {
                count: 1,
                sum: 1.0,
                avg: 1.0,
                min: 1.0,
                max: 1.0,
                std: 0.0,
                quantiles: percents.iter().map(quantile).collect(),
                method: "exact".to_owned(),
            }),
            ..metric("d", 0.0)
        }
    }

    fn odd(change: impl FnOnce(&mut types::Distribution)) -> Vec<types::Metric> {
        let mut metric = distribution(&[]);
        if let types::MetricValue::Distribution(distribution) = &mut metric.value {
            change(distribution);
        }
        vec![metric]
    }

    #[test]
    fn results_that_break_the_contract_are_refused_in_words() {
        let unlabelled = |label: &str| types::Metric {
            labels: vec![(label.to_owned(), "1".to_owned()), (label.to_owned(), "2".to_owned())],
            ..metric("a", 1.0)
        };
        for (metrics, words) in [
            (vec![metric("a", f64::NAN)], "metric `a` is NaN; leave out what does not exist"),
            (vec![metric("a", f64::INFINITY)], "metric `a` is inf; leave out what does not exist"),
            (
                vec![metric("a", 1.0), metric("a", 2.0)],
                "it returned metric `a` twice for profiling and the same labels",
            ),
            (vec![metric("", 1.0)], "it returned a metric without a name"),
            (
                vec![metric("a\x1b[2J", 1.0)],
                "a metric's name has characters that cannot be shown: `a\\u{1b}[2J`",
            ),
            (vec![unlabelled("k")], "metric `a` has label `k` twice"),
            (
                vec![metric("a", 1.0), metric("b", 1.0), metric("c", 1.0)],
                "it returned 3 metrics, and its limit `metrics` is 2",
            ),
            (
                vec![distribution(&[50.0, 50.0])],
                "metric `d` has percentile 50; percentiles rise from 0 to 100, each once",
            ),
            (
                vec![distribution(&[101.0])],
                "metric `d` has percentile 101; percentiles rise from 0 to 100, each once",
            ),
            (odd(|one| one.count = 0), "metric `d` has no samples; leave out what does not exist"),
            (odd(|one| one.min = 2.5), "metric `d` has the minimum 2.5, above its maximum 1"),
            (odd(|one| one.std = -1.0), "metric `d` has the standard deviation -1, below zero"),
            (
                vec![types::Metric { phase: Some("a\nb".to_owned()), ..metric("a", 1.0) }],
                "a metric's phase has characters that cannot be shown: `a\\nb`",
            ),
            (
                vec![types::Metric { basis: Some("a\u{202e}b".to_owned()), ..metric("a", 1.0) }],
                "a metric's basis has characters that cannot be shown: `a\\u{202e}b`",
            ),
        ] {
            assert_eq!(check(metrics).unwrap_err(), words);
        }
        let long = check(vec![metric(&"x".repeat(300), 1.0)]).unwrap_err();
        assert!(
            long.starts_with("a metric's name has 300 bytes, at most 256 are taken: `xxx"),
            "{long}"
        );
        assert_eq!(check(vec![metric("a", 1.0), distribution(&[1.0, 99.9])]), Ok(2));
    }
}
