//! Organisations, their members and tokens.

use granary_storage::rows::TokenEntry;
use granary_storage::{Key, Subject};
use granary_testing::TestApp;
use serde_json::json;

use super::*;

const ROUTES: [(&str, &str, &str); 9] = [
    ("GET", "", ""),
    ("GET", "/members", ""),
    ("PATCH", "", r#"{"name":"Acme"}"#),
    ("POST", "/members", r#"{"userId":"mia","role":"member"}"#),
    ("DELETE", "/members?userId=nobody", ""),
    ("GET", "/tokens", ""),
    ("DELETE", "/tokens?tokenId=none", ""),
    ("POST", "/tokens", r#"{"name":"t"}"#),
    ("DELETE", "", ""),
];

async fn call(actor: &Actor, slug: &str, route: (&str, &str, &str)) -> TestResponse {
    let (method, tail, body) = route;
    actor.request(method, &format!("/api/orgs/{slug}{tail}"), &[], body.to_owned()).await
}

/// One letter per route: `.` done, `u` 401, `r` 403, `h` the organisation is not found, `n` it is, but the
/// member or token is not, `c` 409.
async fn row(actor: &Actor, slug: &str) -> String {
    let mut letters = String::new();
    for route in ROUTES {
        let answer = call(actor, slug, route).await;
        letters.push(match answer.status {
            200 | 201 => '.',
            401 => 'u',
            403 => 'r',
            404 if answer.error() == format!("organisation '{slug}' not found") => 'h',
            404 => 'n',
            409 => 'c',
            other => panic!("{route:?}: {other} {}", answer.text()),
        });
        if answer.status >= 400 {
            expect(&answer, answer.status);
        }
    }
    letters
}

#[tokio::test]
async fn every_caller_on_every_route() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[("adam", "admin"), ("mia", "member")]).await;
    // Keeps the organisation from being deleted by those who may.
    let body = json!({ "name": "libs", "packageTypes": ["npm"], "orgSlug": "acme" });
    expect(&olga.post_json("/api/repos", &body).await, 201);
    let repo_token =
        olga.post_json("/api/repos/libs/tokens", &json!({ "name": "t", "scopes": ["admin"] })).await;
    let eve = org(&app, "eve", "other", &[]).await;
    let art = async |user: &str, scope: &str| app.account_token(user, &[scope]).await;
    // Columns: show, members, update, set member, remove member, list, delete, make tokens, delete.
    let actors = [
        (app.anonymous(), "uuuuuuuuu"),
        (app.user("stranger"), "hhhhhhhhh"),
        (app.user("mia"), "..rrrrrrr"),
        (app.user("adam"), "....n.n.r"),
        (app.user("olga"), "....n.n.c"),
        (app.user("root"), "....n.n.c"),
        (art("olga", "admin").await, "....nrrrc"),
        (art("olga", "write").await, "..rrrrrrr"),
        (art("adam", "admin").await, "....nrrrr"),
        (org_token(&app, &olga, "acme", "read").await, "..rrrrrrr"),
        (org_token(&app, &olga, "acme", "write").await, "..rrrrrrr"),
        (org_token(&app, &olga, "acme", "admin").await, "..rrr.nrr"),
        (org_token(&app, &eve, "other", "admin").await, "hhhhhhhhh"),
        (app.token(repo_token.json()["rawToken"].as_str().unwrap()), "hhhhhhhhh"),
    ];
    for (n, (actor, expected)) in actors.iter().enumerate() {
        assert_eq!(row(actor, "acme").await, *expected, "actor {n}");
    }
}

#[tokio::test]
async fn hidden_is_the_same_as_absent() {
    let app = TestApp::new().await;
    let eve = org(&app, "eve", "other", &[]).await;
    let callers = [
        app.anonymous(),
        app.user("stranger"),
        app.account_token("stranger", &["admin"]).await,
        org_token(&app, &eve, "other", "admin").await,
    ];
    let mut before = Vec::new();
    for caller in &callers {
        for route in ROUTES {
            before.push(call(caller, "acme", route).await.visible());
        }
    }
    org(&app, "olga", "acme", &[("mia", "member")]).await;
    let mut after = before.iter();
    for caller in &callers {
        for route in ROUTES {
            assert_eq!(&call(caller, "acme", route).await.visible(), after.next().unwrap(), "{route:?}");
        }
    }
}

#[tokio::test]
async fn an_organisation_is_made_changed_and_deleted() {
    let app = TestApp::new().await;
    let olga = app.known_user("olga").await;
    let made = olga.post_json("/api/orgs", &json!({ "slug": "acme", "name": "Acme Inc." })).await;
    expect(&made, 201);
    let mut org = json!({
        "id": "acme", "slug": "acme", "name": "Acme Inc.", "members": { "olga": "owner" }, "memberUids": ["olga"],
        "createdAt": "2026-09-21T14:13:20.000Z", "updatedAt": "2026-09-21T14:13:20.000Z",
    });
    assert_eq!(made.json(), json!({ "org": org }));
    assert_eq!(olga.get("/api/orgs").await.json(), json!({ "orgs": [org] }));
    expect(&app.user("eve").post_json("/api/orgs", &json!({ "slug": "acme", "name": "Mine" })).await, 409);
    org["name"] = "Acme Ltd.".into();
    let patched = olga.patch_json("/api/orgs/acme", &json!({ "name": "Acme Ltd." })).await;
    assert_eq!(patched.json(), json!({ "org": org }));
    for bad in [json!({}), json!({ "name": "" }), json!({ "name": 1 }), json!({ "slug": "other" })] {
        expect(&olga.patch_json("/api/orgs/acme", &bad).await, 400);
    }
    for bad in [json!({}), json!({ "slug": "A" }), json!({ "slug": 1 }), json!({ "slug": "ok", "x": 1 })] {
        expect(&olga.post_json("/api/orgs", &bad).await, 400);
    }
    expect(&app.anonymous().post_json("/api/orgs", &json!({ "slug": "x1" })).await, 401);
    let limited = app.account_token("olga", &["write"]).await;
    expect(&limited.post_json("/api/orgs", &json!({ "slug": "x1" })).await, 403);

    let token = org_token(&app, &olga, "acme", "admin").await;
    assert_eq!(token.get("/api/orgs").await.json(), json!({ "orgs": [org] }));
    expect(&token.post_json("/api/orgs", &json!({ "slug": "x1" })).await, 403);
    expect(&token.post_json("/api/repos", &json!({ "name": "libs", "packageTypes": ["npm"] })).await, 201);
    let refused = olga.delete("/api/orgs/acme").await;
    expect(&refused, 409);
    assert!(refused.error().contains("1 repository"), "{}", refused.error());
    expect(&token.get("/api/orgs/acme").await, 200);
    expect(&olga.delete("/api/repos/libs").await, 200);
    assert_eq!(olga.delete("/api/orgs/acme").await.json(), json!({ "ok": true }));
    expect(&token.get("/api/orgs/acme").await, 401);
    expect(&olga.get("/api/orgs/acme").await, 404);
    assert_eq!(olga.get("/api/orgs").await.json(), json!({ "orgs": [] }));
    let expected = ["org.create", "org.delete", "org.update", "token.create", "token.revoke"];
    assert_eq!(actions(&app, "org:acme").await, expected);
}

#[tokio::test]
async fn nothing_of_the_old_one_works_on_its_successor() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[("mia", "member")]).await;
    let token = org_token(&app, &olga, "acme", "admin").await;
    let list = Key::TokenOf(Subject::Org("acme".parse().unwrap()), String::new());
    let storage = app.state().storage();
    let entry = storage.list_all::<TokenEntry>(&list, "TOKEN#").await.unwrap().remove(0);
    expect(&olga.delete("/api/orgs/acme").await, 200);
    // As if the token had been left over.
    storage.put(&Key::Token(entry.hash.clone()), &entry.token).await.unwrap();
    let left = Key::TokenOf(Subject::Org("acme".parse().unwrap()), entry.token.id.clone());
    storage.put(&left, &entry).await.unwrap();

    let eve = org(&app, "eve", "acme", &[]).await;
    let body = json!({ "name": "libs", "packageTypes": ["npm"], "orgSlug": "acme" });
    expect(&eve.post_json("/api/repos", &body).await, 201);
    expect(&token.get("/api/orgs/acme").await, 404);
    expect(&token.get("/api/orgs/acme/tokens").await, 404);
    expect(&token.get("/api/repos/libs").await, 404);
    expect(&token.post_json("/api/repos", &json!({ "name": "more", "packageTypes": ["npm"] })).await, 404);
    assert_eq!(token.get("/api/orgs").await.json(), json!({ "orgs": [] }));
    assert_eq!(token.get("/api/repos").await.json(), json!({ "repos": [] }));
    expect(&app.user("mia").get("/api/orgs/acme").await, 404);
    assert_eq!(eve.get("/api/orgs/acme/tokens").await.json(), json!({ "tokens": [] }));
    expect(&eve.delete(&format!("/api/orgs/acme/tokens?tokenId={}", entry.token.id)).await, 404);
}

