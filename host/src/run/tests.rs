use super::*;
use crate::phase::Phase;

/// A batch of one record.
fn batch() -> Item {
    let phase = Phase { name: "p".to_owned(), kind: "p".to_owned(), index: 0 };
    Item::Batch(Batch::of_read(Arc::new(phase), Arc::new([]), Vec::new(), 1))
}

/// Of a run with one processor, which is busy.
fn busy() -> State<()> {
    let lane = Lane { plugin: None, next: 0, step: 1, takes_batches: true, is_out: false };
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
        window: 9,
    }
}

#[test]
fn no_more_is_read_while_many_batches_wait_for_a_plugin() {
    let takes_more = |waiting: usize| {
        let mut state = busy();
        state.put_out((0..waiting).map(|_| batch()).collect());
        matches!(state.next_task(), Some(Task::Take))
    };
    assert!(takes_more(WAITING_BATCHES_MAX - 1));
    assert!(!takes_more(WAITING_BATCHES_MAX));
}

#[test]
fn no_more_is_read_while_batches_of_an_old_piece_wait_for_a_plugin() {
    let mut state = busy();
    state.put_out(vec![batch()]);
    state.taken = state.window;
    assert!(state.next_task().is_none());
}
