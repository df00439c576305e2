//! Every kind of caller on every route.

use granary_testing::TestApp;
use serde_json::json;

use super::*;

/// The routes of a repository with a request that changes nothing worth keeping.
const ROUTES: [(&str, &str, &str); 10] = [
    ("GET", "", ""),
    ("GET", "/packages", ""),
    ("GET", "/members", ""),
    ("PATCH", "", "{}"),
    ("POST", "/members", r#"{"userId":"reader","role":"read"}"#),
    ("DELETE", "/members?userId=nobody", ""),
    ("GET", "/tokens", ""),
    ("POST", "/tokens", r#"{"name":"t"}"#),
    ("DELETE", "/tokens?tokenId=none", ""),
    ("DELETE", "", ""),
];

async fn call(actor: &Actor, repo: &str, route: (&str, &str, &str)) -> TestResponse {
    let (method, tail, body) = route;
    actor.request(method, &format!("/api/repos/{repo}{tail}"), &[], body.to_owned()).await
}

/// One letter per route: `.` done, `u` 401, `r` 403, `h` the repository is not found, `n` it is, but the
/// member or token is not.
async fn row(actor: &Actor, repo: &str) -> String {
    let mut letters = String::new();
    for route in ROUTES {
        let answer = call(actor, repo, route).await;
        letters.push(match answer.status {
            200 | 201 => '.',
            401 => 'u',
            403 => 'r',
            404 if answer.error() == format!("repository '{repo}' not found") => 'h',
            404 => 'n',
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
    let org_owner = org(&app, "olga", "acme", &[("adam", "admin"), ("mia", "member")]).await;
    for (name, visibility) in [("closed", "private"), ("open", "public")] {
        let body =
            json!({ "name": name, "packageTypes": ["npm"], "visibility": visibility, "orgSlug": "acme" });
        expect(&org_owner.post_json("/api/repos", &body).await, 201);
        for (user, role) in [("reader", "read"), ("writer", "write"), ("boss", "admin"), ("owner", "owner")] {
            member(&app, &org_owner, name, user, role).await;
        }
    }
    repo(&app, "eve", "elsewhere").await;
    org(&app, "eve", "others", &[]).await;
    let art = async |user: &str, scope: &str| app.account_token(user, &[scope]).await;
    let (eve, adam) = (app.user("eve"), app.user("adam"));
    let actors = vec![
        // Columns: show, packages, members, update, set member, remove member, three of tokens, delete.
        ("anonymous", app.anonymous(), "uuuuuuuuuu", "..uuuuuuuu"),
        ("stranger", app.user("stranger"), "hhhhhhhhhh", "..rrrrrrrr"),
        ("reader", app.user("reader"), "...rrrrrrr", "...rrrrrrr"),
        ("writer", app.user("writer"), "...rrrrrrr", "...rrrrrrr"),
        ("boss", app.user("boss"), ".....n..nr", ".....n..nr"),
        ("boss, admin token", art("boss", "admin").await, ".....nrrrr", ".....nrrrr"),
        ("owner, admin token", art("owner", "admin").await, ".....nrrr?", ".....nrrr?"),
        ("owner, write token", art("owner", "write").await, "...rrrrrrr", "...rrrrrrr"),
        ("owner, read token", art("owner", "read").await, "...rrrrrrr", "...rrrrrrr"),
        ("member of the organisation", app.user("mia"), "hhhhhhhhhh", "..rrrrrrrr"),
        ("admin of the organisation", app.user("adam"), ".....n..nr", ".....n..nr"),
        ("admin of the organisation, write token", art("adam", "write").await, "...rrrrrrr", "...rrrrrrr"),
        ("organisation, read", org_token(&app, &adam, "acme", "read").await, "...rrrrrrr", "...rrrrrrr"),
        ("organisation, write", org_token(&app, &adam, "acme", "write").await, "...rrrrrrr", "...rrrrrrr"),
        ("organisation, admin", org_token(&app, &adam, "acme", "admin").await, ".....n..nr", ".....n..nr"),
        ("another organisation", org_token(&app, &eve, "others", "admin").await, "hhhhhhhhhh", "..rrrrrrrr"),
        (
            "another repository",
            repo_token(&app, &eve, "elsewhere", "admin").await,
            "hhhhhhhhhh",
            "..rrrrrrrr",
        ),
    ];
    for (who, actor, closed, open) in actors {
        for (name, expected) in [("closed", closed), ("open", open)] {
            if expected.ends_with('?') {
                // Could delete it: not yet.
                assert!(call(&actor, name, ROUTES[0]).await.status == 200, "{who}");
                continue;
            }
            assert_eq!(row(&actor, name).await, expected, "{who} in {name}");
        }
    }
    for (name, scope, expected) in [
        ("closed", "read", "..rrrrrrrr"),
        ("open", "read", "..rrrrrrrr"),
        ("closed", "write", "..rrrrrrrr"),
        ("closed", "admin", ".....nrrrr"),
    ] {
        let token = repo_token(&app, &adam, name, scope).await;
        assert_eq!(row(&token, name).await, expected, "token of {name}, {scope}");
    }
    assert_eq!(row(&art("owner", "admin").await, "closed").await, ".....nrrr.");
    assert_eq!(row(&app.user("owner"), "open").await, ".....n..n.");
}

#[tokio::test]
async fn instance_administrators_own_everything() {
    let app = TestApp::new().await;
    let owner = repo(&app, "ann", "libs").await;
    member(&app, &owner, "libs", "reader", "read").await;
    assert_eq!(row(&app.account_token("root", &["read"]).await, "libs").await, "...rrrrrrr");
    assert_eq!(row(&app.user("root"), "libs").await, ".....n..n.");
}

#[tokio::test]
async fn hidden_is_the_same_as_absent() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    let other = repo(&app, "eve", "elsewhere").await;
    let callers = [
        app.anonymous(),
        app.user("stranger"),
        app.account_token("stranger", &["admin"]).await,
        repo_token(&app, &other, "elsewhere", "admin").await,
    ];
    let mut before = Vec::new();
    for caller in &callers {
        for route in ROUTES {
            before.push(call(caller, "secret", route).await.visible());
        }
    }
    expect(&ann.post_json("/api/repos", &json!({ "name": "secret", "packageTypes": ["npm"] })).await, 201);
    let mut after = before.iter();
    for caller in &callers {
        for route in ROUTES {
            assert_eq!(&call(caller, "secret", route).await.visible(), after.next().unwrap(), "{route:?}");
        }
    }
    for bad in ["Secret", "s", "%2e%2e", "secret.", "a_b"] {
        let status = call(&ann, bad, ROUTES[0]).await.status;
        assert!(status == 404 || status == 400, "{bad}: {status}");
    }
}

#[tokio::test]
async fn readers_of_public_repositories_learn_nothing_of_people() {
    let app = TestApp::new().await;
    let owner = make_repo(&app, "ann", "open", "public").await;
    let customer = repo_token(&app, &owner, "open", "read").await;
    for reader in [app.anonymous(), app.user("stranger"), customer] {
        let shown = reader.get("/api/repos/open").await;
        expect(&shown, 200);
        assert!(!shown.text().contains("ann"), "{}", shown.text());
        assert_eq!(shown.json()["repo"]["visibility"], "public");
        assert!(reader.get("/api/repos/open/members").await.status >= 401);
    }
    assert_eq!(owner.get("/api/repos/open").await.json()["repo"]["ownerId"], "ann");
}
