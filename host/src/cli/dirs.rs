//! The user's own directories, as the XDG base directory specification says. None where
//! there is no home directory.

use std::path::PathBuf;

/// Plugins of the user's own.
pub(crate) fn user_plugins() -> Option<PathBuf> {
    Some(base("XDG_DATA_HOME", ".local/share")?.join("plugins"))
}

/// What can be made anew: compiled code, the index of manifests.
pub(crate) fn cache() -> Option<PathBuf> {
    base("XDG_CACHE_HOME", ".cache")
}

/// What vouches for the cache, kept elsewhere than the cache.
pub(crate) fn cache_key() -> Option<PathBuf> {
    Some(base("XDG_STATE_HOME", ".local/state")?.join("cache.key"))
}

fn base(variable: &str, below_home: &str) -> Option<PathBuf> {
    // A relative path in such a variable is to be ignored.
    let set = |variable| {
        let value = std::env::var_os(variable).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    let base = set(variable).or_else(|| Some(set("HOME")?.join(below_home)))?;
    Some(base.join("perfbox"))
}
