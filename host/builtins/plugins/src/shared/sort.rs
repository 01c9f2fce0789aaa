//! Puts samples in order by their digits: into buckets, these into smaller ones, and so on.
//!
//! A sort that compares goes round a short loop for each comparison, and guests look at
//! their deadline each time round a loop. Here loops over samples go in strides, and what
//! is in the smallest buckets is put in order without a loop.

use std::mem;

/// Buckets at a time, at most.
const BUCKETS: usize = 1 << 10;
/// Keys of a first bucket, about: they should stay in a processor's nearer caches.
const NEAR: usize = 1 << 12;
/// Keys of a segment of a first bucket.
const SEGMENT: usize = 1 << 9;
/// So few keys are parted no further, if they are too many for a network.
const FEW: usize = 24;

/// The samples of all keys, which span `range`, in the order of `f64::total_cmp`, with room
/// for so many more. A list's memory goes once it is read.
pub(crate) fn sorted(chunks: Vec<Vec<u64>>, range: &Range, room: usize) -> Vec<f64> {
    let mut sorter = Sorter::default();
    let count = count_of(&chunks);
    sorter.sorted.reserve_exact(count + room);
    match count < 2 * NEAR {
        true => sorter.add_few(chunks),
        false => sorter.add_many(chunks, range),
    }
    sorter.sorted
}

/// Puts samples above those that are sorted.
#[derive(Default)]
struct Sorter {
    sorted: Vec<f64>,
    /// Room for some few keys, twice.
    here: Vec<u64>,
    there: Vec<u64>,
}

impl Sorter {
    fn add_few(&mut self, chunks: Vec<Vec<u64>>) {
        self.here.clear();
        chunks.iter().for_each(|chunk| self.here.extend_from_slice(chunk));
        self.there.resize(self.here.len().max(self.there.len()), 0);
        sort_onto(&mut self.sorted, &mut self.here, &mut self.there);
    }

    fn add_many(&mut self, chunks: Vec<Vec<u64>>, range: &Range) {
        if range.is_of_one() {
            self.sorted.resize(self.sorted.len() + count_of(&chunks), of_key(range.lowest));
            return;
        }
        for segments in segments(chunks, range) {
            if count_of(&segments) < 2 * NEAR {
                self.add_few(segments);
            } else {
                let mut range = Range::default();
                segments.iter().for_each(|segment| each(segment, |key| range.take_in(key)));
                self.add_many(segments, &range);
            }
        }
    }
}

fn count_of(chunks: &[Vec<u64>]) -> usize {
    chunks.iter().map(Vec::len).sum()
}

/// All keys, in segments of each bucket: they take the memory that the chunks leave.
fn segments(chunks: Vec<Vec<u64>>, range: &Range) -> Vec<Vec<Vec<u64>>> {
    let buckets = Buckets::of(range, count_of(&chunks) / NEAR);
    let mut full = vec![Vec::new(); buckets.count];
    let mut last = [const { Vec::new() }; BUCKETS];
    for chunk in chunks {
        each(&chunk, |key| {
            let bucket = buckets.of_key(key);
            let segment = &mut last[bucket];
            if segment.len() == segment.capacity() {
                full[bucket].push(mem::replace(segment, Vec::with_capacity(SEGMENT)));
            }
            segment.push(key);
        });
    }
    full.iter_mut().zip(last).for_each(|(full, last)| full.push(last));
    full
}

/// Adds the samples of the keys that are `here` to `sorted`, in order. There is room for as
/// many keys `there`; what is in both afterwards means nothing.
fn sort_onto(sorted: &mut Vec<f64>, here: &mut [u64], there: &mut [u64]) {
    let mut range = Range::default();
    each(here, |key| range.take_in(key));
    if here.len() <= FEW || range.is_of_one() {
        here.sort_unstable();
        return sorted.extend(here.iter().map(|key| of_key(*key)));
    }
    let buckets = Buckets::of(&range, here.len() / 2);
    let mut places = [0; BUCKETS];
    let places = &mut places[..buckets.count];
    each(here, |key| places[buckets.of_key(key)] += 1);
    let mut start = 0;
    for place in &mut *places {
        (*place, start) = (start, start + *place);
    }
    each(here, |key| {
        let place = &mut places[buckets.of_key(key)];
        there[*place] = key;
        *place += 1;
    });
    let mut start = 0;
    for end in &*places {
        let bucket = start..*end;
        match bucket.len() {
            0..=network::MOST => network::sort_onto(sorted, &there[bucket]),
            _ => sort_onto(sorted, &mut there[bucket.clone()], &mut here[bucket]),
        }
        start = *end;
    }
}

/// The lowest and the highest of some keys.
#[derive(Debug)]
pub(crate) struct Range {
    lowest: u64,
    highest: u64,
}

impl Default for Range {
    fn default() -> Self {
        Self { lowest: u64::MAX, highest: 0 }
    }
}

