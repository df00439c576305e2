//! Sending bytes to presigned addresses.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use reqwest::{Body, Method, StatusCode, header};
use tokio::sync::Semaphore;
use url::Url;

use crate::api::{ATTEMPTS, Api, cause, is_passing};
use crate::failure::{Failure, Result};
use crate::file_body::{FileBody, Sent};
use crate::plan::LocalFile;
use crate::progress::Progress;
use crate::wire::{FileStatus, RemoteFile, Target, Upload};

/// A connection that takes no byte and gives no answer for so long is given up. Storage answers a whole part
/// only when it is on disk.
const STALLED: Duration = Duration::from_mins(2);

/// Addresses work for an hour; no piece is begun with an older one than this.
const FRESH: Duration = Duration::from_mins(50);

/// A piece of a file that is missing on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    name: String,
    path: PathBuf,
    offset: u64,
    /// Bytes.
    pub(crate) size: u64,
    method: Method,
    url: Url,
    headers: Vec<(String, String)>,
}

/// What is missing of an upload.
///
/// # Errors
/// When the server asks for something that is not there.
pub(crate) fn missing(upload: &Upload, files: &[LocalFile]) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    for remote in upload.files.iter().filter(|remote| remote.status == FileStatus::Pending) {
        let file = files.iter().find(|file| file.name == remote.name).ok_or_else(|| {
            Failure::failed(format!("the server asks for '{}', which is not part of this push", remote.name))
        })?;
        add_missing(remote, file, &mut pieces)?;
    }
    Ok(pieces)
}

fn add_missing(remote: &RemoteFile, file: &LocalFile, pieces: &mut Vec<Piece>) -> Result<()> {
    let Some(parts) = &remote.parts else {
        pieces.extend(piece(&remote.target, file, 0, file.measured.size)?);
        return Ok(());
    };
    let part_size = remote.part_size.unwrap_or(0);
    for part in parts {
        let offset = u64::from(part.number.saturating_sub(1)).saturating_mul(part_size);
        if offset.saturating_add(part.size) > file.measured.size {
            return Err(Failure::failed(format!("the server asks for more of {} than there is", file.name)));
        }
        pieces.extend(piece(&part.target, file, offset, part.size)?);
    }
    Ok(())
}

fn piece(target: &Target, file: &LocalFile, offset: u64, size: u64) -> Result<Option<Piece>> {
    let Some(url) = &target.url else { return Ok(None) };
    let refuse = |what: &str| Failure::failed(format!("the server gives no usable {what} for {}", file.name));
    let method = target.method.as_deref().unwrap_or("PUT");
    Ok(Some(Piece {
        name: file.name.clone(),
        path: file.path.clone(),
        offset,
        size,
        method: Method::from_bytes(method.as_bytes()).map_err(|_| refuse("method"))?,
        url: Url::parse(url).map_err(|_| refuse("address"))?,
        headers: target.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
    }))
}

/// What came of sending pieces.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Bytes that arrived.
    pub(crate) sent: u64,
    /// Addresses have expired: ask for fresh ones and go on.
    pub(crate) expired: bool,
}

/// Sends bytes; shared by everything one command does at the same time.
#[derive(Debug)]
pub(crate) struct Sender {
    /// One permit for each piece that may be under way.
    permits: Arc<Semaphore>,
    jobs: usize,
    progress: Progress,
}

/// How one piece ended.
enum End {
    Arrived,
    Expired,
}

impl Sender {
    /// Sends at most `jobs` pieces at a time.
    pub(crate) fn new(jobs: usize, progress: Progress) -> Self {
        Self { permits: Arc::new(Semaphore::new(jobs)), jobs, progress }
    }

    /// The bar of the command.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Sends pieces. The first failure ends it.
    ///
    /// # Errors
    /// When a piece cannot be sent with several attempts, or the storage refuses it for good.
    pub(crate) async fn send(&self, api: &Api, pieces: Vec<Piece>) -> Result<Round> {
        let (expired, began) = (AtomicBool::new(false), Instant::now());
        let mut ends = futures::stream::iter(pieces)
            .map(|piece| {
                let expired = &expired;
                async move {
                    let _permit = self.permits.acquire().await;
                    if expired.load(Ordering::Relaxed) || began.elapsed() > FRESH {
                        return Ok((End::Expired, 0));
                    }
                    let end = self.send_piece(api, &piece).await?;
                    if matches!(end, End::Expired) {
                        expired.store(true, Ordering::Relaxed);
                    }
                    Ok::<_, Failure>((end, piece.size))
                }
            })
            .buffer_unordered(self.jobs);
        let mut round = Round::default();
        while let Some(end) = ends.next().await {
            match end? {
                (End::Arrived, size) => round.sent += size,
                (End::Expired, _) => round.expired = true,
            }
        }
        Ok(round)
    }

