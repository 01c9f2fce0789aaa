//! From an author's traits to the exports of the contract.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::mem;

use serde::de::DeserializeOwned;

use crate::bindings::types::{PhaseSummary, PluginError, ProcessingResult};
use crate::bindings::{batches, hook, processor};
use crate::processor::Wanted;
use crate::{Batch, Error, Hook, Processor, Result};
use hook::exports::perfbox::plugin::phase_hook::{self, PhaseEvent};
use processor::exports::perfbox::plugin::post_processor;

/// Makes a component of a crate: says which hooks and processors it offers, and
/// under which names.
///
/// ```
/// # use perfbox_guest::*;
/// # struct Alarm; impl Hook for Alarm { type Config = NoConfig; fn new(_: NoConfig) -> Result<Self> { Ok(Alarm) } }
/// # struct PerLabel; impl Processor for PerLabel { type Config = NoConfig; fn new(_: NoConfig) -> Result<Self> { Ok(PerLabel) }
/// #   fn process(&mut self, _: &Batch) -> Result<()> { Ok(()) }
/// #   fn finish(self, _: &[PhaseSummary]) -> Result<ProcessingResult> { Ok(ProcessingResult::new()) } }
/// perfbox_guest::export! {
///     hooks: {
///         alarm: Alarm,
///     }
///     processors: {
///         per_label: PerLabel {
///             description: "Latency for each label",
///             params: {
///                 label: string => "Column to group by",
///                 percentiles: list<float> = [50, 99] => "Percentiles, 0 to 100",
///             },
///         },
///     }
/// }
/// # fn main() {}
/// ```
///
/// Either part may be absent; hooks come first. A name is the identifier that people
/// select, `[a-z0-9_]`, and each part may describe its implementations. Types of
/// parameters are `string`, `int`, `float`, `bool`, and `list<…>` of each; one without
/// a default must be given by whoever runs the plugin. All of this is written into
/// the component, and what the crate's `Cargo.toml` says of `version`, `authors`,
/// `description`, `license`, `homepage` and `repository` too, so that it can be dropped
/// into a plugins directory as it is; a `registry.yaml` beside it says the same and takes
/// precedence.
#[macro_export]
macro_rules! export {
    (
        $(hooks: { $($hook:ident : $hook_type:ty $({ $($hook_meta:tt)* })?),+ $(,)? } $(,)?)?
        $(processors: { $($processor:ident : $processor_type:ty $({ $($processor_meta:tt)* })?),+ $(,)? } $(,)?)?
    ) => {
        #[allow(unsafe_code, reason = "a custom section and raw exports are what a component is made of")]
        const _: () = {
            $(
                struct Hooks;
                // Also where nothing is exported, in a native test, it is in use.
                const _: fn(&str, &str) -> $crate::Result<$crate::__private::ErasedHook> =
                    <Hooks as $crate::__private::HookSet>::create;
                impl $crate::__private::HookSet for Hooks {
                    fn create(class: &str, config: &str) -> $crate::Result<$crate::__private::ErasedHook> {
                        match class {
                            $(stringify!($hook) => $crate::__private::create_hook::<$hook_type>(config),)+
                            _ => Err($crate::__private::unknown_class(class, &[$(stringify!($hook)),+])),
                        }
                    }
                }
                #[cfg(target_arch = "wasm32")]
                type HookExports = $crate::__private::HookExports<Hooks>;
                #[cfg(target_arch = "wasm32")]
                $crate::__private::hook::__export_hooks!(HookExports with_types_in $crate::__private::hook);
            )?
            $(
                struct Processors;
                const _: fn(&str, &str) -> $crate::Result<$crate::__private::ErasedProcessor> =
                    <Processors as $crate::__private::ProcessorSet>::create;
                impl $crate::__private::ProcessorSet for Processors {
                    fn create(class: &str, config: &str) -> $crate::Result<$crate::__private::ErasedProcessor> {
                        match class {
                            $(stringify!($processor) => $crate::__private::create_processor::<$processor_type>(config),)+
                            _ => Err($crate::__private::unknown_class(class, &[$(stringify!($processor)),+])),
                        }
                    }
                }
                #[cfg(target_arch = "wasm32")]
                type ProcessorExports = $crate::__private::ProcessorExports<Processors>;
                #[cfg(target_arch = "wasm32")]
                $crate::__private::processor::__export_processors!(ProcessorExports with_types_in $crate::__private::processor);
            )?
            #[allow(dead_code)]
            const OFFERS: &[$crate::__private::Offer] = &[
                $($($crate::__offer!("phase_hook", $hook, { $($($hook_meta)*)? }),)+)?
                $($($crate::__offer!("post_processor", $processor, { $($($processor_meta)*)? }),)+)?
            ];
            #[cfg(target_arch = "wasm32")]
            #[unsafe(link_section = "perfbox:offers")]
            #[used]
            static SECTION: [u8; $crate::__private::json_len(OFFERS)] = $crate::__private::to_json(OFFERS);
            $crate::__package_sections! {
                "version": Text("CARGO_PKG_VERSION"),
                "authors": Authors("CARGO_PKG_AUTHORS"),
                "description": Text("CARGO_PKG_DESCRIPTION"),
                "licenses": Text("CARGO_PKG_LICENSE"),
                "homepage": Text("CARGO_PKG_HOMEPAGE"),
                "source": Text("CARGO_PKG_REPOSITORY"),
            }
        };
    };
}

