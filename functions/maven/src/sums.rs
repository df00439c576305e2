//! Checksums that clients send: compared, never stored.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_http::permit::Write;
use granary_http::read_limited;
use granary_model::maven::{MavenFile, SumKind};
use granary_model::{Error, Md5, PackageType, Result, Sha1, Sha256, Sha512};
use granary_publish::digests::Digests;
use granary_storage::Key;
use granary_storage::rows::ExpectationRow;

use crate::call::Call;
use crate::failure::plain;
use crate::read::sum_of;

/// Largest checksum file, in bytes: digits, and perhaps a file name.
const MAX_SUM: u64 = 4096;

/// How long a checksum that came before its file counts, in milliseconds.
const EXPECTED_MILLIS: i64 = 300_000;

/// `PUT` of a checksum. It must be that of the file, if the file is there; if not, the file is compared with it
/// when it comes.
pub(crate) async fn put_sum(
    call: &Call,
    file: &MavenFile,
    kind: SumKind,
    body: &mut Option<Body>,
) -> Result<Response> {
    let access = call.file::<Write>(file, true).await?;
    let bytes = read_limited(body.take().unwrap_or_default(), MAX_SUM).await?;
    let sum = parse(kind, &bytes)?;
    if let Some(row) = access.live_file() {
        if sum_of(&row.file, kind).is_some_and(|stored| stored != sum) {
            return Err(mismatch(file, kind, &sum));
        }
        return Ok(plain(StatusCode::OK, "the checksum is right"));
    }
    if access.version.is_some() && access.live_version().is_none() {
        return Err(Error::Conflict(format!(
            "version {} was deleted, and a deleted version can never be published again",
            file.coordinates().version
        )));
    }
    let mut row: ExpectationRow = access.expectation.as_deref().cloned().unwrap_or_default();
    match kind {
        SumKind::Md5 => row.md5 = Some(sum.parse()?),
        SumKind::Sha1 => row.sha1 = Some(sum.parse()?),
        SumKind::Sha256 => row.sha256 = Some(sum.parse()?),
        SumKind::Sha512 => row.sha512 = Some(sum.parse()?),
    }
    row.expires_at = call.state.now().plus_millis(EXPECTED_MILLIS).seconds();
    let (package, version) = (file.coordinates().key(), file.coordinates().version.to_string());
    let package = access.package_key(PackageType::Maven, &package);
    call.state.storage().put(&Key::Expectation(package, version, file.name().to_owned()), &row).await?;
    Ok(plain(StatusCode::OK, "the file is compared with it when it comes"))
}

/// Compares a file with the checksums that came before it.
pub(crate) fn check_expected(file: &MavenFile, expected: &ExpectationRow, digests: &Digests) -> Result<()> {
    let claims =
        Claims { md5: expected.md5, sha1: expected.sha1, sha256: expected.sha256, sha512: expected.sha512 };
    claims.check(file, digests)
}

/// What a request says of its body.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    md5: Option<Md5>,
    sha1: Option<Sha1>,
    sha256: Option<Sha256>,
    sha512: Option<Sha512>,
}

impl Claims {
    /// Reads `Content-MD5` and the `X-Checksum-*` headers of Artifactory's clients.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self> {
        let text = |name: &str| -> Result<Option<&str>> {
            let Some(value) = headers.get(name) else { return Ok(None) };
            let text =
                value.to_str().map_err(|_| Error::BadRequest(format!("the header {name} is not text")))?;
            Ok(Some(text.trim()))
        };
        let content_md5 = text("content-md5")?.map(content_md5).transpose()?;
        let md5 = text("x-checksum-md5")?.map(str::parse).transpose()?;
        if let (Some(a), Some(b)) = (content_md5, md5)
            && a != b
        {
            return Err(Error::BadRequest("Content-MD5 and X-Checksum-Md5 contradict each other".into()));
        }
        Ok(Self {
            md5: content_md5.or(md5),
            sha1: text("x-checksum-sha1")?.map(str::parse).transpose()?,
            sha256: text("x-checksum-sha256")?.map(str::parse).transpose()?,
            sha512: text("x-checksum-sha512")?.map(str::parse).transpose()?,
        })
    }

    /// Compares the body with it.
    pub(crate) fn check(&self, file: &MavenFile, digests: &Digests) -> Result<()> {
        let wrong = [
            (SumKind::Md5, self.md5.filter(|sum| *sum != digests.md5).map(|sum| sum.to_string())),
            (SumKind::Sha1, self.sha1.filter(|sum| *sum != digests.sha1).map(|sum| sum.to_string())),
            (SumKind::Sha256, self.sha256.filter(|sum| *sum != digests.sha256).map(|sum| sum.to_string())),
            (SumKind::Sha512, self.sha512.filter(|sum| *sum != digests.sha512).map(|sum| sum.to_string())),
        ];
        match wrong.into_iter().find_map(|(kind, sum)| Some((kind, sum?))) {
            Some((kind, sum)) => Err(mismatch(file, kind, &sum)),
            None => Ok(()),
        }
    }
}

fn content_md5(text: &str) -> Result<Md5> {
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    bytes
        .map(Md5::from_bytes)
        .ok_or_else(|| Error::BadRequest("Content-MD5 is not the base64 of 16 bytes".into()))
}

fn mismatch(file: &MavenFile, kind: SumKind, sum: &str) -> Error {
    Error::BadRequest(format!("{sum} is not the {kind} of '{}' as it arrived; send both again", file.name()))
}

/// The digits in a checksum file.
fn parse(kind: SumKind, bytes: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(bytes).unwrap_or("");
    kind.find_in(text).ok_or_else(|| {
        Error::BadRequest(format!(
            "a {kind} file has {} hexadecimal digits; this one has none",
            kind.digits()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";

    #[test]
    fn digits_are_found_in_every_form() {
        for text in [
            SHA1.to_owned(),
            format!("{SHA1}\n"),
            format!("  {SHA1}  a-1.0.jar\r\n"),
            format!("{SHA1} *a-1.0.jar"),
            SHA1.to_uppercase(),
            format!("SHA1(a-1.0.jar)= {SHA1}\n"),
            format!("SHA1 (a-1.0.jar) = {SHA1}"),
        ] {
            assert_eq!(parse(SumKind::Sha1, text.as_bytes()).unwrap(), SHA1, "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_sums() {
        for text in [
            "",
            "\n",
            "<html>",
            &SHA1[1..],
            &format!("{SHA1}0"),
            &SHA1.replace('a', "x"),
            &format!("a {SHA1} b"),
        ] {
            assert!(parse(SumKind::Sha1, text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(SumKind::Md5, SHA1.as_bytes()).is_err());
        assert!(parse(SumKind::Sha1, &[0xff; 40]).is_err());
    }
}
