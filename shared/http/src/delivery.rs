//! Serving files: small ones from here, large ones by redirect.

mod conditions;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use granary_model::{Error, Result, Sha256, Timestamp};
use granary_storage::ObjectKey;
use granary_storage::rows::FileRow;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_cache::sync::Cache;

use crate::delivery::conditions::{Verdict, judge};
use crate::state::AppState;

/// Files up to this size are answered in place: a redirect would cost the client more than the bytes.
const INLINE_LIMIT: u64 = 256 * 1024;

/// Most that is ever answered in place: a function's answer has 6 MB, of which base64 takes a quarter.
const INLINE_MOST: u64 = 4 * 1024 * 1024;

/// What a curl that does not follow redirects saves instead of the file.
const FOLLOW: &str = "This is not the file but a redirect to it. Follow redirects: curl -L\n";

/// Cache lifetime of bytes that never change, for one caller.
const IMMUTABLE: &str = "private, max-age=86400, immutable";

#[derive(Clone)]
struct BySize;

impl quick_cache::Weighter<Sha256, Bytes> for BySize {
    fn weight(&self, _: &Sha256, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + 128
    }
}

/// Small files in memory. They are named by their digest, so they can never be stale; whether the caller
/// may have them is decided before.
pub(crate) struct BlobCache(Cache<Sha256, Bytes, BySize>);

impl BlobCache {
    pub(crate) fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter(1024, bytes.max(1), BySize))
    }
}

/// How a file is to be served. Whether the caller may have it is decided before.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    file: &'a FileRow,
    etag: String,
    modified: Option<Timestamp>,
    content_type: &'a str,
    disposition: Option<String>,
    cache: &'static str,
    inline: u64,
    checksums: bool,
    redirect: StatusCode,
    beyond: Beyond,
}

/// What becomes of a file that is too large to be answered in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// A redirect to the storage.
    Redirect,
    /// The same, but not for a curl, which may not follow it.
    NotForCurl,
    /// This client must not be sent to the storage itself, only to a distribution in front of it.
    Never,
}

impl<'a> Delivery<'a> {
    /// As bytes that never change.
    pub fn new(file: &'a FileRow) -> Self {
        Self {
            file,
            etag: etag(file),
            modified: None,
            content_type: "application/octet-stream",
            disposition: None,
            cache: IMMUTABLE,
            inline: INLINE_LIMIT,
            checksums: false,
            redirect: StatusCode::FOUND,
            beyond: Beyond::Redirect,
        }
    }

    /// With `Last-Modified`.
    #[must_use]
    pub fn modified(self, at: Timestamp) -> Self {
        Self { modified: Some(at), ..self }
    }

    /// With this media type.
    #[must_use]
    pub fn content_type(self, content_type: &'a str) -> Self {
        Self { content_type, ..self }
    }

    /// To be saved under the file's own name, never shown in place.
    #[must_use]
    pub fn attachment(self) -> Self {
        let name = &self.file.name;
        self.named(name)
    }

