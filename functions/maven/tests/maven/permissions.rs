//! Who may do what, and that nobody learns what they may not know.

use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::json;

use super::support::{LIB, artifact_metadata, at, check, file, jar, pom, private, public, publish_version};

const CHALLENGE: &str = "Basic realm=\"Granary\"";

/// Requests of every kind, each with the least role that may make it.
fn requests(repo: &str) -> Vec<(&'static str, String, Vec<u8>, &'static str)> {
    let path = |path: &str| format!("/api/maven/{repo}/{path}");
    let own = |end: &str| path(&format!("{LIB}/1.0.0/hello-lib-1.0.0{end}"));
    vec![
        ("GET", own(".jar"), vec![], "read"),
        ("HEAD", own(".jar"), vec![], "read"),
        ("GET", own(".jar.sha1"), vec![], "read"),
        ("GET", path(&format!("{LIB}/maven-metadata.xml")), vec![], "read"),
        ("GET", path(&format!("{LIB}/maven-metadata.xml.sha1")), vec![], "read"),
        ("GET", path(&format!("{LIB}/1-SNAPSHOT/maven-metadata.xml")), vec![], "read"),
        ("GET", path(&format!("{LIB}/1-SNAPSHOT/hello-lib-1-SNAPSHOT.jar")), vec![], "read"),
        ("GET", path("com/maven-metadata.xml"), vec![], "read"),
        ("GET", path("no/such/1.0/such-1.0.jar"), vec![], "read"),
        ("GET", path("no%20such"), vec![], "read"),
        ("GET", format!("/api/maven/{repo}"), vec![], "read"),
        ("OPTIONS", own(".jar"), vec![], "read"),
        ("PUT", own(".jar"), jar("1.0.0"), "write"),
        ("PUT", own("-extra.jar"), b"extra".to_vec(), "write"),
        ("PUT", own(".jar.sha1"), b"x".to_vec(), "write"),
        ("PUT", path(&format!("{LIB}/maven-metadata.xml")), b"x".to_vec(), "write"),
        ("PUT", path("no/such/1.0/wrong-1.0.jar"), b"x".to_vec(), "write"),
        ("PUT", path("no%20such"), b"x".to_vec(), "write"),
        ("DELETE", path(&format!("{LIB}/9.9.9")), vec![], "admin"),
        ("DELETE", own(".jar"), vec![], "admin"),
        ("DELETE", path("com"), vec![], "admin"),
    ]
}

async fn send(actor: &Actor, (method, path, body, _): &(&str, String, Vec<u8>, &str)) -> TestResponse {
    actor.request(method, path, &[], body.clone()).await
}

#[tokio::test]
async fn without_credentials_everything_of_a_private_repository_is_a_challenge() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    for repo in ["libs", "unknown", "%5bbad%5d"] {
        for request in requests(repo) {
            let response = send(&app.anonymous(), &request).await;
            assert_eq!(response.status, 401, "{request:?}");
            let challenges: Vec<_> = response.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(challenges, [CHALLENGE], "{request:?}");
            assert_eq!(response.header("cache-control"), "no-store");
        }
    }
    for secret in ["art_nonsense", "nonsense"] {
        let response = app.token(secret).get(&file("1.0.0", ".jar")).await;
        assert_eq!((response.status, response.header("www-authenticate")), (401, CHALLENGE));
    }
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_hidden_repository_from_none() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    app.known_user("eve").await;
    let eve = app.account_token("eve", &["read", "write", "admin"]).await;
    for (hidden, unknown) in requests("libs").into_iter().zip(requests("bibs")) {
        let (hidden, unknown) = (send(&eve, &hidden).await, send(&eve, &unknown).await);
        assert_eq!(hidden.status, 404);
        assert_eq!(unknown.status, 404);
        assert_eq!(hidden.text(), unknown.text().replace("bibs", "libs"));
        let names = |response: &TestResponse| -> Vec<String> {
            response.headers.keys().map(ToString::to_string).collect()
        };
        assert_eq!(names(&hidden), names(&unknown));
        assert!(hidden.header("content-type").starts_with("text/plain"));
    }
}

