//! `perfbox inspect`: what an input is, before anything is run over it.

use std::collections::{HashMap, HashSet};

use clap::Args;
use perfbox::batch::{ColumnInfo, ColumnType};
use perfbox::escape;
use perfbox::records::{Contents, Inspection, Mapping, inspect};
use perfbox::report::{Align, in_columns};

use super::PluginArgs;
use super::config::Config;
use super::input::{InputArgs, opened};
use super::select::SelectionArgs;
use crate::exit::{Failed, StatusOf as _};

/// Longest value that is shown, in characters.
const VALUE_CHARS: usize = 40;

/// Show the format of recorded results, their columns, units and phases.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    plugins: PluginArgs,
}

impl InspectArgs {
    /// Says what there is to say of each input, and returns the exit status: that of the
    /// first that cannot be read.
    pub(crate) fn run(&self) -> Result<u8, Failed> {
        let config = Config::gather(&self.plugins, &SelectionArgs::default()).usage()?;
        let options = self.input.format.options(&config).usage()?;
        let mut status = 0;
        for name in self.input.expand().bad_input()? {
            match opened(inspect(&name, options.clone())) {
                Ok(inspection) => crate::print(&describe(&name, &inspection))?,
                Err(failed) => {
                    crate::print_error(&*failed.error);
                    status = if status == 0 { failed.status } else { status };
                }
            }
        }
        Ok(status)
    }
}

fn describe(name: &str, inspection: &Inspection) -> String {
    let mut text = format!("{}\n  format   {}\n", escape(name), inspection.format.name());
    match &inspection.contents {
        Contents::Records { columns, phases, is_whole, bad_records } => {
            let records: u64 = phases.iter().map(|(_, records)| records).sum();
            let of = if *is_whole { "" } else { ", the first of more" };
            text.push_str(&format!("  records  {records}{of}\n"));
            if *bad_records > 0 {
                text.push_str(&format!("  bad      {bad_records}\n"));
            }
            let phases: Vec<_> = phases
                .iter()
                .map(|(name, records)| format!("{} ({records})", escape(name)))
                .collect();
            text.push_str(&format!("  phases   {}\n\n{}\n", phases.join(", "), table(columns)));
        }
        Contents::NoHeader => text.push_str(
            "\nIts first line looks like data, and not like the names of columns. Put a line with \
             the names in front\nof it, separated as the fields are, and inspect it again.\n",
        ),
        Contents::Unmapped { columns, mapping } => {
            text.push_str("\nNobody has said what its columns are:\n\n");
            let used: HashSet<_> =
                mapping.fields.iter().map(|(_, mapped)| &mapped.column).collect();
            let mut times: HashMap<&String, usize> = HashMap::new();
            columns.iter().for_each(|(name, _)| *times.entry(name).or_default() += 1);
            let rows = columns.iter().map(|(name, value)| {
                let value: String = value.chars().take(VALUE_CHARS).collect();
                let note = match (used.contains(name), times[name] > 1) {
                    (_, true) => "there twice, and so not used",
                    (false, _) => "not used",
                    _ => "",
                };
                vec![format!("  {}", escape(name)), escape(&value).into_owned(), note.to_owned()]
            });
            text.push_str(&in_columns(&rows.collect::<Vec<_>>(), &[Align::Left]));
            text.push_str(&format!("\n{}", suggestion(name, mapping)));
        }
    }
    text
}

fn table(columns: &[ColumnInfo]) -> String {
    let rows = columns.iter().map(|column| {
        let kind = match column.kind {
            ColumnType::U64 => "u64",
            ColumnType::F64 => "f64",
            ColumnType::Text => "text",
            ColumnType::F64List => "f64-list",
        };
        let (name, unit) = (escape(&column.name), escape(&column.unit));
        vec![format!("  {name}"), kind.to_owned(), unit.into_owned()]
    });
    in_columns(&rows.collect::<Vec<_>>(), &[Align::Left])
}

/// What to write to have it read, to be checked by whoever knows the columns.
fn suggestion(name: &str, mapping: &Mapping) -> String {
    let example = "--map start=when:s --map latency=took:ms";
    if mapping.fields.is_empty() {
        return format!("Say what they are with --map, for example {example}\n");
    }
    let quoted = |text: &str| format!("'{}'", escape(text).replace('\'', "'\\''"));
    let mut text = match mapping.missing() {
        None => "A mapping to start from, by flags:\n".to_owned(),
        Some(missing) => format!(
            "A mapping to start from, by flags. It is incomplete: no column looks like {missing},\n\
             and a run takes two of start, end and latency. Add what is missing, for example with\n\
             {example}:\n"
        ),
    };
    text.push_str(&format!("\n  perfbox run {}", quoted(name)));
    for (field, mapped) in &mapping.fields {
        text.push_str(&format!(" \\\n    --map {}", quoted(&format!("{field}={mapped}"))));
    }
    text.push_str("\n\nor in perfbox.yaml:\n\n  mapping:\n");
    for (field, mapped) in &mapping.fields {
        let in_yaml = |text: &str| serde_json::Value::from(text).to_string();
        let (field, mapped) = (in_yaml(field), in_yaml(&mapped.to_string()));
        text.push_str(&format!("    {}: {}\n", escape(&field), escape(&mapped)));
    }
    text
}
