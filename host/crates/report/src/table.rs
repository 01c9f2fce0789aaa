//! The report as text for people.

use std::cmp::Ordering;

use perfbox_model::escape;
use perfbox_model::report::{
    Distribution, Metric, MetricValue, PhaseReport, PluginStatus, ProcessorResult, Report,
    percentile_name,
};

use crate::columns::{Align, GAP, in_columns};
use crate::numbers::{grouped, in_unit};

/// One column of a table of distributions.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Column {
    Avg,
    Min,
    Percentile(f64),
    Max,
    Std,
    Samples,
}

/// The first is the last to go where a line is too narrow; then come other quantiles.
const COLUMNS_BY_WORTH: [Column; 9] = [
    Column::Percentile(50.0),
    Column::Percentile(99.0),
    Column::Avg,
    Column::Samples,
    Column::Max,
    Column::Percentile(90.0),
    Column::Min,
    Column::Percentile(95.0),
    Column::Std,
];

impl Column {
    fn heading(self) -> String {
        match self {
            Self::Avg => "avg".to_owned(),
            Self::Min => "min".to_owned(),
            Self::Percentile(percent) => percentile_name(percent),
            Self::Max => "max".to_owned(),
            Self::Std => "std".to_owned(),
            Self::Samples => "n".to_owned(),
        }
    }

    /// One distribution's cell; an unreliable quantile is marked. Empty where it does not
    /// exist.
    fn cell(self, of: &Distribution, unit: &str) -> String {
        let number = |value| in_unit(value, unit);
        match self {
            Self::Avg => number(of.avg),
            Self::Min => number(of.min),
            Self::Max => number(of.max),
            Self::Std => number(of.std),
            Self::Samples => grouped(of.count),
            Self::Percentile(percent) => {
                match of.quantiles.iter().find(|quantile| quantile.percent == percent) {
                    None => String::new(),
                    Some(quantile) if quantile.unreliable => {
                        format!("{UNRELIABLE}{}", number(quantile.value))
                    }
                    Some(quantile) => number(quantile.value),
                }
            }
        }
    }

    /// Columns are shown in the order of this; quantiles rise.
    fn place(self) -> (u8, f64) {
        match self {
            Self::Avg => (0, 0.0),
            Self::Min => (1, 0.0),
            Self::Percentile(percent) => (2, percent),
            Self::Max => (3, 0.0),
            Self::Std => (4, 0.0),
            Self::Samples => (5, 0.0),
        }
    }
}

/// The method of quantiles that are not of a sketch.
const EXACT: &str = "exact";

/// Before a quantile with too few samples beyond it.
const UNRELIABLE: char = '~';

/// For a line of `width` characters: for each processor its metrics by phase, and
/// its text; then which plugins failed.
pub fn table(report: &Report, width: usize) -> String {
    let mut text = String::new();
    for (identifier, result) in &report.results {
        if report.results.len() > 1 {
            text.push_str(&format!("== {} ==\n\n", escape(identifier)));
        }
        text.push_str(&result_text(report, result, width));
    }
    for plugin in report.plugins.iter().filter(|one| one.status == PluginStatus::Failed) {
        text.push_str(&format!("failed: {}/{}\n", plugin.category, plugin.identifier));
    }
    text
}

fn result_text(run: &Report, result: &ProcessorResult, width: usize) -> String {
    let mut text = String::new();
    let mut of_phase = |title: String, metrics: Vec<&Metric>| {
        if !metrics.is_empty() {
            text.push_str(&format!("{title}\n\n"));
            text.push_str(&metrics_text(&metrics, width));
        }
    };
    for phase in &run.phases {
        let name = Some(phase.phase.name.as_str());
        let metrics = result.metrics.iter().filter(|one| one.phase.as_deref() == name);
        of_phase(phase_title(phase), metrics.collect());
    }
    let known = |name: &str| run.phases.iter().any(|phase| phase.phase.name == name);
    let others = result.metrics.iter().filter(|one| !one.phase.as_deref().is_some_and(known));
    let mut by_phase: Vec<(Option<&str>, Vec<&Metric>)> = Vec::new();
    for metric in others {
        let phase = metric.phase.as_deref();
        match by_phase.iter_mut().find(|(name, _)| *name == phase) {
            Some((_, metrics)) => metrics.push(metric),
            None => by_phase.push((phase, vec![metric])),
        }
    }
    for (phase, metrics) in by_phase {
        of_phase(phase.map_or_else(|| "whole run".to_owned(), phase_name), metrics);
    }
    if let Some(report) = &result.report {
        for line in report.lines() {
            text.push_str(&format!("{}\n", escape(line)));
        }
        text.push('\n');
    }
    text
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
    format!("{}: {}", phase_name(&phase.phase.name), parts.join(", "))
}

