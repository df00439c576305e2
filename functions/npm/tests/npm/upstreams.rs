//! Packages from other registries, against a fake one.

mod basics;
mod besides;
mod confusion;
mod costs;
mod failures;
mod files;
mod freshness;
mod leaving;
mod readers;
mod removals;
mod rules;
mod support;
