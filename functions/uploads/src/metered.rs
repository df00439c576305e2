//! A form's body, handed over no faster than it is used.
//!
//! The parser of forms keeps whatever it is given until it finds the next boundary or the end of a field's
//! headers. A body without either would fill the memory.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// Most bytes that the parser may hold: what comes before the first boundary, and the headers of all fields.
const MOST_HELD: u64 = 1024 * 1024;

/// Counts the bytes that came out of the parser.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used(Arc<AtomicU64>);

impl Used {
    /// Counts bytes.
    pub(crate) fn add(&self, bytes: &Bytes) {
        self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }
}

/// A body for the parser.
struct Metered {
    body: Body,
    given: u64,
    used: Used,
    /// Whether the parser has to use what it got before it gets more.
    rests: bool,
}

/// A body that breaks off when more than [`MOST_HELD`] bytes of it have come to nothing.
pub(crate) fn metered(body: Body, used: Used) -> Body {
    Body::new(Metered { body, given: 0, used, rests: false })
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
        if self.given.saturating_sub(self.used.0.load(Ordering::Relaxed)) > MOST_HELD {
            return Poll::Ready(Some(Err("too much between two fields".into())));
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.given += data.len() as u64;
            self.rests = true;
        }
        polled.map_err(Into::into)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
