//! Whose licences somebody manages, and who manages any.

use granary_testing::START;

use super::*;

async fn org(app: &TestApp, owner: &str, slug: &str) -> Actor {
    let session = app.known_user(owner).await;
    let made = session.post_json("/api/orgs", &json!({ "slug": slug, "name": slug })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    session
}

async fn org_token(app: &TestApp, by: &Actor, org: &str, scope: &str) -> Actor {
    let body = json!({ "name": "test", "scopes": [scope] });
    let made = by.post_json(&format!("/api/orgs/{org}/tokens"), &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    app.token(made.json()["rawToken"].as_str().unwrap())
}

/// What each operation answers, on a licence of somebody.
async fn statuses(actor: &Actor, licence: &Value) -> Vec<u16> {
    let mut statuses = vec![
        actor.get(PATH).await.status,
        actor.post_json(PATH, &plain(&[])).await.status,
        actor.get(&at(licence)).await.status,
        actor.put_json(&at(licence), &body_of(licence)).await.status,
    ];
    statuses.push(actor.delete(&at(licence)).await.status);
    statuses
}

#[tokio::test]
async fn every_caller_on_every_operation() {
    let (app, ann) = shop().await;
    let olga = org(&app, "olga", "acme").await;
    let customer = create(&ann, &plain(&["pad"])).await;
    let suspended =
        create(&ann, &json!({ "constraint": { "type": "none" }, "packages": ["pad"], "suspended": true }))
            .await;
    let consumer = app.consumer("ann", &[]).await;
    let other = [200, 201, 404, 404, 404];
    let actors = [
        ("nobody", app.anonymous(), [401; 5]),
        ("an unknown token", app.token("no-such-token-or-key"), [401; 5]),
        ("read", app.account_token("ann", &["read"]).await, [403; 5]),
        ("write", app.account_token("ann", &["write"]).await, [403; 5]),
        ("repository, write", app.repo_token("ann", "libs", &["write"]).await, [403; 5]),
        ("organisation, write", org_token(&app, &olga, "acme", "write").await, [403; 5]),
        ("a customer", app.token(text(&customer, "key")), [403; 5]),
        ("a customer by password", app.basic("any", text(&customer, "key")), [403; 5]),
        ("a suspended customer", app.token(text(&suspended, "key")), [403; 5]),
        ("a consumer", consumer.actor, [403; 5]),
        ("somebody else", app.account_token("bob", &["admin"]).await, other),
        ("an administrator of the instance", app.user("root"), other),
        ("the repository", app.repo_token("ann", "libs", &["admin"]).await, other),
        ("an organisation", org_token(&app, &olga, "acme", "admin").await, other),
        ("the seller in person", app.user("ann"), [200, 201, 200, 200, 204]),
        ("the seller's token", ann.clone(), [200, 201, 200, 200, 204]),
    ];
    for (who, actor, expected) in actors {
        let licence = create(&ann, &plain(&["pad"])).await;
        assert_eq!(statuses(&actor, &licence).await, expected, "{who}");
    }
}

#[tokio::test]
async fn the_licence_of_another_seller_is_as_unknown_as_none() {
    let (app, ann) = shop().await;
    let licence = create(&ann, &plain(&["pad"])).await;
    let bob = app.account_token("bob", &["admin"]).await;
    let there = bob.get(&at(&licence)).await.visible();
    assert_eq!(ann.delete(&at(&licence)).await.status, 204);
    assert_eq!(bob.get(&at(&licence)).await.visible(), there);
    assert_eq!(bob.get(PATH).await.json()["data"], json!([]));
}

/// Users, their organisations and their repositories each sell on their own.
#[tokio::test]
async fn a_licence_opens_what_its_seller_has() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "of-ann", "private").await;
    let olga = org(&app, "ann", "acme").await;
    let made = olga
        .post_json("/api/repos", &json!({ "name": "of-acme", "packageTypes": ["npm"], "orgSlug": "acme" }))
        .await;
    assert_eq!(made.status, 201);
    app.npm_repo("ann", "second", "private").await;
    for repo in ["of-ann", "of-acme", "second"] {
        let published = ann.publish(repo, &granary_testing::npm::NpmPackage::new("pad", "1.0.0")).await;
        assert_eq!(published.status, 201, "{}", published.text());
    }
    let org = org_token(&app, &olga, "acme", "admin").await;
    let repo = app.repo_token("ann", "second", &["admin"]).await;
    for (seller, opened) in [
        (&ann, vec!["of-ann", "second"]),
        (&app.user("ann"), vec!["of-ann", "second"]),
        (&org, vec!["of-acme"]),
        (&repo, vec!["second"]),
    ] {
        let licence = create(seller, &plain(&["pad"])).await;
        let customer = app.token(text(&licence, "key"));
        for repo in ["of-ann", "of-acme", "second"] {
            let status = customer.get(&format!("/api/npm/{repo}/pad")).await.status;
            assert_eq!(status, if opened.contains(&repo) { 200 } else { 404 }, "{repo} {opened:?}");
        }
    }
    // One list for the user and the tokens of the user, others for the organisation and the repository.
    for (seller, count) in [(&ann, 2), (&app.user("ann"), 2), (&org, 1), (&repo, 1)] {
        assert_eq!(seller.get(PATH).await.json()["pagination"]["count"], count);
    }
    let of_one = create(&ann, &plain(&["second/pad"])).await;
    let customer = app.token(text(&of_one, "key"));
    assert_eq!(customer.get("/api/npm/second/pad").await.status, 200);
    assert_eq!(customer.get("/api/npm/of-ann/pad").await.status, 404);
}

