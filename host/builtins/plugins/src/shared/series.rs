use std::mem;

use perfbox_guest::Distribution;

use super::samples::Samples;
use super::sketch::Sketch;

/// Samples of one column: all of them, or a sketch of them.
#[derive(Debug)]
pub(crate) enum Series {
    Exact(Samples),
    Sketched(Sketch),
}

impl Series {
    pub(crate) fn new(is_sketched: bool) -> Self {
        match is_sketched {
            true => Self::Sketched(Sketch::default()),
            false => Self::Exact(Samples::default()),
        }
    }

    pub(crate) fn extend(&mut self, samples: &[f64]) {
        match self {
            Self::Exact(all) => all.extend(samples),
            Self::Sketched(sketch) => sketch.extend(samples),
        }
    }

    /// Samples that it keeps.
    pub(crate) fn samples(&self) -> usize {
        match self {
            Self::Exact(samples) => samples.len(),
            Self::Sketched(_) => 0,
        }
    }

    /// Keeps room for so many samples that are to be merged, where it keeps samples.
    pub(crate) fn expect(&mut self, samples: usize) {
        if let Self::Exact(own) = self {
            own.expect(samples);
        }
    }

    /// Sorts the samples that it keeps.
    pub(crate) fn sort(&mut self) {
        if let Self::Exact(samples) = self {
            samples.sort();
        }
    }

    /// Makes a sketch of it, giving its samples' memory back on the way.
    pub(crate) fn sketch(&mut self) {
        if let Self::Exact(samples) = self {
            let mut sketch = Sketch::default();
            mem::take(samples).into_chunks().for_each(|chunk| sketch.extend(&chunk));
            *self = Self::Sketched(sketch);
        }
    }

    pub(crate) fn into_distribution(self) -> Option<Distribution> {
        match self {
            Self::Exact(samples) => Distribution::of_sorted(&samples.into_sorted()),
            Self::Sketched(sketch) => sketch.distribution(),
        }
    }

    /// Of all these together, which are all exact or all sketched.
    pub(crate) fn distribution_of<'a>(
        all: impl Iterator<Item = &'a mut Self>,
    ) -> Option<Distribution> {
        let mut samples = Samples::default();
        let mut whole = Sketch::default();
        for series in all {
            match series {
                Self::Exact(own) => samples.extend(own.sort()),
                Self::Sketched(sketch) => whole.merge(sketch),
            }
        }
        Distribution::of_sorted(&samples.into_sorted()).or_else(|| whole.distribution())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::testing::samples;

    #[test]
    fn a_series_made_a_sketch_later_is_the_same_sketch() {
        let values = samples(3000, 4);
        let mut later = Series::new(false);
        later.extend(&values[..1000]);
        later.sketch();
        later.extend(&values[1000..]);
        let mut sooner = Series::new(true);
        sooner.extend(&values);
        assert_eq!(
            format!("{:?}", later.into_distribution()),
            format!("{:?}", sooner.into_distribution())
        );
    }
}
