use std::collections::{HashMap, HashSet};

use crate::escape::escape;

/// Longest label that a report takes, in bytes.
const LABEL_MAX_BYTES: usize = 256;

/// Texts of records as labels of a report: nothing in them moves a cursor or hides, long
/// ones are cut, and what was two texts stays two labels.
#[derive(Default)]
pub(crate) struct Labels {
    known: HashMap<String, String>,
    used: HashSet<String>,
}

impl Labels {
    /// The label of a text, the same each time.
    pub(crate) fn label(&mut self, text: &str) -> String {
        if let Some(label) = self.known.get(text) {
            return label.clone();
        }
        let shown = escape(text);
        let mut label = cut(&shown, "");
        for number in 2.. {
            if self.used.insert(label.clone()) {
                break;
            }
            label = cut(&shown, &format!(" #{number}"));
        }
        self.known.insert(text.to_owned(), label.clone());
        label
    }
}

/// As much of a text as there is room for before `end`.
fn cut(text: &str, end: &str) -> String {
    if text.len() + end.len() <= LABEL_MAX_BYTES {
        return format!("{text}{end}");
    }
    let room = LABEL_MAX_BYTES - end.len() - "…".len();
    let start = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}…{end}", &text[..start])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_can_be_shown_and_stay_apart() {
        let mut labels = Labels::default();
        assert_eq!(labels.label("said \"no\"\nand left"), "said \"no\"\\nand left");
        assert_eq!(labels.label("said \"no\"\\nand left"), "said \"no\"\\nand left #2");
        assert_eq!(labels.label("said \"no\"\nand left"), "said \"no\"\\nand left");
        let long = "ü".repeat(200);
        let cut = labels.label(&long);
        assert!(cut.len() <= LABEL_MAX_BYTES && cut.ends_with("ü…"), "{cut}");
        let other = labels.label(&(long + "x"));
        assert!(other.len() <= LABEL_MAX_BYTES && other.ends_with("ü… #2"), "{other}");
        assert_eq!(labels.label(&"x".repeat(256)), "x".repeat(256));
    }
}
