//! What Maven clients send, read and checked, and the documents that they read.

pub mod dependencies;
pub mod facts;
pub mod foreign;
pub mod listing;
pub mod metadata;
pub mod plugin;
pub mod pom;
pub mod prune;
pub mod rules;

mod encoding;
mod snapshots;
mod xml;

pub use facts::{License, MavenFacts};
pub use rules::{MavenRules, MavenShowing, reshow};
pub use snapshots::newest_file;
