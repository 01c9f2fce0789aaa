//! Phases of a run and their names.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use perfbox_model::escape;
use perfbox_model::phase::Phase;

use crate::batch_builder::PhaseKey;
use crate::limits::{NAME_MAX_BYTES, PHASES_MAX};
use crate::timeline::Timeline;

/// Phases of the run, in the order of their first records.
pub(super) struct Phases {
    pub(super) states: Vec<PhaseState>,
    inputs: Vec<InputPhases>,
    /// Indices of the phases that all inputs share, by recorded name; none if each input has
    /// phases of its own.
    shared: Option<HashMap<String, Vec<usize>>>,
    /// Names given so far.
    names: HashSet<String>,
}

/// Phases of one input.
struct InputPhases {
    /// Prefix of the phase names; none for a single input or parts of one run.
    label: Option<String>,
    /// Recorded index and position of each phase, by recorded name.
    positions: HashMap<String, Vec<(Option<u32>, usize)>>,
}

/// A phase of the run, from one input or several.
pub(super) struct PhaseState {
    pub(super) parts: Vec<PhasePart>,
    pub(super) recorded_name: String,
    pub(super) phase: Arc<Phase>,
    pub(super) timeline: Timeline,
}

/// A phase as recorded in one input.
pub(super) struct PhasePart {
    pub(super) input: usize,
    pub(super) recorded_index: Option<u32>,
}

impl Phases {
    /// Phases of the named inputs; `one_run` makes them share phases of the same name.
    pub(super) fn new(names: &[String], one_run: bool) -> Self {
        let labels = match names {
            [_] => vec![None],
            names if one_run => vec![None; names.len()],
            names => labels(names).into_iter().map(Some).collect(),
        };
        let inputs =
            labels.into_iter().map(|label| InputPhases { label, positions: HashMap::new() });
        let shared = (one_run && names.len() > 1).then(HashMap::new);
        Self { states: Vec::new(), inputs: inputs.collect(), shared, names: HashSet::new() }
    }

    /// True if the phases fit into the maximum of a run.
    pub(super) fn has_room<'k>(
        &self,
        input: usize,
        keys: impl Iterator<Item = &'k PhaseKey>,
    ) -> bool {
        let is_new =
            |key: &&PhaseKey| self.find(input, key).or(self.shared_position(input, key)).is_none();
        self.states.len() + keys.filter(is_new).count() <= PHASES_MAX
    }

    /// Position of a phase that the input already has.
    fn find(&self, input: usize, key: &PhaseKey) -> Option<usize> {
        // Some records have no index: it is the same phase.
        let same_index = |known: Option<u32>| match (known, key.index) {
            (Some(known), Some(index)) => known == index,
            _ => true,
        };
        let positions = self.inputs[input].positions.get(&key.name)?;
        positions.iter().find(|(index, _)| same_index(*index)).map(|(_, position)| *position)
    }

    /// Position of a shared phase that is new in this input. The nth phase of a name is the
    /// same in all inputs, whatever its index.
    fn shared_position(&self, input: usize, key: &PhaseKey) -> Option<usize> {
        let before = self.inputs[input].positions.get(&key.name).map_or(0, Vec::len);
        self.shared.as_ref()?.get(&key.name)?.get(before).copied()
    }

    /// Position of a phase, added if it is new.
    pub(super) fn position_or_add(&mut self, input: usize, key: &PhaseKey) -> usize {
        if let Some(position) = self.find(input, key) {
            return position;
        }
        let position = self.shared_position(input, key).unwrap_or_else(|| self.add(input, key));
        self.states[position].parts.push(PhasePart { input, recorded_index: key.index });
        self.inputs[input]
            .positions
            .entry(key.name.clone())
            .or_default()
            .push((key.index, position));
        position
    }

    fn add(&mut self, input: usize, key: &PhaseKey) -> usize {
        let position = self.states.len();
        let name = self.unused_name(match &self.inputs[input].label {
            None => key.name.clone(),
            // Inputs have separate phases of the same name.
            Some(label) => format!("{label}:{}", key.name),
        });
        let index = match (key.index, self.inputs.len()) {
            (Some(index), 1) => index,
            _ => position as u32,
        };
        let phase = Arc::new(Phase { name, kind: key.kind.clone(), index });
        self.states.push(PhaseState {
            parts: Vec::new(),
            recorded_name: key.name.clone(),
            phase,
            timeline: Timeline::default(),
        });
        if let Some(shared) = &mut self.shared {
            shared.entry(key.name.clone()).or_default().push(position);
        }
        position
    }

    /// The name, with a number if it is taken.
    fn unused_name(&mut self, name: String) -> String {
        let numbers = (2..).map(|number: u32| format!("#{number}"));
        let mut unused = String::new();
        for number in std::iter::once(String::new()).chain(numbers) {
            unused = shortened(&name, NAME_MAX_BYTES - number.len()) + &number;
            if self.names.insert(unused.clone()) {
                break;
            }
        }
        unused
    }
}

/// The end of a name that is too long; it says more than the start.
fn shortened(name: &str, max_bytes: usize) -> String {
    const LEFT_OUT: &str = "…";
    if name.len() <= max_bytes {
        return name.to_owned();
    }
    let from = name.ceil_char_boundary(name.len() + LEFT_OUT.len() - max_bytes);
    format!("{LEFT_OUT}{}", &name[from..])
}

