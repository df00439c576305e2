//! Upload sessions: files that clients send to the bucket themselves, and that are published together.
//!
//! [`parts`] says what has arrived, [`state`] how a session goes on, [`finish`] verifies the bytes and publishes
//! them. Whether the caller may do any of it is decided before.

pub mod finish;
pub mod parts;
pub mod state;

pub(crate) mod verify;
