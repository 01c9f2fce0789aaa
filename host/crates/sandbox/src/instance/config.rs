//! What one instance is made with.

use std::path::PathBuf;

use perfbox_model::cancel::CancelToken;
use perfbox_model::limits::Limits;
use perfbox_model::permissions::Permissions;

/// What one instance is made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct InstanceConfig {
    /// The plugin's name in logs.
    pub(crate) identifier: String,
    /// Which of the component's implementations.
    pub(crate) class: String,
    /// Checked parameters, a JSON object.
    pub(crate) config: String,
    /// What it may use.
    pub(crate) limits: Limits,
    /// What it is given.
    pub(crate) permissions: Permissions,
    /// Its own directory, `/out` to the guest; none: no file system.
    pub(crate) output_dir: Option<PathBuf>,
    /// Whether two runs must be alike to the byte.
    pub(crate) deterministic: bool,
    /// The end of the run, asked for.
    pub(crate) cancel: CancelToken,
}
