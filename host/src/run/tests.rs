use super::*;
use crate::phase::Phase;

fn batch(records: usize) -> Item {
    let phase = Phase { name: "p".to_owned(), kind: "p".to_owned(), index: 0 };
    Item::Batch(Batch::of_read(Arc::new(phase), Arc::new([]), Vec::new(), records))
}

/// Of a run with one processor, which is busy.
fn busy() -> State<()> {
    let lane = Lane { plugin: None, next: 0, takes: Takes::AllBatches, is_out: false };
    State {
        lanes: vec![lane],
        failures: BTreeMap::new(),
        taken: 1,
        accepted: 0,
        is_taking: false,
        is_accepting: false,
        is_read: false,
        read: BTreeMap::new(),
        batches: VecDeque::new(),
        first_batch: 0,
        events: Vec::new(),
        numbers: Vec::new(),
        records: vec![0],
        window: 9,
    }
}

#[test]
fn no_more_is_read_while_many_batches_wait_for_a_plugin() {
    let takes_more = |waiting: usize| {
        let mut state = busy();
        state.put_out((0..waiting).map(|_| batch(1)).collect());
        matches!(state.next_task(), Some(Task::Take))
    };
    assert!(takes_more(WAITING_BATCHES_MAX - 1));
    assert!(!takes_more(WAITING_BATCHES_MAX));
}

#[test]
fn no_more_is_read_while_batches_of_an_old_piece_wait_for_a_plugin() {
    let mut state = busy();
    state.put_out(vec![batch(1)]);
    state.taken = state.window;
    assert!(state.next_task().is_none());
}

#[test]
fn a_batch_is_for_the_instance_with_the_fewest_records() {
    let mut state = busy();
    state.records = vec![0; 2];
    let idle = |shard| Lane::new(Plugin::Hooks(Vec::new()), Takes::Batches(shard));
    state.lanes = vec![idle(0), idle(1)];
    state.put_out([3, 1, 1, 2, 4, 1].into_iter().map(batch).collect());
    let shards: Vec<_> = state.batches.iter().map(|waiting| waiting.shard).collect();
    assert_eq!(shards, [0, 1, 1, 1, 0, 1]);
    for _ in 0..2 {
        state.give_back(0, Plugin::Hooks(Vec::new()));
    }
    let next: Vec<_> = state.lanes.iter().map(|lane| lane.next).collect();
    assert_eq!((next, state.first_batch, state.batches.len()), (vec![6, 1], 1, 5));
}
