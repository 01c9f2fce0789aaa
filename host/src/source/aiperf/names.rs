//! The names in a record, without its values: enough to tell that it has no column and
//! no phase that is not known yet.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::record::{BorrowedText, current_name};

/// What of a record says which columns and phases there are. Values are not looked at,
/// which takes most of the time: a record whose names can be read may yet be a bad one.
#[derive(Debug, Deserialize)]
pub(super) struct RecordNames<'a> {
    #[serde(borrow)]
    metadata: PhaseNames<'a>,
    #[serde(borrow, default)]
    pub(super) metrics: MetricNames<'a>,
}

#[derive(Debug, Deserialize)]
struct PhaseNames<'a> {
    #[serde(borrow, default)]
    benchmark_phase: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    credit_phase: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    phase_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    phase_kind: Option<Cow<'a, str>>,
}

impl RecordNames<'_> {
    /// As a whole record says it: older files only know the kind.
    pub(super) fn phase_name(&self) -> Option<&str> {
        let PhaseNames { benchmark_phase, credit_phase, phase_name, phase_kind } = &self.metadata;
        let names = [phase_name, phase_kind, benchmark_phase, credit_phase];
        names.into_iter().find_map(|name| name.as_deref())
    }
}

/// Names of metrics, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct MetricNames<'a>(pub(super) Vec<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for MetricNames<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetricNamesVisitor)
    }
}

struct MetricNamesVisitor;

impl<'de> Visitor<'de> for MetricNamesVisitor {
    type Value = MetricNames<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of metrics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MetricNames<'de>, A::Error> {
        let mut names = Vec::with_capacity(40);
        while let Some((BorrowedText(name), IgnoredAny)) = map.next_entry()? {
            names.push(current_name(name));
        }
        Ok(MetricNames(names))
    }
}
