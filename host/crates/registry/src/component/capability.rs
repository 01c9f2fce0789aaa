//! Capabilities that a component requests, and the access that it gets.
//!
//! A component interacts with the outside only through its imports, so its imports determine
//! its capabilities. The table in [`Capability::of_import`] is complete.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use perfbox_model::permissions::Permissions;

use crate::contract::{CONTRACT_PACKAGE, is_compatible};

/// Capability that a component requests by an import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Write log messages.
    Log,
    /// Read the records of the run.
    Batches,
    /// Read clocks, and wait.
    Clocks,
    /// Get random numbers.
    Random,
    /// Read and write files.
    Filesystem,
    /// Read environment variables and arguments.
    Environment,
    /// Read standard input, write standard output and standard error.
    Stdio,
    /// Use TCP, UDP and DNS.
    Sockets,
    /// Send and answer HTTP requests.
    Http,
    /// Unknown import, by name.
    Import(String),
}

/// Access that a component gets to a requested capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Available.
    Granted,
    /// Available, but without content.
    Empty,
    /// Linked, but every call fails.
    Denied,
    /// Not linked: the host refuses to load the component.
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

/// Capabilities with a name of their own.
const NAMED: [Capability; 9] = [
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

/// Prefix of the name of an unknown import. It contains a space, unlike other names, so that
/// an import named `log` is not mistaken for the capability.
const IMPORT_PREFIX: &str = "import ";

impl Capability {
    /// True if the permissions allow the capability.
    pub fn is_allowed(&self, permissions: &Permissions) -> bool {
        match self {
            Self::Filesystem => permissions.output || !permissions.read.is_empty(),
            _ => true,
        }
    }

    /// Capability of an import; `None` for imports that grant nothing by themselves: types,
    /// streams, polling, and exit.
    pub fn of_import(name: &str) -> Option<Self> {
        let unknown = || Some(Self::Import(name.to_owned()));
        let Some((interface, version)) = name.split_once('@') else { return unknown() };
        let Some((package, interface)) = interface.split_once('/') else { return unknown() };
        let is_linked = match package {
            CONTRACT_PACKAGE => is_compatible(version),
            // Not linked in any version.
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

    /// Access that a component gets.
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

    /// Explanation for users.
    pub fn explanation(&self) -> &'static str {
        match self {
            Self::Log => "messages to standard error, with a rate limit",
            Self::Batches => "the records of the run",
            Self::Clocks => "current time, and waiting up to the deadline of a call",
            Self::Random => "random numbers",
            Self::Filesystem => "files in its own output directory only",
            Self::Environment => "no environment variables, no arguments",
            Self::Stdio => "output goes to the log, standard input is closed",
            Self::Sockets => "every TCP, UDP or DNS call fails",
            Self::Http => "not supported; the component is not loaded",
            Self::Import(_) => "unknown import; the component is not loaded",
        }
    }
}

/// True for a release of WASI 0.2, which the host links; false for a prerelease.
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
        NAMED.into_iter().find(|one| one.to_string() == text).ok_or_else(|| {
            let names = NAMED.map(|one| one.to_string()).join(", ");
            format!(
                "unknown capability `{}`; use one of {names}, or `{IMPORT_PREFIX}NAME`",
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
    fn imports_map_to_capabilities_by_interface_and_version() {
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
    fn imports_that_the_host_does_not_link_are_refused() {
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
            let capability = Capability::of_import(name).unwrap();
            assert_eq!(capability, Capability::Import(name.to_owned()));
            assert_eq!(capability.access(), Access::Refused);
        }
    }

    #[test]
    fn capabilities_round_trip_and_no_import_passes_for_another_capability() {
        let log = Capability::of_import("log").unwrap();
        assert_eq!(log.to_string(), "import log");
        for capability in
            NAMED.into_iter().chain([log, Capability::Import("import log".to_owned())])
        {
            assert_eq!(capability.to_string().parse(), Ok(capability));
        }
        assert_eq!(
            "socket\n".parse::<Capability>().unwrap_err(),
            "unknown capability `socket\\n`; use one of log, batches, clocks, random, filesystem, \
             environment, stdio, sockets, http, or `import NAME`"
        );
    }
}
