//! `perfbox completions`, and the answers that the shells' scripts ask for.
//!
//! A script starts perfbox anew at every press of the key, with the variable
//! `COMPLETE` set and the words typed so far behind `--`. Nothing is compiled for the
//! answer, and whatever goes wrong is no candidates, never words in the line that is
//! being typed.

mod bash;
mod candidates;
mod typed;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use clap::{Args, Command, CommandFactory as _, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::env::{EnvCompleter as _, Fish, Shells, Zsh};

use self::bash::Bash;
use self::typed::Typed;
use super::Cli;
use crate::exit::{Failed, StatusOf as _};

/// Set by the scripts, to the shell's name; what other programs made with clap go by.
const VARIABLE: &str = "COMPLETE";

/// Shells that are known.
const SHELLS: Shells<'static> = Shells(&[&Bash, &Zsh, &Fish]);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bash, in ~/.bashrc:
    source <(perfbox completions bash)
  zsh, in ~/.zshrc, after compinit:
    source <(perfbox completions zsh)
  fish, in ~/.config/fish/completions/perfbox.fish:
    perfbox completions fish | source")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl CompletionsArgs {
    /// The script to print on standard output.
    pub(crate) fn run(&self) -> Result<String, Failed> {
        let name = match self.shell {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        };
        let mut script = Vec::new();
        if let Some(shell) = SHELLS.completer(name) {
            let program = "perfbox";
            shell
                .write_registration(VARIABLE, program, program, &this_program(), &mut script)
                .host_failed()?;
        }
        String::from_utf8(script).host_failed()
    }
}

/// How the script is to call this program: as it was called, so that a newer one in its
/// place is called from then on.
fn this_program() -> String {
    let called = std::env::args_os().next().unwrap_or_else(|| OsString::from("perfbox"));
    let called = Path::new(&called);
    let is_found_by_path = called.components().count() == 1;
    let place = match std::env::current_dir() {
        Ok(dir) if !is_found_by_path => dir.join(called),
        _ => called.to_owned(),
    };
    place.to_string_lossy().into_owned()
}

/// Answers a script that asks for candidates; false where none does.
pub(crate) fn answer() -> bool {
    let asked = std::env::var(VARIABLE).ok().filter(|shell| SHELLS.completer(shell).is_some());
    let Some(shell) = asked else { return false };
    std::panic::set_hook(Box::new(|_| {}));
    let is_bash = Bash.is(&shell);
    let words = std::env::args_os().map(|word| if is_bash { bash::plain(word) } else { word });
    let typed = Arc::new(Typed::read(words));
    let answer = CompleteEnv::with_factory(|| with_completers(Cli::command(), &typed))
        .var(VARIABLE)
        .shells(SHELLS);
    // The shell is told by the absence of candidates.
    let _ = answer.try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref());
    true
}

/// The command and all below it, each argument with what completes it.
fn with_completers(command: Command, typed: &Arc<Typed>) -> Command {
    let name = command.get_name().to_owned();
    command
        .mut_args(|arg| match candidates::completer(&name, &arg, typed) {
            Some(completer) => arg.add(completer),
            None => arg,
        })
        .mut_subcommands(|command| with_completers(command, typed))
}
