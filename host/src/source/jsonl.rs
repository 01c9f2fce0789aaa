//! JSON lines of any tool: one object a line, of which a mapping says what its values
//! are. A value inside of others is named by the path to it, with dots between.

use std::borrow::Cow;

use serde_json::Value;

use super::Problem;
use super::columns::Survey;
use super::format::Format;
use super::input::{Block, Cut};
use super::mapping::{self, Bound, Facts, Mapping, ONLY_PHASE, What, number};
use super::reader::{Lines, Reader, Surveyed, read_lines, survey_lines};
use super::rows::{PhaseKey, Rows};
use crate::escape;

/// Lines that are looked at for the paths that there are.
const LINES_FOR_PATHS: usize = 1000;

/// Most paths of one line.
const PATHS_MAX: usize = 1024;

/// Reads JSON lines.
pub(super) struct Jsonl {
    bound: Vec<Bound>,
}

impl Jsonl {
    /// JSON lines, mapped.
    ///
    /// # Errors
    /// When the mapping names what they do not have.
    pub(super) fn mapped(start: &[u8], mapping: &Mapping) -> Result<Self, Problem> {
        let paths: Vec<_> = paths_of(start).into_iter().map(|(path, _)| path).collect();
        Ok(Self { bound: mapping::bind(mapping, &paths)? })
    }
}

/// The paths to the scalars of the first lines, each with one that stands there.
pub(super) fn paths_of(start: &[u8]) -> Vec<(String, Value)> {
    let block = Block { text: start.to_vec(), ..Block::default() };
    let mut lines = Lines::new(&block);
    let mut paths: Vec<(String, Value)> = Vec::new();
    for _ in 0..LINES_FOR_PATHS {
        if lines.at().is_none() {
            break;
        }
        if let Ok(value) = serde_json::from_slice(lines.next_line().1) {
            add_paths(String::new(), &value, &mut paths);
        }
    }
    paths
}

fn add_paths(path: String, value: &Value, paths: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                add_paths(below, value, paths);
            }
        }
        Value::Array(_) | Value::Null => {}
        scalar => {
            if paths.len() < PATHS_MAX && paths.iter().all(|(known, _)| *known != path) {
                paths.push((path, scalar.clone()));
            }
        }
    }
}

/// The scalar that a path leads to, as text; nothing where there is none.
fn at_path<'v>(value: &'v Value, path: &str) -> Result<Cow<'v, str>, String> {
    let mut found = value.get(path);
    if found.is_none() {
        found = path.split('.').try_fold(value, |value, name| value.get(name));
    }
    Ok(match found {
        None | Some(Value::Null) => Cow::Borrowed(""),
        Some(Value::String(text)) => Cow::Borrowed(text),
        Some(Value::Number(number)) => Cow::Owned(number.to_string()),
        Some(Value::Bool(value)) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Some(Value::Array(_) | Value::Object(_)) => {
            return Err(format!("`{}` is no number, text or truth value", escape(path)));
        }
    })
}

/// The values of one line, in the order of what is bound.
fn values<'v>(bound: &[Bound], value: &'v Value) -> Result<Vec<Cow<'v, str>>, Problem> {
    let values = bound.iter().map(|one| at_path(value, &one.name));
    values.collect::<Result<_, _>>().map_err(|words| Problem::at(1, words))
}

/// What a line says of its request, but for its metrics.
fn facts<'v>(bound: &[Bound], values: &'v [Cow<'_, str>]) -> Result<Facts<'v>, Problem> {
    let mut facts = Facts::default();
    for (one, text) in bound.iter().zip(values) {
        if !text.is_empty() && !matches!(one.what, What::Metric(..)) {
            facts
                .take(&one.what, text)
                .map_err(|words| Problem::at(1, format!("`{}`: {words}", escape(&one.name))))?;
        }
    }
    Ok(facts)
}

fn parse(line: &[u8]) -> Result<Value, Problem> {
    let value: Value = serde_json::from_slice(line).map_err(|error| {
        let problem = Problem::from(&error);
        Problem { words: format!("not JSON: {}", problem.words), ..problem }
    })?;
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(Problem::at(1, "the line is no JSON object")),
    }
}

impl Reader for Jsonl {
    fn format(&self) -> Format {
        Format::Jsonl
    }

    fn cut(&self) -> Cut {
        Cut::Lines
    }

    fn survey(&self, block: &Block, survey: &mut Survey) -> Surveyed {
        mapping::survey(&self.bound, survey);
        survey_lines(block, |line| {
            let value = parse(line)?;
            let values = values(&self.bound, &value)?;
            survey.add_phase(facts(&self.bound, &values)?.phase().unwrap_or(ONLY_PHASE));
            Ok(())
        })
    }

    fn read(&self, block: &Block, rows: &mut Rows<'_>) {
        let columns = rows.columns();
        let places: Vec<_> = self
            .bound
            .iter()
            .enumerate()
            .filter_map(|(at, one)| {
                let What::Metric(name, _) = &one.what else { return None };
                Some((at, columns.place(name).filter(|column| columns.is_read(*column))?))
            })
            .collect();
        let mut phase = PhaseKey::named(ONLY_PHASE);
        let mut metrics = Vec::new();
        read_lines(block, rows, |line, rows| {
            let value = parse(line)?;
            let values = values(&self.bound, &value)?;
            metrics.clear();
            for (at, column) in &places {
                if !values[*at].is_empty() {
                    let value = number(&values[*at]).ok_or_else(|| {
                        let name = escape(&self.bound[*at].name);
                        Problem::at(1, format!("`{name}`: `{}` is no number", escape(&values[*at])))
                    })?;
                    metrics.push((*column, value));
                }
            }
            let facts = facts(&self.bound, &values)?;
            facts.put(rows, &mut phase, metrics.drain(..)).map_err(|words| Problem::at(1, words))
        });
    }
}
