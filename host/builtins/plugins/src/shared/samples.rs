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
    /// Foreign samples that sorting leaves room for.
    expected: usize,
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

    pub(crate) fn len(&self) -> usize {
        self.sorted.len() + self.in_chunks
    }

    /// So many foreign samples are to be merged.
    pub(crate) fn expect(&mut self, foreign: usize) {
        self.expected = foreign;
    }

    /// All samples in rising order.
    pub(crate) fn sort(&mut self) -> &[f64] {
        if !self.chunks.is_empty() {
            let (chunks, range) = (mem::take(&mut self.chunks), mem::take(&mut self.range));
            let sorted = sorted(chunks, &range, mem::take(&mut self.expected));
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
        let merge = begun.get_or_insert_with(|| Merge::begin(&mut self.sorted, count));
        merge.take(&mut self.sorted, foreign);
        if merge.own == merge.merged {
            *begun = None;
        }
    }
}

/// How far foreign samples are taken in among own ones, in the same list: merged ones are
/// at its start, own ones that are not merged at its end, and between them there is room for
/// the foreign ones that are still to come.
#[derive(Debug)]
pub(crate) struct Merge {
    /// Merged samples.
    merged: usize,
    /// Where own samples begin.
    own: usize,
}

impl Merge {
    /// Makes room for `count` foreign samples in front of the own ones.
    fn begin(list: &mut Vec<f64>, count: usize) -> Self {
        let len = list.len();
        list.reserve_exact(count);
        list.resize(len.max(count), 0.0);
        list.extend_from_within(len.saturating_sub(count)..len);
        list.copy_within(..len.saturating_sub(count), count);
        Self { merged: 0, own: count }
    }

    fn take(&mut self, list: &mut [f64], foreign: &[f64]) {
        let mut theirs = 0;
        // In strides: guests look at their deadline each time round a loop.
        const STRIDE: usize = 16;
        while self.own + STRIDE <= list.len() && theirs + STRIDE <= foreign.len() {
            for _ in 0..STRIDE {
                theirs += self.take_one(list, foreign[theirs]);
            }
        }
        while self.own < list.len() && theirs < foreign.len() {
            theirs += self.take_one(list, foreign[theirs]);
        }
        let rest = &foreign[theirs..];
        list[self.merged..][..rest.len()].copy_from_slice(rest);
        self.merged += rest.len();
    }

    /// Takes the next own sample or the foreign one, whichever is less; of foreign ones, how
    /// many it takes.
    #[inline]
    fn take_one(&mut self, list: &mut [f64], foreign: f64) -> usize {
        // No branch: it would be guessed wrong every second time.
        let (own, foreign) = (key(list[self.own]), key(foreign));
        list[self.merged] = of_key(own.min(foreign));
        let is_own = own <= foreign;
        self.merged += 1;
        self.own += usize::from(is_own);
        usize::from(!is_own)
    }
}
