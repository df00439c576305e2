//! `/v1/licenses` over HTTP, in process, on the embedded engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

mod costs;
mod deletion;
mod faults;
mod keys;
mod names;
mod operations;
mod paging;
mod races;
mod refusals;
mod secrets;
mod tenancy;
mod visible;

use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

const PATH: &str = "/v1/licenses";

/// A registry with `libs`, a repository of Ann's for npm, and her token.
async fn shop() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    (app, ann)
}

/// A new licence as short as it can be asked for.
fn plain(packages: &[&str]) -> Value {
    json!({ "constraint": { "type": "none" }, "packages": packages })
}

/// Makes a licence and gives it as it was answered.
async fn create(seller: &Actor, body: &Value) -> Value {
    let response = seller.post_json(PATH, body).await;
    assert_eq!(response.status, 201, "{body}: {}", response.text());
    response.json()
}

/// The same licence, as a body for `PUT`.
fn body_of(licence: &Value) -> Value {
    let mut body = licence.clone();
    for name in ["id", "createdAt", "updatedAt"] {
        body.as_object_mut().unwrap().remove(name);
    }
    body
}

fn at(licence: &Value) -> String {
    format!("{PATH}/{}", text(licence, "id"))
}

fn text<'a>(licence: &'a Value, member: &str) -> &'a str {
    licence[member].as_str().unwrap_or_else(|| panic!("no {member}: {licence}"))
}

/// Replaces some members of a licence and gives it as it was answered.
async fn change(seller: &Actor, licence: &Value, changes: &[(&str, Value)]) -> Value {
    let mut body = body_of(licence);
    for (name, value) in changes {
        body[*name] = value.clone();
    }
    let response = seller.put_json(&at(licence), &body).await;
    assert_eq!(response.status, 200, "{body}: {}", response.text());
    response.json()
}

/// Checks the status of an error, and that its body is `{"error","code"}` with the code of the status.
#[track_caller]
fn refused(response: &TestResponse, status: u16) -> String {
    assert_eq!(response.status, status, "{}", response.text());
    let code = match status {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        _ => panic!("{status} is no refusal"),
    };
    let body = response.json();
    assert_eq!((&body["code"], body.as_object().unwrap().len()), (&json!(code), 2), "{body}");
    response.error()
}

/// The ids of a page.
fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|licence| text(licence, "id").to_owned()).collect()
}
