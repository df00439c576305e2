//! `/api/repos` over HTTP, in process, on the embedded engines.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

mod audit;
mod creation;
mod deletion;
mod downloads;
mod foreign;
mod members;
mod package;
mod packages;
mod permissions;
mod search;
mod settings;
mod tokens;
mod upstreams;
mod virtuals;

use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

/// Makes a private npm repository of a user who has signed in.
async fn repo(app: &TestApp, owner: &str, name: &str) -> Actor {
    make_repo(app, owner, name, "private").await
}

async fn make_repo(app: &TestApp, owner: &str, name: &str, visibility: &str) -> Actor {
    let session = app.known_user(owner).await;
    let body = json!({ "name": name, "packageTypes": ["npm"], "visibility": visibility });
    expect(&session.post_json("/api/repos", &body).await, 201);
    session
}

/// Gives a user a role in a repository.
async fn member(app: &TestApp, by: &Actor, repo: &str, user: &str, role: &str) -> Actor {
    let session = app.known_user(user).await;
    let body = json!({ "userId": user, "role": role });
    expect(&by.post_json(&format!("/api/repos/{repo}/members"), &body).await, 201);
    session
}

/// Makes an organisation with further members.
async fn org(app: &TestApp, owner: &str, slug: &str, members: &[(&str, &str)]) -> Actor {
    let session = app.known_user(owner).await;
    expect(&session.post_json("/api/orgs", &json!({ "slug": slug, "name": slug })).await, 201);
    for (user, role) in members {
        app.known_user(user).await;
        let body = json!({ "userId": user, "role": role });
        expect(&session.post_json(&format!("/api/orgs/{slug}/members"), &body).await, 201);
    }
    session
}

/// Makes a token at `path` and gives whoever holds it.
async fn new_token(app: &TestApp, by: &Actor, path: &str, scope: &str) -> Actor {
    let made = by.post_json(path, &json!({ "name": "test", "scopes": [scope] })).await;
    expect(&made, 201);
    app.token(made.json()["rawToken"].as_str().unwrap())
}

async fn repo_token(app: &TestApp, by: &Actor, repo: &str, scope: &str) -> Actor {
    new_token(app, by, &format!("/api/repos/{repo}/tokens"), scope).await
}

async fn org_token(app: &TestApp, by: &Actor, org: &str, scope: &str) -> Actor {
    new_token(app, by, &format!("/api/orgs/{org}/tokens"), scope).await
}

/// Checks a status; of an error also that its body is `{"error","code"}` with the code of the status.
#[track_caller]
fn expect(response: &TestResponse, status: u16) {
    assert_eq!(response.status, status, "{}", response.text());
    let code = match status {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        409 => "CONFLICT",
        _ => return,
    };
    let body = response.json();
    assert_eq!(body["code"], code, "{body}");
    assert!(!body["error"].as_str().unwrap().is_empty(), "{body}");
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    assert_eq!(response.header("www-authenticate").is_empty(), status != 401);
}

/// The `key` of each entry of a list in an answer.
fn column(response: &TestResponse, list: &str, key: &str) -> Vec<Value> {
    response.json()[list].as_array().unwrap().iter().map(|entry| entry[key].clone()).collect()
}

/// The actions in an audit log, by name: time stands still, so their order says nothing.
async fn actions(app: &TestApp, scope: &str) -> Vec<String> {
    let rows = app.audit(scope).await;
    let mut actions: Vec<String> =
        rows.iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect();
    actions.sort();
    actions
}
