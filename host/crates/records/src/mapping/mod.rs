//! Maps the fields of an input to the fields of a request.
//!
//! A [`definition`] is what the user writes: `latency=took:ms`. `bind` finds its fields in an
//! input and gives each a `role`; the values of one row make `request_fields`, which are
//! written into a batch in the same way for every format.

pub(crate) mod bind;
pub(crate) mod definition;
pub(crate) mod request_fields;
pub(crate) mod role;
pub(crate) mod values;
