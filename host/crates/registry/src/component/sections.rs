//! One pass over the sections of a component, with a limit on all that a hostile one
//! can have much of.

use std::collections::BTreeSet;

use wasmparser::{Chunk, CustomSectionReader, Parser, Payload};

use super::error::ComponentError;
use super::metadata::Metadata;
use super::offers;
use perfbox_model::escape;

/// Sections in the component and all that is nested in it. A component made from
/// Python has some thousands.
pub(super) const MOST_SECTIONS: usize = 100_000;

/// Components in components. Composing and virtualising go some levels deep.
pub(super) const MOST_LEVELS: usize = 32;

/// Imports or exports. WASI as a whole has some fifty interfaces.
const MOST_NAMES: usize = 1000;

/// The names and descriptions in a component.
pub(super) struct Sections<'b> {
    pub(super) imports: BTreeSet<&'b str>,
    pub(super) exports: BTreeSet<&'b str>,
    pub(super) described: Described<'b>,
}

/// What a component or core module says about itself.
#[derive(Default)]
pub(super) struct Described<'b> {
    /// The content of its section of offers.
    pub(super) offers: Option<&'b [u8]>,
    pub(super) metadata: Metadata,
}

/// A component or core module that is being read.
#[derive(Default)]
struct Part<'b> {
    own: Described<'b>,
    /// The first in it that has offers.
    inner: Option<Described<'b>>,
}

impl<'b> Part<'b> {
    fn add_section(&mut self, section: &CustomSectionReader<'b>) {
        match section.name() {
            offers::SECTION => self.own.offers = self.own.offers.or(Some(section.data())),
            _ => self.own.metadata.add_section(section),
        }
    }

    fn add_inner(&mut self, inner: Described<'b>) {
        if self.inner.is_none() && inner.offers.is_some() {
            self.inner = Some(inner);
        }
    }

    /// What it says itself and, where it does not, what the core module in it says that
    /// has the offers: a compiler describes that module, which a linker then wraps into
    /// a component.
    fn described(self) -> Described<'b> {
        let Described { offers, metadata } = self.inner.unwrap_or_default();
        Described { offers: self.own.offers.or(offers), metadata: self.own.metadata.or(metadata) }
    }
}

/// Reads the sections of a component.
///
/// # Errors
/// When the bytes break off or are damaged, or there is too much of something.
pub(super) fn read(bytes: &[u8]) -> Result<Sections<'_>, ComponentError> {
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    let mut part = Part::default();
    // Those in which the part lies, outermost first.
    let mut around: Vec<(Parser, Part)> = Vec::new();
    let (mut imports, mut exports) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..MOST_SECTIONS {
        // At the end of all bytes this is an error, never a wish for more.
        let Chunk::Parsed { payload, consumed } = parser.parse(rest, true).map_err(damaged)? else {
            return Err(breaks_off());
        };
        rest = &rest[consumed..];
        match payload {
            Payload::ModuleSection { parser: inner, unchecked_range: range }
            | Payload::ComponentSection { parser: inner, unchecked_range: range } => {
                if range.end > bytes.len() {
                    return Err(breaks_off());
                }
                if around.len() == MOST_LEVELS {
                    return Err(too_many(MOST_LEVELS, "components inside of each other"));
                }
                let outer = std::mem::replace(&mut parser, inner);
                around.push((outer, std::mem::take(&mut part)));
            }
            Payload::End(_) => match around.pop() {
                Some((outer, outer_part)) => {
                    parser = outer;
                    let inner = std::mem::replace(&mut part, outer_part);
                    part.add_inner(inner.described());
                }
                None => return Ok(Sections { imports, exports, described: part.described() }),
            },
            // Nobody asks for single functions, of which there may be many.
            Payload::CodeSectionStart { size, .. } => {
                parser.skip_section();
                rest = rest.get(size as usize..).ok_or_else(breaks_off)?;
            }
            Payload::CustomSection(section) => part.add_section(&section),
            Payload::ComponentImportSection(section) if around.is_empty() => {
                for import in section {
                    imports.insert(import.map_err(damaged)?.name.name);
                    if imports.len() > MOST_NAMES {
                        return Err(too_many(MOST_NAMES, "imports"));
                    }
                }
            }
            Payload::ComponentExportSection(section) if around.is_empty() => {
                for export in section {
                    exports.insert(export.map_err(damaged)?.name.name);
                    if exports.len() > MOST_NAMES {
                        return Err(too_many(MOST_NAMES, "exports"));
                    }
                }
            }
            _ => {}
        }
    }
    Err(too_many(MOST_SECTIONS, "sections"))
}

