//! Deleted repositories: everything of them goes, and nothing of them comes back.

use granary_events::{Progress, handle, sweep_blobs};
use granary_model::{RepoId, UserId};
use granary_storage::rows::{Event, RepoRef, TokenEntry};
use granary_storage::{Key, Subject};
use granary_testing::npm::NpmPackage;
use granary_testing::probe::{Fault, Target};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::support::{CLAIM, documents, lose_messages, private, publish_all, sweep_all};

/// Fills `libs` with everything a repository can hold, and begins its deletion.
async fn deleted(app: &TestApp, ann: &Actor) -> Actor {
    app.add_member("ann", "libs", "bob", "write").await;
    let token = app.repo_token("ann", "libs", &["admin"]).await;
    let versions: Vec<String> = (0..25).map(|n| format!("1.{n}.0")).collect();
    publish_all(ann, "pad", &versions.iter().map(String::as_str).collect::<Vec<_>>()).await;
    publish_all(ann, "@Acme/Upper", &["1.0.0"]).await;
    publish_all(ann, "gone", &["1.0.0"]).await;
    assert_eq!(ann.delete("/api/npm/libs/gone/-rev/undefined").await.status, 200);
    assert_eq!(ann.get("/api/npm/libs/pad/-/pad-1.0.0.tgz").await.status, 200);
    app.state().downloads().flush(app.state().storage(), app.state().now()).await.unwrap();
    app.settle().await;
    assert!(!documents(app).await.is_empty());
    assert_eq!(app.user("ann").delete("/api/repos/libs").await.status, 200);
    token
}

/// Rows and objects that are left of `libs`, but for its audit log.
async fn left(app: &TestApp) -> Vec<String> {
    let storage = app.state().storage();
    let repo: RepoId = "libs".parse().unwrap();
    let mut left = Vec::new();
    let mut list = async |what: &str, first: Key, prefix: &str| {
        let rows: Vec<Value> = storage.list_all(&first, prefix).await.unwrap_or_else(|_| vec![Value::Null]);
        left.extend(rows.iter().map(|row| format!("{what}: {row}")));
    };
    list("repository", Key::Repo(repo.clone()), "").await;
    list("token", Key::TokenOf(Subject::Repo(repo.clone()), String::new()), "").await;
    list("downloads of the repository", Key::RepoDownloads(repo.clone()), "").await;
    for name in ["pad", "@acme/upper", "gone"] {
        list("package", Key::Head(app.package_key("libs", name)), "").await;
        list("downloads", Key::DownloadTotal(app.package_key("libs", name)), "").await;
    }
    for user in ["ann", "bob"] {
        let user: UserId = user.parse().unwrap();
        list("membership", Key::RepoOfUser(user, repo.clone()), "REPO#libs").await;
    }
    list("public", Key::PublicRepo(repo), "REPO#libs").await;
    left.extend(documents(app).await.into_iter().map(|path| format!("document: {path}")));
    left
}

/// Lets claims expire and handles what waits, until nothing does.
async fn clean(app: &TestApp) {
    for _ in 0..3 {
        app.clock.advance_millis(CLAIM);
        app.settle().await;
        assert_eq!(sweep_all(app).await.failed, 0);
    }
    sweep_blobs(app.state()).await.unwrap();
    assert!(app.outbox().await.is_empty(), "{:?}", app.outbox().await);
}

#[tokio::test]
async fn everything_of_a_deleted_repository_goes() {
    let (app, ann) = private().await;
    let token = deleted(&app, &ann).await;
    clean(&app).await;
    assert_eq!(left(&app).await, Vec::<String>::new());
    assert!(app.blobs().await.is_empty());
    assert_eq!(token.get("/api/npm/libs/-/whoami").await.status, 401);
    let records = app.audit("repo:libs").await;
    for action in ["repo.create", "package.publish", "repo.delete", "repo.purge"] {
        assert!(records.iter().any(|row| row["action"] == action), "the log stays: {action}");
    }
}

