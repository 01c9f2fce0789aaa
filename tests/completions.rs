//! What the shells' scripts are answered when somebody presses the key.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Dir, Ran, manifest, misbehaving};

/// The protocol of each script.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// What a shell's script is answered for these words, the last of which is completed.
fn answer(dir: &Dir, shell: &str, words: &[&str]) -> Ran {
    let command = dir.perfbox(["--", "perfbox"].iter().chain(words));
    let command = command.env("COMPLETE", shell);
    let ran = command.env("_CLAP_COMPLETE_INDEX", words.len().to_string()).expect(0);
    assert_eq!(ran.stderr, "", "{words:?}");
    ran
}

/// The candidates in a shell's form, one a line.
fn lines(dir: &Dir, shell: &str, words: &[&str]) -> Vec<String> {
    answer(dir, shell, words).stdout.lines().map(str::to_owned).collect()
}

/// The candidates alone.
fn candidates(dir: &Dir, words: &[&str]) -> Vec<String> {
    lines(dir, "bash", words)
}

/// A package with the processor `audit` and the hook `watch`, which takes parameters.
fn add_package(dir: &Dir, path: &str, name: &str) {
    let hook = "\
phase_hooks:
  watch:
    component: component.wasm
    description: \"Says when:\\e[31m a phase\\nends\"
    config_params:
      - {name: loud, type: bool, default: false, description: Shout}
      - {name: mode, type: string, default: fast, choices: [fast, slow]}
";
    dir.write(&format!("{path}/registry.yaml"), manifest(name, "1.0.0", "audit") + hook);
    dir.write(&format!("{path}/component.wasm"), "never opened");
}

#[test]
fn hooks_and_processors_are_completed_with_their_descriptions() {
    let dir = Dir::new();
    add_package(&dir, &format!("{}/acme", dir.user_plugins()), "acme");
    let words = ["run", "r.jsonl", "--hook", ""];
    assert_eq!(lines(&dir, "bash", &words), ["phase_log", "watch"]);
    assert_eq!(
        lines(&dir, "fish", &words),
        [
            "phase_log\tOne log line for each phase event, as key=value pairs",
            "watch\tSays when:\\u{1b}[31m a phase\\nends"
        ]
    );
    assert_eq!(
        lines(&dir, "zsh", &words),
        [
            "phase_log:One log line for each phase event, as key=value pairs",
            "watch:Says when:\\\\u{1b}[31m a phase\\\\nends"
        ]
    );
    assert_eq!(lines(&dir, "zsh", &["run", "--processor=a"]), ["--processor=audit:of acme"]);
    assert_eq!(candidates(&dir, &["run", "--processor", "m"]), ["metrics"]);
    assert_eq!(candidates(&dir, &["run", "--processor", "watch"]), [""; 0]);
}

#[test]
fn candidates_come_from_the_directories_that_are_typed() {
    let dir = Dir::new();
    add_package(&dir, "here/acme", "acme");
    dir.write("bare.wasm", fs::read(misbehaving()).unwrap());
    let hooks = |words: &[&str]| candidates(&dir, &[&["run"], words, &["--hook", "w"]].concat());
    assert_eq!(hooks(&[]), [""; 0]);
    assert_eq!(hooks(&["--plugins-dir", "here"]), ["watch"]);
    assert_eq!(hooks(&["--plugins-dir=here"]), ["watch"]);
    // As bash splits the line.
    assert_eq!(hooks(&["--plugins-dir", "=", "here"]), ["watch"]);
    assert_eq!(hooks(&["--plugin", "bare.wasm"]), ["witness_hook"]);
    // What stands behind counts too.
    let behind = ["--", "perfbox", "run", "--hook", "w", "--plugins-dir", "here"];
    let asked = dir.perfbox(behind).env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "3");
    assert_eq!(asked.expect(0).stdout, "watch\n");
    // And so do the variables.
    let words = ["--", "perfbox", "run", "--hook", "w"];
    let asked = dir.perfbox(words).env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "3");
    assert_eq!(asked.env("PERFBOX_PLUGIN_PATH", "here").expect(0).stdout, "watch\n");
}

