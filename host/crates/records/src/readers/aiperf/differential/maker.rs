//! Makes lines that mislead the templates.

use std::sync::LazyLock;

/// Pseudo-random choices from a seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.roll() % count as u64) as usize
    }

    pub(super) fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(super) fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }
}

/// Strings as written in JSON.
const TEXTS: [&str; 12] = [
    r#""""#,
    r#""a""#,
    r#""worker_3""#,
    r#""GET /items?q=1, {\"a\": 1}""#,
    r#""\",\"metrics\":{\"request_latency\":{\"value\":1,\"unit\":\"ms\"}},\"x\":\"""#,
    r#""'metadata': {'request_start_ns': 1}, [1,2]""#,
    r#""\u0061\n\t\\""#,
    r#""gr\u00fc\u00dfe \ud83d\ude00""#,
    "\"gr\u{fc}\u{df}e \u{1f600} \u{202e}\"",
    r#""a text of more than eight bytes, and than sixteen""#,
    r#""\\""#,
    r#""ends in a backslash \\\\""#,
];

/// Numbers in every form of JSON, most of them finite, and some that are not JSON.
const NUMBERS: [&str; 32] = [
    "0",
    "-0",
    "1",
    "-1",
    "7",
    "12.5",
    "0.1",
    "-0.25",
    "1e3",
    "1E+2",
    "1.25e-3",
    "5e-324",
    "2E0",
    "100.000",
    "0.30000000000000004",
    "3.141592653589793238462643383279",
    "9007199254740993",
    "12345678901234567890",
    "18446744073709551616",
    "123456789012345678901234567890",
    "1e308",
    "0.000000000000000000000000000001",
    "-1e-400",
    "99999999.99999999",
    "1e400",
    "-1e400",
    "01",
    "1.",
    ".5",
    "+1",
    "NaN",
    "- 1",
];

/// The first entries, which are valid numbers.
const PLAIN_NUMBERS: usize = 24;

/// Lines of a real run.
static REAL_LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/aiperf/profile_export.jsonl");
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
});

/// Makes lines. One seed decides the structure, so that many lines are alike; another decides
/// the values.
pub(super) struct Maker {
    shape: Dice,
    values: Dice,
    blank: &'static str,
}

impl Maker {
    pub(super) fn line(shape: u64, values: u64) -> String {
        let (mut shape, values) = (Dice(shape), Dice(values));
        let is_real = shape.once_in(3);
        let blank = shape.one_of(&["", "", " ", " \t "]);
        let mut maker = Self { shape, values, blank };
        let line = match is_real {
            true => REAL_LINES[maker.values.below(REAL_LINES.len())].clone(),
            false => maker.record(),
        };
        if maker.values.once_in(6) { maker.mutated(line) } else { line }
    }

    fn record(&mut self) -> String {
        let mut entries = vec![entry("metadata", self.metadata())];
        if !self.shape.once_in(8) {
            let metrics = self.metrics();
            entries.push(entry("metrics", metrics));
        }
        if self.shape.once_in(3) {
            let error = self.error();
            entries.push(entry("error", error));
        }
        self.add_decoys(&mut entries);
        self.object(entries)
    }

