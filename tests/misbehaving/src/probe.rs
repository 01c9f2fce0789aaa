//! Tries to reach what no plugin may, and counts what it got.

use std::fs;
use std::io::Read;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};

use perfbox_guest::{
    Batch, NoConfig, PhaseSummary, ProcessingResult, Processor, Result, output_dir,
};

/// Paths outside of the directory that it is given.
const OUTSIDE: [&str; 6] = [
    "/stray.txt",
    "/out/../stray.txt",
    "../stray.txt",
    "/tmp/stray.txt",
    "/out/sub/../../stray.txt",
    "stray.txt",
];

/// Tries once, when it is made.
pub(crate) struct Probe {
    written_outside: u64,
    read_outside: u64,
    links: u64,
}

impl Processor for Probe {
    type Config = NoConfig;

    fn new(_config: NoConfig) -> Result<Self> {
        let written = OUTSIDE.iter().filter(|path| fs::write(path, "stray").is_ok()).count();
        let read = ["/etc/hostname", "/proc/self/environ", "/out/../summary.json", "/"];
        let read = read.iter().filter(|path| fs::metadata(path).is_ok()).count();
        // Made, then followed: neither may lead out.
        let link = output_dir().join("link");
        #[allow(deprecated, reason = "the one way to make a link without an unstable feature")]
        let linked = fs::soft_link("/etc", &link).is_ok() && fs::read_dir(&link).is_ok();
        fs::write(output_dir().join("kept.txt"), "kept")
            .map_err(|error| perfbox_guest::Error::io("kept.txt", &error))?;
        Ok(Self {
            written_outside: written as u64,
            read_outside: read as u64,
            links: u64::from(linked),
        })
    }

    fn process(&mut self, _batch: &Batch) -> Result<()> {
        Ok(())
    }

    fn finish(self, _phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let mut input = Vec::new();
        let read = std::io::stdin().read_to_end(&mut input).unwrap_or(0);
        let sockets = [
            TcpStream::connect("127.0.0.1:80").is_ok(),
            UdpSocket::bind("127.0.0.1:0").is_ok(),
            "localhost:80".to_socket_addrs().is_ok(),
        ];
        let sockets = sockets.iter().filter(|opened| **opened).count();
        Ok(ProcessingResult::new()
            .metric("written_outside", self.written_outside, "files")
            .metric("read_outside", self.read_outside, "files")
            .metric("links_followed", self.links, "links")
            .metric("variables", std::env::vars_os().count() as u64, "variables")
            .metric("arguments", std::env::args_os().count() as u64, "arguments")
            .metric("standard_input", read as u64, "bytes")
            .metric("sockets", sockets as u64, "sockets"))
    }
}
