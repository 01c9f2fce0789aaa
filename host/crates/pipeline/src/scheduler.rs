//! Distributes the work of a run over threads.
//!
//! A thread that is free takes the batch or event that has waited longest for a plugin
//! or, where none waits, reads the next part of the source. Each instance gets its batches
//! in the order of the input and each batch goes to an instance that is chosen by counting
//! records, so that no result depends on which thread is faster.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use perfbox_model::batch::{Batch, WantedColumns};
use perfbox_model::failure::Failure;
use perfbox_model::phase::PhaseEvent;
use perfbox_model::source::{Item, Source};
use perfbox_sandbox::block_on;
use perfbox_sandbox::instance::{HookInstance, ProcessorInstance};
use perfbox_sandbox::plugin::Instances;

use crate::options::RunOptions;

/// A plugin's part in a run.
pub(crate) struct Participant {
    /// None: it failed before the run.
    pub(crate) instances: Option<Instances>,
    /// The run ends if it fails.
    pub(crate) aborts_run: bool,
}

/// The instances of a plugin after a run, and why it failed.
pub(crate) type Outcome = (Option<Instances>, Option<Failure>);

/// What a run leaves behind.
pub(crate) struct Done {
    /// In the order of the participants.
    pub(crate) outcomes: Vec<Outcome>,
    /// Names of the columns that any batch had.
    pub(crate) column_names: BTreeSet<String>,
}

/// What the threads of a run share.
pub(crate) struct Scheduler<'s, S: Source> {
    source: &'s S,
    options: RunOptions<'s>,
    state: Mutex<State<S::Read>>,
    /// Notified when work may have become available or all is done.
    changed: Condvar,
}

struct State<R> {
    queues: Vec<Queue>,
    /// Failures by plugin.
    failures: BTreeMap<usize, Failure>,
    reads: Reads<R>,
    /// Batches that some processor still needs.
    batches: VecDeque<WaitingBatch>,
    /// Sequence number of the first of `batches`; the first batch of the run is 0.
    first_batch: u64,
    /// All events so far, each with the number of batches that precede it: hooks hear of
    /// it once these are processed.
    events: Vec<(u64, Arc<PhaseEvent>)>,
    /// Of each plugin that asked for it, the numbers handed to it so far.
    budgets: BTreeMap<usize, NumberBudget>,
    /// Records in the batches so far, by shard.
    shard_records: Vec<u64>,
    /// Names of the columns in the batches so far.
    column_names: BTreeSet<String>,
}

/// How far the source has been read. Reads are numbered in the order in which the source
/// hands them out, run in any order, and are accepted in order.
struct Reads<R> {
    started: u64,
    accepted: u64,
    /// Read before it was their turn to be accepted.
    done: BTreeMap<u64, R>,
    /// A thread is asking the source for the next one.
    is_starting: bool,
    /// A thread is accepting.
    is_accepting: bool,
    /// The source has no more.
    is_ended: bool,
    /// Most reads that may be started and not processed by every plugin.
    window: u64,
}

struct WaitingBatch {
    /// The read that it came from.
    read: u64,
    batch: Arc<Batch>,
    /// The instance that it is for, of processors that have several.
    shard: usize,
    /// The plugins that are over their `exact-memory` with this batch.
    over_exact_memory: BTreeSet<usize>,
}

/// Counts the numbers that all instances of a processor get, in the order of the run.
struct NumberBudget {
    wanted: WantedColumns,
    exact_memory_bytes: u64,
    numbers: u64,
}

impl NumberBudget {
    /// Counts a batch; true once the numbers take more memory than they may.
    fn add(&mut self, batch: &Batch) -> bool {
        self.numbers += batch.number_count(&self.wanted);
        self.numbers.saturating_mul(size_of::<f64>() as u64) > self.exact_memory_bytes
    }
}

/// The batches or events of one consumer, which takes them one at a time.
struct Queue {
    /// None while a thread is calling it.
    consumer: Option<Consumer>,
    /// Sequence number of the batch or event that is next, or being processed.
    next: u64,
    stream: Stream,
    has_failed: bool,
}

/// Which items a queue holds.
#[derive(Clone, Copy, PartialEq)]
enum Stream {
    Events,
    AllBatches,
    /// The batches for one instance of several.
    Shard(usize),
}

