//! Products of other tenants do not exist, and those of a tenant that has gone neither.

use granary_testing::products::ApiCaller;
use serde_json::json;

use crate::{NAME, empty, json_error, sent, stocked, text_error};

const SECRET: &str = "a-private-product";

/// Everything that names a product or a token, asked by somebody.
async fn asked(caller: &ApiCaller, product: &str, token: &str) -> Vec<(u16, String)> {
    let body = json!({ "product": product, "version": "1", "token": token, "permissions": {} });
    let announced = json!({
        "product": product, "version": "2", "file_name": "a", "size": 1, "sha256": "00".repeat(32),
    });
    let responses = [
        caller.fetch(product).await,
        caller.download(product, "1").await,
        caller.upload(product, "2", b"x").await,
        caller.json("POST", "/api/product/upload-url", &announced).await,
        caller.json("PUT", "/api/product/modify/addToken", &body).await,
        caller.json("DELETE", "/api/product/modify/deleteToken", &body).await,
        caller.json("DELETE", "/api/product/modify/deleteVersion", &body).await,
        caller.delete(&format!("/api/product/delete/{product}/1")).await,
        caller.delete(&format!("/api/product/delete/{product}")).await,
        caller.get(&format!("/api/fetch/{token}")).await,
        caller.delete(&format!("/api/prune/{token}")).await,
        caller.grant(NAME, token, &json!({})).await,
    ];
    responses.iter().map(|response| (response.status, response.text())).collect()
}

#[tokio::test]
async fn what_others_have_reads_like_what_nobody_has() {
    let (app, ann) = stocked().await;
    let bob = app.api_token("bob", true).await;
    empty(&bob.create(SECRET).await, 201);
    empty(&bob.upload(SECRET, "1", b"x").await, 201);
    let theirs = app.register(&bob, false).await;
    empty(&bob.grant(SECRET, theirs.secret(), &json!({ "download": true })).await, 201);
    let hidden = asked(&ann, SECRET, theirs.secret()).await;
    let unknown = asked(&ann, "no-such-product", "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d").await;
    assert_eq!(hidden, unknown);
    assert!(hidden.iter().all(|(status, text)| *status >= 400 && !text.contains(SECRET)), "{hidden:?}");
    assert_eq!(theirs.download(SECRET, "1").await.text(), "x");
    assert_eq!(ann.get("/api/product/list").await.json(), json!([NAME]));
    assert_eq!(ann.get("/api/tokens").await.json().as_array().unwrap().len(), 1);
    empty(&ann.create(SECRET).await, 201);
    assert_eq!(bob.fetch(SECRET).await.json()["versions"].as_object().unwrap().len(), 1);
    let upload = sent(&ann, "1", b"y").await;
    let refused = [bob.confirm(&upload).await, bob.confirm(&"x".repeat(upload.len())).await];
    assert_eq!(refused[0].status, 404);
    assert_eq!(
        answers_like(&refused[0].text(), &upload),
        answers_like(&refused[1].text(), &"x".repeat(upload.len()))
    );
    assert_eq!(ann.confirm(&upload).await.status, 201);
}

fn answers_like(text: &str, name: &str) -> String {
    text.replace(name, "?")
}

#[tokio::test]
async fn nothing_of_an_organisation_outlives_it() {
    let (app, _ann) = stocked().await;
    app.org("ann", "acme", &[]).await;
    let org = app.org_token("ann", "acme", &["read", "write", "admin"]).await;
    let admin = app.register(&app.api(org.secret()), true).await;
    empty(&admin.create(NAME).await, 201);
    empty(&admin.upload(NAME, "1", b"of-acme").await, 201);
    let plain = app.register(&admin, false).await;
    empty(&admin.grant(NAME, plain.secret(), &json!({ "download": true })).await, 201);
    // The row alone goes, as if whatever follows were still to come.
    let storage = app.state().storage();
    storage.delete(&granary_storage::Key::Org("acme".parse().unwrap())).await.unwrap();
    for caller in [&admin, &plain] {
        json_error(&caller.get("/api/product/access").await, 401, "Invalid api token");
        json_error(&caller.download(NAME, "1").await, 401, "Invalid api token");
    }
    // The next organisation of the name is another one.
    app.org("bob", "acme", &[]).await;
    for caller in [&admin, &plain] {
        json_error(&caller.get("/api/product/access").await, 401, "Invalid api token");
        json_error(&caller.create("other").await, 401, "Invalid api token");
    }
    let bobs = app.org_token("bob", "acme", &["read", "write", "admin"]).await;
    assert_eq!(app.api(bobs.secret()).get("/api/product/list").await.text(), "[]");
    text_error(&app.api(bobs.secret()).fetch(NAME).await, 404, "Product not found");
}

#[tokio::test]
async fn nothing_of_a_repository_outlives_it() {
    let (app, _ann) = stocked().await;
    app.repo("ann", "shop", &["raw"], "private").await;
    let repo = app.repo_token("ann", "shop", &["read", "write", "admin"]).await;
    let admin = app.register(&app.api(repo.secret()), true).await;
    empty(&admin.create(NAME).await, 201);
    empty(&admin.upload(NAME, "1", b"of-the-shop").await, 201);
    let deleted = app.user("ann").delete("/api/repos/shop").await;
    assert!(deleted.status < 300, "{}", deleted.text());
    json_error(&admin.download(NAME, "1").await, 401, "Invalid api token");
    json_error(&admin.get("/api/product/list").await, 401, "Invalid api token");
}

#[tokio::test]
async fn an_administrator_of_an_organisation_acts_for_it() {
    let app = granary_testing::TestApp::new().await;
    let ann = app.known_user("ann").await;
    assert_eq!(ann.post_json("/api/orgs", &json!({ "slug": "acme", "name": "acme" })).await.status, 201);
    let for_acme = [("granary-org", "acme"), ("content-type", "application/json")];
    let create = json!({ "name": "tool" }).to_string();
    let made = ann.request("PUT", "/api/product/create", &for_acme, create).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(ann.get("/api/product/fetch/tool").await.status, 404, "it is not her own");
    assert_eq!(ann.get_with("/api/product/fetch/tool", &for_acme).await.status, 200);
    let bob = app.known_user("bob").await;
    assert_eq!(bob.get_with("/api/product/fetch/tool", &for_acme).await.status, 404);

    // What is handed over in two steps stays the organisation's until it is confirmed, by somebody who still administers it.
    let file = json!({ "product": "tool", "version": "1", "file_name": "a", "size": 1,
        "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" });
    let begun = ann.request("POST", "/api/product/upload-url", &for_acme, file.to_string()).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    assert_eq!(crate::send(&begun.json(), b"x").await, 200);
    let confirm = json!({ "upload_id": begun.json()["upload_id"] }).to_string();
    let own = ann.request("POST", "/api/product/confirm", &for_acme[1..], confirm.clone()).await;
    assert_ne!(own.status, 201, "{}", own.text());
    let confirmed = ann.request("POST", "/api/product/confirm", &for_acme, confirm).await;
    assert_eq!(confirmed.status, 201, "{}", confirmed.text());
}
