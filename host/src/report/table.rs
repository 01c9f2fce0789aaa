//! The report as text for people.

use super::columns::{Align, GAP, in_columns};
use super::{
    Distribution, Metric, MetricValue, PhaseReport, PluginStatus, ProcessorResult, Report,
};
use crate::escape;

/// Statistics of a distribution, the first the last to go where a line is too narrow.
const COLUMNS_BY_WORTH: [&str; 16] = [
    "p50", "p99", "avg", "n", "max", "p90", "min", "p95", "std", "p75", "p25", "p10", "p5", "p1",
    "p99.9", "p0",
];

/// The same statistics, in the order in which they are shown.
const COLUMNS_AS_SHOWN: [&str; 16] = [
    "avg", "min", "p0", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.9",
    "max", "std", "n",
];

impl Report {
    /// For a line of `width` characters: for each processor its metrics by phase, and
    /// its text; then which plugins failed.
    pub fn to_table(&self, width: usize) -> String {
        let mut text = String::new();
        for (identifier, result) in &self.results {
            if self.results.len() > 1 {
                text.push_str(&format!("== {identifier} ==\n\n"));
            }
            text.push_str(&self.result_text(result, width));
        }
        for plugin in self.plugins.iter().filter(|one| one.status == PluginStatus::Failed) {
            text.push_str(&format!("failed: {}/{}\n", plugin.category, plugin.identifier));
        }
        text
    }

    fn result_text(&self, result: &ProcessorResult, width: usize) -> String {
        let mut text = String::new();
        let mut of_phase = |title: String, metrics: Vec<&Metric>| {
            if !metrics.is_empty() {
                text.push_str(&format!("{title}\n\n"));
                text.push_str(&metrics_text(&metrics, width));
            }
        };
        for phase in &self.phases {
            let name = Some(phase.phase.name.as_str());
            let metrics = result.metrics.iter().filter(|one| one.phase.as_deref() == name);
            of_phase(phase_title(phase), metrics.collect());
        }
        let known = |name: &str| self.phases.iter().any(|phase| phase.phase.name == name);
        let others = result.metrics.iter().filter(|one| !one.phase.as_deref().is_some_and(known));
        of_phase("whole run".to_owned(), others.collect());
        if let Some(report) = &result.report {
            for line in report.lines() {
                text.push_str(&format!("{}\n", escape(line)));
            }
            text.push('\n');
        }
        text
    }
}

fn phase_title(phase: &PhaseReport) -> String {
    let stats = &phase.stats;
    let mut parts = vec![format!("{} requests", grouped(stats.sent))];
    for (count, what) in [
        (stats.errors, "failed"),
        (stats.cancelled, "cancelled"),
        (stats.in_flight, "still in flight"),
    ] {
        if count > 0 {
            parts.push(format!("{} {what}", grouped(count)));
        }
    }
    if let (Some(start_ns), Some(end_ns)) = (stats.start_ns, stats.end_ns) {
        parts.push(format!("{:.2} s", end_ns.saturating_sub(start_ns) as f64 / 1e9));
    }
    if stats.timed_out {
        parts.push("timed out".to_owned());
    }
    format!("{}: {}", escape(&phase.phase.name), parts.join(", "))
}

fn metrics_text(metrics: &[&Metric], width: usize) -> String {
    let mut distributions = Vec::new();
    let mut scalars = Vec::new();
    for metric in metrics {
        match &metric.value {
            MetricValue::Distribution(distribution) => distributions.push((*metric, distribution)),
            MetricValue::Count(value) => scalars.push((*metric, grouped(*value))),
            MetricValue::Number(value) => scalars.push((*metric, number(*value))),
        }
    }
    let mut text = String::new();
    if !distributions.is_empty() {
        text.push_str(&distributions_text(&distributions, width));
        text.push('\n');
        let mut quantiles = distributions.iter().flat_map(|(_, one)| &one.quantiles);
        if quantiles.any(|quantile| quantile.unreliable) {
            text.push_str("~ fewer than ten samples lie beyond this quantile\n\n");
        }
    }
    if !scalars.is_empty() {
        text.push_str(&scalars_text(&scalars, width));
        text.push('\n');
    }
    text
}

