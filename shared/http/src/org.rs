//! Access to an organisation.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, request};
use granary_auth::{Decision, Denial, Principal, decide_org, org_role};
use granary_model::{Error, OrgRole, OrgSlug, Result, TokenHash};
use granary_storage::Key;
use granary_storage::rows::OrgRow;

use crate::access::{denied, org_denial, path_param, shown};
use crate::caller::{Caller, identify};
use crate::failure::ApiError;
use crate::permit::OrgPermission;
use crate::state::AppState;

/// Proof that a caller may do `A` in an organisation, with the organisation.
#[derive(Debug, Clone)]
pub struct OrgAccess<A> {
    /// Who is calling.
    pub principal: Principal,
    /// Hash of the token, if one was used.
    pub token: Option<TokenHash>,
    /// The organisation.
    pub org: OrgRow,
    permit: PhantomData<A>,
}

impl<A: OrgPermission> OrgAccess<A> {
    /// Authorises a request for an organisation.
    pub async fn authorize(state: &AppState, headers: &HeaderMap, slug: &str) -> Result<Self> {
        let (caller, _) = identify(state, headers, None, None).await?;
        Self::of_caller(state, &caller, slug).await
    }

    /// Authorises a caller who has been verified already.
    pub async fn of_caller(state: &AppState, caller: &Caller, slug: &str) -> Result<Self> {
        let org: Option<OrgRow> = match slug.parse::<OrgSlug>() {
            Ok(slug) if !caller.principal.is_anonymous() => state.storage().get(&Key::Org(slug)).await?,
            _ => None,
        };
        match decide_org(&caller.principal, A::ACTION, org.as_ref()) {
            Decision::Allow => {}
            Decision::Deny(Denial::Session) => return Err(Error::Forbidden(org_denial(A::ACTION).into())),
            Decision::Deny(denial) => return Err(denied(denial, &format!("organisation '{}'", shown(slug)))),
        }
        let Some(org) = org else {
            return Err(Error::internal("authorising", "allowed without an organisation"));
        };
        Ok(Self {
            principal: caller.principal.clone(),
            token: caller.token.clone(),
            org,
            permit: PhantomData,
        })
    }

    /// The caller, for what is done in the organisation besides.
    pub fn caller(&self) -> Caller {
        Caller { principal: self.principal.clone(), token: self.token.clone() }
    }

    /// The role in which the caller acts.
    pub fn role(&self) -> Option<OrgRole> {
        org_role(&self.principal, &self.org)
    }
}

/// Extracts [`OrgAccess`] for routes with an `{org}` parameter.
#[derive(Debug, Clone)]
pub struct Org<A>(pub OrgAccess<A>);

impl<A: OrgPermission> FromRequestParts<AppState> for Org<A> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, ApiError> {
        let slug = path_param(parts, state, "org").await?;
        Ok(Self(OrgAccess::authorize(state, &parts.headers, &slug).await?))
    }
}
