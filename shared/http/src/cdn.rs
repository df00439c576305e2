//! Addresses that CloudFront serves: for clients that would send their credentials along to S3.
//!
//! With an origin access control, CloudFront puts its own signature in the place of whatever `Authorization` a
//! client brings, so a redirect there works with every client. The distribution has to have the bucket as its
//! origin, forward the query parameters `response-content-type` and `response-content-disposition`, and trust the
//! key. With a response headers policy that adds `Content-Version: 1` an archive passes Swift's compatibility suite, too.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_model::{Error, Result, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

/// What is encoded in a query. Nothing else may be: clients decode what did not have to be, those built on Python's
/// requests for one, and then the address is not the one that was signed.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Length of the modulus of an RSA key, in bytes.
const RSA_BYTES: usize = 256;

/// A distribution of CloudFront, and the key that it trusts.
pub struct Cdn {
    address: String,
    key_id: String,
    key: Key,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
}

impl fmt::Debug for Cdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cdn({}, key {})", self.address, self.key_id)
    }
}

impl Cdn {
    /// A distribution at `address` with the id of its public key and the private one: PEM, RSA of 2048 bits or EC
    /// of the curve P-256, because CloudFront takes no others. Its lines may be separated by `\n` written out, as
    /// in files of variables.
    ///
    /// # Errors
    /// Says what cannot be used; never shows the key.
    pub fn new(address: &str, key_id: &str, pem: &str) -> Result<Self> {
        let address = address.trim_end_matches('/');
        let in_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
        // A path would be passed on to the bucket, which has nothing there.
        let fits = address
            .strip_prefix("https://")
            .is_some_and(|host| !host.is_empty() && host.bytes().all(in_host));
        if !fits {
            return Err(Error::Internal(format!(
                "GRANARY_CDN_URL has to be the https address of a distribution, without a path; it is '{address}'"
            )));
        }
        if key_id.is_empty() || !key_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::Internal("GRANARY_CDN_KEY_ID is no id of a public key".into()));
        }
        Ok(Self { address: address.to_owned(), key_id: key_id.to_owned(), key: Key::parse(pem)? })
    }

    /// The address of an object until a moment, signed for nothing else.
    ///
    /// # Errors
    /// `Internal` if signing fails.
    pub fn signed_url(
        &self,
        path: &str,
        content_type: &str,
        disposition: Option<&str>,
        expires: Timestamp,
    ) -> Result<String> {
        let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
        let mut resource = format!("{}/{path}?response-content-type={}", self.address, encode(content_type));
        if let Some(disposition) = disposition {
            resource.push_str("&response-content-disposition=");
            resource.push_str(&encode(disposition));
        }
        let expires = expires.seconds();
        let signature = self.key.sign(policy(&resource, expires).as_bytes())?;
        Ok(format!(
            "{resource}&Expires={expires}&Signature={}&Key-Pair-Id={}&Hash-Algorithm=SHA256",
            in_url(&signature),
            self.key_id
        ))
    }
}

/// The canned policy, which CloudFront puts together in the same way, character by character.
fn policy(resource: &str, expires: i64) -> String {
    format!(
        "{{\"Statement\":[{{\"Resource\":\"{resource}\",\"Condition\":{{\"DateLessThan\":{{\"AWS:EpochTime\":{expires}}}}}}}]}}"
    )
}

