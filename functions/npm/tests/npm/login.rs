//! Logging in by web and by password, logging out, and who one is.

use granary_storage::rows::LoginRow;
use granary_storage::{Commit, Key, Transaction};
use granary_testing::{Actor, PUBLIC_URL, TestApp};
use serde_json::{Value, json};

use super::support::{at, private, publish_all};

/// Begins a login by web; gives its session and the path to poll.
async fn begin(app: &TestApp) -> (String, String) {
    let headers = [("user-agent", "npm/11.6.0 node/v22.0.0"), ("npm-auth-type", "web")];
    let response = app.anonymous().request("POST", &at("-/v1/login"), &headers, "{}").await;
    assert_eq!((response.status, response.header("cache-control")), (200, "no-store"), "{}", response.text());
    let body = response.json();
    let path = |name: &str| body[name].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap().to_owned();
    let session = path("loginUrl").strip_prefix("/api/auth/cli/").unwrap().to_owned();
    (session, path("doneUrl"))
}

/// What the page does when its user agrees.
async fn agree(app: &TestApp, session: &str, user: &str) -> bool {
    let mut transaction = Transaction::new();
    transaction.answer_login("login", session, &user.parse().unwrap());
    matches!(app.state().storage().commit(transaction).await.unwrap(), Commit::Done)
}

#[tokio::test]
async fn a_login_by_web_hands_its_token_out_once() {
    let (app, _ann) = private().await;
    let (session, done) = begin(&app).await;
    assert!(
        done.starts_with("/api/npm/libs/-/v1/login/done/"),
        "below the registry, or npm would refuse it: {done}"
    );
    for _ in 0..3 {
        let waiting = app.anonymous().get(&done).await;
        assert_eq!(
            (waiting.status, waiting.header("retry-after")),
            (202, "1"),
            "npm spins without the header"
        );
        assert_eq!(waiting.header("cache-control"), "no-store");
        assert!(waiting.json().get("token").is_none());
    }
    let row: LoginRow = app.state().storage().get(&Key::Login(session.clone())).await.unwrap().unwrap();
    assert_eq!(row.client, "npm/11.6.0", "for the page that asks the user");
    assert!(agree(&app, &session, "ann").await);
    assert!(!agree(&app, &session, "bob").await, "nobody answers a second time");
    let first = app.anonymous().get(&done).await;
    assert_eq!((first.status, first.header("cache-control")), (200, "no-store"));
    let token = app.token(first.json()["token"].as_str().unwrap());
    assert_eq!(token.get(&at("-/whoami")).await.json(), json!({ "username": "ann" }));
    let me = token.get("/api/auth/me").await.json();
    assert_eq!(me["token"]["scopes"], json!(["read", "write"]));
    assert_eq!(me["token"]["name"], "npm/11.6.0");
    assert_eq!(me["token"]["expiresAt"], "2026-12-20T14:13:20.000Z");
    assert_eq!(app.anonymous().get(&done).await.status, 404);
}

#[tokio::test]
async fn of_many_who_poll_one_gets_the_token() {
    let (app, _ann) = private().await;
    let (session, done) = begin(&app).await;
    assert!(agree(&app, &session, "ann").await);
    let nobody = app.anonymous();
    let answers = futures::future::join_all((0..10).map(|_| nobody.get(&done))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 404).count(), 9, "{statuses:?}");
}

#[tokio::test]
async fn who_sees_the_address_of_the_page_cannot_fetch_the_token() {
    let (app, _ann) = private().await;
    let (session, done) = begin(&app).await;
    assert!(agree(&app, &session, "ann").await);
    let (other, _) = begin(&app).await;
    let secret = done.rsplit_once('.').unwrap().1;
    for guess in [
        session.clone(),
        format!("{session}."),
        format!("{session}.{session}"),
        format!("{session}.{}", "x".repeat(secret.len())),
        format!("{session}.{}", &secret[..secret.len() - 1]),
        format!("{other}.{secret}"),
        format!("unknown.{secret}"),
    ] {
        // The path layer refuses some of them before anybody looks.
        let response = app.anonymous().get(&at(&format!("-/v1/login/done/{guess}"))).await;
        assert!(response.status == 404 || response.status == 400, "{guess}: {}", response.text());
        assert!(!response.text().contains("art_"), "{}", response.text());
    }
    assert!(app.anonymous().get(&done).await.json()["token"].as_str().unwrap().starts_with("art_"));
}

#[tokio::test]
async fn a_login_that_takes_too_long_is_over() {
    let (app, _ann) = private().await;
    let (session, done) = begin(&app).await;
    app.clock.advance_millis(599_000);
    assert_eq!(app.anonymous().get(&done).await.status, 202);
    assert!(agree(&app, &session, "ann").await);
    app.clock.advance_millis(1_000);
    let response = app.anonymous().get(&done).await;
    assert_eq!(response.status, 404, "{}", response.text());
}

#[tokio::test]
async fn a_login_begins_with_any_body_and_says_nothing_of_the_repository() {
    let (app, _) = private().await;
    for (repo, headers, body) in [
        ("libs", vec![("content-type", "application/json")], "{}"),
        ("libs", vec![], ""),
        ("unknown", vec![], ""),
        ("libs", vec![], "{\"hostname\":\"x\"}"),
    ] {
        let path = format!("/api/npm/{repo}/-/v1/login");
        let response = app.anonymous().request("POST", &path, &headers, body.to_owned()).await;
        assert_eq!(response.status, 200, "{repo} {body}: {}", response.text());
        let names: Vec<String> = response.json().as_object().unwrap().keys().cloned().collect();
        assert_eq!(names, ["loginUrl", "doneUrl"]);
    }
}