#[test]
fn choices_categories_and_parameters_are_completed() {
    let dir = Dir::new();
    add_package(&dir, &format!("{}/acme", dir.user_plugins()), "acme");
    add_package(&dir, &format!("{}/bolt", dir.user_plugins()), "bolt");
    assert_eq!(
        candidates(&dir, &["run", "--use", "p"]),
        [
            "phase_hook/phase_log=builtin",
            "phase_hook/watch=acme",
            "phase_hook/watch=bolt",
            "post_processor/audit=acme",
            "post_processor/audit=bolt",
            "post_processor/histogram=builtin",
            "post_processor/metrics=builtin",
            "post_processor/slo=builtin",
            "post_processor/timeslices=builtin"
        ]
    );
    assert_eq!(
        lines(&dir, "fish", &["run", "--hook", "wa"]),
        ["watch\tseveral packages offer it: choose with --use"]
    );
    assert_eq!(
        candidates(&dir, &["plugins", "list", "--category", ""]),
        ["phase_hook", "post_processor"]
    );
    let set = |word: &str| candidates(&dir, &["run", "--hook", "watch", "--set", word]);
    assert_eq!(set("wat"), ["watch.loud=", "watch.mode="]);
    assert_eq!(set("phase_hook/watch.l"), ["phase_hook/watch.loud="]);
    assert_eq!(set("watch.loud="), ["watch.loud=true", "watch.loud=false"]);
    assert_eq!(set("watch.mode=s"), ["watch.mode=slow"]);
    assert_eq!(
        lines(&dir, "fish", &["run", "--set", "watch.l"]),
        ["watch.loud=\tbool [false] Shout"]
    );
}

#[test]
fn packages_that_can_be_removed_are_completed() {
    let dir = Dir::new();
    add_package(&dir, &format!("{}/a", dir.user_plugins()), "acme");
    dir.write(&format!("{}/broken/registry.yaml", dir.user_plugins()), "nonsense");
    let names = candidates(&dir, &["plugins", "remove", ""]);
    assert_eq!(names[..2], ["acme", "broken"], "{names:?}");
    assert!(names[2..].iter().all(|name| name.starts_with('-')), "{names:?}");
}

#[test]
fn paths_are_completed_by_what_belongs_there() {
    let dir = Dir::new();
    dir.write("a.wasm", "");
    dir.write("a.jsonl", "");
    dir.write("a/x", "");
    dir.write("a\nb.wasm", "");
    assert_eq!(candidates(&dir, &["run", "--plugin", "a"]), ["a.wasm", "a/"]);
    assert_eq!(candidates(&dir, &["run", "--plugins-dir", "a"]), ["a/"]);
    assert_eq!(candidates(&dir, &["run", "a"]), ["a.jsonl", "a.wasm", "a/"]);
    assert_eq!(candidates(&dir, &["plugins", "add", "a"]), ["a.wasm", "a/"]);
    assert_eq!(candidates(&dir, &["plugins", "validate", "a"]), ["a.wasm", "a/"]);
}

#[test]
fn whatever_is_wrong_is_no_candidates_and_no_words() {
    let dir = Dir::new();
    dir.write(&format!("{}/bad/registry.yaml", dir.user_plugins()), "nonsense");
    dir.write(&format!("{}/bad.wasm", dir.user_plugins()), "nonsense");
    for shell in SHELLS {
        for words in [
            &["run", "--hook", "phase"][..],
            &["run", "--plugins-dir", "missing", "--hook", "phase"],
            &["run", "--plugin", "missing.wasm", "--hook", "phase"],
        ] {
            let lines = lines(&dir, shell, words);
            assert_eq!(lines.len(), 1, "{shell} {words:?}");
            assert!(lines[0].starts_with("phase_log"), "{lines:?}");
        }
        assert_eq!(lines(&dir, shell, &["nonsense", "more", "x"]), [""; 0]);
    }
    // A number that makes no sense.
    let asked = dir.perfbox(["--", "perfbox", "ru"]).env("COMPLETE", "bash");
    assert_eq!(asked.env("_CLAP_COMPLETE_INDEX", "77").expect(0).stderr, "");
}

