//! What every change of something that a seller keeps has in common.

use granary_http::AppState;
use granary_http::editing::{refused, require_token};
use granary_http::seller::Seller;
use granary_model::{Error, Result};
use granary_storage::{Commit, Transaction};

/// The label of a row that must still be as it was read.
pub(crate) const READ: &str = "row";

/// What the audit log says of a change.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    /// Such as `consumer.update`.
    pub(crate) action: &'static str,
    /// Such as `consumers/5`. Neither a key nor an address.
    pub(crate) target: String,
}

impl Deed {
    /// A deed done to something with a number.
    pub(crate) fn of(action: &'static str, what: &str, id: u64) -> Self {
        Self { action, target: format!("{what}/{id}") }
    }
}

/// Commits a change together with its audit record, while token and tenant are still there. `false`: a row with the label
/// [`READ`] is not as it was read.
///
/// # Errors
/// What it means that another row was refused.
pub(crate) async fn commit(
    state: &AppState,
    seller: &Seller,
    mut transaction: Transaction,
    deed: &Deed,
) -> Result<bool> {
    require_token(&mut transaction, &seller.caller);
    seller.require_tenant(&mut transaction);
    let change = state.change(&seller.caller.principal);
    change.audit(&mut transaction, &seller.scope(), deed.action, &deed.target)?;
    match state.storage().commit(transaction).await? {
        Commit::Done => Ok(true),
        Commit::Refused(refusal) if refusal.label == READ => Ok(false),
        Commit::Refused(refusal) => Err(match refusal.label {
            "public_key" => {
                Error::BadRequest("public_key: another consumer has this key; choose a different one".into())
            }
            "package" => Error::BadRequest("package_id: the package is being deleted".into()),
            "tenant" => Error::NotFound("whoever the token is of does not exist any more".into()),
            label => refused(label),
        }),
    }
}