    /// To be saved under this name, never shown in place.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { disposition: Some(attachment(name)), ..self }
    }

    /// With 303 as the redirect.
    #[must_use]
    pub fn see_other(self) -> Self {
        Self { redirect: StatusCode::SEE_OTHER, ..self }
    }

    /// With this `Cache-Control`.
    #[must_use]
    pub fn cache(self, cache: &'static str) -> Self {
        Self { cache, ..self }
    }

    /// In place whatever its size, as far as a function's answer can be.
    #[must_use]
    pub fn inline(self) -> Self {
        Self { inline: INLINE_MOST, ..self }
    }

    /// With `X-Checksum-*` headers, which spare Maven 3.9, Gradle and coursier a request for the `.sha1`.
    #[must_use]
    pub fn checksums(self) -> Self {
        Self { checksums: true, ..self }
    }

    /// Also for a curl without `-L`, which takes the empty body of a redirect for the file and says nothing. A
    /// deployment without a limit streams the file to curl; one with a limit sends in place what fits, and
    /// redirects with a text that explains itself beyond that.
    #[must_use]
    pub fn for_curl(self) -> Self {
        Self { beyond: Beyond::NotForCurl, ..self }
    }

    /// For a client that would send its `Authorization` along to the storage, which refuses a signed address then.
    /// A deployment without a limit streams the file; one with a limit sends in place what fits, and beyond that
    /// redirects to CloudFront, where every client arrives. Without that the answer is [`Error::NotSupported`].
    #[must_use]
    pub fn without_redirect(self) -> Self {
        Self { beyond: Beyond::Never, ..self }
    }

    fn put_headers(&self, headers: &mut HeaderMap) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache));
        headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        // Whatever was uploaded, XML with a script in it for one, runs nowhere near anybody's login here.
        let policy = HeaderValue::from_static("default-src 'none'; sandbox");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        put(header::CONTENT_TYPE, self.content_type);
        put(header::ETAG, &self.etag);
        if let Some(at) = self.modified {
            put(header::LAST_MODIFIED, &at.http_date());
        }
        if let Some(disposition) = &self.disposition {
            put(header::CONTENT_DISPOSITION, disposition);
        }
        if self.checksums {
            let file = self.file;
            if let Some(md5) = file.md5 {
                put(HeaderName::from_static("x-checksum-md5"), &md5.to_string());
            }
            put(HeaderName::from_static("x-checksum-sha1"), &file.sha1.to_string());
            put(HeaderName::from_static("x-checksum-sha256"), &file.sha256.to_string());
            put(HeaderName::from_static("x-checksum-sha512"), &file.sha512.to_string());
        }
    }

    /// Answers `GET`, or `HEAD` without the bytes: conditions and ranges as RFC 9110 has them.
    ///
    /// `HEAD` is never a redirect: an address is signed for one method, and Gradle and Ivy follow with `HEAD`.
    /// `GET` of a large file is a redirect that must not be stored, because its address expires; it names another
    /// host, so that clients leave their `Authorization` behind. Ranges of it are that host's business.
    pub async fn answer(self, state: &AppState, request: &HeaderMap, head_only: bool) -> Result<Response> {
        let verdict = judge(request, &self.etag, self.modified, self.file.size);
        let size = self.file.size;
        match verdict {
            Verdict::NotModified => return Ok(self.respond(StatusCode::NOT_MODIFIED, None, Body::empty())),
            Verdict::Failed => {
                return Ok(self.respond(StatusCode::PRECONDITION_FAILED, Some(0), Body::empty()));
            }
            _ if head_only => return Ok(self.respond(StatusCode::OK, Some(size), Body::empty())),
            _ => {}
        }
        let here = match self.beyond {
            Beyond::Redirect => false,
            Beyond::NotForCurl => is_curl(request),
            Beyond::Never => true,
        };
        if size > if here { INLINE_MOST } else { self.inline } {
            return match verdict {
                _ if !here || state.config().max_body.is_some() => self.redirect(state, request).await,
                Verdict::Part(from, to) => self.stream(state, from, to).await,
                Verdict::Unsatisfiable => Ok(self.unsatisfiable()),
                _ => self.stream(state, 0, size - 1).await,
            };
        }
        let bytes = blob(state, self.file.sha256).await?;
        match verdict {
            Verdict::Part(from, to) => {
                let slice = usize::try_from(from).ok().zip(usize::try_from(to).ok());
                let part = slice.and_then(|(from, to)| bytes.get(from..=to)).unwrap_or_default();
                let part = bytes.slice_ref(part);
                Ok(self.part(from, to, Body::from(part)))
            }
            Verdict::Unsatisfiable => Ok(self.unsatisfiable()),
            _ => Ok(self.respond(StatusCode::OK, Some(size), Body::from(bytes))),
        }
    }

    fn respond(&self, status: StatusCode, length: Option<u64>, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        self.put_headers(response.headers_mut());
        if let Some(length) = length {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }

    fn unsatisfiable(&self) -> Response {
        let mut response = self.respond(StatusCode::RANGE_NOT_SATISFIABLE, Some(0), Body::empty());
        content_range(&mut response, &format!("bytes */{}", self.file.size));
        response
    }

    /// An answer with the bytes from the first position to the last.
    fn part(&self, first: u64, last: u64, body: Body) -> Response {
        let mut response = self.respond(StatusCode::PARTIAL_CONTENT, Some(last - first + 1), body);
        content_range(&mut response, &format!("bytes {first}-{last}/{}", self.file.size));
        response
    }

    /// The bytes from the first position to the last, passed on as they come.
    async fn stream(&self, state: &AppState, first: u64, last: u64) -> Result<Response> {
        let (digest, size) = (self.file.sha256, self.file.size);
        let object = state.storage().open_part(&ObjectKey::Blob(digest).path(), first, last).await?;
        let object = object.ok_or_else(|| gone(digest))?;
        let chunks = futures::stream::try_unfold(object, |mut object| async move {
            Ok::<_, Error>(object.next().await?.map(|chunk| (chunk, object)))
        });
        let body = Body::from_stream(chunks);
        let is_whole = last - first + 1 == size;
        Ok(if is_whole {
            self.respond(StatusCode::OK, Some(size), body)
        } else {
            self.part(first, last, body)
        })
    }

    async fn redirect(&self, state: &AppState, request: &HeaderMap) -> Result<Response> {
        let cdn = state.config().cdn.as_deref();
        if self.beyond == Beyond::Never && cdn.is_none() {
            return Err(Error::NotSupported(format!(
                "this file has {} bytes, and this deployment answers with at most {INLINE_MOST}; it would redirect to \
                 its storage, but this client sends its credentials along, and the storage refuses them; use SwiftPM \
                 6.2.3 to 6.3.1, or from 6.4 on, or ask the operator for a CloudFront distribution (GRANARY_CDN_URL)",
                self.file.size
            )));
        }
        let lifetime = state.config().presign_lifetime;
        let (digest, disposition) = (self.file.sha256, self.disposition.as_deref());
        let address = match cdn {
            Some(cdn) => {
                let millis = i64::try_from(lifetime.as_millis()).unwrap_or(0);
                let path = ObjectKey::Blob(digest).path();
                cdn.signed_url(&path, self.content_type, disposition, state.now().plus_millis(millis))?
            }
            None => state.storage().presign_blob(digest, self.content_type, disposition, lifetime).await?,
        };
        let location = HeaderValue::from_str(&address).map_err(|e| Error::internal("presigning", e))?;
        let text = if self.beyond == Beyond::NotForCurl && is_curl(request) { FOLLOW } else { "" };
        let mut response = self.respond(self.redirect, Some(text.len() as u64), Body::from(text));
        let headers = response.headers_mut();
        headers.insert(header::LOCATION, location);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // These describe the answer that it leads to.
        for name in [header::ETAG, header::LAST_MODIFIED, header::ACCEPT_RANGES] {
            headers.remove(name);
        }
        Ok(response)
    }
}

