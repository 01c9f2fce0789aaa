//! Packages added to the user's plugins directory and removed from it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::errors::Transcript;
use crate::support::{
    Dir, assert_golden, example_package, from_wat, manifest, misbehaving, plugin, records,
};

/// A package of the plugins of `tests/misbehaving`, with one processor.
fn add_package(dir: &Dir, path: &str, name: &str, version: &str) {
    dir.write(&format!("{path}/registry.yaml"), manifest(name, version, "audit"));
    dir.write(&format!("{path}/component.wasm"), fs::read(misbehaving()).unwrap());
}

/// What is in the user's plugins directory, hidden or not.
fn users(dir: &Dir) -> Vec<String> {
    let entries = fs::read_dir(dir.user_plugins()).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A file in the user's plugins directory.
fn in_users(dir: &Dir, path: &str) -> String {
    format!("{}/{path}", dir.user_plugins())
}

/// Output without what differs from one build of the components to the next.
fn stable(dir: &Dir, output: &str) -> String {
    let output = dir.without_path(output).replace(&dir.user_plugins(), "USERS");
    let mut parts = output.split("sha256:");
    let mut stable = parts.next().unwrap().to_owned();
    for part in parts {
        let (digest, rest) = part.split_at(64);
        assert!(digest.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digest}");
        let rest = match rest.split_once(" bytes)\n") {
            Some((size, rest)) if !size.contains('\n') => format!("  SIZE\n{rest}"),
            _ => rest.to_owned(),
        };
        stable.push_str(&format!("sha256:…{rest}"));
    }
    stable
}

#[test]
fn a_package_that_is_added_is_whole_and_can_be_run() {
    let dir = Dir::new();
    dir.write("r.jsonl", records("profiling", 3));
    add_package(&dir, "p", "acme", "1.0.0");
    dir.write("p/docs/deep/notes.txt", "notes");
    dir.write("p/empty/x", "");
    let ran = dir.expect(0, "plugins add p --yes");
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.ends_with(&format!("added acme 1.0.0: {}\n", in_users(&dir, "acme"))));
    assert_eq!(users(&dir), ["acme"], "under its own name, and nothing else");
    for file in ["registry.yaml", "component.wasm", "docs/deep/notes.txt", "empty/x"] {
        let added = fs::read(in_users(&dir, &format!("acme/{file}"))).unwrap();
        assert_eq!(added, fs::read(dir.path(&format!("p/{file}"))).unwrap(), "{file}");
    }
    dir.expect(0, "run r.jsonl --processor audit --out out");
    assert_eq!(plugin(&dir.summary("out"), "audit")["package"], "acme");
}

#[test]
fn a_bare_component_is_added_under_its_files_name() {
    let dir = Dir::new();
    dir.write("m/mine.wasm", fs::read(misbehaving()).unwrap());
    dir.expect(0, "plugins add m/mine.wasm --yes");
    assert_eq!(users(&dir), ["mine.wasm"]);
    assert_eq!(fs::read(in_users(&dir, "mine.wasm")).unwrap(), fs::read(misbehaving()).unwrap());
    let listed = dir.expect(0, "plugins list").stdout;
    assert!(listed.contains("witness_processor  perfbox_misbehaving "), "{listed}");
    // What it is called is not what its file is called.
    dir.write("m/newer.wasm", fs::read(misbehaving()).unwrap());
    let ran = dir.expect(2, "plugins add m/newer.wasm --yes");
    assert!(ran.stderr.contains("package `perfbox_misbehaving` already exists: "), "{ran:?}");
    dir.expect(0, "plugins add m/newer.wasm --yes --replace");
    assert_eq!(users(&dir), ["newer.wasm"]);
}

#[test]
fn what_is_to_be_added_is_shown_with_what_follows_from_it() {
    let dir = Dir::new();
    add_package(&dir, &in_users(&dir, "bolt"), "bolt", "1.0.0");
    let text = "\
plugin:
  name: acme
  version: 1.0.0
  description: \"Counts \\e[31mthings\"
  author: A. Uthor
  license: MIT
phase_hooks:
  watch: {component: component.wasm, class: witness_hook, auto_load: true, description: Watches}
post_processors:
  audit: {component: component.wasm, class: witness_processor}
  metrics: {component: component.wasm, class: witness_processor, config_params: [limit]}
";
    dir.write("p/registry.yaml", text);
    dir.write("p/component.wasm", fs::read(misbehaving()).unwrap());
    let ran = dir.expect(0, "plugins add p --yes");
    assert_golden("packages/add.txt", &stable(&dir, &ran.stdout));
}

