//! Provenance attestations that come with a publish.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_model::npm::{NpmName, NpmVersion};
use granary_model::{Error, Result};
use serde_json::Value;

use crate::digests::Digests;
use crate::json_guard::{JsonLimits, parse_json};

/// A Sigstore bundle whose statement is about the tarball it came with.
///
/// The registry checks that the statement speaks of these bytes and this version, so that what it shows
/// always fits what it serves. Whether the signature is good is for `npm audit signatures` to say: it
/// verifies against Sigstore's own roots, which a registry without access to them cannot replace.
#[derive(Debug)]
pub struct Provenance {
    /// The bundle as it was sent.
    pub bundle: String,
    /// Digests of the bundle.
    pub digests: Digests,
    /// What kind of statement it is, such as `https://slsa.dev/provenance/v1`.
    pub predicate: String,
}

impl Provenance {
    /// Checks a bundle against the tarball.
    pub fn check(bundle: String, name: &NpmName, version: &NpmVersion, tarball: &Digests) -> Result<Self> {
        let refuse = |why: &str| Error::BadRequest(format!("the provenance bundle cannot be used: {why}"));
        let parsed = parse_json(bundle.as_bytes(), JsonLimits::default())?;
        let payload = parsed
            .pointer("/dsseEnvelope/payload")
            .and_then(Value::as_str)
            .ok_or_else(|| refuse("it has no dsseEnvelope.payload"))?;
        let statement = STANDARD.decode(payload).map_err(|_| refuse("its payload is not base64"))?;
        let statement = parse_json(&statement, JsonLimits::default())?;
        let predicate = statement
            .get("predicateType")
            .and_then(Value::as_str)
            .ok_or_else(|| refuse("its statement has no predicateType"))?;
        let digest = tarball.sha512.to_string();
        let subjects =
            statement.get("subject").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let expected = format!("pkg:npm/{}@{version}", name.as_str().replacen('@', "%40", 1));
        let fits = subjects.iter().any(|subject| {
            subject.get("name").and_then(Value::as_str) == Some(expected.as_str())
                && subject.pointer("/digest/sha512").and_then(Value::as_str) == Some(digest.as_str())
        });
        if !fits {
            return Err(refuse(&format!("its statement is not about {expected} with the tarball's SHA-512")));
        }
        Ok(Self { predicate: predicate.into(), digests: Digests::of(bundle.as_bytes()), bundle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bundle(name: &str, digest: &str) -> String {
        let statement = json!({
            "predicateType": "https://slsa.dev/provenance/v1",
            "subject": [{ "name": name, "digest": { "sha512": digest } }],
        });
        json!({ "dsseEnvelope": { "payload": STANDARD.encode(statement.to_string()) } }).to_string()
    }

    #[test]
    fn only_a_statement_about_this_tarball_is_taken() {
        let tarball = Digests::of(b"tarball");
        let (name, version): (NpmName, NpmVersion) = ("@s/n".parse().unwrap(), "1.0.0".parse().unwrap());
        let good = bundle("pkg:npm/%40s/n@1.0.0", &tarball.sha512.to_string());
        let taken = Provenance::check(good, &name, &version, &tarball).unwrap();
        assert_eq!(taken.predicate, "https://slsa.dev/provenance/v1");
        for bad in [
            bundle("pkg:npm/%40s/n@1.0.1", &tarball.sha512.to_string()),
            bundle("pkg:npm/%40s/n@1.0.0", &Digests::of(b"other").sha512.to_string()),
            "{}".into(),
            "no json".into(),
        ] {
            assert!(Provenance::check(bad.clone(), &name, &version, &tarball).is_err(), "{bad}");
        }
    }
}
