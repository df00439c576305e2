//! Who is calling.

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request};
use granary_auth::{
    Credential, CustomerCredential, Decision, Denial, IdToken, Principal, Via, decide_account, decide_own,
};
use granary_model::{CustomerKey, Error, RepoId, Result, Scope, TokenHash, TokenKind, UserId};
use granary_storage::rows::{BuildRow, CallerRef, TokenRow, WatchedRow};
use granary_storage::{AccessRows, Identification, Key, Wanted};

use crate::access::denied;
use crate::failure::ApiError;
use crate::state::AppState;

/// A caller whose credential has been verified. Anonymous callers are refused; handlers that serve them
/// go through [`crate::RepoAccess`].
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// Hash of the token, if one was used. Those of builds do not count: they are asked about their build, which is changed
    /// under a condition.
    pub token: Option<TokenHash>,
}

impl Caller {
    /// Verifies a token or ID token that came in another place than the header.
    pub async fn from_secret(state: &AppState, secret: &str) -> Result<Self> {
        let (caller, _) = identify_as(state, Credential::from_secret(secret)?, None, None).await?;
        Ok(caller)
    }

    /// Verifies the credential of a request; `Unauthorized` if it has none.
    pub async fn of_request(state: &AppState, headers: &HeaderMap) -> Result<Self> {
        let (caller, _) = identify(state, headers, None, None).await?;
        if caller.principal.is_anonymous() {
            return Err(unauthenticated());
        }
        Ok(caller)
    }

    /// The caller of a request that needs no credential. One that it has must be good, and not a customer's.
    pub async fn of_anybody(state: &AppState, headers: &HeaderMap) -> Result<Self> {
        let (caller, _) = identify(state, headers, None, None).await?;
        caller.refuse_customers()?;
        Ok(caller)
    }

    /// Refuses customers, who have no business outside of the packages that were sold to them.
    ///
    /// # Errors
    /// `Forbidden`, or `Refused` for a suspended licence.
    pub fn refuse_customers(&self) -> Result<()> {
        match decide_account(&self.principal) {
            Decision::Allow => Ok(()),
            Decision::Deny(denial) => Err(denied(denial, "this")),
        }
    }

    /// The token that was used, with its facts; `None` for an ID token, and for a token that is gone.
    pub async fn token_row(&self, state: &AppState) -> Result<Option<TokenRow>> {
        match &self.token {
            Some(hash) => state.storage().get(&Key::Token(hash.clone())).await,
            None => Ok(None),
        }
    }

    /// What to keep of the caller to authorise it again later; `None` for nobody.
    pub fn reference(&self) -> Option<CallerRef> {
        match (&self.token, self.principal.user()) {
            (Some(hash), _) => Some(CallerRef::Token(hash.clone())),
            (None, Some(user)) => Some(CallerRef::User(user.clone())),
            (None, None) => None,
        }
    }

    /// Hash of the session of a browser by which a request is authorised, if it is.
    pub fn session_hash(headers: &HeaderMap) -> Option<TokenHash> {
        match credential(headers) {
            Ok(Credential::Token(token)) if token.kind() == TokenKind::Session => Some(token.hash()),
            _ => None,
        }
    }

    /// The user, where only a user can be meant.
    ///
    /// # Errors
    /// `Forbidden` for organisation and repository tokens.
    pub fn user(&self) -> Result<&UserId> {
        self.principal.user().ok_or_else(|| {
            Error::Forbidden("this needs a user: sign in or use an account token (art_)".into())
        })
    }

    /// The user, acting in their own name: making repositories and organisations, leaving them.
    ///
    /// # Errors
    /// `Forbidden` for organisation and repository tokens, and for account tokens without admin scope.
    pub fn own(&self) -> Result<&UserId> {
        if decide_own(&self.principal) == Decision::Deny(Denial::Scope) {
            return Err(Error::Forbidden(
                "the scope of this token does not allow this; use a token with admin scope".into(),
            ));
        }
        self.user()
    }

