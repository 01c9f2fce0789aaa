//! `perfbox plugins validate`: whether packages would load, without loading them.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use perfbox::escape;
use perfbox::packages::{Checked, Outcome, PackageReport, Validation, validate};
use serde_json::{Value, json};

use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 when every check passed or was skipped, 2 when one failed.

Examples:
  perfbox plugins validate my-plugin
  perfbox plugins validate my_plugin.wasm
  perfbox plugins validate plugins --json")]
pub(crate) struct ValidateArgs {
    /// A package's directory, a bare component, or a directory of them.
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl ValidateArgs {
    /// What to print on standard output; a failed check is an error too.
    pub(super) fn run(&self) -> Result<String, Failed> {
        let validation = validate(&self.path).usage()?;
        let text = if self.json { as_json(&validation) } else { as_text(&validation) };
        let failed = validation.failed();
        if failed == 0 {
            return Ok(text);
        }
        crate::print(&text)?;
        let checks = if failed == 1 { "check" } else { "checks" };
        let path = self.path.to_string_lossy();
        Err(anyhow!("{failed} {checks} failed under `{}`", escape(&path))).usage()
    }
}

fn as_text(validation: &Validation) -> String {
    let mut text = String::new();
    for package in &validation.packages {
        text.push_str(&format!("{}\n", heading(package)));
        text.extend(package.checks.iter().map(check));
        text.push('\n');
    }
    let packages = match validation.packages.len() {
        1 => "1 package".to_owned(),
        several => format!("all {several} packages"),
    };
    text.push_str(&format!("{packages}\n"));
    text.extend(validation.together.iter().map(check));
    text
}

fn heading(package: &PackageReport) -> String {
    let path = package.path.to_string_lossy();
    let info = package.info.as_ref().map(|info| {
        let named = format!("{} {}", info.name, escape(&info.version));
        format!(" ({})", named.trim_end())
    });
    format!("{}{}", escape(&path), info.unwrap_or_default())
}

fn check(checked: &Checked) -> String {
    let Checked { check, outcome } = checked;
    let line = |state: &str, why: &str| {
        format!("  {:>2}  {state:<7}  {}{why}\n", check.number(), check.title())
    };
    match outcome {
        Outcome::Passed => line("passed", ""),
        Outcome::Skipped(why) => line("skipped", &format!(" ({why})")),
        Outcome::Failed(findings) => {
            let findings = findings.iter().map(|finding| format!("      {finding}\n"));
            std::iter::once(line("FAILED", "")).chain(findings).collect()
        }
    }
}

fn as_json(validation: &Validation) -> String {
    let check = |checked: &Checked| -> Value {
        let Checked { check, outcome } = checked;
        let (outcome, findings, reason) = match outcome {
            Outcome::Passed => ("passed", &[][..], None),
            Outcome::Failed(findings) => ("failed", findings.as_slice(), None),
            Outcome::Skipped(why) => ("skipped", &[][..], Some(why)),
        };
        json!({
            "number": check.number(),
            "check": check,
            "title": check.title(),
            "outcome": outcome,
            "reason": reason,
            "findings": findings,
        })
    };
    let package = |package: &PackageReport| -> Value {
        json!({
            "path": package.path.to_string_lossy(),
            "name": package.info.as_ref().map(|info| &info.name),
            "version": package.info.as_ref().map(|info| &info.version),
            "checks": package.checks.iter().map(check).collect::<Vec<_>>(),
        })
    };
    let report = json!({
        "failed": validation.failed(),
        "packages": validation.packages.iter().map(package).collect::<Vec<_>>(),
        "together": validation.together.iter().map(check).collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}
