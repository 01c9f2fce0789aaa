//! A histogram for people.

/// Columns of a line at most.
const WIDTH: usize = 80;
/// Empty buckets in a row that are all shown.
const MOST_EMPTY: usize = 3;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) count: u64,
}

/// A title, and a line for each bucket: its label, count, share and bar.
pub(super) fn draw(title: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0);
    let total: u64 = bars.iter().map(|bar| bar.count).sum();
    let width_of = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let label_width = width_of(&mut bars.iter().map(|bar| bar.label.chars().count()));
    let count_width = most.to_string().len();
    // The spaces between, and the share: ` 12.3%`.
    let room = WIDTH.saturating_sub(label_width + count_width + 4 + 7).max(1);

    let mut text: String = title.chars().take(WIDTH).chain(['\n']).collect();
    let mut empty = 0;
    for (at, bar) in bars.iter().enumerate() {
        empty = if bar.count == 0 { empty + 1 } else { 0 };
        let run = bars[at..].iter().take_while(|bar| bar.count == 0).count() + empty;
        if bar.count == 0 && run > MOST_EMPTY + 1 {
            if empty == 1 {
                text += &format!("  {:>label_width$}\n", "...");
            }
            continue;
        }
        let share = 100.0 * bar.count as f64 / total.max(1) as f64;
        let length = (bar.count as f64 / most.max(1) as f64 * room as f64).round() as usize;
        // What is there is seen.
        let length = if bar.count > 0 { length.max(1) } else { 0 };
        let line = format!(
            "  {:>label_width$} {:>count_width$} {share:>5.1}% {}",
            bar.label,
            bar.count,
            "#".repeat(length)
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(counts: &[u64]) -> Vec<Bar> {
        let bar = |(at, count): (usize, &u64)| Bar { label: format!("<= {at}"), count: *count };
        counts.iter().enumerate().map(bar).collect()
    }

    #[test]
    fn bars_are_as_long_as_their_share_of_the_longest() {
        let text = draw("title", &bars(&[1, 0, 1000, 500]));
        let hashes: Vec<_> = text.lines().map(|line| line.matches('#').count()).collect();
        assert_eq!(hashes, [0, 1, 0, 61, 31]);
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(text.lines().nth(1), Some("  <= 0    1   0.1% #"));
        assert_eq!(text.lines().nth(2), Some("  <= 1    0   0.0%"));
    }

    #[test]
    fn a_long_gap_is_one_line_and_a_short_one_is_shown() {
        let lines = |counts: &[u64]| draw("", &bars(counts)).lines().count();
        assert_eq!(lines(&[1, 0, 0, 0, 1]), 1 + 5);
        assert_eq!(lines(&[1, 0, 0, 0, 0, 1]), 1 + 3);
        assert_eq!(lines(&[1, 0, 0, 0, 0, 0, 1, 0, 1]), 1 + 5);
        assert!(draw("", &bars(&[1, 0, 0, 0, 0, 1])).contains("\n   ...\n"));
    }

    #[test]
    fn no_line_is_longer_than_a_terminal_is_wide() {
        let text = draw(&"x".repeat(300), &bars(&[u64::MAX / 4, 1]));
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
    }
}
