//! What a request brings along to say who it is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use granary_model::{Error, RawToken, Result};

/// The credential of a request. `Debug` shows no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// None at all.
    None,
    /// One of the registry's own tokens.
    Token(RawToken),
    /// An ID token of the identity provider.
    IdToken(IdToken),
}

/// An ID token that has not been verified yet.
#[derive(Clone, PartialEq, Eq)]
pub struct IdToken(pub(crate) String);

impl std::fmt::Debug for IdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdToken(..)")
    }
}

/// The `WWW-Authenticate` header of every 401. Maven and Gradle send credentials only after a `Basic`
/// challenge with a realm; npm says "npm login" only if `Bearer` is among the challenges.
pub fn challenge() -> &'static str {
    "Basic realm=\"Granary\", Bearer realm=\"Granary\""
}

impl Credential {
    /// Reads an `Authorization` header.
    ///
    /// `Bearer <token>`, or `Basic` with the token as the password and any user name. An empty password
    /// with the token as the user name counts too: some tools only have a field for a key.
    ///
    /// # Errors
    /// `Unauthorized` for anything that cannot be a credential of this registry, told by its form alone.
    pub fn from_header(header: Option<&str>) -> Result<Self> {
        let Some(header) = header else { return Ok(Self::None) };
        let (scheme, value) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        let value = value.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::from_secret(value);
        }
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = STANDARD
                .decode(value)
                .or_else(|_| STANDARD_NO_PAD.decode(value))
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| {
                    Error::Unauthorized("the Basic credentials are not base64 of user:password".into())
                })?;
            let (user, password) = decoded.split_once(':').unwrap_or((&decoded, ""));
            return Self::from_secret(if password.is_empty() { user } else { password });
        }
        Err(Error::Unauthorized(
            "use 'Authorization: Bearer <token>' or Basic with the token as password".into(),
        ))
    }

    /// Reads a token or an ID token.
    pub fn from_secret(secret: &str) -> Result<Self> {
        // Three dots-separated parts beginning with the base64url of `{"` can only be a JWT.
        if secret.starts_with("eyJ") && secret.split('.').count() == 3 && secret.len() <= 16_384 {
            return Ok(Self::IdToken(IdToken(secret.into())));
        }
        secret.parse().map(Self::Token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use granary_model::{RandomIds, TokenKind};

    #[test]
    fn bearer_and_both_forms_of_basic() {
        let token = RawToken::generate(TokenKind::Account, &RandomIds);
        let expected = Credential::Token(token.clone());
        let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
        for header in [
            format!("Bearer {}", token.expose()),
            format!("bearer {}", token.expose()),
            basic(format!("token:{}", token.expose())),
            basic(format!("{}:", token.expose())),
            basic(token.expose().to_owned()),
        ] {
            assert_eq!(Credential::from_header(Some(&header)).unwrap(), expected, "{header}");
        }
        assert_eq!(Credential::from_header(None).unwrap(), Credential::None);
    }

    #[test]
    fn anything_else_is_refused_without_a_look_up() {
        for header in [
            "",
            "Bearer",
            "Bearer x",
            "Basic !!!",
            "Basic eA==",
            "Digest x",
            "Bearer art_0000",
            "Negotiate abc",
        ] {
            assert!(matches!(Credential::from_header(Some(header)), Err(Error::Unauthorized(_))), "{header}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let credential = Credential::from_header(Some("Bearer eyJh.eyJi.c2ln")).unwrap();
        assert_eq!(format!("{credential:?}"), "IdToken(IdToken(..))");
    }
}