#[test]
fn a_variable_of_another_meaning_changes_nothing() {
    let dir = Dir::new();
    for value in ["", "0", "1", "yes", "powershell"] {
        let listed = dir.perfbox(["plugins", "list"]).env("COMPLETE", value).expect(0);
        assert!(listed.stdout.contains("phase_log"), "{listed:?}");
    }
}

#[test]
fn the_scripts_call_the_program_that_printed_them() {
    let dir = Dir::new();
    for shell in SHELLS {
        let script = dir.expect(0, &format!("completions {shell}")).stdout;
        assert!(script.contains(env!("CARGO_BIN_EXE_perfbox")), "{script}");
        assert!(script.contains("perfbox"), "{script}");
        // As other programs made with clap do.
        let printed = dir.perfbox([""; 0]).env("COMPLETE", shell).expect(0).stdout;
        assert_eq!(printed, script);
        let file = dir.write(&format!("perfbox.{shell}"), script);
        // Only bash is everywhere.
        let checked = Command::new(shell).arg("-n").arg(&file).output();
        assert!(checked.is_ok() || shell != "bash", "there is no bash");
        if let Ok(checked) = checked {
            assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
        }
    }
}

/// Lets bash complete these words with the script, in which a program's path has blanks.
fn in_bash(dir: &Dir, words: &[&str], current: &str) -> String {
    let script = "\
source \"$1\"; current=$2; shift 2
COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1))
_perfbox perfbox \"$current\" x
printf '%s\\n' \"${COMPREPLY[@]}\"";
    let program = dir.path("a dir's/perfbox");
    if !program.exists() {
        fs::create_dir(program.parent().unwrap()).unwrap();
        fs::hard_link(env!("CARGO_BIN_EXE_perfbox"), &program)
            .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_perfbox"), &program).map(|_| ()))
            .unwrap();
        let printed = Command::new(&program).args(["completions", "bash"]).output().unwrap();
        dir.write("script.bash", printed.stdout);
    }
    let plugins = dir.user_plugins();
    let data = Path::new(&plugins).ancestors().nth(2).unwrap();
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"]).arg(dir.path("script.bash")).arg(current);
    let output =
        bash.current_dir(dir.path("")).args(words).env("XDG_DATA_HOME", data).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_completes_words_that_it_splits() {
    let dir = Dir::new();
    assert_eq!(in_bash(&dir, &["perfbox", "run", "--hook", ""], ""), "phase_log\n");
    assert_eq!(in_bash(&dir, &["perfbox", "run", "--hook", "="], ""), "phase_log\n");
    assert_eq!(in_bash(&dir, &["perfbox", "run", "--hook", "=", "ph"], "ph"), "phase_log\n");
    // The cursor stands within the word.
    assert_eq!(in_bash(&dir, &["perfbox", "run", "--hook", "phony"], "ph"), "phase_log\n");
    let choice = ["perfbox", "run", "--use", "post_processor/metrics", "=", "b"];
    assert_eq!(in_bash(&dir, &choice, "b"), "builtin\n");
    assert_eq!(in_bash(&dir, &["perfbox", "comp"], "comp"), "completions\n");
}

/// What the shell makes of the words of a line once each candidate for its last word is
/// put in the place of `current`, as the key does; evaluated in `dir`.
fn evaluated(dir: &Dir, words: &[&str], current: &str) -> Vec<String> {
    let (last, before) = words.split_last().unwrap();
    let kept = last.strip_suffix(current).unwrap();
    let mut arguments = Vec::new();
    for candidate in in_bash(dir, words, current).lines().filter(|line| !line.is_empty()) {
        let line = format!("{} {kept}{candidate}", before[1..].join(" "));
        let closed = match kept {
            "" => line,
            quote => format!("{line}{quote}"),
        };
        // The program is one that prints its last word.
        let line = format!("perfbox() {{ printf '%s' \"${{@: -1}}\"; }}; perfbox {closed}");
        let mut bash = Command::new("bash");
        let ran = bash.args(["--norc", "-c", &line]).current_dir(dir.path("")).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stderr), "", "{line}");
        arguments.push(String::from_utf8(ran.stdout).unwrap());
    }
    arguments
}

