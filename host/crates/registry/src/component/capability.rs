//! What a component asks to be able to do, in plain words, and what it gets.
//!
//! All that a component can do to the world goes through its imports, so these say it:
//! the table below is the whole of it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use perfbox_model::permissions::Permissions;

use crate::contract::{CONTRACT_PACKAGE, is_compatible};

/// Something that a component asks to be able to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Write messages for people.
    Log,
    /// Read the run's records.
    Batches,
    /// Tell the time, and wait.
    Clocks,
    /// Draw random numbers.
    Random,
    /// Read and write files.
    Filesystem,
    /// Read environment variables and arguments.
    Environment,
    /// Read standard input, write standard output and standard error.
    Stdio,
    /// Use the network by TCP, UDP and DNS.
    Sockets,
    /// Send and answer HTTP requests.
    Http,
    /// Call what this host does not know, by the name of the import.
    Import(String),
}

/// What becomes of an ability that a component asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// It has it.
    Granted,
    /// It has it, and finds nothing there.
    Empty,
    /// Every call fails.
    Denied,
    /// The host does not have it, and refuses to load a component that needs it.
    Refused,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Granted => "granted",
            Self::Empty => "empty",
            Self::Denied => "denied",
            Self::Refused => "refused",
        })
    }
}

/// Those that have a word of their own.
const PLAIN: [Capability; 9] = [
    Capability::Log,
    Capability::Batches,
    Capability::Clocks,
    Capability::Random,
    Capability::Filesystem,
    Capability::Environment,
    Capability::Stdio,
    Capability::Sockets,
    Capability::Http,
];

/// In front of the name of an import. No word of the others has a blank, so an import
/// that is named like one of them is not taken for it.
const IMPORT_PREFIX: &str = "import ";

impl Capability {
    /// Whether a plugin with these permissions may have it.
    pub fn is_allowed(&self, permissions: &Permissions) -> bool {
        match self {
            Self::Filesystem => permissions.output || !permissions.read.is_empty(),
            _ => true,
        }
    }

    /// What this import lets a component do. None for what only comes with others:
    /// types, streams, polling, and ending itself, which every component can.
    pub fn of_import(name: &str) -> Option<Self> {
        let unknown = || Some(Self::Import(name.to_owned()));
        let Some((interface, version)) = name.split_once('@') else { return unknown() };
        let Some((package, interface)) = interface.split_once('/') else { return unknown() };
        let is_linked = match package {
            CONTRACT_PACKAGE => is_compatible(version),
            // Whatever its version is, it is not there.
            "wasi:http" => return Some(Self::Http),
            package if package.starts_with("wasi:") => is_wasi_0_2(version),
            _ => false,
        };
        if !is_linked {
            return unknown();
        }
        Some(match (package, interface) {
            (CONTRACT_PACKAGE, "types")
            | ("wasi:io", "error" | "poll" | "streams")
            | ("wasi:cli", "exit") => return None,
            (CONTRACT_PACKAGE, "logging") => Self::Log,
            (CONTRACT_PACKAGE, "batches") => Self::Batches,
            ("wasi:clocks", "monotonic-clock" | "wall-clock") => Self::Clocks,
            ("wasi:random", "random" | "insecure" | "insecure-seed") => Self::Random,
            ("wasi:filesystem", "preopens" | "types") => Self::Filesystem,
            ("wasi:cli", "environment") => Self::Environment,
            ("wasi:cli", "stdin" | "stdout" | "stderr") => Self::Stdio,
            (
                "wasi:cli",
                "terminal-input" | "terminal-output" | "terminal-stdin" | "terminal-stdout"
                | "terminal-stderr",
            ) => Self::Stdio,
            (
                "wasi:sockets",
                "instance-network" | "ip-name-lookup" | "network" | "tcp" | "tcp-create-socket"
                | "udp" | "udp-create-socket",
            ) => Self::Sockets,
            _ => return unknown(),
        })
    }

    /// What becomes of it.
    pub fn access(&self) -> Access {
        match self {
            Self::Log
            | Self::Batches
            | Self::Clocks
            | Self::Random
            | Self::Filesystem
            | Self::Stdio => Access::Granted,
            Self::Environment => Access::Empty,
            Self::Sockets => Access::Denied,
            Self::Http | Self::Import(_) => Access::Refused,
        }
    }

