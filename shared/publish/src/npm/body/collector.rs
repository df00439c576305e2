//! Sorts the bytes of a publish body into metadata and attachments.

use granary_model::{Error, Result};

use super::{BodyLimits, Content};
use crate::base64_spool::{Base64Spool, Refusal};
use crate::json_guard::{Frame, Sink, shown, too_many_keys};

const ATTACHMENTS: &str = "_attachments";

fn refused(refusal: Refusal, attachment: &str) -> Error {
    refusal.of(&format!("the data of attachment '{}'", shown(attachment)))
}

/// Receives the document from the scanner.
pub(super) struct Collector {
    limits: BodyLimits,
    metadata: Vec<u8>,
    has_attachments: bool,
    current: Option<Current>,
    done: Vec<(String, Content)>,
}

/// The attachment whose data is being read.
enum Current {
    Tarball(String, Box<Base64Spool>),
    Bundle(String, Vec<u8>),
}

impl Collector {
    pub(super) fn new(limits: BodyLimits) -> Self {
        Self { limits, metadata: Vec::new(), has_attachments: false, current: None, done: Vec::new() }
    }

    /// The document with empty strings where attachment data was, and that data by attachment name.
    pub(super) fn finish(self) -> (Vec<u8>, Vec<(String, Content)>) {
        (self.metadata, self.done)
    }

    #[cfg(test)]
    pub(super) fn buffered(&self) -> usize {
        let content = |content: &Content| match content {
            Content::Tarball(spool, _) => spool.in_memory().map_or(0, <[u8]>::len),
            Content::Bundle(text) => text.capacity(),
        };
        let current = match &self.current {
            None => 0,
            Some(Current::Tarball(_, spool)) => spool.buffered(),
            Some(Current::Bundle(_, text)) => text.capacity(),
        };
        let done: usize = self.done.iter().map(|(name, done)| name.capacity() + content(done)).sum();
        self.metadata.capacity() + current + done
    }
}

impl Sink for Collector {
    fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        // Until `_attachments` comes, and npm sends it last, nobody knows which of the two limits applies.
        let (limit, what) = if self.has_attachments {
            (self.limits.publish_metadata, "the body without its attachments")
        } else {
            (self.limits.packument, "the body")
        };
        if self.metadata.len().saturating_add(bytes.len()) > limit {
            return Err(Error::TooLarge(format!("{what} is over the limit of {limit} bytes")));
        }
        self.metadata.extend_from_slice(bytes);
        Ok(())
    }

    fn key(&mut self, depth: usize, key: &str, count: usize) -> Result<()> {
        if depth == 1 && key == ATTACHMENTS {
            self.has_attachments = true;
        }
        let limit = if self.has_attachments { self.limits.publish_keys } else { self.limits.packument_keys };
        if count > limit { Err(too_many_keys(limit)) } else { Ok(()) }
    }

    fn takes(&mut self, path: &[Frame]) -> Result<bool> {
        let [outer, list, entry] = path else { return Ok(false) };
        if outer.key() != Some(ATTACHMENTS) || entry.key() != Some("data") {
            return Ok(false);
        }
        let Some(name) = list.key() else { return Ok(false) };
        if self.done.len() == self.limits.attachments {
            return Err(Error::BadRequest(format!(
                "a version has at most {} attachments",
                self.limits.attachments
            )));
        }
        self.current = Some(if name.ends_with(".sigstore") {
            Current::Bundle(name.into(), Vec::new())
        } else {
            Current::Tarball(name.into(), Box::new(Base64Spool::new(self.limits.tarball)))
        });
        Ok(true)
    }

    fn taken(&mut self, text: &[u8]) -> Result<()> {
        match &mut self.current {
            Some(Current::Tarball(name, spool)) => spool.feed(text).map_err(|refusal| refused(refusal, name)),
            Some(Current::Bundle(name, bundle)) => {
                let limit = self.limits.bundle;
                if bundle.len().saturating_add(text.len()) > limit {
                    return Err(Error::TooLarge(format!(
                        "the attachment '{}' is over the limit of {limit} bytes",
                        shown(name)
                    )));
                }
                bundle.extend_from_slice(text);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn taken_end(&mut self) -> Result<()> {
        let (name, content) = match self.current.take() {
            Some(Current::Tarball(name, spool)) => {
                let (spool, digests) = spool.finish().map_err(|refusal| refused(refusal, &name))?;
                (name, Content::Tarball(spool, digests))
            }
            Some(Current::Bundle(name, text)) => {
                let text = String::from_utf8(text).map_err(|error| Error::internal("bundle", error))?;
                (name, Content::Bundle(text))
            }
            None => return Ok(()),
        };
        self.done.push((name, content));
        Ok(())
    }
}
