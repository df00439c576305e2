//! Forms (`multipart/form-data`), read part by part within limits.

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use granary_model::{Error, Result};
use granary_publish::digests::{DigestWriter, Digests};
use granary_publish::spool::Spool;
use http_body::{Body as HttpBody, Frame};
use multer::{Field, Multipart};

use crate::receive::{check_length, drain, refuse_body, too_large};
use crate::state::AppState;

/// Most bytes that the parser may hold: what comes before the first boundary, and the headers of all fields.
const MOST_HELD: u64 = 1024 * 1024;

/// Most bytes that are handed over at once.
const PIECE: usize = 64 * 1024;

/// A form that is being read.
#[derive(Debug)]
pub struct Form {
    parts: Multipart<'static>,
    source: Source,
    meter: Meter,
}

/// A request's body, which the parser reads, or which is thrown away once the parser has no use for it.
type Source = Arc<Mutex<Option<Body>>>;

impl Form {
    /// Begins to read a request's body. Nothing of it is taken before the first part is asked for.
    ///
    /// # Errors
    /// `BadRequest` if the request is no form, or says no boundary; `TooLarge`, which ends with `way_out`, if it says
    /// that it is over the limit.
    pub async fn open(state: &AppState, headers: &HeaderMap, body: Body, way_out: &str) -> Result<Self> {
        let boundary = match check_length(state, headers, way_out).and_then(|()| boundary(headers)) {
            Ok(boundary) => boundary,
            Err(error) => {
                refuse_body(headers, body).await;
                return Err(error);
            }
        };
        let meter = Meter {
            limit: state.config().max_body.unwrap_or(u64::MAX),
            way_out: way_out.into(),
            used: Arc::default(),
            over: Arc::default(),
            broken: Arc::default(),
        };
        let source = Arc::new(Mutex::new(Some(body)));
        let body = Metered {
            body: Arc::clone(&source),
            given: 0,
            meter: meter.clone(),
            waiting: Bytes::new(),
            rests: false,
        };
        let parts = Multipart::new(Body::new(body).into_data_stream(), boundary);
        Ok(Self { parts, source, meter })
    }

    /// The next part, if there is one.
    ///
    /// # Errors
    /// `BadRequest` for a form that cannot be read, `TooLarge` for one that is over the limit of a request.
    pub async fn next(&mut self) -> Result<Option<Part<'_>>> {
        let meter = self.meter.clone();
        match self.parts.next_field().await {
            Ok(field) => Ok(field.map(|field| Part { field, form: PhantomData, meter })),
            Err(error) => Err(meter.broken(&error)),
        }
    }

    /// Reads what is left of the request and throws it away, so that a client that is refused sees the answer
    /// instead of a broken connection. What is no form ends here: its sender need not learn more.
    pub async fn drain(self) {
        if self.meter.broken.load(Ordering::Relaxed) {
            return;
        }
        let body = self.source.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(body) = body {
            drain(body).await;
        }
    }
}

fn boundary(headers: &HeaderMap) -> Result<String> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    multer::parse_boundary(content_type.unwrap_or_default())
        .map_err(|error| Error::BadRequest(format!("the request is no form (multipart/form-data): {error}")))
}

/// One part of a form.
#[derive(Debug)]
pub struct Part<'a> {
    field: Field<'static>,
    /// One part at a time.
    form: PhantomData<&'a mut Form>,
    meter: Meter,
}

impl Part<'_> {
    /// Its name; empty if it has none.
    pub fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    /// The name of the file that it is, if the client says one. SwiftPM never does.
    pub fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// Its headers.
    pub fn headers(&self) -> &HeaderMap {
        self.field.headers()
    }

    /// Its next bytes.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match self.field.chunk().await {
            Ok(chunk) => {
                self.meter.used.fetch_add(chunk.as_ref().map_or(0, Bytes::len) as u64, Ordering::Relaxed);
                Ok(chunk)
            }
            Err(error) => Err(self.meter.broken(&error)),
        }
    }

    /// All its bytes, if they are not more than `limit`.
    ///
    /// # Errors
    /// `BadRequest` that names the part.
    pub async fn bytes(mut self, limit: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > limit {
                return Err(Error::BadRequest(format!(
                    "the field '{}' is longer than {limit} bytes",
                    self.name().escape_debug()
                )));
            }
        }
        Ok(bytes)
    }

    /// All its bytes, of a file of any size that a file can have here, and their digests.
    ///
    /// # Errors
    /// `TooLarge` for a file that is larger.
    pub async fn spool(mut self, state: &AppState) -> Result<(Spool, Digests)> {
        let mut spool = Spool::new(state.config().max_file);
        let mut digests = DigestWriter::new();
        while let Some(chunk) = self.chunk().await? {
            spool.write(&chunk)?;
            digests.update(&chunk);
        }
        Ok((spool, digests.finish()))
    }
}

/// What is known of a body while the parser works on it.
#[derive(Debug, Clone)]
struct Meter {
    /// Most bytes of a request.
    limit: u64,
    /// What to do with more.
    way_out: Arc<str>,
    /// Bytes that came out of the parser.
    used: Arc<AtomicU64>,
    /// Whether the body is longer than a request may be.
    over: Arc<AtomicBool>,
    /// Whether the parser could not read it.
    broken: Arc<AtomicBool>,
}

impl Meter {
    fn broken(&self, error: &multer::Error) -> Error {
        if self.over.load(Ordering::Relaxed) {
            return too_large(self.limit, &self.way_out);
        }
        self.broken.store(true, Ordering::Relaxed);
        Error::BadRequest(format!("the form cannot be read: {error}"))
    }
}

/// A body that is handed over no faster than it is used.
///
/// The parser of forms keeps whatever it is given until it finds the next boundary or the end of a field's
/// headers. A body without either would fill the memory.
struct Metered {
    body: Source,
    given: u64,
    meter: Meter,
    /// What has come and was not handed over yet: a function gets its whole body at once.
    waiting: Bytes,
    /// Whether the parser has to use what it got before it gets more.
    rests: bool,
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // The parser asks until there is nothing ready, whatever it holds.
        if std::mem::take(&mut self.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.given.saturating_sub(self.meter.used.load(Ordering::Relaxed)) > MOST_HELD {
            return Poll::Ready(Some(Err("too much between two fields".into())));
        }
        if self.waiting.is_empty() {
            let polled = {
                let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(body) = body.as_mut() else { return Poll::Ready(None) };
                Pin::new(body).poll_frame(context)
            };
            match polled {
                Poll::Ready(Some(Ok(frame))) => self.waiting = frame.into_data().unwrap_or_default(),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
        let length = self.waiting.len().min(PIECE);
        let piece = self.waiting.split_to(length);
        self.given += piece.len() as u64;
        self.rests = true;
        if self.given > self.meter.limit {
            self.meter.over.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err("the request is too large".into())));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}
