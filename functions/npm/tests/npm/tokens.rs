//! `npm token`.

use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::support::{at, keys, private, publish_all};

async fn create(actor: &Actor, body: &Value) -> (u16, Value) {
    let response = actor.post_json(&at("-/npm/v1/tokens"), body).await;
    (response.status, response.json())
}

async fn listed(actor: &Actor) -> Vec<Value> {
    let response = actor.get(&at("-/npm/v1/tokens")).await;
    assert_eq!((response.status, response.header("cache-control")), (200, "no-store"));
    let body = response.json();
    assert_eq!(body["total"], body["objects"].as_array().unwrap().len());
    assert!(body["urls"].is_object(), "npm reads urls.next");
    body["objects"].as_array().unwrap().clone()
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    // npm 10, and npm 11 and 12.
    let (old, new) = (
        json!({ "password": ann.secret(), "readonly": false, "cidr_whitelist": [] }),
        json!({ "password": ann.secret(), "name": "ci", "description": "x", "expires": 7, "packages_and_scopes_permission": "read-write" }),
    );
    for (body, name) in [(old, "npm token"), (new, "ci")] {
        let (status, made) = create(&ann, &body).await;
        assert_eq!(status, 200, "{made}");
        let token = app.token(made["token"].as_str().unwrap());
        assert_eq!(token.get(&at("-/whoami")).await.json(), json!({ "username": "ann" }));
        assert_eq!((&made["name"], &made["readonly"]), (&json!(name), &json!(false)));
        let row = listed(&ann).await.into_iter().find(|row| row["key"] == made["key"]).unwrap();
        assert_eq!(keys(&row), keys(&made));
        // Only the first characters, and nothing that would be taken for a whole token.
        assert_eq!(row["token"].as_str().unwrap(), &token.secret()[..12]);
        let path = at(&format!("-/npm/v1/tokens/token/{}", made["key"].as_str().unwrap()));
        let revoked = ann.delete(&path).await;
        assert_eq!((revoked.status, revoked.body.len()), (204, 0));
        assert_eq!(token.get(&at("-/whoami")).await.status, 401);
        assert_eq!(ann.delete(&path).await.status, 404);
    }
    assert_eq!(listed(&ann).await.len(), 1, "that of ann herself");
}

#[tokio::test]
async fn a_new_token_is_never_stronger_than_the_one_that_asks() {
    let (app, _ann) = private().await;
    for (scopes, wants_readonly, expected) in [
        (&["write"][..], false, json!(["read", "write"])),
        (&["write"], true, json!(["read"])),
        (&["admin"], false, json!(["read", "write"])),
        (&["admin"], true, json!(["read"])),
    ] {
        let asking = app.account_token("ann", scopes).await;
        let (status, made) =
            create(&asking, &json!({ "password": asking.secret(), "readonly": wants_readonly })).await;
        assert_eq!(status, 200, "{made}");
        let all = app.user("ann").get("/api/auth/token").await.json()["tokens"].clone();
        let row = all.as_array().unwrap().iter().find(|row| row["id"] == made["key"]).unwrap().clone();
        assert_eq!(row["scopes"], expected, "{scopes:?} {wants_readonly}");
    }
    let writer = app.account_token("ann", &["write"]).await;
    let (_, made) = create(&writer, &json!({ "password": writer.secret(), "readonly": true })).await;
    let token = app.token(made["token"].as_str().unwrap());
    let publish = token.publish("libs", &granary_testing::npm::NpmPackage::new("pad", "1.0.0")).await;
    assert_eq!(publish.status, 403, "{}", publish.text());
}

#[tokio::test]
async fn a_token_that_may_only_read_manages_no_other_tokens() {
    let (app, ann) = private().await;
    let reader = app.account_token("ann", &["read"]).await;
    let (status, body) = create(&reader, &json!({ "password": reader.secret() })).await;
    assert_eq!((status, body["code"].as_str()), (403, Some("FORBIDDEN")), "{body}");
    let rows = listed(&reader).await;
    let key = |secret: &str| {
        rows.iter().find(|row| row["token"] == secret[..12]).unwrap()["key"].as_str().unwrap().to_owned()
    };
    let path = |secret: &str| at(&format!("-/npm/v1/tokens/token/{}", key(secret)));
    assert_eq!(reader.delete(&path(ann.secret())).await.status, 403);
    let writer = app.account_token("ann", &["write"]).await;
    assert_eq!(writer.delete(&path(ann.secret())).await.status, 403, "the other one has scope admin");
    assert_eq!(ann.get(&at("-/whoami")).await.status, 200);
    assert_eq!(reader.delete(&path(reader.secret())).await.status, 204, "itself");
}

