//! Lock file: YAML that is deterministic, with one line per value, for small diffs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::component::LockedComponent;
use super::pins::Lock;
use crate::yaml::{self, ConfigError, Versioned, YamlError};
use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, InvalidName};

/// The first line of a lock.
const HEAD: &str = "\
# The components that `perfbox run` loads here, as they were looked at. Written by
# `perfbox plugins lock`; keep it with the config file, and do not edit it.
";

/// Errors of reading or writing a lock.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Lock that cannot be read or is invalid.
    #[error("cannot use the lock; fix it, or remove it and run `perfbox plugins lock`")]
    Unusable(#[source] YamlError),
    /// Broken symbolic link.
    #[error(
        "lock `{}` is a broken link to `{}`; fix the link, or remove it and run `perfbox plugins lock`",
        escape(&path.to_string_lossy()),
        escape(&target.to_string_lossy())
    )]
    Dangling {
        /// The link.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Lock that would be too large.
    #[error("lock `{}` would have {bytes} bytes, maximum {}; select fewer plugins", escape(&path.to_string_lossy()), yaml::MAX_BYTES)]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: usize,
    },
    /// Lock that cannot be written.
    #[error("cannot write lock `{}`; use another path with --lock", escape(&path.to_string_lossy()))]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLock {
    schema_version: Option<Spanned<String>>,
    packages: Vec<RawComponent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    name: Spanned<String>,
    version: String,
    contract: String,
    component: String,
    digest: Spanned<String>,
    abilities: Vec<Spanned<String>>,
    serves: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    auto_loaded: Vec<Spanned<String>>,
}

impl Versioned for RawLock {
    const REQUIRED: &'static str = "a lock requires `packages`";
    const VERSION: &'static str = "1.0";

    fn schema_version(&self) -> Option<&Spanned<String>> {
        self.schema_version.as_ref()
    }
}

impl Lock {
    /// Reads the lock at `path`; `None` if there is no file.
    ///
    /// # Errors
    /// If it cannot be read, or is invalid, with line and column.
    pub fn read(path: &Path) -> Result<Option<Self>, LockError> {
        if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(None);
        }
        // Otherwise the error would say that the link is not a regular file.
        if let (Ok(target), Err(source)) = (path.read_link(), path.canonicalize()) {
            return Err(LockError::Dangling { path: path.to_owned(), target, source });
        }
        let text = yaml::read_through_link(path).map_err(LockError::Unusable)?;
        Self::parse(&text, path).map(Some)
    }

    /// Parses the text of a lock; `path` is its file.
    ///
    /// # Errors
    /// For an invalid lock, with line and column.
    pub fn parse(text: &str, path: &Path) -> Result<Self, LockError> {
        let components = check(text).map_err(|error| LockError::Unusable(error.in_file(path)))?;
        Ok(Self { path: path.to_owned(), exclusive: false, components })
    }

    /// Writes or replaces the lock atomically.
    ///
    /// # Errors
    /// If it is too large, or cannot be written.
    pub fn write(&self) -> Result<(), LockError> {
        let text = self.to_yaml();
        if text.len() > yaml::MAX_BYTES {
            return Err(LockError::TooLarge { path: self.path.clone(), bytes: text.len() });
        }
        let write = || {
            let target = yaml::resolve_link(&self.path);
            let dir = target.parent().filter(|dir| !dir.as_os_str().is_empty());
            let mut temporary = tempfile::Builder::new();
            // Temporary files are private by default; a lock follows the umask.
            #[cfg(unix)]
            temporary.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
            let dir = dir.unwrap_or(Path::new("."));
            dir.metadata()?;
            // The original message would name the temporary file.
            let plain = |error: io::Error| io::Error::from(error.kind());
            let mut file = temporary.prefix(".perfbox.lock.").tempfile_in(dir).map_err(plain)?;
            file.write_all(text.as_bytes())?;
            // Without this, a crash could leave an empty file.
            file.as_file().sync_all()?;
            file.persist(&target).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|source| LockError::Unwritable { path: self.path.clone(), source })
    }

    /// Text of the lock file: sorted, with one line per value, and deterministic.
    pub fn to_yaml(&self) -> String {
        let mut text = format!("{HEAD}schema_version: {}\npackages:", quoted(RawLock::VERSION));
        if self.components.is_empty() {
            text.push_str(" []\n");
            return text;
        }
        text.push('\n');
        for one in &self.components {
            let values = [
                ("  - name", one.package.as_str()),
                ("    version", &one.version),
                ("    contract", &one.contract),
                ("    component", &one.component),
                ("    digest", &one.digest.to_string()),
            ];
            text.extend(values.iter().map(|(key, value)| format!("{key}: {}\n", quoted(value))));
            let key_of = |(category, id): &(Category, Identifier)| format!("{category}/{id}");
            let listed = |value: String| format!("      - {}\n", quoted(&value));
            let empty = if one.capabilities.is_empty() { " []" } else { "" };
            text.push_str(&format!("    abilities:{empty}\n"));
            text.extend(one.capabilities.iter().map(|ability| listed(ability.to_string())));
            let empty = if one.serves.is_empty() { " {}" } else { "" };
            text.push_str(&format!("    serves:{empty}\n"));
            text.extend(one.serves.iter().map(|(key, class)| {
                format!("      {}: {}\n", quoted(&key_of(key)), quoted(class))
            }));
            if !one.auto_loaded.is_empty() {
                text.push_str("    auto_loaded:\n");
                text.extend(one.auto_loaded.iter().map(|key| listed(key_of(key))));
            }
        }
        text
    }
}

