use std::mem;

use perfbox_guest::Distribution;

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
            sketch.extend(&mem::take(&mut samples.sorted));
            mem::take(&mut samples.chunks).into_iter().for_each(|chunk| sketch.extend(&chunk));
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
        let mut samples = Vec::new();
        let mut whole = Sketch::default();
        for series in all {
            match series {
                Self::Exact(own) => samples.extend_from_slice(own.sort()),
                Self::Sketched(sketch) => whole.merge(sketch),
            }
        }
        match samples.is_empty() {
            true => whole.distribution(),
            false => Distribution::exact(samples),
        }
    }
}

/// Samples of one column, first in chunks as they come, then sorted.
///
/// Chunks, since a growing list would take twice the memory of what is in it and more
/// each time it moves.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    sorted: Vec<f64>,
    chunks: Vec<Vec<f64>>,
    in_chunks: usize,
}

impl Samples {
    /// Samples of a chunk, at least and at most; in between, an eighth of all.
    const CHUNK: (usize, usize) = (64, 32_768);

    fn extend(&mut self, mut samples: &[f64]) {
        while !samples.is_empty() {
            let room = self.chunks.last().map_or(0, |chunk| chunk.capacity() - chunk.len());
            if room == 0 {
                let len = (self.in_chunks / 8).clamp(Self::CHUNK.0, Self::CHUNK.1);
                self.chunks.push(Vec::with_capacity(len));
                continue;
            }
            let (fitting, rest) = samples.split_at(room.min(samples.len()));
            self.chunks.last_mut().expect("there is room in it").extend_from_slice(fitting);
            self.in_chunks += fitting.len();
            samples = rest;
        }
    }

    /// All samples in rising order.
    fn sort(&mut self) -> &[f64] {
        if !self.chunks.is_empty() {
            let mut keys = Vec::with_capacity(self.sorted.len() + self.in_chunks);
            keys.extend(mem::take(&mut self.sorted).into_iter().map(key));
            for chunk in mem::take(&mut self.chunks) {
                keys.extend(chunk.into_iter().map(key));
            }
            self.in_chunks = 0;
            keys.sort_unstable();
            // In place: both have eight bytes.
            self.sorted = keys.into_iter().map(of_key).collect();
        }
        &self.sorted
    }

    /// All samples in rising order, for good.
    pub(crate) fn into_sorted(mut self) -> Vec<f64> {
        self.sort();
        self.sorted
    }

    /// Takes in the next of `count` foreign samples, which come in rising order; `begun`
    /// is none before the first and after the last. So foreign samples are merged as they
    /// arrive, and need not be in memory beside the merged ones.
    pub(crate) fn merge(&mut self, begun: &mut Option<Merge>, foreign: &[f64], count: usize) {
        self.sort();
        let merge = begun.get_or_insert_with(|| Merge::new(self.sorted.len() + count));
        merge.take(&self.sorted, foreign);
        if merge.foreign == count {
            merge.take_rest(&self.sorted);
            self.sorted = mem::take(&mut merge.merged);
            *begun = None;
        }
    }
}

/// Own samples and foreign ones on their way into one list, all in rising order.
#[derive(Debug)]
pub(crate) struct Merge {
    /// Filled up to `own` + `foreign`.
    merged: Vec<f64>,
    own: usize,
    foreign: usize,
}

impl Merge {
    fn new(count: usize) -> Self {
        Self { merged: vec![0.0; count], own: 0, foreign: 0 }
    }

    fn take(&mut self, own: &[f64], foreign: &[f64]) {
        let merged = &mut self.merged[self.own + self.foreign..];
        let (own, mut mine, mut theirs) = (&own[self.own..], 0, 0);
        let mut step = |mine: &mut usize, theirs: &mut usize| {
            // No branch: it would be guessed wrong every second time.
            let (a, b) = (key(own[*mine]), key(foreign[*theirs]));
            merged[*mine + *theirs] = of_key(a.min(b));
            let is_own = a <= b;
            *mine += usize::from(is_own);
            *theirs += usize::from(!is_own);
        };
        // In strides: guests look at their deadline each time round a loop.
        const STRIDE: usize = 16;
        while mine + STRIDE <= own.len() && theirs + STRIDE <= foreign.len() {
            for _ in 0..STRIDE {
                step(&mut mine, &mut theirs);
            }
        }
        while mine < own.len() && theirs < foreign.len() {
            step(&mut mine, &mut theirs);
        }
        let rest = &foreign[theirs..];
        merged[mine + theirs..][..rest.len()].copy_from_slice(rest);
        self.own += mine;
        self.foreign += foreign.len();
    }

    fn take_rest(&mut self, own: &[f64]) {
        self.merged[self.own + self.foreign..].copy_from_slice(&own[self.own..]);
    }
}

/// Whole numbers in the order of `f64::total_cmp`, which are compared faster.
fn key(sample: f64) -> i64 {
    let bits = sample.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

fn of_key(key: i64) -> f64 {
    f64::from_bits((key ^ ((key >> 63) as u64 >> 1) as i64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::testing::Random;

    fn samples(count: usize, seed: u64) -> Vec<f64> {
        let mut random = Random(seed);
        let mut samples: Vec<f64> = (0..count).map(|_| random.latency_ms() - 40.0).collect();
        samples.extend([0.0, -0.0, f64::MAX, f64::MIN, 7.0, 7.0]);
        samples
    }

    fn bits(samples: &[f64]) -> Vec<u64> {
        samples.iter().map(|sample| sample.to_bits()).collect()
    }

    #[test]
    fn chunks_sorted_and_merged_are_all_samples_in_total_order() {
        for (count, merged) in [(0, 5), (5, 0), (100, 37), (70_000, 9000), (16, 4000)] {
            let (own, other) = (samples(count, 1), samples(merged, 2));
            let mut all = Samples::default();
            own[..count / 2].iter().for_each(|sample| all.extend(&[*sample]));
            all.extend(&own[count / 2..]);
            let mut theirs = Samples::default();
            theirs.extend(&other);
            let (theirs, mut begun) = (theirs.into_sorted(), None);
            for piece in theirs.chunks(700) {
                all.merge(&mut begun, piece, theirs.len());
            }
            assert!(begun.is_none());
            all.extend(&[3.0]);
            let mut expected = [own, other, vec![3.0]].concat();
            expected.sort_by(f64::total_cmp);
            assert_eq!(bits(&all.into_sorted()), bits(&expected));
        }
    }

    #[test]
    fn chunks_leave_little_memory_unused() {
        let mut all = Samples::default();
        for sample in samples(200_000, 1) {
            all.extend(&[sample]);
        }
        let reserved: usize = all.chunks.iter().map(Vec::capacity).sum();
        assert!(reserved < all.in_chunks * 9 / 8 + Samples::CHUNK.0, "{reserved}");
    }

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
