/// Powers of ten that buckets reach from and to; smaller and larger numbers are in the
/// first and the last one.
const DECADES: (i32, i32) = (-12, 15);

/// Logarithmic buckets: each reaches from its neighbour's bound, which it leaves out, to
/// its own, which it has in it.
#[derive(Debug)]
pub(super) struct Buckets {
    /// In rising order, each of three digits; the last is infinite.
    pub(super) bounds: Vec<f64>,
    /// For each exponent of a number, the first bucket that such numbers may be in.
    first: Vec<usize>,
}

impl Buckets {
    pub(super) fn new(per_decade: u32) -> Self {
        let per_decade = per_decade as i32;
        let places = DECADES.0 * per_decade..=DECADES.1 * per_decade;
        let bound = |place: i32| {
            let exact = 10.0_f64.powf(f64::from(place) / f64::from(per_decade));
            // Of three digits, so that a label says the bound itself.
            format!("{exact:.2e}").parse().expect("a number that was just written")
        };
        let bounds: Vec<f64> = places.map(bound).chain([f64::INFINITY]).collect();
        let first = |exponent: u64| {
            let lowest = f64::from_bits(exponent << 52);
            bounds.partition_point(|bound| *bound < lowest)
        };
        Self { first: (0..=0x7ff).map(first).collect(), bounds }
    }

    /// The bucket of a positive number.
    pub(super) fn of(&self, number: f64) -> usize {
        let mut at = self.first[(number.to_bits() >> 52) as usize];
        while number > self.bounds[at] {
            at += 1;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_in_its_bucket_and_the_next_number_is_not() {
        for per_decade in [1, 3, 10, 50] {
            let buckets = Buckets::new(per_decade);
            assert!(buckets.bounds.is_sorted_by(|a, b| a < b));
            for (at, bound) in buckets.bounds.iter().enumerate().rev().skip(1) {
                assert_eq!(buckets.of(*bound), at);
                assert_eq!(buckets.of(bound.next_up()), at + 1);
            }
        }
    }

    #[test]
    fn powers_of_ten_are_bounds() {
        let buckets = Buckets::new(10);
        for bound in [1e-12, 0.001, 1.0, 10.0, 1000.0, 1e15] {
            assert!(buckets.bounds.contains(&bound));
        }
        assert!(buckets.bounds.contains(&1.26));
    }

    #[test]
    fn numbers_beyond_all_bounds_are_in_the_outermost_buckets() {
        let buckets = Buckets::new(10);
        assert_eq!(buckets.of(f64::from_bits(1)), 0);
        assert_eq!(buckets.of(f64::MAX), buckets.bounds.len() - 1);
        assert_eq!(buckets.of(f64::INFINITY), buckets.bounds.len() - 1);
    }
}
