//! One row of CSV, taken apart.

/// Where the fields of one row stand.
#[derive(Default)]
pub(super) struct Fields {
    /// Where the row begins.
    from: usize,
    /// In the text or, of a row with quotes, in `unquoted`.
    ends: Vec<(usize, usize)>,
    unquoted: Option<String>,
    /// Of a row with quotes, where its fields begin in the text.
    starts: Vec<usize>,
}

impl Fields {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field; nothing where the row has fewer.
    pub(super) fn get<'t>(&'t self, text: &'t str, at: usize) -> &'t str {
        let Some((start, end)) = self.ends.get(at) else { return "" };
        &self.unquoted.as_deref().unwrap_or(text)[*start..*end]
    }

    /// Whether a field of it is quoted.
    pub(super) fn are_quoted(&self) -> bool {
        self.unquoted.is_some()
    }

    /// Where a field begins: in which line of the row, from 0, and at which of its bytes,
    /// from 1.
    #[cold]
    pub(super) fn place(&self, text: &str, at: usize) -> (u64, u64) {
        let start = match self.unquoted {
            Some(_) => self.starts.get(at).copied(),
            None => self.ends.get(at).map(|(start, _)| *start),
        };
        self.place_of(text, start.unwrap_or(self.from))
    }

    /// As [`place`](Self::place), of the field that has no end.
    #[cold]
    pub(super) fn place_without_end(&self, text: &str) -> (u64, u64) {
        self.place_of(text, self.starts.last().copied().unwrap_or(self.from))
    }

    /// As [`place`](Self::place), of a byte of the row.
    #[cold]
    pub(super) fn place_of(&self, text: &str, at: usize) -> (u64, u64) {
        let before = &text.as_bytes()[self.from..at];
        let line = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        (memchr::memchr_iter(b'\n', before).count() as u64, (before.len() - line) as u64 + 1)
    }

    /// Takes a row apart. Where it ends, its line's end not included; none: a quoted field
    /// of it has no end.
    pub(super) fn split(&mut self, text: &str, from: usize, delimiter: u8) -> Option<usize> {
        self.from = from;
        self.ends.clear();
        self.unquoted = None;
        let bytes = text.as_bytes();
        let mut start = from;
        for at in memchr::memchr3_iter(delimiter, b'\n', b'"', &bytes[from..]) {
            let at = from + at;
            match bytes[at] {
                b'\n' => {
                    let end = if bytes[..at].ends_with(b"\r") && at > start { at - 1 } else { at };
                    self.ends.push((start, end));
                    return Some(at);
                }
                b'"' => return self.split_quoted(text, from, delimiter),
                _ => {
                    self.ends.push((start, at));
                    start = at + 1;
                }
            }
        }
        let end = if bytes.ends_with(b"\r") && bytes.len() > start {
            bytes.len() - 1
        } else {
            bytes.len()
        };
        self.ends.push((start, end));
        Some(bytes.len())
    }

    /// As [`split`](Self::split), of a row in which a field is quoted: a quote in it is
    /// written twice.
    fn split_quoted(&mut self, text: &str, from: usize, delimiter: u8) -> Option<usize> {
        self.ends.clear();
        self.starts.clear();
        let mut unquoted = String::new();
        let (mut at, mut start, bytes) = (from, 0, text.as_bytes());
        loop {
            self.starts.push(at);
            if bytes.get(at) == Some(&b'"') {
                at += 1;
                loop {
                    let quote = at + memchr::memchr(b'"', &bytes[at..])?;
                    unquoted.push_str(&text[at..quote]);
                    at = quote + 1;
                    if bytes.get(at) != Some(&b'"') {
                        break;
                    }
                    unquoted.push('"');
                    at += 1;
                }
            }
            let rest = memchr::memchr2(delimiter, b'\n', &bytes[at..]);
            let end = rest.map_or(bytes.len(), |rest| at + rest);
            unquoted.push_str(&text[at..end]);
            let is_last = bytes.get(end) != Some(&delimiter);
            if is_last && unquoted.len() > start && unquoted.ends_with('\r') {
                unquoted.pop();
            }
            self.ends.push((start, unquoted.len()));
            start = unquoted.len();
            if is_last {
                self.unquoted = Some(unquoted);
                return Some(end);
            }
            at = end + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_in_the_lines_and_bytes_in_which_they_stand() {
        let text = "a,b\n1,\"x\ny\",é,2\n3,\"z,4";
        let mut fields = Fields::default();
        let end = fields.split(text, 0, b',').unwrap();
        assert_eq!((fields.place(text, 0), fields.place(text, 1)), ((0, 1), (0, 3)));
        let end = fields.split(text, end + 1, b',').unwrap();
        let places: Vec<_> = (0..fields.len()).map(|at| fields.place(text, at)).collect();
        assert_eq!(places, [(0, 1), (0, 3), (1, 4), (1, 7)]);
        assert_eq!(fields.get(text, 1), "x\ny");
        assert_eq!(fields.split(text, end + 1, b','), None);
        assert_eq!(fields.place_without_end(text), (0, 3));
    }
}
