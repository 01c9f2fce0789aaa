//! Single pass over the sections of a component, with limits against hostile input.

use std::collections::BTreeSet;

use wasmparser::{Chunk, CustomSectionReader, Parser, Payload};

use super::error::ComponentError;
use super::metadata::Metadata;
use super::offers;
use perfbox_model::escape;

/// Maximum number of sections, including nested ones. A component built from Python has a few
/// thousand.
pub(super) const SECTIONS_MAX: usize = 100_000;

/// Maximum nesting of components. Composition and virtualization use a few levels.
pub(super) const NESTING_MAX: usize = 32;

/// Maximum number of imports and of exports. All of WASI has about fifty interfaces.
const NAMES_MAX: usize = 1000;

/// Names and self-description of a component.
pub(super) struct Sections<'b> {
    pub(super) imports: BTreeSet<&'b str>,
    pub(super) exports: BTreeSet<&'b str>,
    pub(super) description: SelfDescription<'b>,
}

/// Self-description of a component or core module.
#[derive(Default)]
pub(super) struct SelfDescription<'b> {
    /// Content of its section of offers.
    pub(super) offers: Option<&'b [u8]>,
    pub(super) metadata: Metadata,
}

/// Component or core module that is being read.
#[derive(Default)]
struct Part<'b> {
    own: SelfDescription<'b>,
    /// Self-description of the first nested part with offers.
    inner: Option<SelfDescription<'b>>,
}

impl<'b> Part<'b> {
    fn add_section(&mut self, section: &CustomSectionReader<'b>) {
        match section.name() {
            offers::SECTION => self.own.offers = self.own.offers.or(Some(section.data())),
            _ => self.own.metadata.add_section(section),
        }
    }

    fn add_inner(&mut self, inner: SelfDescription<'b>) {
        if self.inner.is_none() && inner.offers.is_some() {
            self.inner = Some(inner);
        }
    }

    /// Own description, completed by that of the nested part with offers: compilers describe
    /// the core module, which a linker then wraps into a component.
    fn description(self) -> SelfDescription<'b> {
        let SelfDescription { offers, metadata } = self.inner.unwrap_or_default();
        SelfDescription {
            offers: self.own.offers.or(offers),
            metadata: self.own.metadata.or(metadata),
        }
    }
}

/// Reads the sections of a component.
///
/// # Errors
/// If the bytes are truncated or malformed, or a limit is exceeded.
pub(super) fn read(bytes: &[u8]) -> Result<Sections<'_>, ComponentError> {
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    let mut part = Part::default();
    // Enclosing parts, outermost first.
    let mut enclosing: Vec<(Parser, Part)> = Vec::new();
    let (mut imports, mut exports) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..SECTIONS_MAX {
        // `eof` is true: the parser returns an error instead of asking for more bytes.
        let Chunk::Parsed { payload, consumed } = parser.parse(rest, true).map_err(malformed)?
        else {
            return Err(truncated());
        };
        rest = &rest[consumed..];
        match payload {
            Payload::ModuleSection { parser: inner, unchecked_range: range }
            | Payload::ComponentSection { parser: inner, unchecked_range: range } => {
                if range.end > bytes.len() {
                    return Err(truncated());
                }
                if enclosing.len() == NESTING_MAX {
                    return Err(too_many(NESTING_MAX, "levels of nested components"));
                }
                let outer = std::mem::replace(&mut parser, inner);
                enclosing.push((outer, std::mem::take(&mut part)));
            }
            Payload::End(_) => match enclosing.pop() {
                Some((outer, outer_part)) => {
                    parser = outer;
                    let inner = std::mem::replace(&mut part, outer_part);
                    part.add_inner(inner.description());
                }
                None => return Ok(Sections { imports, exports, description: part.description() }),
            },
            // Skip functions: they are not needed, and there may be many.
            Payload::CodeSectionStart { size, .. } => {
                parser.skip_section();
                rest = rest.get(size as usize..).ok_or_else(truncated)?;
            }
            Payload::CustomSection(section) => part.add_section(&section),
            Payload::ComponentImportSection(section) if enclosing.is_empty() => {
                for import in section {
                    imports.insert(import.map_err(malformed)?.name.name);
                    if imports.len() > NAMES_MAX {
                        return Err(too_many(NAMES_MAX, "imports"));
                    }
                }
            }
            Payload::ComponentExportSection(section) if enclosing.is_empty() => {
                for export in section {
                    exports.insert(export.map_err(malformed)?.name.name);
                    if exports.len() > NAMES_MAX {
                        return Err(too_many(NAMES_MAX, "exports"));
                    }
                }
            }
            _ => {}
        }
    }
    Err(too_many(SECTIONS_MAX, "sections"))
}