#[tokio::test]
async fn members_follow_the_rules() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[("adam", "admin"), ("mia", "member")]).await;
    let (adam, mia) = (app.user("adam"), app.user("mia"));
    let give = async |by: &Actor, user: &str, role: &str| {
        by.post_json("/api/orgs/acme/members", &json!({ "userId": user, "role": role })).await
    };
    expect(&give(&adam, "nobody", "member").await, 400);
    expect(&give(&adam, "mia", "read").await, 400);
    expect(&give(&adam, "mia", "owner").await, 403);
    expect(&give(&adam, "olga", "member").await, 403);
    expect(&adam.delete("/api/orgs/acme/members?userId=olga").await, 403);
    expect(&mia.delete("/api/orgs/acme/members?userId=adam").await, 403);
    expect(&give(&olga, "olga", "admin").await, 409);
    expect(&olga.delete("/api/orgs/acme/members?userId=olga").await, 409);
    let promoted = give(&adam, "mia", "admin").await;
    expect(&promoted, 201);
    assert_eq!(
        promoted.json()["member"],
        json!({ "uid": "mia", "role": "admin", "displayName": "Name of mia", "email": "mia@example.com", "avatarUrl": null })
    );
    let listed = mia.get("/api/orgs/acme/members").await;
    assert_eq!(column(&listed, "members", "uid"), ["adam", "mia", "olga"]);
    assert_eq!(column(&listed, "members", "role"), ["admin", "admin", "owner"]);
    assert_eq!(column(&mia.get("/api/orgs").await, "orgs", "slug"), ["acme"]);
    expect(&mia.delete("/api/orgs/acme/members?userId=mia").await, 200);
    expect(&mia.get("/api/orgs/acme").await, 404);
    assert!(column(&mia.get("/api/orgs").await, "orgs", "slug").is_empty());
    expect(&olga.delete("/api/orgs/acme/members?userId=mia").await, 404);
    let log = actions(&app, "org:acme").await;
    let expected = ["org.create", "org.member.leave", "org.member.set", "org.member.set", "org.member.set"];
    assert_eq!(log, expected);
}

