//! The checksums that S3 knows besides the `ETag`.

use s3s::checksum::ChecksumHasher;
use s3s::dto::ChecksumAlgorithm;
use s3s::{S3Result, TrailingHeaders, s3_error};
use serde::{Deserialize, Serialize};

/// Checksums in base64, as S3 writes them. Those of a multipart upload end in `-` and the number of parts
/// where they are checksums of checksums.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksums {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) crc32: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) crc32c: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) crc64nvme: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

/// Takes the checksum fields out of one of the protocol's structures, which have them under the same names.
macro_rules! checksums_of {
    ($source:expr) => {
        $crate::engines::s3::checksums::Checksums {
            crc32: $source.checksum_crc32.take(),
            crc32c: $source.checksum_crc32c.take(),
            crc64nvme: $source.checksum_crc64nvme.take(),
            sha1: $source.checksum_sha1.take(),
            sha256: $source.checksum_sha256.take(),
        }
    };
}

/// Puts checksums into the fields of one of the protocol's structures.
macro_rules! put_checksums {
    ($target:expr, $checksums:expr) => {{
        let checksums: $crate::engines::s3::checksums::Checksums = $checksums;
        $target.checksum_crc32 = checksums.crc32;
        $target.checksum_crc32c = checksums.crc32c;
        $target.checksum_crc64nvme = checksums.crc64nvme;
        $target.checksum_sha1 = checksums.sha1;
        $target.checksum_sha256 = checksums.sha256;
    }};
}

pub(crate) use {checksums_of, put_checksums};

impl Checksums {
    fn each(&self) -> [(&'static str, Option<&String>); 5] {
        [
            ("crc32", self.crc32.as_ref()),
            ("crc32c", self.crc32c.as_ref()),
            ("crc64nvme", self.crc64nvme.as_ref()),
            ("sha1", self.sha1.as_ref()),
            ("sha256", self.sha256.as_ref()),
        ]
    }

    fn set(&mut self, name: &str, value: String) {
        match name {
            "crc32" => self.crc32 = Some(value),
            "crc32c" => self.crc32c = Some(value),
            "crc64nvme" => self.crc64nvme = Some(value),
            "sha1" => self.sha1 = Some(value),
            "sha256" => self.sha256 = Some(value),
            _ => {}
        }
    }

    /// Refuses bytes whose checksums are not those expected. Checksums that were computed and not expected
    /// are no matter.
    pub(crate) fn check(&self, expected: &Self) -> S3Result<()> {
        for ((name, computed), (_, expected)) in self.each().into_iter().zip(expected.each()) {
            if expected.is_some() && computed != expected {
                return Err(s3_error!(
                    BadDigest,
                    "The {} you specified did not match the calculated checksum.",
                    name
                ));
            }
        }
        Ok(())
    }

    /// Adds the checksums that came behind the body.
    pub(crate) fn add_trailing(&mut self, trailing: Option<&TrailingHeaders>) {
        let Some(headers) = trailing.and_then(TrailingHeaders::take) else { return };
        for (name, value) in &headers {
            if let (Some(name), Ok(value)) = (name.as_str().strip_prefix("x-amz-checksum-"), value.to_str()) {
                self.set(name, value.to_owned());
            }
        }
    }

    /// The checksums of the parts in a row, checksummed again, as S3 does for a multipart object.
    pub(crate) fn composite(algorithm: Algorithm, parts: &[Self]) -> S3Result<Self> {
        let mut hasher = algorithm.hasher();
        for part in parts {
            let part =
                part.each().into_iter().find(|(name, _)| *name == algorithm.0).and_then(|(_, value)| value);
            let part =
                part.ok_or_else(|| s3_error!(InvalidPart, "a part has no {} checksum", algorithm.0))?;
            hasher.update(&decode_base64(part)?);
        }
        let mut composite = Self::default();
        for (name, value) in Self::from(hasher).each() {
            if let Some(value) = value {
                composite.set(name, format!("{value}-{}", parts.len()));
            }
        }
        Ok(composite)
    }
}

impl From<ChecksumHasher> for Checksums {
    fn from(hasher: ChecksumHasher) -> Self {
        let mut computed = hasher.finalize();
        checksums_of!(computed)
    }
}

pub(crate) fn decode_base64(text: &str) -> S3Result<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .map_err(|e| s3_error!(e, InvalidDigest, "a checksum is not base64"))
}

/// One of the checksum algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Algorithm(&'static str);

impl Algorithm {
    /// The algorithm that the protocol writes so (`SHA256`).
    pub(crate) fn parse(name: &str) -> S3Result<Self> {
        Ok(Self(match name {
            ChecksumAlgorithm::CRC32 => "crc32",
            ChecksumAlgorithm::CRC32C => "crc32c",
            ChecksumAlgorithm::CRC64NVME => "crc64nvme",
            ChecksumAlgorithm::SHA1 => "sha1",
            ChecksumAlgorithm::SHA256 => "sha256",
            _ => return Err(s3_error!(InvalidRequest, "unknown checksum algorithm '{}'", name)),
        }))
    }

    fn hasher(self) -> ChecksumHasher {
        let mut hasher = ChecksumHasher::default();
        self.add_to(&mut hasher);
        hasher
    }

    fn add_to(self, hasher: &mut ChecksumHasher) {
        match self.0 {
            "crc32" => hasher.crc32 = Some(s3s::crypto::Crc32::default()),
            "crc32c" => hasher.crc32c = Some(s3s::crypto::Crc32c::default()),
            "crc64nvme" => hasher.crc64nvme = Some(s3s::crypto::Crc64Nvme::default()),
            "sha1" => hasher.sha1 = Some(s3s::crypto::Sha1::default()),
            _ => hasher.sha256 = Some(s3s::crypto::Sha256::default()),
        }
    }
}

/// A hasher for all checksums that a request announces: by value, by name, or for behind the body.
pub(crate) fn announced(
    expected: &Checksums,
    algorithm: Option<&str>,
    trailer: Option<&str>,
) -> S3Result<ChecksumHasher> {
    let mut hasher = ChecksumHasher::default();
    let by_value = expected.each().into_iter().filter_map(|(name, value)| value.is_some().then_some(name));
    let behind = trailer.into_iter().flat_map(|names| names.split(','));
    let behind = behind.filter_map(|name| name.trim().strip_prefix("x-amz-checksum-"));
    for name in by_value.chain(behind) {
        Algorithm::parse(&name.to_ascii_uppercase())?.add_to(&mut hasher);
    }
    if let Some(name) = algorithm {
        Algorithm::parse(name)?.add_to(&mut hasher);
    }
    Ok(hasher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_checksums_are_computed_and_compared() {
        let expected = Checksums { crc32: Some("NhCmhg==".into()), ..Checksums::default() };
        let mut hasher = announced(&expected, Some("SHA256"), Some("x-amz-checksum-crc32c")).unwrap();
        hasher.update(b"hello");
        let computed = Checksums::from(hasher);
        assert_eq!(computed.crc32.as_deref(), Some("NhCmhg=="));
        assert!(computed.sha256.is_some() && computed.crc32c.is_some() && computed.sha1.is_none());
        computed.check(&expected).unwrap();
        let wrong = Checksums { crc32: Some("AAAAAA==".into()), ..Checksums::default() };
        assert!(computed.check(&wrong).is_err());
        assert!(announced(&expected, Some("MD4"), None).is_err());
    }
}
