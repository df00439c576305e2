//! Who calls the product API, and access to one product.
//!
//! The API has a header of its own, `X-Api-Token`. It carries one of its own tokens, or one of the registry's with admin
//! scope, whose holder administers all products of its tenant. Without it, `Authorization` counts as everywhere.

use axum::http::HeaderMap;
use granary_auth::{
    Credential, Decision, Denial, Principal, ProductAction, ProductCredential, decide_product,
};
use granary_model::product::{ProductName, ProductToken, product_token_hash};
use granary_model::{Error, Result, Sha256, TokenKind};
use granary_publish::product::TenantHand;
use granary_publish::shelf::Hand;
use granary_storage::rows::{CallerRef, OrgRow, ProductRow, ProductTokenRow, RepoRow};
use granary_storage::{Key, Subject, Tenant};

use crate::access::denied;
use crate::caller::{Caller, credential, identify_again};
use crate::seller::{acting_for, administered};
use crate::state::AppState;

/// The header of the product API.
const HEADER: &str = "x-api-token";

/// A caller of the product API whose credential has been verified, and whose tenant is still there.
#[derive(Debug, Clone)]
pub struct ProductCaller {
    principal: Principal,
    credential: ProductCredential,
    /// The row of the token; `None` for a person who signed in.
    key: Option<Key>,
    reference: CallerRef,
}

impl ProductCaller {
    /// Verifies the credential of a request. Two reads at most, one after the other.
    ///
    /// # Errors
    /// `Unauthorized` without a credential that counts, `Forbidden` for one without admin scope.
    pub async fn of_request(state: &AppState, headers: &HeaderMap) -> Result<Self> {
        let caller = Self::identify(state, headers).await?;
        caller.require_tenant(state).await?;
        Ok(caller)
    }

    /// Verifies the caller of an earlier request anew.
    ///
    /// # Errors
    /// As for a request, with the rights that the caller has now.
    pub async fn again(state: &AppState, caller: &CallerRef) -> Result<Self> {
        let caller = match caller {
            CallerRef::ProductToken(hash) => Self::of_token(state, *hash).await?,
            CallerRef::Token(_) | CallerRef::User(_) | CallerRef::Member(..) => {
                let (again, _) = identify_again(state, caller, None, None).await?;
                let tenant = match caller {
                    CallerRef::Member(_, org) => Some(administered(state, &again, org.as_str()).await?),
                    _ => None,
                };
                // As an administrator it needs to be listed nowhere, so the text of its token is not missed.
                Self::of_caller(again, None)?.acting_for(tenant)
            }
        };
        caller.require_tenant(state).await?;
        Ok(caller)
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What to keep of the caller to authorise it again later.
    pub fn reference(&self) -> CallerRef {
        self.reference.clone()
    }

    /// What the caller is to products.
    pub fn credential(&self) -> &ProductCredential {
        &self.credential
    }

    /// Whose products the caller reaches.
    pub fn tenant(&self) -> &Tenant {
        &self.credential.tenant
    }

    /// Whether the caller may register, list and remove tokens.
    pub fn manages_tokens(&self) -> bool {
        decide_product(&self.credential, ProductAction::ManageTokens, None) == Decision::Allow
    }

    /// Authorises the caller for one product of its tenant. One read.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such product, `Forbidden` if the caller may not do this with it.
    pub async fn authorize(
        self,
        state: &AppState,
        action: ProductAction,
        name: &ProductName,
    ) -> Result<ProductAccess> {
        let product = self.read(state, name).await?;
        ProductAccess::decide(self, action, product)
    }

    /// The hand that makes products and tokens by the caller's right.
    pub fn hand<'a>(&'a self, state: &'a AppState) -> TenantHand<'a> {
        TenantHand {
            storage: state.storage(),
            ids: state.ids(),
            now: state.now(),
            principal: &self.principal,
            credential: self.key.as_ref(),
            tenant: &self.credential.tenant,
        }
    }

    async fn identify(state: &AppState, headers: &HeaderMap) -> Result<Self> {
        let mut values = headers.get_all(HEADER).iter();
        let (first, second) = (values.next(), values.next());
        if second.is_some() {
            return Err(Error::BadRequest("the request has more than one X-Api-Token header".into()));
        }
        let text = first.map(|value| value.to_str().map_err(|_| invalid())).transpose()?;
        let Some(secret) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Self::of_authorization(state, headers).await;
        };
        if let Ok(token) = secret.parse::<ProductToken>() {
            return Self::of_token(state, token.hash()).await;
        }
        // Keys of customers, ID tokens and sessions have no business in this header.
        match Credential::from_secret(secret) {
            Ok(Credential::Token(token)) if token.kind() != TokenKind::Session => {}
            _ => return Err(invalid()),
        }
        let caller = Caller::from_secret(state, secret).await.map_err(|error| match error {
            Error::Unauthorized(_) => invalid(),
            other => other,
        })?;
        let tenant = acting_for(state, &caller, headers).await?;
        Ok(Self::of_caller(caller, Some(product_token_hash(secret)))?.acting_for(tenant))
    }

