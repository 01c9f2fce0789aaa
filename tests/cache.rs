//! The cache of compiled code: what comes out of it is what went in, and whatever
//! becomes of it, runs are right.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Dir, Perfbox, assert_golden, example_package, plugin};

/// What stands before the code in an entry: a line that names the format, and a MAC.
const HEADER_BYTES: usize = 48;

/// A command with a cache and a key of the directory's own.
fn perfbox(dir: &Dir, command_line: &str) -> Perfbox {
    let command = dir.perfbox(command_line.split_whitespace());
    command
        .env("XDG_CACHE_HOME", dir.path("home/cache"))
        .env("XDG_STATE_HOME", dir.path("home/state"))
}

/// The same for a child that is not waited for.
fn command(dir: &Dir, command_line: &str) -> Command {
    let mut command = dir.command(env!("CARGO_BIN_EXE_perfbox"));
    command
        .args(command_line.split_whitespace())
        .env("XDG_CACHE_HOME", dir.path("home/cache"))
        .env("XDG_STATE_HOME", dir.path("home/state"));
    command
}

/// The files of the cache, but for the index of manifests.
fn entries(dir: &Dir) -> Vec<PathBuf> {
    let all = fs::read_dir(dir.path("home/cache/perfbox")).unwrap();
    let mut entries: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| path.extension().is_none_or(|extension| extension != "index"));
    entries
}

/// The one entry of compiled code.
fn entry(dir: &Dir) -> PathBuf {
    let entries = entries(dir);
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries[0].clone()
}

fn compile_ns(summary: &Value, identifier: &str) -> u64 {
    plugin(summary, identifier)["cost"]["compile_ns"].as_u64().unwrap()
}

/// A run whose results are those of a run without a cache; what it said.
#[track_caller]
fn right_run(dir: &Dir, perfbox: Perfbox) -> String {
    let ran = perfbox.expect(0);
    let results = &ran.json()["results"];
    let expected =
        dir.expect(0, "run results.jsonl --no-cache --format json --out expected --force");
    assert_eq!(results, &expected.json()["results"]);
    ran.stderr
}

#[test]
fn the_second_run_compiles_nothing_and_its_results_are_the_same() {
    let dir = Dir::with_records();
    let both = format!(
        "run results.jsonl --format json --processor metrics --hook phase_log --plugins-dir {} \
         --processor example_metrics_processor",
        example_package().display()
    );
    let first = perfbox(&dir, &both).expect(0).json();
    let second = perfbox(&dir, &both).expect(0).json();
    assert_eq!(first["results"], second["results"]);
    assert!(compile_ns(&first, "example_metrics_processor") > 0);
    assert_eq!(compile_ns(&second, "example_metrics_processor"), 0);
    // Of the builtins, the one that came first.
    assert!(compile_ns(&first, "metrics") + compile_ns(&first, "phase_log") > 0);
    assert_eq!(compile_ns(&second, "metrics") + compile_ns(&second, "phase_log"), 0);
    let mode = |path: &str| dir.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("home/cache/perfbox"), 0o700);
    assert_eq!(mode("home/state/perfbox/cache.key"), 0o600);
}

#[test]
fn an_entry_that_cannot_be_trusted_is_told_compiled_anew_and_replaced() {
    let dir = Dir::with_records();
    let run = || perfbox(&dir, "run results.jsonl --format json");
    assert_eq!(right_run(&dir, run()), "");
    let entry = entry(&dir);
    let whole = fs::read(&entry).unwrap();
    let written = |content: Vec<u8>| {
        let entry = entry.clone();
        move || fs::write(&entry, &content).unwrap()
    };
    let flipped = |at: usize| {
        let mut content = whole.clone();
        content[at] ^= 0x10;
        written(content)
    };
    let swap: &dyn Fn() = &|| {
        // What was compiled of another component, for the same machine.
        let name = entry.file_name().unwrap().to_str().unwrap();
        let (_, engine) = name.split_once('-').unwrap();
        let other = entry.with_file_name(format!("{}-{engine}", "0".repeat(64)));
        fs::rename(&entry, &other).unwrap();
        let hook = format!(
            "run results.jsonl --processor example_metrics_processor --plugins-dir {}",
            example_package().display()
        );
        perfbox(&dir, &hook).expect(0);
        fs::remove_file(&other).unwrap();
        fs::rename(self::entry(&dir), &entry).unwrap();
    };
    let altered = "it was modified, or written with another key";
    let spoils: [(&str, &dyn Fn(), &str); 12] = [
        ("a flip in the format", &flipped(3), altered),
        ("a flip in the MAC", &flipped(20), altered),
        ("a flip in the first byte of the code", &flipped(HEADER_BYTES), altered),
        ("a flip in the middle", &flipped(whole.len() / 2), altered),
        ("a flip in the last byte", &flipped(whole.len() - 1), altered),
        ("code without MAC", &written(whole[HEADER_BYTES..].to_vec()), altered),
        ("nothing", &written(Vec::new()), "it is truncated"),
        ("half a header", &written(whole[..24].to_vec()), "it is truncated"),
        ("a header alone", &written(whole[..HEADER_BYTES].to_vec()), altered),
        ("half an entry", &written(whole[..whole.len() / 2].to_vec()), altered),
        ("an entry of another name", swap, altered),
        (
            "another key",
            &|| fs::remove_file(dir.path("home/state/perfbox/cache.key")).unwrap(),
            altered,
        ),
    ];
    for (title, spoil, reason) in spoils {
        spoil();
        let words = right_run(&dir, run());
        let expected = format!(
            " WARN cache entry `{}` is not trusted: {reason}; the component is compiled anew\n",
            entry.display()
        );
        assert_eq!(words, expected, "{title}");
        let after = run().expect(0);
        assert_eq!(after.stderr, "", "{title}");
        assert_eq!(compile_ns(&after.json(), "metrics"), 0, "{title}");
    }
}

