//! The registry in this process, over a data folder.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use granary_auth::{KeySource, OidcVerifier, StaticKeys};
use granary_http::{App, AppState, Config, administrator_token};
use granary_local::app;
use granary_local::engines::Engines;
use granary_local::engines::probe::Probe;
use granary_model::{Clock, RandomIds, UserId};
use granary_storage::Storage;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Where the storage would be reached that large files are redirected to. Nothing here follows a redirect.
const S3_PUBLIC: &str = "http://127.0.0.1:9";

/// The stores of a data folder, and the administrator's token.
pub(crate) struct Registry {
    engines: Engines,
    config: Config,
    clock: Arc<dyn Clock>,
    token: String,
}

impl Registry {
    /// Opens a data folder. Its token is the one of the first start of a server, or else a new one, which is kept where a
    /// server keeps it.
    ///
    /// # Errors
    /// Another process has the folder open, or what is in it cannot be read.
    pub(crate) async fn open(data: &Path, public_url: &str, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let engines = Engines::open(data)?;
        granary_publish::spool::keep_in(&data.join("spool"))?;
        let admin: UserId = "admin".parse()?;
        let mut config = Config::local(public_url);
        config.instance_admins = vec![admin.clone()];
        let mut registry = Self { engines, config, clock, token: String::new() };
        let state = registry.process(None)?.state().clone();
        state.storage().create_missing().await?;
        let path = data.join("admin-token");
        if !path.exists() {
            let token = administrator_token(&state, &admin, "benchmark", None).await?;
            std::fs::write(&path, token.expose())?;
        }
        std::fs::read_to_string(&path)?.trim().clone_into(&mut registry.token);
        Ok(registry)
    }

    /// A process over the stores that remembers nothing yet, and the administrator as its client. With a probe, every
    /// call of the stores goes through it.
    pub(crate) fn process(&self, probe: Option<&Probe>) -> anyhow::Result<Client> {
        let storage = app::storage(&self.engines, S3_PUBLIC, probe);
        // Everybody here has a token of the registry; nobody signs in.
        let keys = KeySource::Static(StaticKeys::new(json!({ "keys": [] }))?);
        let oidc = OidcVerifier::new(&self.config.oidc_issuer, &self.config.oidc_audience, keys);
        let state =
            app::state(self.config.clone(), storage, oidc, Arc::clone(&self.clock), Arc::new(RandomIds));
        Ok(Client { app: granary_http::serve(app::routes(), state), token: self.token.clone() })
    }
}

/// Somebody with a token who sends requests.
#[derive(Clone)]
pub(crate) struct Client {
    app: App,
    token: String,
}

impl Client {
    /// The state behind the handlers.
    pub(crate) fn state(&self) -> &AppState {
        self.app.state()
    }

    /// The stores.
    pub(crate) fn storage(&self) -> &Storage {
        self.state().storage()
    }

    /// Somebody else, who asks the same process.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { app: self.app.clone(), token: token.to_owned() }
    }

    /// Sends a request and reads the whole answer. `expected` is the status that it must have.
    ///
    /// # Errors
    /// The answer has another status.
    pub(crate) async fn send(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Body,
        expected: u16,
    ) -> anyhow::Result<Answer> {
        let answer = self.try_send((method, path), headers, body).await?;
        let Answer { status, body, .. } = &answer;
        ensure!(*status == expected, "{method} {path}: {status} {}", String::from_utf8_lossy(body));
        Ok(answer)
    }

    /// The same with whatever status.
    pub(crate) async fn try_send(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Body,
    ) -> anyhow::Result<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match self.app.clone().oneshot(request.body(body)?).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let body = body.collect().await.with_context(|| format!("{method} {path}"))?.to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// `GET`.
    pub(crate) async fn get(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        expected: u16,
    ) -> anyhow::Result<Answer> {
        self.send(("GET", path), headers, Body::empty(), expected).await
    }

    /// `POST` of JSON, for something that is new afterwards. Gives the answer's JSON.
    pub(crate) async fn make(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let headers = [("content-type", "application/json")];
        let answer = self.send(("POST", path), &headers, body.to_string().into(), 201).await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// Follows up every event that is waiting, as the server does in its background.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        while granary_events::consume_once(self.state(), 0).await? > 0 {}
        Ok(())
    }
}

/// An answer.
pub(crate) struct Answer {
    /// Status code.
    pub(crate) status: u16,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body, as it goes over the wire.
    pub(crate) body: Bytes,
}

impl Answer {
    /// One header; an error if it is not there.
    pub(crate) fn header(&self, name: &str) -> anyhow::Result<&str> {
        let value = self.headers.get(name).with_context(|| format!("the answer has no {name}"))?;
        Ok(value.to_str()?)
    }
}
