//! Every route of the npm protocol against every kind of caller.

use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::support::{at, publish};

/// How far somebody's rights in the repository go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// None, with a credential that is good elsewhere.
    Stranger,
    Read,
    Write,
    Admin,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Nobody who says so.
    Anonymous,
    /// Somebody whose credential is no longer or never was good.
    Refused,
    /// Somebody known.
    Known(Level),
}

/// One route in a form that changes nothing when it is allowed, so that each can be asked for many times.
struct Route {
    method: &'static str,
    path: &'static str,
    body: Value,
    needs: Level,
    allowed: u16,
}

fn route(method: &'static str, path: &'static str, body: Value, needs: Level, allowed: u16) -> Route {
    Route { method, path, body, needs, allowed }
}

fn routes(visibility: &str) -> Vec<Route> {
    use Level::{Admin, Read, Write};
    let publish = NpmPackage::new("pad", "1.0.0").body();
    let deprecate = json!({ "versions": { "1.0.0": {} } });
    let owners = json!({ "maintainers": [{ "name": "ann" }] });
    let without = json!({ "versions": { "9.9.9": {} } });
    let none = Value::Null;
    let mut routes: Vec<Route> = [
        ("pad", 200),
        ("pad?write=true", 200),
        ("pad/1.0.0", 200),
        ("pad/latest", 200),
        ("pad/9.9.9", 404),
        ("unknown", 404),
        ("pad/-/pad-1.0.0.tgz", 200),
        ("pad/-/pad-9.9.9.tgz", 404),
        ("-/tarball/pad/1.0.0", 200),
        ("-/package/pad/dist-tags", 200),
        ("-/package/pad/visibility", 200),
        ("-/v1/search?text=pad", 200),
        ("-/npm/v1/attestations/pad@1.0.0", 404),
        ("-/org/unknown/package", 404),
        ("-/user/nobody/package", 404),
        ("-/nothing/there", 404),
        // Names that break their grammar are no way to find out whether the repository exists.
        ("_bad", 400),
        ("pad/-/bad.tgz", 404),
    ]
    .into_iter()
    .flat_map(|(path, allowed)| ["GET", "HEAD"].map(|method| route(method, path, Value::Null, Read, allowed)))
    .collect();
    routes.extend([
        route("OPTIONS", "pad", none.clone(), Read, 405),
        route("PATCH", "pad", json!({}), Read, 405),
        route("POST", "pad", json!({}), Read, 405),
        route("DELETE", "pad", none.clone(), Read, 405),
        route("PUT", "-/package/pad/dist-tags", json!({}), Read, 405),
        route("PUT", "pad", publish.clone(), Write, 201),
        route("PUT", "pad", deprecate, Write, 201),
        route("PUT", "pad", json!({ "users": {} }), Write, 404),
        route("PUT", "pad", json!({}), Write, 400),
        route("PUT", "unknown", publish, Write, 400),
        route("PUT", "-/package/pad/dist-tags/latest", json!("1.0.0"), Write, 201),
        route("POST", "-/package/pad/dist-tags/latest", json!("1.0.0"), Write, 201),
        route("DELETE", "-/package/pad/dist-tags/latest", none.clone(), Write, 400),
        route("DELETE", "-/package/pad/dist-tags/beta", none.clone(), Write, 404),
        route("PUT", "pad/-rev/undefined", owners, Admin, 201),
        route("PUT", "pad/-rev/99-x", without, Admin, 409),
        route("DELETE", "pad/-rev/99-x", none.clone(), Admin, 409),
        route("DELETE", "unknown/-rev/undefined", none.clone(), Admin, 404),
        route("DELETE", "pad/-/pad-9.9.9.tgz/-rev/undefined", none.clone(), Admin, 200),
        route("DELETE", "-/tarball/pad/9.9.9/-rev/undefined", none, Admin, 200),
        route("POST", "-/package/pad/access", json!({ "access": visibility }), Admin, 200),
    ]);
    routes
}

/// Everybody who could ask, with their rights in `libs`.
async fn callers(app: &TestApp) -> Vec<(&'static str, Actor, Who)> {
    use Level::{Admin, Read, Stranger, Write};
    for (user, role) in [("reader", "read"), ("writer", "write"), ("boss", "admin"), ("second", "owner")] {
        app.add_member("ann", "libs", user, role).await;
    }
    let known = |level| Who::Known(level);
    let mut all = vec![
        ("anonymous", app.anonymous(), Who::Anonymous),
        ("stranger", app.user("stranger"), known(Stranger)),
        ("member who reads", app.user("reader"), known(Read)),
        ("member who writes", app.user("writer"), known(Write)),
        ("administrator", app.user("boss"), known(Admin)),
        ("second owner", app.user("second"), known(Admin)),
        ("administrator of the instance", app.user("root"), known(Admin)),
    ];
    let stranger = app.account_token("stranger", &["read", "write", "admin"]).await;
    all.push(("stranger's token", stranger, known(Stranger)));
    for (scopes, level) in [(&["read"][..], Read), (&["read", "write"], Write), (&["admin"], Admin)] {
        all.push(("owner's token", app.account_token("ann", scopes).await, known(level)));
        all.push(("token of the repository", app.repo_token("ann", "libs", scopes).await, known(level)));
        // A token gives no more than its user has.
        let reader = app.account_token("reader", scopes).await;
        all.push(("token of a member who reads", reader, known(Read)));
    }
    app.npm_repo("ann", "other", "private").await;
    let other = app.repo_token("ann", "other", &["read", "write", "admin"]).await;
    all.push(("token of another repository", other, known(Stranger)));
    for slug in ["acme", "evil"] {
        let org = json!({ "slug": slug, "name": slug });
        assert_eq!(app.user("mallory").post_json("/api/orgs", &org).await.status, 201);
    }
    let body = json!({ "name": "test", "scopes": ["admin"] });
    let made = app.user("mallory").post_json("/api/orgs/evil/tokens", &body).await.json();
    let org = app.token(made["rawToken"].as_str().unwrap());
    all.push(("token of an organisation that owns something else", org, known(Stranger)));
    all.extend(refused_callers(app).await);
    all
}

