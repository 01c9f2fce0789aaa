//! Roles that the fields of an input have.

use crate::time::TimeForm;

/// A field of the input that is something.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BoundField {
    /// Its place in a row.
    pub(crate) field: usize,
    /// Its name in the input.
    pub(crate) name: String,
    pub(crate) role: FieldRole,
}

/// What a field is, and how it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldRole {
    Start(TimeForm),
    End(TimeForm),
    /// In so many milliseconds each.
    Latency(f64),
    Status,
    /// A status of vegeta's, which succeeds from 200 to 399.
    Code,
    /// What sort of error; empty for none.
    Error,
    ErrorMessage,
    /// The message of an error; empty for none.
    Failure,
    /// Whether it succeeded.
    Success,
    Name,
    /// Put before the name.
    Method,
    Phase,
    Session,
    Worker,
    Cancelled,
    /// A number under a name, in a unit.
    Metric(String, String),
}