    /// The user, present in person.
    ///
    /// # Errors
    /// `Forbidden` for every kind of token.
    pub fn session(&self) -> Result<&UserId> {
        if !self.principal.is_session() {
            return Err(Error::Forbidden(
                "this needs a sign-in: use an ID token of the identity provider, not an API token".into(),
            ));
        }
        self.user()
    }
}

/// The ID token that a request has as its credential, not verified yet.
///
/// # Errors
/// `Unauthorized` for everything else.
pub fn id_token(headers: &HeaderMap) -> Result<IdToken> {
    match credential(headers)? {
        Credential::IdToken(token) => Ok(token),
        Credential::None => Err(unauthenticated()),
        _ => Err(Error::Unauthorized("this takes an ID token, as 'Authorization: Bearer <token>'".into())),
    }
}

/// The single `Authorization` header. Two of them would let two readers see two callers.
pub(crate) fn credential(headers: &HeaderMap) -> Result<Credential> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::BadRequest("the request has more than one Authorization header".into()));
    }
    let text = first
        .map(|value| {
            value.to_str().map_err(|_| Error::Unauthorized("the Authorization header is not text".into()))
        })
        .transpose()?;
    Credential::from_header(text)
}

/// Verifies a credential and reads, in the same call, the rows that authorising will need.
pub(crate) async fn identify(
    state: &AppState,
    headers: &HeaderMap,
    repo: Option<&RepoId>,
    wanted: Option<Wanted<'_>>,
) -> Result<(Caller, AccessRows)> {
    identify_as(state, credential(headers)?, repo, wanted).await
}

async fn identify_as(
    state: &AppState,
    credential: Credential,
    repo: Option<&RepoId>,
    wanted: Option<Wanted<'_>>,
) -> Result<(Caller, AccessRows)> {
    match credential {
        Credential::None => {
            let rows = state.storage().access_rows(None, repo, wanted).await?;
            Ok((Caller { principal: Principal::Anonymous, token: None }, rows))
        }
        Credential::Token(token) if token.kind() == TokenKind::Build => {
            // Few callers are builds, and every handler holds the state of this one.
            Box::pin(identify_build(state, &token.hash(), repo, wanted)).await
        }
        Credential::Token(token) if token.kind() == TokenKind::Session => {
            Box::pin(identify_session(state, &token.hash(), repo, wanted)).await
        }
        Credential::Token(token) => {
            let (caller, rows) = identify_token(state, token.hash(), repo, wanted).await?;
            if let (Some(hash), Some(row)) = (&caller.token, &rows.token) {
                state.last_uses().note(hash, row, state.now());
            }
            Ok((caller, rows))
        }
        Credential::IdToken(token) => {
            let identity = state.oidc().verify(&token, state.now()).await?;
            state.remember_user(&identity).await?;
            let rows = state.storage().access_rows(None, repo, wanted).await?;
            Ok((Caller { principal: signed_in(state, identity.user), token: None }, rows))
        }
        Credential::Customer(customer) => identify_customer(state, &customer, repo, wanted).await,
    }
}

/// A customer by the key of a licence, or by the key pair of a consumer. Whose key it is, is found out in the call that
/// reads everything else.
async fn identify_customer(
    state: &AppState,
    CustomerCredential { user, secret }: &CustomerCredential,
    repo: Option<&RepoId>,
    wanted: Option<Wanted<'_>>,
) -> Result<(Caller, AccessRows)> {
    let (licence, consumer) = (secret.licence_hash(), user.as_ref().map(CustomerKey::consumer_hash));
    let identification = Identification::Customer { licence: &licence, consumer: consumer.as_ref() };
    let mut rows = state.storage().access_rows(Some(identification), repo, wanted).await?;
    let by_pair = rows.consumer.take().filter(|row| row.private_key.is(secret));
    let principal = match (rows.licence.take(), by_pair) {
        (Some(licence), _) => Principal::Licence(licence),
        (None, Some(consumer)) => Principal::Consumer(consumer),
        (None, None) => return Err(unknown_credential()),
    };
    Ok((Caller { principal, token: None }, rows))
}

