//! What it would take to compile a component, counted from its bytes before a compiler
//! sees them. What takes a compiler more than linear time or much memory is counted
//! here, in linear time and with little.

use wasmparser::{
    Chunk, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, FunctionBody, Instance, Operator, Parser, Payload, SectionLimited,
};

use super::error::ComponentError;
use super::sections::{MOST_LEVELS, MOST_SECTIONS, breaks_off, damaged, too_many};

/// Functions of all core modules. Components made from Python and from JavaScript have
/// some 13,000; 300,000 empty ones take a compiler 1.6 GB and nine seconds.
const MOST_FUNCTIONS: u64 = 100_000;

/// Locals of one function. CPython has at most 271, SpiderMonkey 118; 20,000 take half a
/// minute.
const MOST_LOCALS: u64 = 5_000;

/// Blocks of one function, and the jumps in it. CPython's interpreter loop has 16,000,
/// SpiderMonkey's 9,500; 100,000 blocks take most of a minute.
const MOST_BRANCHES: u64 = 50_000;

/// Instances of components and core modules that one instance of the component makes.
/// One made from Python makes 65 of them; 25 levels, of which each makes two of the one
/// below, make a hundred millions of 1,361 bytes.
const MOST_INSTANCES: u64 = 10_000;

/// Components that are named in any one component: what is kept of each is all that is
/// kept here.
const MOST_COMPONENTS: usize = 10_000;

/// What it would take to compile a component, as far as its bytes show it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompileCost {
    /// Functions in its core modules.
    pub functions: u64,
    /// Locals of the function with the most; its parameters do not count.
    pub locals: u64,
    /// Blocks and branches of the function with the most.
    pub branches: u64,
    /// Instances that one instance of it makes, of components and core modules. What is
    /// imported is not known, and counts as one.
    pub instances: u64,
    /// Those of them that are instances of core modules.
    pub core_instances: u64,
}

/// Instances that one instance of a component makes.
#[derive(Clone, Copy, Default)]
struct Makes {
    all: u64,
    core: u64,
}

/// A component or core module that is being read.
#[derive(Default)]
struct Part {
    is_module: bool,
    /// Its index space of components, as far as they are known.
    components: Vec<Makes>,
    makes: Makes,
}

impl CompileCost {
    /// Weighs a component: all of it. Never more than linear in its size, whatever the
    /// bytes are.
    ///
    /// # Errors
    /// When the bytes break off or are damaged, or have too much of what is counted on
    /// the way. That the weight is too much is another question, for
    /// [`check`](Self::check).
    pub fn of(bytes: &[u8]) -> Result<Self, ComponentError> {
        weigh(bytes, true)
    }

    /// Weighs a component without its functions, as [`of`](Self::of).
    ///
    /// # Errors
    /// As there.
    pub fn of_instances(bytes: &[u8]) -> Result<Self, ComponentError> {
        weigh(bytes, false)
    }

    /// Why bytes are not given to a compiler, where it is their weight. What is wrong with
    /// them otherwise, the compiler says better.
    pub fn excess_of(bytes: &[u8]) -> Option<ComponentError> {
        Self::of(bytes).and_then(|weight| weight.check()).err().filter(Self::is_excess)
    }

    /// True where there is too much of something, and nothing else wrong.
    pub fn is_excess(error: &ComponentError) -> bool {
        matches!(error, ComponentError::TooMany { .. } | ComponentError::TooHeavy { .. })
    }

    /// Whether a compiler can be expected to take it.
    ///
    /// # Errors
    /// When there is more of something than any component needs.
    pub fn check(&self) -> Result<(), ComponentError> {
        for (has, most, what) in [
            (self.functions, MOST_FUNCTIONS, "functions"),
            (self.locals, MOST_LOCALS, "locals in one function"),
            (self.branches, MOST_BRANCHES, "blocks and branches in one function"),
            (self.instances, MOST_INSTANCES, "instances"),
        ] {
            if has > most {
                return Err(ComponentError::TooHeavy { has, most, what });
            }
        }
        Ok(())
    }

    fn add_function(&mut self, body: &FunctionBody) {
        self.functions += 1;
        // A function that cannot be read counts as far as it can: the compiler will
        // refuse it.
        let mut locals = 0u64;
        for group in body.get_locals_reader().into_iter().flatten().map_while(Result::ok) {
            locals = locals.saturating_add(group.0.into());
        }
        let operators = body.get_operators_reader().into_iter().flatten().map_while(Result::ok);
        let branches = operators.map(|operator| branches(&operator)).sum();
        self.locals = self.locals.max(locals);
        self.branches = self.branches.max(branches);
    }
}

fn branches(operator: &Operator) -> u64 {
    match operator {
        Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::If { .. }
        | Operator::Else
        | Operator::Br { .. }
        | Operator::BrIf { .. } => 1,
        Operator::BrTable { targets } => u64::from(targets.len()) + 1,
        _ => 0,
    }
}

