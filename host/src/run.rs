//! A run: a source's pieces read, its batches given to processors and its events to
//! hooks, by as many threads as there are cores.
//!
//! Whoever has nothing to do takes a batch or an event that waits for a plugin; where
//! none does, the next piece of the source. Each instance gets its batches in the order
//! of the input, so that what it sees does not depend on who is faster.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::batch::Batch;
use crate::instance::{Failure, FailureKind, Instance, ProcessorInstance};
use crate::phase::PhaseEvent;
use crate::pipeline::Pipeline;
use crate::report::{PluginReport, Report, RunStatus};
use crate::runtime::block_on;
use crate::source::{Item, Source, SourceError};

/// How a run is done.
#[derive(Clone, Copy)]
pub struct RunOptions<'o> {
    /// Threads that read and call plugins; 0 is 1.
    pub threads: usize,
    /// Told after each piece how many bytes of the source have been read.
    pub progress: &'o (dyn Fn(u64) + Sync),
}

impl Default for RunOptions<'_> {
    /// As many threads as there are cores; progress is told to nobody.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, progress: &|_| {} }
    }
}

/// A run that is over.
#[derive(Debug)]
pub struct Finished {
    /// What came of it.
    pub report: Report,
    /// Why the source ended before its end.
    pub error: Option<SourceError>,
}

/// Everything that a source has to say, to the plugins; then their report. It waits for
/// the threads that do it.
pub fn run<S: Source>(source: &mut S, mut pipeline: Pipeline, options: RunOptions<'_>) -> Finished {
    source.want(&pipeline.wanted_columns());
    if pipeline.aborted_by().is_some() {
        source.stop();
    }
    let instances = std::mem::take(&mut pipeline.instances);
    let mut instances: Vec<_> = instances.into_iter().map(Some).collect();
    let work = Work::new(&*source, &mut instances, options);
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| work.run());
        }
    });
    work.end(&mut instances);
    pipeline.instances = instances.into_iter().flatten().collect();
    let end = source.end();
    let finish = || block_on(pipeline.finish(&end.phases));
    // On a thread of its own: this one may be in a runtime already.
    let report = std::thread::scope(|scope| {
        scope.spawn(finish).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    // After all was read, a plugin may still have been cut short.
    let is_cut_short = |plugin: &PluginReport| {
        plugin.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Interrupted)
    };
    let interrupted = end.interrupted || report.plugins.iter().any(is_cut_short);
    let status = match (interrupted, end.error.is_some()) {
        (true, _) => RunStatus::Interrupted,
        (false, true) => RunStatus::BadInput,
        (false, false) => report.status,
    };
    Finished { report: Report { inputs: end.inputs, status, ..report }, error: end.error }
}

/// What there is to do, and what of it is being done.
struct Work<'w, S: Source> {
    source: &'w S,
    options: RunOptions<'w>,
    state: Mutex<State<S::Read>>,
    /// Something was done, so that there may be something else to do.
    changed: Condvar,
}

struct State<R> {
    lanes: Vec<Lane>,
    /// What became of plugins that failed, by their place in the pipeline.
    failures: BTreeMap<usize, Failure>,
    /// Pieces taken from the source, and those of them whose batches are out.
    taken: u64,
    accepted: u64,
    /// Somebody takes a piece.
    is_taking: bool,
    /// Somebody accepts what was read.
    is_accepting: bool,
    /// The source has no more pieces.
    is_read: bool,
    /// Read before it was its turn.
    read: BTreeMap<u64, R>,
    /// Waiting for plugins.
    batches: VecDeque<Waiting>,
    /// Number of the first of them, counted from the first of the run.
    first_batch: u64,
    /// For the hooks, each with the number of batches that came before it: those are all
    /// done with before it is told.
    events: Vec<(u64, Arc<PhaseEvent>)>,
    /// In the batches so far, of each column.
    numbers: Vec<u64>,
    /// In the batches so far, of each shard.
    records: Vec<u64>,
    /// Most pieces that are taken and not done with.
    window: u64,
}

/// A batch that waits for plugins.
struct Waiting {
    /// The piece that it is from.
    piece: u64,
    batch: Arc<Batch>,
    /// Which instance of a processor it is for, of one that has several.
    shard: usize,
}

