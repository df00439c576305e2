//! Tokens, principals, the decision function and OIDC verification.
//!
//! [`decide`] is the only place where a role or scope is compared with what an action needs. Everything
//! else in the system loads the facts and asks it.

mod credential;
mod customer;
mod decide;
mod entity;
mod oidc;
mod principal;
mod product;

pub use credential::{Credential, CustomerCredential, IdToken, challenge};
pub use customer::{Entitlement, Grants, decide_lists, decide_package, is_gated};
pub use decide::{
    Action, Decision, Denial, OrgAction, RepoFacts, decide, decide_account, decide_build_fetch,
    decide_build_package, decide_org, decide_own, decide_seller, membership, org_role, repo_role,
};
pub use entity::{
    EntityAction, Standing, decide_entity, decide_entity_creation, deciding_orgs, has_owner, owner_org, owns,
    standing,
};
pub use oidc::{HttpKeys, Identity, KeySource, OidcVerifier, StaticKeys};
pub use principal::{Principal, Via};
pub use product::{ProductAction, ProductCredential, decide_product};
