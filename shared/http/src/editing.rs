//! What every change of a row that somebody else may change at the same time has in common.

use granary_model::Error;
use granary_storage::{Key, Transaction};

use crate::caller::Caller;
use crate::state::AppState;

/// How often a change begins again because another one came first. Settings and members are changed in
/// milliseconds, so this many rivals in a row mean that something is wrong.
pub const ATTEMPTS: u32 = 32;

/// Waits a little before another attempt, for a time that is spread so that rivals do not meet again.
pub async fn pause(state: &AppState, attempt: u32) {
    granary_publish::head_edit::pause(state.ids(), attempt).await;
}

/// The error after the last attempt.
pub fn too_busy(what: &str) -> Error {
    Error::Unavailable(format!("too many changes of this {what} at once; try again"))
}

/// Makes a change depend on the caller's token, so that a token revoked meanwhile changes nothing.
pub fn require_token(transaction: &mut Transaction, caller: &Caller) {
    if let Some(hash) = &caller.token {
        transaction.require("token", Key::Token(hash.clone()));
    }
}

/// What the refusal of a part means that no change treats in a way of its own.
pub fn refused(label: &str) -> Error {
    match label {
        "token" => Error::Unauthorized("the token is unknown, expired or revoked".into()),
        label => Error::internal("committing a change", format!("the part '{label}' was refused")),
    }
}