fn phase_name(name: &str) -> String {
    if name.is_empty() { "(no name)".to_owned() } else { escape(name).into_owned() }
}

fn metrics_text(metrics: &[&Metric], width: usize) -> String {
    let mut distributions = Vec::new();
    let mut scalars = Vec::new();
    for metric in metrics {
        match &metric.value {
            MetricValue::Distribution(distribution) => distributions.push((*metric, distribution)),
            MetricValue::Count(value) => scalars.push((*metric, grouped(*value))),
            MetricValue::Number(value) => {
                scalars.push((*metric, in_unit(*value, &metric.unit)));
            }
        }
    }
    let mut text = String::new();
    if !distributions.is_empty() {
        text.push_str(&distributions_text(&distributions, width));
        text.push('\n');
    }
    // Those with labels make wide titles.
    let (plain, labelled): (Vec<_>, Vec<_>) =
        scalars.into_iter().partition(|(metric, _)| metric.labels.is_empty());
    for scalars in [plain, labelled].into_iter().filter(|scalars| !scalars.is_empty()) {
        text.push_str(&scalars_text(&scalars, width));
        text.push('\n');
    }
    text
}

fn distributions_text(rows: &[(&Metric, &Distribution)], width: usize) -> String {
    let names: Vec<String> = rows.iter().map(|(metric, _)| row_title(metric, width / 2)).collect();
    let mut room = width.saturating_sub(widest(names.iter().flat_map(|name| name.lines())));
    let mut shown: Vec<(Column, Vec<String>)> = Vec::new();
    for column in columns_by_worth(rows) {
        let cells: Vec<_> =
            rows.iter().map(|(metric, one)| column.cell(one, &metric.unit)).collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        let heading = column.heading();
        let needed = widest(cells.iter().chain([&heading]).map(String::as_str)) + GAP;
        if needed > room {
            break;
        }
        room -= needed;
        shown.push((column, cells));
    }
    shown.sort_by(|(a, _), (b, _)| a.place().partial_cmp(&b.place()).unwrap_or(Ordering::Equal));

    let headings = shown.iter().map(|(column, _)| column.heading());
    let mut lines = vec![std::iter::once(String::new()).chain(headings).collect()];
    for (row, name) in names.into_iter().enumerate() {
        let cells = shown.iter().map(|(_, cells)| cells[row].clone());
        lines.push(std::iter::once(name).chain(cells).collect());
    }
    let mut text = in_columns(&lines, &[Align::Left, Align::Right]);
    if shown.iter().flat_map(|(_, cells)| cells).any(|cell| cell.starts_with(UNRELIABLE)) {
        text.push_str(&format!("\n{UNRELIABLE} fewer than ten samples lie beyond this quantile\n"));
    }
    if let Some((_, one)) = rows.iter().find(|(_, one)| one.method != EXACT) {
        let said = format!("quantiles are approximate: their method is {}", escape(&one.method));
        text.push_str(&format!("\n{}\n", cut(&said, width)));
    }
    text
}

/// Those worth the most, then every other quantile that exists, rising.
fn columns_by_worth(rows: &[(&Metric, &Distribution)]) -> Vec<Column> {
    let quantiles = rows.iter().flat_map(|(_, distribution)| &distribution.quantiles);
    let mut percents: Vec<f64> = quantiles.map(|quantile| quantile.percent).collect();
    percents.sort_by(f64::total_cmp);
    percents.dedup();
    let others = percents.into_iter().map(Column::Percentile);
    let mut columns = COLUMNS_BY_WORTH.to_vec();
    columns.extend(others.filter(|column| !COLUMNS_BY_WORTH.contains(column)));
    columns
}

fn widest<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    lines.map(|line| line.chars().count()).max().unwrap_or(0)
}

