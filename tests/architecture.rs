//! No circle of modules: a file never imports a file that imports it, directly or through
//! others. Tests inside a file do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const HOST: &str = env!("CARGO_MANIFEST_DIR");

/// Crates that still have circles. Remove a crate from the list once it has none.
const EXPECTED_TO_VANISH: [&str; 2] = ["host", "sandbox"];

/// Files by module path, for example `["cache", "dir"]`; the root is `[]`.
type Sources = BTreeMap<Vec<String>, String>;

/// Imported modules of each module.
type Graph = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

#[test]
fn no_module_imports_a_module_that_imports_it() {
    let host = Path::new(HOST).canonicalize().unwrap();
    let crates = host.join("crates").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for dir in crates.chain([host]) {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        if EXPECTED_TO_VANISH.contains(&name.as_str()) {
            continue;
        }
        let graph = graph_of(&read_sources(&dir.join("src")));
        assert!(graph.contains_key(&path("")), "{name} has no lib.rs");
        let circle = circle_in(&graph);
        found.extend(circle.map(|circle| format!("{name}: {circle}")));
    }
    found.sort();
    assert!(found.is_empty(), "circles of modules:\n{}", found.join("\n"));
}

#[test]
fn circle_through_imports_and_inline_paths_is_found() {
    let mut sources = Sources::from(
        [
            ("", "mod a; mod b; mod c; mod d; pub use a::A;"),
            ("a", "use crate::{b::{self, B}, d::D}; // use crate::c::C;\n struct A;"),
            ("b", "mod inner; fn f() -> u8 { '\"'; inner::go() }"),
            ("b::inner", "fn go() -> u8 { \"crate::a\"; super::super::c::go() }"),
            ("d", "pub(crate) struct D;"),
            ("c", "#[cfg(test)] mod tests { use crate::a::A; use super::*; }"),
        ]
        .map(|(module, text)| (path(module), text.to_owned())),
    );
    let graph = graph_of(&sources);
    assert_eq!(graph[&path("a")], BTreeSet::from([path("b"), path("d")]));
    assert_eq!(graph[&path("b::inner")], BTreeSet::from([path("c")]));
    assert_eq!(circle_in(&graph), None);

    sources.insert(path("c"), "fn go() -> crate::a::A { crate::a::A }".to_owned());
    assert_eq!(circle_in(&graph_of(&sources)).unwrap(), "a -> b -> b::inner -> c -> a");
    sources.insert(path("c"), "mod inline { use super::super::a; }".to_owned());
    assert_eq!(circle_in(&graph_of(&sources)).unwrap(), "a -> b -> b::inner -> c -> a");
    sources.insert(path("c"), "use super::A;".to_owned());
    assert_eq!(
        circle_in(&graph_of(&sources)).unwrap(),
        "crate -> a -> b -> b::inner -> c -> crate"
    );
}

