//! Members of a repository.

use futures::future::join_all;
use granary_testing::TestApp;
use serde_json::json;

use super::*;

#[tokio::test]
async fn members_come_change_and_go() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    let unknown = ann.post_json("/api/repos/libs/members", &json!({ "userId": "bob", "role": "read" })).await;
    expect(&unknown, 400);
    assert!(unknown.error().contains("sign in once"), "{}", unknown.error());
    let bob = app.known_user("bob").await;
    let added = ann.post_json("/api/repos/libs/members", &json!({ "userId": "bob", "role": "read" })).await;
    expect(&added, 201);
    let profile = |uid: &str, role: &str| {
        json!({ "uid": uid, "role": role, "displayName": format!("Name of {uid}"),
                "email": format!("{uid}@example.com"), "avatarUrl": null })
    };
    assert_eq!(added.json(), json!({ "member": profile("bob", "read") }));
    assert_eq!(column(&bob.get("/api/repos").await, "repos", "id"), ["libs"]);
    expect(
        &ann.post_json("/api/repos/libs/members", &json!({ "userId": "bob", "role": "write" })).await,
        201,
    );
    let listed = bob.get("/api/repos/libs/members").await;
    assert_eq!(listed.json(), json!({ "members": [profile("ann", "owner"), profile("bob", "write")] }));
    expect(&ann.delete("/api/repos/libs/members?userId=bob").await, 200);
    expect(&ann.delete("/api/repos/libs/members?userId=bob").await, 404);
    expect(&bob.get("/api/repos/libs").await, 404);
    assert!(column(&bob.get("/api/repos").await, "repos", "id").is_empty());
    let expected = ["repo.create", "repo.member.remove", "repo.member.set", "repo.member.set"];
    assert_eq!(actions(&app, "repo:libs").await, expected);
    for bad in [
        json!({ "userId": "bob" }),
        json!({ "role": "read" }),
        json!({ "userId": "bob", "role": "root" }),
        json!({ "userId": "b/b", "role": "read" }),
        json!({ "userId": "bob", "role": "read", "extra": 1 }),
    ] {
        expect(&ann.post_json("/api/repos/libs/members", &bad).await, 400);
    }
    for bad in ["", "?userId=", "?userId=a%2Fb"] {
        expect(&ann.delete(&format!("/api/repos/libs/members{bad}")).await, 400);
    }
}

#[tokio::test]
async fn nobody_reaches_above_themselves() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    let boss = member(&app, &ann, "libs", "boss", "admin").await;
    let bob = member(&app, &ann, "libs", "bob", "read").await;
    let token = repo_token(&app, &boss, "libs", "admin").await;
    for actor in [&boss, &token] {
        let give = async |user: &str, role: &str| {
            actor.post_json("/api/repos/libs/members", &json!({ "userId": user, "role": role })).await
        };
        expect(&give("bob", "owner").await, 403);
        expect(&give("boss", "owner").await, 403);
        expect(&give("ann", "read").await, 403);
        expect(&give("bob", "admin").await, 201);
        expect(&give("bob", "read").await, 201);
        expect(&actor.delete("/api/repos/libs/members?userId=ann").await, 403);
    }
    expect(&bob.delete("/api/repos/libs/members?userId=boss").await, 403);
    let limited = app.account_token("bob", &["write"]).await;
    expect(&limited.delete("/api/repos/libs/members?userId=bob").await, 403);
    expect(&bob.delete("/api/repos/libs/members?userId=bob").await, 200);
    expect(&bob.get("/api/repos/libs").await, 404);
}

#[tokio::test]
async fn somebody_always_owns_it() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    let demote = json!({ "userId": "ann", "role": "admin" });
    expect(&ann.post_json("/api/repos/libs/members", &demote).await, 409);
    expect(&ann.delete("/api/repos/libs/members?userId=ann").await, 409);
    let bob = member(&app, &ann, "libs", "bob", "owner").await;
    expect(&ann.post_json("/api/repos/libs/members", &demote).await, 201);
    assert_eq!(bob.get("/api/repos/libs").await.json()["repo"]["ownerId"], "bob");
    expect(&bob.delete("/api/repos/libs/members?userId=bob").await, 409);
    expect(&ann.delete("/api/repos/libs/members?userId=ann").await, 200);
}

#[tokio::test]
async fn owners_of_the_organisation_act_as_owners() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[("adam", "admin")]).await;
    let body = json!({ "name": "libs", "packageTypes": ["npm"], "orgSlug": "acme" });
    expect(&app.user("adam").post_json("/api/repos", &body).await, 201);
    member(&app, &olga, "libs", "bob", "owner").await;
    expect(&olga.delete("/api/repos/libs/members?userId=adam").await, 200);
    let give = json!({ "userId": "adam", "role": "owner" });
    expect(&app.user("adam").post_json("/api/repos/libs/members", &give).await, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_owners_who_remove_each_other_leave_one() {
    let app = TestApp::new().await;
    for round in 0..10 {
        let name = format!("libs-{round}");
        let ann = repo(&app, "ann", &name).await;
        let bob = member(&app, &ann, &name, "bob", "owner").await;
        let pairs = [(ann, "bob"), (bob, "ann")].map(|(actor, other)| {
            let path = format!("/api/repos/{name}/members?userId={other}");
            tokio::spawn(async move { actor.delete(&path).await.status })
        });
        let statuses: Vec<u16> = join_all(pairs).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        let members = app.user("root").get(&format!("/api/repos/{name}/members")).await;
        assert_eq!(column(&members, "members", "role"), ["owner"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn members_added_at_once_all_stay() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    for n in 0..12 {
        app.known_user(&format!("user{n}")).await;
    }
    let added = join_all((0..12).map(|n| {
        let (ann, body) = (ann.clone(), json!({ "userId": format!("user{n}"), "role": "read" }));
        tokio::spawn(async move { ann.post_json("/api/repos/libs/members", &body).await })
    }))
    .await;
    for answer in added {
        expect(&answer.unwrap(), 201);
    }
    assert_eq!(column(&ann.get("/api/repos/libs/members").await, "members", "uid").len(), 13);
    assert_eq!(app.audit("repo:libs").await.len(), 13);
}
