//! `/openapi.json`, and the same as pages to read: `/ui/api` and below.
//!
//! Both are made of the one document that the tests hold against the routes, so that what is written here is there.

mod document;
mod example;

use std::sync::LazyLock;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use granary_http::AppState;
use serde_json::{Value, json};

use crate::back::Problem;
use crate::page::{PageResult, Shell};
use crate::visit::Visit;

use document::{Document, Family, Operation};

/// The document as it was compiled in.
const SOURCE: &str = include_str!("../../../../docs/openapi.json");

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::new(&parsed()));

/// The document without `servers`, which are those of whoever serves it, as the rest of an object.
static REST: LazyLock<String> = LazyLock::new(|| {
    let mut document = parsed();
    if let Some(members) = document.as_object_mut() {
        members.remove("servers");
    }
    document.to_string().split_off(1)
});

/// A test reads it before anybody else does.
fn parsed() -> Value {
    serde_json::from_str(SOURCE).unwrap_or_default()
}

/// The routes of this part.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/openapi.json", get(show_document))
        .route("/ui/api", get(show_index))
        .route("/ui/api/{family}", get(show_family))
}

/// `GET /openapi.json`: the document with the address of this registry. Needs no credentials.
async fn show_document(State(state): State<AppState>) -> Response {
    let server = json!([{ "url": state.config().public_url }]);
    let text = format!("{{\"servers\":{server},{}", *REST);
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, text).into_response()
}

#[derive(Template)]
#[template(path = "api.html")]
struct IndexPage {
    shell: Shell,
    document: &'static Document,
}

async fn show_index(visit: Visit) -> PageResult {
    visit.page(&IndexPage { shell: visit.shell("api"), document: &DOCUMENT })
}

#[derive(Template)]
#[template(path = "api_family.html")]
struct FamilyPage {
    shell: Shell,
    family: &'static Family,
}

impl FamilyPage {
    fn example(&self, operation: &Operation) -> String {
        example::command(&self.shell.public_url, operation)
    }
}

async fn show_family(visit: Visit, Path(family): Path<String>) -> PageResult {
    let Some(family) = DOCUMENT.family(&family) else {
        let message = "There is no such part of the interface.".into();
        return Err(visit.failed(Problem { status: StatusCode::NOT_FOUND, message }));
    };
    visit.page(&FamilyPage { shell: visit.shell("api"), family })
}
