//! Tokens for those who run the registry, made where no one is signed in yet.

use granary_auth::{Principal, Via};
use granary_model::{Error, RawToken, Result, Scope, UserId};
use granary_storage::Key;
use granary_storage::rows::UserRow;

use crate::caller::Caller;
use crate::state::AppState;
use crate::tokens::{Holder, TokenRequest, mint};

/// Makes a token of all scopes for an administrator of the instance, and the user if it has never been seen.
///
/// This is for whoever has the stores in hand anyway (the first start of a data folder, an invocation that AWS has
/// authorised), never for a request.
///
/// # Errors
/// `BadRequest` if the user is not among `GRANARY_ADMINS`, or for a name or number of days that tokens cannot have.
pub async fn administrator_token(
    state: &AppState,
    user: &UserId,
    name: &str,
    expires_in_days: Option<f64>,
) -> Result<RawToken> {
    if !state.config().instance_admins.contains(user) {
        return Err(Error::BadRequest(format!(
            "'{user}' does not administer this registry; put the user id into GRANARY_ADMINS (parameter Admins of the \
             template) first"
        )));
    }
    let row = UserRow {
        id: user.clone(),
        name: None,
        email: None,
        email_verified: false,
        picture: None,
        created_at: state.now(),
        issued_at: 0,
    };
    // Whoever has signed in before keeps the profile of the identity provider.
    state.storage().put_new(&Key::User(user.clone()), &row).await?;
    let principal =
        Principal::User { id: user.clone(), scope: Scope::Admin, via: Via::Session, instance_admin: true };
    let caller = Caller { principal, token: None };
    let scopes = Some(Scope::Admin.with_included());
    let request = TokenRequest::new(name, scopes, expires_in_days, state.now())?;
    let (_, token) = mint(state, &caller, &Holder::user(user), request).await?;
    Ok(token)
}
