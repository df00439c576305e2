//! Secrets of a sign-in: tickets, verifiers, and the cookie that binds the steps to one browser.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use granary_http::Config;
use granary_model::Ids;
use sha2::{Digest as _, Sha256};

/// Name of the cookie.
const COOKIE: &str = "granary-sign-in";

/// Length of 32 bytes in base64url.
const LENGTH: usize = 43;

/// Length of a login session's id.
const SESSION_LENGTH: usize = 40;

/// A new secret of 256 random bits in base64url, which also is the grammar of a PKCE verifier.
pub(crate) fn new_secret(ids: &dyn Ids) -> String {
    let mut bytes = [0_u8; 32];
    ids.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether a text could be one of [`new_secret`], told by its form alone.
pub(crate) fn is_secret(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Whether a text could be the id of a login session, told by its form alone.
pub(crate) fn is_session(text: &str) -> bool {
    text.len() == SESSION_LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// SHA-256 in base64url: the fingerprint of a browser's cookie and the challenge of a PKCE verifier.
pub(crate) fn digest(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

/// The browser that a sign-in belongs to.
pub(crate) struct Browser(String);

impl Browser {
    /// A browser that has not been seen yet.
    pub(crate) fn new(ids: &dyn Ids) -> Self {
        Self(new_secret(ids))
    }

    /// The browser that sent a request.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, value)| *name == COOKIE && is_secret(value)).map(|(_, value)| Self(value.into()))
    }

    /// The form in which it is stored.
    pub(crate) fn fingerprint(&self) -> String {
        digest(&self.0)
    }

    /// `Set-Cookie`. `Lax`, because the browser comes back from the identity provider by a link.
    pub(crate) fn cookie(&self, config: &Config) -> String {
        let secure = if config.public_url.starts_with("https:") { "; Secure" } else { "" };
        format!("{COOKIE}={}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax{secure}", self.0)
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
        let cookie = browser.cookie(&Config::local("https://registry.example"));
        assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
        let mut headers = HeaderMap::new();
        let sent = format!("a=b; {}", cookie.split(';').next().unwrap());
        headers.insert(header::COOKIE, HeaderValue::from_str(&sent).unwrap());
        assert_eq!(Browser::from_headers(&headers).unwrap().fingerprint(), browser.fingerprint());
        assert!(!browser.cookie(&Config::local("http://localhost:8080")).contains("Secure"));
    }

    #[test]
    fn anything_else_is_no_browser() {
        for sent in ["", "granary-sign-in=", "granary-sign-in=x", "other=x; granary-sign-in"] {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_str(sent).unwrap());
            assert!(Browser::from_headers(&headers).is_none(), "{sent}");
        }
    }

    #[test]
    fn secrets_and_sessions_have_a_form() {
        assert!(is_secret(&new_secret(&RandomIds)));
        assert!(!is_secret("") && !is_secret(&"é".repeat(43)) && !is_secret(&"a".repeat(44)));
        assert!(is_session(&"aZ09".repeat(10)) && !is_session(&"a-b_".repeat(10)) && !is_session("a"));
        // RFC 7636, appendix B.
        assert_eq!(
            digest("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
