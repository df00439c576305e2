//! What Swift clients send, read and checked, and the documents that they read.

pub mod archive;
pub mod confirm;
pub mod facts;
pub mod metadata;
pub mod prepare;
pub mod publish;
pub mod releases;
pub mod sources;
pub mod withdraw;
