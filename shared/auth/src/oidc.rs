//! Verifying ID tokens of an `OpenID` Connect provider.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use granary_model::{Error, Result, Timestamp, UserId};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::credential::IdToken;

/// How far the provider's clock may be off, in seconds.
const LEEWAY_SECONDS: i64 = 30;

/// How long fetched keys are used before they are fetched again.
const KEYS_LIFETIME: Duration = Duration::from_mins(10);

/// How often an unknown key id may cause a fetch: an attacker can invent ids as fast as he likes.
const REFRESH_INTERVAL: Duration = Duration::from_secs(30);

/// Signature algorithms that are accepted. All are asymmetric: with an HMAC the public key would be the
/// secret. `none` is not among them.
const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Who an ID token says is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// `sub`.
    pub user: UserId,
    /// `name`.
    pub name: Option<String>,
    /// `email`.
    pub email: Option<String>,
    /// `email_verified`: whether the provider vouches for the address.
    pub email_verified: bool,
    /// `picture`.
    pub picture: Option<String>,
    /// `nonce`, which a sign-in must find as it sent it.
    pub nonce: Option<String>,
    /// `iat`, when the provider said all this, in seconds since 1970; 0 if it does not tell.
    pub issued_at: i64,
}

/// Where the provider's public keys come from.
#[derive(Debug)]
pub enum KeySource {
    /// Keys known from the start: the provider runs in this process.
    Static(StaticKeys),
    /// Keys fetched from the provider.
    Http(HttpKeys),
}

/// Keys that never change.
#[derive(Debug)]
pub struct StaticKeys(JwkSet);

impl StaticKeys {
    /// From a JWKS document.
    pub fn new(jwks: Value) -> Result<Self> {
        serde_json::from_value(jwks).map(Self).map_err(|e| Error::internal("reading the key set", e))
    }
}

/// Keys of a provider, found by discovery and kept for ten minutes.
#[derive(Debug)]
pub struct HttpKeys {
    issuer: String,
    client: reqwest::Client,
    cached: Mutex<Option<(Instant, JwkSet)>>,
    /// When keys were last asked for, with or without success.
    asked: Mutex<Option<Instant>>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl HttpKeys {
    /// Keys of this issuer.
    pub fn new(issuer: &str) -> Result<Self> {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| Error::internal("building the HTTP client", e))?;
        Ok(Self {
            issuer: issuer.trim_end_matches('/').into(),
            client,
            cached: Mutex::new(None),
            asked: Mutex::new(None),
        })
    }

    fn cached(&self, max_age: Duration) -> Option<JwkSet> {
        let cached = self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cached.as_ref().filter(|(at, _)| at.elapsed() < max_age).map(|(_, keys)| keys.clone())
    }

    /// Whether it is time to ask the provider; whoever is told so must ask. At most once in
    /// [`REFRESH_INTERVAL`], so that neither invented key ids nor a provider that is down cause a flood.
    fn may_ask(&self) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if asked.is_some_and(|at| at.elapsed() < REFRESH_INTERVAL) {
            return false;
        }
        *asked = Some(Instant::now());
        true
    }

    async fn fetch(&self) -> Result<JwkSet> {
        let unavailable = |e: reqwest::Error| {
            tracing::warn!(oidc.issuer = %self.issuer, error = %e, "the identity provider did not answer");
            Error::Unavailable("the identity provider did not answer; try again".into())
        };
        let address = format!("{}/.well-known/openid-configuration", self.issuer);
        let discovery: Discovery =
            self.client.get(address).send().await.map_err(unavailable)?.json().await.map_err(unavailable)?;
        if discovery.issuer.trim_end_matches('/') != self.issuer {
            return Err(Error::internal("identity provider", "its discovery document names another issuer"));
        }
        let keys: JwkSet = self
            .client
            .get(discovery.jwks_uri)
            .send()
            .await
            .map_err(unavailable)?
            .json()
            .await
            .map_err(unavailable)?;
        *self.cached.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some((Instant::now(), keys.clone()));
        Ok(keys)
    }
}