pub(super) fn malformed(error: wasmparser::Error) -> ComponentError {
    ComponentError::Malformed { reason: escape(&error.to_string()).into_owned() }
}

pub(super) fn truncated() -> ComponentError {
    ComponentError::Malformed { reason: "truncated section".to_owned() }
}

pub(super) fn too_many(max: usize, what: &'static str) -> ComponentError {
    ComponentError::TooMany { max, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe(text: &str) -> (Option<String>, Metadata) {
        let bytes = wat::parse_str(text).unwrap();
        let SelfDescription { offers, metadata } = read(&bytes).unwrap().description;
        (offers.map(|offers| String::from_utf8_lossy(offers).into_owned()), metadata)
    }

    #[test]
    fn module_with_offers_completes_the_description_of_the_component() {
        let (offers, metadata) = describe(
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
    fn nested_plugin_is_found_and_the_outer_component_takes_precedence() {
        let (offers, metadata) = describe(
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
    fn names_of_a_nested_component_are_ignored() {
        let bytes = wat::parse_str(
            r#"(component
                (component (import "inner" (func)))
                (import "outer" (func)))"#,
        )
        .unwrap();
        assert_eq!(Vec::from_iter(read(&bytes).unwrap().imports), ["outer"]);
    }

    #[test]
    fn code_is_skipped() {
        let (_, metadata) = describe(
            r#"(component
                (core module (func i32.const 1 drop) (func) (@custom "perfbox:offers" ""))
                (@custom "version" "1"))"#,
        );
        assert_eq!(metadata.version.as_deref(), Some("1"));
    }

    #[test]
    fn every_count_has_a_limit() {
        const HEAD: &[u8] = b"\0asm\x0d\0\x01\0";
        let message = |bytes: &[u8]| read(bytes).err().unwrap().to_string();

        let empty_sections = [HEAD, &b"\0\x01\0".repeat(SECTIONS_MAX)].concat();
        assert!(message(&empty_sections).starts_with("has more than 100000 sections, "));

        let nested = |levels: usize| {
            let open = "(component ".repeat(levels);
            wat::parse_str(format!("{open}{}", ")".repeat(levels))).unwrap()
        };
        assert!(read(&nested(NESTING_MAX + 1)).is_ok());
        assert!(message(&nested(NESTING_MAX + 2)).contains("32 levels of nested components"));

        let imports = |count: usize| {
            let imports: String = (0..count).map(|n| format!("(import \"i{n}\" (func))")).collect();
            wat::parse_str(format!("(component {imports})")).unwrap()
        };
        assert_eq!(read(&imports(NAMES_MAX)).unwrap().imports.len(), NAMES_MAX);
        assert!(message(&imports(NAMES_MAX + 1)).starts_with("has more than 1000 imports"));
    }

    #[test]
    fn nested_module_truncated_between_two_sections_is_refused() {
        let whole =
            wat::parse_str(r#"(component (core module (@custom "a" "x") (@custom "b" "y")))"#)
                .unwrap();
        // The section `b` has five bytes: id, length, length of the name, name, content.
        let message = read(&whole[..whole.len() - 5]).err().unwrap().to_string();
        assert!(message.contains("truncated section"), "{message}");
    }
}
