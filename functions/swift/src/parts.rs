//! What a publish carries: an archive as it is, or the parts of SwiftPM's form.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use granary_http::{Form, Part, Received, receive, shown, took_long};
use granary_model::{Error, Result};
use granary_publish::base64_spool::Base64Spool;
use granary_publish::digests::Digests;
use granary_publish::spool::Spool;
use granary_publish::swift::metadata::{MAX_METADATA, read_metadata};
use granary_publish::swift::publish::{Accompanying, MAX_SIGNATURE, SIGNATURE_FORMAT};

use crate::call::{Call, Refused};

/// The header that says how an archive is signed.
const FORMAT_HEADER: &str = "x-swift-package-signature-format";

/// Everything that a publish carries.
pub(crate) struct Sent {
    pub(crate) archive: (Spool, Digests),
    pub(crate) accompanying: Accompanying,
    /// Whether it took so long that rights have to be looked at again.
    pub(crate) slow: bool,
}

/// Receives a publish in either form. `way_out` says how to publish what is too large for a request.
pub(crate) async fn receive_parts(
    call: &Call,
    body: &mut Option<Body>,
    way_out: &str,
) -> Result<Sent, Refused> {
    let content_type = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let content_type = essence.to_ascii_lowercase();
    match content_type.as_str() {
        "multipart/form-data" => receive_form(call, body, way_out).await,
        "" | "application/zip" | "application/x-zip-compressed" | "application/octet-stream" => {
            if call.headers.contains_key(FORMAT_HEADER) {
                return Err(unprocessable(
                    "a signature is a part of a form; this request is an archive alone",
                )
                .into());
            }
            let body = body.take().unwrap_or_default();
            let Received { spool, digests, slow } =
                receive(&call.state, &call.headers, body, way_out).await?;
            Ok(Sent { archive: (spool, digests), accompanying: Accompanying::default(), slow })
        }
        other => Err(Refused::with(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::Unprocessable(format!(
                "a release is published as multipart/form-data, or as a zip with Content-Type: application/zip; this \
                 is '{}'",
                shown(other)
            )),
        )),
    }
}

async fn receive_form(call: &Call, body: &mut Option<Body>, way_out: &str) -> Result<Sent, Refused> {
    let state = &call.state;
    let way_out = format!(
        "{way_out}; signature and metadata are not sent that way, and a server that is one process takes this request \
         as it is"
    );
    let began = state.now();
    let body = body.take().unwrap_or_default();
    let mut form = Form::open(state, &call.headers, body, &way_out).await.map_err(unusable)?;
    let mut parts = Parts::default();
    let read = async {
        while let Some(part) = form.next().await? {
            parts.take(call, part).await?;
        }
        Ok(())
    };
    let read: Result<()> = read.await;
    if let Err(error) = read {
        form.drain().await;
        return Err(unusable(error).into());
    }
    let slow = took_long(state, began);
    Ok(Sent { slow, ..parts.finish(&call.headers)? })
}

/// A form that cannot be read is well-formed HTTP with something in it that cannot be used.
fn unusable(error: Error) -> Error {
    match error {
        Error::BadRequest(why) => Error::Unprocessable(why),
        other => other,
    }
}

fn unprocessable(why: &str) -> Error {
    Error::Unprocessable(why.to_owned())
}

/// Parts as they come, in whichever order.
#[derive(Default)]
struct Parts {
    archive: Option<(Spool, Digests)>,
    signature: Option<Vec<u8>>,
    metadata: Option<Vec<u8>>,
    metadata_encoding: Encoding,
    metadata_signature: Option<Vec<u8>>,
}

impl Parts {
    async fn take(&mut self, call: &Call, part: Part<'_>) -> Result<()> {
        let name = part.name().to_owned();
        let encoding = Encoding::of(part.headers())?;
        match name.as_str() {
            "source-archive" => once(&mut self.archive, &name, read_archive(call, part, encoding).await?),
            "source-archive-signature" => {
                let bytes = encoding.decode(part.bytes(MAX_SIGNATURE * 3).await?)?;
                once(&mut self.signature, &name, checked_signature(bytes)?)
            }
            "metadata" => {
                self.metadata_encoding = encoding;
                once(&mut self.metadata, &name, part.bytes(MAX_METADATA * 3).await?)
            }
            "metadata-signature" => {
                let bytes = encoding.decode(part.bytes(MAX_SIGNATURE * 3).await?)?;
                once(&mut self.metadata_signature, &name, checked_signature(bytes)?)
            }
            _ => Err(Error::Unprocessable(format!(
                "there is no part '{}' in a publish; the parts are source-archive, source-archive-signature, metadata \
                 and metadata-signature",
                shown(&name)
            ))),
        }
    }