#[test]
fn without_a_terminal_nothing_is_added_unless_it_is_confirmed() {
    let dir = Dir::new();
    add_package(&dir, "p", "acme", "1.0.0");
    let ran = dir.perfbox(["plugins", "add", "p"]).stdin("y\n").expect(2);
    assert!(ran.stdout.starts_with("acme 1.0.0\n"), "it is shown: {ran:?}");
    assert_eq!(
        ran.stderr,
        "error: nothing was added: standard input is no terminal, so nobody can be asked; add it \
         with --yes\n"
    );
    assert_eq!(users(&dir), [""; 0]);
}

/// Runs `perfbox ARGS` on a terminal of its own and types `answer`. None where there is
/// no `script` that makes one.
fn on_a_terminal(dir: &Dir, args: &str, answer: &str) -> Option<(i32, String)> {
    let perfbox = env!("CARGO_BIN_EXE_perfbox");
    let data = Path::new(&dir.user_plugins()).ancestors().nth(2).unwrap().to_owned();
    let mut script = Command::new("script");
    script.args(["-qec", &format!("'{perfbox}' {args}"), "/dev/null"]);
    script.current_dir(dir.path("")).env_clear().env("XDG_DATA_HOME", data);
    script.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let pipes = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().ok()?;
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), answer.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    // Other systems have another command of that name.
    (!shown.contains("usage: script")).then(|| (output.status.code().unwrap(), shown))
}

#[test]
fn on_a_terminal_it_is_asked() {
    let dir = Dir::new();
    add_package(&dir, "p", "acme", "1.0.0");
    for answer in ["n\n", "\n", "perhaps\n"] {
        let Some((status, shown)) = on_a_terminal(&dir, "plugins add p", answer) else { return };
        assert_eq!(status, 2, "{shown}");
        assert!(shown.contains("add it? [y/N] "), "{shown}");
        assert!(shown.contains("error: nothing was added: it was not confirmed"), "{shown}");
        assert_eq!(users(&dir), [""; 0]);
    }
    let (status, shown) = on_a_terminal(&dir, "plugins add p", "y\n").unwrap();
    assert_eq!(status, 0, "{shown}");
    assert_eq!(users(&dir), ["acme"]);
}

#[test]
fn a_package_is_replaced_on_request_and_what_changes_is_shown() {
    let dir = Dir::new();
    let component = example_package().join("example-plugin/example_plugin.wasm");
    dir.write("old/component.wasm", fs::read(component).unwrap());
    let old = "plugin: {name: acme, version: 1.0.0}\n\
               phase_hooks: {log: {component: component.wasm, class: example_logging_hook}}\n";
    dir.write("old/registry.yaml", old);
    dir.expect(0, "plugins add old --yes");
    add_package(&dir, "new", "acme", "2.0.0");
    dir.expect(2, "plugins add new --yes");
    assert!(fs::read_to_string(in_users(&dir, "acme/registry.yaml")).unwrap().contains("1.0.0"));
    let ran = dir.expect(0, "plugins add new --yes --replace");
    let (_, changes) = ran.stdout.split_once("\nReplaces ").unwrap();
    assert_golden("packages/replace.txt", &stable(&dir, changes));
    assert_eq!(users(&dir), ["acme"], "the old one is gone");
    assert!(fs::read_to_string(in_users(&dir, "acme/registry.yaml")).unwrap().contains("2.0.0"));
    let again = dir.expect(0, "plugins add new --yes --replace");
    assert!(
        again.stdout.contains("  version, components, offers and abilities stay as they are\n"),
        "{again:?}"
    );
}

