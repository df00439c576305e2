//! The identity provider as a sign-in by authorization code sees it: section 3.1 of the core
//! specification of OIDC, with PKCE (RFC 7636).

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use granary_http::{AppState, Config};
use granary_model::{Error, Result, Timestamp};
use serde::Deserialize;
use url::Url;

use super::secret::challenge;

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer of discovery counts, in milliseconds.
const FRESH_MILLIS: i64 = 300_000;

/// What issuers have answered, and when. A process has one; suites have more.
static KNOWN: LazyLock<Mutex<HashMap<String, (Timestamp, Provider)>>> = LazyLock::new(Mutex::default);

fn known(issuer: &str, now: Timestamp) -> Option<Provider> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let (since, provider) = known.get(issuer)?;
    (now.millis() - since.millis() < FRESH_MILLIS).then(|| provider.clone())
}

/// Where the provider's endpoints are.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    authorization_endpoint: Url,
    token_endpoint: Url,
}

/// The discovery document, as far as it matters here.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Provider {
    /// Where the configured issuer's endpoints are. It is asked at most once in a while: anybody may begin a sign-in, and must
    /// not make this registry call others as often as they like.
    ///
    /// # Errors
    /// `Unavailable` if it does not answer; `Internal` if it calls itself something else.
    pub(crate) async fn discover(state: &AppState) -> Result<Self> {
        let issuer = state.config().oidc_issuer.trim_end_matches('/');
        if let Some(known) = known(issuer, state.now()) {
            return Ok(known);
        }
        let found = Self::ask(issuer).await?;
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(issuer.to_owned(), (state.now(), found.clone()));
        Ok(found)
    }

    async fn ask(issuer: &str) -> Result<Self> {
        let address = format!("{issuer}/.well-known/openid-configuration");
        let answer = client(issuer)?.get(address).send().await.and_then(reqwest::Response::error_for_status);
        let discovery: Discovery =
            answer.map_err(|e| unavailable(&e))?.json().await.map_err(|e| unavailable(&e))?;
        if discovery.issuer.trim_end_matches('/') != issuer {
            return Err(Error::internal("identity provider", "its discovery document names another issuer"));
        }
        Ok(Self {
            authorization_endpoint: endpoint(&discovery.authorization_endpoint)?,
            token_endpoint: endpoint(&discovery.token_endpoint)?,
        })
    }

    /// Where the browser has to go to sign in.
    pub(crate) fn sign_in_address(&self, config: &Config, state: &str, nonce: &str, verifier: &str) -> Url {
        let mut address = self.authorization_endpoint.clone();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &config.oidc_audience)
            .append_pair("redirect_uri", &callback(config))
            .append_pair("scope", "openid profile email")
            .append_pair("state", state)
            .append_pair("nonce", nonce)
            .append_pair("code_challenge", &challenge(verifier))
            .append_pair("code_challenge_method", "S256");
        address
    }

    /// Exchanges the code for an ID token, which is not verified yet.
    ///
    /// # Errors
    /// `Unauthorized` if the provider does not accept the code.
    pub(crate) async fn exchange(&self, config: &Config, code: &str, verifier: &str) -> Result<String> {
        let request = client(self.token_endpoint.as_str())?
            .post(self.token_endpoint.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(exchange_form(config, code, verifier));
        let answer = request.send().await.map_err(|e| unavailable(&e))?;
        if answer.status().is_client_error() {
            tracing::info!(oidc.status = answer.status().as_u16(), "the identity provider refused a code");
            return Err(Error::Unauthorized(
                "The identity provider did not accept the sign-in. Begin again.".into(),
            ));
        }
        let answer = answer.error_for_status().map_err(|e| unavailable(&e))?;
        let tokens: Tokens = answer.json().await.map_err(|e| unavailable(&e))?;
        Ok(tokens.id_token)
    }
}

fn exchange_form(config: &Config, code: &str, verifier: &str) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &callback(config))
        .append_pair("client_id", &config.oidc_audience)
        .append_pair("code_verifier", verifier);
    if let Some(secret) = &config.oidc_client_secret {
        form.append_pair("client_secret", secret);
    }
    form.finish()
}

fn endpoint(text: &str) -> Result<Url> {
    let url = Url::parse(text).map_err(|e| Error::internal("identity provider", e))?;
    if matches!(url.scheme(), "https" | "http") {
        return Ok(url);
    }
    Err(Error::internal("identity provider", "an endpoint of it is no web address"))
}

/// Where the provider sends the browser back to. It has to be registered there.
fn callback(config: &Config) -> String {
    format!("{}/api/auth/callback", config.public_url)
}

/// A client without redirects: nobody but the provider itself gets to see the code. A provider on this
/// machine is never asked through a proxy.
fn client(address: &str) -> Result<reqwest::Client> {
    let host = Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
    let mut builder =
        reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    if matches!(host.as_deref(), Some("localhost" | "127.0.0.1" | "[::1]")) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|e| Error::internal("building the HTTP client", e))
}

fn unavailable(error: &reqwest::Error) -> Error {
    tracing::warn!(error = %error, "the identity provider did not answer as it should");
    Error::Unavailable("The identity provider did not answer. Try again.".into())
}
