use std::mem;

use super::sort::{Range, key, of_key, sorted};

/// Samples of one column, first as they come, then sorted.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(super) sorted: Vec<f64>,
    /// Keys of the samples that are not sorted yet. In chunks, since a growing list would
    /// take twice the memory of what is in it and more each time it moves.
    pub(super) chunks: Vec<Vec<u64>>,
    pub(super) in_chunks: usize,
    /// Of these keys. It is told when they come, while the batch is near.
    range: Range,
}

impl Samples {
    /// Samples of a chunk, at least and at most; in between, an eighth of all.
    pub(super) const CHUNK: (usize, usize) = (64, 32_768);

    pub(crate) fn extend(&mut self, mut samples: &[f64]) {
        while !samples.is_empty() {
            let room = self.chunks.last().map_or(0, |chunk| chunk.capacity() - chunk.len());
            if room == 0 {
                let len = (self.in_chunks / 8).clamp(Self::CHUNK.0, Self::CHUNK.1);
                self.chunks.push(Vec::with_capacity(len));
                continue;
            }
            let (fitting, rest) = samples.split_at(room.min(samples.len()));
            let chunk = self.chunks.last_mut().expect("there is room in it");
            // In strides: guests look at their deadline each time round a loop.
            let (strides, few) = fitting.as_chunks::<8>();
            for stride in strides {
                let keys = stride.map(key);
                keys.iter().for_each(|key| self.range.take_in(*key));
                chunk.extend_from_slice(&keys);
            }
            for key in few.iter().map(|sample| key(*sample)) {
                self.range.take_in(key);
                chunk.push(key);
            }
            self.in_chunks += fitting.len();
            samples = rest;
        }
    }

    /// All samples in rising order.
    pub(crate) fn sort(&mut self) -> &[f64] {
        if !self.chunks.is_empty() {
            let sorted = sorted(mem::take(&mut self.chunks), &mem::take(&mut self.range));
            self.in_chunks = 0;
            match self.sorted.is_empty() {
                true => self.sorted = sorted,
                false => self.merge(&mut None, &sorted, sorted.len()),
            }
        }
        &self.sorted
    }

    /// All samples, chunk by chunk. Each chunk's memory is given back before the next.
    pub(crate) fn into_chunks(self) -> impl Iterator<Item = Vec<f64>> {
        let keys = self.chunks.into_iter();
        let chunks = keys.map(|chunk| chunk.into_iter().map(of_key).collect());
        std::iter::once(self.sorted).chain(chunks)
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
