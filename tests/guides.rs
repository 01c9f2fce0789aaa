//! `docs/authors.md` and `docs/operators.md` are run, top to bottom, as their readers would.
//!
//! An HTML comment before each fenced block says what the block is:
//!
//! | comment                | the block is                                                |
//! |------------------------|-------------------------------------------------------------|
//! | `file: PATH`           | a file to write                                             |
//! | `run: DIR [STATUS]`    | commands to run in DIR, which end with STATUS (default: 0)  |
//! | `stdout`, `stderr`     | lines that the last commands printed, in that order, with   |
//! |                        | anything in place of `…`                                    |
//! | `json: FILE POINTER`   | the JSON value there, FILE relative to the last DIR         |
//! | `begins: FILE`         | the first lines of FILE, relative to the last DIR           |
//! | `by hand`              | not run here: it would change the machine                   |
//!
//! Each guide has a folder of its own below cargo's target directory, and a home of its
//! own in it. All crates of the authors' guide are members of one workspace there, with
//! the versions of this workspace's lock file, and without the network.
#![cfg(unix)]

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const AUTHORS: Guide =
    Guide { page: "docs/authors.md", text: include_str!("../docs/authors.md"), target: "target" };
const OPERATORS: Guide = Guide {
    page: "docs/operators.md",
    text: include_str!("../docs/operators.md"),
    // What it builds, other tests build as well.
    target: "../components",
};
const SDK_README: &str = include_str!("../guest-sdk/README.md");

/// A page that is run.
struct Guide {
    page: &'static str,
    text: &'static str,
    /// Where cargo builds, relative to the guide's folder.
    target: &'static str,
}

/// One fenced block.
struct Block<'a> {
    /// What the comment before it says.
    marker: &'a str,
    text: String,
    line: usize,
}

#[test]
fn the_authors_guide_does_what_it_says() {
    do_what_it_says(&AUTHORS);
}

#[test]
fn the_operators_guide_does_what_it_says() {
    do_what_it_says(&OPERATORS);
}

fn do_what_it_says(guide: &Guide) {
    let workspace = new_workspace(guide);
    let mut last: Option<(PathBuf, Output)> = None;
    for Block { marker, text, line } in blocks(guide.text) {
        let place = format!("{}:{line}", guide.page);
        let (kind, rest) = marker.split_once(": ").unwrap_or((marker, ""));
        let words: Vec<&str> = rest.split(' ').collect();
        let last_run = || last.as_ref().unwrap_or_else(|| panic!("{place}: nothing has run"));
        match kind {
            "file" => write(&workspace, words[0], &text),
            "run" => {
                let dir = workspace.join(words[0]);
                let output = run(guide, &workspace, &dir, &text);
                let status = words.get(1).map_or(0, |status| status.parse().unwrap());
                let printed = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(status), "{place}:\n{printed}");
                assert!(!printed.contains("warning:"), "{place}:\n{printed}");
                last = Some((dir, output));
            }
            "stdout" => assert_has_lines(&place, &last_run().1.stdout, &text),
            "stderr" => assert_has_lines(&place, &last_run().1.stderr, &text),
            "json" => {
                let file = fs::read_to_string(last_run().0.join(words[0])).unwrap();
                let file: Value = serde_json::from_str(&file).unwrap();
                let shown: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(file.pointer(words[1]), Some(&shown), "{place}");
            }
            "begins" => {
                let file = fs::read_to_string(last_run().0.join(words[0])).unwrap();
                assert!(file.starts_with(&text), "{place}: {file}");
            }
            "by hand" => {}
            _ => panic!("{place}: a block needs a comment that says what it is, not `{marker}`"),
        }
    }
}

#[test]
fn the_sdks_front_page_shows_the_guides_first_plugin() {
    let shown = blocks_of(SDK_README, "```rust\n");
    assert!(!shown.is_empty());
    for block in shown {
        assert!(AUTHORS.text.contains(block), "not in docs/authors.md:\n{block}");
    }
}

