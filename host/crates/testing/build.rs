//! Installs the target that the tests build plugins for. This crate has no dependencies
//! of its build script, so cargo runs it before the long compilations.

use std::env;
use std::path::PathBuf;
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Some(library) = target_library() else { return };
    // Cargo runs this again where the directory is missing or was replaced.
    println!("cargo::rerun-if-changed={}", library.display());
    if library.is_dir() {
        return;
    }
    let reason = match Command::new("rustup").args(["target", "add", TARGET]).output() {
        Ok(output) if library.is_dir() && output.status.success() => return,
        Ok(output) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let last = stderr.lines().rfind(|line| !line.trim().is_empty());
            last.unwrap_or("it printed nothing").trim().to_owned()
        }
        Err(error) => error.to_string(),
    };
    println!(
        "cargo::error=the tests build plugins for {TARGET}, which is not installed, and `rustup \
         target add {TARGET}` failed: {reason}; install the target, then run the tests again"
    );
}

/// Where the standard library for the target lies, or would lie.
fn target_library() -> Option<PathBuf> {
    let rustc = env::var_os("RUSTC")?;
    let printed =
        Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(printed.stdout).ok()?.trim()))
}
