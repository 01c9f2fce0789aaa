use perfbox_guest::{Distribution, Quantile, Result};

use super::octave::{LOW, Octave, middle};
use super::wide::{Wide, scale};
use super::wire::{Reader, Writer, unreadable};

/// How a set of numbers is distributed, in memory that does not grow with their count:
/// about 2 KiB for each power of two that they span.
///
/// It is a DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile
/// Sketch with Relative-Error Guarantees", VLDB 2019) of relative accuracy 0.1 %, whose
/// logarithm is interpolated linearly between powers of two: a bucket is then a few bits
/// of the number. No bucket is ever given up.
///
/// Everything in it is a whole number, so it is the same whatever the order in which
/// numbers came and sketches were merged: beside the counts, the sums of all mantissas
/// of one exponent and of their squares. Sum, mean and deviation are made of these at
/// the end, exactly up to the last rounding.
#[derive(Debug, Default)]
pub(crate) struct Sketch {
    /// By sign and exponent, the twelve top bits of a number, from `first`.
    octaves: Vec<Option<Box<Octave>>>,
    first: usize,
    zeros: u64,
    count: u64,
    /// Of the numbers, once there is one.
    range: Option<(f64, f64)>,
}

impl Sketch {
    pub(crate) fn push(&mut self, value: f64) {
        // Makes a negative zero positive.
        let value = value + 0.0;
        self.count += 1;
        self.range = Some(match self.range {
            None => (value, value),
            Some((min, max)) => (min.min(value), max.max(value)),
        });
        if value == 0.0 {
            self.zeros += 1;
            return;
        }
        let bits = value.to_bits();
        self.octave((bits >> 52) as usize).add(bits);
    }

