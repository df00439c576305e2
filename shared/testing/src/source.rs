//! A Maven repository elsewhere, which answers as a test wants it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt as _;
use granary_publish::digests::Digests;
use tokio::net::TcpListener;

use crate::kmp::{metadata, root_module};

/// Where the repository is at its address.
const ROOT: &str = "/maven/";

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// It is answered so.
    Answer(u16, Vec<(&'static str, String)>, Bytes),
    /// Nothing comes back.
    Hang,
    /// The answer says nothing of its length, and never ends.
    Endless,
    /// The answer breaks off after its first bytes.
    BreakOff,
}

impl Reply {
    /// An answer without a body.
    pub fn status(status: u16, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self::Answer(status, headers, Bytes::new())
    }

    /// A document.
    pub fn document(body: impl Into<Bytes>) -> Self {
        Self::Answer(200, Vec::new(), body.into())
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct AskedFor {
    /// Its path in the repository.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
}

/// The fake: files with `ETag`s, and replies that come before them. Clones are the same one.
#[derive(Clone)]
pub struct FakeSource {
    address: String,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    files: BTreeMap<String, Bytes>,
    replies: VecDeque<Reply>,
    asked: Vec<AskedFor>,
}

impl std::fmt::Debug for FakeSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeSource")
    }
}

impl FakeSource {
    /// Starts one on a port of its own, with nothing in it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let source = Self { address, inner: Arc::default() };
        let router = Router::new().fallback(respond).with_state(source.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        source
    }

    /// Address of the repository.
    pub fn url(&self) -> String {
        format!("{}{}", self.address, ROOT.trim_end_matches('/'))
    }

    /// Puts a file into it.
    pub fn file(&self, path: &str, bytes: impl Into<Bytes>) {
        self.inner().files.insert(path.to_owned(), bytes.into());
    }

    /// Puts a library of these versions into it, in place of what there was. Each has everything.
    pub fn library(&self, group: &str, artifact: &str, versions: &[&str]) {
        let folder = format!("{}/{artifact}", group.replace('.', "/"));
        for version in versions {
            let module = root_module(group, artifact, version, true, &["ios_arm64", "macos_arm64"]);
            self.file(&format!("{folder}/{version}/{artifact}-{version}.module"), module.to_string());
        }
        self.file(&format!("{folder}/maven-metadata.xml"), metadata(group, artifact, versions));
    }

    /// What becomes of the next request, after those that were said before.
    pub fn reply(&self, reply: Reply) {
        self.inner().replies.push_back(reply);
    }

    /// The requests since the last time that somebody asked for them.
    pub fn asked(&self) -> Vec<AskedFor> {
        std::mem::take(&mut self.inner().asked)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn respond(State(source): State<FakeSource>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches(ROOT).to_owned();
    let (file, reply) = {
        let mut inner = source.inner();
        inner.asked.push(AskedFor { path: path.clone(), headers: request.headers().clone() });
        (inner.files.get(&path).cloned(), inner.replies.pop_front())
    };
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    match reply {
        Some(Reply::Answer(status, headers, body)) => answer(status, &headers, Body::from(body)),
        Some(Reply::Hang) => std::future::pending().await,
        Some(Reply::Endless) => answer(200, &[], Body::from_stream(futures::stream::repeat_with(part))),
        Some(Reply::BreakOff) => {
            let broken = futures::stream::once(async { Err(std::io::Error::other("broken by a test")) });
            answer(200, &[], Body::from_stream(futures::stream::iter([part()]).chain(broken)))
        }
        None => stored(file, known),
    }
}

/// A part of an answer that goes on.
#[expect(clippy::unnecessary_wraps, reason = "what a stream of a body consists of")]
fn part() -> std::io::Result<Bytes> {
    Ok(Bytes::from_static(&[b' '; 8192]))
}

fn stored(file: Option<Bytes>, known: Option<&str>) -> Response {
    let Some(bytes) = file else { return answer(404, &[], Body::empty()) };
    let etag = format!("\"{}\"", Digests::of(&bytes).md5);
    if known == Some(etag.as_str()) {
        return answer(304, &[("etag", etag)], Body::empty());
    }
    answer(200, &[("etag", etag)], Body::from(bytes))
}

fn answer(status: u16, headers: &[(&'static str, String)], body: Body) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(body).unwrap()
}