/// One entry of [`export!`] as an `Offer`.
#[doc(hidden)]
#[macro_export]
macro_rules! __offer {
    ($category:literal, $class:ident, {
        $(description: $description:literal $(,)?)?
        $(params: {
            $($param:ident : $kind:ident $(<$item:ident>)? $(= $default:expr)? => $about:literal),* $(,)?
        } $(,)?)?
    }) => {
        $crate::__private::Offer {
            category: $category,
            class: stringify!($class),
            description: concat!($($description)?),
            params: &[$($($crate::__private::Param {
                name: stringify!($param),
                kind: concat!(stringify!($kind) $(, "<", stringify!($item), ">")?),
                default: $crate::__default!($kind $($default)?),
                description: $about,
            }),*)?],
        }
    };
}

/// The default of a parameter in [`export!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __default {
    ($kind:ident) => {
        $crate::__private::Default::None
    };
    (string $text:expr) => {
        $crate::__private::Default::Text($text)
    };
    ($kind:ident $literal:expr) => {
        $crate::__private::Default::Literal(stringify!($literal))
    };
}

/// The hooks of one component.
pub trait HookSet: 'static {
    /// Makes the one that `class` names.
    fn create(class: &str, config: &str) -> Result<ErasedHook>;
}

/// The processors of one component.
pub trait ProcessorSet: 'static {
    /// Makes the one that `class` names.
    fn create(class: &str, config: &str) -> Result<ErasedProcessor>;
}

/// A hook of any type.
pub type ErasedHook = Box<dyn AnyHook>;

/// A processor of any type.
pub type ErasedProcessor = Box<dyn AnyProcessor>;

/// Makes a hook from its configuration as JSON.
pub fn create_hook<H: Hook>(config: &str) -> Result<ErasedHook> {
    Ok(Box::new(H::new(parse_config(config)?)?))
}

/// Makes a processor from its configuration as JSON.
pub fn create_processor<P: Processor>(config: &str) -> Result<ErasedProcessor> {
    Ok(Box::new(Some(P::new(parse_config(config)?)?)))
}

fn parse_config<C: DeserializeOwned>(config: &str) -> Result<C> {
    serde_json::from_str(config)
        .map_err(|error| Error::invalid_config(format!("the configuration does not fit: {error}")))
}

/// The error of asking for a class that the component does not have.
pub fn unknown_class(class: &str, known: &[&str]) -> Error {
    Error::invalid_config(format!("the component has no `{class}`; it has {}", known.join(", ")))
}

