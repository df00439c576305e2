//! Authorization codes: what a sign-in has agreed to, until the client collects the tokens.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use granary_model::{Ids as _, RandomIds, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::identity::Person;

/// How long a code can be exchanged, in milliseconds.
const LIFETIME: i64 = 60_000;

/// Most codes that wait. Beyond that, the oldest ones are lost.
const MAX_CODES: usize = 1000;

/// What a code stands for.
#[derive(Debug, Clone)]
pub(crate) struct Agreement {
    pub(crate) person: Person,
    pub(crate) redirect_uri: String,
    pub(crate) nonce: Option<String>,
    /// Hash of a secret of the client that began (RFC 7636, method `S256`).
    pub(crate) code_challenge: Option<String>,
}

impl Agreement {
    /// Whether the one who brings the code is the one who began.
    pub(crate) fn is_from(&self, redirect_uri: Option<&str>, code_verifier: Option<&str>) -> bool {
        let proven = match (&self.code_challenge, code_verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => {
                URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == *challenge
            }
            _ => false,
        };
        proven && redirect_uri == Some(self.redirect_uri.as_str())
    }
}

/// The codes that wait.
#[derive(Debug, Default)]
pub(crate) struct Codes(Mutex<HashMap<String, (Timestamp, Agreement)>>);

impl Codes {
    /// A new code.
    pub(crate) fn issue(&self, agreement: Agreement, now: Timestamp) -> String {
        let mut bytes = [0_u8; 32];
        RandomIds.fill(&mut bytes);
        let code = hex::encode(bytes);
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, (until, _)| *until > now);
        if codes.len() >= MAX_CODES
            && let Some(oldest) =
                codes.iter().min_by_key(|(_, (until, _))| *until).map(|(code, _)| code.clone())
        {
            codes.remove(&oldest);
        }
        codes.insert(code.clone(), (now.plus_millis(LIFETIME), agreement));
        code
    }

    /// What a code stands for. It is used up by asking, whatever comes of it.
    pub(crate) fn take(&self, code: &str, now: Timestamp) -> Option<Agreement> {
        let (until, agreement) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(code)?;
        (until > now).then_some(agreement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agreement(code_challenge: Option<&str>) -> Agreement {
        Agreement {
            person: Person { sub: "ann".parse().unwrap(), email: None, name: None },
            redirect_uri: "http://localhost/back".into(),
            nonce: None,
            code_challenge: code_challenge.map(str::to_owned),
        }
    }

    #[test]
    fn a_code_works_once_and_not_for_long() {
        let codes = Codes::default();
        let now = Timestamp::from_millis(1_000);
        let code = codes.issue(agreement(None), now);
        assert!(codes.take(&code, now).is_some());
        assert!(codes.take(&code, now).is_none());
        let code = codes.issue(agreement(None), now);
        assert!(codes.take(&code, now.plus_millis(LIFETIME)).is_none());
    }

    #[test]
    fn codes_do_not_pile_up() {
        let codes = Codes::default();
        for _ in 0..MAX_CODES + 10 {
            codes.issue(agreement(None), Timestamp::from_millis(1_000));
        }
        assert_eq!(codes.0.lock().unwrap().len(), MAX_CODES);
    }

    #[test]
    fn the_secret_has_to_fit_the_challenge() {
        // The example of RFC 7636, appendix B.
        let bound = agreement(Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        let back = Some("http://localhost/back");
        assert!(bound.is_from(back, Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
        assert!(!bound.is_from(back, Some("another")) && !bound.is_from(back, None));
        assert!(!bound.is_from(None, Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")));
        assert!(agreement(None).is_from(back, None) && !agreement(None).is_from(back, Some("x")));
    }
}