#[tokio::test]
async fn a_revoked_token_changes_nothing() {
    let (app, ann) = shop().await;
    let licence = create(&ann, &plain(&["pad"])).await;
    let token = app.account_token("ann", &["admin"]).await;
    let tokens = app.user("ann").get("/api/auth/token").await.json();
    for row in tokens["tokens"].as_array().unwrap() {
        let path = format!("/api/auth/token?tokenId={}", text(row, "id"));
        assert_eq!(app.user("ann").delete(&path).await.status, 200);
    }
    assert_eq!(statuses(&token, &licence).await, [401; 5]);
    let rest = app.user("ann").get(&at(&licence)).await.json();
    assert_eq!((&rest, &rest["createdAt"]), (&licence, &json!(START)));
}

#[tokio::test]
async fn an_administrator_acts_for_the_organisation_by_saying_so() {
    let (app, _) = shop().await;
    let olga = org(&app, "olga", "acme").await;
    for (user, role) in [("adam", "admin"), ("mia", "member")] {
        app.known_user(user).await;
        let member = json!({ "userId": user, "role": role });
        assert_eq!(olga.post_json("/api/orgs/acme/members", &member).await.status, 201);
    }
    let for_acme = [("granary-org", "acme"), ("content-type", "application/json")];
    let adam = app.user("adam");
    let made = adam.request("POST", PATH, &for_acme, plain(&[]).to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let licence = made.json();
    // It is the organisation's: its token sees it, and so does its owner in the same way; nobody has it for themselves.
    let by_token = org_token(&app, &olga, "acme", "admin").await;
    assert_eq!(by_token.get(&at(&licence)).await.status, 200);
    assert_eq!(olga.get_with(&at(&licence), &for_acme).await.status, 200);
    assert_eq!(adam.get(&at(&licence)).await.status, 404);
    assert_eq!(olga.get(&at(&licence)).await.status, 404);
    assert!(app.audit("org:acme").await.iter().any(|row| row["action"] == "licence.create"));

    for (actor, org, status) in [
        (app.user("mia"), "acme", 403),
        (app.known_user("eve").await, "acme", 404),
        (app.user("adam"), "unknown", 404),
        (app.user("adam"), "no such thing", 404),
        (app.account_token("adam", &["admin"]).await, "acme", 403),
        (app.repo_token("ann", "libs", &["admin"]).await, "acme", 404),
        (app.anonymous(), "acme", 401),
        (by_token.clone(), "acme", 200),
    ] {
        let answer = actor.get_with(PATH, &[("granary-org", org)]).await;
        assert_eq!(answer.status, status, "{org}: {}", answer.text());
    }
    // Rights end with the role.
    let less = json!({ "userId": "adam", "role": "member" });
    assert_eq!(olga.post_json("/api/orgs/acme/members", &less).await.status, 201);
    assert_eq!(adam.get_with(&at(&licence), &for_acme).await.status, 403);
}
