//! What GitHub tells by itself. It is signed, and still only a hint: what is true is asked for.

use aws_lc_rs::hmac;
use serde::Deserialize;

use super::run_of_title;
use crate::settings::Secret;

/// What signatures begin with.
const SCHEME: &str = "sha256=";

/// Whether a body has this signature (`X-Hub-Signature-256`), compared in constant time.
pub fn is_signed(secret: &Secret, body: &[u8], signature: &str) -> bool {
    let Some(digits) = signature.strip_prefix(SCHEME) else { return false };
    let Ok(tag) = hex::decode(digits) else { return false };
    // A secret that is empty is none.
    !secret.0.is_empty()
        && hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret.0.as_bytes()), body, &tag).is_ok()
}

/// That something has happened to a run of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The build.
    pub build: String,
    /// Which of its attempts.
    pub attempt: u32,
}

#[derive(Deserialize)]
struct Event {
    workflow_run: Described,
    repository: Repository,
}

#[derive(Deserialize)]
struct Described {
    #[serde(default)]
    display_title: String,
}

#[derive(Deserialize)]
struct Repository {
    #[serde(default)]
    full_name: String,
}

impl Hint {
    /// Reads the body of an event `workflow_run`. `None` if it is about something else.
    pub fn read(body: &[u8], repository: &str) -> Option<Self> {
        let event: Event = serde_json::from_slice(body).ok()?;
        let (build, attempt) = run_of_title(&event.workflow_run.display_title)?;
        let is_ours = event.repository.full_name.eq_ignore_ascii_case(repository);
        is_ours.then(|| Self { build: build.to_owned(), attempt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_of_githubs_documentation_is_right_and_no_other() {
        let secret = Secret("It's a Secret to Everybody".into());
        let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(is_signed(&secret, b"Hello, World!", right));
        for (secret, body, signature) in [
            ("It's a Secret to Everybody", "Hello, World?", right),
            ("It's a secret to everybody", "Hello, World!", right),
            ("It's a Secret to Everybody", "Hello, World!", right.trim_start_matches("sha256=")),
            ("It's a Secret to Everybody", "Hello, World!", "sha256="),
            ("It's a Secret to Everybody", "Hello, World!", "sha256=757107"),
            ("It's a Secret to Everybody", "Hello, World!", "sha1=757107"),
            ("It's a Secret to Everybody", "Hello, World!", ""),
        ] {
            assert!(!is_signed(&Secret(secret.into()), body.as_bytes(), signature), "{secret} {signature}");
        }
        let empty = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b""), b"x");
        assert!(!is_signed(&Secret(String::new()), b"x", &format!("sha256={}", hex::encode(empty))));
    }
}
