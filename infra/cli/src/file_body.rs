//! A piece of a file as the body of a request.

use std::io::SeekFrom;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream as _;
use http_body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, Take};
use tokio_util::io::ReaderStream;

use crate::progress::Progress;

/// Bytes that are read at a time. With this many in hand per connection, and nothing else, memory does not
/// depend on the size of a file.
const CHUNK: usize = 128 * 1024;

/// Counts the bytes of one attempt to send something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    count: Arc<AtomicU64>,
    progress: Progress,
}

impl Sent {
    /// A count that moves a bar as well.
    pub(crate) fn on(progress: &Progress) -> Self {
        Self { count: Arc::default(), progress: progress.clone() }
    }

    /// Bytes so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes the bytes back: the attempt failed.
    pub(crate) fn undo(&self) {
        self.progress.back(self.count.swap(0, Ordering::Relaxed));
    }

    fn add(&self, bytes: u64) {
        self.count.fetch_add(bytes, Ordering::Relaxed);
        self.progress.forward(bytes);
    }
}

/// A body of exactly so many bytes, which the client announces as `Content-Length`: presigned addresses take
/// no chunked bodies.
pub(crate) struct FileBody {
    chunks: ReaderStream<Take<File>>,
    left: u64,
    sent: Sent,
}

impl FileBody {
    /// `size` bytes of a file from `offset` on.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(crate) async fn open(path: &Path, offset: u64, size: u64, sent: Sent) -> std::io::Result<Self> {
        let mut file = File::open(path).await?;
        file.seek(SeekFrom::Start(offset)).await?;
        file.set_max_buf_size(CHUNK);
        Ok(Self { chunks: ReaderStream::with_capacity(file.take(size), CHUNK), left: size, sent })
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let body = &mut *self;
        if body.left == 0 {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(Pin::new(&mut body.chunks).poll_next(context)) {
            Some(Ok(chunk)) => {
                let length = chunk.len() as u64;
                body.left = body.left.saturating_sub(length);
                body.sent.add(length);
                Some(Ok(Frame::data(chunk)))
            }
            Some(Err(error)) => Some(Err(error)),
            None => Some(Err(std::io::Error::other("the file became shorter while it was sent"))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut body: FileBody) -> std::io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            all.extend_from_slice(&frame?.into_data().unwrap());
        }
        Ok(all)
    }

    #[tokio::test]
    async fn a_piece_is_exactly_that() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..=255_u8).cycle().take(3 * CHUNK + 17).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        for (offset, size) in [(0, bytes.len()), (5, CHUNK), (CHUNK, CHUNK + 1), (10, 0)] {
            let sent = Sent::default();
            let body = FileBody::open(file.path(), offset as u64, size as u64, sent.clone()).await.unwrap();
            assert_eq!(body.size_hint().exact(), Some(size as u64));
            assert_eq!(read(body).await.unwrap(), &bytes[offset..offset + size]);
            assert_eq!(sent.count(), size as u64);
        }
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"123").unwrap();
        let body = FileBody::open(file.path(), 0, 4, Sent::default()).await.unwrap();
        assert!(read(body).await.is_err());
    }
}