impl KeySource {
    async fn key(&self, id: Option<&str>) -> Result<Option<Jwk>> {
        let find = |keys: &JwkSet| match id {
            Some(id) => keys.find(id).cloned(),
            // Without an id there is no choice to make: only a single key can be meant.
            None => keys.keys.first().filter(|_| keys.keys.len() == 1).cloned(),
        };
        match self {
            Self::Static(StaticKeys(keys)) => Ok(find(keys)),
            Self::Http(http) => {
                if let Some(found) = http.cached(KEYS_LIFETIME).as_ref().and_then(find) {
                    return Ok(Some(found));
                }
                let old = http.cached(Duration::MAX);
                if http.may_ask() {
                    match (http.fetch().await, &old) {
                        (Ok(keys), _) => return Ok(find(&keys)),
                        (Err(error), None) => return Err(error),
                        // An old key is better than nobody being able to sign in.
                        (Err(_), Some(_)) => {}
                    }
                }
                match &old {
                    Some(keys) => Ok(find(keys)),
                    None => Err(Error::Unavailable("the identity provider did not answer; try again".into())),
                }
            }
        }
    }
}

/// Verifies ID tokens of one issuer for one audience.
#[derive(Debug)]
pub struct OidcVerifier {
    issuer: String,
    audience: String,
    keys: KeySource,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    name: Option<String>,
    email: Option<String>,
    picture: Option<String>,
    nonce: Option<String>,
    // Of any form: a provider that has its own must not lock its users out.
    email_verified: Option<Value>,
    iat: Option<Value>,
}

impl Claims {
    /// Whether the provider vouches for the address. Some send the text `true`; anything else is a no.
    fn vouches(&self) -> bool {
        match &self.email_verified {
            Some(Value::Bool(verified)) => *verified,
            Some(Value::String(text)) => text == "true",
            _ => false,
        }
    }

    /// When the token was made. A provider whose clock is ahead must not keep its word above all that comes after.
    fn issued_at(&self, now: Timestamp) -> i64 {
        self.iat.as_ref().and_then(Value::as_i64).unwrap_or_default().clamp(0, now.seconds().max(0))
    }
}

/// When a token holds.
#[derive(Deserialize)]
struct Times {
    exp: i64,
    nbf: Option<i64>,
}

impl OidcVerifier {
    /// A verifier for tokens that `issuer` makes for `audience`.
    pub fn new(issuer: &str, audience: &str, keys: KeySource) -> Self {
        Self { issuer: issuer.into(), audience: audience.into(), keys }
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The audience, which is also the client id of a sign-in.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Verifies signature, issuer, audience and times of the ID token of somebody who signs in.
    ///
    /// # Errors
    /// `Unauthorized` without details that would help an attacker, `Unavailable` if the provider's keys
    /// cannot be had.
    pub async fn verify(&self, token: &IdToken, now: Timestamp) -> Result<Identity> {
        let claims: Claims = self.verify_claims(token, now).await?;
        let user = claims.sub.parse().map_err(|_| refuse("unusable subject"))?;
        Ok(Identity {
            user,
            email_verified: claims.vouches(),
            issued_at: claims.issued_at(now),
            name: claims.name,
            email: claims.email,
            picture: claims.picture,
            nonce: claims.nonce,
        })
    }

    /// Verifies the same of a token of any kind, and gives those of its claims that `C` has.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub async fn verify_claims<C: DeserializeOwned>(&self, token: &IdToken, now: Timestamp) -> Result<C> {
        let header = jsonwebtoken::decode_header(&token.0).map_err(|_| refuse("unreadable header"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refuse("algorithm"));
        }
        let jwk = self.keys.key(header.kid.as_deref()).await?.ok_or_else(|| refuse("unknown key"))?;
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| refuse("unusable key"))?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // Times are compared below, with the clock that was handed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let claims = jsonwebtoken::decode::<serde_json::Value>(&token.0, &key, &validation)
            .map_err(|_| refuse("signature, issuer or audience"))?
            .claims;
        let times = Times::deserialize(&claims).map_err(|_| refuse("unusable times"))?;
        if now.seconds() >= times.exp.saturating_add(LEEWAY_SECONDS) {
            return Err(refuse("expired"));
        }
        if times.nbf.is_some_and(|start| start > now.seconds() + LEEWAY_SECONDS) {
            return Err(refuse("not valid yet"));
        }
        serde_json::from_value(claims).map_err(|_| refuse("claims"))
    }
}

fn refuse(why: &'static str) -> Error {
    tracing::info!(oidc.reason = why, "an ID token was refused");
    Error::Unauthorized("the ID token is not valid; sign in again".into())
}
