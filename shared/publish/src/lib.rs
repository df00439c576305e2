//! Archive readers, the publish pipeline and index documents.
//!
//! A publish reads the bytes once ([`spool`], [`digests`]), checks the archive ([`npm::tarball`]), stores the
//! bytes by their digest, and commits version, head, usage, blob, audit record and outbox event in one
//! transaction ([`head_edit`]). Index documents ([`documents`]) are rendered from committed rows, never the
//! other way round.

pub mod base64_spool;
pub mod change;
pub mod composer;
pub mod compress;
pub mod details;
pub mod digests;
pub mod documents;
pub mod entity;
pub mod files;
pub mod handover;
pub mod head_edit;
pub mod joint;
pub mod json_guard;
pub mod listing;
pub mod maven;
pub mod npm;
pub mod order;
pub mod pacing;
pub mod policy;
pub mod product;
pub mod quarantine;
pub mod raw;
pub mod seen;
pub mod shelf;
pub mod spool;
pub mod swift;
pub mod upload;

mod burial;
mod zip_archive;

pub use change::{Change, OUTBOX_SHARDS, tell, tell_later};
pub use documents::{Document, DocumentCache, Renderer, Source, render_and_store};
pub use head_edit::{Applied, Target, edit_head};
pub use json_guard::{JsonLimits, parse_json};
