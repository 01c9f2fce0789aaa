use super::sort::*;
use super::testing::{Random, samples};

fn sorted_of(chunks: Vec<Vec<f64>>) -> Vec<f64> {
    let keys: Vec<Vec<u64>> =
        chunks.into_iter().map(|chunk| chunk.into_iter().map(key).collect()).collect();
    let mut range = Range::default();
    keys.iter().flatten().for_each(|key| range.take_in(*key));
    sorted(keys, &range, 0)
}

#[track_caller]
fn check(chunks: Vec<Vec<f64>>) {
    let mut expected = chunks.concat();
    expected.sort_by(f64::total_cmp);
    let bits =
        |samples: &[f64]| -> Vec<u64> { samples.iter().map(|sample| sample.to_bits()).collect() };
    assert_eq!(bits(&sorted_of(chunks)), bits(&expected));
}

#[test]
fn any_number_of_samples_comes_in_total_order() {
    check(Vec::new());
    check(vec![Vec::new()]);
    check(vec![vec![2.0], vec![], vec![1.0]]);
    for count in [1, 9, 17, 18, 19, 20, 100, 1000, 70_000] {
        check(vec![samples(count, 1), samples(3, 2), samples(count, 3)]);
    }
}

#[test]
fn equal_samples_and_whole_numbers_come_in_order() {
    check(vec![vec![5.0; 3000]]);
    check(vec![vec![0.0; 100], vec![-0.0; 100]]);
    let mut random = Random(4);
    check(vec![(0..50_000).map(|_| random.latency_ms().round()).collect()]);
}

#[test]
fn samples_far_apart_and_close_together_come_in_order() {
    // Each bucket of the samples holds one sample and all the others.
    let apart = (0..60_000_u64).map(|at| f64::from_bits(1 << (at % 63) | at));
    check(vec![apart.collect()]);
    let mut close: Vec<f64> = (0..60_000).map(|at| 1.0 + f64::from(at) * f64::EPSILON).collect();
    close.reverse();
    close.extend([f64::MAX, f64::MIN]);
    check(vec![close]);
}

#[test]
fn a_key_is_in_the_order_of_its_sample_and_leads_back_to_it() {
    let rising = [f64::MIN, -1.0, -f64::MIN_POSITIVE, -0.0, 0.0, 1e-300, 1.0, f64::MAX];
    assert!(rising.is_sorted_by(|one, other| key(*one) < key(*other)));
    assert!(rising.iter().all(|sample| of_key(key(*sample)).to_bits() == sample.to_bits()));
}
