use perfbox_guest::Result;

use super::wire::{Reader, Writer, unreadable};

/// Buckets between two powers of two. The value that stands for a bucket is within
/// 1/1025 of every value in it.
const BUCKETS: usize = 512;
/// Bits of a mantissa that a bucket does not tell apart.
const WITHIN: u32 = 52 - BUCKETS.ilog2();
/// Values whose sums fit into 64 bits before they are brought into the wide ones.
const RECENT: u32 = 512;
/// Bits of a mantissa in its low half; the high one has 26.
pub(super) const LOW: u32 = 27;

/// The numbers of one sign between two powers of two.
#[derive(Debug)]
pub(super) struct Octave {
    counts: [u32; BUCKETS],
    /// Buckets whose count went round, once for each time.
    wraps: Vec<u16>,
    sums: Sums<u128>,
    recent: Sums<u64>,
    recent_count: u32,
}

/// Of mantissas m, and of the products of their halves: m² = h²·2^54 + h·l·2^28 + l².
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums<T> {
    pub(super) mantissas: T,
    pub(super) high_squares: T,
    pub(super) products: T,
    pub(super) low_squares: T,
}

/// The number with the same relative distance to both ends of a bucket.
pub(super) fn middle(exponent: usize, bucket: usize) -> f64 {
    let start = (exponent as u64) << 52 | (bucket as u64) << WITHIN;
    let end = start + (1 << WITHIN);
    let (start, end) = (f64::from_bits(start), f64::from_bits(end));
    if !end.is_finite() || start == 0.0 {
        return start;
    }
    start + (end - start) / (1.0 + end / start)
}

impl Default for Octave {
    fn default() -> Self {
        Self {
            counts: [0; BUCKETS],
            wraps: Vec::new(),
            sums: Sums::default(),
            recent: Sums::default(),
            recent_count: 0,
        }
    }
}

impl Octave {
    pub(super) fn add(&mut self, bits: u64) {
        let fraction = bits & ((1 << 52) - 1);
        self.count((fraction >> WITHIN) as usize, 1);
        // Numbers of exponent 0 have no leading one.
        let is_normal = bits << 1 >> 53 != 0;
        let mantissa = fraction | u64::from(is_normal) << 52;
        let (high, low) = (mantissa >> LOW, mantissa & ((1 << LOW) - 1));
        self.recent.mantissas += mantissa;
        self.recent.high_squares += high * high;
        self.recent.products += high * low;
        self.recent.low_squares += low * low;
        self.recent_count += 1;
        if self.recent_count == RECENT {
            self.settle();
        }
    }

    fn count(&mut self, bucket: usize, count: u32) {
        let (sum, went_round) = self.counts[bucket].overflowing_add(count);
        self.counts[bucket] = sum;
        if went_round {
            self.wraps.push(bucket as u16);
        }
    }

    fn settle(&mut self) {
        self.sums = self.sums.and(&self.recent);
        self.recent = Sums::default();
        self.recent_count = 0;
    }

    /// The sums of all its numbers.
    pub(super) fn sums(&self) -> Sums<u128> {
        self.sums.and(&self.recent)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.counts.iter().enumerate() {
            self.count(bucket, *count);
        }
        self.wraps.extend_from_slice(&other.wraps);
        self.settle();
        self.sums = self.sums.and(&other.recent).plus(&other.sums);
    }

    /// Buckets with something in them, and how much.
    pub(super) fn counted(&self) -> Vec<(usize, u64)> {
        let count = |(bucket, count): (usize, &u32)| {
            let wraps = self.wraps.iter().filter(|at| usize::from(**at) == bucket).count() as u64;
            (bucket, (wraps << 32) + u64::from(*count))
        };
        let counts = self.counts.iter().enumerate().map(count);
        counts.filter(|(_, count)| *count > 0).collect()
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        let counted = self.counted();
        writer.usize(counted.len());
        for (bucket, count) in counted {
            writer.usize(bucket);
            writer.u64(count);
        }
        let sums = self.sums();
        for sum in [sums.mantissas, sums.high_squares, sums.products, sums.low_squares] {
            writer.u128(sum);
        }
    }

    pub(super) fn read(reader: &mut Reader) -> Result<Self> {
        let mut octave = Self::default();
        for _ in 0..reader.usize()? {
            let (bucket, count) = (reader.usize()?, reader.u64()?);
            *octave.counts.get_mut(bucket).ok_or_else(unreadable)? = count as u32;
            octave.wraps.extend((0..count >> 32).map(|_| bucket as u16));
        }
        octave.sums = Sums {
            mantissas: reader.u128()?,
            high_squares: reader.u128()?,
            products: reader.u128()?,
            low_squares: reader.u128()?,
        };
        Ok(octave)
    }
}

impl Sums<u128> {
    fn and(&self, recent: &Sums<u64>) -> Self {
        self.plus(&Sums {
            mantissas: recent.mantissas.into(),
            high_squares: recent.high_squares.into(),
            products: recent.products.into(),
            low_squares: recent.low_squares.into(),
        })
    }

    fn plus(&self, other: &Self) -> Self {
        Self {
            mantissas: self.mantissas + other.mantissas,
            high_squares: self.high_squares + other.high_squares,
            products: self.products + other.products,
            low_squares: self.low_squares + other.low_squares,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_near(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected.abs(), "{found} is not {expected}");
    }

    #[test]
    fn the_value_of_a_bucket_is_near_both_of_its_ends() {
        for (exponent, bucket) in [(1, 0), (1023, 0), (1023, 511), (2046, 510)] {
            let start = f64::from_bits((exponent as u64) << 52 | (bucket as u64) << WITHIN);
            let end = f64::from_bits(start.to_bits() + (1 << WITHIN));
            let middle = middle(exponent, bucket);
            assert_near(middle, start, 0.000_98);
            assert_near(middle, end, 0.000_98);
        }
        assert!(middle(2046, 511).is_finite());
    }

    #[test]
    fn counts_beyond_32_bits_are_kept() {
        let mut octave = Octave::default();
        for _ in 0..3 {
            octave.count(7, u32::MAX);
        }
        let expected = [(7, 3 * u64::from(u32::MAX))];
        assert_eq!(octave.counted(), expected);
        let mut writer = Writer::default();
        octave.write(&mut writer);
        let mut read = Octave::read(&mut Reader::new(&writer.bytes)).unwrap();
        assert_eq!(read.counted(), expected);
        read.merge(&octave);
        assert_eq!(read.counted(), [(7, 6 * u64::from(u32::MAX))]);
    }
}
