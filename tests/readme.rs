//! The README's commands do what it says. The two of its section `Two commands` are run
//! word for word by `.ci/run`; those that build something have tests of their own.

use std::path::Path;
use std::process::Command;

use crate::support::{Dir, example_package};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const README: &str = include_str!("../README.md");

/// Commands that build: run by `.ci/run`, or, the package, by this test's set-up.
const BUILDS: [&str; 5] = [
    "cargo run --release -p perfbox -- run tests/fixtures/aiperf/profile_export.jsonl",
    "cargo test --release --workspace",
    "cargo install --locked --path host",
    "cargo run --release -p perfbox --example embed",
    "example-plugin/package.sh plugins",
];

/// A fenced block, by its language.
struct Block {
    language: String,
    text: String,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { language: language.to_owned(), text: text.join("\n") });
        }
    }
    blocks
}

#[test]
fn every_command_of_the_readme_prints_what_it_shows() {
    let dir = Dir::new();
    let link = |from: &Path, name| std::os::unix::fs::symlink(from, dir.path(name)).unwrap();
    link(&Path::new(REPOSITORY).join("tests"), "tests");
    link(example_package(), "plugins");
    let bin_dir = Path::new(env!("CARGO_BIN_EXE_perfbox")).parent().unwrap();
    let path = format!("{}:{}", bin_dir.display(), std::env::var("PATH").unwrap());

    let blocks = blocks(README);
    let mut ran = 0;
    for (block, next) in blocks.iter().zip(blocks.iter().skip(1).map(Some).chain([None])) {
        if block.language != "sh" || BUILDS.contains(&block.text.as_str()) {
            continue;
        }
        let mut bash = Command::new("bash");
        bash.args(["-euc", &block.text]).current_dir(dir.path("")).env_clear();
        bash.env("PATH", &path).env("HOME", dir.path("home")).env("COLUMNS", "80");
        let output = bash.output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}\n{stderr}", block.text);
        ran += block.text.lines().count();
        if let Some(shown) = next.filter(|next| next.language == "text") {
            assert!(stdout.contains(&shown.text), "{}\n{stdout}", block.text);
        }
    }
    assert!(ran >= 6, "only {ran} commands were found in the README");
}

#[test]
fn every_path_that_the_documents_link_to_is_there() {
    for document in [
        "README.md",
        "docs/authors.md",
        "docs/developers.md",
        "docs/formats.md",
        "docs/operators.md",
        "docs/security.md",
        "example-plugin/README.md",
    ] {
        let path = Path::new(REPOSITORY).join(document);
        let text = std::fs::read_to_string(&path).unwrap();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in
            targets.filter(|target| !target.starts_with("http") && !target.starts_with('#'))
        {
            let file = target.split('#').next().unwrap();
            assert!(path.parent().unwrap().join(file).exists(), "{document} links to {target}");
        }
    }
}