#[test]
fn what_is_replaced_may_lie_under_another_name_or_be_invalid() {
    let dir = Dir::new();
    add_package(&dir, "new", "acme", "2.0.0");
    let replace = || {
        let ran = dir.expect(0, "plugins add new --yes --replace");
        assert_eq!(users(&dir), ["acme"], "{ran:?}");
        assert!(in_users_manifest(&dir).contains("2.0.0"));
        fs::remove_dir_all(in_users(&dir, "acme")).unwrap();
        ran.stdout
    };
    add_package(&dir, &in_users(&dir, "acme-1.0.0"), "acme", "1.0.0");
    replace();
    dir.write(&in_users(&dir, "acme.wasm"), "garbage");
    replace();
    dir.write(&in_users(&dir, "acme/registry.yaml"), "nonsense");
    let shown = replace();
    assert!(shown.contains("  it could not be read, so what changes is not known\n"), "{shown}");
}

fn in_users_manifest(dir: &Dir) -> String {
    fs::read_to_string(in_users(dir, "acme/registry.yaml")).unwrap()
}

#[cfg(unix)]
#[test]
fn of_a_link_only_the_link_is_replaced_or_removed() {
    use std::os::unix::fs::symlink;
    let dir = Dir::new();
    add_package(&dir, "elsewhere", "acme", "1.0.0");
    add_package(&dir, "new", "acme", "2.0.0");
    dir.write("real.wasm", fs::read(misbehaving()).unwrap());
    fs::create_dir_all(dir.user_plugins()).unwrap();
    symlink(dir.path("elsewhere"), in_users(&dir, "linked")).unwrap();
    symlink(dir.path("real.wasm"), in_users(&dir, "bare.wasm")).unwrap();
    dir.expect(0, "plugins add new --yes --replace");
    assert_eq!(users(&dir), ["acme", "bare.wasm"]);
    assert!(!Path::new(&in_users(&dir, "acme")).is_symlink());
    dir.expect(0, "plugins remove bare");
    symlink(dir.path("elsewhere"), in_users(&dir, "again")).unwrap();
    fs::remove_dir_all(in_users(&dir, "acme")).unwrap();
    let ran = dir.expect(0, "plugins remove acme");
    assert_eq!(ran.stdout, format!("removed acme 1.0.0: {}\n", in_users(&dir, "again")));
    assert_eq!(users(&dir), [""; 0]);
    for kept in ["elsewhere/registry.yaml", "elsewhere/component.wasm", "real.wasm"] {
        assert!(dir.path(kept).is_file(), "{kept}");
    }
}

#[test]
fn packages_are_removed_by_name_and_invalid_ones_by_their_directorys() {
    let dir = Dir::new();
    add_package(&dir, &in_users(&dir, "some-directory"), "acme", "1.0.0");
    dir.write(&in_users(&dir, "mine.wasm"), fs::read(misbehaving()).unwrap());
    dir.write(&in_users(&dir, "broken/registry.yaml"), "nonsense");
    dir.write(&in_users(&dir, "garbage.wasm"), "garbage");
    dir.write(&in_users(&dir, "notes.txt"), "mine");
    let ran = dir.expect(0, "plugins remove acme");
    assert_eq!(ran.stdout, format!("removed acme 1.0.0: {}\n", in_users(&dir, "some-directory")));
    let remove = |name: &str, words: &str| {
        let ran = dir.expect(0, &format!("plugins remove {name}"));
        assert!(ran.stdout.starts_with(&format!("removed {words}: ")), "{ran:?}");
    };
    remove("perfbox_misbehaving", "perfbox_misbehaving 0.2.0");
    dir.write(&in_users(&dir, "mine.wasm"), fs::read(misbehaving()).unwrap());
    remove("mine", "perfbox_misbehaving 0.2.0");
    remove("broken", "broken");
    remove("garbage.wasm", "garbage");
    assert_eq!(users(&dir), ["notes.txt"], "what is no package stays");
}

#[test]
fn an_interrupted_addition_leaves_nothing_that_is_seen_and_a_later_one_cleans_up() {
    let dir = Dir::new();
    add_package(&dir, "p", "acme", "1.0.0");
    add_package(&dir, &in_users(&dir, ".perfbox-left/bolt"), "bolt", "1.0.0");
    add_package(&dir, &in_users(&dir, ".perfbox-in-use/crux"), "crux", "1.0.0");
    let listed = dir.expect(0, "plugins list").stdout;
    assert!(!listed.contains("audit") && !listed.contains("Invalid"), "{listed}");
    // As a process that is still at work has it.
    let in_use = File::open(in_users(&dir, ".perfbox-in-use")).unwrap();
    in_use.lock().unwrap();
    dir.expect(0, "plugins add p --yes");
    assert_eq!(users(&dir), [".perfbox-in-use", "acme"]);
    // Another test may just be starting a process, which has the file too until it runs.
    in_use.unlock().unwrap();
    dir.expect(0, "plugins remove acme");
    assert_eq!(users(&dir), [""; 0]);
}

