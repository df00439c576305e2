//! A stand-in for the registry and its storage: the contract of upload sessions, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use serde_json::{Value, json};

/// The only token it knows that stands for a user.
pub(crate) const TOKEN: &str = "art_known";

/// A token that stands for a repository.
pub(crate) const REPO_TOKEN: &str = "rep_known";

/// Files from this size on are sent in parts.
pub(crate) const MULTIPART_FROM: u64 = 1000;

/// Bytes of each part.
pub(crate) const PART: u64 = 400;

/// What it remembers, and how it is to behave.
#[derive(Default)]
pub(crate) struct Memory {
    /// Requests, as `METHOD path`.
    pub(crate) log: Vec<String>,
    /// Sessions by name.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// Published bytes' digests by `package version file`.
    pub(crate) published: BTreeMap<String, String>,
    /// Digests of bytes that are stored already.
    pub(crate) stored: Vec<String>,
    /// The next so many bodies are answered with this status.
    pub(crate) refuse_bodies: Option<(usize, u16)>,
    /// Bodies that are taken before that begins.
    pub(crate) take_first: usize,
    /// The next so many connections that carry a body end without an answer.
    pub(crate) drop_connections: usize,
    /// Completing answers `processing`, and so do so many looks after it.
    pub(crate) processing: Option<usize>,
    /// What comes of processing, if it is not published.
    pub(crate) failure: Option<String>,
    /// The next so many calls of the interface are answered with 503.
    pub(crate) busy: usize,
    /// Bytes of this file are forgotten the first time a session is completed.
    pub(crate) lose: Option<String>,
    /// Texts of the Maven repository by path.
    pub(crate) texts: BTreeMap<String, String>,
    /// Addresses given so far, so that each is a new one.
    generation: usize,
}

/// A session.
pub(crate) struct Session {
    /// The request that began it.
    pub(crate) request: Value,
    /// Its status.
    pub(crate) status: &'static str,
    /// What arrived, by file and part; 0 for a file in one piece.
    pub(crate) arrived: BTreeMap<(usize, u64), Bytes>,
}

/// The running stand-in.
#[derive(Clone)]
pub(crate) struct Registry {
    /// Its address.
    pub(crate) url: String,
    memory: Arc<Mutex<Memory>>,
}

impl Registry {
    /// Starts one on a free port. It ends with the test's runtime.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let registry = Self { url, memory: Arc::default() };
        let routes = Router::new()
            .route("/api/auth/me", get(show_me))
            .route("/api/uploads", post(create))
            .route("/api/uploads/{id}", get(show))
            .route("/api/uploads/{id}/complete", post(complete))
            .route("/api/maven/{*path}", get(text))
            .route("/storage/{id}/{file}/{part}/{generation}", put(receive))
            .with_state(registry.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        registry
    }

    /// What it remembers.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    /// How many requests began with this.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.memory().log.iter().filter(|line| line.starts_with(start)).count()
    }

    /// Completes a session, as another run of the client would.
    pub(crate) fn publish(&self, id: &str) {
        finish(&mut self.memory(), id);
    }

    fn enter(&self, line: String, headers: &HeaderMap) -> Result<MutexGuard<'_, Memory>, Box<Response>> {
        let mut memory = self.memory();
        memory.log.push(line);
        if memory.busy > 0 {
            memory.busy -= 1;
            return Err(Box::new(error(StatusCode::SERVICE_UNAVAILABLE, "busy")));
        }
        let given = headers.get("authorization").and_then(|value| value.to_str().ok());
        match given {
            Some(value) if value == format!("Bearer {TOKEN}") => Ok(memory),
            Some(value) if value == format!("Bearer {REPO_TOKEN}") => Ok(memory),
            _ => Err(Box::new(error(StatusCode::UNAUTHORIZED, "the token is not valid"))),
        }
    }

    fn view(&self, memory: &mut Memory, id: &str) -> Value {
        memory.generation += 1;
        let generation = memory.generation;
        let session = &memory.sessions[id];
        let address = |file: usize, part: u64| {
            format!("{}/storage/{id}/{file}/{part}/{generation}", self.url.replace("localhost", "127.0.0.1"))
        };
        let files: Vec<Value> = session
            .files()
            .iter()
            .enumerate()
            .map(|(index, file)| {
                let mut view = file.clone();
                let size = file["size"].as_u64().unwrap();
                if memory.published.get(&session.key(file))
                    == file["sha256"].as_str().map(str::to_owned).as_ref()
                {
                    view["status"] = json!("published");
                } else if memory.stored.iter().any(|known| file["sha256"] == **known) {
                    view["status"] = json!("stored");
                } else if session.has(index, size) {
                    view["status"] = json!("uploaded");
                } else if size < MULTIPART_FROM {
                    view["status"] = json!("pending");
                    view["method"] = json!("PUT");
                    view["url"] = json!(address(index, 0));
                    view["headers"] = json!({"x-signed": file["sha256"], "content-length": size.to_string()});
                } else {
                    view["status"] = json!("pending");
                    view["partSize"] = json!(PART);
                    view["parts"] = (1..=size.div_ceil(PART))
                        .map(|number| {
                            let mut part = json!({"number": number, "size": part_size(size, number)});
                            if session.arrived.contains_key(&(index, number)) {
                                part["etag"] = json!("\"e\"");
                            } else {
                                part["method"] = json!("PUT");
                                part["url"] = json!(address(index, number));
                                part["headers"] = json!({"x-signed": file["sha256"]});
                            }
                            part
                        })
                        .collect();
                }
                view
            })
            .collect();
        let mut view = json!({
            "id": id, "status": session.status, "repoId": session.request["repoId"],
            "packageType": session.request["packageType"], "packageName": session.request["packageName"],
            "version": session.request["version"], "files": files,
        });
        if let ("failed", Some(text)) = (session.status, &memory.failure) {
            view["error"] = json!(text);
        }
        json!({"upload": view})
    }
}