fn distributions_text(rows: &[(&Metric, &Distribution)], width: usize) -> String {
    let names: Vec<String> = rows.iter().map(|(metric, _)| row_title(metric, width / 2)).collect();
    let lines_of_names = names.iter().flat_map(|name| name.lines());
    let name_width = lines_of_names.map(|line| line.chars().count()).max().unwrap_or(0);
    let cells = |column: &'static str| -> Vec<String> {
        rows.iter().map(|(_, distribution)| statistic(distribution, column)).collect()
    };
    let mut room = width.saturating_sub(name_width);
    let mut shown: Vec<(&str, Vec<String>)> = Vec::new();
    for column in COLUMNS_BY_WORTH {
        let cells = cells(column);
        if cells.iter().all(String::is_empty) {
            continue;
        }
        let cell_width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        let needed = cell_width.max(column.len()) + GAP;
        if needed > room {
            break;
        }
        room -= needed;
        shown.push((column, cells));
    }
    let place = |column: &str| COLUMNS_AS_SHOWN.iter().position(|known| *known == column);
    shown.sort_by_key(|(column, _)| place(column));

    let headings = shown.iter().map(|(column, _)| (*column).to_owned());
    let mut lines = vec![std::iter::once(String::new()).chain(headings).collect()];
    for (row, name) in names.into_iter().enumerate() {
        let cells = shown.iter().map(|(_, cells)| cells[row].clone());
        lines.push(std::iter::once(name).chain(cells).collect());
    }
    in_columns(&lines, &[Align::Left, Align::Right])
}

/// What a rate was divided by stands on a line of its own where one line is too long.
fn scalars_text(rows: &[(&Metric, String)], width: usize) -> String {
    let cells = |(metric, value): &(&Metric, String)| {
        vec![title(metric), value.clone(), escape(&metric.unit).into_owned()]
    };
    let lines: Vec<_> = rows.iter().map(cells).collect();
    let text = in_columns(&lines, &[Align::Left, Align::Right, Align::Left]);
    let line_width = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let bases: Vec<_> = rows
        .iter()
        .map(|(metric, _)| metric.basis.as_ref().map(|basis| format!("over {}", escape(basis))))
        .collect();
    let basis_width = bases.iter().flatten().map(|basis| basis.chars().count()).max().unwrap_or(0);
    let fits = line_width + GAP + basis_width <= width;
    let mut shown = String::new();
    for (line, basis) in text.lines().zip(bases) {
        shown.push_str(&match basis {
            None => format!("{line}\n"),
            Some(basis) if fits => format!("{line:line_width$}  {basis}\n"),
            Some(basis) => format!("{line}\n  {basis}\n"),
        });
    }
    shown
}

/// Name, labels and unit; the unit on a line of its own where one line is too long.
fn row_title(metric: &Metric, width: usize) -> String {
    let name = title(metric);
    let unit = escape(&metric.unit);
    match name.chars().count() + unit.chars().count() + " ()".len() {
        _ if unit.is_empty() => name,
        length if length <= width => format!("{name} ({unit})"),
        _ => format!("{name}\n  ({unit})"),
    }
}

/// Name and labels.
fn title(metric: &Metric) -> String {
    let mut title = escape(&metric.name).into_owned();
    if !metric.labels.is_empty() {
        let labels = metric.labels.iter().map(|(key, value)| format!("{key}={value}"));
        title.push_str(&format!("{{{}}}", escape(&labels.collect::<Vec<_>>().join(","))));
    }
    title
}

/// One statistic; an unreliable quantile is marked. Empty where it does not exist.
fn statistic(distribution: &Distribution, column: &str) -> String {
    match column {
        "avg" => number(distribution.avg),
        "min" => number(distribution.min),
        "max" => number(distribution.max),
        "std" => number(distribution.std),
        "n" => grouped(distribution.count),
        _ => match distribution.quantiles.iter().find(|quantile| quantile.name() == column) {
            None => String::new(),
            Some(quantile) if quantile.unreliable => format!("~{}", number(quantile.value)),
            Some(quantile) => number(quantile.value),
        },
    }
}

/// With commas from 10,000.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Four digits or so: whole from 1,000, else as many decimals as that takes.
fn number(value: f64) -> String {
    let size = value.abs();
    let sign = if value < 0.0 { "-" } else { "" };
    match size {
        size if size >= 1e15 || (size > 0.0 && size < 1e-3) => format!("{value:.2e}"),
        size if size.fract() == 0.0 || size >= 999.95 => {
            format!("{sign}{}", grouped(size.round() as u64))
        }
        size if size >= 99.995 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_about_four_digits() {
        for (value, shown) in [
            (0.0, "0"),
            (-3.0, "-3"),
            (1234.5, "1235"),
            (-12_345.6, "-12,346"),
            (1_234_567.0, "1,234,567"),
            (999.96, "1000"),
            (123.456, "123.5"),
            (12.345, "12.35"),
            (0.5, "0.50"),
            (0.0123, "0.0123"),
            (0.000_012, "1.20e-5"),
            (1e18, "1.00e18"),
        ] {
            assert_eq!(number(value), shown);
        }
    }
}