impl Part {
    fn add_component(&mut self, makes: Option<Makes>) -> Result<(), ComponentError> {
        if self.components.len() == MOST_COMPONENTS {
            return Err(too_many(MOST_COMPONENTS, "components in one component"));
        }
        self.components.push(makes.unwrap_or_default());
        Ok(())
    }

    fn component(&self, index: u32) -> Option<Makes> {
        self.components.get(index as usize).copied()
    }

    fn make(&mut self, more: Makes) {
        self.makes.all = self.makes.all.saturating_add(more.all).saturating_add(1);
        self.makes.core = self.makes.core.saturating_add(more.core);
    }
}

fn weigh(bytes: &[u8], with_code: bool) -> Result<CompileCost, ComponentError> {
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    let mut part = Part::default();
    // Those in which the part lies, outermost first.
    let mut around: Vec<(Parser, Part)> = Vec::new();
    let mut weight = CompileCost::default();
    let mut sections = 0;
    while sections < MOST_SECTIONS {
        // At the end of all bytes this is an error, never a wish for more.
        let Chunk::Parsed { payload, consumed } = parser.parse(rest, true).map_err(damaged)? else {
            return Err(breaks_off());
        };
        rest = &rest[consumed..];
        // Functions are no sections, and there may be more of them.
        if let Payload::CodeSectionEntry(body) = &payload {
            weight.add_function(body);
            continue;
        }
        sections += 1;
        let is_module = matches!(payload, Payload::ModuleSection { .. });
        match payload {
            Payload::ModuleSection { parser: inner, unchecked_range: range }
            | Payload::ComponentSection { parser: inner, unchecked_range: range } => {
                if range.end > bytes.len() {
                    return Err(breaks_off());
                }
                if around.len() == MOST_LEVELS {
                    return Err(too_many(MOST_LEVELS, "components inside of each other"));
                }
                let inner_part = Part { is_module, ..Part::default() };
                let outer = std::mem::replace(&mut parser, inner);
                around.push((outer, std::mem::replace(&mut part, inner_part)));
            }
            Payload::End(_) => {
                let Some((outer, outer_part)) = around.pop() else {
                    let Makes { all, core } = part.makes;
                    return Ok(CompileCost { instances: all, core_instances: core, ..weight });
                };
                parser = outer;
                let inner = std::mem::replace(&mut part, outer_part);
                if !inner.is_module {
                    part.add_component(Some(inner.makes))?;
                }
            }
            Payload::CodeSectionStart { size, .. } if !with_code => {
                parser.skip_section();
                rest = rest.get(size as usize..).ok_or_else(breaks_off)?;
            }
            Payload::InstanceSection(section) => read(section, |instance| {
                let is_of_module = matches!(instance, Instance::Instantiate { .. });
                part.make(Makes { all: 0, core: is_of_module.into() });
                Ok(())
            })?,
            Payload::ComponentInstanceSection(section) => read(section, |instance| {
                let makes = match instance {
                    ComponentInstance::Instantiate { component_index, .. } => {
                        part.component(component_index)
                    }
                    ComponentInstance::FromExports(_) => None,
                };
                part.make(makes.unwrap_or_default());
                Ok(())
            })?,
            Payload::ComponentAliasSection(section) => read(section, |alias| match alias {
                ComponentAlias::Outer {
                    kind: ComponentOuterAliasKind::Component,
                    count,
                    index,
                } => {
                    let makes = match (count as usize).checked_sub(1) {
                        None => part.component(index),
                        Some(above) => {
                            around.iter().rev().nth(above).and_then(|(_, one)| one.component(index))
                        }
                    };
                    part.add_component(makes)
                }
                ComponentAlias::InstanceExport {
                    kind: ComponentExternalKind::Component, ..
                } => part.add_component(None),
                _ => Ok(()),
            })?,
            Payload::ComponentImportSection(section) => read(section, |import| match import.ty {
                ComponentTypeRef::Component(_) => part.add_component(None),
                _ => Ok(()),
            })?,
            // What is exported has another index from then on.
            Payload::ComponentExportSection(section) => {
                read(section, |export| match export.kind == ComponentExternalKind::Component {
                    true => part.add_component(part.component(export.index)),
                    false => Ok(()),
                })?
            }
            _ => {}
        }
    }
    Err(too_many(MOST_SECTIONS, "sections"))
}