/// What strangers put where the key would run it.
const EVIL: [&str; 5] = [
    "x;touch${IFS}PWNED",
    "x$(touch PWNED)",
    "x`touch PWNED`",
    "x|touch PWNED;'",
    "x\";touch PWNED;\"",
];

#[test]
fn nothing_of_a_manifest_is_run_by_the_key() {
    let dir = Dir::new();
    let quoted: Vec<_> = EVIL.iter().map(|one| serde_json::to_string(one).unwrap()).collect();
    let params = format!(
        "config_params: [{{name: level, type: string, choices: [xa, {}]}}]",
        quoted.join(", ")
    );
    let hook = format!("phase_hooks:\n  watch: {{component: component.wasm, {params}}}\n");
    for (at, evil) in EVIL.iter().enumerate() {
        let version = serde_json::to_string(evil).unwrap();
        let text =
            manifest(&format!("acme{at}"), &version, "audit") + if at == 0 { &hook } else { "" };
        dir.write(&format!("{}/p{at}/registry.yaml", dir.user_plugins()), text);
        dir.write(&format!("{}/p{at}/component.wasm", dir.user_plugins()), "never opened");
        // Of which there is another version, so that it is to be said which.
        let other = manifest(&format!("acme{at}"), "1.0.0", "audit");
        dir.write(&format!("other/p{at}/registry.yaml"), other);
        dir.write(&format!("other/p{at}/component.wasm"), "never opened");
        dir.write(&format!("{}/{evil}/registry.yaml", dir.user_plugins()), "nonsense");
    }
    for words in [
        &["run", "--set", "watch.level="][..],
        &["run", "--set", "watch.level=x"],
        &["run", "--plugins-dir", "other", "--use", "post_processor/"],
        &["plugins", "remove", ""],
        &["plugins", "remove", "x"],
        &["plugins", "show", ""],
    ] {
        for shell in SHELLS {
            for line in lines(&dir, shell, words) {
                // Without the help, which is shown and never put into the line.
                let word = line.split(['\t', ':']).next().unwrap();
                assert!(!word.contains(['$', '`', ';', '|', '"', '\'']), "{shell}: {line}");
            }
        }
    }
    assert_eq!(candidates(&dir, &["run", "--set", "watch.level="]), ["watch.level=xa"]);
    let choices = candidates(&dir, &["run", "--plugins-dir", "other", "--use", "post_processor/a"]);
    assert_eq!(choices[0], "post_processor/audit=acme0@1.0.0", "{choices:?}");
    let set = ["perfbox", "run", "--set", "watch.level", "=", "x"];
    assert_eq!(evaluated(&dir, &set, "x"), ["xa"]);
    evaluated(&dir, &["perfbox", "plugins", "remove", ""], "");
    assert!(!dir.path("PWNED").exists());
}

#[test]
fn paths_come_out_of_bash_as_they_are_and_run_nothing() {
    let dir = Dir::new();
    let mut names: Vec<_> = EVIL.iter().map(|one| format!("{one}.wasm")).collect();
    names.extend(["x a b.wasm", "x#*?[a]{b,c}.wasm", "x~!x\\.wasm", "xé.wasm"].map(str::to_owned));
    names.sort();
    for name in &names {
        dir.write(&format!("w/{name}"), "");
    }
    let expected: Vec<_> = names.iter().map(|name| format!("w/{name}")).collect();
    for quote in ["", "\"", "'"] {
        let word = format!("{quote}w/x");
        let mut found = evaluated(&dir, &["perfbox", "run", "--plugin", &word], "w/x");
        found.sort();
        assert_eq!(found, expected, "{quote}");
        assert!(!dir.path("PWNED").exists(), "{quote}");
    }
    // Those that are gone on with.
    let begun = ["perfbox", "run", "--plugin", r"w/x\ a"];
    assert_eq!(evaluated(&dir, &begun, r"w/x\ a"), ["w/x a b.wasm"]);
    // And those that say where plugins are.
    add_package(&dir, "o t/acme", "acme");
    for typed in [r"o\ t", "'o t'", "\"o t\""] {
        let words = ["run", "--plugins-dir", typed, "--hook", "w"];
        assert_eq!(candidates(&dir, &words), ["watch"], "{typed}");
    }
}
