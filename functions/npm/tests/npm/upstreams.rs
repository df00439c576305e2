//! Packages from other registries, against a fake one.

mod basics;
mod support;
