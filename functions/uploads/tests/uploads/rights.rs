//! Every step is authorised, by the rights of that moment.

use granary_testing::Actor;
use serde_json::Value;

use crate::forms::form;
use crate::support::{REPO, begin, complete, path, private, raw, send_all};

async fn steps(actor: &Actor, upload: &Value) -> [u16; 4] {
    [
        actor.post_json("/api/uploads", &raw("tool", "2.0", &[("f", b"x")])).await.status,
        actor.get(&path(upload)).await.status,
        complete(actor, upload).await.status,
        actor.delete(&path(upload)).await.status,
    ]
}

#[tokio::test]
async fn only_writers_have_uploads() {
    let (app, ann) = private().await;
    let upload = begin(&ann, &raw("tool", "1.0", &[("f", b"bytes")])).await;
    assert_eq!(steps(&app.anonymous(), &upload).await, [401; 4]);
    assert_eq!(steps(&app.token("art_nonsense"), &upload).await, [401; 4]);
    let eve = app.account_token("eve", &["read", "write", "admin"]).await;
    assert_eq!(steps(&eve, &upload).await, [404; 4]);
    app.add_member("ann", REPO, "bob", "read").await;
    let bob = app.account_token("bob", &["read", "write", "admin"]).await;
    assert_eq!(steps(&bob, &upload).await, [403, 404, 404, 404]);
    let reader = app.account_token("ann", &["read"]).await;
    assert_eq!(steps(&reader, &upload).await, [403, 404, 404, 404]);
    // Somebody else who may write goes on with it.
    app.add_member("ann", REPO, "kim", "write").await;
    let kim = app.account_token("kim", &["write"]).await;
    assert_eq!(kim.get(&path(&upload)).await.status, 200);
    assert_eq!(kim.delete(&path(&upload)).await.status, 204);
}

#[tokio::test]
async fn strange_and_unknown_uploads_read_alike() {
    let (app, ann) = private().await;
    let upload = begin(&ann, &raw("tool", "1.0", &[("f", b"bytes")])).await;
    let eve = app.account_token("eve", &["read", "write", "admin"]).await;
    let id = upload["id"].as_str().unwrap();
    let other: String = id.chars().rev().collect();
    for actor in [eve, app.anonymous()] {
        for (method, rest) in [("GET", ""), ("DELETE", ""), ("POST", "/complete")] {
            let ask = |id: &str| {
                let (actor, path) = (actor.clone(), format!("/api/uploads/{id}{rest}"));
                async move { actor.request(method, &path, &[], "").await }
            };
            let (strange, unknown) = (ask(id).await, ask(&other).await);
            assert_eq!(strange.status, unknown.status);
            assert_eq!(strange.text().replace(id, "ID"), unknown.text().replace(&other, "ID"));
        }
    }
}

#[tokio::test]
async fn a_right_that_is_gone_ends_the_upload() {
    let (app, ann) = private().await;
    app.add_member("ann", REPO, "bob", "write").await;
    let bob = app.account_token("bob", &["write"]).await;
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let upload = begin(&bob, &raw("tool", "1.0", &files)).await;
    send_all(&upload, &files).await;
    assert_eq!(app.user("ann").delete("/api/repos/files/members?userId=bob").await.status, 200);
    assert_eq!(complete(&bob, &upload).await.status, 404);
    assert_eq!(ann.get("/api/raw/files/tool/1.0/f").await.status, 404);
    assert_eq!(complete(&ann, &upload).await.status, 201);
}

#[tokio::test]
async fn types_that_the_repository_does_not_hold() {
    let (app, _ann) = private().await;
    let ann = app.repo("ann", "only-npm", &["npm"], "private").await;
    let mut body = raw("tool", "1.0", &[("f", b"bytes")]);
    body["repoId"] = "only-npm".into();
    let response = ann.post_json("/api/uploads", &body).await;
    assert_eq!(response.status, 404);
    assert!(response.error().contains("packageTypes"), "{}", response.error());
}

#[tokio::test]
async fn a_new_repository_of_the_name_does_not_inherit_uploads() {
    let (app, ann) = private().await;
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    send_all(&upload, &files).await;
    assert_eq!(app.user("ann").delete("/api/repos/files").await.status, 200);
    assert_eq!(complete(&ann, &upload).await.status, 404);
    app.settle().await;
    let ann = app.repo("ann", REPO, &["raw"], "private").await;
    assert_eq!(ann.get(&path(&upload)).await.status, 404);
    assert_eq!(complete(&ann, &upload).await.status, 404);
}

#[tokio::test]
async fn a_type_that_was_dropped_meanwhile() {
    let (app, ann) = private().await;
    let files: [(&str, &[u8]); 1] = [("f", b"bytes")];
    let upload = begin(&ann, &raw("tool", "1.0", &files)).await;
    send_all(&upload, &files).await;
    let types = |types: &[&str]| serde_json::json!({ "packageTypes": types });
    let settings = app.user("ann");
    assert_eq!(settings.patch_json("/api/repos/files", &types(&["npm"])).await.status, 200);
    let refused = complete(&ann, &upload).await;
    assert_eq!(refused.status, 404, "{}", refused.text());
    assert!(refused.error().contains("packageTypes"), "{}", refused.error());
    // It is still open: nothing was wrong with the files.
    assert_eq!(settings.patch_json("/api/repos/files", &types(&["npm", "raw"])).await.status, 200);
    assert_eq!(complete(&ann, &upload).await.status, 201);
}

/// Keys are in the hands of strangers: nobody reads gigabytes from them to say no afterwards.
#[tokio::test]
async fn customers_are_refused_before_anything_is_read() {
    let (app, ann) = private().await;
    let upload = begin(&ann, &raw("tool", "1.0", &[("f", b"bytes")])).await;
    let licence = app.licence("ann", &["tool"], |_| ()).await.actor;
    let suspended = app.licence("ann", &["tool"], |row| row.suspended = true).await.actor;
    let consumer = app.consumer("ann", &[(1, "*")]).await.actor;
    for (actor, code) in [(licence, "FORBIDDEN"), (suspended, "LICENSE_SUSPENDED"), (consumer, "FORBIDDEN")] {
        let fields = [("repoId", REPO), ("packageType", "raw"), ("packageName", "tool"), ("version", "1.0")];
        for at in [0, 9] {
            let refused = form(&actor, &fields, Some(("f", b"bytes")), at).await;
            assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some(code)));
        }
        // Not even a form that cannot be read makes a difference.
        let headers = [("content-type", "multipart/form-data; boundary=x")];
        let broken = actor.request("POST", "/api/packages/upload", &headers, "nothing of the kind").await;
        assert_eq!(broken.status, 403, "{}", broken.text());
        assert_eq!(steps(&actor, &upload).await[1..], [404; 3]);
    }
}