/// What a rate was divided by stands on a line of its own where one line is too long.
fn scalars_text(rows: &[(&Metric, String)], width: usize) -> String {
    let units: Vec<_> =
        rows.iter().map(|(metric, _)| cut(&escape(&metric.unit), width / 4)).collect();
    let beside_title = widest(rows.iter().map(|(_, value)| value.as_str()))
        + widest(units.iter().map(String::as_str))
        + 2 * GAP;
    let titles: Vec<_> =
        rows.iter().map(|(metric, _)| title(metric, width.saturating_sub(beside_title))).collect();
    let cells: Vec<_> = titles
        .iter()
        .zip(rows.iter().zip(&units))
        .map(|(title, ((_, value), unit))| vec![title.clone(), value.clone(), unit.clone()])
        .collect();
    let text = in_columns(&cells, &[Align::Left, Align::Right, Align::Left]);
    let line_width = widest(text.lines());
    let basis =
        |metric: &Metric| metric.basis.as_ref().map(|basis| format!("over {}", escape(basis)));
    let bases: Vec<_> = rows.iter().map(|(metric, _)| basis(metric)).collect();
    let fits = line_width + GAP + widest(bases.iter().flatten().map(String::as_str)) <= width;
    let mut lines = text.lines();
    let mut shown = String::new();
    for (title, basis) in titles.iter().zip(bases) {
        let first = lines.next().unwrap_or_default();
        let more = title.lines().count().saturating_sub(1);
        let labels = lines.by_ref().take(more).map(|line| format!("{line}\n")).collect::<String>();
        shown.push_str(&match basis {
            None => format!("{first}\n{labels}"),
            Some(basis) if fits => format!("{first:line_width$}  {basis}\n{labels}"),
            Some(basis) => format!("{first}\n{labels}{}\n", cut(&format!("  {basis}"), width)),
        });
    }
    shown
}

/// Name, labels and unit; the unit on a line of its own where one line is too long.
fn row_title(metric: &Metric, width: usize) -> String {
    let name = title(metric, width);
    let unit = escape(&metric.unit);
    let last_line = name.lines().last().unwrap_or_default();
    match last_line.chars().count() + unit.chars().count() + " ()".len() {
        _ if unit.is_empty() => name,
        length if length <= width => format!("{name} ({unit})"),
        _ => format!("{name}\n{}", cut(&format!("  ({unit})"), width)),
    }
}

/// Name and labels; the labels on a line of their own where one line is too long.
fn title(metric: &Metric, width: usize) -> String {
    let name = escape(&metric.name);
    if metric.labels.is_empty() {
        return cut(&name, width);
    }
    let labels = metric.labels.iter().map(|(key, value)| format!("{key}={value}"));
    let labels = labels.collect::<Vec<_>>().join(",");
    let labels = format!("{{{}}}", escape(&labels));
    match name.chars().count() + labels.chars().count() {
        length if length <= width => format!("{name}{labels}"),
        _ => format!("{}\n{}", cut(&name, width), cut_inside(&format!("  {labels}"), width)),
    }
}

/// As [`cut`], but the line keeps its end: labels may differ there only.
fn cut_inside(line: &str, width: usize) -> String {
    let length = line.chars().count();
    if length <= width {
        return line.to_owned();
    }
    let end = width.saturating_sub(1) / 2;
    cut(line, width - end) + &line.chars().skip(length - end).collect::<String>()
}