fn check(text: &str) -> Result<Vec<LockedComponent>, ConfigError> {
    let raw: RawLock = yaml::parse(text)?;
    let mut components: Vec<LockedComponent> = Vec::new();
    for one in raw.packages {
        let component = check_component(one, &components)?;
        components.push(component);
    }
    components.sort();
    Ok(components)
}

fn check_component(
    raw: RawComponent,
    others: &[LockedComponent],
) -> Result<LockedComponent, ConfigError> {
    let mut capabilities = BTreeSet::new();
    for ability in raw.abilities {
        capabilities.insert(
            ability.value.parse().map_err(|message: String| ConfigError::at(&ability, message))?,
        );
    }
    let mut serves = BTreeMap::new();
    for (key, class) in raw.serves {
        let invalid = |message: String| ConfigError::at(&class, message);
        let served = check_key(&key).map_err(invalid)?;
        if others.iter().any(|other| other.serves.contains_key(&served)) {
            return Err(invalid(format!("duplicate implementation `{key}`; remove one")));
        }
        serves.insert(served, class.value);
    }
    let mut auto_loaded = BTreeSet::new();
    for key in raw.auto_loaded {
        let joined = check_key(&key.value).map_err(|message| ConfigError::at(&key, message))?;
        if !serves.contains_key(&joined) {
            let message = format!("`{}` is not in `serves` of this component", key.value);
            return Err(ConfigError::at(&key, message));
        }
        auto_loaded.insert(joined);
    }
    Ok(LockedComponent {
        package: raw
            .name
            .value
            .parse()
            .map_err(|error: InvalidName| ConfigError::at(&raw.name, error.to_string()))?,
        version: raw.version,
        contract: raw.contract,
        component: raw.component,
        digest: raw
            .digest
            .value
            .parse()
            .map_err(|message: String| ConfigError::at(&raw.digest, message))?,
        capabilities,
        serves,
        auto_loaded,
    })
}

fn check_key(key: &str) -> Result<(Category, Identifier), String> {
    let (category, identifier) = key
        .split_once('/')
        .ok_or_else(|| format!("invalid implementation `{}`; use CATEGORY/ID", escape(key)))?;
    let message = |error: InvalidName| error.to_string();
    Ok((category.parse().map_err(message)?, identifier.parse().map_err(message)?))
}