/// Every fenced block, with the comment in the line before it.
fn blocks(guide: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = guide.lines().zip(1..);
    while let Some((text, line)) = lines.next() {
        if text.starts_with("```") {
            let body = lines.by_ref().map(|(text, _)| text).take_while(|text| *text != "```");
            let text = body.map(|text| format!("{text}\n")).collect();
            let comment = before.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
            blocks.push(Block { marker: comment.unwrap_or_default(), text, line });
        }
        before = text;
    }
    blocks
}

/// The text of every block that opens so.
fn blocks_of<'a>(page: &'a str, opening: &str) -> Vec<&'a str> {
    let after = page.split(opening).skip(1);
    after.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

/// An empty folder with the checkout in it, as the guide has it. What was built before
/// is kept.
fn new_workspace(guide: &Guide) -> PathBuf {
    let name = Path::new(guide.page).file_stem().unwrap();
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guides").join(name);
    fs::create_dir_all(workspace.join("target")).unwrap();
    for entry in fs::read_dir(&workspace).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == "target" {
            continue;
        }
        match entry.file_type().unwrap().is_dir() {
            true => fs::remove_dir_all(entry.path()).unwrap(),
            false => fs::remove_file(entry.path()).unwrap(),
        }
    }
    symlink(checkout(), workspace.join("perfbox")).unwrap();
    let members = "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\nexclude = [\"perfbox\", \"target\", \"home\"]\n";
    fs::write(workspace.join("Cargo.toml"), members).unwrap();
    workspace
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn write(workspace: &Path, path: &str, text: &str) {
    let path = workspace.join(path);
    let dir = path.parent().unwrap();
    fs::create_dir_all(dir).unwrap();
    fs::write(&path, text).unwrap();
    if path.ends_with("Cargo.toml") {
        // Commands name files in the crate's own target directory.
        symlink("../target", dir.join("target")).unwrap();
        // Again for each crate: cargo drops what no member needs.
        fs::copy(checkout().join("Cargo.lock"), workspace.join("Cargo.lock")).unwrap();
    }
}

/// Runs commands as in an author's shell: nothing of the outer cargo, no plugins but
/// those that are named, this perfbox.
fn run(guide: &Guide, workspace: &Path, dir: &Path, commands: &str) -> Output {
    let mut shell = Command::new("sh");
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let of_network = text.starts_with("CARGO_NET_") || text.starts_with("CARGO_HTTP_");
        let of_build = ["CARGO", "RUSTC", "RUSTDOC", "CLIPPY", "PERFBOX_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
            || ["RUSTFLAGS", "RUST_LOG", "LLVM_PROFILE_FILE"].contains(&text);
        if of_build && !of_network && text != "CARGO_HOME" {
            shell.env_remove(&name);
        }
    }
    let perfbox = Path::new(env!("CARGO_BIN_EXE_perfbox")).parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([perfbox].into_iter().chain(env::split_paths(&path))).unwrap();
    let mut output = shell
        .args(["-eu", "-c", commands])
        .current_dir(dir)
        .env("PATH", path)
        .env("XDG_DATA_HOME", workspace.join("home/data"))
        .env("XDG_CACHE_HOME", workspace.join("home/cache"))
        .env("XDG_STATE_HOME", workspace.join("home/state"))
        .env("COLUMNS", "80")
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", workspace.join(guide.target))
        .output()
        .unwrap();
    // A panic names its file from the workspace's root; alone, from the crate's.
    if let Some(name) = dir.file_name() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let from_crate = stderr.replace(&format!("{}/src/", name.to_string_lossy()), "src/");
        output.stderr = from_crate.into_bytes();
    }
    output
}

/// Each line is a part of a printed one, with anything in place of `…`; they come in this
/// order.
fn assert_has_lines(place: &str, printed: &[u8], lines: &str) {
    let printed = String::from_utf8_lossy(printed);
    let mut rest = printed.lines();
    for line in lines.lines() {
        assert!(rest.any(|printed| has(printed, line)), "{place}: `{line}` in:\n{printed}");
    }
}

fn has(printed: &str, shown: &str) -> bool {
    let mut rest = Some(printed);
    for part in shown.split('…') {
        rest = rest.and_then(|rest| rest.split_once(part.trim())).map(|(_, rest)| rest);
    }
    rest.is_some()
}
