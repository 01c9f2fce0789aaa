use std::cmp::Ordering;

/// A whole number of any size, for sums that must not be rounded on the way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wide {
    /// The lowest first; the highest may be 0.
    limbs: Vec<u64>,
}

impl From<u64> for Wide {
    fn from(value: u64) -> Self {
        Self { limbs: vec![value] }
    }
}

impl Wide {
    /// Adds `value` · 2^`shift`.
    pub(crate) fn add_shifted(&mut self, value: u128, shift: u32) {
        let (first, shift) = ((shift / 64) as usize, shift % 64);
        let low = value << shift;
        // In two steps, since nothing can be shifted by 128 at once.
        let high = (value >> (127 - shift)) >> 1;
        let pieces = [low as u64, (low >> 64) as u64, high as u64];
        if self.limbs.len() < first + pieces.len() {
            self.limbs.resize(first + pieces.len(), 0);
        }
        let mut carry = false;
        for (at, limb) in self.limbs[first..].iter_mut().enumerate() {
            let piece = pieces.get(at).copied().unwrap_or(0);
            (*limb, carry) = limb.carrying_add(piece, carry);
        }
        if carry {
            self.limbs.push(1);
        }
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut limbs = vec![0_u64; self.limbs.len() + other.limbs.len()];
        for (shift, a) in self.limbs.iter().enumerate() {
            let mut carry = 0_u128;
            for (b, limb) in other.limbs.iter().zip(&mut limbs[shift..]) {
                let sum = u128::from(*a) * u128::from(*b) + u128::from(*limb) + carry;
                *limb = sum as u64;
                carry = sum >> 64;
            }
            limbs[shift + other.limbs.len()] = carry as u64;
        }
        Self { limbs }
    }

    /// How far apart the two are, and whether this one is the smaller.
    pub(crate) fn difference(&self, other: &Self) -> (Self, bool) {
        let is_smaller = self.compare(other) == Ordering::Less;
        let (larger, smaller) = if is_smaller { (other, self) } else { (self, other) };
        let mut limbs = larger.limbs.clone();
        let mut borrow = false;
        for (at, limb) in limbs.iter_mut().enumerate() {
            (*limb, borrow) = limb.borrowing_sub(smaller.limb(at), borrow);
        }
        (Self { limbs }, is_smaller)
    }

    /// The nearest `(mantissa, exponent)`: the number is about mantissa · 2^exponent,
    /// with a mantissa below 2^65.
    pub(crate) fn to_scaled(&self) -> (f64, i32) {
        let Some(top) = self.limbs.iter().rposition(|limb| *limb != 0) else { return (0.0, 0) };
        let zeros = self.limbs[top].leading_zeros();
        let below = if top > 0 { self.limbs[top - 1] } else { 0 };
        let both = (u128::from(self.limbs[top]) << 64 | u128::from(below)) << zeros;
        let is_cut =
            both as u64 != 0 || self.limbs[..top.saturating_sub(1)].iter().any(|limb| *limb != 0);
        // The lowest bit stands for all that is cut off, so that halves are rounded right.
        let mantissa = (both >> 64) as u64 | u64::from(is_cut);
        (mantissa as f64, top as i32 * 64 - zeros as i32)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let len = self.limbs.len().max(other.limbs.len());
        let limbs = (0..len).rev().map(|at| self.limb(at).cmp(&other.limb(at)));
        limbs.fold(Ordering::Equal, Ordering::then)
    }

    fn limb(&self, at: usize) -> u64 {
        self.limbs.get(at).copied().unwrap_or(0)
    }
}

/// `mantissa` · 2^`exponent`, infinite where that is too large.
pub(crate) fn scale(mantissa: f64, exponent: i32) -> f64 {
    // In steps whose powers are all normal numbers.
    let (mut scaled, mut left) = (mantissa, exponent);
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        scaled *= 2.0_f64.powi(step);
        left -= step;
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(terms: &[(u128, u32)]) -> Wide {
        let mut wide = Wide::default();
        terms.iter().for_each(|(value, shift)| wide.add_shifted(*value, *shift));
        wide
    }

    fn number(wide: &Wide) -> f64 {
        let (mantissa, exponent) = wide.to_scaled();
        scale(mantissa, exponent)
    }

    #[test]
    fn sums_carry_over_every_limb() {
        let sum = wide(&[(u128::MAX, 0), (1, 0)]);
        assert_eq!(number(&sum), 2.0_f64.powi(128));
        let sum = wide(&[(u128::MAX, 63), (1, 63), (u128::MAX, 500), (1, 500)]);
        assert_eq!(number(&sum), 2.0_f64.powi(191) + 2.0_f64.powi(628));
        let sum = wide(&[(u128::MAX, 64), (u128::MAX, 0), (1, 0)]);
        assert_eq!(number(&sum), 2.0_f64.powi(192));
        assert_eq!(number(&wide(&[(5, 3), (7, 0)])), 47.0);
        assert_eq!(number(&Wide::default()), 0.0);
    }

    #[test]
    fn products_and_differences_are_exact() {
        let large = wide(&[(1, 400), (1, 0)]);
        let square = large.times(&large);
        let (rest, is_smaller) = square.difference(&wide(&[(1, 800), (1, 401)]));
        assert_eq!((number(&rest), is_smaller), (1.0, false));
        let (rest, is_smaller) = wide(&[(3, 0)]).difference(&Wide::from(10));
        assert_eq!((number(&rest), is_smaller), (7.0, true));
    }

    #[test]
    fn halves_are_rounded_to_even_unless_something_follows() {
        let half = 1_u128 << 52 | 1;
        assert_eq!(number(&wide(&[(half << 1 | 1, 0)])), (half as f64 + 1.0) * 2.0);
        assert_eq!(number(&wide(&[((half - 1) << 1 | 1, 300)])), scale((half - 1) as f64, 301));
        assert_eq!(number(&wide(&[((half - 1) << 1 | 1, 300), (1, 0)])), scale(half as f64, 301));
    }

    #[test]
    fn scaling_reaches_the_ends_of_the_range() {
        assert_eq!(scale(1.0, -1074), f64::from_bits(1));
        assert_eq!(scale(1.0, 2000), f64::INFINITY);
        assert_eq!(scale(3.0, 0), 3.0);
    }
}
