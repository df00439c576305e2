//! The body of npm's `PUT /<package>`, read piece by piece.
//!
//! Publish, deprecate, star, owner changes and unpublish all send the same kind of document; only a
//! publish carries `_attachments`, with the tarball as a base64 string. That string goes straight into a
//! [`Spool`] while it arrives, so memory does not grow with the tarball.

mod collector;
#[cfg(test)]
mod tests;

use granary_model::{Error, Result};
use serde_json::{Map, Value};

use crate::digests::Digests;
use crate::json_guard::{Scanner, shown, value_of};
use crate::spool::Spool;
use collector::Collector;

/// Levels of nesting in a body.
const DEPTH: usize = 64;

/// What a publish body may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes of everything but attachment data, in a body that has `_attachments`. Default 8 MiB.
    pub publish_metadata: usize,
    /// Bytes of a body without `_attachments`, which holds the whole packument. Default 64 MiB.
    pub packument: usize,
    /// Keys of all objects in a body with `_attachments`. Default 100,000.
    pub publish_keys: usize,
    /// Keys of all objects in a body without `_attachments`. Default 1,000,000: a package with 10,000
    /// versions has about that many.
    pub packument_keys: usize,
    /// Bytes of one decoded tarball. Default 256 MiB.
    pub tarball: u64,
    /// Bytes of one provenance bundle. Default 1 MiB.
    pub bundle: usize,
    /// Number of attachments. Default 4; npm sends at most 2.
    pub attachments: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            publish_metadata: 8 * 1024 * 1024,
            packument: 64 * 1024 * 1024,
            publish_keys: 100_000,
            packument_keys: 1_000_000,
            tarball: 256 * 1024 * 1024,
            bundle: 1024 * 1024,
            attachments: 4,
        }
    }
}

/// A publish body, taken apart.
#[derive(Debug)]
pub struct PublishBody {
    /// The document without `_attachments`.
    pub metadata: Map<String, Value>,
    /// Whether the document had `_attachments`, even an empty one.
    pub has_attachments: bool,
    /// The attachments in the order of the document.
    pub attachments: Vec<Attachment>,
}

/// One entry of `_attachments`.
#[derive(Debug)]
pub struct Attachment {
    /// Its key, chosen by the client: not a file name to be trusted.
    pub name: String,
    /// `content_type`, if given.
    pub content_type: Option<String>,
    /// `length`, if given. What the client says, not what was counted.
    pub declared_length: Option<u64>,
    /// The data.
    pub content: Content,
}

/// Data of an attachment.
#[derive(Debug)]
pub enum Content {
    /// Decoded base64.
    Tarball(Spool, Digests),
    /// The text of a Sigstore bundle, of an attachment whose name ends in `.sigstore`. Not parsed yet.
    Bundle(String),
}

/// Reads a publish body as it arrives.
///
/// After an error the parser must not be fed again; whoever reads the request still has to drain it,
/// because npm hangs when a large PUT is refused and the connection closed.
pub struct PublishBodyParser {
    scanner: Scanner,
    collector: Collector,
}

impl PublishBodyParser {
    /// A parser that has seen no bytes.
    pub fn new(limits: BodyLimits) -> Self {
        Self { scanner: Scanner::new(DEPTH), collector: Collector::new(limits) }
    }

    /// Takes the next bytes of the body.
    ///
    /// [`Error::TooLarge`] names the limit that is exceeded; [`Error::BadRequest`] says what is wrong
    /// with the document or with the base64 of which attachment.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        self.scanner.feed(bytes, &mut self.collector)
    }

    /// Ends the body.
    ///
    /// [`Error::BadRequest`] if the document is not complete, not an object, or has an attachment
    /// without data.
    pub fn finish(self) -> Result<PublishBody> {
        self.scanner.finish()?;
        let (metadata, taken) = self.collector.finish();
        let Value::Object(mut metadata) = value_of(&metadata)? else {
            return Err(Error::BadRequest("the body must be a JSON object".into()));
        };
        let Some(entries) = metadata.shift_remove("_attachments") else {
            return Ok(PublishBody { metadata, has_attachments: false, attachments: Vec::new() });
        };
        let Value::Object(entries) = entries else {
            return Err(Error::BadRequest("_attachments must be an object".into()));
        };
        let mut taken = taken.into_iter().peekable();
        let mut attachments = Vec::with_capacity(taken.len());
        for (name, entry) in entries {
            let entry = match entry {
                Value::Object(entry) => entry,
                _ => Map::new(),
            };
            let Some((_, content)) = taken.next_if(|(of, _)| *of == name) else {
                return Err(Error::BadRequest(format!(
                    "the attachment '{}' has no string named 'data'",
                    shown(&name)
                )));
            };
            let content_type = entry.get("content_type").and_then(Value::as_str).map(Into::into);
            let declared_length = entry.get("length").and_then(Value::as_u64);
            attachments.push(Attachment { name, content_type, declared_length, content });
        }
        Ok(PublishBody { metadata, has_attachments: true, attachments })
    }

    /// Bytes of memory that hold what was fed.
    #[cfg(test)]
    fn buffered(&self) -> usize {
        self.scanner.buffered() + self.collector.buffered()
    }
}

impl std::fmt::Debug for PublishBodyParser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PublishBodyParser")
    }
}
