//! Roles of input fields.

use crate::time::TimeForm;

/// A field of the input with its role.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BoundField {
    /// Position in a row.
    pub(crate) field: usize,
    /// Name in the input.
    pub(crate) name: String,
    pub(crate) role: FieldRole,
}

/// Role of a field, and the form of its values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldRole {
    Start(TimeForm),
    End(TimeForm),
    /// A latency in units of that many milliseconds.
    Latency(f64),
    Status,
    /// A status of vegeta, which succeeds from 200 to 399.
    Code,
    /// An error type; empty if there is none.
    Error,
    ErrorMessage,
    /// An error message; empty if there is none.
    Failure,
    /// True if the request succeeded.
    Success,
    Name,
    /// The method, put before the name.
    Method,
    Phase,
    Session,
    Worker,
    Cancelled,
    /// A metric: name and unit.
    Metric(String, String),
}
