//! Components for the tests: built from the repository's crates, once a test run, or
//! from text.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const TARGET: &str = "wasm32-wasip2";

/// The component of `tests/misbehaving`.
pub(crate) fn misbehaving() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = cleaned(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--locked", "--package", "perfbox-misbehaving"]);
        cargo.args(["--profile", "guest", "--target", TARGET, "--target-dir"]).arg(target_dir());
        succeed(cargo.current_dir(REPOSITORY));
        target_dir().join(TARGET).join("guest/perfbox_misbehaving.wasm")
    })
}

/// The same with source lines in it.
pub(crate) fn misbehaving_with_lines() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target_dir = target_dir().join("with-lines");
        let mut cargo = cleaned(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--locked", "--package", "perfbox-misbehaving"]);
        cargo.args(["--config", "profile.guest.strip='none'"]);
        cargo.args(["--config", "profile.guest.debug='line-tables-only'"]);
        cargo.args(["--profile", "guest", "--target", TARGET, "--target-dir"]).arg(&target_dir);
        succeed(cargo.current_dir(REPOSITORY));
        target_dir.join(TARGET).join("guest/perfbox_misbehaving.wasm")
    })
}

/// A plugins directory with the example plugin's package in it.
pub(crate) fn example_package() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let plugins = Path::new(env!("CARGO_TARGET_TMPDIR")).join("example-plugins");
        let mut script = cleaned(Path::new(REPOSITORY).join("example-plugin/package.sh"));
        succeed(script.arg(&plugins).env("CARGO_TARGET_DIR", target_dir()));
        plugins
    })
}

/// The component that stands as text in `tests/components/NAME.wat`.
pub(crate) fn from_wat(name: &str) -> Vec<u8> {
    let path = Path::new(REPOSITORY).join(format!("tests/components/{name}.wat"));
    wat::parse_str(fs::read_to_string(path).unwrap()).unwrap()
}

/// The component in `tests/components/processor.wat`, with texts in the places of marks.
pub(crate) fn processor_with(texts: &[(&str, &str)]) -> Vec<u8> {
    let path = Path::new(REPOSITORY).join("tests/components/processor.wat");
    let mut component = fs::read_to_string(path).unwrap();
    for (mark, text) in texts {
        let mark = format!("(;{mark};)");
        assert_eq!(component.matches(&mark).count(), 1, "{mark}");
        // What is put in may have marks of its own.
        component = component.replace(&mark, text);
    }
    wat::parse_str(&component).unwrap_or_else(|error| panic!("{error}"))
}

/// Not the outer cargo's, whose lock it may hold.
fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("components")
}

/// A command without what the outer cargo, clippy or a coverage run set for their own.
fn cleaned(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let of_network = text.starts_with("CARGO_NET_") || text.starts_with("CARGO_HTTP_");
        let of_build = ["CARGO", "RUSTC", "RUSTDOC", "CLIPPY"].iter().any(|p| text.starts_with(p))
            || ["RUSTFLAGS", "LLVM_PROFILE_FILE"].contains(&text);
        if of_build && !of_network && text != "CARGO_HOME" {
            command.env_remove(&name);
        }
    }
    command
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{stderr}");
}
