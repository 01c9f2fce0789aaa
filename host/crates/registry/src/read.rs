//! The bytes of a component, from where its implementation says that it lies.

use std::borrow::Cow;

use perfbox_model::files::read_at_most;
use perfbox_model::limits::{RAISE, format_bytes};

use crate::package::ComponentLocation;

/// What to do about a component that a compiler refuses.
pub const REBUILD: &str = "build it anew for wasm32-wasip2";

/// Why the component of an implementation cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentReadError {
    /// The file cannot be read, or is none that is read.
    #[error("component {place} cannot be read: {reason}")]
    Unreadable {
        /// The component.
        place: String,
        /// What the system says.
        reason: String,
    },
    /// It lies outside its package.
    #[error(
        "component {place} lies outside its package, through a link; put the file itself into the package"
    )]
    Outside {
        /// The component.
        place: String,
    },
    /// Its bytes are no component.
    #[error("component {place} cannot be compiled: {reason}")]
    Invalid {
        /// The component.
        place: String,
        /// What is wrong with it, and what to do about that.
        reason: String,
    },
}

/// The bytes of a component, so many at most, which must lie in its package.
pub fn read_component(
    location: &ComponentLocation,
    most_bytes: usize,
) -> Result<Cow<'static, [u8]>, ComponentReadError> {
    match location {
        ComponentLocation::Builtin => Ok(Cow::Borrowed(perfbox_builtins::COMPONENT)),
        ComponentLocation::File { package_dir, path } => {
            let unreadable = |error: std::io::Error| ComponentReadError::Unreadable {
                place: location.to_string(),
                reason: match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        "there is no such file; check `component` in the package's registry.yaml"
                            .to_owned()
                    }
                    std::io::ErrorKind::FileTooLarge => {
                        let limit = format_bytes(most_bytes);
                        format!(
                            "it is larger than its limit `component_file` of {limit}; {}",
                            RAISE
                        )
                    }
                    _ => error.to_string(),
                },
            };
            let inside = path.parent().unwrap_or(path).canonicalize().map_err(unreadable)?;
            if !inside.starts_with(package_dir.canonicalize().map_err(unreadable)?) {
                return Err(ComponentReadError::Outside { place: location.to_string() });
            }
            read_at_most(path, most_bytes).map(Cow::Owned).map_err(unreadable)
        }
    }
}
