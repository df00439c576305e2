//! Who may do what, and what everybody else learns.

use granary_model::kmp::BuildStatus;
use granary_testing::TestResponse;
use granary_testing::kmp::watch;
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::support::{Place, expect};

/// The twelve operations with the role that each takes.
fn operations(watched: &str, build: &str) -> [(&'static str, String, Value, Role); 12] {
    use Role::{Admin, Read, Write};
    let retry = json!({ "action": "retry" });
    let trigger = json!({ "watchedPackageId": watched, "version": "3.0.0" });
    [
        ("GET", "watched".into(), Value::Null, Read),
        ("POST", "watched".into(), watch("com.example", "more"), Write),
        ("GET", format!("watched/{watched}"), Value::Null, Read),
        ("PATCH", format!("watched/{watched}"), json!({ "appleTargets": ["iosArm64"] }), Write),
        ("POST", "poll".into(), Value::Null, Write),
        ("GET", "builds?counts=true".into(), Value::Null, Read),
        ("POST", "builds".into(), trigger, Write),
        ("GET", format!("builds/{build}"), Value::Null, Read),
        ("POST", format!("builds/{build}"), retry, Write),
        ("DELETE", format!("builds/{build}"), Value::Null, Admin),
        ("DELETE", "builds".into(), Value::Null, Admin),
        ("DELETE", format!("watched/{watched}"), Value::Null, Admin),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Read,
    Write,
    Admin,
}

async fn call(actor: &Actor, repo: &str, operation: &(&str, String, Value, Role)) -> TestResponse {
    let (method, path, body, _) = operation;
    actor.json(method, &format!("/api/repos/{repo}/kmp/{path}"), body).await
}

#[tokio::test]
async fn every_operation_takes_its_role() {
    let place = Place::new().await;
    place.publish("lib", &["1.0.0", "3.0.0"]);
    for (name, role) in [("rita", "read"), ("will", "write"), ("ada", "admin")] {
        place.app.add_member("ann", "apps", name, role).await;
    }
    let watched = place.watch("lib").await;
    let build = place.build_in(&watched, "1.0.0", BuildStatus::Failed).await;
    let app = &place.app;
    let callers = [
        (app.user("rita"), Role::Read),
        (app.user("will"), Role::Write),
        (app.user("ada"), Role::Admin),
        (app.account_token("ann", &["read"]).await, Role::Read),
        (app.account_token("ann", &["read", "write"]).await, Role::Write),
        (app.repo_token("ann", "apps", &["read"]).await, Role::Read),
        (app.repo_token("ann", "apps", &["write"]).await, Role::Write),
    ];
    let operations = operations(&watched, &build.id);
    // First all that is refused: it changes nothing.
    let before = place.left().await;
    for (caller, role) in &callers {
        for operation in operations.iter().filter(|operation| operation.3 > *role) {
            expect(&call(caller, "apps", operation).await, 403, &[]);
        }
    }
    assert_eq!(place.left().await, before);
    // Then each by whoever has just enough.
    for operation in &operations {
        let caller = callers.iter().find(|(_, role)| *role == operation.3).unwrap();
        let response = call(&caller.0, "apps", operation).await;
        assert!(response.status < 300, "{operation:?}: {}", response.text());
    }
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let build = place.build_in(&watched, "1.0.0", BuildStatus::Failed).await;
    place.app.npm_repo("eve", "elsewhere", "private").await;
    let strangers = [place.app.user("eve"), place.app.repo_token("eve", "elsewhere", &["admin"]).await];
    for operation in &operations(&watched, &build.id) {
        for stranger in &strangers {
            let hidden = call(stranger, "apps", operation).await;
            expect(&hidden, 404, &[]);
            let absent = call(stranger, "none", operation).await;
            assert_eq!(hidden.text().replace("apps", "none"), absent.text(), "{operation:?}");
        }
        let nobody = call(&place.app.anonymous(), "apps", operation).await;
        expect(&nobody, 401, &[]);
        assert!(!nobody.header("www-authenticate").is_empty());
    }
    assert_eq!(place.read(&build.id).await.unwrap(), build);
}

#[tokio::test]
async fn everybody_reads_what_is_public_and_changes_nothing() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let build = place.build_in(&watched, "1.0.0", BuildStatus::Failed).await;
    expect(&place.ann.patch_json("/api/repos/apps", &json!({ "visibility": "public" })).await, 200, &[]);
    let stranger = place.app.account_token("eve", &["read", "write", "admin"]).await;
    for operation in &operations(&watched, &build.id) {
        let status = if operation.3 == Role::Read { (200, 200) } else { (403, 401) };
        assert_eq!(call(&stranger, "apps", operation).await.status, status.0, "{operation:?}");
        assert_eq!(call(&place.app.anonymous(), "apps", operation).await.status, status.1, "{operation:?}");
    }
}

#[tokio::test]
async fn ids_of_one_repository_open_nothing_in_another() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let build = place.build_in(&watched, "1.0.0", BuildStatus::Failed).await;
    let source = place.github.library("com.example", "lib", &["1.0.0"]);
    let eve = place.app.kmp_repo("eve", "theirs", &source, "private").await;
    for operation in &operations(&watched, &build.id) {
        let (_, path, _, _) = operation;
        let names_one = path.contains('/') || path == "builds" && operation.0 == "POST";
        if names_one {
            expect(&call(&eve, "theirs", operation).await, 404, &["not found"]);
        }
    }
    // Those that name nothing touch only their own.
    assert_eq!(
        eve.post_json("/api/repos/theirs/kmp/poll", &Value::Null).await.json(),
        json!({ "results": [] })
    );
    expect(&eve.delete("/api/repos/theirs/kmp/builds").await, 200, &[]);
    assert_eq!(eve.get("/api/repos/theirs/kmp/builds").await.json(), json!({ "builds": [] }));
    // The same coordinates and names are free there.
    expect(&eve.post_json("/api/repos/theirs/kmp/watched", &watch("com.example", "lib")).await, 201, &[]);
    assert_eq!(place.read(&build.id).await.unwrap(), build);
}

