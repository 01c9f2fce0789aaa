//! Scans the keys of a JSON object without a full parse, to detect the tool that wrote it.

/// Maximum of bytes to scan.
const LOOKED_AT_BYTES: usize = 1 << 20;

/// The keys of the first object in a text, as written, each with the text from its value on.
/// Ends where the text ends or is not JSON.
pub(crate) fn members(text: &[u8]) -> Members<'_> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let text = &text[..text.len().min(LOOKED_AT_BYTES)];
    let mut members = Members { text, at: 0 };
    members.blanks();
    members.is_over(b'{');
    members
}

/// The first line that is not blank.
pub(crate) fn first_line(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text).trim_ascii_start();
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    &text[..end]
}

/// Iterator of [`members`].
pub(crate) struct Members<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Iterator for Members<'t> {
    type Item = (&'t [u8], &'t [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.blanks();
        let start = self.at + 1;
        self.string()?;
        let key = &self.text[start..self.at - 1];
        self.blanks();
        if self.is_over(b':') {
            return None;
        }
        self.blanks();
        let value = &self.text[self.at..];
        if self.value().is_none() || self.is_over(b',') {
            self.at = self.text.len();
        }
        Some((key, value))
    }
}

impl Members<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Skips a byte. Returns true, and ends the scan, if another byte is there.
    fn is_over(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at = if is_there { self.at + 1 } else { self.text.len() };
        !is_there
    }

    /// Skips a string.
    fn string(&mut self) -> Option<()> {
        if self.peek() != Some(b'"') {
            return None;
        }
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..)?;
            let end = memchr::memchr2(b'"', b'\\', rest)?;
            self.at += end + 1;
            if rest[end] == b'"' {
                return Some(());
            }
            self.at += 1;
        }
    }

    /// Skips a value and the blanks after it.
    fn value(&mut self) -> Option<()> {
        let mut depth = 0_u32;
        loop {
            match self.peek()? {
                b'"' => self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b'}' | b']' if depth == 0 => return Some(()),
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<&str> {
        members(text.as_bytes()).map(|(key, _)| std::str::from_utf8(key).unwrap()).collect()
    }

    #[test]
    fn keys_of_the_outermost_object_are_found_up_to_the_end_of_the_text() {
        let whole = r#" { "a" : 1, "b":{"c":[{"d":"}"}]} ,"e\"f":"x\\","g":[1,[2]],"h":null}"#;
        assert_eq!(keys(whole), ["a", "b", r#"e\"f"#, "g", "h"]);
        assert_eq!(keys(&whole[..30]), ["a", "b"]);
        assert_eq!(keys("\u{feff}\n{\"a\""), Vec::<&str>::new());
        for text in ["", "[1]", "nonsense", "{", "{}", "{1:2}", "\"a\":1", "{\"a\" 1,\"b\":2}"] {
            assert_eq!(keys(text), Vec::<&str>::new(), "{text}");
        }
        let start = br#"{"a":{"b":1},"c":2}"#;
        assert_eq!(members(start).next().unwrap().1, &start[5..]);
    }

    #[test]
    fn first_line_skips_blank_lines() {
        assert_eq!(first_line(b"\xef\xbb\xbf\r\n\n {}\r\n[]"), b"{}\r");
        assert_eq!(first_line(b""), b"");
    }
}