#[test]
fn a_refused_addition_changes_nothing() {
    let dir = Dir::new();
    add_package(&dir, &in_users(&dir, "acme"), "acme", "1.0.0");
    add_package(&dir, "p", "acme", "2.0.0");
    dir.write("p/component.wasm", from_wat("unknown-import"));
    dir.expect(2, "plugins add p --yes --replace");
    assert_eq!(users(&dir), ["acme"]);
    assert!(in_users_manifest(&dir).contains("1.0.0"));
    dir.write("p/registry.yaml", "nonsense");
    fs::remove_dir_all(dir.user_plugins()).unwrap();
    dir.expect(2, "plugins add p --yes");
    assert!(!Path::new(&dir.user_plugins()).exists(), "not even the directory is made");
}

#[test]
fn packages_that_are_added_at_once_do_not_disturb_each_other() {
    let dir = Dir::new();
    let names: Vec<_> = (0..8).map(|n| format!("acme-{n}")).collect();
    for name in &names {
        add_package(&dir, &format!("from/{name}"), name, "1.0.0");
    }
    std::thread::scope(|scope| {
        for name in &names {
            let dir = &dir;
            scope.spawn(move || dir.expect(0, &format!("plugins add from/{name} --yes")));
        }
    });
    assert_eq!(users(&dir), names);
    // Of one name, one wins and the others are told.
    let ran: Vec<_> = std::thread::scope(|scope| {
        let add = || dir.perfbox(["plugins", "add", "same", "--yes"]).run();
        add_package(&dir, "same", "same", "1.0.0");
        let added: Vec<_> = (0..4).map(|_| scope.spawn(add)).collect();
        added.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(ran.iter().filter(|one| one.status == 0).count(), 1, "{ran:#?}");
    for refused in ran.iter().filter(|one| one.status != 0) {
        assert_eq!(refused.status, 2, "{refused:#?}");
    }
    assert_eq!(users(&dir).len(), 9);
}

#[test]
fn refusals_to_add_say_why_and_what_to_do() {
    let mut t = Transcript::default();
    let add = ["plugins", "add", "p", "--yes"];
    let good = |dir: &Dir| add_package(dir, "p", "acme", "1.0.0");
    t.fails("nothing there", 2, &add, |_| {});
    t.fails("a directory without a manifest", 2, &add, |dir| {
        dir.write("p/component.wasm", "");
    });
    t.fails("a file of another kind", 2, &["plugins", "add", "p.zip", "--yes"], |dir| {
        dir.write("p.zip", "");
    });
    t.fails("a manifest that is wrong", 2, &add, |dir| {
        dir.write("p/registry.yaml", manifest("acme", "1.0.0", "Audit Log"));
    });
    t.fails("a component that is missing", 2, &add, |dir| {
        dir.write("p/registry.yaml", manifest("acme", "1.0.0", "audit"));
    });
    t.fails("several things wrong", 2, &add, |dir| {
        good(dir);
        dir.write("p/component.wasm", from_wat("unknown-import"));
    });
    t.fails("a bare file of garbage", 2, &["plugins", "add", "a.wasm", "--yes"], |dir| {
        dir.write("a.wasm", "garbage");
    });
    t.fails("a bare component with a bad name", 2, &["plugins", "add", "A B.wasm"], |dir| {
        dir.write("A B.wasm", "never opened");
    });
    t.fails("of perfbox's own name", 2, &["plugins", "add", "builtin.wasm"], |dir| {
        dir.write("builtin.wasm", "never opened");
    });
    t.fails("a file that is too large", 2, &add, |dir| {
        good(dir);
        sparse(dir, "p/data.bin", (64 << 20) + 1);
    });
    t.fails("a bare component that is too large", 2, &["plugins", "add", "a.wasm"], |dir| {
        sparse(dir, "a.wasm", (64 << 20) + 1);
    });
    t.fails("too much together", 2, &add, |dir| {
        good(dir);
        (0..5).for_each(|n| sparse(dir, &format!("p/{n}.bin"), 60 << 20));
    });
    t.fails("too many files", 2, &add, |dir| {
        good(dir);
        (0..999).for_each(|n| drop(dir.write(&format!("p/src/{n}"), "")));
    });
    t.fails("the plugins directory itself inside", 2, &["plugins", "add", "..", "--yes"], |dir| {
        dir.write("../registry.yaml", manifest("acme", "1.0.0", "audit"));
    });
    t.fails("one of that name", 2, &add, |dir| {
        good(dir);
        add_package(dir, &in_users(dir, "acme"), "acme", "0.9.0");
    });
    t.fails("two of that name", 2, &["plugins", "add", "p", "--yes", "--replace"], |dir| {
        good(dir);
        add_package(dir, &in_users(dir, "a"), "acme", "0.8.0");
        add_package(dir, &in_users(dir, "b"), "acme", "0.9.0");
    });
    t.fails("another package in its place", 2, &add, |dir| {
        good(dir);
        add_package(dir, &in_users(dir, "acme"), "bolt", "1.0.0");
    });
    t.fails("a plugins directory that is a file", 1, &add, |dir| {
        good(dir);
        dir.write(&dir.user_plugins(), "");
    });
    assert_golden("errors/add.txt", &t.0);
}

/// A file of so many bytes that takes no room.
fn sparse(dir: &Dir, name: &str, bytes: u64) {
    let file = File::create(dir.write(name, "")).unwrap();
    file.set_len(bytes).unwrap();
}

#[cfg(unix)]
#[test]
fn links_and_special_files_in_a_package_are_refused_by_name() {
    use std::os::unix::fs::symlink;
    let mut t = Transcript::default();
    let add = ["plugins", "add", "p", "--yes"];
    let link = |at: &'static str, to: &'static str| {
        move |dir: &Dir| {
            add_package(dir, "p", "acme", "1.0.0");
            dir.write("secret", "secret");
            dir.write("p/docs/x", "");
            let at = dir.path(at);
            if at.exists() {
                fs::remove_file(&at).unwrap();
            }
            symlink(to, at).unwrap();
        }
    };
    t.fails("a link to a file", 2, &add, link("p/docs/a", "../../secret"));
    t.fails("a link to a directory", 2, &add, link("p/more", "docs"));
    t.fails("a link to nothing", 2, &add, link("p/more", "nowhere"));
    t.fails("a component that is a link", 2, &add, link("p/component.wasm", "../m.wasm"));
    t.fails("a manifest that is a link", 2, &add, link("p/registry.yaml", "../r.yaml"));
    let fifo = |at: &str, dir: &Dir| {
        assert!(Command::new("mkfifo").arg(dir.path(at)).status().unwrap().success());
    };
    t.fails("a FIFO", 2, &add, |dir| {
        add_package(dir, "p", "acme", "1.0.0");
        fifo("p/pipe", dir);
    });
    t.fails("a FIFO by itself", 2, &["plugins", "add", "a.wasm", "--yes"], |dir| {
        fifo("a.wasm", dir);
    });
    assert_golden("errors/add-links.txt", &t.0);
}

#[test]
fn refusals_to_remove_say_where_the_package_is_or_what_there_is() {
    let mut t = Transcript::default();
    let some = |dir: &Dir| {
        add_package(dir, &in_users(dir, "acme"), "acme", "1.0.0");
        add_package(dir, &in_users(dir, "bolt"), "bolt", "1.0.0");
    };
    t.fails("there are none", 2, &["plugins", "remove", "acme"], |_| {});
    t.fails("a misspelt name", 2, &["plugins", "remove", "acem"], some);
    t.fails("a name like no other", 2, &["plugins", "remove", "loudness"], some);
    t.fails("more than are listed", 2, &["plugins", "remove", "loudness"], |dir| {
        for n in 0..12 {
            let name = format!("package-{n:02}");
            dir.write(&in_users(dir, &format!("{name}.wasm")), "");
        }
    });
    t.fails("a name with an escape", 2, &["plugins", "remove", "a\u{1b}[31m"], some);
    t.fails("a path", 2, &["plugins", "remove", "../plugins/acme"], some);
    t.fails("the builtins", 2, &["plugins", "remove", "builtin"], some);
    t.fails("an identifier", 2, &["plugins", "remove", "audit"], some);
    t.fails("two of that name", 2, &["plugins", "remove", "acme"], |dir| {
        some(dir);
        add_package(dir, &in_users(dir, "acme-2"), "acme", "2.0.0");
    });
    t.fails("a plugins directory that is a file", 1, &["plugins", "remove", "acme"], |dir| {
        dir.write(&dir.user_plugins(), "");
    });
    assert_golden("errors/remove.txt", &t.0);
}

#[test]
fn a_package_of_another_directory_is_not_removed_but_located() {
    let dir = Dir::new();
    add_package(&dir, "shared/acme", "acme", "1.0.0");
    let remove = dir.perfbox(["plugins", "remove", "acme"]).env("PERFBOX_PLUGIN_PATH", "shared");
    let ran = remove.expect(2);
    assert_eq!(
        ran.stderr,
        format!(
            "error: no package `acme` in `{}`; it is at `shared/acme`, outside of that directory: \
             delete it by hand\n",
            dir.user_plugins()
        )
    );
    assert!(dir.path("shared/acme/registry.yaml").exists());
}

#[test]
fn without_a_home_there_is_nowhere_to_add_to() {
    let dir = Dir::new();
    add_package(&dir, "p", "acme", "1.0.0");
    for args in [&["plugins", "add", "p", "--yes"][..], &["plugins", "remove", "acme"]] {
        let ran = dir.perfbox(args).env("HOME", "").env("XDG_DATA_HOME", "not/absolute").expect(2);
        assert_eq!(
            ran.stderr,
            "error: there is no home directory, so there is no plugins directory of the user's \
             own; set HOME, or XDG_DATA_HOME, to an absolute path\n"
        );
    }
}

#[test]
fn a_hidden_component_is_not_added() {
    let dir = Dir::new();
    for name in [".hid.wasm", ".perfbox-hid.wasm"] {
        dir.write(&format!("m/{name}"), fs::read(misbehaving()).unwrap());
        let ran = dir.perfbox(["plugins", "add", "--yes", &format!("m/{name}")]).expect(2);
        assert_eq!(
            ran.stderr,
            format!(
                "error: `m/{name}` has a hidden name, which discovery skips; rename it without \
                 the leading dot\n"
            )
        );
        assert_eq!(users(&dir), [""; 0]);
    }
}

#[test]
fn nobody_is_told_to_delete_what_is_in_the_users_own_directory() {
    let dir = Dir::new();
    add_package(&dir, &in_users(&dir, "acme"), "acme", "1.0.0");
    let plugins = dir.user_plugins();
    let users = Path::new(&plugins);
    let mut known = perfbox::Registry::with_builtins();
    known.discover(users).unwrap();
    // Gone between the one look and the other.
    fs::remove_dir_all(in_users(&dir, "acme")).unwrap();
    let words = perfbox::packages::remove(users, "acme", &known).unwrap_err().to_string();
    assert_eq!(words, format!("no package `acme` in `{plugins}`; the directory has no packages"));
}

#[test]
fn what_is_replaced_is_what_was_shown() {
    let dir = Dir::new();
    add_package(&dir, &in_users(&dir, "acme"), "acme", "1.0.0");
    add_package(&dir, "p", "acme", "1.1.0");
    let plugins = dir.user_plugins();
    let prepare =
        || perfbox::packages::Addition::prepare(&dir.path("p"), Path::new(&plugins), true).unwrap();
    let shown = prepare();
    // Of the same version, but other code.
    let component = in_users(&dir, "acme/component.wasm");
    let other = fs::read(example_package().join("example-plugin/component.wasm"));
    fs::write(&component, other.unwrap_or_else(|_| from_wat("both-interfaces"))).unwrap();
    let words = shown.finish().unwrap_err().to_string();
    let path = in_users(&dir, "acme");
    assert_eq!(
        words,
        format!("`{path}` changed during the operation; review it, then add the package again")
    );
    prepare().finish().unwrap();
}