#[tokio::test]
async fn the_name_can_be_used_again_and_nothing_of_the_old_repository_works() {
    let (app, ann) = private().await;
    let old_token = deleted(&app, &ann).await;
    let bob = app.account_token("bob", &["read", "write", "admin"]).await;
    let body = json!({ "name": "libs", "packageTypes": ["npm"], "visibility": "private" });
    let early = app.user("carol").post_json("/api/repos", &body).await;
    assert_eq!(early.status, 409, "{}", early.text());
    let old_events = app.outbox().await;
    clean(&app).await;
    let carol = app.npm_repo("carol", "libs", "private").await;
    // Nothing is inherited: neither packages nor tombstones, tokens, members, counts.
    for path in ["pad", "pad/1.0.0", "pad/-/pad-1.0.0.tgz", "@Acme%2fUpper", "gone"] {
        assert_eq!(carol.get(&format!("/api/npm/libs/{path}")).await.status, 404, "{path}");
    }
    for (who, actor) in [("owner", &ann), ("member", &bob)] {
        assert_eq!(actor.get("/api/npm/libs/-/v1/search?text=pad").await.status, 404, "{who}");
        assert_eq!(actor.publish("libs", &NpmPackage::new("pad", "9.0.0")).await.status, 404, "{who}");
        let mine = actor.get("/api/repos").await.json();
        assert_eq!(mine["repos"], json!([]), "{who}");
    }
    assert_eq!(old_token.get("/api/npm/libs/pad").await.status, 401);
    let repo = carol.get("/api/repos/libs").await.json()["repo"].clone();
    assert_eq!((&repo["packageCount"], &repo["downloadCount"]), (&json!(0), &json!(0)), "{repo}");
    publish_all(&carol, "gone", &["1.0.0"]).await;
    publish_all(&carol, "pad", &["1.0.0"]).await;
    publish_all(&carol, "@acme/upper", &["1.0.0"]).await;
    let listed = carol.get("/api/repos/libs/packages").await.json();
    for package in listed["packages"].as_array().unwrap() {
        assert_eq!(package["downloadCount"], 0, "{package}");
    }
    let document = carol.get("/api/npm/libs/pad").await.json();
    assert_eq!(document["versions"].as_object().unwrap().len(), 1);
    // Events of the old repository that come late leave the new one alone.
    for row in old_events.iter().chain(&old_events) {
        assert_eq!(handle(app.state(), row).await.unwrap(), Progress::Finished);
    }
    app.clock.advance_millis(CLAIM);
    sweep_all(&app).await;
    sweep_blobs(app.state()).await.unwrap();
    assert_eq!(app.check_consistency("libs").await.live.len(), 3);
    assert_eq!(carol.get("/api/npm/libs/pad/-/pad-1.0.0.tgz").await.status, 200);
}

#[tokio::test]
async fn a_deletion_that_breaks_off_anywhere_is_finished_later() {
    let mut n = 1;
    loop {
        let (app, ann) = private().await;
        let other = app.npm_repo("ann", "other", "private").await;
        // Bytes that another repository holds as well must never be counted down twice.
        for version in ["1.0.0", "1.1.0"] {
            assert_eq!(other.publish("other", &NpmPackage::new("pad", version)).await.status, 201);
        }
        publish_all(&ann, "pad", &["1.0.0", "1.1.0", "1.2.0"]).await;
        app.repo_token("ann", "libs", &["read"]).await;
        app.settle().await;
        assert_eq!(app.user("ann").delete("/api/repos/libs").await.status, 200);
        lose_messages(&app).await;
        app.probe.reset();
        let fault = if n % 2 == 0 { Fault::Refuse } else { Fault::LoseAnswer };
        app.probe.inject(Target::any(n), fault);
        let _may_fail = granary_events::sweep(app.state(), true).await;
        let reached = app.probe.count() >= n;
        app.probe.reset();
        clean(&app).await;
        assert_eq!(
            left(&app).await.into_iter().filter(|row| !row.contains("document")).collect::<Vec<_>>(),
            Vec::<String>::new(),
            "call {n}"
        );
        let stored = app.check_consistency("other").await;
        assert_eq!((stored.live.len(), stored.blobs.len()), (2, 2), "call {n} {fault:?}");
        assert_eq!(other.get("/api/npm/other/pad/-/pad-1.0.0.tgz").await.status, 200);
        if !reached {
            return;
        }
        n += 1;
        assert!(n < 100, "the clean-up never ends");
    }
}

#[tokio::test]
async fn two_clean_ups_at_once_count_nothing_down_twice() {
    let (app, ann) = private().await;
    let other = app.npm_repo("ann", "other", "private").await;
    let versions: Vec<String> = (0..30).map(|n| format!("1.{n}.0")).collect();
    for version in &versions {
        let package = NpmPackage::new("pad", version);
        assert_eq!(ann.publish("libs", &package).await.status, 201);
        assert_eq!(other.publish("other", &package).await.status, 201);
    }
    app.settle().await;
    assert_eq!(app.user("ann").delete("/api/repos/libs").await.status, 200);
    let row = lose_messages(&app)
        .await
        .into_iter()
        .find(|row| matches!(row.event, Event::RepoDeleted { .. }))
        .unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (state, row) = (app.state().clone(), row.clone());
            tokio::spawn(async move { handle(&state, &row).await })
        })
        .collect();
    for task in tasks {
        // One that finds the other at work may give up; the event is still there then.
        let _may_fail = task.await.unwrap();
    }
    clean(&app).await;
    let stored = app.check_consistency("other").await;
    assert_eq!((stored.live.len(), stored.blobs.len()), (30, 30));
}