/// Labels of the inputs: the shortest unique end of each path, escaped.
fn labels(names: &[String]) -> Vec<String> {
    let parts = |name: &String| -> Vec<String> {
        let parts = Path::new(name).components();
        parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
    };
    let paths: Vec<_> = names.iter().map(parts).collect();
    let depth = paths.iter().map(Vec::len).max().unwrap_or(0);
    let mut labels: Vec<Option<String>> = vec![None; paths.len()];
    for taken in 1..=depth {
        let end = |path: &'_ Vec<String>| path.len().saturating_sub(taken);
        let mut same: HashMap<&[String], usize> = HashMap::new();
        for path in &paths {
            *same.entry(&path[end(path)..]).or_default() += 1;
        }
        for (label, path) in labels.iter_mut().zip(&paths) {
            let path_end = &path[end(path)..];
            if label.is_none() && same[path_end] == 1 {
                let shown = path_end.join("/");
                // The root directory is a path component, too.
                *label = Some(escape(&shown.replacen("//", "/", 1)).into_owned());
            }
        }
    }
    let whole = names.iter().map(|name| escape(name).into_owned());
    labels.into_iter().zip(whole).map(|(label, whole)| label.unwrap_or(whole)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Phases {
        Phases::new(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), false)
    }

    fn name(phases: &mut Phases, input: usize, phase: &str, index: Option<u32>) -> String {
        let key = PhaseKey { index, ..PhaseKey::named(phase) };
        let position = phases.position_or_add(input, &key);
        phases.states[position].phase.name.clone()
    }

    #[test]
    fn input_labels_are_the_shortest_unique_ends_of_their_paths() {
        for (names, expected) in [
            (vec!["/tmp/x/one.csv", "/tmp/x/two.csv"], vec!["one.csv", "two.csv"]),
            (vec!["a/r.csv", "b/r.csv", "c.csv"], vec!["a/r.csv", "b/r.csv", "c.csv"]),
            (vec!["r.csv", "b/r.csv"], vec!["r.csv", "b/r.csv"]),
            (vec!["/r.csv", "r.csv"], vec!["/r.csv", "r.csv"]),
            (vec!["-", "run/"], vec!["-", "run"]),
            (vec!["a/r.csv", "a/r.csv"], vec!["a/r.csv", "a/r.csv"]),
            (vec!["a\nb\u{1b}[31m.csv", "c"], vec!["a\\nb\\u{1b}[31m.csv", "c"]),
        ] {
            let names: Vec<_> = names.into_iter().map(str::to_owned).collect();
            assert_eq!(labels(&names), expected);
        }
    }

    #[test]
    fn phases_of_the_same_name_are_numbered() {
        let mut phases = of(&["a/r.csv", "a/r.csv"]);
        assert_eq!(name(&mut phases, 0, "p", None), "a/r.csv:p");
        assert_eq!(name(&mut phases, 1, "p", None), "a/r.csv:p#2");
        assert_eq!(name(&mut phases, 0, "p", None), "a/r.csv:p");
        let mut phases = of(&["r.csv"]);
        assert_eq!(name(&mut phases, 0, "p", Some(0)), "p");
        assert_eq!(name(&mut phases, 0, "p", Some(1)), "p#2");
        assert_eq!(name(&mut phases, 0, "p", None), "p");
    }

    #[test]
    fn parts_of_one_run_share_their_phases() {
        let mut phases = Phases::new(&["a".to_owned(), "b".to_owned()], true);
        let parts = [(0, "p"), (1, "p"), (1, "q"), (0, "q")];
        let names = parts.map(|(input, phase)| name(&mut phases, input, phase, None));
        assert_eq!(
            (names.each_ref().map(String::as_str), phases.states.len()),
            (["p", "p", "q", "q"], 2)
        );
    }

    #[test]
    fn parts_of_one_run_may_index_their_phases_differently() {
        let mut phases = Phases::new(&["a".to_owned(), "b".to_owned()], true);
        let parts = [
            (0, "w", Some(0)),
            (0, "p", Some(1)),
            (1, "p", Some(0)),
            (1, "p", Some(2)),
            (0, "p", Some(7)),
            (0, "p", None),
            (1, "p", Some(2)),
        ];
        let names = parts.map(|(input, phase, index)| name(&mut phases, input, phase, index));
        let expected = ["w", "p", "p", "p#2", "p#2", "p", "p#2"];
        assert_eq!(names.each_ref().map(String::as_str), expected);
        assert_eq!(phases.states.len(), 3);
    }

    #[test]
    fn phase_names_never_exceed_the_maximum_length() {
        let long = "ü".repeat(128);
        let mut phases = of(&[&long, "other"]);
        let names = [
            name(&mut phases, 0, "profiling", None),
            name(&mut phases, 0, &long, Some(0)),
            name(&mut phases, 0, &long, Some(1)),
        ];
        for name in &names {
            assert!(name.starts_with('…') && name.len() <= NAME_MAX_BYTES, "{name}");
        }
        assert!(names[0].ends_with("ü:profiling"));
        assert!(names[2].ends_with("ü#2"));
        let mut phases = of(&["r.csv"]);
        assert_eq!(name(&mut phases, 0, &long, Some(0)), long);
        assert!(name(&mut phases, 0, &long, Some(1)).len() <= NAME_MAX_BYTES);
    }
}