    pub(crate) fn extend(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.push(*value));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        self.count += other.count;
        self.range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (mine, theirs) => mine.or(theirs),
        };
        for (place, octave) in other.placed() {
            self.octave(place).merge(octave);
        }
    }

    /// With the percentiles of [`Distribution::PERCENTS`]; none without numbers.
    pub(crate) fn distribution(&self) -> Option<Distribution> {
        let (min, max) = self.range?;
        let n = self.count as f64;
        let (sum, std) = self.sum_and_deviation();
        let ranks = self.ranks();
        let value_at = |rank: u64| match rank {
            0 => min,
            rank if rank == self.count - 1 => max,
            rank => {
                let at = ranks.partition_point(|(up_to, _)| *up_to <= rank);
                ranks[at].1.clamp(min, max)
            }
        };
        let quantiles = Distribution::PERCENTS.into_iter().map(|percent| {
            let place = (n - 1.0) * percent / 100.0;
            let (below, above) = (value_at(place.floor() as u64), value_at(place.ceil() as u64));
            Quantile {
                percent,
                value: below + (above - below) * place.fract(),
                unreliable: Distribution::is_unreliable(self.count, percent),
            }
        });
        Some(Distribution {
            count: self.count,
            sum,
            avg: sum / n,
            min,
            max,
            std,
            quantiles: quantiles.collect(),
            method: "ddsketch".to_owned(),
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.u64(self.count);
        writer.u64(self.zeros);
        let (min, max) = self.range.unwrap_or_default();
        writer.f64(min);
        writer.f64(max);
        writer.usize(self.placed().count());
        for (place, octave) in self.placed() {
            writer.usize(place);
            octave.write(writer);
        }
    }

    pub(crate) fn read(reader: &mut Reader) -> Result<Self> {
        let mut sketch = Self { count: reader.u64()?, zeros: reader.u64()?, ..Self::default() };
        let range = (reader.f64()?, reader.f64()?);
        sketch.range = (sketch.count > 0).then_some(range);
        for _ in 0..reader.usize()? {
            let place = reader.usize()?;
            if place > 0xfff {
                return Err(unreadable());
            }
            *sketch.octave(place) = Octave::read(reader)?;
        }
        Ok(sketch)
    }

    fn octave(&mut self, place: usize) -> &mut Octave {
        if self.octaves.is_empty() {
            self.first = place;
        }
        if place < self.first {
            let missing = self.first - place;
            self.octaves.splice(0..0, std::iter::repeat_with(|| None).take(missing));
            self.first = place;
        }
        let at = place - self.first;
        if at >= self.octaves.len() {
            self.octaves.resize_with(at + 1, || None);
        }
        self.octaves[at].get_or_insert_default()
    }

    fn placed(&self) -> impl DoubleEndedIterator<Item = (usize, &Octave)> {
        let octaves = self.octaves.iter().enumerate();
        octaves.filter_map(|(at, octave)| Some((self.first + at, octave.as_deref()?)))
    }

    /// For each bucket from the smallest numbers to the largest, how many numbers there
    /// are up to and with it, and the number that stands for it.
    fn ranks(&self) -> Vec<(u64, f64)> {
        let mut ranks = Vec::new();
        let mut up_to = 0;
        let mut add = |count: u64, value: f64| {
            up_to += count;
            ranks.push((up_to, value));
        };
        for (place, octave) in self.placed().rev().filter(|(place, _)| place >> 11 == 1) {
            for (bucket, count) in octave.counted().into_iter().rev() {
                add(count, -middle(place & 0x7ff, bucket));
            }
        }
        if self.zeros > 0 {
            add(self.zeros, 0.0);
        }
        for (place, octave) in self.placed().filter(|(place, _)| place >> 11 == 0) {
            for (bucket, count) in octave.counted() {
                add(count, middle(place, bucket));
            }
        }
        ranks
    }

    /// The sum and the deviation over the population. With all numbers as multiples of
    /// one power of two, n·Σx² - (Σx)² is a whole number: nothing cancels out.
    fn sum_and_deviation(&self) -> (f64, f64) {
        // Exponent 0 counts in the same steps as exponent 1.
        let exponents = || self.placed().map(|(place, _)| (place & 0x7ff).max(1));
        let lowest = exponents().min().unwrap_or(1);
        let (mut positive, mut negative) = (Wide::default(), Wide::default());
        let mut squares = Wide::default();
        for ((place, octave), exponent) in self.placed().zip(exponents()) {
            let shift = (exponent - lowest) as u32;
            let sums = octave.sums();
            let sum = if place >> 11 == 0 { &mut positive } else { &mut negative };
            sum.add_shifted(sums.mantissas, shift);
            squares.add_shifted(sums.low_squares, 2 * shift);
            squares.add_shifted(sums.products, 2 * shift + LOW + 1);
            squares.add_shifted(sums.high_squares, 2 * shift + 2 * LOW);
        }
        let unit = lowest as i32 - 1075;
        let (sum, is_negative) = positive.difference(&negative);
        let (mantissa, exponent) = sum.to_scaled();
        let magnitude = scale(mantissa, exponent + unit);

        let (spread, _) = Wide::from(self.count).times(&squares).difference(&sum.times(&sum));
        let (mantissa, exponent) = spread.to_scaled();
        let is_odd = exponent.rem_euclid(2);
        let root = scale(mantissa, is_odd).sqrt();
        let std = scale(root / self.count as f64, (exponent - is_odd) / 2 + unit);
        (if is_negative { -magnitude } else { magnitude }, std)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::testing::Random;

    fn of(values: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        sketch.extend(values);
        sketch
    }

    fn assert_near(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected.abs(), "{found} is not {expected}");
    }

    #[test]
    fn quantiles_are_near_those_of_samples_of_any_sign_and_size() {
        let mut random = Random(11);
        let mut values: Vec<f64> = (0..5000).map(|_| random.latency_ms() - 40.0).collect();
        values.extend([0.0; 300]);
        values.extend((0..3000).map(|_| 10.0_f64.powf(random.unit() * 40.0 - 20.0)));
        let (sketched, exact) = (of(&values).distribution(), Distribution::exact(values));
        let (sketched, exact) = (sketched.unwrap(), exact.unwrap());
        assert_eq!((sketched.count, sketched.min, sketched.max), (8300, exact.min, exact.max));
        for (found, expected) in sketched.quantiles.iter().zip(&exact.quantiles) {
            assert_near(found.value, expected.value, 0.001);
        }
        assert_near(sketched.sum, exact.sum, 1e-12);
        assert_near(sketched.std, exact.std, 1e-12);
    }

    #[test]
    fn deviation_is_not_lost_beside_a_large_mean() {
        let values: Vec<f64> = (0..1000).map(|at| 1e12 + f64::from(at % 2)).collect();
        let found = of(&values).distribution().unwrap();
        assert_eq!((found.avg, found.std), (1e12 + 0.5, 0.5));
        let same = of(&[0.1; 77]).distribution().unwrap();
        assert_eq!((same.std, same.min, same.max), (0.0, 0.1, 0.1));
        assert_eq!(same.quantile(50.0), Some(0.1));
    }

    #[test]
    fn sums_are_rounded_once() {
        let found = of(&[1e100, 1.0, -1e100]).distribution().unwrap();
        assert_eq!((found.sum, found.min, found.max), (1.0, -1e100, 1e100));
        let tiny = of(&[f64::from_bits(1), f64::from_bits(3)]).distribution().unwrap();
        assert_eq!((tiny.sum, tiny.min), (f64::from_bits(4), f64::from_bits(1)));
        assert!(!of(&[1e308, 1e308]).distribution().unwrap().is_finite());
        let zeros = of(&[0.0, -0.0]).distribution().unwrap();
        assert_eq!((zeros.sum, zeros.std, zeros.quantile(50.0)), (0.0, 0.0, Some(0.0)));
    }

    #[test]
    fn order_and_merging_make_no_difference() {
        let mut random = Random(5);
        let values: Vec<f64> = (0..4000).map(|_| random.latency_ms() - 30.0).collect();
        let whole = format!("{:?}", of(&values).distribution());
        let reversed: Vec<f64> = values.iter().rev().copied().collect();
        assert_eq!(format!("{:?}", of(&reversed).distribution()), whole);
        for pieces in [2, 3, 7] {
            let mut merged = Sketch::default();
            for piece in values.chunks(values.len() / pieces) {
                let mut writer = Writer::default();
                of(piece).write(&mut writer);
                let mut reader = Reader::new(&writer.bytes);
                merged.merge(&Sketch::read(&mut reader).unwrap());
                assert!(reader.is_empty());
            }
            assert_eq!(format!("{:?}", merged.distribution()), whole);
        }
    }

    #[test]
    fn nothing_has_no_distribution_and_nonsense_is_refused() {
        assert_eq!(Sketch::default().distribution(), None);
        let mut writer = Writer::default();
        [1, 0].into_iter().for_each(|value| writer.u64(value));
        [1.0, 1.0].into_iter().for_each(|value| writer.f64(value));
        [1, 5000].into_iter().for_each(|value| writer.u64(value));
        assert!(Sketch::read(&mut Reader::new(&writer.bytes)).is_err());
    }
}