/// Double-quoted YAML string. Invisible characters become escapes, so that the file shows all
/// of its content.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if escape(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() => quoted.push(c),
            c => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::capability::Capability;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn served(identifier: &str) -> (Category, Identifier) {
        (Category::PhaseHook, identifier.parse().unwrap())
    }

    fn component(package: &str, version: &str, serves: &str) -> LockedComponent {
        LockedComponent {
            package: package.parse().unwrap(),
            version: version.to_owned(),
            component: "a/b.wasm".to_owned(),
            contract: "0.2.0".to_owned(),
            digest: DIGEST.parse().unwrap(),
            capabilities: ["log", "import acme:x/y@1.0.0"].map(|one| one.parse().unwrap()).into(),
            serves: BTreeMap::from([(served(serves), "Audit".to_owned())]),
            auto_loaded: BTreeSet::new(),
        }
    }

    fn lock(components: &[LockedComponent]) -> Lock {
        let path = PathBuf::from("perfbox.lock");
        Lock { path, exclusive: false, components: components.to_vec() }
    }

    #[test]
    fn lock_round_trips_through_yaml() {
        // Texts that YAML would read as another type, or that an editor would not show.
        for version in
            ["", "1.0", "null", "- a: b # c", "\"\\ \n\t\u{1b}[31m\u{202e}", "日本 \u{feff}"]
        {
            let mut odd = component("true", version, "null");
            odd.component = version.to_owned();
            odd.serves = BTreeMap::from([(served("null"), version.to_owned())]);
            odd.auto_loaded = BTreeSet::from([served("null")]);
            odd.capabilities = BTreeSet::from([Capability::Import(version.to_owned())]);
            let bare = LockedComponent {
                capabilities: BTreeSet::new(),
                serves: BTreeMap::new(),
                ..component("x", "2", "y")
            };
            let written = lock(&[odd, bare]);
            let text = written.to_yaml();
            assert_eq!(Lock::parse(&text, Path::new("perfbox.lock")).unwrap(), written, "{text}");
            assert!(text.lines().all(|line| escape(line) == line), "{text:?}");
        }
        let empty = lock(&[]);
        assert_eq!(Lock::parse(&empty.to_yaml(), Path::new("perfbox.lock")).unwrap(), empty);
    }

    #[test]
    fn each_value_has_a_line_of_its_own() {
        let mut joining = component("acme", "1.0.0", "audit");
        joining.auto_loaded = BTreeSet::from([served("audit")]);
        let text = lock(&[joining]).to_yaml();
        let (_, values) = text.split_once("schema_version").unwrap();
        assert_eq!(
            values,
            format!(
                r#": "1.0"
packages:
  - name: "acme"
    version: "1.0.0"
    contract: "0.2.0"
    component: "a/b.wasm"
    digest: "{DIGEST}"
    abilities:
      - "log"
      - "import acme:x/y@1.0.0"
    serves:
      "phase_hook/audit": "Audit"
    auto_loaded:
      - "phase_hook/audit"
"#
            )
        );
    }

    #[test]
    fn invalid_lock_is_refused_with_line_and_column() {
        let good = lock(&[component("acme", "1.0.0", "audit")]).to_yaml();
        let message = |text: &str| {
            let error = Lock::parse(text, Path::new("perfbox.lock")).unwrap_err();
            std::error::Error::source(&error).unwrap().to_string()
        };
        for (from, to, expected) in [
            ("\"1.0\"", "\"2.0\"", "perfbox.lock:3:17: unsupported schema_version `2.0`"),
            ("acme\"", "Acme\"", "perfbox.lock:5:11: invalid package name `Acme`"),
            ("sha256:", "md5:", "perfbox.lock:9:13: `md5:"),
            (
                "\"log\"",
                "\"logs\"",
                "perfbox.lock:11:9: unknown capability `logs`; use one of log,",
            ),
            ("phase_hook/", "hook/", "perfbox.lock:14:21: invalid category `hook`"),
            (
                "phase_hook/",
                "",
                "perfbox.lock:14:16: invalid implementation `audit`; use CATEGORY/ID",
            ),
            ("/audit", "/A", "perfbox.lock:14:23: invalid identifier `A`"),
            (
                "    serves",
                "    auto_loaded: [\"phase_hook/x\"]\n    serves",
                "perfbox.lock:13:19: `phase_hook/x` is not in `serves` of this component",
            ),
            ("version: \"1.0.0\"", "verison: \"1.0.0\"", "perfbox.lock:6:5: unknown field"),
            ("packages:", "<<<<<<< ours\npackages:", "perfbox.lock:4:"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good);
            let message = message(&text);
            assert!(message.starts_with(expected), "{expected}: {message}");
        }
        assert!(message("").contains("document is empty; a lock requires `packages`"));
        let twice = component("acme", "1.0.0", "audit");
        let message = message(&lock(&[twice.clone(), twice]).to_yaml());
        assert_eq!(
            message,
            "perfbox.lock:24:27: duplicate implementation `phase_hook/audit`; remove one"
        );
    }
}