fn part_size(size: u64, number: u64) -> u64 {
    PART.min(size - (number - 1) * PART)
}

impl Session {
    fn files(&self) -> &Vec<Value> {
        self.request["files"].as_array().unwrap()
    }

    /// `package version file`.
    fn key(&self, file: &Value) -> String {
        let request = &self.request;
        let package = request["packageName"].as_str().map_or_else(
            || {
                format!(
                    "{}:{}",
                    request["groupId"].as_str().unwrap(),
                    request["artifactId"].as_str().unwrap()
                )
            },
            str::to_owned,
        );
        format!("{package} {} {}", request["version"].as_str().unwrap(), file["name"].as_str().unwrap())
    }

    fn has(&self, index: usize, size: u64) -> bool {
        if size < MULTIPART_FROM {
            return self.arrived.contains_key(&(index, 0));
        }
        (1..=size.div_ceil(PART)).all(|number| self.arrived.contains_key(&(index, number)))
    }

    /// The bytes of a file that arrived.
    pub(crate) fn bytes(&self, index: usize) -> Vec<u8> {
        let parts = self.arrived.iter().filter(|((file, _), _)| *file == index);
        parts.flat_map(|(_, bytes)| bytes.to_vec()).collect()
    }
}

fn error(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({"error": text, "code": "X"}))).into_response()
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, axum::Json(body)).into_response()
}

async fn show_me(State(registry): State<Registry>, headers: HeaderMap) -> Response {
    if let Err(refused) = registry.enter("GET /api/auth/me".into(), &headers) {
        return *refused;
    }
    if headers["authorization"] == format!("Bearer {REPO_TOKEN}") {
        return error(StatusCode::FORBIDDEN, "this needs a user");
    }
    answer(StatusCode::OK, json!({"user": {"uid": "ann"}}))
}

async fn create(
    State(registry): State<Registry>,
    headers: HeaderMap,
    axum::Json(request): axum::Json<Value>,
) -> Response {
    let mut memory = match registry.enter("POST /api/uploads".into(), &headers) {
        Ok(memory) => memory,
        Err(refused) => return *refused,
    };
    match request["repoId"].as_str() {
        Some("readonly") => return error(StatusCode::FORBIDDEN, "your role does not allow this"),
        Some("libs") => {}
        _ => return error(StatusCode::NOT_FOUND, "repository not found"),
    }
    assert!((1..=25).contains(&request["files"].as_array().unwrap().len()), "{request}");
    let session = Session { request, status: "open", arrived: BTreeMap::new() };
    let known: Vec<Option<bool>> = session
        .files()
        .iter()
        .map(|file| memory.published.get(&session.key(file)).map(|digest| file["sha256"] == **digest))
        .collect();
    if known.contains(&Some(false)) {
        return error(StatusCode::CONFLICT, "exists with other bytes");
    }
    if known.iter().all(|known| *known == Some(true)) {
        let mut files = session.files().clone();
        for file in &mut files {
            file["status"] = json!("published");
        }
        return answer(
            StatusCode::OK,
            json!({"upload": {"id": null, "status": "completed", "files": files}}),
        );
    }
    let id = format!("upload-{}", memory.sessions.len() + 1);
    memory.sessions.insert(id.clone(), session);
    answer(StatusCode::CREATED, registry.view(&mut memory, &id))
}