#[tokio::test]
async fn a_token_that_was_revoked_changes_nothing() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let app: &TestApp = &place.app;
    let body = json!({ "name": "test", "scopes": ["read", "write", "admin"] });
    let made = app.user("ann").post_json("/api/auth/token", &body).await.json();
    let token = app.token(made["rawToken"].as_str().unwrap());
    expect(&token.get("/api/repos/apps/kmp/watched").await, 200, &[]);
    let id = made["token"]["id"].as_str().unwrap();
    let revoked = app.user("ann").delete(&format!("/api/auth/token?tokenId={id}")).await;
    expect(&revoked, 200, &[]);
    for operation in &operations(&watched, "x") {
        expect(&call(&token, "apps", operation).await, 401, &[]);
    }
}

/// The settings of a repository are shown to those who belong to it, and so is where its libraries come from.
#[tokio::test]
async fn a_private_source_is_not_named_to_everybody() {
    let place = Place::new().await;
    let app = &place.app;
    app.repo("ann", "hush-hush", &["maven"], "private").await;
    let config = json!({ "sourceType": "artifacts", "sourceRepoId": "hush-hush" });
    let body = json!({ "visibility": "public", "kmpConfig": config });
    expect(&place.ann.patch_json("/api/repos/apps", &body).await, 200, &[]);
    let watched = place.watch("lib").await;
    let build = place.build_in(&watched, "1.0.0", BuildStatus::Discovered).await;
    let told = |response: TestResponse| {
        assert_eq!(response.status, 200, "{}", response.text());
        assert!(!response.text().contains("hush-hush"), "{}", response.text());
    };
    let nobody = app.anonymous();
    for _ in 0..2 {
        let polled = place.poll().await;
        assert_eq!(polled["errors"].as_array().unwrap().len(), 1, "{polled}");
        place.retry(&build.id).await;
        told(nobody.get("/api/repos/apps/kmp/watched").await);
        told(nobody.get(&format!("/api/repos/apps/kmp/watched/{watched}")).await);
        told(nobody.get("/api/repos/apps/kmp/builds").await);
        told(nobody.get("/api/repos/apps").await);
        // And again when it is gone.
        app.user("ann").delete("/api/repos/hush-hush").await;
        app.sweep().await;
    }
}
