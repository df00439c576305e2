//! The credential that the registry has at GitHub: a personal token, or an App that is installed for the repository.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use granary_model::{Error, Result, Timestamp};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::github::{Call, GithubClient, Trouble};
use crate::settings::{GithubCredential, Secret};

/// How long before its end a token is not used any more, in milliseconds.
const RENEW_MILLIS: i64 = 5 * 60_000;

/// How far GitHub's clock may be behind, in seconds.
const SKEW_SECONDS: i64 = 60;

/// How long an App's own word is good, in seconds; GitHub's limit is ten minutes from `iat` on.
const WORD_SECONDS: i64 = 480;

/// What GitHub is shown with each call.
#[derive(Debug)]
pub(crate) enum Credential {
    /// A personal token, as it is.
    Token(Secret),
    /// An App, which gets tokens of an hour.
    App(Box<App>),
}

/// An App of GitHub and the token that it has.
pub(crate) struct App {
    id: String,
    key: RsaKeyPair,
    known: Mutex<Known>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Known {
    installation: Option<u64>,
    token: Option<(Secret, Timestamp)>,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Made {
    token: String,
    expires_at: String,
}

impl Credential {
    /// By these settings.
    ///
    /// # Errors
    /// `Internal` if the App's key is none.
    pub(crate) fn new(settings: &GithubCredential) -> Result<Self> {
        Ok(match settings {
            GithubCredential::Token(token) => Self::Token(token.clone()),
            GithubCredential::App { id, key } => {
                let app = App { id: id.clone(), key: read_key(key)?, known: Mutex::default() };
                Self::App(Box::new(app))
            }
        })
    }

    /// What to show, and whether it was made for this call. An App asks GitHub for it first, once for all who wait.
    pub(crate) async fn show(
        &self,
        github: &GithubClient,
        now: Timestamp,
    ) -> std::result::Result<(Secret, bool), Trouble> {
        match self {
            Self::Token(token) => Ok((token.clone(), true)),
            Self::App(app) => app.token(github, now).await,
        }
    }

    /// Forgets a token that GitHub does not take, unless it is another one by now.
    pub(crate) async fn forget(&self, refused: &Secret) {
        if let Self::App(app) = self {
            let mut known = app.known.lock().await;
            if known.token.as_ref().is_some_and(|(token, _)| token == refused) {
                known.token = None;
            }
        }
    }
}

impl App {
    async fn token(
        &self,
        github: &GithubClient,
        now: Timestamp,
    ) -> std::result::Result<(Secret, bool), Trouble> {
        let mut known = self.known.lock().await;
        if let Some((token, end)) = &known.token
            && now < end.plus_millis(-RENEW_MILLIS)
        {
            return Ok((token.clone(), false));
        }
        let word = self.word(now).map_err(|error| {
            tracing::error!(%error, "the App's key cannot sign");
            Trouble::Refused("the App's key cannot sign; the operator has to give another one".into())
        })?;
        let installation = match known.installation {
            Some(id) => id,
            None => self.installation(github, &word, now).await?,
        };
        known.installation = Some(installation);
        let path = format!("/app/installations/{installation}/access_tokens");
        let body =
            json!({ "repositories": [github.repository_name()], "permissions": { "actions": "write" } });
        let made = github.perform(&Call::post(&path, &body), &word, now).await;
        if matches!(made, Err(Trouble::Refused(_))) {
            // It may have been installed anew.
            known.installation = None;
        }
        let made: Made = made?.read()?;
        let end = Timestamp::parse_rfc3339(&made.expires_at)
            .ok_or_else(|| Trouble::Unknown("GitHub's answer has no end of the token".into()))?;
        let token = Secret(made.token);
        known.token = Some((token.clone(), end));
        Ok((token, true))
    }

    async fn installation(
        &self,
        github: &GithubClient,
        word: &Secret,
        now: Timestamp,
    ) -> std::result::Result<u64, Trouble> {
        let path = format!("/repos/{}/installation", github.repository());
        let found: Installation = github.perform(&Call::get(&path), word, now).await?.read()?;
        Ok(found.id)
    }

    /// The App's own word, a JWT: good for asking for tokens and for nothing else.
    fn word(&self, now: Timestamp) -> Result<Secret> {
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
        let claims = json!({
            "iat": now.seconds() - SKEW_SECONDS, "exp": now.seconds() + WORD_SECONDS, "iss": self.id,
        });
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|e| Error::internal("signing for GitHub", e))?;
        Ok(Secret(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

/// Reads a private key in PEM, in either of the forms that there are.
fn read_key(key: &Secret) -> Result<RsaKeyPair> {
    // Not what is wrong with it: the text of an error goes to logs.
    let refused =
        || Error::Internal("GRANARY_GITHUB_APP_KEY is no private RSA key in PEM, as GitHub gives it".into());
    match PrivateKeyDer::from_pem_slice(key.0.as_bytes()).map_err(|_| refused())? {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| refused()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| refused()),
        _ => Err(refused()),
    }
}