/// Base64 without the characters that mean something in a query, in CloudFront's own way.
fn in_url(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

impl Key {
    fn parse(pem: &str) -> Result<Self> {
        let unusable = || {
            Error::Internal(
                "GRANARY_CDN_PRIVATE_KEY is no private key in PEM, RSA of 2048 bits or EC of the curve P-256"
                    .into(),
            )
        };
        let pem = pem.replace("\\n", "\n");
        let parsed = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unusable())?;
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let rsa = |key: RsaKeyPair| Self::Rsa(Box::new(key));
        let key = match &parsed {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).map(rsa),
            PrivateKeyDer::Sec1(key) => {
                EcdsaKeyPair::from_private_key_der(algorithm, key.secret_sec1_der()).map(Self::Ecdsa)
            }
            PrivateKeyDer::Pkcs8(key) => {
                let der = key.secret_pkcs8_der();
                let ecdsa = EcdsaKeyPair::from_pkcs8(algorithm, der).map(Self::Ecdsa);
                ecdsa.or_else(|_| RsaKeyPair::from_pkcs8(der).map(rsa))
            }
            _ => return Err(unusable()),
        };
        match key {
            Ok(Self::Rsa(key)) if key.public_modulus_len() != RSA_BYTES => Err(unusable()),
            key => key.map_err(|_| unusable()),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| Error::Internal("an address of the distribution could not be signed".into());
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Self::Ecdsa(key) => {
                Ok(key.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
        UnparsedPublicKey, VerificationAlgorithm,
    };

    use super::*;

    const ADDRESS: &str = "https://d111111abcdef8.cloudfront.net";

    fn pem(label: &str, der: &[u8]) -> String {
        let text = STANDARD.encode(der);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
    }

    fn pkcs8_of(key: &RsaKeyPair) -> Vec<u8> {
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        der.as_ref().to_vec()
    }

    /// Verifies an address the way CloudFront does.
    fn verify(url: &str, algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) {
        let (resource, signed) = url.split_once("&Expires=").unwrap();
        let (expires, signed) = signed.split_once("&Signature=").unwrap();
        let (signature, rest) = signed.split_once("&Key-Pair-Id=").unwrap();
        assert_eq!(rest, "K2JCJMDEHXQW5F&Hash-Algorithm=SHA256");
        let signature = signature.replace('-', "+").replace('_', "=").replace('~', "/");
        let policy = format!(
            r#"{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}"#
        );
        let key = UnparsedPublicKey::new(algorithm, public);
        key.verify(policy.as_bytes(), &STANDARD.decode(signature).unwrap()).unwrap();
    }

    #[test]
    fn addresses_are_signed_with_either_kind_of_key() {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let pkcs8 = |der: &[u8]| pem("PRIVATE KEY", der);
        let rsa_der = pkcs8_of(&rsa);
        // In PKCS#8, a key of PKCS#1 follows 26 bytes that say what it is.
        let pkcs1_pem = pem("RSA PRIVATE KEY", &rsa_der[26..]);
        let ecdsa_pem = pkcs8(ecdsa.to_pkcs8v1().unwrap().as_ref());
        let one_line = ecdsa_pem.replace('\n', "\\n");
        let sec1: EcPrivateKeyRfc5915Der<'_> = ecdsa.private_key().as_der().unwrap();
        // As `openssl ecparam -genkey` writes it.
        let sec1_pem =
            pem("EC PARAMETERS", b"\x06\x08*\x86H\xce=\x03\x01\x07") + &pem("EC PRIVATE KEY", sec1.as_ref());
        for (pem, is_rsa) in [
            (pkcs8(&rsa_der), true),
            (pkcs1_pem, true),
            (ecdsa_pem, false),
            (one_line, false),
            (sec1_pem, false),
        ] {
            let cdn = Cdn::new(&format!("{ADDRESS}/"), "K2JCJMDEHXQW5F", &pem).unwrap();
            let until = Timestamp::from_millis(1_767_290_400_999);
            let url = cdn
                .signed_url(
                    "blobs/sha256/ab/abcd",
                    "application/zip",
                    Some("attachment; filename=\"L-1.0.zip\""),
                    until,
                )
                .unwrap();
            let start = format!(
                "{ADDRESS}/blobs/sha256/ab/abcd?response-content-type=application%2Fzip&response-content-disposition=attachment%3B%20filename%3D%22L-1.0.zip%22&Expires=1767290400&Signature="
            );
            assert!(url.starts_with(&start), "{url}");
            if is_rsa {
                verify(&url, &RSA_PKCS1_2048_8192_SHA256, rsa.public_key().as_ref());
            } else {
                verify(&url, &ECDSA_P256_SHA256_ASN1, ecdsa.public_key().as_ref());
            }
            let bare = cdn.signed_url("blobs/x", "text/plain", None, until).unwrap();
            assert!(bare.contains("/blobs/x?response-content-type=text%2Fplain&Expires="), "{bare}");
            assert!(!format!("{cdn:?}").contains("PRIVATE"));
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_and_not_shown() {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let good = pem("PRIVATE KEY", key.to_pkcs8v1().unwrap().as_ref());
        let long = pem("PRIVATE KEY", &pkcs8_of(&RsaKeyPair::generate(KeySize::Rsa3072).unwrap()));
        let other = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
        let other = pem("PRIVATE KEY", other.to_pkcs8v1().unwrap().as_ref());
        for (address, id, key, named) in [
            ("http://example.com", "K1", good.as_str(), "GRANARY_CDN_URL"),
            ("https://", "K1", &good, "GRANARY_CDN_URL"),
            ("https://example.com/files", "K1", &good, "GRANARY_CDN_URL"),
            ("https://me@example.com", "K1", &good, "GRANARY_CDN_URL"),
            (ADDRESS, "", &good, "GRANARY_CDN_KEY_ID"),
            (ADDRESS, "K1&x", &good, "GRANARY_CDN_KEY_ID"),
            (ADDRESS, "K1", "secret", "GRANARY_CDN_PRIVATE_KEY"),
            (ADDRESS, "K1", &long, "GRANARY_CDN_PRIVATE_KEY"),
            (ADDRESS, "K1", &other, "GRANARY_CDN_PRIVATE_KEY"),
            (ADDRESS, "K1", &good.replace("PRIVATE", "PUBLIC"), "GRANARY_CDN_PRIVATE_KEY"),
        ] {
            let error = Cdn::new(address, id, key).unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains("secret"), "{error}");
        }
    }
}