/// The strong `ETag` of a file: that of S3, which is the MD5, because Gradle compares what `HEAD` says here with what
/// `GET` said there.
fn etag(file: &FileRow) -> String {
    match file.md5 {
        Some(md5) => format!("\"{md5}\""),
        None => format!("\"{}\"", file.sha256),
    }
}

/// The answer for bytes that went between the row and the read. Should they be missing for good, the log says
/// so again and again.
fn gone(digest: Sha256) -> Error {
    tracing::warn!(blob = %digest, "the bytes of a file are not there");
    Error::Unavailable("the file was replaced or removed just now; try again".into())
}

/// The bytes of a small file.
async fn blob(state: &AppState, digest: Sha256) -> Result<Bytes> {
    let cache = &state.blobs().0;
    if let Some(bytes) = cache.get(&digest) {
        return Ok(bytes);
    }
    let bytes = state.storage().get_object(&ObjectKey::Blob(digest)).await?;
    let bytes = bytes.ok_or_else(|| gone(digest))?;
    cache.insert(digest, bytes.clone());
    Ok(bytes)
}

fn is_curl(request: &HeaderMap) -> bool {
    request.get(header::USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"curl/"))
}

fn content_range(response: &mut Response, range: &str) {
    if let Ok(value) = HeaderValue::from_str(range) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
}

/// What RFC 8187 lets stand as it is in a name.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The `Content-Disposition` of a file that is to be saved under this name. A name that quotes cannot hold, or that some
/// clients would decode, stands there twice, as RFC 6266 has it.
fn attachment(name: &str) -> String {
    let quoted = quoted(name);
    let exact = if quoted == name && !name.contains('%') {
        String::new()
    } else {
        format!("; filename*=UTF-8''{}", utf8_percent_encode(name, PLAIN))
    };
    format!("attachment; filename=\"{quoted}\"{exact}")
}

/// A file name inside quotes, with a `_` for whatever cannot stand there.
fn quoted(name: &str) -> String {
    name.chars().map(|c| if c == '"' || c == '\\' || !(' '..='~').contains(&c) { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_quotes_cannot_hold_stand_there_twice() {
        for (name, expected) in [
            ("a-1.0.tgz", "attachment; filename=\"a-1.0.tgz\""),
            ("My App (2).dmg", "attachment; filename=\"My App (2).dmg\""),
            (
                "a\u{e4} \u{20ac}.zip",
                "attachment; filename=\"a_ _.zip\"; filename*=UTF-8''a%C3%A4%20%E2%82%AC.zip",
            ),
            ("100%41.txt", "attachment; filename=\"100%41.txt\"; filename*=UTF-8''100%2541.txt"),
            ("a\"\\\n'b", "attachment; filename=\"a___'b\"; filename*=UTF-8''a%22%5C%0A%27b"),
        ] {
            assert_eq!(attachment(name), expected);
        }
    }
}
