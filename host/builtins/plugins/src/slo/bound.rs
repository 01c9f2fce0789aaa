use std::fmt;

use perfbox_guest::{Batch, ColumnType, Error, Result};

use crate::shared::columns;

/// A bound of a metric, in its own unit: `time_to_first_token<=200`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    pub(super) column: String,
    comparison: Comparison,
    limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    AtMost,
    Below,
    AtLeast,
    Above,
}

impl Comparison {
    /// Those of two letters first, since they begin with the others.
    const ALL: [(&str, Self); 4] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Below), (">", Self::Above)];
}

impl Bound {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let parsed = Comparison::ALL.iter().find_map(|(sign, comparison)| {
            let (column, limit) = text.split_once(sign)?;
            let (column, limit) = (column.trim(), limit.trim().parse::<f64>().ok()?);
            let is_bound = !column.is_empty() && limit.is_finite();
            is_bound.then(|| Self { column: column.to_owned(), comparison: *comparison, limit })
        });
        parsed.ok_or_else(|| {
            Error::invalid_config(format!(
                "`bounds`: `{text}` is not a bound; write a column, one of <= < >= >, and a \
                 number, such as `time_to_first_token<=200`"
            ))
        })
    }

    /// For each record, whether it has the metric and is within the bound; of a list,
    /// every number must be, and there must be one. None if the batch lacks the metric.
    pub(super) fn met(&self, batch: &Batch) -> Result<Option<Vec<bool>>> {
        let numbers = [ColumnType::F64, ColumnType::F64List, ColumnType::U64];
        let column = columns::find(batch, &self.column, &numbers, "numbers")
            .map_err(|error| columns::of_parameter("bounds", &error))?;
        let Some(column) = column else { return Ok(None) };
        let is_met = |value: Option<f64>| value.is_some_and(|value| self.is_met_by(value));
        Ok(Some(match column.kind {
            ColumnType::F64 => batch.f64s(&self.column)?.rows().map(is_met).collect(),
            ColumnType::U64 => {
                let values = batch.u64s(&self.column)?;
                values.rows().map(|value| is_met(value.map(|value| value as f64))).collect()
            }
            _ => {
                let lists = batch.f64_lists(&self.column)?;
                let all_met = |list: Option<&[f64]>| {
                    let list = list.unwrap_or_default();
                    !list.is_empty() && list.iter().all(|value| self.is_met_by(*value))
                };
                lists.rows().map(all_met).collect()
            }
        }))
    }

    fn is_met_by(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::AtMost => value <= self.limit,
            Comparison::Below => value < self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::Above => value > self.limit,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Comparison::ALL.iter().find(|(_, comparison)| *comparison == self.comparison);
        write!(f, "{}{}{}", self.column, sign.map_or("", |(sign, _)| sign), self.limit)
    }
}

#[cfg(test)]
mod tests {
    use perfbox_guest::testing::BatchBuilder;

    use super::*;

    #[test]
    fn bounds_are_read_with_or_without_spaces() {
        for (text, expected) in [
            ("a<=200", "a<=200"),
            (" a < 2.50 ", "a<2.5"),
            ("a >= -1e3", "a>=-1000"),
            ("a>0", "a>0"),
        ] {
            assert_eq!(Bound::parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_not_a_bound_is_answered_with_one() {
        for text in ["", "a", "a=3", "a<", "<3", "a<=x", "a<=inf", "a<=NaN", "a<=3<=4"] {
            let error = Bound::parse(text).unwrap_err();
            assert_eq!(
                error.message(),
                format!(
                    "`bounds`: `{text}` is not a bound; write a column, one of <= < >= >, and a \
                     number, such as `time_to_first_token<=200`"
                )
            );
        }
    }

    #[test]
    fn each_comparison_means_what_it_says() {
        let batch =
            BatchBuilder::new("p").f64s("a", "", [Some(1.0), Some(2.0), Some(3.0), None]).build();
        let met = |text: &str| Bound::parse(text).unwrap().met(&batch).unwrap().unwrap();
        assert_eq!(met("a<=2"), [true, true, false, false]);
        assert_eq!(met("a<2"), [true, false, false, false]);
        assert_eq!(met("a>=2"), [false, true, true, false]);
        assert_eq!(met("a>2"), [false, false, true, false]);
    }

    #[test]
    fn every_number_of_a_list_must_be_within() {
        let lists = [Some(vec![1.0, 2.0]), Some(vec![1.0, 3.0]), Some(vec![]), None];
        let batch = BatchBuilder::new("p").f64_lists("a", "", lists).build();
        let met = Bound::parse("a<=2").unwrap().met(&batch).unwrap().unwrap();
        assert_eq!(met, [true, false, false, false]);
    }
}
