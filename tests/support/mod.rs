//! What the tests share: fresh directories, the command in a clean environment,
//! components built once, expected output in files.

mod components;
pub(crate) mod embedded;
mod golden;
pub(crate) mod hostile;
pub(crate) mod parquet_file;
mod running;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use components::{
    example_package, from_wat, misbehaving, misbehaving_with_lines, processor_with,
};
pub(crate) use golden::{assert_golden, assert_no_stray_cases};
pub(crate) use running::Running;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The repository's AIPerf artifact directory.
pub(crate) const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/aiperf");

/// The content of one of the fixture's files.
pub(crate) fn fixture(file: &str) -> String {
    fs::read_to_string(Path::new(FIXTURE).join(file)).unwrap()
}

/// A fresh directory in which commands run; gone when dropped.
pub(crate) struct Dir {
    temp: TempDir,
    /// Its real path, since the system's may go through a link.
    path: PathBuf,
}

impl Dir {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().canonicalize().unwrap().join("work");
        fs::create_dir(&path).unwrap();
        Self { temp, path }
    }

    /// One with the fixture's records in it, under the name `results.jsonl`, without the
    /// manifest.
    pub(crate) fn with_records() -> Self {
        let dir = Self::new();
        fs::copy(Path::new(FIXTURE).join("profile_export.jsonl"), dir.path("results.jsonl"))
            .unwrap();
        dir
    }

    /// The path of something in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file, and makes the directories on the way.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The text of a file in it.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The user's data directory, where perfbox looks for plugins by itself.
    pub(crate) fn user_plugins(&self) -> String {
        self.temp.path().canonicalize().unwrap().join("data/perfbox/plugins").display().to_string()
    }

    /// The summary of the run in `out`.
    pub(crate) fn summary(&self, out: &str) -> Value {
        serde_json::from_str(&self.read(&format!("{out}/summary.json"))).unwrap()
    }

    /// Text with this directory's own path left out of it.
    pub(crate) fn without_path(&self, text: &str) -> String {
        text.replace(&*self.path.to_string_lossy(), "DIR")
    }

    /// A program, to be run in this directory, in an environment of its own. Compiled
    /// code is shared by all tests, since most of them load the same few components.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.path).env_clear();
        // The second is where a coverage run wants to be told what was run.
        for name in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("home");
        command.env("XDG_CACHE_HOME", shared.join("cache"));
        command.env("XDG_STATE_HOME", shared.join("state"));
        command.env("HOME", self.temp.path().join("home"));
        command.env("XDG_DATA_HOME", self.temp.path().canonicalize().unwrap().join("data"));
        command.env("COLUMNS", "80");
        command
    }

    /// `perfbox ARGS`, to be run as [`Dir::command`] says.
    pub(crate) fn perfbox<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Perfbox {
        let mut command = self.command(env!("CARGO_BIN_EXE_perfbox"));
        command.args(args);
        Perfbox { command, input: Vec::new(), input_stays_open: false }
    }

    /// Runs a command line that is split at blanks, and expects that exit status.
    pub(crate) fn expect(&self, status: i32, command_line: &str) -> Ran {
        self.perfbox(command_line.split_whitespace()).expect(status)
    }
}

/// A command that has not run yet.
pub(crate) struct Perfbox {
    command: Command,
    input: Vec<u8>,
    input_stays_open: bool,
}

impl Perfbox {
    /// Adds an argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes a variable out of its environment.
    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// With a limit on open files, that it may raise, below what one plugin may hold.
    pub(crate) fn with_few_open_files(mut self) -> Self {
        let mut bash = Command::new("bash");
        bash.args(["-c", r#"ulimit -Sn 64; exec "$0" "$@""#]).arg(self.command.get_program());
        bash.args(self.command.get_args()).env_clear();
        bash.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        bash.current_dir(self.command.get_current_dir().unwrap());
        self.command = bash;
        self
    }

    /// What it finds on standard input.
    pub(crate) fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Keeps standard input open until it has ended.
    pub(crate) fn open_stdin(mut self) -> Self {
        self.input_stays_open = true;
        self
    }

    /// Has a shell do something first that holds for it as well, such as `ulimit`.
    pub(crate) fn after(self, commands: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{commands}; exec \"$0\" \"$@\"")]);
        shell.arg(self.command.get_program()).args(self.command.get_args()).env_clear();
        for (name, value) in self.command.get_envs() {
            shell.envs(value.map(|value| (name, value)));
        }
        shell.current_dir(self.command.get_current_dir().unwrap());
        Self { command: shell, ..self }
    }

    /// Starts it.
    pub(crate) fn start(self) -> Running {
        Running::start(self.command, self.input, self.input_stays_open)
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ran {
        self.start().end()
    }

    /// Runs it, and expects that exit status.
    pub(crate) fn expect(self, status: i32) -> Ran {
        let ran = self.run();
        assert_eq!(ran.status, status, "{ran:#?}");
        ran
    }
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    #[expect(dead_code, reason = "shown when a test fails")]
    command_line: String,
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Its standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// The plugin of a summary that has this identifier.
pub(crate) fn plugin<'s>(summary: &'s Value, identifier: &str) -> &'s Value {
    let plugins = summary["plugins"].as_array().unwrap();
    plugins
        .iter()
        .find(|one| one["identifier"] == identifier)
        .unwrap_or_else(|| panic!("no {identifier} in {plugins:#?}"))
}

/// The value of a processor's metric of this name, the first one.
pub(crate) fn metric<'s>(summary: &'s Value, processor: &str, name: &str) -> &'s Value {
    let metrics = &summary["results"][processor]["metrics"];
    let found = metrics.as_array().and_then(|all| all.iter().find(|one| one["name"] == name));
    &found.unwrap_or_else(|| panic!("no {name} in {metrics:#}"))["value"]
}

/// A line of AIPerf's `profile_export.jsonl`: a request of 10 ms.
pub(crate) fn record(phase: &str, start_ns: u64) -> String {
    let record = json!({
        "metadata": {
            "benchmark_phase": phase,
            "request_start_ns": start_ns,
            "request_end_ns": start_ns + 10_000_000,
            "was_cancelled": false,
        },
        "metrics": {"request_latency": {"value": 10.0, "unit": "ms"}},
    });
    format!("{record}\n")
}

/// So many lines of one phase, a request a second.
pub(crate) fn records(phase: &str, count: u64) -> String {
    (0..count).map(|n| record(phase, (n + 1) * 1_000_000_000)).collect()
}

/// The manifest of a package with one processor, `identifier`, in `component.wasm`.
pub(crate) fn manifest(package: &str, version: &str, processor: &str) -> String {
    format!(
        "plugin: {{name: {package}, version: {version}}}\n\
         post_processors:\n  {processor}: {{component: component.wasm, class: witness_processor}}\n"
    )
}