async fn show(State(registry): State<Registry>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut memory = match registry.enter(format!("GET /api/uploads/{id}"), &headers) {
        Ok(memory) => memory,
        Err(refused) => return *refused,
    };
    let status = memory.sessions.get(&id).map(|session| session.status);
    match (status, memory.processing) {
        (None, _) => return error(StatusCode::NOT_FOUND, "upload not found"),
        (Some("processing"), Some(0)) => finish(&mut memory, &id),
        (Some("processing"), Some(left)) => memory.processing = Some(left - 1),
        _ => {}
    }
    answer(StatusCode::OK, registry.view(&mut memory, &id))
}

async fn complete(State(registry): State<Registry>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let mut memory = match registry.enter(format!("POST /api/uploads/{id}/complete"), &headers) {
        Ok(memory) => memory,
        Err(refused) => return *refused,
    };
    if let Some(name) = memory.lose.take() {
        let session = memory.sessions.get_mut(&id).unwrap();
        let index = session.files().iter().position(|file| file["name"] == name).unwrap();
        session.arrived.retain(|(file, _), _| *file != index);
    }
    let view = registry.view(&mut memory, &id);
    let pending = view["upload"]["files"].as_array().unwrap().iter().any(|file| file["status"] == "pending");
    if pending {
        return error(StatusCode::BAD_REQUEST, "files are missing");
    }
    if memory.processing.is_some() {
        memory.sessions.get_mut(&id).unwrap().status = "processing";
        return answer(StatusCode::ACCEPTED, registry.view(&mut memory, &id));
    }
    if let Some(text) = memory.failure.clone() {
        memory.sessions.get_mut(&id).unwrap().status = "failed";
        return error(StatusCode::UNPROCESSABLE_ENTITY, &text);
    }
    finish(&mut memory, &id);
    answer(StatusCode::CREATED, registry.view(&mut memory, &id))
}

/// Publishes what arrived, or fails as it was told to.
fn finish(memory: &mut Memory, id: &str) {
    let failed = memory.failure.is_some();
    let session = memory.sessions.get_mut(id).unwrap();
    session.status = if failed { "failed" } else { "completed" };
    if !failed {
        for file in session.files() {
            memory.published.insert(session.key(file), file["sha256"].as_str().unwrap().to_owned());
        }
    }
}

async fn text(State(registry): State<Registry>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    match registry.enter(format!("GET /api/maven/{path}"), &headers) {
        Err(refused) => *refused,
        Ok(memory) => match memory.texts.get(&path) {
            Some(text) => text.clone().into_response(),
            None => error(StatusCode::NOT_FOUND, "not found"),
        },
    }
}

async fn receive(
    State(registry): State<Registry>,
    Path((id, file, part, generation)): Path<(String, usize, u64, usize)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut memory = registry.memory();
    memory.log.push(format!("PUT /storage/{id}/{file}/{part}"));
    // S3 refuses a request that has both a signature and credentials, and one without a length.
    assert!(!headers.contains_key("authorization"));
    assert_eq!(headers["content-length"], body.len().to_string());
    let claim = memory.sessions[&id].files()[file].clone();
    assert_eq!(headers["x-signed"], claim["sha256"].as_str().unwrap());
    if memory.drop_connections > 0 {
        memory.drop_connections -= 1;
        drop(memory);
        // Ends the task of this connection, and the connection with it.
        std::panic::resume_unwind(Box::new(()));
    }
    if memory.take_first > 0 {
        memory.take_first -= 1;
    } else if let Some((left, status)) = memory.refuse_bodies
        && left > 0
    {
        memory.refuse_bodies = Some((left - 1, status));
        let xml = "<Error><Code>SomeReason</Code><Message>Some words.</Message></Error>";
        return (StatusCode::from_u16(status).unwrap(), xml).into_response();
    }
    let size = claim["size"].as_u64().unwrap();
    let expected = if part == 0 { size } else { part_size(size, part) };
    assert_eq!(body.len() as u64, expected, "part {part} of {claim}, address {generation}");
    memory.sessions.get_mut(&id).unwrap().arrived.insert((file, part), body);
    StatusCode::OK.into_response()
}
