//! Templates for lines of JSON that have the same structure.
//!
//! A tool writes the same keys in the same order, line after line. The equal parts of a line
//! are its template; the scalars and number lists that differ are its slots. A line that
//! matches the template of a parsed line has the same structure and is checked completely. Any
//! other line goes through the full parser, which makes a template of it.

use crate::batch_builder::RowWriter;
use crate::checks::check_latency;
use crate::json::scalar::{blanks_end, f64_at, line_end, number_end, text_at, u64_at};

/// A slot: type of its value, and its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A u64.
    U64(usize),
    /// An f64.
    F64(usize),
    /// A latency without a minus sign.
    Latency(usize),
    /// A string.
    Text(usize),
    /// A list of numbers.
    List(usize),
    /// The session of the record.
    Session(usize),
    /// The turn of the record in its session.
    Turn(usize),
    /// The end of the request.
    End(usize),
    /// A number that is not read.
    AnyNumber,
    /// A string that is not read.
    AnyText,
}

impl Slot {
    /// Column of the slot.
    fn column(self) -> Option<usize> {
        match self {
            Self::U64(column)
            | Self::F64(column)
            | Self::Latency(column)
            | Self::Text(column)
            | Self::List(column)
            | Self::Session(column)
            | Self::Turn(column)
            | Self::End(column) => Some(column),
            Self::AnyNumber | Self::AnyText => None,
        }
    }
}

/// Kind of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonKind {
    Null,
    Bool,
    Number,
    Text,
    /// A list of numbers.
    Numbers,
    /// A list of other values. Objects are bound member by member.
    List,
}

/// How a template treats a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Equal in all lines.
    Literal,
    /// Different from line to line.
    Slot(Slot),
    /// Lines with this value have no template.
    Unsupported,
}

impl Binding {
    /// A slot for a column; unsupported if there is no column.
    pub(crate) fn slot(slot: impl FnOnce(usize) -> Slot, column: Option<usize>) -> Self {
        column.map_or(Self::Unsupported, |column| Self::Slot(slot(column)))
    }
}

/// Template of a line.
#[derive(Debug)]
pub(crate) struct Template {
    /// Each slot with the text before it.
    parts: Vec<(Box<[u8]>, Slot)>,
    /// Text after the last slot.
    tail: Box<[u8]>,
}

/// A line that matches a template.
pub(crate) struct Match<'t> {
    /// Position after the line.
    pub(crate) end: usize,
    /// Session of the record, and its turn in it.
    pub(crate) session: Option<&'t str>,
    pub(crate) turn: u64,
    pub(crate) end_ns: u64,
}

/// Maximum depth of objects.
const DEPTH_MAX: usize = 8;

impl Template {
    /// Makes the template of a JSON line. `bind` decides how to treat a value, given the keys
    /// that lead to it. Returns none if the line has no template.
    pub(crate) fn learn(
        line: &str,
        bind: &mut dyn FnMut(&[&str], JsonKind) -> Binding,
    ) -> Option<Self> {
        let mut learning = Learning { line, at: 0, from: 0, parts: Vec::new(), keys: Vec::new() };
        learning.value(bind)?;
        let tail = line.as_bytes()[learning.from..].into();
        Some(Self { parts: learning.parts, tail })
    }

    /// Reads the line at `at` into a row. Returns none if the line does not match, and removes
    /// what it wrote.
    #[inline]
    pub(crate) fn read<'t>(
        &self,
        text: &'t str,
        at: usize,
        row: &mut RowWriter<'_>,
    ) -> Option<Match<'t>> {
        let mut reached = 0;
        let matched = self.fill(text, at, row, &mut reached);
        if matched.is_none() {
            let columns = self.parts[..reached].iter().filter_map(|(_, slot)| slot.column());
            columns.for_each(|column| row.unset(column));
        }
        matched
    }

    /// Fills the slots of a line. `reached` counts the slots that may have written to the row.
    #[inline]
    fn fill<'t>(
        &self,
        text: &'t str,
        mut at: usize,
        row: &mut RowWriter<'_>,
        reached: &mut usize,
    ) -> Option<Match<'t>> {
        let bytes = text.as_bytes();
        let mut matched = Match { end: 0, session: None, turn: 0, end_ns: 0 };
        for (before, slot) in &self.parts {
            if !bytes.get(at..)?.starts_with(before) {
                return None;
            }
            *reached += 1;
            at += before.len();
            at = match *slot {
                Slot::F64(column) => {
                    let (value, end) = f64_at(text, at)?;
                    row.f64(column, value);
                    end
                }
                Slot::Latency(column) => {
                    let (value, end) = f64_at(text, at).filter(|_| bytes.get(at) != Some(&b'-'))?;
                    check_latency(value).ok()?;
                    row.f64(column, value);
                    end
                }
                Slot::U64(column) => {
                    let (value, end) = u64_at(text, at)?;
                    row.u64(column, value);
                    end
                }
                Slot::Text(column) => {
                    let (value, end) = text_at(text, at)?;
                    row.text(column, value);
                    end
                }
                Slot::List(column) => list_at(text, at, column, row)?,
                Slot::Session(column) => {
                    let (value, end) = text_at(text, at)?;
                    row.text(column, value);
                    matched.session = Some(value);
                    end
                }
                Slot::Turn(column) => {
                    let (value, end) = u64_at(text, at)?;
                    row.u64(column, value);
                    matched.turn = value;
                    end
                }
                Slot::End(column) => {
                    let (value, end) = u64_at(text, at)?;
                    row.u64(column, value);
                    matched.end_ns = value;
                    end
                }
                Slot::AnyNumber => number_end(text, at)?,
                Slot::AnyText => text_at(text, at)?.1,
            };
        }
        matched.end = line_end(bytes, at, &self.tail)?;
        Some(matched)
    }
}

