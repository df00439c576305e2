//! Permission to manage licences, consumers and packages for sale.

pub mod visible;

mod purge;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, HeaderName, request};
use granary_auth::{Decision, decide_seller};
use granary_model::{Error, RepoId, Result};
use granary_storage::rows::{RepoRef, RepoRow};
use granary_storage::{Key, Subject, Tenant, Transaction};

use crate::access::denied;
use crate::caller::Caller;
use crate::failure::ApiError;
use crate::org::OrgAccess;
use crate::permit::SellForOrg;
use crate::state::AppState;

pub use purge::purge;

/// The header in which a person who has signed in says for which organisation they act; without it, they act for themselves. A
/// token of an organisation or of a repository acts for that one anyway.
pub(crate) const ORG_HEADER: HeaderName = HeaderName::from_static("granary-org");

/// The organisation for which a request is made, if it says one, as the tenant that the caller may act for.
///
/// # Errors
/// `NotFound` for an organisation that the caller does not belong to, `Forbidden` if it does not administer it.
pub(crate) async fn acting_for(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Option<Tenant>> {
    let mut values = headers.get_all(ORG_HEADER).iter();
    let Some(slug) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::BadRequest("the request has more than one Granary-Org header".into()));
    }
    let slug = slug.to_str().map_err(|_| Error::BadRequest("the header Granary-Org is not text".into()))?;
    administered(state, caller, slug).await.map(Some)
}

/// An organisation as the tenant that a caller may act for.
pub(crate) async fn administered(state: &AppState, caller: &Caller, slug: &str) -> Result<Tenant> {
    let org = OrgAccess::<SellForOrg>::of_caller(state, caller, slug).await?.org;
    Ok(Tenant { subject: Subject::Org(org.slug), uid: Some(org.uid) })
}

/// A caller who may manage what its tenant sells: a token with admin scope, or a person who signed in.
#[derive(Debug, Clone)]
pub struct Seller {
    /// Who is calling.
    pub caller: Caller,
    /// Whose licences, consumers and packages these are.
    pub tenant: Tenant,
}

impl Seller {
    /// Authorises a request.
    ///
    /// # Errors
    /// `Unauthorized` without a credential, `Forbidden` without admin scope and for customers.
    pub async fn authorize(state: &AppState, headers: &HeaderMap) -> Result<Self> {
        let caller = Caller::of_request(state, headers).await?;
        if let Decision::Deny(denial) = decide_seller(&caller.principal) {
            return Err(denied(denial, "licences and consumers"));
        }
        let tenant = acting_for(state, &caller, headers).await?.or_else(|| caller.principal.tenant());
        let tenant = tenant.ok_or_else(|| Error::internal("authorising", "a seller without a tenant"))?;
        Ok(Self { caller, tenant })
    }

    /// Whose audit log the seller's changes belong to.
    pub fn scope(&self) -> String {
        self.tenant.subject.to_string()
    }

    /// The repositories whose packages the seller sells, by name: those that the tenant covers and that are not being
    /// deleted. Two calls, and one more for each further hundred.
    pub async fn repos(&self, state: &AppState) -> Result<Vec<RepoRow>> {
        let ids = match &self.tenant.subject {
            // The second name only says which partition to list.
            Subject::User(user) => {
                listed_repos(state, &Key::RepoOfUser(user.clone(), "any".parse()?)).await?
            }
            Subject::Org(slug) => listed_repos(state, &Key::RepoOfOrg(slug.clone(), "any".parse()?)).await?,
            Subject::Repo(id) => vec![id.clone()],
        };
        let keys: Vec<Key> = ids.into_iter().map(Key::Repo).collect();
        let rows: Vec<Option<RepoRow>> = state.storage().read_all(&keys).await?;
        let sold = |row: &RepoRow| !row.deleting && self.tenant.covers(row);
        Ok(rows.into_iter().flatten().filter(sold).collect())
    }

    /// Makes a change depend on the tenant still being there. The part is labelled `tenant`; users are not deleted.
    pub fn require_tenant(&self, transaction: &mut Transaction) {
        let uid = self.tenant.uid.as_deref().unwrap_or_default();
        match &self.tenant.subject {
            Subject::User(_) => {}
            Subject::Org(slug) => transaction.touch_org("tenant", slug, uid),
            Subject::Repo(id) => transaction.require_repo("tenant", id, uid),
        }
    }
}

/// The repositories of a list: of a user or of an organisation. A list only says where to look.
pub async fn listed_repos(state: &AppState, first: &Key) -> Result<Vec<RepoId>> {
    let refs: Vec<RepoRef> = state.storage().list_all(first, "REPO#").await?;
    Ok(refs.into_iter().map(|entry| entry.id).collect())
}

impl FromRequestParts<AppState> for Seller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut request::Parts, state: &AppState) -> Result<Self, ApiError> {
        Ok(Self::authorize(state, &parts.headers).await?)
    }
}
