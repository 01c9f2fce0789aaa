//! Lines of JSON that are built alike, read at once.
//!
//! Tools write the same keys in the same order, line after line. What is the same in a
//! line is its template; what differs are scalars and lists of numbers, in holes. A line
//! that fits a template of one that was read whole is a record just as that was: nothing
//! of its syntax is left unchecked. What fits none is read by a whole parser, and gives a
//! template for the lines to come.

use super::columns::check_latency;
use super::json::{blanks_end, f64_at, line_end, number_end, text_at, u64_at};
use super::rows::Row;

/// What stands in a hole, and where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hole {
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

impl Hole {
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
pub(super) enum Kind {
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
pub(super) enum Bind {
    /// It is a part of the template.
    Same,
    /// It differs from line to line.
    Hole(Hole),
    /// Lines with it are read whole.
    Never,
}

impl Bind {
    /// A hole whose value goes into a column; lines are read whole where there is none.
    pub(super) fn hole(hole: impl FnOnce(usize) -> Hole, column: Option<usize>) -> Self {
        column.map_or(Self::Never, |column| Self::Hole(hole(column)))
    }
}

/// A line with holes.
#[derive(Debug)]
pub(super) struct Template {
    /// What stands before each hole.
    parts: Vec<(Box<[u8]>, Hole)>,
    /// What stands after the last one.
    tail: Box<[u8]>,
}

/// A line that fits a template.
pub(super) struct Fit<'t> {
    /// Behind it.
    pub(super) end: usize,
    /// Its session, its place in it.
    pub(super) session: Option<&'t str>,
    pub(super) turn: u64,
    pub(super) end_ns: u64,
}

/// Most levels of objects that are gone into.
const DEPTH_MAX: usize = 8;

impl Template {
    /// The template of a line that is JSON. `bind` says of each value, by the keys that
    /// lead to it, what becomes of it. None: such lines are read whole.
    pub(super) fn learn(line: &str, bind: &mut dyn FnMut(&[&str], Kind) -> Bind) -> Option<Self> {
        let mut learning = Learning { line, at: 0, from: 0, parts: Vec::new(), keys: Vec::new() };
        learning.value(bind)?;
        let tail = line.as_bytes()[learning.from..].into();
        Some(Self { parts: learning.parts, tail })
    }

    /// Reads the line that begins at `at` into a row; none: it does not fit, and nothing
    /// of it is left in the row.
    #[inline]
    pub(super) fn read<'t>(&self, text: &'t str, at: usize, row: &mut Row<'_>) -> Option<Fit<'t>> {
        let mut reached = 0;
        let fit = self.fill(text, at, row, &mut reached);
        if fit.is_none() {
            let columns = self.parts[..reached].iter().filter_map(|(_, hole)| hole.column());
            columns.for_each(|column| row.unset(column));
        }
        fit
    }

    /// Fills the holes of a line. `reached` says how many may have put something into the
    /// row.
    #[inline]
    fn fill<'t>(
        &self,
        text: &'t str,
        mut at: usize,
        row: &mut Row<'_>,
        reached: &mut usize,
    ) -> Option<Fit<'t>> {
        let bytes = text.as_bytes();
        let mut fit = Fit { end: 0, session: None, turn: 0, end_ns: 0 };
        for (before, hole) in &self.parts {
            if !bytes.get(at..)?.starts_with(before) {
                return None;
            }
            *reached += 1;
            at += before.len();
            at = match *hole {
                Hole::F64(column) => {
                    let (value, end) = f64_at(text, at)?;
                    row.f64(column, value);
                    end
                }
                Hole::Latency(column) => {
                    let (value, end) = f64_at(text, at).filter(|_| bytes.get(at) != Some(&b'-'))?;
                    check_latency(value).ok()?;
                    row.f64(column, value);
                    end
                }
                Hole::U64(column) => {
                    let (value, end) = u64_at(text, at)?;
                    row.u64(column, value);
                    end
                }
                Hole::Text(column) => {
                    let (value, end) = text_at(text, at)?;
                    row.text(column, value);
                    end
                }
                Hole::List(column) => list_at(text, at, column, row)?,
                Hole::Session(column) => {
                    let (value, end) = text_at(text, at)?;
                    row.text(column, value);
                    fit.session = Some(value);
                    end
                }
                Hole::Turn(column) => {
                    let (value, end) = u64_at(text, at)?;
                    row.u64(column, value);
                    fit.turn = value;
                    end
                }
                Hole::End(column) => {
                    let (value, end) = u64_at(text, at)?;
                    row.u64(column, value);
                    fit.end_ns = value;
                    end
                }
                Hole::AnyNumber => number_end(text, at)?,
                Hole::AnyText => text_at(text, at)?.1,
            };
        }
        fit.end = line_end(bytes, at, &self.tail)?;
        Some(fit)
    }
}

/// A list of numbers.
fn list_at(text: &str, at: usize, column: usize, row: &mut Row<'_>) -> Option<usize> {
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
    /// Behind the last hole.
    from: usize,
    parts: Vec<(Box<[u8]>, Hole)>,
    keys: Vec<&'l str>,
}

impl<'l> Learning<'l> {
    fn value(&mut self, bind: &mut dyn FnMut(&[&str], Kind) -> Bind) -> Option<()> {
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => return self.object(bind),
            b'[' => self.list()?,
            b'"' => {
                self.at = text_at(self.line, self.at)?.1;
                Kind::Text
            }
            b't' | b'f' | b'n' => {
                let word = ["true", "false", "null"];
                let word = word.into_iter().find(|word| self.line[self.at..].starts_with(word))?;
                self.at += word.len();
                if word == "null" { Kind::Null } else { Kind::Bool }
            }
            _ => {
                self.at = f64_at(self.line, self.at)?.1;
                Kind::Number
            }
        };
        match bind(&self.keys, kind) {
            Bind::Same => {}
            Bind::Never => return None,
            Bind::Hole(hole) => {
                let before = self.line.as_bytes()[self.from..start].into();
                self.parts.push((before, hole));
                self.from = self.at;
            }
        }
        Some(())
    }

    fn object(&mut self, bind: &mut dyn FnMut(&[&str], Kind) -> Bind) -> Option<()> {
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
    fn list(&mut self) -> Option<Kind> {
        let mut kind = Kind::Numbers;
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
                kind = Kind::List;
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
