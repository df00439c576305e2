//! `npm owner`, `npm access`, `npm org`: who is shown, and what being shown gives.

use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::support::{at, packument, private, public, publish, publish_all};

async fn set_owners(actor: &Actor, owners: &[&str]) -> (u16, String) {
    let list: Vec<Value> = owners.iter().map(|owner| json!({ "name": owner, "email": "" })).collect();
    let body = json!({ "_id": "pad", "_rev": "x", "maintainers": list });
    let response = actor.put_json(&at("pad/-rev/undefined"), &body).await;
    (response.status, response.text())
}

async fn shown(actor: &Actor) -> Vec<String> {
    let document = packument(actor, "pad").await;
    let owners = document["maintainers"].as_array().unwrap().iter();
    owners.map(|owner| owner["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_owner_who_only_reads_the_repository_may_publish_that_package_and_no_other() {
    let (app, ann) = private().await;
    app.add_member("ann", "libs", "bob", "read").await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    publish_all(&ann, "other", &["1.0.0"]).await;
    let bob = app.account_token("bob", &["read", "write"]).await;
    assert_eq!(bob.publish("libs", &NpmPackage::new("pad", "1.1.0")).await.status, 403);
    assert_eq!(set_owners(&ann, &["ann", "bob"]).await.0, 201);
    assert_eq!(shown(&ann).await, ["ann", "bob"]);
    publish(&bob, &NpmPackage::new("pad", "1.1.0")).await;
    let tag = at("-/package/pad/dist-tags/beta");
    assert_eq!(bob.put_json(&tag, &"1.0.0".into()).await.status, 201);
    for package in [NpmPackage::new("other", "1.1.0"), NpmPackage::new("new", "1.0.0")] {
        assert_eq!(bob.publish("libs", &package).await.status, 403, "{}", package.name);
    }
    assert_eq!(bob.delete(&at("pad/-rev/undefined")).await.status, 403, "deleting takes an admin");
    assert_eq!(set_owners(&bob, &["bob"]).await.0, 403, "and so does naming owners");
    let read_only = app.account_token("bob", &["read"]).await;
    assert_eq!(read_only.publish("libs", &NpmPackage::new("pad", "1.2.0")).await.status, 403);
    // Taken off the list, the right is gone.
    assert_eq!(set_owners(&ann, &["ann"]).await.0, 201);
    assert_eq!(bob.publish("libs", &NpmPackage::new("pad", "1.2.0")).await.status, 403);
}

async fn remove_member(app: &TestApp, user: &str) {
    let path = format!("/api/repos/libs/members?userId={user}");
    assert_eq!(app.user("ann").delete(&path).await.status, 200);
}

#[tokio::test]
async fn the_right_ends_with_membership() {
    for visibility in ["private", "public"] {
        let app = TestApp::new().await;
        let ann = app.npm_repo("ann", "libs", visibility).await;
        app.add_member("ann", "libs", "bob", "read").await;
        publish_all(&ann, "pad", &["1.0.0"]).await;
        assert_eq!(set_owners(&ann, &["ann", "bob"]).await.0, 201);
        let bob = app.account_token("bob", &["read", "write", "admin"]).await;
        publish(&bob, &NpmPackage::new("pad", "1.1.0")).await;
        remove_member(&app, "bob").await;
        let hidden = if visibility == "private" { 404 } else { 403 };
        assert_eq!(
            bob.publish("libs", &NpmPackage::new("pad", "1.2.0")).await.status,
            hidden,
            "{visibility}"
        );
    }
}

#[tokio::test]
async fn publishing_first_gives_no_right_that_a_role_does_not() {
    let (app, ann) = private().await;
    app.add_member("ann", "libs", "bob", "write").await;
    let bob = app.account_token("bob", &["read", "write"]).await;
    publish(&bob, &NpmPackage::new("pad", "1.0.0")).await;
    assert_eq!(shown(&ann).await, ["bob"]);
    app.add_member("ann", "libs", "bob", "read").await;
    assert_eq!(bob.publish("libs", &NpmPackage::new("pad", "1.1.0")).await.status, 403);
}

#[tokio::test]
async fn only_members_can_be_owners_and_there_is_always_one() {
    let (app, ann) = private().await;
    app.known_user("carol").await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let before = app.check_consistency("libs").await;
    for owners in [vec!["ann", "carol"], vec!["ann", "nobody"], vec![], vec!["ann", "a b"]] {
        let (status, text) = set_owners(&ann, &owners).await;
        assert_eq!(status, 400, "{owners:?}: {text}");
    }
    let many: Vec<String> = (0..101).map(|n| format!("user-{n}")).collect();
    assert_eq!(set_owners(&ann, &many.iter().map(String::as_str).collect::<Vec<_>>()).await.0, 400);
    assert_eq!(app.check_consistency("libs").await, before);
    assert_eq!(
        ann.put_json(&at("unknown/-rev/undefined"), &json!({ "maintainers": [{ "name": "ann" }] }))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn users_are_looked_up_among_members_only() {
    let (app, ann) = private().await;
    app.add_member("ann", "libs", "bob", "read").await;
    app.known_user("carol").await;
    let user = |name: &str| at(&format!("-/user/org.couchdb.user:{name}"));
    let found = ann.get(&user("bob")).await;
    assert_eq!(
        (found.status, &found.json()["name"], &found.json()["email"]),
        (200, &json!("bob"), &json!(""))
    );
    assert_eq!(ann.get(&user("ann")).await.json()["email"], "ann@example.com");
    let (outside, unknown) = (ann.get(&user("carol")).await, ann.get(&user("nobody")).await);
    assert_eq!((outside.status, unknown.status), (404, 404));
    assert_eq!(outside.text().replace("carol", "nobody"), unknown.text());
    assert_eq!(app.anonymous().get(&user("bob")).await.status, 401);
}

#[tokio::test]
async fn access_and_visibility_belong_to_the_repository() {
    for (visibility, is_public) in [("private", false), ("public", true)] {
        let app = TestApp::new().await;
        let ann = app.npm_repo("ann", "libs", visibility).await;
        publish_all(&ann, "@acme/pad", &["1.0.0"]).await;
        let answer = ann.get(&at("-/package/@acme%2fpad/visibility")).await;
        assert_eq!((answer.status, answer.json()), (200, json!({ "public": is_public })));
        let access = at("-/package/@acme%2fpad/access");
        for (wanted, fits) in [("public", is_public), ("private", !is_public), ("restricted", !is_public)] {
            let response = ann.post_json(&access, &json!({ "access": wanted })).await;
            assert_eq!(
                response.status,
                if fits { 200 } else { 403 },
                "{visibility} {wanted}: {}",
                response.text()
            );
            assert!(fits || response.error().contains("/api/repos/libs"), "{}", response.text());
        }
        assert_eq!(ann.post_json(&access, &json!({ "publish_requires_tfa": true })).await.status, 404);
        assert_eq!(ann.get(&at("-/package/unknown/visibility")).await.status, 404);
    }
}

#[tokio::test]
async fn collaborators_are_the_members_and_are_shown_to_members() {
    let (app, ann) = public().await;
    app.add_member("ann", "libs", "bob", "read").await;
    app.add_member("ann", "libs", "carol", "write").await;
    publish_all(&ann, "pad", &["1.0.0"]).await;
    let path = at("-/package/pad/collaborators");
    let expected = json!({ "ann": "write", "bob": "read", "carol": "write" });
    assert_eq!(app.user("bob").get(&path).await.json(), expected);
    assert_eq!(app.anonymous().get(&path).await.status, 401);
    assert_eq!(app.user("stranger").get(&path).await.status, 403);
    assert_eq!(set_owners(&ann, &["ann", "bob"]).await.0, 201);
    assert_eq!(ann.get(&path).await.json()["bob"], "write");
}

#[tokio::test]
async fn packages_are_listed_for_oneself_and_for_the_organisation_that_owns_them() {
    let app = TestApp::new().await;
    let session = app.user("ann");
    assert_eq!(session.post_json("/api/orgs", &json!({ "slug": "acme", "name": "Acme" })).await.status, 201);
    let body = json!({ "name": "libs", "packageTypes": ["npm"], "orgSlug": "acme" });
    assert_eq!(session.post_json("/api/repos", &body).await.status, 201);
    let ann = app.account_token("ann", &["read", "write", "admin"]).await;
    publish_all(&ann, "@acme/pad", &["1.0.0"]).await;
    publish_all(&ann, "gone", &["1.0.0"]).await;
    assert_eq!(ann.delete(&at("gone/-rev/undefined")).await.status, 200);
    app.add_member("ann", "libs", "bob", "read").await;
    assert_eq!(ann.get(&at("-/org/acme/package")).await.json(), json!({ "@acme/pad": "write" }));
    assert_eq!(ann.get(&at("-/user/ann/package")).await.json(), json!({ "@acme/pad": "write" }));
    let bob = app.user("bob");
    assert_eq!(bob.get(&at("-/org/acme/package")).await.json(), json!({ "@acme/pad": "read" }));
    assert_eq!(bob.get(&at("-/user/bob/package")).await.json(), json!({ "@acme/pad": "read" }));
    for path in ["-/org/other/package", "-/user/ann/package", "-/user/nobody/package"] {
        assert_eq!(bob.get(&at(path)).await.status, 404, "{path}");
    }
    assert_eq!(ann.get(&at("-/org/acme/user")).await.json(), json!({ "ann": "owner" }));
    assert_eq!(bob.get(&at("-/org/acme/user")).await.status, 404, "bob is no member of the organisation");
}

#[tokio::test]
async fn members_of_an_organisation_are_managed_by_npm_org() {
    let app = TestApp::new().await;
    let session = app.user("ann");
    assert_eq!(session.post_json("/api/orgs", &json!({ "slug": "acme", "name": "Acme" })).await.status, 201);
    let body = json!({ "name": "libs", "packageTypes": ["npm"], "orgSlug": "acme" });
    assert_eq!(session.post_json("/api/repos", &body).await.status, 201);
    let ann = app.account_token("ann", &["admin"]).await;
    let path = at("-/org/acme/user");
    let unknown = ann.put_json(&path, &json!({ "user": "bob" })).await;
    assert_eq!(unknown.status, 400, "{}", unknown.text());
    let bob = app.known_user("bob").await;
    let added = ann.put_json(&path, &json!({ "user": "@bob" })).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let expected = json!({ "org": { "name": "acme", "size": 2 }, "user": "bob", "role": "developer" });
    assert_eq!(added.json(), expected);
    assert_eq!(bob.get(&path).await.json(), json!({ "ann": "owner", "bob": "developer" }));
    assert_eq!(bob.put_json(&path, &json!({ "user": "bob", "role": "admin" })).await.status, 403);
    let raised = ann.put_json(&path, &json!({ "user": "bob", "role": "admin" })).await;
    assert_eq!((raised.status, raised.json()["role"].as_str()), (200, Some("admin")));
    assert_eq!(session.json("DELETE", &path, &json!({ "user": "ann" })).await.status, 409, "the last owner");
    assert_eq!(ann.json("DELETE", &path, &json!({ "user": "bob" })).await.status, 200);
    assert_eq!(ann.get(&path).await.json(), json!({ "ann": "owner" }));
    assert_eq!(bob.get(&path).await.status, 404);
    let actions: Vec<String> =
        app.audit("org:acme").await.iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect();
    // All of one moment, because time stands still: their order says nothing.
    let mut made: Vec<&str> =
        actions.iter().map(String::as_str).filter(|name| name.contains("member")).collect();
    made.sort_unstable();
    assert_eq!(made, ["org.member.remove", "org.member.set", "org.member.set"]);
}
