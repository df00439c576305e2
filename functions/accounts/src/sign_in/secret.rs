//! Secrets of a sign-in: their form, and the cookie that binds the steps to one browser.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use granary_http::{Config, new_secret, secret_digest};
use granary_model::Ids;
use sha2::{Digest as _, Sha256};

/// Name of the cookie. On `https` browsers take one of this name only from the registry itself: a neighbour below the same
/// domain could otherwise let its visitors finish a sign-in that it has begun.
fn cookie_name(config: &Config) -> &'static str {
    if is_secure(config) { "__Host-granary-sign-in" } else { "granary-sign-in" }
}

fn is_secure(config: &Config) -> bool {
    config.public_url.starts_with("https:")
}

/// Length of a secret in base64url.
const LENGTH: usize = 40;

/// Whether a text could be a secret of this registry, told by its form alone. What passes may stand in a
/// table key, a path and an HTML attribute.
pub(crate) fn is_secret(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// A PKCE verifier, which has at least 43 characters (RFC 7636, section 4.1): more than one secret.
pub(crate) fn new_verifier(ids: &dyn Ids) -> String {
    new_secret(ids) + &new_secret(ids)
}

/// The challenge of a PKCE verifier, method `S256`.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// The browser that a sign-in belongs to.
pub(crate) struct Browser(String);

impl Browser {
    /// A browser that has not been seen yet.
    pub(crate) fn new(ids: &dyn Ids) -> Self {
        Self(new_secret(ids))
    }

    /// The browser that sent a request.
    pub(crate) fn from_headers(config: &Config, headers: &HeaderMap) -> Option<Self> {
        let wanted = cookie_name(config);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, value)| *name == wanted && is_secret(value)).map(|(_, value)| Self(value.into()))
    }

    /// `Set-Cookie` for a browser whose sign-in is over.
    pub(crate) fn no_cookie(config: &Config) -> String {
        let secure = if is_secure(config) { "; Secure" } else { "" };
        format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}", cookie_name(config))
    }

    /// The form in which it is stored.
    pub(crate) fn fingerprint(&self) -> String {
        secret_digest(&self.0)
    }

    /// `Set-Cookie`. `Lax`, because the browser comes back from the identity provider by a link.
    pub(crate) fn cookie(&self, config: &Config) -> String {
        let secure = if is_secure(config) { "; Secure" } else { "" };
        format!("{}={}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax{secure}", cookie_name(config), self.0)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use granary_model::RandomIds;

    use super::*;

    #[test]
    fn the_cookie_finds_its_way_back() {
        let browser = Browser::new(&RandomIds);
        let config = Config::local("https://registry.example");
        let cookie = browser.cookie(&config);
        assert!(cookie.starts_with("__Host-granary-sign-in="), "{cookie}");
        assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
        let mut headers = HeaderMap::new();
        let sent = format!("a=b; {}", cookie.split(';').next().unwrap());
        headers.insert(header::COOKIE, HeaderValue::from_str(&sent).unwrap());
        assert_eq!(Browser::from_headers(&config, &headers).unwrap().fingerprint(), browser.fingerprint());
        assert!(!browser.cookie(&Config::local("http://localhost:8080")).contains("Secure"));
    }

    #[test]
    fn anything_else_is_no_browser() {
        for sent in ["", "granary-sign-in=", "granary-sign-in=x", "other=x; granary-sign-in"] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(sent).unwrap());
            assert!(
                Browser::from_headers(&Config::local("http://localhost:8080"), &headers).is_none(),
                "{sent}"
            );
        }
    }

    #[test]
    fn secrets_have_a_form() {
        assert!(is_secret(&new_secret(&RandomIds)));
        for bad in ["", "x", &"é".repeat(20), &"a".repeat(41), &"a#b/".repeat(10)] {
            assert!(!is_secret(bad), "{bad}");
        }
        let verifier = new_verifier(&RandomIds);
        assert!((43..=128).contains(&verifier.len()) && !is_secret(&verifier));
        // RFC 7636, appendix B.
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
