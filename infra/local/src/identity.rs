//! An `OpenID` Connect provider for laptops, so that the registry can be tried without setting one up.
//!
//! It believes whatever name it is told. It is for a registry that only its own machine can reach, and
//! refuses requests that were made for another host name, so that a web page cannot get at it by letting
//! its own name point here.

mod codes;
mod key;
mod page;
mod routes;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use granary_model::{Clock, UserId};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::identity::codes::Codes;
use crate::identity::key::SigningKey;

/// `aud` of every token, and the only client id that may ask for one.
pub const AUDIENCE: &str = "granary";

/// How long a token is valid, in seconds.
const LIFETIME: i64 = 3600;

/// Who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Person {
    /// The user's id, which becomes `sub`.
    pub sub: UserId,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Name as people write it.
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    /// It believes addresses as it believes names.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    iat: i64,
    exp: i64,
}

/// The identity provider of one registry.
pub struct IdentityProvider {
    public_url: Url,
    issuer: String,
    key: SigningKey,
    codes: Codes,
    clock: Arc<dyn Clock>,
}

impl IdentityProvider {
    /// Opens the provider of a data folder. Its key is made once, so that tokens outlive a restart.
    pub fn open(data: &Path, public_url: &str, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let trimmed = public_url.trim_end_matches('/');
        let public_url = Url::parse(trimmed).with_context(|| format!("'{trimmed}' is not an address"))?;
        Ok(Self {
            public_url,
            issuer: format!("{trimmed}/_idp"),
            key: SigningKey::load_or_create(&data.join("idp-key.p8"))?,
            codes: Codes::default(),
            clock,
        })
    }

    /// `iss` of every token: the registry's address and `/_idp`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public key, for verifying in this process without asking over HTTP.
    pub fn jwks_json(&self) -> serde_json::Value {
        serde_json::json!({ "keys": [self.key.jwk()] })
    }

    /// A signed ID token that is valid for an hour. `nonce` is what a sign-in wants to find in it.
    pub fn id_token(&self, person: &Person, nonce: Option<&str>) -> anyhow::Result<String> {
        let now = self.clock.now().seconds();
        self.key.sign(&Claims {
            iss: &self.issuer,
            aud: AUDIENCE,
            sub: person.sub.as_str(),
            email: person.email.as_deref(),
            email_verified: person.email.as_ref().map(|_| true),
            name: person.name.as_deref(),
            nonce,
            iat: now,
            exp: now.saturating_add(LIFETIME),
        })
    }

    /// The routes, all below `/_idp`. Only for a listener that nobody else can reach.
    pub fn router(self: Arc<Self>) -> Router {
        routes::router(self)
    }
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
