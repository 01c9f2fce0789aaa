//! Compile cost of a component, estimated from its bytes before compilation. Counts the items
//! that need superlinear time or much memory to compile, in linear time and little memory.

use wasmparser::{
    Chunk, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, FunctionBody, Instance, Operator, Parser, Payload, SectionLimited,
};

use super::error::ComponentError;
use super::sections::{NESTING_MAX, SECTIONS_MAX, malformed, too_many, truncated};

/// Maximum number of functions in all core modules. Components built from Python and
/// JavaScript have about 13,000; compiling 300,000 empty ones takes 1.6 GB and nine seconds.
const FUNCTIONS_MAX: u64 = 100_000;

/// Maximum number of locals in one function. CPython has at most 271, SpiderMonkey 118;
/// compiling 20,000 takes half a minute.
const LOCALS_MAX: u64 = 5_000;

/// Maximum number of blocks and branches in one function. CPython's interpreter loop has
/// 16,000, SpiderMonkey's 9,500; compiling 100,000 takes most of a minute.
const BRANCHES_MAX: u64 = 50_000;

/// Maximum number of component and core instances that one instance of the component creates.
/// A component built from Python creates 65. A component of 1,361 bytes with 25 nested levels,
/// each instantiating the next twice, creates a hundred million.
const INSTANCES_MAX: u64 = 10_000;

/// Maximum size of the index space of components in any one component, which bounds the
/// memory of the count.
const COMPONENTS_MAX: usize = 10_000;

/// Estimated cost of compiling a component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompileCost {
    /// Number of functions in all core modules.
    pub functions: u64,
    /// Locals of the function with the most, without parameters.
    pub locals: u64,
    /// Blocks and branches of the function with the most.
    pub branches: u64,
    /// Component and core instances that one instance of it creates. An imported component is
    /// unknown and counts as one.
    pub instances: u64,
    /// Core instances among them.
    pub core_instances: u64,
}

/// Number of instances that one instance of a component creates.
#[derive(Clone, Copy, Default)]
struct InstanceCount {
    all: u64,
    core: u64,
}

/// Component or core module that is being read.
#[derive(Default)]
struct Part {
    is_module: bool,
    /// Its index space of components; zero for unknown ones.
    components: Vec<InstanceCount>,
    creates: InstanceCount,
}

impl CompileCost {
    /// Counts the cost of a component, in time linear in its size.
    ///
    /// # Errors
    /// If the bytes are truncated or malformed, or exceed a limit of the parser. Use
    /// [`check`](Self::check) to check the cost itself.
    pub fn of(bytes: &[u8]) -> Result<Self, ComponentError> {
        count(bytes, true)
    }

    /// Counts instances only, without reading functions.
    ///
    /// # Errors
    /// Same as [`of`](Self::of).
    pub fn of_instances(bytes: &[u8]) -> Result<Self, ComponentError> {
        count(bytes, false)
    }

    /// Error if the cost is too high to compile. Ignores other errors: the compiler reports
    /// them better.
    pub fn excess_of(bytes: &[u8]) -> Option<ComponentError> {
        Self::of(bytes).and_then(|cost| cost.check()).err().filter(Self::is_excess)
    }

    /// True for an exceeded limit, false for malformed bytes.
    pub fn is_excess(error: &ComponentError) -> bool {
        matches!(error, ComponentError::TooMany { .. } | ComponentError::TooCostly { .. })
    }

    /// Checks the cost against the maximum of each count.
    ///
    /// # Errors
    /// For the first count that is too high.
    pub fn check(&self) -> Result<(), ComponentError> {
        for (count, max, what) in [
            (self.functions, FUNCTIONS_MAX, "functions"),
            (self.locals, LOCALS_MAX, "locals in one function"),
            (self.branches, BRANCHES_MAX, "blocks and branches in one function"),
            (self.instances, INSTANCES_MAX, "instances"),
        ] {
            if count > max {
                return Err(ComponentError::TooCostly { count, max, what });
            }
        }
        Ok(())
    }

