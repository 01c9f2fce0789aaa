//! Rows 37 to 40: what becomes of compiled code between runs.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::harness::{Hostile, assert_coped, assert_untouched, run_beside};
use crate::support::{Dir, Perfbox, Ran, plugin};

/// What stands before the code in an entry: a line that names the format, and a MAC.
const HEADER_BYTES: usize = 48;

/// A run of the healthy ones and of another, with a cache of the directory's own.
fn run(dir: &Dir) -> Perfbox {
    let run = run_beside(dir, &[other()]).arg("--force");
    run.env("XDG_CACHE_HOME", dir.path("home/cache")).env("XDG_STATE_HOME", dir.path("home/state"))
}

/// Hostile only in what is done to its compiled code.
fn other() -> Hostile {
    Hostile::written("other", &[])
}

#[track_caller]
fn assert_right(dir: &Dir, ran: &Ran) {
    assert_coped(dir, ran, &[other()]);
}

fn warnings(ran: &Ran) -> Vec<&str> {
    ran.stderr.lines().filter(|line| line.starts_with(" WARN ")).collect()
}

/// The entries of compiled code: the larger one is that of the healthy ones.
fn entries(dir: &Dir) -> Vec<PathBuf> {
    let all = fs::read_dir(dir.path("home/cache/perfbox")).unwrap();
    let mut entries: Vec<_> = all.map(|entry| entry.unwrap().path()).collect();
    entries.retain(|path| path.extension().is_some_and(|extension| extension == "code"));
    entries.sort_by_key(|path| path.metadata().unwrap().len());
    entries
}

/// Whether anything was compiled.
fn compiled(dir: &Dir) -> bool {
    let summary = dir.summary("out");
    let compile_ns = |one| plugin(&summary, one)["cost"]["compile_ns"].as_u64().unwrap();
    ["keeper_hook", "keeper_processor", "other"].into_iter().any(|one| compile_ns(one) > 0)
}

#[test]
fn row_37_planted_flipped_and_truncated_entries() {
    let dir = Dir::new();
    assert_right(&dir, &run(&dir).run());
    let entries = entries(&dir);
    let [small, large] = entries.as_slice() else { panic!("{entries:?}") };
    let whole = [small, large].map(|path| fs::read(path).unwrap());
    let flip = |place: fn(&[u8]) -> usize| {
        whole.clone().map(|mut content| {
            let at = place(&content);
            content[at] ^= 0x10;
            content
        })
    };
    let [of_other, of_healthy] = whole.clone();
    let cut = |range: fn(&[u8]) -> &[u8]| whole.clone().map(|content| range(&content).to_vec());
    let altered = "it was modified, or written with another key";
    let cases = [
        ("a flip in the MAC", flip(|_| 20), altered),
        ("a flip in the first byte of the code", flip(|_| HEADER_BYTES), altered),
        ("a flip in the middle", flip(|content| content.len() / 2), altered),
        ("each other's", [of_healthy, of_other], altered),
        ("code without a MAC", cut(|content| &content[HEADER_BYTES..]), altered),
        ("half of them", cut(|content| &content[..content.len() / 2]), altered),
        ("nothing", cut(|_| &[]), "it is truncated"),
    ];
    for (title, planted, reason) in cases {
        for (path, content) in [small, large].into_iter().zip(planted) {
            fs::write(path, content).unwrap();
        }
        let ran = run(&dir).run();
        assert_right(&dir, &ran);
        let told = |path: &PathBuf| {
            format!(
                " WARN cache entry `{}` is not trusted: {reason}; the component is compiled anew",
                path.display()
            )
        };
        let expected = [told(large), told(small)];
        assert_eq!(warnings(&ran), expected, "{title}");
    }
    // And they are good again.
    let ran = run(&dir).run();
    assert_right(&dir, &ran);
    assert_eq!(warnings(&ran), [""; 0]);
    assert!(!compiled(&dir));
    let directory = dir.path("home/cache/perfbox").metadata().unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
}

