//! Lines of JSON that are built alike, read at once.
//!
//! Tools write the same keys in the same order, line after line. What is the same in a
//! line is its template; what differs are scalars and lists of numbers, in slots. A line
//! that fits a template of one that was read whole is a record just as that was: nothing
//! of its syntax is left unchecked. What fits none is read by a whole parser, and gives a
//! template for the lines to come.

use crate::batch_builder::RowWriter;
use crate::checks::check_latency;
use crate::json::scalar::{blanks_end, f64_at, line_end, number_end, text_at, u64_at};

/// What stands in a slot, and where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A whole number, into a column.
    U64(usize),
    /// A number, into a column.
    F64(usize),
    /// A latency without a minus sign, into a column.
    Latency(usize),
    /// A text, into a column.
    Text(usize),
    /// A list of numbers, into a column.
    List(usize),
    /// The name of the record's session, into a column.
    Session(usize),
    /// The record's place in its session, into a column.
    Turn(usize),
    /// When the request ended, into a column.
    End(usize),
    /// A number that nobody asks for.
    AnyNumber,
    /// A text that nobody asks for.
    AnyText,
}

impl Slot {
    /// The column that it goes into.
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

/// What a value of JSON is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonKind {
    Null,
    Bool,
    Number,
    Text,
    /// A list without anything but numbers in it.
    Numbers,
    /// A list of other things; an object is gone into.
    List,
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// It is a part of the template.
    Literal,
    /// It differs from line to line.
    Slot(Slot),
    /// Lines with it are read whole.
    Unsupported,
}

impl Binding {
    /// A slot whose value goes into a column; lines are read whole where there is none.
    pub(crate) fn slot(slot: impl FnOnce(usize) -> Slot, column: Option<usize>) -> Self {
        column.map_or(Self::Unsupported, |column| Self::Slot(slot(column)))
    }
}

/// A line with slots.
#[derive(Debug)]
pub(crate) struct Template {
    /// What stands before each slot.
    parts: Vec<(Box<[u8]>, Slot)>,
    /// What stands after the last one.
    tail: Box<[u8]>,
}

/// A line that fits a template.
pub(crate) struct Match<'t> {
    /// Behind it.
    pub(crate) end: usize,
    /// Its session, its place in it.
    pub(crate) session: Option<&'t str>,
    pub(crate) turn: u64,
    pub(crate) end_ns: u64,
}

/// Most levels of objects that are gone into.
const DEPTH_MAX: usize = 8;

impl Template {
    /// The template of a line that is JSON. `bind` says of each value, by the keys that
    /// lead to it, what becomes of it. None: such lines are read whole.
    pub(crate) fn learn(
        line: &str,
        bind: &mut dyn FnMut(&[&str], JsonKind) -> Binding,
    ) -> Option<Self> {
        let mut learning = Learning { line, at: 0, from: 0, parts: Vec::new(), keys: Vec::new() };
        learning.value(bind)?;
        let tail = line.as_bytes()[learning.from..].into();
        Some(Self { parts: learning.parts, tail })
    }

    /// Reads the line that begins at `at` into a row; none: it does not matched, and nothing
    /// of it is left in the row.
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

    /// Fills the slots of a line. `reached` says how many may have put something into the
    /// row.
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

/// A list of numbers.
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

/// A line while its template is made.
struct Learning<'l> {
    line: &'l str,
    at: usize,
    /// Behind the last slot.
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
