//! Making and listing repositories.

use futures::future::join_all;
use granary_testing::TestApp;
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_new_repository_has_the_documented_shape() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    let body = json!({
        "name": "my-npm-repo", "packageTypes": ["maven", "npm"], "visibility": "private", "description": "Internal",
    });
    let made = ann.post_json("/api/repos", &body).await;
    expect(&made, 201);
    let expected = json!({
        "id": "my-npm-repo", "name": "my-npm-repo", "packageTypes": ["npm", "maven"], "visibility": "private",
        "description": "Internal", "ownerId": "ann", "members": { "ann": "owner" }, "memberUids": ["ann"],
        "packageCount": 0, "downloadCount": 0,
        "createdAt": "2026-09-21T14:13:20.000Z", "updatedAt": "2026-09-21T14:13:20.000Z",
    });
    assert_eq!(made.json(), json!({ "repo": expected }));
    assert_eq!(made.header("cache-control"), "no-store");
    // Asked for alone, it says as well what the caller may do.
    let mut alone = made.json();
    alone["repo"]["role"] = json!("owner");
    assert_eq!(ann.get("/api/repos/my-npm-repo").await.json(), alone);
    assert_eq!(ann.get("/api/repos").await.json(), json!({ "repos": [expected] }));
    assert_eq!(actions(&app, "repo:my-npm-repo").await, ["repo.create"]);

    let made = ann.post_json("/api/repos", &json!({ "name": "plain", "packageTypes": ["raw"] })).await.json();
    assert_eq!(
        (&made["repo"]["visibility"], &made["repo"]["description"]),
        (&json!("private"), &json!(null))
    );
}

#[tokio::test]
async fn what_cannot_be_accepted_is_named() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    let table = [
        (json!({ "packageTypes": ["npm"] }), "name"),
        (json!({ "name": "A", "packageTypes": ["npm"] }), "name"),
        (json!({ "name": 1, "packageTypes": ["npm"] }), "name"),
        (json!({ "name": "public", "packageTypes": ["npm"] }), "reserved"),
        (json!({ "name": "libs" }), "packageTypes"),
        (json!({ "name": "libs", "packageTypes": [] }), "packageTypes"),
        (json!({ "name": "libs", "packageTypes": "npm" }), "packageTypes"),
        (json!({ "name": "libs", "packageTypes": ["npm", "npm"] }), "twice"),
        (json!({ "name": "libs", "packageTypes": ["nuget"] }), "nuget"),
        (json!({ "name": "libs", "packageTypes": [1] }), "packageTypes"),
        (json!({ "name": "libs", "packageTypes": ["npm"], "visibility": "open" }), "visibility"),
        (json!({ "name": "libs", "packageTypes": ["npm"], "visiblity": "public" }), "visiblity"),
        (json!({ "name": "libs", "packageTypes": ["npm"], "description": {} }), "description"),
        (json!({ "name": "libs", "packageTypes": ["npm"], "description": "x".repeat(2001) }), "description"),
        (json!({ "name": "libs", "packageTypes": ["npm"], "orgSlug": 7 }), "orgSlug"),
        (json!({ "name": "libs", "packageTypes": ["npm"], "kmpConfig": {} }), "sourceType"),
        (json!([]), "JSON"),
    ];
    for (body, word) in table {
        let answer = ann.post_json("/api/repos", &body).await;
        expect(&answer, 400);
        assert!(answer.error().contains(word), "{body}: {}", answer.error());
    }
    let twice = r#"{"name":"libs","name":"libs","packageTypes":["npm"]}"#;
    expect(&ann.request("POST", "/api/repos", &[], twice).await, 400);
    expect(&ann.request("POST", "/api/repos", &[], "").await, 400);
    assert_eq!(ann.get("/api/repos").await.json(), json!({ "repos": [] }));
}