    /// What it means, and how far it goes here, for people.
    pub fn explanation(&self) -> &'static str {
        match self {
            Self::Log => "messages to standard error, so many a second",
            Self::Batches => "the run's records, each batch for the length of a call",
            Self::Clocks => "the time, and waiting within a call's deadline",
            Self::Random => "random numbers",
            Self::Filesystem => "files in its own output directory and nowhere else",
            Self::Environment => "no environment variables and no arguments",
            Self::Stdio => "output goes to its log; standard input is closed",
            Self::Sockets => "every call for TCP, UDP or DNS fails",
            Self::Http => "no plugin has HTTP; a component that needs it is not loaded",
            Self::Import(_) => "not known to this perfbox; a component that needs it is not loaded",
        }
    }
}

/// True for a version on the track of WASI 0.2, which the host links; a preview of it
/// is on none.
fn is_wasi_0_2(version: &str) -> bool {
    let patch = version.strip_prefix("0.2.").unwrap_or_default();
    !patch.is_empty() && patch.bytes().all(|digit| digit.is_ascii_digit())
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "log",
            Self::Batches => "batches",
            Self::Clocks => "clocks",
            Self::Random => "random",
            Self::Filesystem => "filesystem",
            Self::Environment => "environment",
            Self::Stdio => "stdio",
            Self::Sockets => "sockets",
            Self::Http => "http",
            Self::Import(name) => return write!(f, "{IMPORT_PREFIX}{name}"),
        })
    }
}

impl FromStr for Capability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix(IMPORT_PREFIX) {
            return Ok(Self::Import(name.to_owned()));
        }
        PLAIN.into_iter().find(|one| one.to_string() == text).ok_or_else(|| {
            let words = PLAIN.map(|one| one.to_string()).join(", ");
            format!(
                "`{}` is not an ability; they are {words}, and `{IMPORT_PREFIX}NAME`",
                perfbox_model::escape(text)
            )
        })
    }
}

impl Serialize for Capability {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Capability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::CONTRACT_VERSION;

    #[test]
    fn an_import_is_an_ability_by_its_interface_and_version() {
        let of =
            |name: &str| Capability::of_import(name).map(|one| (one.to_string(), one.access()));
        let own = |interface| format!("{CONTRACT_PACKAGE}/{interface}@{CONTRACT_VERSION}");
        for (name, word, access) in [
            (own("logging").as_str(), "log", Access::Granted),
            (own("batches").as_str(), "batches", Access::Granted),
            ("wasi:clocks/monotonic-clock@0.2.0", "clocks", Access::Granted),
            ("wasi:random/insecure-seed@0.2.6", "random", Access::Granted),
            ("wasi:filesystem/preopens@0.2.6", "filesystem", Access::Granted),
            ("wasi:cli/environment@0.2.6", "environment", Access::Empty),
            ("wasi:cli/terminal-stdout@0.2.6", "stdio", Access::Granted),
            ("wasi:sockets/ip-name-lookup@0.2.6", "sockets", Access::Denied),
            ("wasi:http/outgoing-handler@0.2.6", "http", Access::Refused),
            ("wasi:http/client@0.3.0", "http", Access::Refused),
        ] {
            assert_eq!(of(name), Some((word.to_owned(), access)), "{name}");
        }
        for without in [own("types").as_str(), "wasi:io/streams@0.2.6", "wasi:cli/exit@0.2.6"] {
            assert_eq!(of(without), None);
        }
    }

    #[test]
    fn what_the_host_does_not_link_is_named_and_refused() {
        for name in [
            "acme:secrets/vault@1.0.0",
            "perfbox:plugin/logging@99.0.0",
            &format!("{CONTRACT_PACKAGE}/metrics@{CONTRACT_VERSION}"),
            "wasi:keyvalue/store@0.2.0",
            "wasi:clocks/wall-clock@0.2.0-rc-2023-11-10",
            "wasi:clocks/timezone@0.2.0",
            "wasi:sockets/tcp@0.3.0",
            "wasi:cli/environment",
            "sockets",
            "",
        ] {
            let ability = Capability::of_import(name).unwrap();
            assert_eq!(ability, Capability::Import(name.to_owned()));
            assert_eq!(ability.access(), Access::Refused);
        }
    }

    #[test]
    fn an_ability_is_read_as_it_is_written_and_no_import_passes_for_another() {
        let log = Capability::of_import("log").unwrap();
        assert_eq!(log.to_string(), "import log");
        for ability in PLAIN.into_iter().chain([log, Capability::Import("import log".to_owned())]) {
            assert_eq!(ability.to_string().parse(), Ok(ability));
        }
        assert_eq!(
            "socket\n".parse::<Capability>().unwrap_err(),
            "`socket\\n` is not an ability; they are log, batches, clocks, random, filesystem, \
             environment, stdio, sockets, http, and `import NAME`"
        );
    }
}