fn read<'b, T: wasmparser::FromReader<'b>>(
    section: SectionLimited<'b, T>,
    mut each: impl FnMut(T) -> Result<(), ComponentError>,
) -> Result<(), ComponentError> {
    section.into_iter().try_for_each(|item| each(item.map_err(damaged)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The builtins: a real component, as the SDK and cargo make them.
    const REAL: &[u8] = perfbox_builtins::COMPONENT;

    fn bytes(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    fn weight(text: &str) -> CompileCost {
        CompileCost::of(&bytes(text)).unwrap()
    }

    fn module(functions: &str) -> CompileCost {
        weight(&format!("(component (core module {functions}))"))
    }

    /// At most `most` of something passes, one more does not, with these words.
    #[track_caller]
    fn assert_cap(most: u64, words: &str, with: impl Fn(u64) -> CompileCost) {
        assert_eq!(with(most).check(), Ok(()));
        let error = with(most + 1).check().unwrap_err();
        let has = most + 1;
        assert_eq!(
            error.to_string(),
            format!("has {has} {words}, and the most that a component may have is {most}")
        );
    }

    #[test]
    fn each_cap_lets_pass_what_it_says_and_no_more() {
        let times = |one: &str, count: u64| one.repeat(count as usize);
        assert_cap(MOST_FUNCTIONS, "functions", |n| module(&times("(func)", n)));
        assert_cap(MOST_LOCALS, "locals in one function", |n| {
            module(&format!("(func) (func (local {}))", times("i32 ", n)))
        });
        assert_cap(MOST_BRANCHES, "blocks and branches in one function", |n| {
            module(&format!("(func {}) (func block end)", times("block end ", n)))
        });
        let made = |n| format!("(core module $m) {}", times("(core instance (instantiate $m))", n));
        assert_cap(MOST_INSTANCES, "instances", |n| weight(&format!("(component {})", made(n))));
    }

    #[test]
    fn all_that_a_function_jumps_by_is_a_branch() {
        let weight = module(
            "(func (param i32)
                block loop local.get 0 if br 0 else end local.get 0 br_if 0 end
                local.get 0 br_table 0 0 0 end)",
        );
        // Two of the block and loop, if, br, else, br_if; the table and its three targets,
        // of which the default is one.
        assert_eq!(weight.branches, 6 + 3);
    }

    #[test]
    fn instances_are_counted_through_all_levels() {
        let mut text =
            "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
        for level in 1..=25 {
            let below = level - 1;
            text = format!(
                "(component $c{level} {text} (instance (instantiate $c{below})) \
                 (instance (instantiate $c{below})))"
            );
        }
        let bomb = weight(&text);
        assert_eq!(bomb.core_instances, 1 << 25);
        assert_eq!(bomb.instances, (1 << 25) + (1 << 26) - 2);
        let words = bomb.check().unwrap_err().to_string();
        assert!(words.starts_with("has 100663294 instances, and the most "), "{words}");
    }

    #[test]
    fn a_component_by_another_name_weighs_the_same() {
        let two = "(component $two (core module $m) (core instance (instantiate $m)) \
                   (core instance (instantiate $m)))";
        let of = |inside: &str| weight(&format!("(component {two} {inside})")).core_instances;
        assert_eq!(of(""), 0);
        assert_eq!(of("(instance (instantiate $two))"), 2);
        assert_eq!(of("(export $out \"c\" (component $two)) (instance (instantiate $out))"), 2);
        let nested = "(component $in (alias outer 1 0 (component $far)) \
                      (instance (instantiate $far)) (instance (instantiate $far)))";
        assert_eq!(of(&format!("{nested} (instance (instantiate $in))")), 4);
        // What comes from outside of the component is not known.
        let imported =
            weight("(component (import \"c\" (component $c)) (instance (instantiate $c)))");
        assert_eq!((imported.instances, imported.core_instances), (1, 0));
    }

    #[test]
    fn doubling_again_and_again_ends_at_the_largest_number() {
        let levels: String = (0..30)
            .map(|level| {
                let many = "(instance (instantiate 0))".repeat(10);
                format!("(component $l{level} (alias outer 1 {level} (component)) {many})")
            })
            .collect();
        let text = format!("(component (component) {levels} (instance (instantiate 30)))");
        assert_eq!(weight(&text).instances, u64::MAX);
    }

    #[test]
    fn a_real_component_is_far_from_every_cap() {
        let weight = CompileCost::of(REAL).unwrap();
        assert_eq!(weight.check(), Ok(()));
        assert!(weight.functions > 100 && weight.locals > 10 && weight.branches > 100);
        let instances = CompileCost::of_instances(REAL).unwrap();
        assert_eq!(instances, CompileCost { functions: 0, locals: 0, branches: 0, ..weight });
        assert!(instances.core_instances > 1);
    }

    #[test]
    fn damage_anywhere_never_panics() {
        for end in (0..REAL.len()).step_by(499) {
            let _ = CompileCost::of(&REAL[..end]);
        }
        let mut damaged = REAL.to_vec();
        for at in (0..REAL.len()).step_by(997) {
            damaged[at] ^= 1 << (at % 8);
            let _ = CompileCost::of(&damaged);
            damaged[at] ^= 1 << (at % 8);
        }
    }

    #[test]
    fn there_are_so_many_components_in_one_and_no_more() {
        let with = |count: usize| {
            CompileCost::of(&bytes(&format!("(component {})", "(component)".repeat(count))))
        };
        assert!(with(MOST_COMPONENTS).is_ok());
        let words = with(MOST_COMPONENTS + 1).unwrap_err().to_string();
        assert!(words.starts_with("has more than 10000 components in one component, "), "{words}");
    }
}
