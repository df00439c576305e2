//! What a caller may not see cannot be told from what is not there.

use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::support::{Asked, at, publish};

/// Requests that would give something away, by status, headers, body or the number of storage calls.
fn requests() -> Vec<Asked> {
    let publish = NpmPackage::new("pad", "1.0.0").body();
    let mut all = Vec::new();
    for path in [
        "pad",
        "pad?write=true",
        "pad/1.0.0",
        "pad/latest",
        "unknown",
        "_bad",
        "pad/-/pad-1.0.0.tgz",
        "-/tarball/pad/1.0.0",
        "-/package/pad/dist-tags",
        "-/package/pad/visibility",
        "-/package/pad/collaborators",
        "-/v1/search?text=pad",
        "-/v1/search",
        "-/npm/v1/attestations/pad@1.0.0",
        "-/org/acme/package",
        "-/user/ann/package",
        "-/user/org.couchdb.user:ann",
        "-/nothing/there",
        "",
    ] {
        for method in ["GET", "HEAD", "OPTIONS", "PATCH"] {
            all.push((method, path, vec![], Value::Null));
        }
        all.push(("GET", path, vec![("if-none-match", "*")], Value::Null));
        all.push(("GET", path, vec![("range", "bytes=0-0")], Value::Null));
        all.push(("GET", path, vec![("if-modified-since", "Thu, 01 Jan 2099 00:00:00 GMT")], Value::Null));
        all.push((
            "OPTIONS",
            path,
            vec![("origin", "https://evil.example"), ("access-control-request-method", "PUT")],
            Value::Null,
        ));
    }
    for (method, path, body) in [
        ("PUT", "pad", publish),
        ("PUT", "pad", json!({ "versions": { "1.0.0": {} } })),
        ("PUT", "pad/-rev/undefined", json!({ "maintainers": [{ "name": "mallory" }] })),
        ("DELETE", "pad/-rev/undefined", Value::Null),
        ("DELETE", "pad/-/pad-1.0.0.tgz/-rev/undefined", Value::Null),
        ("PUT", "-/package/pad/dist-tags/latest", json!("1.0.0")),
        ("DELETE", "-/package/pad/dist-tags/latest", Value::Null),
        ("POST", "-/package/pad/access", json!({ "access": "public" })),
    ] {
        all.push((method, path, vec![], body));
    }
    all
}

async fn outsiders(app: &TestApp) -> Vec<(&'static str, Actor)> {
    app.npm_repo("mallory", "other", "private").await;
    vec![
        ("anonymous", app.anonymous()),
        ("signed in", app.user("mallory")),
        ("account token", app.account_token("mallory", &["admin"]).await),
        ("token of another repository", app.repo_token("mallory", "other", &["admin"]).await),
        ("invalid token", app.token("art_nonsense")),
    ]
}

#[tokio::test]
async fn a_hidden_repository_answers_as_one_that_is_not_there() {
    let (with, without) = (TestApp::new().await, TestApp::new().await);
    let ann = with.npm_repo("ann", "libs", "private").await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    ann.get(&at("pad")).await;
    let outside = outsiders(&with).await.into_iter().zip(outsiders(&without).await);
    for ((name, here), (_, there)) in outside {
        for (method, path, headers, body) in requests() {
            let path = if path.is_empty() { "/api/npm/libs".to_owned() } else { at(path) };
            let what = format!("{name}: {method} {path} {headers:?}");
            with.probe.reset();
            without.probe.reset();
            let hidden = here.request(method, &path, &headers, body.to_string()).await;
            let unknown = there.request(method, &path, &headers, body.to_string()).await;
            assert!(hidden.status == 401 || hidden.status == 404, "{what}: {}", hidden.text());
            assert_eq!(hidden.visible(), unknown.visible(), "{what}");
            let calls =
                |app: &TestApp| app.probe.calls().into_iter().map(|call| call.operation).collect::<Vec<_>>();
            assert_eq!(calls(&with), calls(&without), "{what}: as many calls, so about as much time");
        }
    }
    let stored = with.check_consistency("libs").await;
    assert_eq!((stored.live.len(), stored.audit), (1, 2));
}

#[tokio::test]
async fn a_deleted_repository_answers_as_one_that_was_never_there() {
    let (with, without) = (TestApp::new().await, TestApp::new().await);
    let ann = with.npm_repo("ann", "libs", "public").await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    ann.get(&at("pad")).await;
    assert_eq!(with.user("ann").delete("/api/repos/libs").await.status, 200);
    let never = without.account_token("ann", &["read", "write", "admin"]).await;
    for (method, path, headers, body) in requests() {
        let path = if path.is_empty() { "/api/npm/libs".to_owned() } else { at(path) };
        // Before and after the clean-up, for its former owner and for the public.
        for (here, there) in [(&ann, &never), (&with.anonymous(), &without.anonymous())] {
            let gone = here.request(method, &path, &headers, body.to_string()).await;
            let unknown = there.request(method, &path, &headers, body.to_string()).await;
            assert_eq!(gone.visible(), unknown.visible(), "{method} {path} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_repository_made_private_is_hidden_at_once() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "public").await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    let (anonymous, stranger) = (app.anonymous(), app.user("stranger"));
    let paths = ["pad", "pad/1.0.0", "pad/-/pad-1.0.0.tgz", "-/v1/search?text=pad"];
    for path in paths {
        assert_eq!(anonymous.get(&at(path)).await.status, 200, "{path}, and now in memory");
    }
    let etag = anonymous.get(&at("pad")).await.header("etag").to_owned();
    let private = json!({ "visibility": "private" });
    assert_eq!(app.user("ann").patch_json("/api/repos/libs", &private).await.status, 200);
    for path in paths {
        assert_eq!(anonymous.get(&at(path)).await.status, 401, "{path}");
        assert_eq!(stranger.get(&at(path)).await.status, 404, "{path}");
        assert_eq!(stranger.get_with(&at(path), &[("if-none-match", &etag)]).await.status, 404, "{path}");
    }
}
