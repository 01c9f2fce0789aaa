//! Readers: how a block of each format becomes records.

pub(crate) mod aiperf;
pub(crate) mod csv;
pub(crate) mod guidellm_json;
pub(crate) mod jsonl;
pub(crate) mod k6_csv;
pub(crate) mod k6_json;
pub(crate) mod parquet;
pub(crate) mod request;
pub(crate) mod tools_csv;
pub(crate) mod vegeta_json;
pub(crate) mod vllm_json;
