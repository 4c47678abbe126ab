//! tests

#[cfg(test)]
mod conformance;