enum Consumer {
    /// All hooks, in the order of calls.
    Hooks(Vec<Hook>),
    Processor(Processor),
}

struct Hook {
    /// Its position among the run's plugins.
    plugin: usize,
    aborts_run: bool,
    instance: Box<HookInstance>,
    /// Set by the call that failed.
    failure: Option<Failure>,
}

/// One instance of a processor.
struct Processor {
    /// Its plugin's position among the run's plugins.
    plugin: usize,
    aborts_run: bool,
    instance: Box<ProcessorInstance>,
}

/// What a thread does next; calls name the queue that the consumer goes back to.
enum Task {
    Process { queue: usize, processor: Processor, batch: Arc<Batch>, over_exact_memory: bool },
    Notify { queue: usize, hooks: Vec<Hook>, event: Arc<PhaseEvent> },
    Read,
}

/// Reads for each thread that may wait for the slowest plugin, or for their turn.
const READS_PER_THREAD: u64 = 2;

/// Batches that may wait for the slowest plugin before reading pauses. One read gives more
/// of them where batches are very small or phases are many.
const WAITING_BATCHES_MAX: usize = 4096;

impl<'s, S: Source> Scheduler<'s, S> {
    /// Runs the whole source through the participants.
    pub(crate) fn run(
        source: &'s S,
        participants: Vec<Participant>,
        options: RunOptions<'s>,
    ) -> Done {
        let count = participants.len();
        let state = State::new(participants, options.threads.max(1));
        let scheduler = Self { source, options, state: Mutex::new(state), changed: Condvar::new() };
        std::thread::scope(|scope| {
            for _ in 0..options.threads.max(1) {
                scope.spawn(|| scheduler.work());
            }
        });
        scheduler.state.into_inner().unwrap_or_else(PoisonError::into_inner).into_done(count)
    }

    /// One thread: takes tasks until all is done.
    fn work(&self) {
        block_on(async {
            while let Some(task) = self.next_task() {
                match task {
                    Task::Process { queue, processor, batch, over_exact_memory } => {
                        self.process(queue, processor, batch, over_exact_memory).await;
                    }
                    Task::Notify { queue, hooks, event } => self.notify(queue, hooks, event).await,
                    Task::Read => self.read(),
                }
                self.changed.notify_all();
            }
        });
        // Threads that wait for a task must see that there is none left.
        self.changed.notify_all();
    }