/// Callers whose credential was good once, or looks as if.
async fn refused_callers(app: &TestApp) -> Vec<(&'static str, Actor, Who)> {
    let session = app.user("ann");
    let revoked = app.account_token("ann", &["read", "write", "admin"]).await;
    let listed = session.get("/api/auth/token").await.json()["tokens"].as_array().unwrap().clone();
    let prefix = &revoked.secret()[..12];
    let row = listed.iter().find(|row| row["tokenPrefix"] == prefix).unwrap();
    let path = format!("/api/auth/token?tokenId={}", row["id"].as_str().unwrap());
    assert_eq!(session.delete(&path).await.status, 200);
    let body = json!({ "name": "short", "scopes": ["admin"], "expiresInDays": 1 });
    let made = session.post_json("/api/auth/token", &body).await.json();
    let expired = app.token(made["rawToken"].as_str().unwrap());
    app.clock.advance_millis(86_400_000);
    let good = app.account_token("ann", &["admin"]).await;
    let mut altered = good.secret().to_owned();
    let last = altered.pop().unwrap();
    altered.push(if last == 'x' { 'y' } else { 'x' });
    vec![
        ("revoked token", revoked, Who::Refused),
        ("expired token", expired, Who::Refused),
        ("token with a wrong checksum", app.token(&altered), Who::Refused),
        ("no token at all", app.token("nonsense"), Who::Refused),
        ("forged ID token", app.token("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ."), Who::Refused),
    ]
}

/// What a caller must be answered.
fn expected(route: &Route, who: Who, is_public: bool) -> u16 {
    let level = match who {
        Who::Anonymous if is_public && route.needs == Level::Read => return route.allowed,
        Who::Anonymous | Who::Refused => return 401,
        Who::Known(level) if is_public => level.max(Level::Read),
        Who::Known(level) => level,
    };
    match level {
        level if level >= route.needs => route.allowed,
        Level::Stranger => 404,
        _ => 403,
    }
}

#[tokio::test]
async fn every_route_for_every_caller() {
    for visibility in ["private", "public"] {
        let app = TestApp::new().await;
        let ann = app.npm_repo("ann", "libs", visibility).await;
        publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
        let callers = callers(&app).await;
        // The clock has moved on by a day, so sessions begin anew.
        let callers: Vec<_> = callers
            .into_iter()
            .map(|(name, actor, who)| match name {
                "stranger" => (name, app.user("stranger"), who),
                "member who reads" => (name, app.user("reader"), who),
                "member who writes" => (name, app.user("writer"), who),
                "administrator" => (name, app.user("boss"), who),
                "second owner" => (name, app.user("second"), who),
                "administrator of the instance" => (name, app.user("root"), who),
                _ => (name, actor, who),
            })
            .collect();
        let before = app.check_consistency("libs").await;
        for (name, actor, who) in &callers {
            for route in routes(visibility) {
                let what = format!("{visibility}, {name} {who:?}: {} {}", route.method, route.path);
                let response = actor.json(route.method, &at(route.path), &route.body).await;
                let status = expected(&route, *who, visibility == "public");
                assert_eq!(response.status, status, "{what}: {}", response.text());
                let challenged = !response.header("www-authenticate").is_empty();
                assert_eq!(challenged, status == 401, "{what}");
                if status >= 400 && route.method != "HEAD" {
                    assert!(!response.error().is_empty() && response.json()["code"].is_string(), "{what}");
                    assert_eq!(response.header("cache-control"), "no-store", "{what}");
                }
            }
        }
        assert_eq!(app.check_consistency("libs").await, before, "{visibility}: nobody has changed anything");
    }
}

#[tokio::test]
async fn routes_about_oneself_do_not_depend_on_the_repository() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "private").await;
    let repo = app.repo_token("ann", "libs", &["admin"]).await;
    let invalid = app.token("nonsense");
    for name in ["libs", "unknown", "UPPER", "x"] {
        let path = |rest: &str| format!("/api/npm/{name}/-/{rest}");
        for rest in ["whoami", "npm/v1/user", "npm/v1/tokens"] {
            assert_eq!(ann.get(&path(rest)).await.status, 200, "{name} {rest}");
            assert_eq!(app.user("stranger").get(&path(rest)).await.status, 200, "{name} {rest}");
            for nobody in [&app.anonymous(), &invalid] {
                let response = nobody.get(&path(rest)).await;
                assert_eq!(response.status, 401, "{name} {rest}");
                assert!(response.header("www-authenticate").contains("Bearer"), "npm then says: npm login");
            }
        }
        assert_eq!(ann.get(&path("whoami")).await.json(), json!({ "username": "ann" }));
        assert_eq!(repo.get(&path("whoami")).await.json(), json!({ "username": "repo:libs" }));
        // A token of a repository is nobody's account.
        for (method, rest) in [
            ("GET", "npm/v1/user"),
            ("GET", "npm/v1/tokens"),
            ("POST", "npm/v1/tokens"),
            ("DELETE", "npm/v1/tokens/token/x"),
        ] {
            let response = repo.json(method, &path(rest), &json!({ "name": "x" })).await;
            assert_eq!(response.status, 403, "{name} {method} {rest}: {}", response.text());
        }
        for rest in ["ping", "npm/v1/keys"] {
            assert_eq!(app.anonymous().get(&path(rest)).await.status, 200, "{name} {rest}");
        }
    }
}
