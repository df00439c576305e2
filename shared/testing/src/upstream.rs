//! A public npm registry and a Maven repository elsewhere, on a port of their own, which can misbehave.
//!
//! npm is below `/npm`, Maven below `/maven`. Nothing is in them until a test puts it there, and everything that they
//! were asked is kept. Their time has nothing to do with a clock: each change is a second later than the one before,
//! from long ago on, so that nothing here is new unless a test dates it.

mod answers;
mod maven;
mod misbehaviour;
mod npm;
mod signing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use bytes::Bytes;
use granary_model::Timestamp;
use http_body_util::BodyExt as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use answers::answer;
use maven::Maven;
pub use misbehaviour::Misbehaviour;
use npm::Npm;

/// When the first change was: in January 2015.
const BEGINNING: Timestamp = Timestamp::from_millis(1_420_100_000_000);

/// A request that came.
#[derive(Debug, Clone)]
pub struct SeenRequest {
    /// Its method.
    pub method: Method,
    /// Path and query as they were sent.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as it was sent.
    pub body: Bytes,
}

impl SeenRequest {
    /// The value of a header, if it is there once and is text.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        values.next().is_none().then(|| value.to_str().ok())?
    }

    /// The path without the query, with nothing escaped in it.
    fn plain_path(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        percent_decode_str(path).decode_utf8_lossy().into_owned()
    }

    /// Parameters of the query.
    fn query(&self) -> BTreeMap<String, String> {
        let query = self.path.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}

/// The fake. Clones are the same one; it and all its connections end with the last of them.
#[derive(Clone)]
pub struct FakeUpstream {
    server: Arc<Server>,
}

impl std::fmt::Debug for FakeUpstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeUpstream")
    }
}

struct Server {
    address: String,
    world: Arc<Mutex<World>>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Everything that may change.
#[derive(Default)]
struct World {
    npm: Npm,
    maven: Maven,
    required: Option<String>,
    misbehaviours: BTreeMap<String, Misbehaviour>,
    seen: Vec<SeenRequest>,
    changes: i64,
}

impl World {
    /// The moment of a change.
    fn tick(&mut self) -> Timestamp {
        self.changes += 1;
        BEGINNING.plus_millis(self.changes * 1000)
    }

    /// What goes wrong with a request. Escapes in its path may be in the prefix or not.
    fn misbehaviour(&self, request: &SeenRequest) -> Option<Misbehaviour> {
        let plain = request.plain_path();
        let meant = |prefix: &str| request.path.starts_with(prefix) || plain.starts_with(prefix);
        let found = self.misbehaviours.iter().filter(|(prefix, _)| meant(prefix));
        found.max_by_key(|(prefix, _)| prefix.len()).map(|(_, how)| how.clone())
    }

    fn answer(&self, request: &SeenRequest) -> Response {
        if self.required.is_some() && request.header(header::AUTHORIZATION) != self.required.as_deref() {
            return answer(401, &[("www-authenticate", "Basic realm=\"upstream\"")], "Unauthorized");
        }
        let path = request.plain_path();
        if let Some(path) = path.strip_prefix("/npm/") {
            self.npm.answer(request, path)
        } else if let Some(path) = path.strip_prefix("/maven/") {
            self.maven.answer(request, path)
        } else {
            answer(404, &[], "Not Found")
        }
    }
}

fn locked(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeUpstream {
    /// Starts one on a port of its own, with nothing in it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::<Mutex<World>>::default();
        // The task has nothing of the server itself: it would never be dropped.
        let task = tokio::spawn(serve(listener, address.clone(), Arc::clone(&world))).abort_handle();
        Self { server: Arc::new(Server { address, world, task }) }
    }

    /// Its address, without a slash at the end.
    pub fn url(&self) -> String {
        self.server.address.clone()
    }

    /// Address of the npm registry, without a slash at the end.
    pub fn npm_url(&self) -> String {
        format!("{}/npm", self.server.address)
    }

    /// Address of the Maven repository, without a slash at the end.
    pub fn maven_url(&self) -> String {
        format!("{}/maven", self.server.address)
    }

    /// What goes wrong with requests whose path begins so (`/npm/left-pad`); the longest such beginning decides. `None`
    /// takes it back.
    pub fn misbehave(&self, prefix: &str, how: Option<Misbehaviour>) {
        let mut world = self.world();
        match how {
            Some(how) => world.misbehaviours.insert(prefix.to_owned(), how),
            None => world.misbehaviours.remove(prefix),
        };
    }

    /// What `Authorization` has to be, to the letter: anything else is refused with 401. `None` lets everybody in.
    pub fn require(&self, authorization: Option<&str>) {
        self.world().required = authorization.map(str::to_owned);
    }

    /// The requests that came, in their order.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.world().seen.clone()
    }

    /// The requests that came, in their order, each as `GET /npm/left-pad`.
    pub fn asked(&self) -> Vec<String> {
        self.world().seen.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// Forgets the requests that came.
    pub fn forget(&self) {
        self.world().seen.clear();
    }

    fn world(&self) -> MutexGuard<'_, World> {
        locked(&self.server.world)
    }
}

async fn serve(listener: TcpListener, address: String, world: Arc<Mutex<World>>) {
    // Connections are of this task, so that those that hang end with it.
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        let (address, world) = (address.clone(), Arc::clone(&world));
        let service = service_fn(move |request| respond(request, address.clone(), Arc::clone(&world)));
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // Connections that are broken on purpose end with an error.
        connections.spawn(async move { connection.await.ok() });
    }
}

async fn respond(
    request: hyper::Request<hyper::body::Incoming>,
    address: String,
    world: Arc<Mutex<World>>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    // Of a client that went away in the middle of its body nothing is kept but that it was there.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    let request = SeenRequest { method: parts.method, path, headers: parts.headers, body };
    let (how, proper) = {
        let mut world = locked(&world);
        world.seen.push(request.clone());
        (world.misbehaviour(&request), world.answer(&request))
    };
    Ok(match how {
        None => proper,
        Some(how) => misbehaviour::perform(how, &format!("{address}{}", request.path), proper).await,
    })
}
