use super::samples::Samples;
use super::testing::samples;

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
fn expected_samples_are_merged_where_the_own_ones_are() {
    for (count, merged) in [(1000, 5000), (5000, 1000), (70_000, 70_000)] {
        let (own, mut theirs) = (samples(count, 1), samples(merged, 2));
        theirs.sort_by(f64::total_cmp);
        let mut all = Samples::default();
        all.extend(&own);
        all.expect(theirs.len());
        let place = all.sort().as_ptr();
        all.merge(&mut None, &theirs, theirs.len());
        assert_eq!((all.len(), all.sort().as_ptr()), (own.len() + theirs.len(), place));
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
