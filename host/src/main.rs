//! The command `perfbox`: parse, run, print, exit.

mod cli;
mod exit;

use std::ffi::OsString;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command};
use exit::{Failed, StatusOf as _};
use perfbox::escape;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(tell_panic));
    // What a panic has to say, its hook has said.
    std::panic::catch_unwind(run).unwrap_or(ExitCode::FAILURE)
}

/// A panic is a defect, told in one line that cannot harm a terminal.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let words = panic.payload_as_str().unwrap_or("no words");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    print_to_stderr(&format!(
        "error: perfbox itself broke down: {} ({}): a defect of perfbox, please report it",
        escape(words),
        escape(&place)
    ));
}

fn run() -> ExitCode {
    if cli::completions::answer() {
        return ExitCode::SUCCESS;
    }
    let ended = match parse().command {
        Command::Run(args) => args.run(),
        Command::Inspect(args) => args.run(),
        Command::Config(command) => command.run().and_then(|text| print(&text)).map(|()| 0),
        Command::Plugins(command) => command.run().and_then(|text| print(&text)).map(|()| 0),
        Command::Cache(command) => command.run().and_then(|text| print(&text)).map(|()| 0),
        Command::Completions(args) => args.run().and_then(|text| print(&text)).map(|()| 0),
        Command::Compile(args) => return args.run(),
    };
    let status = ended.unwrap_or_else(|Failed { status, error }| {
        print_error(&*error);
        status
    });
    ExitCode::from(status)
}

/// The command line. Where it is wrong, clap's words quote it as it was typed, and so are
/// made safe where it was typed, or pasted, with more than letters.
fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let shows_as_it_is = |arg: OsString| {
            let arg = arg.to_string_lossy();
            escape(&arg) == arg
        };
        if std::env::args_os().all(shows_as_it_is) {
            error.exit();
        }
        error.render().to_string().lines().for_each(|line| print_to_stderr(&escape(line)));
        std::process::exit(error.exit_code())
    })
}

/// Writes to standard output; a reader that has gone away is no failure.
fn print(text: &str) -> Result<(), Failed> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(anyhow::Error::new(error).context("standard output cannot be written"))
            .host_failed(),
        Ok(()) => Ok(()),
    }
}

/// Writes a line to standard error; where that cannot be written, nobody is to be told.
fn print_to_stderr(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// One paragraph: what failed, then why.
fn print_error(error: &dyn std::error::Error) {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let paragraph = std::iter::once(error).chain(causes).map(ToString::to_string);
    print_to_stderr(&format!("error: {}", paragraph.collect::<Vec<_>>().join(": ")));
}
