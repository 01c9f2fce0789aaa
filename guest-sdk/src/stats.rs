use crate::bindings::types as wit;
use crate::bindings::types::Quantile;

/// A quantile with fewer samples than this beyond it is marked unreliable.
const RELIABLE_BEYOND: f64 = 10.0;

/// How a set of samples is distributed.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Samples.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Their arithmetic mean.
    pub avg: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Standard deviation over the population (divided by n).
    pub std: f64,
    /// Quantiles, in rising order of percent.
    pub quantiles: Vec<Quantile>,
    /// How the quantiles were computed: `exact`, or the name of a sketch.
    pub method: String,
}

impl Distribution {
    /// The percentiles that a distribution has unless others are asked for.
    pub const PERCENTS: [f64; 9] = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0];

    /// True when fewer than ten of `count` samples lie beyond that percentile.
    pub fn is_unreliable(count: u64, percent: f64) -> bool {
        count as f64 * (50.0 - (percent - 50.0).abs()) / 100.0 < RELIABLE_BEYOND
    }

    /// Of the samples themselves, with percentiles 1, 5, 10, 25, 50, 75, 90, 95 and
    /// 99; none without samples. The order of the samples makes no difference, not
    /// even in the last bit.
    pub fn exact(samples: Vec<f64>) -> Option<Self> {
        Self::exact_at(samples, &Self::PERCENTS)
    }

    /// As [`exact`](Self::exact), with the percentiles asked for (0 to 100).
    pub fn exact_at(mut samples: Vec<f64>, percents: &[f64]) -> Option<Self> {
        samples.sort_unstable_by(f64::total_cmp);
        Self::of_sorted_at(&samples, percents)
    }

    /// As [`exact`](Self::exact), of samples that are in rising order
    /// ([`f64::total_cmp`]) already.
    pub fn of_sorted(samples: &[f64]) -> Option<Self> {
        Self::of_sorted_at(samples, &Self::PERCENTS)
    }

    fn of_sorted_at(samples: &[f64], percents: &[f64]) -> Option<Self> {
        let (min, max) = (*samples.first()?, *samples.last()?);
        let n = samples.len() as f64;
        let sum = sum_of(samples, |sample| sample);
        let avg = sum / n;
        let squares = sum_of(samples, |sample| (sample - avg).powi(2));
        let mut percents = percents.to_vec();
        percents.sort_unstable_by(f64::total_cmp);
        let quantiles = percents.into_iter().map(|percent| Quantile {
            percent,
            value: percentile(samples, percent),
            unreliable: Self::is_unreliable(samples.len() as u64, percent),
        });
        Some(Self {
            count: samples.len() as u64,
            sum,
            avg,
            min,
            max,
            std: (squares / n).sqrt(),
            quantiles: quantiles.collect(),
            method: "exact".to_owned(),
        })
    }

    /// False where the samples are too large to be added up. The host refuses a result
    /// with such a distribution.
    pub fn is_finite(&self) -> bool {
        self.sum.is_finite() && self.std.is_finite()
    }

    /// The value at a percentile that it has.
    pub fn quantile(&self, percent: f64) -> Option<f64> {
        let found = self.quantiles.iter().find(|quantile| quantile.percent == percent);
        found.map(|quantile| quantile.value)
    }

    pub(crate) fn into_wit(self) -> wit::Distribution {
        wit::Distribution {
            count: self.count,
            sum: self.sum,
            avg: self.avg,
            min: self.min,
            max: self.max,
            std: self.std,
            quantiles: self.quantiles,
            method: self.method,
        }
    }
}

/// The sum of `term` over all samples, one after the other. In strides: guests look at
/// their deadline each time round a loop.
fn sum_of(samples: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let (strides, rest) = samples.as_chunks::<16>();
    // What an empty iterator of f64 adds up to: negative zeros stay negative.
    let mut sum = -0.0;
    for stride in strides {
        for sample in stride {
            sum += term(*sample);
        }
    }
    rest.iter().fold(sum, |sum, sample| sum + term(*sample))
}

/// The percentile of samples in rising order, by linear interpolation at
/// (n − 1) · percent / 100: type 7 of Hyndman and Fan, "Sample Quantiles in
/// Statistical Packages" (1996), which numpy uses too.
///
/// # Panics
/// Without samples, or when `percent` is not from 0 to 100.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    assert!((0.0..=100.0).contains(&percent), "a percentile is from 0 to 100, not {percent}");
    let place = (sorted.len() - 1) as f64 * percent / 100.0;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_numpy() {
        // numpy: a = [3, 1, 2, 10]; a.std(), np.percentile(a, [50, 90])
        let d = Distribution::exact_at(vec![3.0, 1.0, 2.0, 10.0], &[90.0, 50.0]).unwrap();
        assert_eq!((d.count, d.sum, d.avg, d.min, d.max), (4, 16.0, 4.0, 1.0, 10.0));
        assert_eq!(d.std, 3.535_533_905_932_737_6);
        assert_eq!(d.quantile(50.0), Some(2.5));
        assert!((d.quantile(90.0).unwrap() - 7.9).abs() < 1e-12);
        assert_eq!(d.quantile(42.0), None);
    }

    #[test]
    fn order_of_samples_makes_no_difference() {
        let samples: Vec<f64> = (0..1000).map(|i| 0.1 * f64::from(i * 7919 % 1000)).collect();
        let reversed = samples.iter().rev().copied().collect();
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let expected = Distribution::exact(samples);
        assert_eq!(Distribution::exact(reversed), expected);
        assert_eq!(Distribution::of_sorted(&sorted), expected);
    }

    #[test]
    fn samples_too_large_to_be_added_up_are_told() {
        assert!(Distribution::exact(vec![1e150; 3]).unwrap().is_finite());
        assert!(!Distribution::exact(vec![1e308; 3]).unwrap().is_finite());
        assert!(!Distribution::exact(vec![1e200, -1e200]).unwrap().is_finite());
    }

    #[test]
    fn no_samples_have_no_distribution() {
        assert_eq!(Distribution::exact(Vec::new()), None);
    }

    #[test]
    fn a_quantile_with_fewer_than_ten_samples_beyond_it_is_unreliable() {
        let unreliable = |n: u32| -> Vec<f64> {
            let d = Distribution::exact((0..n).map(f64::from).collect()).unwrap();
            d.quantiles.iter().filter(|q| q.unreliable).map(|q| q.percent).collect()
        };
        assert!(unreliable(1000).is_empty());
        assert_eq!(unreliable(999), [1.0, 99.0]);
        assert_eq!(unreliable(199), [1.0, 5.0, 95.0, 99.0]);
    }
}