    async fn send_piece(&self, api: &Api, piece: &Piece) -> Result<End> {
        let mut attempt = 1;
        loop {
            let sent = Sent::on(&self.progress);
            let why = match attempt_piece(api, piece, &sent).await {
                Ok((status, _)) if status.is_success() => return Ok(End::Arrived),
                Ok((StatusCode::FORBIDDEN, _)) => {
                    sent.undo();
                    return Ok(End::Expired);
                }
                Ok((status, text)) if is_passing(status) => said(status, &text),
                Ok((status, text)) => {
                    sent.undo();
                    return Err(Failure::failed(format!(
                        "the storage refuses {}: {}",
                        piece.name,
                        said(status, &text)
                    ))
                    .next("Was the file changed meanwhile? Run the same command again"));
                }
                Err(why) => why,
            };
            sent.undo();
            if attempt == ATTEMPTS {
                return Err(Failure::failed(format!(
                    "sending {} failed {ATTEMPTS} times: {why}",
                    piece.name
                ))
                .next("Run the same command again to go on where it stopped"));
            }
            tokio::time::sleep(api.surroundings.wait(attempt)).await;
            attempt += 1;
        }
    }
}

/// One attempt; the error is in words.
async fn attempt_piece(
    api: &Api,
    piece: &Piece,
    sent: &Sent,
) -> std::result::Result<(StatusCode, String), String> {
    let body = FileBody::open(&piece.path, piece.offset, piece.size, sent.clone())
        .await
        .map_err(|error| format!("cannot read {}: {error}", piece.path.display()))?;
    let mut request = api.web.client(&piece.url).request(piece.method.clone(), piece.url.clone());
    // The length is signed, and by itself the HTTP client leaves it out where it is 0.
    request = request.header(header::CONTENT_LENGTH, piece.size);
    for (name, value) in &piece.headers {
        // These two follow from the address and the body.
        if !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("content-length") {
            request = request.header(name, value);
        }
    }
    let request = request.body(Body::wrap(body)).build().map_err(|error| cause(&error))?;
    let exchange = async {
        let response = api.web.send(request).await.map_err(|error| cause(&error))?;
        let status = response.status();
        let text =
            if status.is_success() { String::new() } else { response.text().await.unwrap_or_default() };
        Ok((status, text))
    };
    tokio::pin!(exchange);
    let mut before = sent.count();
    loop {
        tokio::select! {
            outcome = &mut exchange => return outcome,
            () = tokio::time::sleep(STALLED) => {
                let now = sent.count();
                if now == before {
                    return Err("the connection stands still".to_owned());
                }
                before = now;
            }
        }
    }
}

/// The storage's own words: S3 explains errors in XML.
fn said(status: StatusCode, text: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once('<').map(|(value, _)| value.to_owned())
    };
    match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        _ => format!("the storage answers {status}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::digest::Measured;

    fn file(name: &str, size: u64) -> LocalFile {
        let measured = Measured { size, sha256: "00".into() };
        LocalFile { name: name.into(), path: name.into(), measured }
    }

    fn upload(files: &serde_json::Value) -> Upload {
        serde_json::from_value(json!({"id": "u", "status": "open", "files": files})).unwrap()
    }

    #[test]
    fn only_what_is_missing_is_sent() {
        let upload = upload(&json!([
            {"name": "a", "status": "stored"},
            {"name": "b", "status": "pending", "partSize": 10, "parts": [
                {"number": 1, "size": 10, "etag": "e"}, {"number": 2, "size": 10, "url": "http://s/2"},
                {"number": 3, "size": 5, "url": "http://s/3"}]},
            {"name": "c", "status": "pending", "method": "POST", "url": "http://s/c", "headers": {"x": "y"}}]));
        let pieces = missing(&upload, &[file("a", 1), file("b", 25), file("c", 0)]).unwrap();
        let places: Vec<(u64, u64)> = pieces.iter().map(|piece| (piece.offset, piece.size)).collect();
        assert_eq!(places, [(10, 10), (20, 5), (0, 0)]);
        assert_eq!(pieces[2].method, Method::POST);
        assert_eq!(pieces[2].headers, [("x".to_owned(), "y".to_owned())]);
    }

    #[test]
    fn a_server_that_asks_for_what_is_not_there_gets_nothing() {
        let pending = |extra: serde_json::Value| {
            let mut file = json!({"name": "a", "status": "pending"});
            file.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            upload(&json!([file]))
        };
        let parts = json!({"partSize": 10, "parts": [{"number": 2, "size": 10, "url": "http://s"}]});
        assert!(missing(&pending(parts), &[file("a", 19)]).is_err());
        assert!(missing(&pending(json!({"url": "no address"})), &[file("a", 1)]).is_err());
        assert!(missing(&pending(json!({"url": "http://s"})), &[file("b", 1)]).is_err());
    }

    #[test]
    fn the_words_of_the_storage_are_shown() {
        let xml = "<?xml?><Error><Code>BadDigest</Code><Message>It differs.</Message></Error>";
        assert_eq!(said(StatusCode::BAD_REQUEST, xml), "BadDigest: It differs.");
        assert_eq!(said(StatusCode::BAD_GATEWAY, "<html>"), "the storage answers 502 Bad Gateway");
    }
}