fn path(module: &str) -> Vec<String> {
    module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Every file below `src`, `lib.rs` as the root; `main.rs` belongs to another crate.
fn read_sources(src: &Path) -> Sources {
    let mut sources = Sources::new();
    let mut dirs = vec![(src.to_owned(), Vec::new())];
    while let Some((dir, module)) = dirs.pop() {
        let mut entries: Vec<PathBuf> =
            dir.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for entry in entries {
            let stem = entry.file_stem().unwrap().to_string_lossy().into_owned();
            let child: Vec<String> = module.iter().cloned().chain([stem.clone()]).collect();
            match (entry.is_dir(), stem.as_str()) {
                (true, _) => dirs.push((entry, child)),
                (false, _) if entry.extension().is_none_or(|extension| extension != "rs") => {}
                (false, "mod") => drop(sources.insert(module.clone(), read(&entry))),
                (false, "lib") if module.is_empty() => {
                    drop(sources.insert(Vec::new(), read(&entry)))
                }
                (false, _) => drop(sources.insert(child, read(&entry))),
            }
        }
    }
    sources
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

fn graph_of(sources: &Sources) -> Graph {
    let modules: BTreeSet<&Vec<String>> = sources.keys().collect();
    let imports = |(module, text): (&Vec<String>, &String)| {
        let imports = imports_of(module, &tokens_of(text), &modules);
        (module.clone(), imports.into_iter().filter(|import| import != module).collect())
    };
    sources.iter().map(imports).collect()
}

/// The identifiers and punctuation of a file, without comments and literals; `::` is one token.
fn tokens_of(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(hashes) = raw_string_hashes(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = rest.find('"').unwrap() + 1;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if first == '"' {
            quoted_length(rest, '"')
        } else if first == '\'' && is_char_literal(rest) {
            quoted_length(rest, '\'')
        } else if is_word(first) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            tokens.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// Number of `#` of a raw string that starts here.
fn raw_string_hashes(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// True for `'x'` and `'\n'`, false for a lifetime.
fn is_char_literal(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The modules that the paths in a file name: paths that start with `crate`, `super`, `self` or
/// a child module.
fn imports_of(
    module: &[String],
    tokens: &[String],
    modules: &BTreeSet<&Vec<String>>,
) -> BTreeSet<Vec<String>> {
    let mut imports = BTreeSet::new();
    // The modules written inside this file around the current token, each with its depth.
    let mut inline: Vec<(usize, &str)> = Vec::new();
    // Prefixes of groups, as `crate::a` in `use crate::a::{b, c}`; empty for other braces.
    let mut groups: Vec<Vec<String>> = Vec::new();
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let mut at = 0;
    while at < tokens.len() {
        match token(at) {
            "#" if tokens[at..]
                .starts_with(&["#", "[", "cfg", "(", "test", ")", "]"].map(str::to_owned)) =>
            {
                at = skip_item(tokens, at + 7);
                continue;
            }
            "mod" if token(at + 2) == "{" => {
                inline.push((groups.len(), token(at + 1)));
                at += 2;
                continue;
            }
            "{" => groups.push(Vec::new()),
            "}" => {
                groups.pop();
                inline.pop_if(|(depth, _)| *depth == groups.len());
            }
            word if is_path_start(tokens, at) => {
                let mut names = groups.last().cloned().unwrap_or_default();
                names.push(word.to_owned());
                while token(at + 1) == "::" && is_identifier(token(at + 2)) {
                    names.push(token(at + 2).to_owned());
                    at += 2;
                }
                let inline_path = inline.iter().map(|(_, name)| (*name).to_owned());
                let here: Vec<String> = module.iter().cloned().chain(inline_path).collect();
                imports.extend(resolve(&here, module, &names, modules));
                if token(at + 1) == "::" && token(at + 2) == "{" {
                    groups.push(names);
                    at += 2;
                }
            }
            _ => {}
        }
        at += 1;
    }
    imports
}

fn is_identifier(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// True for the first identifier of a path, and for a single name in a group.
fn is_path_start(tokens: &[String], at: usize) -> bool {
    is_identifier(&tokens[at]) && (at == 0 || tokens[at - 1] != "::")
}

/// End of the item that starts at `at`: after its `;` or its closing brace.
fn skip_item(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 && matches!(tokens[at - 1].as_str(), ";" | "}") {
            break;
        }
    }
    at
}

/// The file that a path leads to; none for other crates, local items and single words.
fn resolve(
    here: &[String],
    file: &[String],
    names: &[String],
    modules: &BTreeSet<&Vec<String>>,
) -> Option<Vec<String>> {
    let mut names = names.iter().map(String::as_str).peekable();
    let first = names.next()?;
    // A single word is no path: `pub(crate)`, `self`.
    names.peek()?;
    let mut target: Vec<String> = match first {
        "crate" => Vec::new(),
        "self" => here.to_vec(),
        "super" => here[..here.len().checked_sub(1)?].to_vec(),
        child => {
            let child: Vec<String> = file.iter().cloned().chain([child.to_owned()]).collect();
            modules.contains(&child).then_some(child)?
        }
    };
    while names.next_if_eq(&"super").is_some() {
        target.pop()?;
    }
    for name in names {
        target.push(name.to_owned());
        if !modules.contains(&target) {
            target.pop();
            break;
        }
    }
    // A module written inside a file belongs to that file.
    while !modules.contains(&target) {
        target.pop()?;
    }
    Some(target)
}

/// The shortest circle, as `a -> b -> a`.
fn circle_in(graph: &Graph) -> Option<String> {
    let circles = graph.keys().filter_map(|start| {
        let mut paths = vec![vec![start]];
        let mut seen = BTreeSet::new();
        while !paths.is_empty() {
            let mut longer = Vec::new();
            for path in paths {
                for next in graph.get(path[path.len() - 1]).into_iter().flatten() {
                    let extended: Vec<_> = path.iter().copied().chain([next]).collect();
                    if next == start {
                        return Some(extended);
                    }
                    if seen.insert(next) {
                        longer.push(extended);
                    }
                }
            }
            paths = longer;
        }
        None
    });
    let shortest = circles.min_by_key(Vec::len)?;
    let name = |module: &&Vec<String>| match module.is_empty() {
        true => "crate".to_owned(),
        false => module.join("::"),
    };
    Some(shortest.iter().map(name).collect::<Vec<_>>().join(" -> "))
}