async fn login(app: &TestApp, name: &str, password: &Value) -> granary_testing::TestResponse {
    let body = json!({
        "_id": format!("org.couchdb.user:{name}"), "name": name, "password": password, "type": "user", "roles": [],
        "date": "2026-01-01T00:00:00.000Z",
    });
    app.anonymous().put_json(&at(&format!("-/user/org.couchdb.user:{name}")), &body).await
}

#[tokio::test]
async fn the_password_is_a_token() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let response = login(&app, "ann", &ann.secret().into()).await;
    assert_eq!((response.status, response.header("cache-control")), (201, "no-store"), "{}", response.text());
    let body = response.json();
    assert_eq!((&body["ok"], &body["id"]), (&json!(true), &json!("org.couchdb.user:ann")));
    assert_eq!(app.token(body["token"].as_str().unwrap()).get(&at("pad")).await.status, 200);
    let path = at("-/user/org.couchdb.user:ann/-rev/1-0");
    let body = json!({ "name": "ann", "password": ann.secret() });
    assert_eq!(app.anonymous().put_json(&path, &body).await.status, 201);
    let repo = app.repo_token("ann", "libs", &["read"]).await;
    assert_eq!(login(&app, "ci", &repo.secret().into()).await.status, 201);
}

#[tokio::test]
async fn a_wrong_password_is_a_401_and_not_the_409_that_starts_another_round() {
    let (app, ann) = private().await;
    let mut altered = ann.secret().to_owned();
    altered.replace_range(10..11, if &altered[10..11] == "x" { "y" } else { "x" });
    let session = app.id_token("ann");
    for password in [
        json!("hunter2"),
        json!(""),
        Value::Null,
        json!(7),
        json!(altered),
        json!(session),
        json!({ "x": 1 }),
    ] {
        let response = login(&app, "ann", &password).await;
        assert_eq!(response.status, 401, "{password}: {}", response.text());
        assert!(
            response.error().contains("art_") || response.error().contains("token"),
            "{}",
            response.text()
        );
        assert!(response.json().get("token").is_none());
    }
    assert_eq!(app.anonymous().put_json(&at("-/user/org.couchdb.user:ann"), &json!({})).await.status, 401);
}

#[tokio::test]
async fn logging_out_revokes_the_token_and_no_other() {
    let (app, ann) = private().await;
    let second = app.account_token("ann", &["read"]).await;
    let out = async |actor: &Actor, token: &str| {
        let response = actor.delete(&at(&format!("-/user/token/{token}"))).await;
        (response.status, response.text())
    };
    assert_eq!(out(&ann, ann.secret()).await.0, 200);
    assert_eq!((ann.get(&at("-/whoami")).await.status, second.get(&at("-/whoami")).await.status), (401, 200));
    let records = app.audit("user:ann").await;
    let revoked: Vec<_> = records.iter().filter(|row| row["action"] == "token.revoke").collect();
    assert_eq!((revoked.len(), &revoked[0]["actor"]), (1, &json!("user:ann")), "{records:?}");
    // Again, by somebody else who knows it, and without any credential: it stays revoked, and is no error.
    for actor in [&ann, &second, &app.anonymous()] {
        assert_eq!(out(actor, ann.secret()).await.0, 200);
    }
    assert_eq!(out(&app.anonymous(), second.secret()).await.0, 200);
    assert_eq!(second.get(&at("-/whoami")).await.status, 401);
    assert_eq!(out(&app.anonymous(), "nonsense").await.0, 401);
}

#[tokio::test]
async fn shared_tokens_do_not_end_because_somebody_logs_out() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let repo = app.repo_token("ann", "libs", &["read"]).await;
    let response = repo.delete(&at(&format!("-/user/token/{}", repo.secret()))).await;
    assert_eq!(response.status, 403, "{}", response.text());
    assert!(!response.text().contains(repo.secret()));
    assert_eq!(repo.get(&at("pad")).await.status, 200);
}

#[tokio::test]
async fn an_expired_token_can_be_logged_out() {
    let (app, _) = private().await;
    let body = json!({ "name": "short", "scopes": ["read"], "expiresInDays": 1 });
    let made = app.user("ann").post_json("/api/auth/token", &body).await.json();
    let token = made["rawToken"].as_str().unwrap();
    app.clock.advance_millis(2 * 86_400_000);
    assert_eq!(app.token(token).delete(&at(&format!("-/user/token/{token}"))).await.status, 200);
    let left = app.user("ann").get("/api/auth/token").await.json()["tokens"].as_array().unwrap().len();
    assert_eq!(left, 1, "that of the other token");
}

#[tokio::test]
async fn who_one_is() {
    let (app, ann) = private().await;
    assert_eq!(ann.get(&at("-/whoami")).await.json(), json!({ "username": "ann" }));
    assert_eq!(app.user("bob").get(&at("-/whoami")).await.json(), json!({ "username": "bob" }));
    let profile = ann.get(&at("-/npm/v1/user")).await.json();
    assert_eq!((&profile["name"], &profile["email"]), (&json!("ann"), &json!("ann@example.com")));
    assert_eq!((&profile["fullname"], &profile["tfa"]), (&json!("Name of ann"), &json!(false)));
    assert_eq!(app.anonymous().get(&at("-/ping")).await.json(), json!({}));
    assert_eq!(app.anonymous().get(&at("-/ping?write=true")).await.status, 200);
    // What npm asks for an update of itself must be answered fast, and is.
    app.probe.reset();
    assert_eq!(ann.get(&at("npm")).await.status, 404);
    assert_eq!(app.probe.count(), 1);
}
