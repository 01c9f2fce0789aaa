//! Builds the builtin components for wasm32-wasip2, so that the library can embed them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// What the components are made of, from this crate's directory.
const SOURCES: [&str; 7] = [
    "builtins/src",
    "builtins/Cargo.toml",
    // Which the builtins have as well.
    "src/unshowable.rs",
    "../guest-sdk/src",
    "../guest-sdk/Cargo.toml",
    "../wit",
    "../Cargo.lock",
];

fn main() {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // A target directory of its own: the outer cargo holds the lock of the other one.
    let target_dir = out_dir.join("builtins-target");
    let built = cargo()
        .args(["build", "--package", "perfbox-builtins", "--profile", "guest", "--target", TARGET])
        .arg("--target-dir")
        .arg(&target_dir)
        .status()
        .is_ok_and(|status| status.success());
    if !built {
        let hint = match target_is_installed() {
            true => "see the errors above".to_owned(),
            false => format!("the target is missing: run `rustup target add {TARGET}`"),
        };
        println!("cargo::error=the builtin components could not be built for {TARGET}; {hint}");
        return;
    }
    let component = target_dir.join(TARGET).join("guest").join("perfbox_builtins.wasm");
    copy(&component, &out_dir.join("builtins.wasm"));
}

/// The outer cargo without what it sets for this build: flags and wrappers of a clippy
/// or coverage run would deadlock or poison the inner one.
fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let of_network = text.starts_with("CARGO_NET_") || text.starts_with("CARGO_HTTP_");
        let of_build = text.starts_with("CARGO")
            || text.starts_with("RUSTC")
            || text.starts_with("RUSTDOC")
            || text.starts_with("CLIPPY")
            || text == "RUSTFLAGS"
            || text == "LLVM_PROFILE_FILE";
        if of_build && !of_network && text != "CARGO_HOME" {
            cargo.env_remove(&name);
        }
    }
    cargo
}

fn target_is_installed() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let printed =
        Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    printed.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

fn copy(from: &Path, to: &Path) {
    if let Err(error) = std::fs::copy(from, to) {
        println!(
            "cargo::error=`{}` cannot be copied to `{}`: {error}",
            from.display(),
            to.display()
        );
    }
}
