//! What a request brings along to say who it is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use granary_model::{CustomerKey, Error, RawToken, Result};

/// The credential of a request. `Debug` shows no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// None at all.
    None,
    /// One of the registry's own tokens.
    Token(RawToken),
    /// An ID token of the identity provider.
    IdToken(IdToken),
    /// What can only be a key that a seller gave out.
    Customer(CustomerCredential),
}

/// The key of a licence, or the key pair of a consumer: which of them, only the table knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerCredential {
    /// The user name of Basic credentials, if it can be a public key.
    pub user: Option<CustomerKey>,
    /// The Bearer token or the password.
    pub secret: CustomerKey,
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
            let credential = Self::from_secret(if password.is_empty() { user } else { password })?;
            return Ok(match credential {
                Self::Customer(customer) if !password.is_empty() => {
                    Self::Customer(CustomerCredential { user: user.parse().ok(), ..customer })
                }
                other => other,
            });
        }
        Err(Error::Unauthorized(
            "use 'Authorization: Bearer <token>' or Basic with the token as password".into(),
        ))
    }

    /// Reads a token, an ID token or a customer's key.
    ///
    /// # Errors
    /// `Unauthorized` for anything that cannot be one of them: nothing is looked up for it.
    pub fn from_secret(secret: &str) -> Result<Self> {
        // Three dots-separated parts beginning with the base64url of `{"` can only be a JWT.
        if secret.starts_with("eyJ") && secret.split('.').count() == 3 && secret.len() <= 16_384 {
            return Ok(Self::IdToken(IdToken(secret.into())));
        }
        if !RawToken::is_reserved(secret)
            && let Ok(secret) = secret.parse()
        {
            return Ok(Self::Customer(CustomerCredential { user: None, secret }));
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
    fn keys_of_customers_are_told_from_tokens_by_their_form() {
        let customer = |user: Option<&str>, secret: &str| {
            Credential::Customer(CustomerCredential {
                user: user.map(|user| user.parse().unwrap()),
                secret: secret.parse().unwrap(),
            })
        };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        for (header, expected) in [
            ("Bearer 12345-12345-ABCDE".to_owned(), customer(None, "12345-12345-ABCDE")),
            (basic("license:12345-12345-ABCDE"), customer(None, "12345-12345-ABCDE")),
            (basic("12345-12345-ABCDE:"), customer(None, "12345-12345-ABCDE")),
            (basic("12345-12345-ABCDE"), customer(None, "12345-12345-ABCDE")),
            (basic("public-key-1:private-key-1"), customer(Some("public-key-1"), "private-key-1")),
        ] {
            assert_eq!(Credential::from_header(Some(&header)).unwrap(), expected, "{header}");
        }
        assert!(!format!("{:?}", customer(None, "12345-12345-ABCDE")).contains("12345-ABCDE"));
    }

    #[test]
    fn debug_shows_no_secret() {
        let credential = Credential::from_header(Some("Bearer eyJh.eyJi.c2ln")).unwrap();
        assert_eq!(format!("{credential:?}"), "IdToken(IdToken(..))");
    }
}