impl Range {
    pub(crate) fn take_in(&mut self, key: u64) {
        self.lowest = self.lowest.min(key);
        self.highest = self.highest.max(key);
    }

    fn is_of_one(&self) -> bool {
        self.lowest == self.highest
    }
}

/// Buckets of equal width that hold a range of keys.
struct Buckets {
    lowest: u64,
    /// The logarithm of a bucket's width.
    shift: u32,
    count: usize,
}

impl Buckets {
    /// Not more than `buckets`, which is two at least.
    fn of(range: &Range, buckets: usize) -> Self {
        let digits = buckets.ilog2().min(BUCKETS.ilog2());
        let bits = u64::BITS - range.highest.saturating_sub(range.lowest).leading_zeros();
        Self { lowest: range.lowest, shift: bits.saturating_sub(digits), count: 1 << digits }
    }

    fn of_key(&self, key: u64) -> usize {
        (key.wrapping_sub(self.lowest) >> (self.shift % u64::BITS)) as usize % BUCKETS
    }
}

/// Hands all keys on, in strides.
fn each(keys: &[u64], mut take: impl FnMut(u64)) {
    let (strides, rest) = keys.as_chunks::<8>();
    strides.iter().for_each(|stride| stride.iter().for_each(|key| take(*key)));
    rest.iter().for_each(|key| take(*key));
}

/// Networks that put few keys in order without a loop or a branch: those with the fewest
/// steps that are known (Knuth, The Art of Computer Programming, volume 3, 5.3.4).
mod network {
    use super::of_key;

    /// As many keys as there is a network for.
    pub(super) const MOST: usize = 8;

    pub(super) fn sort_onto(sorted: &mut Vec<f64>, keys: &[u64]) {
        match *keys {
            [] => {}
            [a] => sorted.push(of_key(a)),
            [a, b] => put(sorted, [a, b], [(0, 1)]),
            [a, b, c] => put(sorted, [a, b, c], [(0, 2), (0, 1), (1, 2)]),
            [a, b, c, d] => {
                put(sorted, [a, b, c, d], [(0, 2), (1, 3), (0, 1), (2, 3), (1, 2)]);
            }
            [a, b, c, d, e] => put(
                sorted,
                [a, b, c, d, e],
                [(0, 3), (1, 4), (0, 2), (1, 3), (0, 1), (2, 4), (1, 2), (3, 4), (2, 3)],
            ),
            [a, b, c, d, e, f] => put(
                sorted,
                [a, b, c, d, e, f],
                [
                    (0, 5),
                    (1, 3),
                    (2, 4),
                    (1, 2),
                    (3, 4),
                    (0, 3),
                    (2, 5),
                    (0, 1),
                    (2, 3),
                    (4, 5),
                    (1, 2),
                    (3, 4),
                ],
            ),
            [a, b, c, d, e, f, g] => put(
                sorted,
                [a, b, c, d, e, f, g],
                [
                    (0, 6),
                    (2, 3),
                    (4, 5),
                    (0, 2),
                    (1, 4),
                    (3, 6),
                    (0, 1),
                    (2, 5),
                    (3, 4),
                    (1, 2),
                    (4, 6),
                    (2, 3),
                    (4, 5),
                    (1, 2),
                    (3, 4),
                    (5, 6),
                ],
            ),
            [a, b, c, d, e, f, g, h] => put(
                sorted,
                [a, b, c, d, e, f, g, h],
                [
                    (0, 2),
                    (1, 3),
                    (4, 6),
                    (5, 7),
                    (0, 4),
                    (1, 5),
                    (2, 6),
                    (3, 7),
                    (0, 1),
                    (2, 3),
                    (4, 5),
                    (6, 7),
                    (2, 4),
                    (3, 5),
                    (1, 4),
                    (3, 6),
                    (1, 2),
                    (3, 4),
                    (5, 6),
                ],
            ),
            _ => unreachable!("no network for {} keys", keys.len()),
        }
    }

    fn put<const KEYS: usize, const STEPS: usize>(
        sorted: &mut Vec<f64>,
        mut keys: [u64; KEYS],
        steps: [(usize, usize); STEPS],
    ) {
        for (low, high) in steps {
            let (a, b) = (keys[low], keys[high]);
            keys[low] = a.min(b);
            keys[high] = a.max(b);
        }
        sorted.extend_from_slice(&keys.map(of_key));
    }
}

const SIGN: u64 = 1 << 63;

/// A whole number in the order of `f64::total_cmp`.
pub(crate) fn key(sample: f64) -> u64 {
    let bits = sample.to_bits();
    match bits & SIGN {
        0 => bits | SIGN,
        _ => !bits,
    }
}

/// The sample of that key.
pub(crate) fn of_key(key: u64) -> f64 {
    f64::from_bits(match key & SIGN {
        0 => !key,
        _ => key ^ SIGN,
    })
}