    /// Waits for a task; none: all is done.
    fn next_task(&self) -> Option<Task> {
        let mut state = self.lock();
        while !state.is_done() {
            if let Some(task) = state.next_task() {
                return Some(task);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    async fn process(
        &self,
        queue: usize,
        mut processor: Processor,
        batch: Arc<Batch>,
        over_exact_memory: bool,
    ) {
        let outcome = processor.instance.process(&batch, over_exact_memory).await;
        let mut state = self.lock();
        if let Err(failure) = outcome {
            // The first failure of its instances is the plugin's.
            state.failures.entry(processor.plugin).or_insert(failure);
            if processor.aborts_run {
                self.source.stop();
            }
        }
        state.give_back(queue, Consumer::Processor(processor));
    }

    async fn notify(&self, queue: usize, mut hooks: Vec<Hook>, event: Arc<PhaseEvent>) {
        for hook in hooks.iter_mut().filter(|hook| hook.failure.is_none()) {
            hook.failure = hook.instance.call(&event).await.err();
            if hook.failure.is_some() && hook.aborts_run {
                self.source.stop();
            }
        }
        self.lock().give_back(queue, Consumer::Hooks(hooks));
    }

    /// Starts a read, runs it, and accepts it and its successors that are done.
    fn read(&self) {
        let task = self.source.next_read();
        let mut state = self.lock();
        state.reads.is_starting = false;
        let Some(task) = task else {
            state.reads.is_ended = true;
            return;
        };
        let number = state.reads.started;
        state.reads.started += 1;
        drop(state);
        self.changed.notify_all();
        let read = task();
        let mut state = self.lock();
        state.reads.done.insert(number, read);
        while !state.reads.is_accepting
            && let Some(read) = state.reads.next_to_accept()
        {
            state.reads.is_accepting = true;
            drop(state);
            let items = self.source.accept(read);
            (self.options.progress)(self.source.bytes_read());
            state = self.lock();
            state.put(items);
            state.reads.is_accepting = false;
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S::Read>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R> Reads<R> {
    fn new(threads: usize) -> Self {
        Self {
            started: 0,
            accepted: 0,
            done: BTreeMap::new(),
            is_starting: false,
            is_accepting: false,
            is_ended: false,
            window: READS_PER_THREAD * threads as u64 + 1,
        }
    }

    /// True once everything that was started is accepted and no more will be.
    fn is_done(&self) -> bool {
        self.is_ended && !self.is_starting && self.accepted == self.started
    }

    fn next_to_accept(&mut self) -> Option<R> {
        self.done.remove(&self.accepted)
    }
}

impl Queue {
    fn new(consumer: Consumer, stream: Stream) -> Self {
        Self { consumer: Some(consumer), next: 0, stream, has_failed: false }
    }

    fn is_idle(&self) -> bool {
        self.consumer.is_some()
    }

    /// Skips batches that are for other instances.
    fn skip_others(&mut self, first_batch: u64, batches: &VecDeque<WaitingBatch>) {
        if let Stream::Shard(own) = self.stream {
            let from = (self.next - first_batch) as usize;
            let others = batches.range(from..).take_while(|waiting| waiting.shard != own);
            self.next += others.count() as u64;
        }
    }
}

impl<R> State<R> {
    fn new(participants: Vec<Participant>, threads: usize) -> Self {
        let mut queues = Vec::new();
        let mut hooks = Vec::new();
        let mut budgets = BTreeMap::new();
        let mut shards = 1;
        for (plugin, Participant { instances, aborts_run }) in participants.into_iter().enumerate()
        {
            match instances {
                None => {}
                Some(Instances::Hook(instance)) => {
                    hooks.push(Hook { plugin, aborts_run, instance, failure: None });
                }
                Some(Instances::Processor(instances)) => {
                    let count = instances.len();
                    shards = shards.max(count);
                    let requirements = instances.first().map(ProcessorInstance::requirements);
                    if let Some(needs) = requirements
                        && let Some(exact_memory_bytes) = needs.exact_memory_bytes
                    {
                        let wanted = needs.columns.clone();
                        budgets.insert(
                            plugin,
                            NumberBudget { wanted, exact_memory_bytes, numbers: 0 },
                        );
                    }
                    for (shard, instance) in instances.into_iter().enumerate() {
                        let stream =
                            if count == 1 { Stream::AllBatches } else { Stream::Shard(shard) };
                        let instance = Box::new(instance);
                        let processor = Processor { plugin, aborts_run, instance };
                        queues.push(Queue::new(Consumer::Processor(processor), stream));
                    }
                }
            }
        }
        queues.push(Queue::new(Consumer::Hooks(hooks), Stream::Events));
        Self {
            queues,
            failures: BTreeMap::new(),
            reads: Reads::new(threads),
            batches: VecDeque::new(),
            first_batch: 0,
            events: Vec::new(),
            budgets,
            shard_records: vec![0; shards],
            column_names: BTreeSet::new(),
        }
    }

    fn into_done(self, plugins: usize) -> Done {
        let mut outcomes: Vec<Outcome> = (0..plugins).map(|_| (None, None)).collect();
        for consumer in self.queues.into_iter().filter_map(|queue| queue.consumer) {
            match consumer {
                Consumer::Hooks(hooks) => {
                    for Hook { plugin, instance, failure, .. } in hooks {
                        outcomes[plugin] = (Some(Instances::Hook(instance)), failure);
                    }
                }
                Consumer::Processor(Processor { plugin, instance, .. }) => {
                    match &mut outcomes[plugin].0 {
                        Some(Instances::Processor(instances)) => instances.push(*instance),
                        slot => *slot = Some(Instances::Processor(vec![*instance])),
                    }
                }
            }
        }
        for (plugin, failure) in self.failures {
            outcomes[plugin].1 = Some(failure);
        }
        Done { outcomes, column_names: self.column_names }
    }

    fn is_done(&self) -> bool {
        self.reads.is_done()
            && self.batches.is_empty()
            && self.queues.iter().all(|queue| queue.is_idle() && !self.has_next(queue))
    }

    /// Whether an item waits in the queue.
    fn has_next(&self, queue: &Queue) -> bool {
        if queue.stream != Stream::Events {
            return !queue.has_failed && queue.next < self.batch_count();
        }
        let event = self.events.get(queue.next as usize);
        event.is_some_and(|(batches_before, _)| self.first_batch >= *batches_before)
    }

    /// Batches of the run so far.
    fn batch_count(&self) -> u64 {
        self.first_batch + self.batches.len() as u64
    }

    /// The item that has waited longest, or the next read.
    fn next_task(&mut self) -> Option<Task> {
        let ready = self.queues.iter().enumerate();
        let ready = ready.filter(|(_, queue)| queue.is_idle() && self.has_next(queue));
        let Some((index, _)) = ready.min_by_key(|(_, queue)| queue.next) else {
            return self.may_read().then(|| {
                self.reads.is_starting = true;
                Task::Read
            });
        };
        let queue = &mut self.queues[index];
        Some(match queue.consumer.take()? {
            Consumer::Processor(processor) => {
                let waiting = &self.batches[(queue.next - self.first_batch) as usize];
                let over_exact_memory = waiting.over_exact_memory.contains(&processor.plugin);
                let batch = Arc::clone(&waiting.batch);
                Task::Process { queue: index, processor, batch, over_exact_memory }
            }
            Consumer::Hooks(hooks) => {
                let (_, event) = &self.events[queue.next as usize];
                Task::Notify { queue: index, hooks, event: Arc::clone(event) }
            }
        })
    }

    /// Whether one more read may be started.
    fn may_read(&self) -> bool {
        let oldest = self.batches.front().map_or(self.reads.accepted, |waiting| waiting.read);
        !self.reads.is_ended
            && !self.reads.is_starting
            && self.batches.len() < WAITING_BATCHES_MAX
            && self.reads.started - oldest < self.reads.window
    }

    /// Queues the items of the read whose turn it is.
    fn put(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Batch(batch) if batch.is_empty() => {}
                Item::Batch(batch) => {
                    for column in batch.infos() {
                        if !self.column_names.contains(&column.name) {
                            self.column_names.insert(column.name.clone());
                        }
                    }
                    let (read, shard) = (self.reads.accepted, self.shard_of(&batch));
                    let budgets = self.budgets.iter_mut();
                    let over =
                        budgets.filter_map(|(plugin, one)| one.add(&batch).then_some(*plugin));
                    let over_exact_memory = over.collect();
                    let batch = Arc::new(batch);
                    self.batches.push_back(WaitingBatch { read, batch, shard, over_exact_memory });
                }
                Item::Event(event) => self.events.push((self.batch_count(), Arc::new(event))),
            }
        }
        self.reads.accepted += 1;
        let idle = self.queues.iter_mut().filter(|queue| queue.is_idle() && !queue.has_failed);
        for queue in idle {
            queue.skip_others(self.first_batch, &self.batches);
        }
        self.drop_processed();
    }

    /// The shard with the fewest records so far.
    fn shard_of(&mut self, batch: &Batch) -> usize {
        let fewest = self.shard_records.iter().enumerate().min_by_key(|(_, records)| **records);
        let shard = fewest.map_or(0, |(shard, _)| shard);
        self.shard_records[shard] += batch.len() as u64;
        shard
    }

    /// Ends a call: the consumer waits for its next item.
    fn give_back(&mut self, queue: usize, consumer: Consumer) {
        let queue = &mut self.queues[queue];
        queue.next += 1;
        queue.consumer = Some(consumer);
        queue.skip_others(self.first_batch, &self.batches);
        for queue in &mut self.queues {
            if let Some(Consumer::Processor(processor)) = &queue.consumer {
                queue.has_failed |= self.failures.contains_key(&processor.plugin);
            }
        }
        self.drop_processed();
    }

    /// Drops the batches that no processor needs any more.
    fn drop_processed(&mut self) {
        let waiting =
            self.queues.iter().filter(|queue| queue.stream != Stream::Events && !queue.has_failed);
        let first = waiting.map(|queue| queue.next).min().unwrap_or(self.batch_count());
        self.batches.drain(..(first - self.first_batch) as usize);
        self.first_batch = first;
    }
}

#[cfg(test)]
mod tests;
