//! `perfbox plugins schema`: what a `registry.yaml` can say.

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  perfbox plugins schema > registry.schema.json

An editor that knows YAML checks a manifest that begins with the line
  # yaml-language-server: $schema=registry.schema.json")]
pub(crate) struct SchemaArgs {}

impl SchemaArgs {
    /// What to print on standard output.
    pub(super) fn run(&self) -> String {
        format!("{:#}\n", perfbox::registry::manifest_schema())
    }
}