#[test]
fn row_38_several_hosts_and_a_crash_while_one_writes() {
    let dir = Dir::new();
    let places: Vec<Dir> = (0..3).map(|_| Dir::new()).collect();
    let shared = |place: &Dir| {
        let run = run(place).env("XDG_CACHE_HOME", dir.path("home/cache"));
        run.env("XDG_STATE_HOME", dir.path("home/state"))
    };
    let running: Vec<_> = places.iter().map(|place| shared(place).start()).collect();
    // One that dies as soon as anything of it is there; several times, so at several places.
    for _ in 0..4 {
        let place = Dir::new();
        let mut dying = shared(&place).start();
        let before = fs::read_dir(dir.path("home/cache/perfbox")).map_or(0, Iterator::count);
        while !place.path("out").exists()
            && fs::read_dir(dir.path("home/cache/perfbox")).map_or(0, Iterator::count) <= before
        {
            std::thread::yield_now();
        }
        dying.kill();
    }
    for (place, running) in places.iter().zip(running) {
        let ran = running.end();
        assert_right(place, &ran);
        assert_eq!(warnings(&ran), [""; 0]);
    }
    let ran = run(&dir).run();
    assert_right(&dir, &ran);
    assert_eq!(warnings(&ran), [""; 0]);
    assert!(!compiled(&dir));
    assert_eq!(entries(&dir).len(), 2);
}

#[test]
fn row_39_a_full_disk_a_cache_that_is_in_the_way_and_no_home() {
    let unusable = |title: &str, words: &[&str], prepare: &dyn Fn(&Dir, Perfbox) -> Perfbox| {
        let dir = Dir::new();
        let ran = prepare(&dir, run(&dir)).run();
        assert_right(&dir, &ran);
        let told = warnings(&ran);
        assert_eq!(told.len(), 1, "{title}: {told:?}");
        for part in words {
            assert!(told[0].contains(part), "{title}: no {part:?} in {told:?}");
        }
        assert!(compiled(&dir), "{title}");
    };
    unusable(
        "a full disk",
        &["compiled code is not kept: ", "check its permissions", "free disk space"],
        &|_, run| {
            // In blocks of 512 bytes: enough for what a run writes, too little for code.
            run.after("trap '' XFSZ; ulimit -f 700")
        },
    );
    unusable("a file in its place", &["compiled code is not kept: "], &|dir, run| {
        dir.write("home/cache/perfbox", "");
        run
    });
    unusable("a directory of others", &["compiled code is not kept: "], &|dir, run| {
        fs::create_dir_all(dir.path("home/cache/perfbox")).unwrap();
        let all = fs::Permissions::from_mode(0o777);
        fs::set_permissions(dir.path("home/cache/perfbox"), all).unwrap();
        run
    });
    unusable("no home", &["compiled code is not kept: ", "HOME"], &|_, run| {
        run.without_env("HOME").without_env("XDG_CACHE_HOME").without_env("XDG_STATE_HOME")
    });
    // Whoever may do everything is not kept from writing.
    if !rustix::process::geteuid().is_root() {
        unusable("a cache that is read-only", &["compiled code is not kept: "], &|dir, run| {
            fs::create_dir_all(dir.path("home/cache/perfbox")).unwrap();
            let mode = fs::Permissions::from_mode(0o500);
            fs::set_permissions(dir.path("home/cache/perfbox"), mode).unwrap();
            run
        });
    }
}

/// Its name says for which wasmtime, settings and processor an entry is.
#[test]
fn row_40_code_for_another_wasmtime_or_processor() {
    let dir = Dir::new();
    assert_right(&dir, &run(&dir).run());
    let ours = entries(&dir);
    for path in &ours {
        let name = path.file_name().unwrap().to_str().unwrap();
        let (digest, rest) = name.split_once('-').unwrap();
        let (engine, suffix) = rest.split_once('.').unwrap();
        let other = format!("{digest}-{}.{suffix}", "0".repeat(engine.len()));
        fs::rename(path, path.with_file_name(other)).unwrap();
    }
    let ran = run(&dir).run();
    assert_right(&dir, &ran);
    assert_untouched(&dir, &ran);
    assert_eq!(warnings(&ran), [""; 0]);
    assert!(compiled(&dir));
    assert_eq!(entries(&dir).len(), 2 * ours.len(), "the others may still be of use to theirs");
}