#[tokio::test]
async fn a_token_made_by_another_one_ends_with_it() {
    let (app, ann) = private().await;
    let (_, parent) =
        create(&ann, &json!({ "password": ann.secret(), "name": "parent", "expires": 1 })).await;
    let parent_token = app.token(parent["token"].as_str().unwrap());
    for request in [
        json!({ "password": parent_token.secret(), "name": "for ever" }),
        json!({ "password": parent_token.secret(), "name": "longer", "expires": 30 }),
    ] {
        let (status, child) = create(&parent_token, &request).await;
        assert_eq!(status, 200, "{child}");
        assert_eq!(child["expires"], parent["expires"], "{request}");
    }
}

#[tokio::test]
async fn a_token_made_by_another_does_not_outlive_it() {
    let (app, _) = private().await;
    let body = json!({ "name": "short", "scopes": ["write"], "expiresInDays": 2 });
    let made = app.user("ann").post_json("/api/auth/token", &body).await.json();
    let parent = app.token(made["rawToken"].as_str().unwrap());
    for (days, expected) in [(None, 2), (Some(30), 2), (Some(1), 1)] {
        let (status, made) = create(&parent, &json!({ "password": parent.secret(), "expires": days })).await;
        assert_eq!(status, 200, "{made}");
        let end = granary_model::Timestamp::from_millis(granary_testing::START).plus_days(expected);
        assert_eq!(made["expires"], end.to_string(), "{days:?}");
    }
}

#[tokio::test]
async fn the_password_must_be_the_token_itself() {
    let (app, ann) = private().await;
    let other = app.account_token("ann", &["admin"]).await;
    for password in ["hunter2", "", other.secret()] {
        let (status, body) = create(&ann, &json!({ "password": password })).await;
        assert_eq!(status, 401, "{password}: {body}");
        assert!(body.get("token").is_none());
    }
    assert_eq!(listed(&ann).await.len(), 2);
}

#[tokio::test]
async fn limits_that_cannot_be_kept_are_refused_rather_than_forgotten() {
    let (_app, ann) = private().await;
    for (name, value) in
        [("cidr_whitelist", json!(["10.0.0.0/8"])), ("packages", json!(["pad"])), ("orgs", json!(["acme"]))]
    {
        let (status, body) = create(&ann, &json!({ "password": ann.secret(), name: value })).await;
        assert_eq!((status, body["code"].as_str()), (404, Some("NOT_SUPPORTED")), "{name}: {body}");
    }
    for expires in [json!(0), json!(-1), json!(100_000)] {
        let (status, body) = create(&ann, &json!({ "password": ann.secret(), "expires": expires })).await;
        assert_eq!(status, 400, "{expires}: {body}");
    }
    assert_eq!(listed(&ann).await.len(), 1);
}

#[tokio::test]
async fn a_token_with_an_end_ends() {
    let (app, ann) = private().await;
    let (_, made) = create(&ann, &json!({ "password": ann.secret(), "name": "short", "expires": 1 })).await;
    let short = app.token(made["token"].as_str().unwrap());
    assert_eq!(
        made["expires"],
        granary_model::Timestamp::from_millis(granary_testing::START + 86_400_000).to_string()
    );
    app.clock.advance_millis(86_399_999);
    assert_eq!(short.get(&at("-/whoami")).await.status, 200);
    app.clock.advance_millis(1);
    assert_eq!(short.get(&at("-/whoami")).await.status, 401);
}

#[tokio::test]
async fn tokens_are_revoked_by_what_the_list_shows_and_only_if_it_means_one() {
    let (app, ann) = private().await;
    let bob = app.account_token("bob", &["admin"]).await;
    let theirs = listed(&bob).await[0]["key"].as_str().unwrap().to_owned();
    let revoke = async |actor: &Actor, key: &str| {
        actor.delete(&at(&format!("-/npm/v1/tokens/token/{key}"))).await.status
    };
    assert_eq!(revoke(&ann, &theirs).await, 404, "somebody else's");
    assert_eq!(bob.get(&at("-/whoami")).await.status, 200);
    let second = app.account_token("ann", &["read"]).await;
    // Both keys begin with the same time.
    let shared: String = listed(&ann).await[0]["key"].as_str().unwrap().chars().take(6).collect();
    assert_eq!(revoke(&ann, &shared).await, 404, "it could mean both");
    assert_eq!(listed(&ann).await.len(), 2);
    assert_eq!(revoke(&ann, &second.secret()[..12]).await, 204, "by the first characters");
    assert_eq!((second.get(&at("-/whoami")).await.status, ann.get(&at("-/whoami")).await.status), (401, 200));
    for key in ["unknown", "art_"] {
        assert_eq!(revoke(&ann, key).await, 404, "{key}");
    }
}

#[tokio::test]
async fn a_revoked_token_makes_no_tokens() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    assert_eq!(ann.delete(&at(&format!("-/user/token/{}", ann.secret()))).await.status, 200);
    let (status, _) = create(&ann, &json!({ "password": ann.secret() })).await;
    assert_eq!(status, 401);
    let tokens = app.user("ann").get("/api/auth/token").await.json()["tokens"].clone();
    assert_eq!(tokens, json!([]));
}
