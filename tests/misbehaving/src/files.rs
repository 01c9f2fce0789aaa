//! What a plugin must not do with files.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};

use perfbox_guest::{Error, Result, output_dir};

pub(crate) fn misbehave(what: &str) -> Result<()> {
    match what {
        "fill the disk" => told(fill()),
        "write far out" => told(far_out()),
        "set a size far out" => told(make(0).and_then(|file| file.set_len(8 << 40))),
        "append much" => told(append_much()),
        "make many files" => told((0..1_000_000).try_for_each(|n| make(n).map(drop))),
        "make many directories" => told(
            (0..1_000_000).try_for_each(|n| fs::create_dir(output_dir().join(format!("d{n}")))),
        ),
        "open much" => told(open_much()),
        "make links" => told(make_links()),
        "wait for a pipe" => told(wait_for_a_pipe()),
        other => Err(Error::invalid_config(format!("nobody knows how to `{other}`"))),
    }
}

fn told(done: io::Result<()>) -> Result<()> {
    done.map_err(|error| Error::io("a file of the rogue's", &error))
}

fn make(n: u64) -> io::Result<File> {
    File::create(output_dir().join(format!("f{n}")))
}

fn fill() -> io::Result<()> {
    let mut file = make(0)?;
    let some = vec![b'x'; 1 << 20];
    loop {
        file.write_all(&some)?;
    }
}

fn append_much() -> io::Result<()> {
    let some = vec![b'x'; 1 << 20];
    loop {
        let path = output_dir().join("f0");
        File::options().create(true).append(true).open(path)?.write_all(&some)?;
    }
}

/// One byte, 8 TiB from the start.
fn far_out() -> io::Result<()> {
    let mut file = make(0)?;
    file.seek(SeekFrom::Start(8 << 40))?;
    file.write_all(b"x")
}

fn open_much() -> io::Result<()> {
    let mut open = vec![make(0)?];
    loop {
        open.push(File::open(output_dir().join("f0"))?);
    }
}

/// Links to what lies outside, by every way that there is; that one was made is no harm
/// as long as nobody follows it.
fn make_links() -> io::Result<()> {
    let dir = output_dir();
    #[allow(deprecated, reason = "the one way to make a link without an unstable feature")]
    for (to, name) in [("/etc/passwd", "absolute"), ("../../../../r.jsonl", "above"), (".", "self")]
    {
        let _ = fs::hard_link(to, dir.join(format!("hard-{name}")));
        if fs::soft_link(to, dir.join(name)).is_err() {
            continue;
        }
        if fs::read(dir.join(name)).is_ok() || fs::write(dir.join(name), "stray").is_ok() {
            return Err(io::Error::other(format!("the link `{name}` led out")));
        }
    }
    Ok(())
}

/// Opens what others may have put into its directory, once they have.
fn wait_for_a_pipe() -> io::Result<()> {
    let pipe = output_dir().join("pipe");
    while fs::symlink_metadata(&pipe).is_err() {}
    fs::read(pipe).map(drop)
}
