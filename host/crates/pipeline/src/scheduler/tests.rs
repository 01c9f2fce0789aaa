use super::*;
use perfbox_model::phase::Phase;

fn batch(records: usize) -> Item {
    let phase = Phase { name: "p".to_owned(), kind: "p".to_owned(), index: 0 };
    Item::Batch(Batch::of_read(Arc::new(phase), Arc::new([]), Vec::new(), records))
}

/// A queue whose consumer has no instances: the tests call nothing.
fn idle(stream: Stream) -> Queue {
    Queue::new(Consumer::Hooks(Vec::new()), stream)
}

/// The state of a run with one processor, which is busy.
fn busy() -> State<()> {
    let mut state = State::new(Vec::new(), 4);
    state.queues = vec![Queue { consumer: None, ..idle(Stream::AllBatches) }];
    state.reads.started = 1;
    state
}

#[test]
fn reading_pauses_while_many_batches_wait_for_a_plugin() {
    let reads_more = |waiting: usize| {
        let mut state = busy();
        state.put((0..waiting).map(|_| batch(1)).collect());
        matches!(state.next_task(), Some(Task::Read))
    };
    assert!(reads_more(WAITING_BATCHES_MAX - 1));
    assert!(!reads_more(WAITING_BATCHES_MAX));
}

#[test]
fn reading_pauses_while_batches_of_an_old_read_wait_for_a_plugin() {
    let mut state = busy();
    state.put(vec![batch(1)]);
    state.reads.started = state.reads.window;
    assert!(state.next_task().is_none());
}

#[test]
fn a_batch_goes_to_the_instance_with_the_fewest_records() {
    let mut state = busy();
    state.shard_records = vec![0; 2];
    state.queues = vec![idle(Stream::Shard(0)), idle(Stream::Shard(1))];
    state.put([3, 1, 1, 2, 4, 1].into_iter().map(batch).collect());
    let shards: Vec<_> = state.batches.iter().map(|waiting| waiting.shard).collect();
    assert_eq!(shards, [0, 1, 1, 1, 0, 1]);
    for _ in 0..2 {
        state.give_back(0, Consumer::Hooks(Vec::new()));
    }
    let next: Vec<_> = state.queues.iter().map(|queue| queue.next).collect();
    assert_eq!((next, state.first_batch, state.batches.len()), (vec![6, 1], 1, 5));
}