/// So many characters of a line at most, an ellipsis in place of the others.
fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let kept = line.chars().take(width.saturating_sub(1));
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use perfbox_model::phase::{Phase, PhaseStats};
    use perfbox_model::report::Quantile;

    #[test]
    fn a_distribution_of_ratios_is_of_ratios() {
        let mut spread = Metric { unit: "ratio".to_owned(), ..latency(&[]) };
        if let MetricValue::Distribution(one) = &mut spread.value {
            (one.avg, one.min) = (0.999_96, 0.5);
        }
        let shown = table(vec![spread], 200);
        assert!(shown.contains(" 0.99996  0.5000 "), "{shown}");
    }

    fn metric(name: &str, phase: Option<&str>, value: MetricValue) -> Metric {
        Metric {
            name: name.to_owned(),
            phase: phase.map(str::to_owned),
            labels: BTreeMap::new(),
            unit: "ms".to_owned(),
            basis: None,
            value,
        }
    }

    fn latency(percents: &[(f64, bool)]) -> Metric {
        let quantile =
            |&(percent, unreliable): &(f64, bool)| Quantile { percent, value: 7.0, unreliable };
        let distribution = Distribution {
            count: 3,
            sum: 21.0,
            avg: 7.0,
            min: 7.0,
            max: 7.0,
            std: 0.0,
            quantiles: percents.iter().map(quantile).collect(),
            method: "exact".to_owned(),
        };
        metric("latency", None, MetricValue::Distribution(distribution))
    }

    fn table(metrics: Vec<Metric>, width: usize) -> String {
        let result = ProcessorResult { record_count: 3, error_count: 0, metrics, report: None };
        let phase = Phase { name: String::new(), kind: "profiling".to_owned(), index: 0 };
        let phase = PhaseReport { phase, stats: PhaseStats { sent: 1, ..PhaseStats::default() } };
        let mut report = Report::new(&[], Vec::new(), BTreeMap::from([("one".to_owned(), result)]));
        report.phases.push(phase);
        super::table(&report, width)
    }

    #[test]
    fn every_quantile_that_exists_is_a_column_in_rising_order() {
        let odd = [(33.0, false), (50.0, false), (97.5, false), (99.99, false)];
        let shown = table(vec![latency(&odd)], 200);
        let columns: Vec<_> = shown.lines().nth(2).unwrap().split_whitespace().collect();
        assert_eq!(columns, ["avg", "min", "p33", "p50", "p97.5", "p99.99", "max", "std", "n"]);
    }

    #[test]
    fn the_legend_is_there_only_for_a_quantile_that_is_shown() {
        let odd = [(50.0, false), (97.5, true)];
        assert!(table(vec![latency(&odd)], 200).contains("\n~ fewer than ten samples"));
        assert!(!table(vec![latency(&odd)], 40).contains('~'));
    }

    #[test]
    fn sketched_quantiles_are_said_to_be() {
        let mut sketched = latency(&[(50.0, false)]);
        assert!(!table(vec![sketched.clone()], 80).contains("approximate"));
        if let MetricValue::Distribution(one) = &mut sketched.value {
            one.method = "ddsketch".to_owned();
        }
        let shown = table(vec![sketched], 80);
        assert!(shown.ends_with("\n\nquantiles are approximate: their method is ddsketch\n\n"));
    }

    #[test]
    fn labels_that_differ_at_their_ends_are_told_apart() {
        let of = |end: &str| Metric {
            labels: BTreeMap::from([("error".to_owned(), format!("{}{end}", "x".repeat(100)))]),
            ..metric("errors", None, MetricValue::Count(1))
        };
        let shown = table(vec![of("one"), of("two")], 40);
        assert!(shown.contains("xone}") && shown.contains("xtwo}"), "{shown}");
    }

    #[test]
    fn a_phase_that_the_run_does_not_have_is_shown_under_its_name() {
        let of = |phase| metric("requests", phase, MetricValue::Count(1));
        assert_eq!(
            table(vec![of(None), of(Some("cooldown")), of(Some(""))], 80),
            "(no name): 1 requests\n\nrequests  1  ms\n\n\
             whole run\n\nrequests  1  ms\n\n\
             cooldown\n\nrequests  1  ms\n\n"
        );
    }

    #[test]
    fn long_names_labels_units_and_bases_stay_within_the_width() {
        let long = |name: &str, value| Metric {
            labels: BTreeMap::from([("endpoint".to_owned(), "/v1/".repeat(40))]),
            basis: Some("words ".repeat(40)),
            ..metric(name, None, value)
        };
        let count = || MetricValue::Count(1);
        let short = long("requests", count());
        let named = long(&"x".repeat(200), count());
        let in_units = Metric { unit: "u".repeat(200), ..long("tokens", count()) };
        let spread = Metric { name: "y".repeat(200), ..latency(&[(50.0, false)]) };
        for width in [40, 80, 200] {
            let metrics = vec![short.clone(), named.clone(), in_units.clone(), spread.clone()];
            let shown = table(metrics, width);
            for line in shown.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            assert!(shown.contains("\nrequests "), "{shown}");
            assert!(shown.contains("\n  {endpoi") && shown.contains("/v1/}"), "{shown}");
        }
    }
}