pub(super) fn damaged(error: wasmparser::Error) -> ComponentError {
    ComponentError::Damaged { reason: escape(&error.to_string()).into_owned() }
}

pub(super) fn breaks_off() -> ComponentError {
    ComponentError::Damaged { reason: "it breaks off within a section".to_owned() }
}

pub(super) fn too_many(most: usize, what: &'static str) -> ComponentError {
    ComponentError::TooMany { most, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> (Option<String>, Metadata) {
        let bytes = wat::parse_str(text).unwrap();
        let Described { offers, metadata } = read(&bytes).unwrap().described;
        (offers.map(|offers| String::from_utf8_lossy(offers).into_owned()), metadata)
    }

    #[test]
    fn the_module_with_the_offers_describes_what_the_component_does_not() {
        let (offers, metadata) = described(
            r#"(component
                (core module (@custom "version" "9.9.9") (@custom "homepage" "https://other"))
                (core module $acme.wasm
                    (@custom "perfbox:offers" "first")
                    (@custom "version" "1.0.0") (@custom "licenses" "MIT"))
                (core module (@custom "perfbox:offers" "second") (@custom "authors" "x"))
                (@custom "version" "1.0.1"))"#,
        );
        assert_eq!(offers.as_deref(), Some("first"));
        assert_eq!(metadata.version.as_deref(), Some("1.0.1"));
        assert_eq!(metadata.licenses.as_deref(), Some("MIT"));
        assert_eq!(metadata.name.as_deref(), Some("acme"));
        assert_eq!((metadata.homepage, metadata.authors), (None, None));
    }

    #[test]
    fn a_plugin_inside_of_another_component_is_found_and_the_outer_one_has_the_say() {
        let (offers, metadata) = described(
            r#"(component
                (component
                    (core module (@custom "perfbox:offers" "inner") (@custom "version" "1"))
                    (@custom "authors" "acme"))
                (@custom "perfbox:offers" "outer") (@custom "description" "virtualised"))"#,
        );
        assert_eq!(offers.as_deref(), Some("outer"));
        assert_eq!(metadata.version.as_deref(), Some("1"));
        assert_eq!(metadata.authors.as_deref(), Some("acme"));
        assert_eq!(metadata.description.as_deref(), Some("virtualised"));
    }

    #[test]
    fn names_inside_of_a_nested_component_are_its_own() {
        let bytes = wat::parse_str(
            r#"(component
                (component (import "inner" (func)))
                (import "outer" (func)))"#,
        )
        .unwrap();
        assert_eq!(Vec::from_iter(read(&bytes).unwrap().imports), ["outer"]);
    }

    #[test]
    fn code_is_passed_over() {
        let (_, metadata) = described(
            r#"(component
                (core module (func i32.const 1 drop) (func) (@custom "perfbox:offers" ""))
                (@custom "version" "1"))"#,
        );
        assert_eq!(metadata.version.as_deref(), Some("1"));
    }

    #[test]
    fn there_is_a_limit_to_everything() {
        const HEAD: &[u8] = b"\0asm\x0d\0\x01\0";
        let words = |bytes: &[u8]| read(bytes).err().unwrap().to_string();

        let empty_sections = [HEAD, &b"\0\x01\0".repeat(MOST_SECTIONS)].concat();
        assert!(words(&empty_sections).starts_with("has more than 100000 sections, "));

        let nested = |levels: usize| {
            let open = "(component ".repeat(levels);
            wat::parse_str(format!("{open}{}", ")".repeat(levels))).unwrap()
        };
        assert!(read(&nested(MOST_LEVELS + 1)).is_ok());
        assert!(words(&nested(MOST_LEVELS + 2)).contains("32 components inside of each other"));

        let imports = |count: usize| {
            let imports: String = (0..count).map(|n| format!("(import \"i{n}\" (func))")).collect();
            wat::parse_str(format!("(component {imports})")).unwrap()
        };
        assert_eq!(read(&imports(MOST_NAMES)).unwrap().imports.len(), MOST_NAMES);
        assert!(words(&imports(MOST_NAMES + 1)).starts_with("has more than 1000 imports"));
    }

    #[test]
    fn a_nested_module_that_breaks_off_between_two_sections_is_seen() {
        let whole =
            wat::parse_str(r#"(component (core module (@custom "a" "x") (@custom "b" "y")))"#)
                .unwrap();
        // Five bytes are the section `b`: id, length, length of the name, name, content.
        let words = read(&whole[..whole.len() - 5]).err().unwrap().to_string();
        assert!(words.contains("it breaks off within a section"), "{words}");
    }
}