    fn finish(self, headers: &HeaderMap) -> Result<Sent> {
        let archive = self.archive.ok_or_else(|| {
            unprocessable("the publish has no part 'source-archive'; it is the zip of the package")
        })?;
        check_format(headers, self.signature.is_some())?;
        if self.metadata_signature.is_some() && self.metadata.is_none() {
            return Err(unprocessable("the publish signs metadata that it does not have"));
        }
        let metadata = match self.metadata {
            None => serde_json::Map::new(),
            Some(bytes) => read_encoded_metadata(bytes, self.metadata_encoding)?,
        };
        let accompanying =
            Accompanying { metadata, signature: self.signature, metadata_signature: self.metadata_signature };
        Ok(Sent { archive, accompanying, slow: false })
    }
}

/// SwiftPM up to 6.3 says that its metadata are quoted-printable and sends them as they are, so they are decoded
/// only if they cannot be read otherwise.
fn read_encoded_metadata(
    bytes: Vec<u8>,
    encoding: Encoding,
) -> Result<serde_json::Map<String, serde_json::Value>> {
    match (read_metadata(&bytes), encoding) {
        (Ok(metadata), _) => Ok(metadata),
        (Err(error), Encoding::Plain) => Err(error),
        (Err(error), encoding) => match encoding.decode(bytes) {
            Ok(decoded) => read_metadata(&decoded),
            Err(_) => Err(error),
        },
    }
}

fn once<T>(slot: &mut Option<T>, name: &str, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::Unprocessable(format!("the part '{name}' stands there twice"))),
    }
}

fn checked_signature(bytes: Vec<u8>) -> Result<Vec<u8>> {
    if bytes.is_empty() || bytes.len() > MAX_SIGNATURE {
        return Err(Error::Unprocessable(format!("a signature has between 1 and {MAX_SIGNATURE} bytes")));
    }
    Ok(bytes)
}

fn check_format(headers: &HeaderMap, is_signed: bool) -> Result<()> {
    let format = headers.get(FORMAT_HEADER).map(|value| value.to_str().unwrap_or_default());
    match (format, is_signed) {
        (None, false) | (Some(SIGNATURE_FORMAT), true) => Ok(()),
        (None, true) => Err(Error::Unprocessable(format!(
            "the archive is signed, and the header X-Swift-Package-Signature-Format does not say how; send \
             {SIGNATURE_FORMAT}"
        ))),
        (Some(_), false) => Err(unprocessable(
            "the header X-Swift-Package-Signature-Format is there, and the part 'source-archive-signature' is not",
        )),
        (Some(other), true) => Err(Error::Unprocessable(format!(
            "the signature format '{}' is not known here; it has to be {SIGNATURE_FORMAT}",
            shown(other)
        ))),
    }
}

/// How the bytes of a part are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Encoding {
    #[default]
    Plain,
    Base64,
    QuotedPrintable,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self> {
        let value = headers.get("content-transfer-encoding").map(|value| value.to_str().unwrap_or("?"));
        match value.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "binary" | "8bit" | "7bit" => Ok(Self::Plain),
            "base64" => Ok(Self::Base64),
            "quoted-printable" => Ok(Self::QuotedPrintable),
            _ => Err(unprocessable(
                "a part has a Content-Transfer-Encoding that is none of binary, 8bit, 7bit, base64 and \
                 quoted-printable",
            )),
        }
    }

    fn decode(self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        match self {
            Self::Plain => Ok(bytes),
            Self::Base64 => {
                let mut spool = Base64Spool::new(bytes.len() as u64);
                let done = spool.feed(&bytes).and_then(|()| spool.finish());
                let (spool, _) = done.map_err(|refusal| unusable(refusal.of("a part of the form")))?;
                Ok(spool.in_memory().unwrap_or_default().to_vec())
            }
            Self::QuotedPrintable => quoted_printable::decode(&bytes, quoted_printable::ParseMode::Robust)
                .map_err(|_| unprocessable("a part of the form is not valid quoted-printable")),
        }
    }
}

/// The archive: its digests are those of the decoded bytes. What the part says of its own length does not count.
async fn read_archive(call: &Call, mut part: Part<'_>, encoding: Encoding) -> Result<(Spool, Digests)> {
    match encoding {
        Encoding::Plain => part.spool(&call.state).await,
        Encoding::Base64 => {
            let refused =
                |refusal: granary_publish::base64_spool::Refusal| refusal.of("the part 'source-archive'");
            let mut spool = Base64Spool::new(call.state.config().max_file);
            while let Some(chunk) = part.chunk().await? {
                spool.feed(&chunk).map_err(refused)?;
            }
            spool.finish().map_err(refused)
        }
        Encoding::QuotedPrintable => {
            Err(unprocessable("the archive is quoted-printable; send it as it is, or in base64"))
        }
    }
}
