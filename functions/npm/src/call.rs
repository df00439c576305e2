//! One request, taken apart.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method};
use granary_http::permit::{Fetch, RepoAction};
use granary_http::{AppState, Damaged, RepoAccess};
use granary_model::npm::NpmName;
use granary_model::{Error, PackageType, Result, Timestamp};
use granary_publish::head_edit::foreign;
use granary_publish::npm::NpmShowing;
use granary_publish::seen::seen;
use granary_publish::{JsonLimits, Source, Target, parse_json};
use granary_storage::PackageKey;
use granary_storage::rows::HeadRow;
use serde_json::Value;

use crate::upstream::reading;

/// One request of the npm protocol.
pub(crate) struct Call {
    pub(crate) state: AppState,
    pub(crate) repo: String,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) query: String,
    /// Whether a gateway has made the body unreadable.
    pub(crate) is_damaged: bool,
    /// Only reached through `&mut`, so never locked: a body may move between threads but not be shared, and
    /// handlers share the call.
    body: Mutex<Body>,
}

impl Call {
    /// Takes a request apart.
    pub(crate) fn new(state: AppState, repo: String, request: Request) -> Self {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or("").to_owned();
        let is_damaged = parts.extensions.get::<Damaged>().is_some();
        let (method, headers, body) = (parts.method, parts.headers, Mutex::new(body));
        Self { state, repo, method, headers, query, is_damaged, body }
    }

    /// Whether the request is a `HEAD`.
    pub(crate) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Authorises for the repository as a whole.
    pub(crate) async fn repo<A: RepoAction>(&self) -> Result<RepoAccess<A>> {
        let access = RepoAccess::authorize(&self.state, &self.headers, &self.repo, None).await?;
        access.require_type(PackageType::Npm)?;
        Ok(access)
    }

    /// Authorises for one package, which need not exist.
    pub(crate) async fn package<A: RepoAction>(&self, name: &NpmName) -> Result<RepoAccess<A>> {
        self.version(name, None).await
    }

    /// Authorises for one package and reads one version with it.
    pub(crate) async fn version<A: RepoAction>(
        &self,
        name: &NpmName,
        version: Option<&str>,
    ) -> Result<RepoAccess<A>> {
        let package = Some((PackageType::Npm, name.key()));
        let package = package.as_ref().map(|(kind, key)| (*kind, key.as_str()));
        let mut access =
            RepoAccess::authorize_version(&self.state, &self.headers, &self.repo, package, version).await?;
        access.require_type(PackageType::Npm)?;
        // At an upstream names may differ by case alone, so there a package has its exact name. Unless its name, in any case,
        // is one of a package here.
        let is_owned = access.head.as_ref().is_some_and(|head| head.is_owned());
        if name.key() != name.as_str() && !is_owned && !access.repo.upstreams.is_empty() {
            let package = Some((PackageType::Npm, name.as_str()));
            access = RepoAccess::authorize_version(&self.state, &self.headers, &self.repo, package, version)
                .await?;
        }
        Ok(access)
    }

    /// One value of the query.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Takes the body for reading it elsewhere.
    pub(crate) fn take_body(&mut self) -> Body {
        std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives back a body that was only read in part, so that it can be drained.
    pub(crate) fn put_back(&mut self, body: Body) {
        *self.body.get_mut().unwrap_or_else(PoisonError::into_inner) = body;
    }

    /// The body as JSON of at most 4 MiB, gzip'd or not. An empty body is `null`.
    pub(crate) async fn json(&mut self) -> Result<Value> {
        const LIMIT: usize = 4 * 1024 * 1024;
        let body = self.take_body();
        let bytes = granary_http::read_maybe_gzip(&self.headers, body, LIMIT as u64).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        parse_json(&bytes, JsonLimits { bytes: LIMIT, ..JsonLimits::default() })
    }

    /// Whether reading the body took so long that the right to do this must be looked at again.
    pub(crate) fn took_long(&self, began: Timestamp) -> bool {
        granary_http::took_long(&self.state, began)
    }

    /// Reads what is left of the body and throws it away. npm hangs for more than a minute when a large PUT
    /// is refused and the connection closed.
    pub(crate) async fn drain(&mut self) {
        granary_http::drain(self.take_body()).await;
    }

    /// Refuses a body that says it is longer than this deployment takes.
    pub(crate) fn check_length(&self) -> Result<()> {
        match (self.state.config().max_body, granary_http::declared_length(&self.headers)) {
            (Some(limit), Some(length)) if length > limit => Err(self.too_long(limit)),
            _ => Ok(()),
        }
    }

    /// The answer to a body over the limit, with the way out.
    pub(crate) fn too_long(&self, limit: u64) -> Error {
        Error::TooLarge(format!(
            "the request is larger than the {limit} bytes that this deployment takes (a tarball of about {} bytes, \
             because npm sends it as base64); run `npm pack` and send the tarball with `granary push npm <tarball> --repo \
             {}`, which has no such limit",
            limit / 4 * 3,
            self.repo
        ))
    }

    /// The package to change, by the right that was given.
    pub(crate) fn target<'a, A: RepoAction>(
        &'a self,
        access: &'a RepoAccess<A>,
        name: &NpmName,
    ) -> Target<'a> {
        access.target(&self.state, PackageType::Npm, &name.key())
    }
}

/// The key of a package in the repository.
pub(crate) fn package_key<A: RepoAction>(access: &RepoAccess<A>, name: &NpmName) -> PackageKey {
    let is_foreign = access.head.as_ref().is_some_and(|head| head.upstream.is_some());
    let key = if is_foreign { name.to_string() } else { name.key() };
    access.package_key(PackageType::Npm, &key)
}

/// The answer for a package that is not there.
pub(crate) fn no_package(name: &NpmName) -> Error {
    Error::NotFound(format!("package '{name}' not found"))
}

/// The head of a package that has versions, under exactly this name, and belongs to the repository.
pub(crate) fn live_head<A: RepoAction>(access: &RepoAccess<A>, name: &NpmName) -> Result<Arc<HeadRow>> {
    let head = access.head.clone().filter(|head| head.versions > 0 && head.name == name.as_str());
    let head = head.ok_or_else(|| no_package(name))?;
    match &head.upstream {
        None => Ok(head),
        Some(upstream) => Err(foreign(&package_key(access, name), &upstream.name)),
    }
}

/// Where the documents of a package come from, with its head as the caller sees it.
pub(crate) async fn source(call: &Call, access: &RepoAccess<Fetch>, name: &NpmName) -> Result<Source> {
    Ok(reading(call, access, name).await?.source)
}

/// The same package with its head as the caller sees it; `None` if the caller sees no version of it.
pub(crate) async fn as_seen(call: &Call, source: Source) -> Result<Option<Source>> {
    seen::<NpmShowing>(call.state.documents(), call.state.storage(), source).await
}
