//! Which credentials count, in which header.

use granary_testing::TestApp;
use granary_testing::products::ApiCaller;
use serde_json::json;

use crate::{NAME, empty, json_error, json_error_with, stocked};

const ACCESS: &str = "/api/product/access";

#[tokio::test]
async fn the_registrys_tokens_with_admin_scope_administer_in_either_header() {
    let app = TestApp::new().await;
    let account = app.account_token("ann", &["admin"]).await;
    let by_header = app.api(account.secret());
    empty(&by_header.create(NAME).await, 201);
    assert_eq!(by_header.get(ACCESS).await.json(), json!([NAME]));
    let shown = account.get("/api/product/fetch/my-lib").await;
    assert_eq!(shown.status, 200);
    let all = json!({ "maintainer": true, "download": true, "upload": true, "delete": true });
    assert_eq!(shown.json()["tokens"], json!({ by_header.hash(): all }));
    let session = app.user("ann");
    assert_eq!(session.get("/api/product/list").await.json(), json!([NAME]));
    assert_eq!(session.get(ACCESS).await.text(), "[]", "a person is not listed");
    empty(&session.json("PUT", "/api/product/create", &json!({ "name": "second" })).await, 201);
    assert_eq!(account.get("/api/product/fetch/second").await.json()["tokens"], json!({}));
    let registered = session.json("PUT", "/api/register", &json!({ "admin": true })).await;
    assert_eq!(app.api(&registered.text()).get("/api/product/list").await.json(), json!([NAME, "second"]));
    // Whoever made the product can be taken from it, by the token's text.
    let body = json!({ "product": NAME, "token": account.secret() });
    empty(&session.json("DELETE", "/api/product/modify/deleteToken", &body).await, 204);
    assert_eq!(account.get("/api/product/fetch/my-lib").await.json()["tokens"], json!({}));
    // But only tokens of the product API are given rights: the others have all or none.
    let given = by_header.grant(NAME, account.secret(), &json!({ "download": true })).await;
    json_error(&given, 400, "token not found");
}

#[tokio::test]
async fn organisations_and_repositories_have_products_of_their_own() {
    let (app, ann) = stocked().await;
    app.org("ann", "acme", &[]).await;
    let org = app.org_token("ann", "acme", &["read", "write", "admin"]).await;
    app.repo("ann", "shop", &["raw"], "private").await;
    let repo = app.repo_token("ann", "shop", &["read", "write", "admin"]).await;
    let callers = [ann, app.api(org.secret()), app.api(repo.secret())];
    for (index, caller) in callers.iter().enumerate() {
        if index > 0 {
            assert_eq!(caller.get("/api/product/list").await.text(), "[]");
            empty(&caller.create(NAME).await, 201);
        }
        empty(&caller.upload(NAME, "1", index.to_string().as_bytes()).await, 201);
        let token = app.register(caller, false).await;
        empty(&caller.grant(NAME, token.secret(), &json!({ "download": true })).await, 201);
        assert_eq!(token.download(NAME, "1").await.text(), index.to_string());
    }
}

#[tokio::test]
async fn scopes_below_admin_do_not_do() {
    let (app, _admin) = stocked().await;
    let writer = app.account_token("ann", &["read", "write"]).await;
    for response in [
        app.api(writer.secret()).get(ACCESS).await,
        writer.get(ACCESS).await,
        app.api(writer.secret()).upload(NAME, "1", b"x").await,
    ] {
        assert_eq!(response.status, 403);
        assert!(response.text().contains("scope"), "{}", response.text());
    }
}

#[tokio::test]
async fn tokens_of_products_are_good_for_nothing_else() {
    let (app, admin) = stocked().await;
    let bearer = app.token(admin.secret());
    for path in [ACCESS, "/api/health", "/api/repos", "/api/auth/me"] {
        assert_eq!(bearer.get(path).await.status, 401, "{path}");
    }
    let basic = app.basic("token", admin.secret());
    assert_eq!(basic.get(ACCESS).await.status, 401);
    assert_eq!(admin.get("/api/repos").await.status, 401, "the header counts for products alone");
}

#[tokio::test]
async fn what_is_no_credential_is_refused_by_its_form() {
    let (app, admin) = stocked().await;
    let upper = admin.secret().to_uppercase();
    let id_token = app.id_token("ann");
    app.probe.reset();
    for text in ["x", "Bearer x", upper.as_str(), "art_0000", id_token.as_str(), "12345-12345-ABCDE"] {
        json_error(&app.api(text).get(ACCESS).await, 401, "Invalid api token");
    }
    assert_eq!(app.probe.count(), 0, "nothing is looked up");
    let none: [(&str, &str); 1] = [("x-api-token", " ")];
    json_error(&app.anonymous().get_with(ACCESS, &none).await, 401, "Authorization header missing");
    let account = app.account_token("ann", &["admin"]).await;
    assert_eq!(account.get_with(ACCESS, &none).await.status, 200);
    let wrong: [(&str, &str); 1] = [("x-api-token", "x")];
    json_error(&account.get_with(ACCESS, &wrong).await, 401, "Invalid api token");
    let two = [("x-api-token", admin.secret()), ("x-api-token", "x")];
    json_error_with(&app.anonymous().get_with(ACCESS, &two).await, 400, "more than one X-Api-Token");
    let spaced = format!(" {} ", admin.secret());
    assert_eq!(app.api(&spaced).get(ACCESS).await.status, 200);
}

#[tokio::test]
async fn customers_have_no_business_here() {
    let (app, _admin) = stocked().await;
    let licensed = app.licence("ann", &["pad"], |_| {}).await;
    assert_eq!(licensed.actor.get(ACCESS).await.status, 403);
    json_error(&app.api(licensed.actor.secret()).get(ACCESS).await, 401, "Invalid api token");
}

#[tokio::test]
async fn an_administrator_may_prune_itself() {
    let (app, admin) = stocked().await;
    empty(&admin.delete(&format!("/api/prune/{}", admin.secret())).await, 204);
    json_error(&admin.get(ACCESS).await, 401, "Invalid api token");
    let next: ApiCaller = app.api_token("ann", true).await;
    assert_eq!(next.fetch(NAME).await.json()["tokens"], json!({}), "no product lists it any more");
    assert_eq!(next.get("/api/tokens").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_session_of_a_browser_is_no_token_of_products() {
    let app = granary_testing::TestApp::new().await;
    let browser = app.browser("ann").await;
    let session = browser.cookie("granary-session").unwrap();
    let by_header = [("x-api-token", session), ("content-type", "application/json")];
    let made = app.anonymous().request("PUT", "/api/product/create", &by_header, "{\"name\":\"p1\"}").await;
    assert_eq!(made.status, 401, "{}", made.text());
    // As the person who signed in it counts, and no product lists it.
    let made =
        app.token(session).json("PUT", "/api/product/create", &serde_json::json!({ "name": "p1" })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let product = app.token(session).get("/api/product/fetch/p1").await.json();
    assert!(!product.to_string().contains("maintainer"), "{product}");
}
