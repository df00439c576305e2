//! What npm clients send, read and checked.

pub mod body;
pub mod edit;
pub mod facts;
pub mod foreign;
pub mod manifest;
pub mod packument;
pub mod provenance;
pub mod publish;
pub mod tarball;

mod showing;
mod summary;

pub use showing::NpmShowing;