/// Whether an answer says that the caller may do this.
fn is_allowed(response: &TestResponse) -> bool {
    !matches!(response.status, 401 | 403)
}

async fn every_role(app: &TestApp) -> Vec<(&'static str, Actor)> {
    let mut actors = Vec::new();
    for role in ["read", "write", "admin"] {
        app.add_member("ann", "libs", role, role).await;
        actors.push((role, app.account_token(role, &["read", "write", "admin"]).await));
        actors.push((role, app.repo_token("ann", "libs", &[role]).await));
        actors.push((role, app.account_token("ann", &[role]).await));
    }
    actors
}

#[tokio::test]
async fn roles_and_scopes_decide() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let rank = |role: &str| ["read", "write", "admin"].iter().position(|other| *other == role).unwrap();
    for (role, actor) in every_role(&app).await {
        for request in requests("libs") {
            let response = send(&actor, &request).await;
            let expected = rank(role) >= rank(request.3);
            assert_eq!(is_allowed(&response), expected, "{role}: {request:?}: {}", response.status);
            if !expected {
                assert_eq!(response.status, 403, "{role}: {request:?}");
                if request.0 != "HEAD" {
                    assert_eq!(response.header("content-type"), "application/problem+json");
                    assert_eq!(response.json()["code"], "FORBIDDEN");
                }
            }
        }
    }
    check(&app).await;
}

#[tokio::test]
async fn everybody_reads_a_public_repository_and_nobody_else_writes() {
    let (app, ann) = public().await;
    publish_version(&ann, "1.0.0").await;
    app.known_user("eve").await;
    let eve = app.account_token("eve", &["read", "write", "admin"]).await;
    for request in requests("libs") {
        let (nobody, stranger) = (send(&app.anonymous(), &request).await, send(&eve, &request).await);
        if request.3 == "read" {
            assert!(is_allowed(&nobody) && is_allowed(&stranger), "{request:?}");
            assert_eq!(nobody.status, stranger.status);
        } else {
            assert_eq!((nobody.status, stranger.status), (401, 403), "{request:?}");
            assert_eq!(nobody.header("www-authenticate"), CHALLENGE);
        }
    }
}

#[tokio::test]
async fn basic_credentials_take_any_user_name() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    for user in ["token", "ann", ""] {
        let value = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!("{user}:{}", ann.secret()),
        );
        let headers = [("authorization", &*format!("Basic {value}"))];
        assert_eq!(app.anonymous().get_with(&artifact_metadata(), &headers).await.status, 200, "{user}");
    }
}

#[tokio::test]
async fn a_repository_of_another_kind_has_no_artifacts() {
    let (app, ann) = private().await;
    let other = app.repo("ann", "scripts", &["npm"], "private").await;
    for request in requests("scripts") {
        assert_eq!(send(&other, &request).await.status, 404, "{request:?}");
    }
    assert_eq!(ann.get("/api/maven/scripts/com/example/x/1/x-1.pom").await.status, 404);
}

#[tokio::test]
async fn a_revoked_token_stops_at_once() {
    let (app, ann) = private().await;
    publish_version(&ann, "1.0.0").await;
    let session = app.user("ann");
    let made = session
        .post_json("/api/repos/libs/tokens", &json!({ "name": "ci", "scopes": ["write"] }))
        .await
        .json();
    let token = app.token(made["rawToken"].as_str().unwrap());
    assert_eq!(token.get(&file("1.0.0", ".jar")).await.status, 200);
    let id = made["token"]["id"].as_str().unwrap();
    assert_eq!(session.delete(&format!("/api/repos/libs/tokens?tokenId={id}")).await.status, 200);
    assert_eq!(token.get(&file("1.0.0", ".jar")).await.status, 401);
    assert_eq!(token.request("PUT", &file("2.0.0", ".pom"), &[], pom("2.0.0")).await.status, 401);
    assert_eq!(ann.get(&at(&format!("{LIB}/2.0.0/hello-lib-2.0.0.pom"))).await.status, 404);
}