/// [`Hook`] without its type.
pub trait AnyHook {
    fn on_phase_start(&mut self, event: &PhaseEvent) -> Result<()>;
    fn on_phase_sending_complete(&mut self, event: &PhaseEvent) -> Result<()>;
    fn on_phase_complete(&mut self, event: &PhaseEvent) -> Result<()>;
    fn on_phase_timeout(&mut self, event: &PhaseEvent) -> Result<()>;
}

impl<H: Hook> AnyHook for H {
    fn on_phase_start(&mut self, event: &PhaseEvent) -> Result<()> {
        Hook::on_phase_start(self, event)
    }
    fn on_phase_sending_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        Hook::on_phase_sending_complete(self, event)
    }
    fn on_phase_complete(&mut self, event: &PhaseEvent) -> Result<()> {
        Hook::on_phase_complete(self, event)
    }
    fn on_phase_timeout(&mut self, event: &PhaseEvent) -> Result<()> {
        Hook::on_phase_timeout(self, event)
    }
}

/// [`Processor`] without its type; `finish` leaves nothing behind.
pub trait AnyProcessor {
    fn requirements(&self) -> Result<crate::Requirements>;
    fn process(&mut self, batch: &Batch) -> Result<()>;
    fn snapshot(&mut self, phases: &[PhaseSummary]) -> Result<Option<crate::ProcessingResult>>;
    fn save(&mut self) -> Result<Option<Vec<u8>>>;
    fn merge(&mut self, part: &[u8]) -> Result<()>;
    fn finish(&mut self, phases: &[PhaseSummary]) -> Result<crate::ProcessingResult>;
}

fn finished() -> Error {
    Error::other("the processor was called after `finish`")
}

impl<P: Processor> AnyProcessor for Option<P> {
    fn requirements(&self) -> Result<crate::Requirements> {
        Ok(self.as_ref().ok_or_else(finished)?.requirements())
    }
    fn process(&mut self, batch: &Batch) -> Result<()> {
        self.as_mut().ok_or_else(finished)?.process(batch)
    }
    fn snapshot(&mut self, phases: &[PhaseSummary]) -> Result<Option<crate::ProcessingResult>> {
        self.as_mut().ok_or_else(finished)?.snapshot(phases)
    }
    fn save(&mut self) -> Result<Option<Vec<u8>>> {
        self.as_mut().ok_or_else(finished)?.save()
    }
    fn merge(&mut self, part: &[u8]) -> Result<()> {
        self.as_mut().ok_or_else(finished)?.merge(part)
    }
    fn finish(&mut self, phases: &[PhaseSummary]) -> Result<crate::ProcessingResult> {
        self.take().ok_or_else(finished)?.finish(phases)
    }
}

/// The interface `phase-hook`, for the hooks of one component.
pub struct HookExports<S>(PhantomData<S>);

/// The resource `hook`.
pub struct HookResource<S> {
    hook: RefCell<ErasedHook>,
    set: PhantomData<S>,
}

impl<S: HookSet> phase_hook::Guest for HookExports<S> {
    type Hook = HookResource<S>;
}

impl<S: HookSet> phase_hook::GuestHook for HookResource<S> {
    fn create(class: String, config: String) -> Result<phase_hook::Hook, PluginError> {
        let hook = S::create(&class, &config).map_err(Error::into_wit)?;
        Ok(phase_hook::Hook::new(Self { hook: RefCell::new(hook), set: PhantomData }))
    }
    fn on_phase_start(&self, event: PhaseEvent) -> Result<(), PluginError> {
        self.hook.borrow_mut().on_phase_start(&event).map_err(Error::into_wit)
    }
    fn on_phase_sending_complete(&self, event: PhaseEvent) -> Result<(), PluginError> {
        self.hook.borrow_mut().on_phase_sending_complete(&event).map_err(Error::into_wit)
    }
    fn on_phase_complete(&self, event: PhaseEvent) -> Result<(), PluginError> {
        self.hook.borrow_mut().on_phase_complete(&event).map_err(Error::into_wit)
    }
    fn on_phase_timeout(&self, event: PhaseEvent) -> Result<(), PluginError> {
        self.hook.borrow_mut().on_phase_timeout(&event).map_err(Error::into_wit)
    }
}

