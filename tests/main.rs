//! Black-box tests: through the binary, and through the library as an embedder uses it.

mod support;