#[tokio::test]
async fn what_an_organisation_gives_ends_with_membership() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[("adam", "admin")]).await;
    let body = json!({ "name": "libs", "packageTypes": ["npm"], "orgSlug": "acme" });
    expect(&olga.post_json("/api/repos", &body).await, 201);
    let adam = app.account_token("adam", &["admin"]).await;
    expect(&adam.patch_json("/api/repos/libs", &json!({ "description": "x" })).await, 200);
    let demoted = json!({ "userId": "adam", "role": "member" });
    expect(&olga.post_json("/api/orgs/acme/members", &demoted).await, 201);
    expect(&adam.patch_json("/api/repos/libs", &json!({ "description": "y" })).await, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_owners_who_remove_each_other_leave_one() {
    let app = TestApp::new().await;
    for round in 0..10 {
        let slug = format!("org-{round}");
        let ann = org(&app, "ann", &slug, &[("bob", "owner")]).await;
        let path = |user: &str| format!("/api/orgs/{slug}/members?userId={user}");
        let (by_ann, by_bob) = (path("bob"), path("ann"));
        let bob = app.user("bob");
        let (first, second) = tokio::join!(
            tokio::spawn(async move { ann.delete(&by_ann).await.status }),
            tokio::spawn(async move { bob.delete(&by_bob).await.status }),
        );
        let statuses = [first.unwrap(), second.unwrap()];
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        let members = app.user("root").get(&format!("/api/orgs/{slug}/members")).await;
        assert_eq!(column(&members, "members", "role"), ["owner"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_slug_is_given_once() {
    let app = TestApp::new().await;
    let mut rivals = Vec::new();
    for n in 0..20 {
        let session = app.user(&format!("user{n}"));
        rivals.push(tokio::spawn(async move {
            session.post_json("/api/orgs", &json!({ "slug": "wanted" })).await.status
        }));
    }
    let mut statuses = Vec::new();
    for rival in rivals {
        statuses.push(rival.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    assert_eq!(app.audit("org:wanted").await.len(), 1);
}

/// A repository, or a token, made while its organisation is deleted: either it is there and so is the
/// organisation, or neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_outlives_a_deleted_organisation() {
    let app = TestApp::new().await;
    for round in 0..10 {
        let slug = format!("org-{round}");
        let olga = org(&app, "olga", &slug, &[]).await;
        let name = format!("repo-{round}");
        let body = json!({ "name": name, "packageTypes": ["npm"], "orgSlug": slug });
        let path = format!("/api/orgs/{slug}");
        let (first, second, third) = (olga.clone(), olga.clone(), olga.clone());
        let tokens = format!("{path}/tokens");
        let (made, minted, deleted) = tokio::join!(
            tokio::spawn(async move { first.post_json("/api/repos", &body).await.status }),
            tokio::spawn(async move { second.post_json(&tokens, &json!({ "name": "t" })).await }),
            tokio::spawn(async move { third.delete(&path).await.status }),
        );
        let (made, minted, deleted) = (made.unwrap(), minted.unwrap(), deleted.unwrap());
        assert_ne!(made == 201, deleted == 200, "{made} {deleted}");
        if deleted == 200 {
            let list = Key::TokenOf(Subject::Org(slug.parse().unwrap()), String::new());
            let left = app.state().storage().list_all::<TokenEntry>(&list, "TOKEN#").await.unwrap();
            assert!(left.is_empty());
            if minted.status == 201 {
                let token = app.token(minted.json()["rawToken"].as_str().unwrap());
                expect(&token.get("/api/repos").await, 401);
            }
        }
    }
}
