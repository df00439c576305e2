//! S3 over a folder.
//!
//! An object is one file: its bytes, and behind them what else is known of it. A write goes to a temporary
//! file, is flushed, and is then moved into place, so that there is no moment at which a part of an object
//! or an object without its metadata can be seen, and what has been acknowledged survives a power cut.

pub(crate) mod listener;

mod checksums;
mod conditions;
mod copy;
mod credentials;
mod delete;
mod key_path;
mod lasting;
mod list;
mod multipart;
mod object_file;
mod operations;
mod read;
mod service;
mod sink;
mod store;
mod write;

pub use credentials::S3Credentials;
pub(crate) use service::S3Engine;