/// The interface `post-processor`, for the processors of one component.
pub struct ProcessorExports<S>(PhantomData<S>);

/// The resource `processor`.
pub struct ProcessorResource<S> {
    state: RefCell<ProcessorState>,
    set: PhantomData<S>,
}

struct ProcessorState {
    processor: ErasedProcessor,
    /// What `requirements` asked for.
    wanted: Wanted,
    saving: Option<Saving>,
    merging: Merging,
}

impl ProcessorState {
    fn new(processor: ErasedProcessor) -> Self {
        Self { processor, wanted: Wanted::All, saving: None, merging: Merging::default() }
    }
}

impl<S: ProcessorSet> post_processor::Guest for ProcessorExports<S> {
    type Processor = ProcessorResource<S>;
}

impl<S: ProcessorSet> post_processor::GuestProcessor for ProcessorResource<S> {
    fn create(class: String, config: String) -> Result<post_processor::Processor, PluginError> {
        let processor = S::create(&class, &config).map_err(Error::into_wit)?;
        let state = ProcessorState::new(processor);
        Ok(post_processor::Processor::new(Self { state: RefCell::new(state), set: PhantomData }))
    }
    fn requirements(&self) -> post_processor::Requirements {
        let state = &mut *self.state.borrow_mut();
        // Only called first, so the default never shows.
        let required = state.processor.requirements().unwrap_or_default();
        state.wanted = required.columns.clone();
        let columns = match required.columns {
            Wanted::All => post_processor::WantedColumns::All,
            Wanted::Named(names) => post_processor::WantedColumns::Named(names),
            Wanted::NumbersAnd(names) => post_processor::WantedColumns::NumbersAnd(names),
        };
        let (mergeable, exact_memory) = (required.mergeable, required.exact_memory);
        post_processor::Requirements { columns, mergeable, exact_memory }
    }
    fn process(&self, batch: batches::Batch) -> Result<(), PluginError> {
        let state = &mut *self.state.borrow_mut();
        let batch = Batch::from_wit(batch, state.wanted.clone());
        state.processor.process(&batch).map_err(Error::into_wit)
    }
    fn snapshot(&self, phases: Vec<PhaseSummary>) -> Result<Option<ProcessingResult>, PluginError> {
        let result = self.state.borrow_mut().processor.snapshot(&phases);
        result.map(|one| one.map(crate::ProcessingResult::into_wit)).map_err(Error::into_wit)
    }
    fn save(&self, max_bytes: u32) -> Result<Option<Vec<u8>>, PluginError> {
        let state = &mut *self.state.borrow_mut();
        if state.saving.is_none() {
            state.saving = state.processor.save().map_err(Error::into_wit)?.map(Saving::new);
        }
        let Some(saving) = &mut state.saving else { return Ok(None) };
        let (chunk, is_last) = saving.next_chunk(max_bytes as usize).map_err(Error::into_wit)?;
        if is_last {
            state.saving = None;
        }
        Ok(Some(chunk))
    }
    fn merge(&self, chunk: Vec<u8>) -> Result<(), PluginError> {
        let state = &mut *self.state.borrow_mut();
        match state.merging.push(chunk).map_err(Error::into_wit)? {
            Some(part) => state.processor.merge(&part).map_err(Error::into_wit),
            None => Ok(()),
        }
    }
    fn finish(&self, phases: Vec<PhaseSummary>) -> Result<ProcessingResult, PluginError> {
        let result = self.state.borrow_mut().processor.finish(&phases);
        result.map(crate::ProcessingResult::into_wit).map_err(Error::into_wit)
    }
}

/// The last byte of a chunk: whether its part goes on in the next one.
const GOES_ON: u8 = 1;
const ENDS: u8 = 0;

