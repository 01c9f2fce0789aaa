//! Reads the bytes of a component from its location.

use std::borrow::Cow;

use perfbox_model::files::read_at_most;
use perfbox_model::limits::{RAISE, format_bytes};

use crate::package::ComponentLocation;

/// Next step for a component that the compiler refuses.
pub const REBUILD: &str = "rebuild it for wasm32-wasip2";

/// Errors of reading a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentReadError {
    /// File that cannot be read.
    #[error("cannot read component {place}: {reason}")]
    Unreadable {
        /// The component.
        place: String,
        /// Error of the operating system.
        reason: String,
    },
    /// Component outside its package.
    #[error(
        "component {place} is outside its package, through a symbolic link; copy the file into the package"
    )]
    Outside {
        /// The component.
        place: String,
    },
    /// File that is not a valid component.
    #[error("cannot compile component {place}: {reason}")]
    Invalid {
        /// The component.
        place: String,
        /// Problem and next step.
        reason: String,
    },
}

/// Reads a component of at most `max_bytes`, which must be inside its package.
///
/// # Errors
/// If the file cannot be read, is too large, or is outside its package.
pub fn read_component(
    location: &ComponentLocation,
    max_bytes: usize,
) -> Result<Cow<'static, [u8]>, ComponentReadError> {
    match location {
        ComponentLocation::Builtin => Ok(Cow::Borrowed(perfbox_builtins::COMPONENT)),
        ComponentLocation::File { package_dir, path } => {
            let unreadable = |error: std::io::Error| ComponentReadError::Unreadable {
                place: location.to_string(),
                reason: match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        "file not found; check `component` in the package's registry.yaml"
                            .to_owned()
                    }
                    std::io::ErrorKind::FileTooLarge => {
                        let limit = format_bytes(max_bytes);
                        format!("file is larger than limit `component_file` of {limit}; {}", RAISE)
                    }
                    _ => error.to_string(),
                },
            };
            let inside = path.parent().unwrap_or(path).canonicalize().map_err(unreadable)?;
            if !inside.starts_with(package_dir.canonicalize().map_err(unreadable)?) {
                return Err(ComponentReadError::Outside { place: location.to_string() });
            }
            read_at_most(path, max_bytes).map(Cow::Owned).map_err(unreadable)
        }
    }
}
