//! Deleting a repository and what must not outlive it.

use granary_storage::Key;
use granary_storage::rows::{Event, OutboxRow, RepoRow};
use granary_testing::TestApp;
use serde_json::json;

use super::*;

/// The events that wait in the outbox.
async fn waiting(app: &TestApp) -> Vec<Event> {
    let mut events = Vec::new();
    for shard in 0..8 {
        let rows: Vec<OutboxRow> =
            app.state().storage().list_all(&Key::Outbox(shard, String::new()), "").await.unwrap();
        events.extend(rows.into_iter().map(|row| row.event));
    }
    events
}

async fn row(app: &TestApp, repo: &str) -> RepoRow {
    app.state().storage().get(&Key::Repo(repo.parse().unwrap())).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_deleted_repository_is_gone_at_once() {
    let app = TestApp::new().await;
    let ann = make_repo(&app, "ann", "libs", "public").await;
    let bob = member(&app, &ann, "libs", "bob", "admin").await;
    let token = repo_token(&app, &ann, "libs", "admin").await;
    let uid = row(&app, "libs").await.uid;
    let deleted = ann.delete("/api/repos/libs").await;
    expect(&deleted, 200);
    assert_eq!(deleted.json(), json!({ "ok": true }));
    for actor in [&ann, &bob, &token, &app.user("root")] {
        for path in ["", "/packages", "/members"] {
            expect(&actor.get(&format!("/api/repos/libs{path}")).await, 404);
        }
        assert_eq!(actor.get("/api/repos").await.json(), json!({ "repos": [] }));
    }
    expect(&app.anonymous().get("/api/repos/libs").await, 401);
    expect(&ann.delete("/api/repos/libs").await, 404);
    expect(&ann.post_json("/api/repos/libs/tokens", &json!({ "name": "x" })).await, 404);
    let again = ann.post_json("/api/repos", &json!({ "name": "libs", "packageTypes": ["npm"] })).await;
    expect(&again, 409);
    assert!(again.error().contains("is being deleted"), "{}", again.error());
    assert_eq!(waiting(&app).await, [Event::RepoDeleted { repo: "libs".parse().unwrap(), uid }]);
    let log = actions(&app, "repo:libs").await;
    assert_eq!(log.iter().filter(|action| *action == "repo.delete").count(), 1, "{log:?}");
}

#[tokio::test]
async fn nothing_of_the_old_one_works_on_its_successor() {
    let app = TestApp::new().await;
    let ann = make_repo(&app, "ann", "libs", "public").await;
    let bob = member(&app, &ann, "libs", "bob", "owner").await;
    let token = repo_token(&app, &ann, "libs", "admin").await;
    let id = column(&ann.get("/api/repos/libs/tokens").await, "tokens", "id").remove(0);
    expect(&ann.delete("/api/repos/libs").await, 200);
    // Only the row goes, as if clean-up had been cut off right there: all else is left over.
    app.state().storage().delete(&Key::Repo("libs".parse().unwrap())).await.unwrap();
    let entry = json!({ "id": "libs" });
    for key in [
        Key::RepoOfUser("bob".parse().unwrap(), "libs".parse().unwrap()),
        Key::PublicRepo("libs".parse().unwrap()),
    ] {
        app.state().storage().put(&key, &entry).await.unwrap();
    }

    let eve = repo(&app, "eve", "libs").await;
    for actor in [&ann, &bob, &token] {
        expect(&actor.get("/api/repos/libs").await, 404);
        assert_eq!(actor.get("/api/repos").await.json(), json!({ "repos": [] }));
    }
    assert_eq!(app.anonymous().get("/api/repos/public").await.json(), json!({ "repos": [] }));
    assert_eq!(eve.get("/api/repos/libs/tokens").await.json(), json!({ "tokens": [] }));
    expect(&eve.delete(&format!("/api/repos/libs/tokens?tokenId={}", id.as_str().unwrap())).await, 404);
    assert_eq!(column(&eve.get("/api/repos/libs/members").await, "members", "uid"), ["eve"]);
}

#[tokio::test]
async fn only_an_owner_deletes() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[("adam", "admin")]).await;
    let body = json!({ "name": "libs", "packageTypes": ["npm"], "orgSlug": "acme" });
    expect(&olga.post_json("/api/repos", &body).await, 201);
    expect(&app.user("adam").delete("/api/repos/libs").await, 403);
    expect(&org_token(&app, &olga, "acme", "admin").await.delete("/api/repos/libs").await, 403);
    expect(&app.account_token("olga", &["write"]).await.delete("/api/repos/libs").await, 403);
    expect(&app.account_token("olga", &["admin"]).await.delete("/api/repos/libs").await, 200);
}