/// Reads a list of numbers.
fn list_at(text: &str, at: usize, column: usize, row: &mut RowWriter<'_>) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'[') {
        return None;
    }
    let mut at = blanks_end(bytes, at + 1);
    let mut list = row.list(column);
    if bytes.get(at) == Some(&b']') {
        if let Some(list) = list {
            list.end();
        }
        return Some(at + 1);
    }
    loop {
        let (value, end) = f64_at(text, at)?;
        if let Some(list) = &mut list {
            list.push(value);
        }
        at = blanks_end(bytes, end);
        match bytes.get(at)? {
            b',' => at = blanks_end(bytes, at + 1),
            b']' => break,
            _ => return None,
        }
    }
    if let Some(list) = list {
        list.end();
    }
    Some(at + 1)
}

/// State while a template is made.
struct Learning<'l> {
    line: &'l str,
    at: usize,
    /// Position after the last slot.
    from: usize,
    parts: Vec<(Box<[u8]>, Slot)>,
    keys: Vec<&'l str>,
}

impl<'l> Learning<'l> {
    fn value(&mut self, bind: &mut dyn FnMut(&[&str], JsonKind) -> Binding) -> Option<()> {
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => return self.object(bind),
            b'[' => self.list()?,
            b'"' => {
                self.at = text_at(self.line, self.at)?.1;
                JsonKind::Text
            }
            b't' | b'f' | b'n' => {
                let word = ["true", "false", "null"];
                let word = word.into_iter().find(|word| self.line[self.at..].starts_with(word))?;
                self.at += word.len();
                if word == "null" { JsonKind::Null } else { JsonKind::Bool }
            }
            _ => {
                self.at = f64_at(self.line, self.at)?.1;
                JsonKind::Number
            }
        };
        match bind(&self.keys, kind) {
            Binding::Literal => {}
            Binding::Unsupported => return None,
            Binding::Slot(slot) => {
                let before = self.line.as_bytes()[self.from..start].into();
                self.parts.push((before, slot));
                self.from = self.at;
            }
        }
        Some(())
    }

    fn object(&mut self, bind: &mut dyn FnMut(&[&str], JsonKind) -> Binding) -> Option<()> {
        if self.keys.len() == DEPTH_MAX {
            return None;
        }
        self.at += 1;
        self.blanks();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.blanks();
            let (key, end) = text_at(self.line, self.at)?;
            self.at = end;
            self.expect(b':')?;
            self.keys.push(key);
            self.value(bind)?;
            self.keys.pop();
            self.blanks();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    /// A list of scalars.
    fn list(&mut self) -> Option<JsonKind> {
        let mut kind = JsonKind::Numbers;
        self.at += 1;
        self.blanks();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(kind);
        }
        loop {
            self.blanks();
            if let Some((_, end)) = f64_at(self.line, self.at) {
                self.at = end;
            } else {
                self.at = text_at(self.line, self.at)?.1;
                kind = JsonKind::List;
            }
            self.blanks();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(kind)
    }

    fn peek(&self) -> Option<u8> {
        self.line.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        self.at = blanks_end(self.line.as_bytes(), self.at);
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.blanks();
        let found = self.peek()? == byte;
        self.at += 1;
        self.blanks();
        found.then_some(())
    }
}