#[tokio::test]
async fn users_with_admin_scope_make_repositories() {
    let app = TestApp::new().await;
    let owner = repo(&app, "ann", "first").await;
    let body = |name: &str| json!({ "name": name, "packageTypes": ["npm"] });
    expect(&app.anonymous().post_json("/api/repos", &body("r0")).await, 401);
    expect(&app.token("art_nonsense").post_json("/api/repos", &body("r0")).await, 401);
    for (scope, status) in [("read", 403), ("write", 403), ("admin", 201)] {
        let token = app.account_token("ann", &[scope]).await;
        expect(&token.post_json("/api/repos", &body(&format!("by-{scope}"))).await, status);
    }
    let token = repo_token(&app, &owner, "first", "admin").await;
    expect(&token.post_json("/api/repos", &body("r1")).await, 403);
    expect(&app.anonymous().get("/api/repos").await, 401);
    assert_eq!(column(&owner.get("/api/repos").await, "repos", "id"), ["by-admin", "first"]);
    assert_eq!(column(&token.get("/api/repos").await, "repos", "id"), ["first"]);
    assert!(token.get("/api/repos").await.json()["repos"][0].get("members").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_name_is_given_once() {
    let app = TestApp::new().await;
    let rivals = join_all((0..20).map(|n| {
        let (session, body) =
            (app.user(&format!("user{n}")), json!({ "name": "wanted", "packageTypes": ["npm"] }));
        tokio::spawn(async move { session.post_json("/api/repos", &body).await })
    }))
    .await;
    let answers: Vec<_> = rivals.into_iter().map(Result::unwrap).collect();
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(winners.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        expect(answer, 409);
    }
    assert_eq!(app.audit("repo:wanted").await.len(), 1);
    let owner = winners[0].json()["repo"]["ownerId"].as_str().unwrap().to_owned();
    for n in 0..20 {
        let user = format!("user{n}");
        let expected = usize::from(user == owner);
        let listed = column(&app.user(&user).get("/api/repos").await, "repos", "id");
        assert_eq!(listed.len(), expected, "{user}");
    }
}

#[tokio::test]
async fn organisations_own_repositories() {
    let app = TestApp::new().await;
    let owner = org(&app, "olga", "acme", &[("adam", "admin"), ("mia", "member")]).await;
    org(&app, "olga", "other", &[]).await;
    let body = |name: &str| json!({ "name": name, "packageTypes": ["npm"], "orgSlug": "acme" });

    let made = app.user("adam").post_json("/api/repos", &body("by-adam")).await;
    expect(&made, 201);
    let made = made.json();
    assert_eq!((&made["repo"]["orgSlug"], &made["repo"]["ownerId"]), (&json!("acme"), &json!("adam")));
    expect(&app.user("mia").post_json("/api/repos", &body("by-mia")).await, 403);
    expect(&app.account_token("adam", &["write"]).await.post_json("/api/repos", &body("w")).await, 403);
    let stranger = app.user("stranger").post_json("/api/repos", &body("s")).await;
    expect(&stranger, 404);
    let unknown = json!({ "name": "s", "packageTypes": ["npm"], "orgSlug": "none" });
    let unknown = app.user("stranger").post_json("/api/repos", &unknown).await;
    assert_eq!(unknown.text(), stranger.text().replace("acme", "none"));

    let token = org_token(&app, &owner, "acme", "admin").await;
    for body in [body("by-token"), json!({ "name": "by-token2", "packageTypes": ["npm"] })] {
        let made = token.post_json("/api/repos", &body).await;
        expect(&made, 201);
        let made = made.json();
        assert_eq!((&made["repo"]["orgSlug"], &made["repo"]["ownerId"]), (&json!("acme"), &json!("olga")));
    }
    let foreign = json!({ "name": "foreign", "packageTypes": ["npm"], "orgSlug": "other" });
    expect(&token.post_json("/api/repos", &foreign).await, 404);
    for scope in ["read", "write"] {
        let token = org_token(&app, &owner, "acme", scope).await;
        expect(&token.post_json("/api/repos", &body("low")).await, 403);
    }

    let all = ["by-adam", "by-token", "by-token2"];
    assert_eq!(column(&token.get("/api/repos").await, "repos", "id"), all);
    assert_eq!(column(&app.user("adam").get("/api/repos").await, "repos", "id"), all);
    assert_eq!(column(&app.user("olga").get("/api/repos").await, "repos", "id"), all);
    assert!(column(&app.user("mia").get("/api/repos").await, "repos", "id").is_empty());
}

#[tokio::test]
async fn who_left_an_organisation_does_not_own_what_their_token_makes() {
    let app = TestApp::new().await;
    let owner = org(&app, "olga", "acme", &[("adam", "admin")]).await;
    let token = org_token(&app, &app.user("adam"), "acme", "admin").await;
    expect(&owner.delete("/api/orgs/acme/members?userId=adam").await, 200);
    let made =
        token.post_json("/api/repos", &json!({ "name": "late", "packageTypes": ["npm"] })).await.json();
    assert_eq!(made["repo"]["members"], json!({ "olga": "owner" }));
}

#[tokio::test]
async fn kotlin_repositories_name_their_source() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "npm-only").await;
    expect(&ann.post_json("/api/repos", &json!({ "name": "jars", "packageTypes": ["maven"] })).await, 201);
    let bob = app.known_user("bob").await;
    expect(&bob.post_json("/api/repos", &json!({ "name": "bobs", "packageTypes": ["maven"] })).await, 201);
    let body = |config| json!({ "name": "kotlin", "packageTypes": ["kmp"], "kmpConfig": config });
    let refused = [
        (json!(null), "required"),
        (json!({ "sourceType": "artifacts" }), "sourceRepoId"),
        (json!({ "sourceType": "artifacts", "sourceRepoId": "npm-only" }), "maven"),
        (json!({ "sourceType": "artifacts", "sourceRepoId": "bobs" }), "no repository 'bobs'"),
        (json!({ "sourceType": "artifacts", "sourceRepoId": "none" }), "no repository 'none'"),
        (json!({ "sourceType": "external" }), "sourceUrl"),
        (json!({ "sourceType": "external", "sourceUrl": "http://repo.example/maven2" }), "https"),
        (json!({ "sourceType": "external", "sourceUrl": "https://u:p@repo.example/" }), "credentials"),
        (json!({ "sourceType": "external", "sourceUrl": "https://repo.example/#x" }), "fragment"),
        (json!({ "sourceType": "both" }), "external"),
        (
            json!({ "sourceType": "external", "sourceUrl": "https://repo.example/", "sourceRepoId": "jars" }),
            "nothing else",
        ),
    ];
    for (config, word) in refused {
        let answer = ann.post_json("/api/repos", &body(config.clone())).await;
        expect(&answer, 400);
        assert!(answer.error().contains(word), "{config}: {}", answer.error());
    }
    let with_npm = json!({ "name": "x1", "packageTypes": ["npm"],
        "kmpConfig": { "sourceType": "external", "sourceUrl": "https://repo.example/" } });
    expect(&ann.post_json("/api/repos", &with_npm).await, 400);
    let here = json!({ "sourceType": "artifacts", "sourceRepoId": "jars" });
    let made = ann.post_json("/api/repos", &body(here.clone())).await;
    expect(&made, 201);
    assert_eq!(made.json()["repo"]["kmpConfig"], here);
    let there = json!({ "sourceType": "external", "sourceUrl": "https://repo.example/maven2" });
    let patched = ann.patch_json("/api/repos/kotlin", &json!({ "kmpConfig": there })).await;
    assert_eq!(patched.json()["repo"]["kmpConfig"], there);
    let patched = ann.patch_json("/api/repos/kotlin", &json!({ "packageTypes": ["npm"] })).await;
    assert!(patched.json()["repo"].get("kmpConfig").is_none());
    expect(&ann.patch_json("/api/repos/kotlin", &json!({ "packageTypes": ["npm", "kmp"] })).await, 400);
}
