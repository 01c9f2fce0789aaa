//! What cargo knows of an author's crate, for the sections in which a component says it:
//! those of [OCI's annotations](https://github.com/opencontainers/image-spec/blob/main/annotations.md),
//! as other tools read and write them too.

use crate::offers::Writer;

/// One of cargo's variables of a crate; none where cargo does not build it.
pub enum Fact {
    /// As it is.
    Text(Option<&'static str>),
    /// Authors, which cargo puts a colon between.
    Authors(Option<&'static str>),
}

/// Bytes of [`fact_bytes`].
pub const fn fact_len(fact: &Fact) -> usize {
    write_fact(Writer { out: [], at: 0 }, fact).at
}

/// The section's content; `N` is [`fact_len`].
pub const fn fact_bytes<const N: usize>(fact: &Fact) -> [u8; N] {
    write_fact(Writer { out: [0; N], at: 0 }, fact).out
}

const fn write_fact<const N: usize>(mut w: Writer<N>, fact: &Fact) -> Writer<N> {
    match fact {
        Fact::Text(None) | Fact::Authors(None) => w,
        Fact::Text(Some(text)) => w.raw(text),
        Fact::Authors(Some(text)) => {
            let bytes = text.as_bytes();
            let mut i = 0;
            while i < bytes.len() {
                // The colon of an address stands before a slash.
                let in_address = i + 1 < bytes.len() && bytes[i + 1] == b'/';
                w = match bytes[i] {
                    b':' if !in_address => w.raw(", "),
                    byte => w.byte(byte),
                };
                i += 1;
            }
            w
        }
    }
}

/// What cargo says of the crate that is being built, as custom sections. One of which
/// cargo has nothing to say is left out by the linker, as it is empty.
#[doc(hidden)]
#[macro_export]
macro_rules! __package_sections {
    ($($section:literal: $kind:ident($variable:literal),)+) => {
        $(#[cfg(target_arch = "wasm32")]
        const _: () = {
            const FACT: $crate::__private::Fact =
                $crate::__private::Fact::$kind(option_env!($variable));
            #[unsafe(link_section = $section)]
            #[used]
            static SECTION: [u8; $crate::__private::fact_len(&FACT)] =
                $crate::__private::fact_bytes(&FACT);
        };)+
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authors_are_separated_as_people_do() {
        const FACT: Fact =
            Fact::Authors(Some("A. Author <a@example.com>:acme (https://acme.example):B"));
        const BYTES: [u8; fact_len(&FACT)] = fact_bytes(&FACT);
        let text = std::str::from_utf8(&BYTES).unwrap();
        assert_eq!(text, "A. Author <a@example.com>, acme (https://acme.example), B");
    }

    #[test]
    fn what_cargo_does_not_say_is_empty() {
        assert_eq!(fact_len(&Fact::Text(None)), 0);
        assert_eq!(fact_len(&Fact::Authors(Some(""))), 0);
        assert_eq!(fact_bytes::<5>(&Fact::Text(Some("1.0:0"))), *b"1.0:0");
    }

    #[test]
    fn only_the_colon_of_an_address_is_kept() {
        for (authors, expected) in
            [("A:B", "A, B"), ("A:", "A, "), ("https://a.example:B", "https://a.example, B")]
        {
            let written = write_fact(Writer { out: [0; 32], at: 0 }, &Fact::Authors(Some(authors)));
            assert_eq!(&written.out[..written.at], expected.as_bytes());
        }
    }
}