/// A caller of an earlier request, by what was kept of it.
pub(crate) async fn identify_again(
    state: &AppState,
    caller: &CallerRef,
    repo: Option<&RepoId>,
    wanted: Option<Wanted<'_>>,
) -> Result<(Caller, AccessRows)> {
    match caller {
        CallerRef::Token(hash) => identify_token(state, hash.clone(), repo, wanted).await,
        CallerRef::User(user) | CallerRef::Member(user, _) => {
            let rows = state.storage().access_rows(None, repo, wanted).await?;
            Ok((Caller { principal: signed_in(state, user.clone()), token: None }, rows))
        }
        // They are good for products alone.
        CallerRef::ProductToken(_) => Err(unknown_credential()),
    }
}

async fn identify_token(
    state: &AppState,
    hash: TokenHash,
    repo: Option<&RepoId>,
    wanted: Option<Wanted<'_>>,
) -> Result<(Caller, AccessRows)> {
    let rows = state.storage().access_rows(Some(Identification::Token(&hash)), repo, wanted).await?;
    let principal = rows
        .token
        .as_ref()
        .and_then(|row| Principal::from_token(row, state.now(), |user| state.is_instance_admin(user)))
        .ok_or_else(unknown_credential)?;
    Ok((Caller { principal, token: Some(hash) }, rows))
}

/// A build by its token, which is good for what its build is good for now.
async fn identify_build(
    state: &AppState,
    hash: &TokenHash,
    repo: Option<&RepoId>,
    wanted: Option<Wanted<'_>>,
) -> Result<(Caller, AccessRows)> {
    let mut rows = state.storage().access_rows(Some(Identification::Build(hash)), repo, wanted).await?;
    let row = rows.build.take().ok_or_else(unknown_credential)?;
    let build_key = Key::Build(row.repo.clone(), row.scope.build.clone());
    let library_key = Key::Watched(row.repo.clone(), row.watched.clone());
    let (build, library) = tokio::try_join!(
        state.storage().get::<BuildRow>(&build_key),
        state.storage().get::<WatchedRow>(&library_key),
    )?;
    let principal = Principal::from_build_token(&row, state.now(), build.as_ref(), library.as_ref());
    Ok((Caller { principal: principal.ok_or_else(unknown_credential)?, token: None }, rows))
}

/// A user by the session of a browser: as good as an ID token.
async fn identify_session(
    state: &AppState,
    hash: &TokenHash,
    repo: Option<&RepoId>,
    wanted: Option<Wanted<'_>>,
) -> Result<(Caller, AccessRows)> {
    let mut rows = state.storage().access_rows(Some(Identification::Session(hash)), repo, wanted).await?;
    let session = rows.session.take().filter(|session| !session.is_expired(state.now()));
    let session = session.ok_or_else(|| Error::Unauthorized("the sign-in is over; sign in again".into()))?;
    Ok((Caller { principal: signed_in(state, session.user.clone()), token: None }, rows))
}

fn unknown_credential() -> Error {
    Error::Unauthorized("the token is unknown, expired or revoked".into())
}

fn signed_in(state: &AppState, user: UserId) -> Principal {
    Principal::User {
        instance_admin: state.is_instance_admin(&user),
        id: user,
        scope: Scope::Admin,
        via: Via::Session,
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = Self::of_request(state, &parts.headers).await?;
        caller.refuse_customers()?;
        Ok(caller)
    }
}

/// The one answer to a request without credentials that needs some.
pub(crate) fn unauthenticated() -> Error {
    Error::Unauthorized("authentication is required: send a token as Bearer, or as Basic password".into())
}