/// What gets its batches or events one after the other.
struct Lane {
    /// None while it is busy.
    plugin: Option<Plugin>,
    /// Number of the batch or event that comes next, or that it is busy with.
    next: u64,
    takes: Takes,
    /// It has failed.
    is_out: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Takes {
    Events,
    AllBatches,
    /// Those of one shard.
    Batches(usize),
}

enum Plugin {
    /// The hooks, in the order of calls, with their places in the pipeline.
    Hooks(Vec<(usize, Instance)>),
    Shard(Shard),
}

/// An instance of a processor.
struct Shard {
    /// The processor's place in the pipeline.
    place: usize,
    /// The run ends when it fails.
    aborts_run: bool,
    processor: Box<ProcessorInstance>,
}

/// Something to do.
enum Task {
    /// Lend the instance in a lane a batch.
    Process(usize, Shard, Arc<Batch>),
    /// Tell the hooks in a lane of an event.
    Tell(usize, Vec<(usize, Instance)>, Arc<PhaseEvent>),
    /// Take a piece of the source and read it.
    Take,
}

/// Pieces for each thread that may wait for the slowest plugin, or for their turn.
const PIECES_PER_THREAD: u64 = 2;

/// Batches that may wait for the slowest plugin before no more pieces are taken. Pieces
/// have more of them than that where batches are very small, or phases are many.
const WAITING_BATCHES_MAX: usize = 4096;

impl<'w, S: Source> Work<'w, S> {
    fn new(source: &'w S, instances: &mut [Option<Instance>], options: RunOptions<'w>) -> Self {
        let mut lanes = Vec::new();
        let mut hooks = Vec::new();
        let mut most = 1;
        for (place, slot) in instances.iter_mut().enumerate() {
            if let Some(hook) = slot.take_if(|one| one.is_hook()) {
                hooks.push((place, hook));
            }
            let Some(instance) = slot else { continue };
            let aborts_run = instance.would_abort_run();
            let shards = instance.take_shards();
            let count = shards.len();
            most = most.max(count);
            for (number, processor) in shards.into_iter().enumerate() {
                let takes = if count == 1 { Takes::AllBatches } else { Takes::Batches(number) };
                let shard = Shard { place, aborts_run, processor: Box::new(processor) };
                lanes.push(Lane::new(Plugin::Shard(shard), takes));
            }
        }
        lanes.push(Lane::new(Plugin::Hooks(hooks), Takes::Events));
        let state = State {
            lanes,
            failures: BTreeMap::new(),
            taken: 0,
            accepted: 0,
            is_taking: false,
            is_accepting: false,
            is_read: false,
            read: BTreeMap::new(),
            batches: VecDeque::new(),
            first_batch: 0,
            events: Vec::new(),
            numbers: Vec::new(),
            records: vec![0; most],
            window: PIECES_PER_THREAD * options.threads.max(1) as u64 + 1,
        };
        Self { source, options, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Does what there is to do, until there is no more.
    fn run(&self) {
        block_on(async {
            while let Some(task) = self.next_task() {
                match task {
                    Task::Process(lane, shard, batch) => self.process(lane, shard, batch).await,
                    Task::Tell(lane, hooks, event) => self.tell(lane, hooks, event).await,
                    Task::Take => self.take(),
                }
                self.changed.notify_all();
            }
        });
        // Others may be waiting for what does not come any more.
        self.changed.notify_all();
    }

    /// Waits for something to do; none: all is done.
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

    async fn process(&self, lane: usize, mut shard: Shard, batch: Arc<Batch>) {
        let outcome = shard.processor.process(&batch).await;
        let mut state = self.lock();
        if let Err(failure) = outcome {
            state.fail(shard.place, failure);
            if shard.aborts_run {
                self.source.stop();
            }
        }
        state.give_back(lane, Plugin::Shard(shard));
    }

    async fn tell(&self, lane: usize, mut hooks: Vec<(usize, Instance)>, event: Arc<PhaseEvent>) {
        for (_, hook) in &mut hooks {
            hook.event(&event).await;
        }
        if hooks.iter().any(|(_, hook)| hook.aborts_run()) {
            self.source.stop();
        }
        self.lock().give_back(lane, Plugin::Hooks(hooks));
    }

    /// Takes a piece, reads it, and accepts it and those after it where it is their turn.
    fn take(&self) {
        let piece = self.source.next_piece();
        let mut state = self.lock();
        state.is_taking = false;
        let Some(piece) = piece else {
            state.is_read = true;
            return;
        };
        let number = state.taken;
        state.taken += 1;
        drop(state);
        self.changed.notify_all();
        let read = piece();
        let mut state = self.lock();
        state.read.insert(number, read);
        while !state.is_accepting
            && let Some(read) = state.next_read()
        {
            state.is_accepting = true;
            drop(state);
            let items = self.source.accept(read);
            (self.options.progress)(self.source.bytes_read());
            state = self.lock();
            state.put_out(items);
            state.is_accepting = false;
            self.changed.notify_all();
        }
    }

    /// The plugins go back to their places.
    fn end(self, instances: &mut [Option<Instance>]) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let State { lanes, mut failures, .. } = state;
        let mut shards: BTreeMap<usize, Vec<ProcessorInstance>> = BTreeMap::new();
        for plugin in lanes.into_iter().filter_map(|lane| lane.plugin) {
            match plugin {
                Plugin::Hooks(hooks) => {
                    hooks.into_iter().for_each(|(place, hook)| instances[place] = Some(hook));
                }
                Plugin::Shard(shard) => {
                    shards.entry(shard.place).or_default().push(*shard.processor);
                }
            }
        }
        for (place, shards) in shards {
            if let Some(instance) = &mut instances[place] {
                instance.put_shards(shards, failures.remove(&place));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<S::Read>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn new(plugin: Plugin, takes: Takes) -> Self {
        Self { plugin: Some(plugin), next: 0, takes, is_out: false }
    }

    /// Goes on to the next batch that is for it.
    fn pass_over(&mut self, first_batch: u64, batches: &VecDeque<Waiting>) {
        if let Takes::Batches(own) = self.takes {
            let from = (self.next - first_batch) as usize;
            let others = batches.range(from..).take_while(|waiting| waiting.shard != own);
            self.next += others.count() as u64;
        }
    }
}

impl<R> State<R> {
    fn is_done(&self) -> bool {
        let is_idle = |lane: &Lane| lane.plugin.is_some() && !self.has_next(lane);
        let all_out = self.is_read && !self.is_taking && self.accepted == self.taken;
        all_out && self.batches.is_empty() && self.lanes.iter().all(is_idle)
    }

    /// Whether something waits for the lane.
    fn has_next(&self, lane: &Lane) -> bool {
        if lane.takes != Takes::Events {
            return !lane.is_out && lane.next < self.batches_out();
        }
        let event = self.events.get(lane.next as usize);
        event.is_some_and(|(batches_before, _)| self.first_batch >= *batches_before)
    }

    /// Batches that have come so far.
    fn batches_out(&self) -> u64 {
        self.first_batch + self.batches.len() as u64
    }

    /// What is to be done next: what has waited longest for a plugin, or more reading.
    fn next_task(&mut self) -> Option<Task> {
        let ready = self.lanes.iter().enumerate();
        let ready = ready.filter(|(_, lane)| lane.plugin.is_some() && self.has_next(lane));
        if let Some((place, _)) = ready.min_by_key(|(_, lane)| lane.next) {
            let lane = &mut self.lanes[place];
            return Some(match lane.plugin.take()? {
                Plugin::Shard(shard) => {
                    let waiting = &self.batches[(lane.next - self.first_batch) as usize];
                    Task::Process(place, shard, Arc::clone(&waiting.batch))
                }
                Plugin::Hooks(hooks) => {
                    let (_, event) = &self.events[lane.next as usize];
                    Task::Tell(place, hooks, Arc::clone(event))
                }
            });
        }
        let oldest = self.batches.front().map_or(self.accepted, |waiting| waiting.piece);
        let is_full = self.batches.len() >= WAITING_BATCHES_MAX;
        let may_take =
            !self.is_read && !self.is_taking && !is_full && self.taken - oldest < self.window;
        may_take.then(|| {
            self.is_taking = true;
            Task::Take
        })
    }

    /// The piece whose turn it is, where it is read.
    fn next_read(&mut self) -> Option<R> {
        self.read.remove(&self.accepted)
    }

    /// What the piece whose turn it was gave, for the plugins to take.
    fn put_out(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Batch(batch) if batch.is_empty() => {}
                Item::Batch(mut batch) => {
                    batch.add_numbers(&mut self.numbers);
                    let (piece, shard) = (self.accepted, self.shard_of(&batch));
                    self.batches.push_back(Waiting { piece, batch: Arc::new(batch), shard });
                }
                Item::Event(event) => {
                    self.events.push((self.batches_out(), Arc::new(event)));
                }
            }
        }
        self.accepted += 1;
        let idle = self.lanes.iter_mut().filter(|lane| lane.plugin.is_some() && !lane.is_out);
        for lane in idle {
            lane.pass_over(self.first_batch, &self.batches);
        }
        self.forget();
    }

    /// Which shard a batch is for: that with the fewest records so far, which does not
    /// depend on who is faster.
    fn shard_of(&mut self, batch: &Batch) -> usize {
        let fewest = self.records.iter().enumerate().min_by_key(|(_, records)| **records);
        let shard = fewest.map_or(0, |(shard, _)| shard);
        self.records[shard] += batch.len() as u64;
        shard
    }

    /// A plugin is out, with all its instances.
    fn fail(&mut self, place: usize, failure: Failure) {
        self.failures.entry(place).or_insert(failure);
    }

    /// A plugin has done with what it was given.
    fn give_back(&mut self, lane: usize, plugin: Plugin) {
        let lane = &mut self.lanes[lane];
        lane.next += 1;
        lane.plugin = Some(plugin);
        lane.pass_over(self.first_batch, &self.batches);
        for lane in &mut self.lanes {
            if let Some(Plugin::Shard(shard)) = &lane.plugin {
                lane.is_out |= self.failures.contains_key(&shard.place);
            }
        }
        self.forget();
    }

    /// Drops the batches that nobody waits for.
    fn forget(&mut self) {
        let waiting = self.lanes.iter().filter(|lane| lane.takes != Takes::Events && !lane.is_out);
        let out = self.batches_out();
        let first = waiting.map(|lane| lane.next).min().unwrap_or(out);
        self.batches.drain(..(first - self.first_batch) as usize);
        self.first_batch = first;
    }
}

#[cfg(test)]
mod tests;
