//! Text in columns, without lines around it.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Blanks between two columns.
pub(crate) const GAP: usize = 2;

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows in columns, two blanks between them, a line end after each row. Columns beyond
/// `alignments` stand as the last of it.
pub fn in_columns(rows: &[Vec<String>], alignments: &[Align]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(rows.iter().cloned());
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { 0 } else { GAP as u16 }, 0));
        let alignment = alignments.get(index).or(alignments.last());
        column.set_cell_alignment(match alignment {
            Some(Align::Right) => CellAlignment::Right,
            Some(Align::Left) | None => CellAlignment::Left,
        });
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