    /// By the header of all other routes, which never carries a token of the product API.
    async fn of_authorization(state: &AppState, headers: &HeaderMap) -> Result<Self> {
        let hash = match credential(headers)? {
            Credential::None => return Err(Error::Unauthorized("Authorization header missing".into())),
            Credential::Token(token) if token.kind() != TokenKind::Session => {
                Some(product_token_hash(token.expose()))
            }
            Credential::Token(_) | Credential::IdToken(_) | Credential::Customer(_) => None,
        };
        let caller = Caller::of_request(state, headers).await?;
        let tenant = acting_for(state, &caller, headers).await?;
        Ok(Self::of_caller(caller, hash)?.acting_for(tenant))
    }

    /// The same caller for an organisation that it administers, if there is one.
    fn acting_for(mut self, tenant: Option<Tenant>) -> Self {
        let Some(tenant) = tenant else { return self };
        if let (CallerRef::User(user), Subject::Org(org)) = (&self.reference, &tenant.subject) {
            self.reference = CallerRef::Member(user.clone(), org.clone());
        }
        self.credential.tenant = tenant;
        self
    }

    async fn of_token(state: &AppState, hash: Sha256) -> Result<Self> {
        let key = Key::ProductToken(hash);
        let row: Option<ProductTokenRow> = state.storage().get(&key).await?;
        let principal = Principal::Product(row.ok_or_else(invalid)?.into());
        let credential = ProductCredential::of(&principal, None).map_err(refused)?;
        Ok(Self { principal, credential, key: Some(key), reference: CallerRef::ProductToken(hash) })
    }

    fn of_caller(caller: Caller, hash: Option<Sha256>) -> Result<Self> {
        let credential = ProductCredential::of(&caller.principal, hash).map_err(refused)?;
        let reference = caller.reference().ok_or_else(invalid)?;
        Ok(Self { principal: caller.principal, credential, key: caller.token.map(Key::Token), reference })
    }

    /// Refuses a token whose organisation or repository has been deleted: it goes with it, but not in the same moment.
    async fn require_tenant(&self, state: &AppState) -> Result<()> {
        let Tenant { subject, uid } = self.tenant();
        let is_there = match subject {
            // Users are not deleted.
            Subject::User(_) => true,
            Subject::Org(slug) => {
                let org: Option<OrgRow> = state.storage().get(&Key::Org(slug.clone())).await?;
                org.is_some_and(|org| Some(&org.uid) == uid.as_ref())
            }
            Subject::Repo(id) => {
                let repo: Option<RepoRow> = state.storage().get(&Key::Repo(id.clone())).await?;
                repo.is_some_and(|repo| Some(&repo.uid) == uid.as_ref() && !repo.deleting)
            }
        };
        if is_there { Ok(()) } else { Err(invalid()) }
    }

    async fn read(&self, state: &AppState, name: &ProductName) -> Result<Option<ProductRow>> {
        state.storage().get(&Key::Product(self.tenant().clone(), name.to_string())).await
    }
}

/// Proof that a caller may do something with a product, with the product as it was read to decide it.
#[derive(Debug, Clone)]
pub struct ProductAccess {
    /// Who is calling.
    pub caller: ProductCaller,
    /// The product.
    pub product: ProductRow,
    action: ProductAction,
}

impl ProductAccess {
    /// Authorises a request for a product that its path names. Two reads, one after the other.
    ///
    /// # Errors
    /// As [`ProductCaller::of_request`] and [`ProductCaller::authorize`]; `NotFound` also for what cannot be a name.
    pub async fn of_request(
        state: &AppState,
        headers: &HeaderMap,
        action: ProductAction,
        name: &str,
    ) -> Result<Self> {
        let caller = ProductCaller::identify(state, headers).await?;
        let read = async {
            match name.parse() {
                Ok(name) => caller.read(state, &name).await,
                Err(_) => Ok(None),
            }
        };
        let ((), product) = tokio::try_join!(caller.require_tenant(state), read)?;
        Self::decide(caller, action, product)
    }

    fn decide(caller: ProductCaller, action: ProductAction, product: Option<ProductRow>) -> Result<Self> {
        allow(&caller, action, product.as_ref())?;
        let product = product.ok_or_else(|| Error::internal("authorising", "allowed without a product"))?;
        Ok(Self { caller, product, action })
    }

    /// Decides about the product as it was read later.
    pub fn recheck(&self, product: &ProductRow) -> Result<()> {
        allow(&self.caller, self.action, Some(product))
    }

    /// The hand that changes the product by this right; `permit` is [`Self::recheck`].
    pub fn hand<'a>(
        &'a self,
        state: &'a AppState,
        permit: &'a (dyn Fn(&ProductRow) -> Result<()> + Send + Sync),
    ) -> Hand<'a, ProductRow> {
        Hand {
            storage: state.storage(),
            ids: state.ids(),
            now: state.now(),
            principal: &self.caller.principal,
            credential: self.caller.key.as_ref(),
            permit,
        }
    }
}

fn allow(caller: &ProductCaller, action: ProductAction, product: Option<&ProductRow>) -> Result<()> {
    match decide_product(&caller.credential, action, product) {
        Decision::Allow => Ok(()),
        Decision::Deny(Denial::Hidden) => Err(Error::NotFound("Product not found".into())),
        // The words are those of the documented interface.
        Decision::Deny(_) => Err(Error::Forbidden("permission denied".into())),
    }
}

fn refused(denial: Denial) -> Error {
    denied(denial, "products")
}

fn invalid() -> Error {
    Error::Unauthorized("Invalid api token".into())
}