#[tokio::test]
async fn a_clean_up_that_was_held_up_leaves_a_new_repository_of_the_name_alone() {
    // Held up before each of its calls in turn.
    for n in 2..=12 {
        let (app, ann) = private().await;
        publish_all(&ann, "pad", &["1.0.0"]).await;
        app.repo_token("ann", "libs", &["read"]).await;
        app.settle().await;
        assert_eq!(app.user("ann").delete("/api/repos/libs").await.status, 200);
        let row = lose_messages(&app).await.remove(0);
        app.probe.reset();
        app.probe.inject(Target::any(n), Fault::Delay(std::time::Duration::from_secs(4)));
        let (state, event) = (app.state().clone(), row.clone());
        let slow = tokio::spawn(async move { handle(&state, &event).await });
        for _ in 0..2_000 {
            if app.probe.count() >= n || slow.is_finished() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        if slow.is_finished() {
            return;
        }
        handle(app.state(), &row).await.unwrap();
        let body = json!({ "name": "libs", "packageTypes": ["npm"], "visibility": "public" });
        assert_eq!(app.user("carol").post_json("/api/repos", &body).await.status, 201, "call {n}");
        let carol = app.repo_token("carol", "libs", &["admin"]).await;
        publish_all(&carol, "pad", &["1.0.0"]).await;
        let before = app.check_consistency("libs").await;
        let _may_fail = slow.await.unwrap();
        let after = app.check_consistency("libs").await;
        assert_eq!((after.live, after.blobs), (before.live, before.blobs), "call {n}");
        assert_eq!(carol.get("/api/npm/libs/pad/-/pad-1.0.0.tgz").await.status, 200, "call {n}");
        let mine = app.user("carol").get("/api/repos").await.json();
        assert_eq!(mine["repos"][0]["id"], "libs", "call {n}");
        let public = app.anonymous().get("/api/repos/public").await.json();
        assert_eq!(public["repos"][0]["id"], "libs", "call {n}");
    }
}

#[tokio::test]
async fn a_publish_that_is_under_way_when_the_repository_goes_is_refused() {
    let (app, ann) = private().await;
    app.probe.reset();
    let held = Fault::Delay(std::time::Duration::from_secs(3));
    app.probe.inject(Target::operation(granary_testing::probe::Service::S3, "PutObject", 1), held);
    let actor = ann.clone();
    let publish = tokio::spawn(async move { actor.publish("libs", &NpmPackage::new("pad", "1.0.0")).await });
    for _ in 0..2_000 {
        if app.probe.calls().iter().any(|call| call.operation == "PutObject") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(app.user("ann").delete("/api/repos/libs").await.status, 200);
    app.settle().await;
    let response = publish.await.unwrap();
    assert_eq!(response.status, 404, "{}", response.text());
    clean(&app).await;
    assert_eq!(left(&app).await, Vec::<String>::new());
    assert!(app.blobs().await.is_empty());
}

#[tokio::test]
async fn every_member_loses_it_from_their_list() {
    let (app, ann) = private().await;
    let users: Vec<String> = (0..90).map(|n| format!("user-{n}")).collect();
    for user in &users {
        // Rows as the API writes them; ninety sign-ins would take long.
        let id: UserId = user.parse().unwrap();
        let key = Key::Repo("libs".parse().unwrap());
        let mut row: granary_storage::rows::RepoRow = app.state().storage().get(&key).await.unwrap().unwrap();
        row.members.insert(id.clone(), granary_model::Role::Read);
        app.state().storage().put(&key, &row).await.unwrap();
        let entry = RepoRef { id: row.id.clone() };
        app.state().storage().put(&Key::RepoOfUser(id, row.id), &entry).await.unwrap();
    }
    deleted(&app, &ann).await;
    clean(&app).await;
    for user in &users {
        let first = Key::RepoOfUser(user.parse().unwrap(), "libs".parse().unwrap());
        let rows: Vec<RepoRef> = app.state().storage().list_all(&first, "REPO#").await.unwrap();
        assert!(rows.is_empty(), "{user}");
    }
    let tokens: Vec<TokenEntry> = app
        .state()
        .storage()
        .list_all(&Key::TokenOf(Subject::Repo("libs".parse().unwrap()), String::new()), "")
        .await
        .unwrap();
    assert!(tokens.is_empty());
}