    fn add_function(&mut self, body: &FunctionBody) {
        self.functions += 1;
        // Count a malformed function up to the error: the compiler will refuse it.
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
    fn add_component(&mut self, instances: Option<InstanceCount>) -> Result<(), ComponentError> {
        if self.components.len() == COMPONENTS_MAX {
            return Err(too_many(COMPONENTS_MAX, "components in one component"));
        }
        self.components.push(instances.unwrap_or_default());
        Ok(())
    }

    fn component(&self, index: u32) -> Option<InstanceCount> {
        self.components.get(index as usize).copied()
    }

    fn instantiate(&mut self, more: InstanceCount) {
        self.creates.all = self.creates.all.saturating_add(more.all).saturating_add(1);
        self.creates.core = self.creates.core.saturating_add(more.core);
    }
}

fn count(bytes: &[u8], with_code: bool) -> Result<CompileCost, ComponentError> {
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    let mut part = Part::default();
    // Enclosing parts, outermost first.
    let mut enclosing: Vec<(Parser, Part)> = Vec::new();
    let mut cost = CompileCost::default();
    let mut sections = 0;
    while sections < SECTIONS_MAX {
        // `eof` is true: the parser returns an error instead of asking for more bytes.
        let Chunk::Parsed { payload, consumed } = parser.parse(rest, true).map_err(malformed)?
        else {
            return Err(truncated());
        };
        rest = &rest[consumed..];
        // Functions do not count as sections: there may be more of them.
        if let Payload::CodeSectionEntry(body) = &payload {
            cost.add_function(body);
            continue;
        }
        sections += 1;
        let is_module = matches!(payload, Payload::ModuleSection { .. });
        match payload {
            Payload::ModuleSection { parser: inner, unchecked_range: range }
            | Payload::ComponentSection { parser: inner, unchecked_range: range } => {
                if range.end > bytes.len() {
                    return Err(truncated());
                }
                if enclosing.len() == NESTING_MAX {
                    return Err(too_many(NESTING_MAX, "levels of nested components"));
                }
                let inner_part = Part { is_module, ..Part::default() };
                let outer = std::mem::replace(&mut parser, inner);
                enclosing.push((outer, std::mem::replace(&mut part, inner_part)));
            }
            Payload::End(_) => {
                let Some((outer, outer_part)) = enclosing.pop() else {
                    let InstanceCount { all, core } = part.creates;
                    return Ok(CompileCost { instances: all, core_instances: core, ..cost });
                };
                parser = outer;
                let inner = std::mem::replace(&mut part, outer_part);
                if !inner.is_module {
                    part.add_component(Some(inner.creates))?;
                }
            }
            Payload::CodeSectionStart { size, .. } if !with_code => {
                parser.skip_section();
                rest = rest.get(size as usize..).ok_or_else(truncated)?;
            }
            Payload::InstanceSection(section) => read(section, |instance| {
                let is_of_module = matches!(instance, Instance::Instantiate { .. });
                part.instantiate(InstanceCount { all: 0, core: is_of_module.into() });
                Ok(())
            })?,
            Payload::ComponentInstanceSection(section) => read(section, |instance| {
                let created = match instance {
                    ComponentInstance::Instantiate { component_index, .. } => {
                        part.component(component_index)
                    }
                    ComponentInstance::FromExports(_) => None,
                };
                part.instantiate(created.unwrap_or_default());
                Ok(())
            })?,
            Payload::ComponentAliasSection(section) => read(section, |alias| match alias {
                ComponentAlias::Outer {
                    kind: ComponentOuterAliasKind::Component,
                    count: depth,
                    index,
                } => {
                    let component = match (depth as usize).checked_sub(1) {
                        None => part.component(index),
                        Some(above) => enclosing
                            .iter()
                            .rev()
                            .nth(above)
                            .and_then(|(_, one)| one.component(index)),
                    };
                    part.add_component(component)
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
            // An export adds another index for the component.
            Payload::ComponentExportSection(section) => {
                read(section, |export| match export.kind == ComponentExternalKind::Component {
                    true => part.add_component(part.component(export.index)),
                    false => Ok(()),
                })?
            }
            _ => {}
        }
    }
    Err(too_many(SECTIONS_MAX, "sections"))
}

fn read<'b, T: wasmparser::FromReader<'b>>(
    section: SectionLimited<'b, T>,
    mut each: impl FnMut(T) -> Result<(), ComponentError>,
) -> Result<(), ComponentError> {
    section.into_iter().try_for_each(|item| each(item.map_err(malformed)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The builtins, a real component built with the SDK and cargo.
    const REAL: &[u8] = perfbox_builtins::COMPONENT;

    fn bytes(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    fn cost(text: &str) -> CompileCost {
        CompileCost::of(&bytes(text)).unwrap()
    }

    fn module(functions: &str) -> CompileCost {
        cost(&format!("(component (core module {functions}))"))
    }

    /// Asserts that a count of `max` passes, and that one more is refused with this message.
    #[track_caller]
    fn assert_maximum(max: u64, what: &str, with: impl Fn(u64) -> CompileCost) {
        assert_eq!(with(max).check(), Ok(()));
        let error = with(max + 1).check().unwrap_err();
        let count = max + 1;
        assert_eq!(
            error.to_string(),
            format!("has {count} {what}, more than the maximum of {max}")
        );
    }

    #[test]
    fn each_maximum_is_inclusive() {
        let times = |one: &str, count: u64| one.repeat(count as usize);
        assert_maximum(FUNCTIONS_MAX, "functions", |n| module(&times("(func)", n)));
        assert_maximum(LOCALS_MAX, "locals in one function", |n| {
            module(&format!("(func) (func (local {}))", times("i32 ", n)))
        });
        assert_maximum(BRANCHES_MAX, "blocks and branches in one function", |n| {
            module(&format!("(func {}) (func block end)", times("block end ", n)))
        });
        let made = |n| format!("(core module $m) {}", times("(core instance (instantiate $m))", n));
        assert_maximum(INSTANCES_MAX, "instances", |n| cost(&format!("(component {})", made(n))));
    }

    #[test]
    fn every_kind_of_jump_counts_as_a_branch() {
        let cost = module(
            "(func (param i32)
                block loop local.get 0 if br 0 else end local.get 0 br_if 0 end
                local.get 0 br_table 0 0 0 end)",
        );
        // Block, loop, if, br, else, br_if; the table and its three targets, including the
        // default.
        assert_eq!(cost.branches, 6 + 3);
    }

    #[test]
    fn instances_are_counted_across_all_levels() {
        let mut text =
            "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
        for level in 1..=25 {
            let below = level - 1;
            text = format!(
                "(component $c{level} {text} (instance (instantiate $c{below})) \
                 (instance (instantiate $c{below})))"
            );
        }
        let bomb = cost(&text);
        assert_eq!(bomb.core_instances, 1 << 25);
        assert_eq!(bomb.instances, (1 << 25) + (1 << 26) - 2);
        let message = bomb.check().unwrap_err().to_string();
        assert!(message.starts_with("has 100663294 instances, more than "), "{message}");
    }

    #[test]
    fn aliases_of_a_component_have_the_same_cost() {
        let two = "(component $two (core module $m) (core instance (instantiate $m)) \
                   (core instance (instantiate $m)))";
        let of = |inside: &str| cost(&format!("(component {two} {inside})")).core_instances;
        assert_eq!(of(""), 0);
        assert_eq!(of("(instance (instantiate $two))"), 2);
        assert_eq!(of("(export $out \"c\" (component $two)) (instance (instantiate $out))"), 2);
        let nested = "(component $in (alias outer 1 0 (component $far)) \
                      (instance (instantiate $far)) (instance (instantiate $far)))";
        assert_eq!(of(&format!("{nested} (instance (instantiate $in))")), 4);
        // An imported component is unknown.
        let imported =
            cost("(component (import \"c\" (component $c)) (instance (instantiate $c)))");
        assert_eq!((imported.instances, imported.core_instances), (1, 0));
    }

    #[test]
    fn repeated_doubling_saturates() {
        let levels: String = (0..30)
            .map(|level| {
                let many = "(instance (instantiate 0))".repeat(10);
                format!("(component $l{level} (alias outer 1 {level} (component)) {many})")
            })
            .collect();
        let text = format!("(component (component) {levels} (instance (instantiate 30)))");
        assert_eq!(cost(&text).instances, u64::MAX);
    }

    #[test]
    fn real_component_is_far_below_every_maximum() {
        let cost = CompileCost::of(REAL).unwrap();
        assert_eq!(cost.check(), Ok(()));
        assert!(cost.functions > 100 && cost.locals > 10 && cost.branches > 100);
        let instances = CompileCost::of_instances(REAL).unwrap();
        assert_eq!(instances, CompileCost { functions: 0, locals: 0, branches: 0, ..cost });
        assert!(instances.core_instances > 1);
    }

    #[test]
    fn malformed_bytes_never_panic() {
        for end in (0..REAL.len()).step_by(499) {
            let _ = CompileCost::of(&REAL[..end]);
        }
        let mut malformed = REAL.to_vec();
        for at in (0..REAL.len()).step_by(997) {
            malformed[at] ^= 1 << (at % 8);
            let _ = CompileCost::of(&malformed);
            malformed[at] ^= 1 << (at % 8);
        }
    }

    #[test]
    fn components_in_one_component_have_a_maximum() {
        let with = |count: usize| {
            CompileCost::of(&bytes(&format!("(component {})", "(component)".repeat(count))))
        };
        assert!(with(COMPONENTS_MAX).is_ok());
        let message = with(COMPONENTS_MAX + 1).unwrap_err().to_string();
        assert!(
            message.starts_with("has more than 10000 components in one component, "),
            "{message}"
        );
    }
}