    fn metadata(&mut self) -> String {
        let phase = self.shape.one_of(&[r#""profiling""#, r#""warmup""#, r#""\u0061""#]);
        let mut entries = vec![entry("benchmark_phase", phase.to_owned())];
        let start = self.time();
        let names = ["request_start_ns", "request_start_ns", "request_start_ns", "timestamp_ns"];
        entries.push(entry(self.shape.one_of(&names), start));
        for name in ["request_end_ns", "request_ack_ns", "credit_issued_ns", "timestamp_ns"] {
            if !self.shape.once_in(4) && entries.iter().all(|one| one.0 != name) {
                let time = self.time();
                entries.push(entry(name, time));
            }
        }
        for name in ["worker_id", "x_correlation_id", "conversation_id", "phase_name", "phase_kind"]
        {
            if self.shape.once_in(2) {
                let text = match name.starts_with("phase") {
                    true => self.shape.one_of(&TEXTS).to_owned(),
                    false => self.text(),
                };
                entries.push(entry(name, text));
            }
        }
        for (name, count) in [("turn_index", 5), ("phase_index", 2), ("session_num", 1000)] {
            if self.shape.once_in(2) {
                let number = self.values.below(count).to_string();
                let value = if self.values.once_in(20) { self.number() } else { number };
                entries.push(entry(name, value));
            }
        }
        if self.shape.once_in(2) {
            let word = match self.values.once_in(12) {
                true => self.values.one_of(&["true", "null", "1"]),
                false => self.shape.one_of(&["true", "false", "false", "null"]),
            };
            entries.push(entry("was_cancelled", word.to_owned()));
        }
        self.add_decoys(&mut entries);
        self.object(entries)
    }

    fn metrics(&mut self) -> String {
        let mut entries = Vec::new();
        for name in ["request_latency", "ttft", "output_token_count", "gr\u{fc}n", "a.b", "value"] {
            if self.shape.once_in(2) {
                let value = self.number();
                let metric = self.metric(value);
                entries.push(entry(name, metric));
            }
        }
        if self.shape.once_in(2) {
            let list = self.list();
            let metric = self.metric(list);
            entries.push(entry("inter_chunk_latency", metric));
        }
        if self.shape.once_in(6) {
            entries.push(entry("time_to_first_token", "null".to_owned()));
        }
        self.object(entries)
    }

    fn metric(&mut self, value: String) -> String {
        let odd = ["null", r#""s""#, r#""\u006ds""#, "1"];
        let unit = if self.values.once_in(60) { self.values.one_of(&odd) } else { r#""ms""# };
        let mut entries = vec![entry("value", value), entry("unit", unit.to_owned())];
        if self.shape.once_in(12) {
            entries.pop();
        }
        if self.shape.once_in(6) {
            let number = self.number();
            let inside = self.object(vec![entry("value", number)]);
            entries.push(entry("request_latency", inside));
        }
        self.object(entries)
    }

    fn error(&mut self) -> String {
        if self.shape.once_in(4) {
            return "null".to_owned();
        }
        let mut entries = Vec::new();
        for name in ["type", "message", "cause", "code"] {
            if !self.shape.once_in(4) {
                let value = match name {
                    "code" => self.values.one_of(&["500", "503", "0", "null"]).to_owned(),
                    _ => self.text(),
                };
                entries.push(entry(name, value));
            }
        }
        let texts = format!("[{},{}]", self.text(), self.text());
        entries.push(entry("cause_chain", texts));
        self.object(entries)
    }

    /// Adds keys that are not read, at positions where they may be mistaken for others.
    fn add_decoys(&mut self, entries: &mut Vec<(String, String)>) {
        if self.shape.once_in(3) {
            let (text, time, number) = (self.text(), self.time(), self.number());
            let inside = [("metadata", text), ("request_start_ns", time), ("value", number)];
            let inside = inside.map(|(name, value)| entry(name, value)).to_vec();
            let inside = self.object(inside);
            entries.push(entry("nested", inside));
        }
        if self.shape.once_in(4) {
            let (one, other) = (self.text(), self.number());
            // A duplicate key is legal if it is not read.
            entries.extend([entry("twice", one), entry("twice", other)]);
        }
        if self.shape.once_in(8) {
            let list = self.list();
            entries.push(entry("many", list));
        }
        if self.shape.once_in(24) {
            let again = entries[self.shape.below(entries.len())].clone();
            entries.push(again);
        }
        if self.shape.once_in(24) {
            let at = self.shape.below(entries.len());
            entries[at].0 = entries[at].0.replace('e', "\\u0065");
        }
    }

    fn object(&mut self, mut entries: Vec<(String, String)>) -> String {
        for at in (1..entries.len()).rev() {
            entries.swap(at, self.shape.below(at + 1));
        }
        let blank = self.blank;
        let entries: Vec<_> = entries
            .iter()
            .map(|(name, value)| format!("{blank}\"{name}\"{blank}:{blank}{value}{blank}"))
            .collect();
        format!("{{{}}}", entries.join(","))
    }

    fn list(&mut self) -> String {
        let count = self.values.below(4);
        let blank = self.blank;
        let numbers: Vec<_> = (0..count).map(|_| self.number() + blank).collect();
        format!("[{blank}{}]", numbers.join(","))
    }

    fn text(&mut self) -> String {
        match self.values.once_in(2) {
            true => format!("\"w{}\"", self.values.below(4)),
            false => self.values.one_of(&TEXTS).to_owned(),
        }
    }

    fn number(&mut self) -> String {
        match self.values.below(200) {
            0 => self.values.one_of(&NUMBERS).to_owned(),
            1..60 => self.values.one_of(&NUMBERS[..PLAIN_NUMBERS]).to_owned(),
            _ => format!("{}.{:03}", self.values.below(900), self.values.below(1000)),
        }
    }

    fn time(&mut self) -> String {
        match self.values.below(80) {
            0 => self.values.one_of(&["null", "1e18", "1.0", "-1", "\"1\"", "01"]).to_owned(),
            1 => u64::MAX.to_string(),
            _ => (1_795_351_251_000_000_000 + self.values.roll() % 1_000_000_000).to_string(),
        }
    }

    /// Changes a byte range of the line, which may make it invalid.
    fn mutated(&mut self, line: String) -> String {
        const CHARACTERS: &str = "{}[]\",:\\ \t\r0019-eE.+ntf\u{e9}\u{1}";
        let mut characters: Vec<_> = line.chars().collect();
        for _ in 0..=self.values.below(2) {
            let at = self.values.below(characters.len());
            let some = CHARACTERS.chars().nth(self.values.below(CHARACTERS.chars().count()));
            match self.values.below(4) {
                0 => drop(characters.remove(at)),
                1 => characters[at] = some.unwrap(),
                2 => characters.insert(at, some.unwrap()),
                _ => {
                    // Duplicates an entry, or replaces another by it.
                    let mut parts: Vec<_> =
                        characters.split(|c| *c == ',').map(<[char]>::to_vec).collect();
                    let part = parts[self.values.below(parts.len())].clone();
                    parts.insert(self.values.below(parts.len()), part);
                    characters = parts.join(&',');
                }
            }
        }
        characters.into_iter().collect()
    }
}

fn entry(name: &str, value: String) -> (String, String) {
    (name.to_owned(), value)
}
