//! What a component offers, as JSON in its custom section `perfbox:offers`. It is
//! put together while the plugin is compiled, since a reader of the section parses
//! the file and runs nothing.
//!
//! ```json
//! {"contract": "perfbox:plugin@0.2.0",
//!  "implementations": [
//!    {"category": "post_processor", "class": "slow_requests", "description": "…",
//!     "config_params": [{"name": "threshold_ms", "type": "float", "default": 250.0, "description": "…"}]}]}
//! ```

/// The contract that this SDK builds for.
const CONTRACT: &str = "perfbox:plugin@0.2.0";

/// One implementation.
pub struct Offer {
    /// `phase_hook` or `post_processor`.
    pub category: &'static str,
    /// Which of the component's implementations.
    pub class: &'static str,
    /// For people.
    pub description: &'static str,
    /// Its parameters.
    pub params: &'static [Param],
}

/// One parameter.
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// `string`, `int`, `float`, `bool`, or `list<…>` of these.
    pub kind: &'static str,
    /// As in the source: a literal, or `[a, b]`.
    pub default: Default,
    /// For people.
    pub description: &'static str,
}

/// A parameter's default.
pub enum Default {
    /// There is none.
    None,
    /// What JSON writes as Rust does: numbers, booleans, lists of these.
    Literal(&'static str),
    /// A text.
    Text(&'static str),
}

/// Bytes of [`to_json`].
pub const fn json_len(offers: &[Offer]) -> usize {
    write_offers(Writer { out: [], at: 0 }, offers).at
}

/// The section's content; `N` is [`json_len`].
pub const fn to_json<const N: usize>(offers: &[Offer]) -> [u8; N] {
    write_offers(Writer { out: [0; N], at: 0 }, offers).out
}

/// Writes what fits and counts everything, so that the length can be asked first.
pub(crate) struct Writer<const N: usize> {
    pub(crate) out: [u8; N],
    pub(crate) at: usize,
}

impl<const N: usize> Writer<N> {
    pub(crate) const fn byte(mut self, byte: u8) -> Self {
        if self.at < N {
            self.out[self.at] = byte;
        }
        self.at += 1;
        self
    }

    pub(crate) const fn raw(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self = self.byte(bytes[i]);
            i += 1;
        }
        self
    }

    const fn string(mut self, text: &str) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let bytes = text.as_bytes();
        self = self.byte(b'"');
        let mut i = 0;
        while i < bytes.len() {
            self = match bytes[i] {
                b'"' => self.raw("\\\""),
                b'\\' => self.raw("\\\\"),
                control if control < 0x20 => {
                    let digits = (HEX[(control >> 4) as usize], HEX[(control & 15) as usize]);
                    self.raw("\\u00").byte(digits.0).byte(digits.1)
                }
                byte => self.byte(byte),
            };
            i += 1;
        }
        self.byte(b'"')
    }
}

const fn write_offers<const N: usize>(mut w: Writer<N>, offers: &[Offer]) -> Writer<N> {
    w = w.raw("{\"contract\":").string(CONTRACT).raw(",\"implementations\":[");
    let mut i = 0;
    while i < offers.len() {
        if i > 0 {
            w = w.byte(b',');
        }
        w = w.raw("{\"category\":").string(offers[i].category);
        w = w.raw(",\"class\":").string(offers[i].class);
        w = w.raw(",\"description\":").string(offers[i].description);
        w = write_params(w.raw(",\"config_params\":["), offers[i].params).raw("]}");
        i += 1;
    }
    w.raw("]}")
}

const fn write_params<const N: usize>(mut w: Writer<N>, params: &[Param]) -> Writer<N> {
    let mut i = 0;
    while i < params.len() {
        if i > 0 {
            w = w.byte(b',');
        }
        w = w.raw("{\"name\":").string(params[i].name);
        w = w.raw(",\"type\":").string(params[i].kind);
        w = match params[i].default {
            Default::None => w,
            Default::Literal(json) => w.raw(",\"default\":").raw(json),
            Default::Text(text) => w.raw(",\"default\":").string(text),
        };
        w = w.raw(",\"description\":").string(params[i].description).byte(b'}');
        i += 1;
    }
    w
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: &[Offer] = &[
        Offer { category: "phase_hook", class: "quiet", description: "", params: &[] },
        Offer {
            category: "post_processor",
            class: "slow",
            description: "says \"slow\"\n\\ and é",
            params: &[
                Param {
                    name: "limit",
                    kind: "float",
                    default: Default::Literal("2.5"),
                    description: "ms",
                },
                Param {
                    name: "file",
                    kind: "string",
                    default: Default::Text("a\"b"),
                    description: "",
                },
                Param {
                    name: "ids",
                    kind: "list<int>",
                    default: Default::Literal("[1, 2]"),
                    description: "",
                },
                Param { name: "must", kind: "bool", default: Default::None, description: "" },
            ],
        },
    ];

    #[test]
    fn section_is_json_that_says_what_the_macro_was_told() {
        const N: usize = json_len(OFFERS);
        const BYTES: [u8; N] = to_json(OFFERS);
        let read: serde_json::Value = serde_json::from_slice(&BYTES).unwrap();
        assert_eq!(
            read,
            serde_json::json!({
                "contract": "perfbox:plugin@0.2.0",
                "implementations": [
                    {"category": "phase_hook", "class": "quiet", "description": "", "config_params": []},
                    {"category": "post_processor", "class": "slow", "description": "says \"slow\"\n\\ and é",
                     "config_params": [
                        {"name": "limit", "type": "float", "default": 2.5, "description": "ms"},
                        {"name": "file", "type": "string", "default": "a\"b", "description": ""},
                        {"name": "ids", "type": "list<int>", "default": [1, 2], "description": ""},
                        {"name": "must", "type": "bool", "description": ""},
                     ]},
                ],
            })
        );
    }

    #[test]
    fn contract_is_the_one_in_wit() {
        let wit = include_str!("../wit/worlds.wit");
        assert!(wit.contains(&format!("package {CONTRACT};")));
    }

    #[test]
    fn length_and_content_are_the_same_at_compile_time_and_at_run_time() {
        const N: usize = json_len(OFFERS);
        const BYTES: [u8; N] = to_json(OFFERS);
        assert_eq!(json_len(OFFERS), N);
        assert_eq!(to_json::<N>(OFFERS), BYTES);
    }

    #[test]
    fn content_without_room_is_cut_and_still_counted() {
        assert_eq!(&to_json::<12>(OFFERS), br#"{"contract":"#);
        let written = write_offers(Writer { out: [0; 12], at: 0 }, OFFERS);
        assert_eq!(written.at, json_len(OFFERS));
    }

    #[test]
    fn every_control_character_is_escaped() {
        for control in (0..0x20).map(char::from) {
            let text = format!("a{control}b");
            let written = Writer { out: [0; 10], at: 0 }.string(&text);
            assert_eq!(serde_json::from_slice::<String>(&written.out).unwrap(), text);
        }
    }
}