#[test]
fn processes_that_fill_one_cache_at_once_are_all_right_and_leave_it_good() {
    let dir = Dir::with_records();
    let start = |n: usize| {
        let mut command = command(&dir, &format!("run results.jsonl --format json --out out-{n}"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<_> = (0..4).map(start).collect();
    let expected = perfbox(&dir, "run results.jsonl --format json --no-cache").expect(0).json();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(output.status.success());
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["results"], expected["results"]);
    }
    entry(&dir);
    let after = perfbox(&dir, "run results.jsonl --format json").expect(0);
    assert_eq!(after.stderr, "");
    assert_eq!(compile_ns(&after.json(), "metrics"), 0);
}

/// Every way in which the cache is of no use, and the words for it.
#[test]
fn a_cache_that_cannot_be_used_costs_a_warning_and_nothing_else() {
    let mut transcript = String::new();
    let mut unusable = |title: &str, change: fn(Perfbox) -> Perfbox, prepare: fn(&Dir)| {
        let dir = Dir::with_records();
        prepare(&dir);
        let words = right_run(&dir, change(perfbox(&dir, "run results.jsonl --format json")));
        assert_eq!(words.lines().count(), 1, "{title}: {words}");
        let command = change(perfbox(&dir, "cache info")).run();
        assert!(matches!(command.status, 1 | 2), "{title}: {command:#?}");
        let refused = format!("{}exit status {}", command.stderr, command.status);
        let text = format!(
            "# {title}\n$ perfbox run results.jsonl\n{words}$ perfbox cache info\n{refused}\n\n"
        );
        transcript.push_str(&dir.without_path(&text));
    };
    let same = |perfbox| perfbox;
    fn set_mode(dir: &Dir, path: &str, mode: u32) {
        fs::set_permissions(dir.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    unusable("a directory that others can read", same, |dir| {
        fs::create_dir_all(dir.path("home/cache/perfbox")).unwrap();
        set_mode(dir, "home/cache/perfbox", 0o755);
    });
    unusable("a directory that others can write", same, |dir| {
        fs::create_dir_all(dir.path("home/cache/perfbox")).unwrap();
        set_mode(dir, "home/cache/perfbox", 0o777);
    });
    unusable("a link in place of the directory", same, |dir| {
        dir.write("elsewhere/file", "");
        dir.write("home/cache/file", "");
        symlink(dir.path("elsewhere"), dir.path("home/cache/perfbox")).unwrap();
    });
    unusable("a file in place of the directory", same, |dir| {
        dir.write("home/cache/perfbox", "");
    });
    unusable("a file in place of a directory above", same, |dir| {
        dir.write("home/cache", "");
    });
    unusable("a key that others can read", same, |dir| {
        dir.write("home/state/perfbox/cache.key", [7; 32]);
        set_mode(dir, "home/state/perfbox/cache.key", 0o644);
    });
    unusable("a key that is too short", same, |dir| {
        dir.write("home/state/perfbox/cache.key", [7; 31]);
        set_mode(dir, "home/state/perfbox/cache.key", 0o600);
    });
    unusable("a link in place of the key", same, |dir| {
        dir.write("home/state/perfbox/other", "");
        symlink("other", dir.path("home/state/perfbox/cache.key")).unwrap();
    });
    unusable("a directory in place of the key", same, |dir| {
        dir.write("home/state/perfbox/cache.key/file", "");
    });
    unusable("a file in place of the key's directory", same, |dir| {
        dir.write("home/state", "");
    });
    let no_home = |perfbox: Perfbox| {
        let without = perfbox.without_env("HOME");
        without.without_env("XDG_CACHE_HOME").without_env("XDG_STATE_HOME")
    };
    unusable("no home directory", no_home, |_| {});
    assert_golden("errors/cache.txt", &transcript);
}

/// Runs in a shell that lets files have so many blocks of 512 bytes, as if the disk
/// were full.
#[cfg(target_os = "linux")]
fn limited(dir: &Dir, blocks: u32, command_line: &str) -> std::process::Output {
    let line = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$P\" {command_line}");
    let mut shell = dir.command("sh");
    shell.args(["-c", &line]).env("P", env!("CARGO_BIN_EXE_perfbox"));
    // A coverage run could not write either.
    shell.env("LLVM_PROFILE_FILE", "/dev/null");
    shell.env("XDG_CACHE_HOME", dir.path("home/cache"));
    shell.env("XDG_STATE_HOME", dir.path("home/state")).output().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_one_warning_a_run_and_nothing_else() {
    let dir = Dir::with_records();
    let run = format!(
        "run results.jsonl --format json --processor metrics --plugins-dir '{}' \
         --processor example_metrics_processor",
        example_package().display()
    );
    for _ in 0..2 {
        let ran = limited(&dir, 256, &run);
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        let words = String::from_utf8(ran.stderr).unwrap();
        let head = format!(
            " WARN compiled code is not kept: cannot use cache entry `{}/",
            dir.path("home/cache/perfbox").display()
        );
        assert!(words.starts_with(&head), "{words}");
        assert!(words.ends_with("the next run compiles anew\n"), "{words}");
        assert_eq!(words.lines().count(), 1, "{words}");
        assert_eq!(entries(&dir), [] as [PathBuf; 0], "an unfinished entry was left");
        let summary: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let expected = dir.expect(0, &format!("{} --no-cache", run.replace('\'', ""))).json();
        assert_eq!(summary["results"], expected["results"]);
    }
    // Where there is no room for the key either.
    fs::remove_file(dir.path("home/state/perfbox/cache.key")).unwrap();
    let words = String::from_utf8(limited(&dir, 0, "cache info").stderr).unwrap();
    let head = format!(
        "error: cannot use cache key `{}`: ",
        dir.path("home/state/perfbox/cache.key").display()
    );
    assert!(words.starts_with(&head), "{words}");
}

#[test]
fn no_cache_compiles_anew_and_leaves_no_trace() {
    let dir = Dir::with_records();
    for _ in 0..2 {
        let ran = perfbox(&dir, "run results.jsonl --no-cache --format json").expect(0);
        assert!(compile_ns(&ran.json(), "metrics") > 0);
        assert_eq!(ran.stderr, "");
    }
    assert!(!dir.path("home").exists());
    // Nor is one asked that is there.
    perfbox(&dir, "run results.jsonl").expect(0);
    fs::write(entry(&dir), "nonsense").unwrap();
    let ran = perfbox(&dir, "run results.jsonl --no-cache --format json").expect(0);
    assert_eq!(ran.stderr, "");
    assert_eq!(fs::read(entry(&dir)).unwrap(), b"nonsense");
}

#[test]
fn info_shows_what_the_cache_holds_and_clear_removes_it() {
    let dir = Dir::with_records();
    perfbox(&dir, "run results.jsonl").expect(0);
    let bytes = entry(&dir).metadata().unwrap().len();
    let shown = |text: &str| dir.without_path(text).replace(&bytes.to_string(), "BYTES");
    let mut transcript = String::new();
    let left = |name: &str| dir.path(&format!("home/cache/perfbox/{name}"));
    fs::write(left("notes.txt"), "mine").unwrap();
    for command in ["cache info --json", "cache clear", "cache info", "cache clear"] {
        let ran = perfbox(&dir, command).expect(0);
        assert_eq!(ran.stderr, "");
        transcript.push_str(&format!("$ perfbox {command}\n{}\n", shown(&ran.stdout)));
    }
    assert_golden("cache.txt", &transcript);
    assert!(left("notes.txt").exists());

    let table = {
        perfbox(&dir, "run results.jsonl").expect(0);
        perfbox(&dir, "cache info").expect(0).stdout
    };
    let code = table.lines().find(|line| line.starts_with("code")).unwrap();
    let cells: Vec<_> = code.split_whitespace().collect();
    assert_eq!(cells, ["code", "1", &bytes.to_string()]);
}

#[test]
fn with_the_key_in_the_cache_directory_there_is_no_cache() {
    let dir = Dir::with_records();
    let same = perfbox(&dir, "run results.jsonl --format json");
    let said = right_run(&dir, same.env("XDG_STATE_HOME", dir.path("home/cache")));
    let base = dir.path("home/cache/perfbox");
    let base = base.display();
    assert_eq!(
        said,
        format!(
            " WARN compiled code is not kept: cache key `{base}/cache.key` is inside the \
             cache directory `{base}`; set XDG_STATE_HOME to a directory outside of \
             XDG_CACHE_HOME; --no-cache runs without \
             this warning\n"
        )
    );
}

#[test]
fn a_run_whose_cache_is_cleared_meanwhile_is_right() {
    let dir = Dir::with_records();
    perfbox(&dir, "run results.jsonl").expect(0);
    let clearing = |_| {
        let mut command = command(&dir, "cache clear");
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    };
    let clearing: Vec<_> = (0..4).map(clearing).collect();
    let ran = perfbox(&dir, "run results.jsonl --format json").expect(0);
    let expected = perfbox(&dir, "run results.jsonl --format json --no-cache").expect(0);
    assert_eq!(ran.json()["results"], expected.json()["results"]);
    for mut one in clearing {
        assert!(one.wait().unwrap().success());
    }
    assert!(Path::new(&dir.path("home/cache/perfbox")).is_dir());
}