/// One part of a state on its way out. What is left of a part and fits into a chunk
/// becomes that chunk without being copied, since the mark stands at the end.
struct Saving {
    part: Vec<u8>,
    sent: usize,
}

impl Saving {
    fn new(part: Vec<u8>) -> Self {
        Self { part, sent: 0 }
    }

    /// The next chunk, and whether it is the part's last.
    fn next_chunk(&mut self, max_bytes: usize) -> Result<(Vec<u8>, bool)> {
        let room = max_bytes.saturating_sub(1);
        let rest = &self.part[self.sent..];
        if rest.len() > room {
            if room == 0 {
                return Err(Error::other(format!("a chunk of {max_bytes} bytes has no room")));
            }
            let mut chunk = Vec::with_capacity(max_bytes);
            chunk.extend_from_slice(&rest[..room]);
            chunk.push(GOES_ON);
            self.sent += room;
            return Ok((chunk, false));
        }
        let mut chunk = match self.sent {
            0 => mem::take(&mut self.part),
            _ => rest.to_vec(),
        };
        chunk.push(ENDS);
        Ok((chunk, true))
    }
}

/// A part on its way in.
#[derive(Default)]
struct Merging {
    received: Vec<u8>,
}

impl Merging {
    /// The whole part, once this chunk completes it.
    fn push(&mut self, mut chunk: Vec<u8>) -> Result<Option<Vec<u8>>> {
        let ends = match chunk.pop() {
            Some(ENDS) => true,
            Some(GOES_ON) => false,
            _ => return Err(Error::invalid_input("a chunk to merge is not one that was saved")),
        };
        if self.received.is_empty() {
            self.received = chunk;
        } else {
            self.received.append(&mut chunk);
        }
        Ok(ends.then(|| mem::take(&mut self.received)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::bindings::types::MetricValue;
    use crate::testing;
    use phase_hook::GuestHook;
    use post_processor::GuestProcessor;
    use serde::Deserialize;

    #[test]
    fn a_part_arrives_whole_whatever_the_chunks() {
        for (bytes, max_bytes) in [(0, 2), (0, 64), (1, 2), (100, 7), (100, 100), (100, 101)] {
            let part: Vec<u8> = (0..bytes).collect();
            let mut merging = Merging::default();
            let mut arrived = Vec::new();
            for _ in 0..2 {
                let mut saving = Saving::new(part.clone());
                loop {
                    let (chunk, is_last) = saving.next_chunk(max_bytes).unwrap();
                    assert!(chunk.len() <= max_bytes);
                    arrived.extend(merging.push(chunk).unwrap());
                    if is_last {
                        break;
                    }
                }
            }
            assert_eq!(arrived, [part.clone(), part]);
        }
    }

    #[test]
    fn a_part_that_fits_into_a_chunk_is_not_copied() {
        let mut part = Vec::with_capacity(64);
        part.extend([1, 2, 3]);
        let address = part.as_ptr();
        let (chunk, _) = Saving::new(part).next_chunk(64).unwrap();
        assert_eq!(chunk.as_ptr(), address);
        let arrived = Merging::default().push(chunk).unwrap().unwrap();
        assert_eq!((arrived.as_ptr(), arrived), (address, vec![1, 2, 3]));
    }

    #[test]
    fn chunks_without_room_or_mark_are_refused() {
        let error = Saving::new(vec![1]).next_chunk(1).unwrap_err();
        assert_eq!(error.message(), "a chunk of 1 bytes has no room");
        for chunk in [vec![], vec![1, 2, 3]] {
            let error = Merging::default().push(chunk).unwrap_err();
            assert_eq!(error.message(), "a chunk to merge is not one that was saved");
        }
    }

    #[test]
    fn a_class_that_is_not_there_is_answered_with_those_that_are() {
        let error = unknown_class("slwo", &["slow", "fast"]);
        assert_eq!(error.message(), "the component has no `slwo`; it has slow, fast");
    }

    /// Notes what it hears of, and says it in an error once it has heard enough.
    #[derive(Deserialize)]
    struct Listener {
        limit: usize,
        #[serde(skip)]
        heard: Vec<String>,
    }

    impl Listener {
        fn hear(&mut self, what: &str) -> Result<()> {
            self.heard.push(what.to_owned());
            if self.heard.len() < self.limit {
                return Ok(());
            }
            Err(Error::other(self.heard.join(" ")))
        }
    }

    impl Hook for Listener {
        type Config = Self;
        fn new(config: Self) -> Result<Self> {
            if config.limit == 0 {
                return Err(Error::invalid_config("`limit` must not be 0"));
            }
            Ok(config)
        }
        fn on_phase_start(&mut self, _: &PhaseEvent) -> Result<()> {
            self.hear("start")
        }
        fn on_phase_sending_complete(&mut self, _: &PhaseEvent) -> Result<()> {
            self.hear("sent")
        }
        fn on_phase_complete(&mut self, _: &PhaseEvent) -> Result<()> {
            self.hear("complete")
        }
        fn on_phase_timeout(&mut self, _: &PhaseEvent) -> Result<()> {
            self.hear("timeout")
        }
    }

    /// Counts records; its state is one part a record.
    struct Records(u8);

    impl Processor for Records {
        type Config = crate::NoConfig;
        fn new(_: Self::Config) -> Result<Self> {
            Ok(Self(0))
        }
        fn requirements(&self) -> crate::Requirements {
            crate::Requirements::columns(["n"]).mergeable()
        }
        fn process(&mut self, batch: &Batch) -> Result<()> {
            self.0 += batch.u64s("n")?.len() as u8;
            Ok(())
        }
        fn save(&mut self) -> Result<Option<Vec<u8>>> {
            let left = self.0.checked_sub(1);
            self.0 = left.unwrap_or(0);
            Ok(left.map(|left| vec![1, left, 0]))
        }
        fn merge(&mut self, part: &[u8]) -> Result<()> {
            self.0 += part.first().ok_or_else(|| Error::invalid_input("empty part"))?;
            Ok(())
        }
        fn finish(self, _: &[PhaseSummary]) -> Result<crate::ProcessingResult> {
            Ok(crate::ProcessingResult::new().metric("records", u64::from(self.0), ""))
        }
    }

    struct Set;

    impl HookSet for Set {
        fn create(class: &str, config: &str) -> Result<ErasedHook> {
            match class {
                "listener" => create_hook::<Listener>(config),
                _ => Err(unknown_class(class, &["listener"])),
            }
        }
    }

    impl ProcessorSet for Set {
        fn create(class: &str, config: &str) -> Result<ErasedProcessor> {
            match class {
                "records" => create_processor::<Records>(config),
                _ => Err(unknown_class(class, &["records"])),
            }
        }
    }

    fn hook(config: &str) -> HookResource<Set> {
        let hook = <Set as HookSet>::create("listener", config).unwrap();
        HookResource { hook: RefCell::new(hook), set: PhantomData }
    }

    fn processor() -> ProcessorResource<Set> {
        let processor = <Set as ProcessorSet>::create("records", "{}").unwrap();
        let state = ProcessorState::new(processor);
        ProcessorResource { state: RefCell::new(state), set: PhantomData }
    }

    /// As the host does.
    fn process(resource: &ProcessorResource<Set>, records: u64) -> Result<(), PluginError> {
        let column = batches::Column {
            name: "n".to_owned(),
            unit: String::new(),
            values: batches::ColumnValues::U64s((0..records).collect()),
            validity: None,
        };
        resource.process(batches::Batch {
            phase: testing::phase("profiling"),
            len: records as u32,
            columns: vec![column],
            over_exact_memory: false,
        })
    }

    #[test]
    fn each_event_reaches_the_method_of_its_name() {
        let hook = hook(r#"{"limit": 4}"#);
        let event = || testing::phase_event("profiling", 1);
        assert_eq!(hook.on_phase_start(event()), Ok(()));
        assert_eq!(hook.on_phase_sending_complete(event()), Ok(()));
        assert_eq!(hook.on_phase_timeout(event()), Ok(()));
        let error = hook.on_phase_complete(event()).unwrap_err();
        assert_eq!(error, Error::other("start sent timeout complete").into_wit());
    }

    #[test]
    fn the_host_is_told_why_nothing_was_created() {
        let hook = |class: &str, config: &str| {
            let created = HookResource::<Set>::create(class.to_owned(), config.to_owned());
            created.err().unwrap().message
        };
        assert_eq!(hook("lstener", "{}"), "the component has no `lstener`; it has listener");
        assert_eq!(hook("listener", r#"{"limit": 0}"#), "`limit` must not be 0");
        let error = hook("listener", "{}");
        assert!(error.starts_with("the configuration does not fit: missing field `limit`"));

        let processor = |class: &str, config: &str| {
            let created = ProcessorResource::<Set>::create(class.to_owned(), config.to_owned());
            created.err().unwrap()
        };
        let error = processor("listener", "{}");
        assert_eq!(error, unknown_class("listener", &["records"]).into_wit());
        let error = processor("records", "3");
        assert_eq!(error.kind, ErrorKind::InvalidConfig);
        assert!(error.message.starts_with("the configuration does not fit: invalid type"));
    }

    #[test]
    fn instances_are_merged_into_one_result() {
        let (first, second) = (processor(), processor());
        assert_eq!(first.snapshot(vec![]), Ok(None));
        let wanted = first.requirements();
        let columns = post_processor::WantedColumns::Named(vec!["n".to_owned()]);
        assert_eq!((wanted.columns, wanted.mergeable), (columns, true));
        process(&first, 3).unwrap();
        process(&second, 4).unwrap();
        let mut chunks = 0;
        while let Some(chunk) = second.save(3).unwrap() {
            first.merge(chunk).unwrap();
            chunks += 1;
        }
        assert_eq!(chunks, 4 * 2);
        assert_eq!(second.save(3), Ok(None));
        let result = first.finish(vec![testing::phase_summary("profiling")]).unwrap();
        assert_eq!(result.metrics[0].value, MetricValue::Count(7));
    }

    #[test]
    fn what_a_processor_refuses_is_an_error_for_the_host() {
        let merged = processor().merge(vec![ENDS]);
        assert_eq!(merged, Err(Error::invalid_input("empty part").into_wit()));
    }

    #[test]
    fn nothing_is_left_of_a_processor_after_finish() {
        let processor = processor();
        processor.finish(vec![]).unwrap();
        let refused = || finished().into_wit();
        assert_eq!(process(&processor, 1), Err(refused()));
        assert_eq!(processor.snapshot(vec![]), Err(refused()));
        assert_eq!(processor.save(64), Err(refused()));
        assert_eq!(processor.merge(vec![ENDS]), Err(refused()));
        assert_eq!(processor.finish(vec![]), Err(refused()));
        assert_eq!(processor.requirements().columns, post_processor::WantedColumns::All);
    }

    #[test]
    fn an_offer_says_what_stands_in_the_macro() {
        use crate::__private::{Default, Offer};
        let offer: Offer = __offer!("post_processor", slow, {
            description: "Slow ones",
            params: {
                file: string = "a.txt" => "Where to",
                percentiles: list<float> = [50, 99] => "Which",
                strict: bool => "",
            },
        });
        assert_eq!((offer.category, offer.class), ("post_processor", "slow"));
        assert_eq!(offer.description, "Slow ones");
        let [file, percentiles, strict] = offer.params else { panic!("three parameters") };
        assert_eq!((file.name, file.kind, file.description), ("file", "string", "Where to"));
        assert!(matches!(file.default, Default::Text("a.txt")));
        assert_eq!(percentiles.kind, "list<float>");
        assert!(matches!(percentiles.default, Default::Literal("[50, 99]")));
        assert!(matches!(strict.default, Default::None));

        let bare: Offer = __offer!("phase_hook", alarm, {});
        assert_eq!((bare.class, bare.description, bare.params.len()), ("alarm", "", 0));
    }
}
