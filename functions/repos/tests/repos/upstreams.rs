//! Upstreams of a repository over the interface: what may be set, by whom, and what is seen of it.

use granary_storage::Key;
use granary_storage::rows::RepoRow;
use granary_testing::{Log, TestApp};
use serde_json::json;

use super::*;

/// A registry on the internet: with a key for credentials, and no private addresses.
async fn app() -> TestApp {
    TestApp::with(|config| config.secret_keys = granary_upstream::seal::Keys::new(vec![[7; 32]])).await
}

const PATH: &str = "/api/repos/libs/upstreams";

fn body(name: &str) -> Value {
    json!({ "name": name, "packageType": "npm", "url": "https://registry.example.com/npm" })
}

fn with(name: &str, more: Value) -> Value {
    let mut body = body(name);
    let Value::Object(more) = more else { panic!("settings are an object: {more}") };
    body.as_object_mut().unwrap().extend(more);
    body
}

async fn create(ann: &Actor, body: &Value) -> Value {
    let made = ann.post_json(PATH, body).await;
    expect(&made, 201);
    made.json()["upstream"].clone()
}

async fn names(ann: &Actor) -> Vec<Value> {
    column(&ann.get(PATH).await, "upstreams", "name")
}

#[tokio::test]
async fn they_are_made_shown_changed_ordered_and_removed() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    assert_eq!(ann.get(PATH).await.json(), json!({ "upstreams": [] }));
    let first = create(&ann, &body("public")).await;
    let expected = json!({
        "name": "public", "packageType": "npm", "url": "https://registry.example.com/npm/",
        "hasCredential": false, "names": [], "owned": [], "freshSeconds": 300, "cooldownDays": 0,
        "cooldownExcept": [], "files": "store", "removed": "refuse", "fileHosts": [], "anonymous": false,
        "search": false, "createdAt": "2026-09-21T14:13:20.000Z", "updatedAt": "2026-09-21T14:13:20.000Z",
    });
    assert_eq!(first, expected);
    assert_eq!(ann.get(&format!("{PATH}/public")).await.json(), json!({ "upstream": expected }));
    let all = json!({
        "names": ["@types/*", "Left-Pad"], "owned": ["@acme/*"], "freshSeconds": 60, "cooldownDays": 7,
        "cooldownExcept": ["@types/*"], "removed": "keep", "anonymous": true, "search": true,
        "fileHosts": ["cdn.example.com:8443", "CDN.example.com"], "credential": { "token": "s3cret" },
        "position": 0,
    });
    let second = create(&ann, &with("second", all)).await;
    assert_eq!(second["names"], json!(["@types/*", "left-pad"]), "case is of no account");
    assert_eq!(second["fileHosts"], json!(["cdn.example.com", "cdn.example.com:8443"]));
    assert_eq!((&second["hasCredential"], &second["freshSeconds"]), (&json!(true), &json!(60)));
    assert_eq!(names(&ann).await, ["second", "public"]);

    app.clock.advance_millis(1_000);
    let changed = ann
        .patch_json(&format!("{PATH}/second"), &json!({ "name": "other", "owned": [], "position": 1 }))
        .await;
    expect(&changed, 200);
    let changed = changed.json()["upstream"].clone();
    assert_eq!((&changed["owned"], &changed["cooldownDays"]), (&json!([]), &json!(7)), "{changed}");
    assert_eq!(changed["updatedAt"], "2026-09-21T14:13:21.000Z");
    assert_eq!(changed["createdAt"], second["createdAt"]);
    assert_eq!(changed["hasCredential"], true);
    assert_eq!(names(&ann).await, ["public", "other"]);
    expect(&ann.get(&format!("{PATH}/second")).await, 404);

    let ordered = ann.put_json(PATH, &json!({ "order": ["other", "public"] })).await;
    expect(&ordered, 200);
    assert_eq!(column(&ordered, "upstreams", "name"), ["other", "public"]);
    for bad in [json!(["other"]), json!(["other", "public", "public"]), json!(["other", "none"]), json!([])] {
        expect(&ann.put_json(PATH, &json!({ "order": bad })).await, 400);
    }
    expect(&ann.put_json(PATH, &json!({})).await, 400);
    assert_eq!(names(&ann).await, ["other", "public"]);

    expect(&ann.delete(&format!("{PATH}/other")).await, 200);
    expect(&ann.delete(&format!("{PATH}/other")).await, 404);
    assert_eq!(names(&ann).await, ["public"]);
    app.settle().await;
    assert_eq!(
        actions(&app, "repo:libs").await,
        [
            "repo.create",
            "upstream.create",
            "upstream.create",
            "upstream.delete",
            "upstream.order",
            "upstream.update"
        ]
    );
    let targets: Vec<String> = app
        .audit("repo:libs")
        .await
        .iter()
        .filter(|row| row["action"] == "upstream.create")
        .map(|row| row["target"].as_str().unwrap().to_owned())
        .collect();
    assert!(targets.contains(&"libs/upstreams/public".to_owned()), "{targets:?}");
}

/// Bodies that are refused with the field that is wrong.
#[tokio::test]
async fn each_field_is_checked() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    repo(&app, "ann", "other").await;
    create(&ann, &body("there")).await;
    let long = "x".repeat(5_000);
    let many = |count: usize| (0..count).map(|number| format!("p{number}")).collect::<Vec<_>>();
    for (field, value) in [
        ("name", json!("Upper")),
        ("name", json!("")),
        ("name", json!("-x")),
        ("name", json!("x".repeat(65))),
        ("name", json!(7)),
        ("name", json!(null)),
        ("packageType", json!("npmm")),
        ("packageType", json!("maven")),
        ("packageType", json!("raw")),
        ("packageType", json!(null)),
        ("names", json!("left-pad")),
        ("names", json!([""])),
        ("names", json!(["a b"])),
        ("names", json!([7])),
        ("names", json!(many(101))),
        ("owned", json!(["ä"])),
        ("owned", json!(["x".repeat(301)])),
        ("owned", json!(many(101))),
        ("cooldownExcept", json!(many(101))),
        ("freshSeconds", json!(-1)),
        ("freshSeconds", json!(86_401)),
        ("freshSeconds", json!(1.5)),
        ("freshSeconds", json!("60")),
        ("cooldownDays", json!(366)),
        ("cooldownDays", json!(-1)),
        ("cooldownDays", json!(0.5)),
        ("files", json!("proxy")),
        ("files", json!("Store")),
        ("removed", json!("hide")),
        ("fileHosts", json!(["https://cdn.example.com"])),
        ("fileHosts", json!(["cdn.example.com/path"])),
        ("fileHosts", json!(["user@cdn.example.com"])),
        ("fileHosts", json!([""])),
        ("fileHosts", json!((0..21).map(|n| format!("c{n}.example.com")).collect::<Vec<_>>())),
        ("anonymous", json!("yes")),
        ("anonymous", json!(1)),
        ("search", json!("yes")),
        ("position", json!(-1)),
        ("position", json!(1001)),
        ("credential", json!("token")),
        ("credential", json!({})),
        ("credential", json!({ "token": "" })),
        ("credential", json!({ "token": "a\nb" })),
        ("credential", json!({ "token": long })),
        ("credential", json!({ "username": "a" })),
        ("credential", json!({ "password": "a" })),
        ("credential", json!({ "token": "a", "username": "b", "password": "c" })),
        ("credential", json!({ "token": "a", "scheme": "Bearer" })),
        ("uid", json!("u1")),
        ("hasCredential", json!(true)),
    ] {
        let mut body = body("new");
        body[field] = value.clone();
        let refused = ann.post_json(PATH, &body).await;
        assert_eq!(refused.status, 400, "{field} {value}: {}", refused.text());
        assert_eq!(refused.json()["code"], "BAD_REQUEST");
        let changed = ann.patch_json(&format!("{PATH}/there"), &json!({ field: value })).await;
        // A change need not name these.
        if !value.is_null() {
            assert_eq!(changed.status, 400, "{field} {value}: {}", changed.text());
        }
    }
    let redirecting = json!({ "files": "redirect", "credential": { "token": "x" } });
    expect(&ann.post_json(PATH, &with("new", redirecting)).await, 400);
    expect(&ann.post_json(PATH, &json!({ "name": "new", "packageType": "npm" })).await, 400);
    expect(&ann.post_json(PATH, &with("new", json!({ "repoId": "other" }))).await, 400);
    expect(&ann.post_json(PATH, &json!([])).await, 400);
    expect(&ann.post_json(PATH, &body("there")).await, 409);
    expect(&ann.patch_json(&format!("{PATH}/none"), &json!({})).await, 404);
    assert_eq!(names(&ann).await, ["there"]);
}

#[tokio::test]
async fn addresses_lead_nowhere_but_to_the_internet() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    create(&ann, &body("there")).await;
    let before = ann.get(PATH).await.json();
    for url in [
        "http://registry.example.com/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0/",
        "https://0.0.0.0/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2002:7f00:1::]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
        "https://127。0。0。1/",
        "file:///etc/passwd",
        "ftp://registry.example.com/",
        "gopher://registry.example.com/",
        "data:application/json,{}",
        "javascript:alert(1)",
        "//registry.example.com/",
        "/npm/",
        "registry.example.com",
        "https://",
        "",
        "https://user:pass@registry.example.com/",
        "https://token@registry.example.com/",
        "https://:pass@registry.example.com/",
        "https://registry.example.com/?token=x",
        "https://registry.example.com/#x",
        &format!("https://registry.example.com/{}", "x".repeat(2_000)),
    ] {
        let refused = ann.post_json(PATH, &json!({ "name": "new", "packageType": "npm", "url": url })).await;
        assert_eq!(refused.status, 400, "{url}: {}", refused.text());
        assert!(refused.error().starts_with("url: "), "{url}: {}", refused.error());
        expect(&ann.patch_json(&format!("{PATH}/there"), &json!({ "url": url })).await, 400);
    }
    assert_eq!(ann.get(PATH).await.json(), before);
    for (url, kept) in [
        ("https://Registry.Example.com", "https://registry.example.com/"),
        ("https://registry.example.com:443/npm", "https://registry.example.com/npm/"),
        ("https://registry.example.com:8443/npm/", "https://registry.example.com:8443/npm/"),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
    ] {
        let changed = ann.patch_json(&format!("{PATH}/there"), &json!({ "url": url })).await;
        expect(&changed, 200);
        assert_eq!(changed.json()["upstream"]["url"], kept);
    }
}

#[tokio::test]
async fn the_registry_is_no_upstream_of_itself() {
    let app = TestApp::with(|config| config.kmp.allow_private_sources = true).await;
    let ann = repo(&app, "ann", "libs").await;
    for url in ["http://localhost:8080/api/npm/other/", "http://LOCALHOST:8080/"] {
        let refused = ann.post_json(PATH, &json!({ "name": "new", "packageType": "npm", "url": url })).await;
        expect(&refused, 400);
        assert!(refused.error().contains("repoId"), "{}", refused.error());
    }
    expect(
        &ann.post_json(PATH, &json!({ "name": "new", "packageType": "npm", "repoId": "libs" })).await,
        400,
    );
    let elsewhere = json!({ "name": "new", "packageType": "npm", "url": "http://127.0.0.1:4873/" });
    expect(&ann.post_json(PATH, &elsewhere).await, 201);
}

#[tokio::test]
async fn repositories_here_are_upstreams_only_where_their_readers_may_read() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    repo(&app, "ann", "mine").await;
    let eve = repo(&app, "eve", "hers").await;
    make_repo(&app, "eve", "open", "public").await;
    let connect = async |id: &str| {
        ann.post_json(PATH, &json!({ "name": id, "packageType": "npm", "repoId": id })).await
    };
    let made = connect("mine").await;
    expect(&made, 201);
    assert_eq!(made.json()["upstream"]["repoId"], "mine");
    assert_eq!(made.json()["upstream"].get("url"), None);
    expect(&connect("open").await, 201);
    // What may not be seen is as if it were not there.
    let (hidden, absent) = (connect("hers").await, connect("none").await);
    expect(&hidden, 400);
    assert_eq!(hidden.error().replace("hers", "none"), absent.error());
    // Nor may those be let in who could not read it themselves.
    member(&app, &eve, "hers", "ann", "read").await;
    expect(&connect("hers").await, 400);
    expect(&connect("Not a name").await, 400);
    for settings in [
        json!({ "credential": { "token": "x" } }),
        json!({ "cooldownDays": 1 }),
        json!({ "search": true }),
        json!({ "files": "redirect" }),
        json!({ "fileHosts": ["cdn.example.com"] }),
    ] {
        expect(&ann.patch_json(&format!("{PATH}/mine"), &settings).await, 400);
    }
}

#[tokio::test]
async fn a_credential_is_never_seen_again() {
    let (log, _guard) = Log::keep("trace");
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    let mut seen = Vec::new();
    let credential = json!({ "credential": { "token": "s3cret-token" } });
    seen.push(ann.post_json(PATH, &with("public", credential)).await);
    let credential = json!({ "credential": { "username": "s3cret-user", "password": "s3cret-word" } });
    seen.push(ann.patch_json(&format!("{PATH}/public"), &credential).await);
    for bad in [
        json!({ "credential": { "token": "s3cret-token", "x": 1 } }),
        json!({ "credential": { "token": "s3cret-token" }, "files": "redirect" }),
        json!({ "credential": { "token": "s3cret-\u{7f}\n" } }),
        json!({ "credential": "s3cret-token" }),
        json!({ "credential": ["s3cret-token"] }),
    ] {
        let refused = ann.patch_json(&format!("{PATH}/public"), &bad).await;
        expect(&refused, 400);
        seen.push(refused);
    }
    for path in
        [PATH, "/api/repos/libs/upstreams/public", "/api/repos/libs", "/api/repos", "/api/repos/libs/audit"]
    {
        seen.push(ann.get(path).await);
    }
    assert_eq!(seen[1].json()["upstream"]["hasCredential"], true);
    for answer in &seen {
        assert!(!answer.text().contains("s3cret"), "{}", answer.text());
    }
    let row: RepoRow = app.state().storage().get(&Key::Repo("libs".parse().unwrap())).await.unwrap().unwrap();
    let sealed = row.upstreams[0].credential.clone().unwrap();
    assert!(sealed.starts_with("v1."), "{sealed}");
    for text in [
        format!("{row:?}"),
        serde_json::to_string(&row).unwrap(),
        format!("{:?}", app.audit("repo:libs").await),
    ] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert!(!log.text().contains("s3cret"));
    // The same credential is sealed otherwise each time, and for one place only.
    let keys = &app.state().config().secret_keys;
    let place = granary_upstream::seal_place(&row.uid, &row.upstreams[0]);
    assert_eq!(
        keys.open(&sealed, &place).unwrap().header().unwrap(),
        "Basic czNjcmV0LXVzZXI6czNjcmV0LXdvcmQ="
    );
    let removed = ann.patch_json(&format!("{PATH}/public"), &json!({ "credential": null })).await;
    expect(&removed, 200);
    assert_eq!(removed.json()["upstream"]["hasCredential"], false);
}

#[tokio::test]
async fn a_credential_goes_with_the_address_that_it_was_for() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    create(&ann, &with("public", json!({ "credential": { "token": "x" } }))).await;
    let change = async |body: Value| {
        let changed = ann.patch_json(&format!("{PATH}/public"), &body).await;
        expect(&changed, 200);
        changed.json()["upstream"]["hasCredential"].clone()
    };
    assert_eq!(change(json!({ "name": "public", "owned": ["@acme/*"] })).await, true);
    assert_eq!(change(json!({ "url": "https://registry.example.com/npm/" })).await, true, "the same");
    assert_eq!(change(json!({ "url": "https://evil.example/" })).await, false);
    let both = json!({ "url": "https://registry.example.com/", "credential": { "token": "y" } });
    assert_eq!(change(both).await, true);
}

#[tokio::test]
async fn without_a_key_there_are_no_credentials() {
    let app = TestApp::new().await;
    let ann = repo(&app, "ann", "libs").await;
    let refused = ann.post_json(PATH, &with("public", json!({ "credential": { "token": "s3cret" } }))).await;
    assert_eq!(refused.json()["code"], "NOT_SUPPORTED", "{}", refused.text());
    assert!(refused.error().contains("GRANARY_SECRET_KEY") && !refused.error().contains("s3cret"));
    create(&ann, &body("public")).await;
}

/// The routes with a request that changes nothing worth keeping.
const ROUTES: [(&str, &str, &str); 6] = [
    ("GET", "", ""),
    ("GET", "/public", ""),
    ("PUT", "", r#"{"order":["public"]}"#),
    ("PATCH", "/public", "{}"),
    ("POST", "", r#"{"name":"public","packageType":"npm","url":"https://registry.example.com/"}"#),
    ("DELETE", "/none", ""),
];

/// One letter per route: `.` allowed (with what it then means), `u` 401, `r` 403, `h` the repository is not found.
async fn row(actor: &Actor, repo: &str) -> String {
    let mut letters = String::new();
    for (method, tail, body) in ROUTES {
        let path = format!("/api/repos/{repo}/upstreams{tail}");
        let answer = actor.request(method, &path, &[], body.to_owned()).await;
        letters.push(match answer.status {
            401 => 'u',
            403 => 'r',
            404 if answer.error() == format!("repository '{repo}' not found") => 'h',
            200 | 404 | 409 => '.',
            other => panic!("{method} {tail}: {other} {}", answer.text()),
        });
        if answer.status >= 400 {
            expect(&answer, answer.status);
        }
    }
    letters
}

#[tokio::test]
async fn every_caller_on_every_route() {
    let app = app().await;
    let olga = org(&app, "olga", "acme", &[("adam", "admin"), ("mia", "member")]).await;
    for (name, visibility) in [("closed", "private"), ("open", "public")] {
        let made =
            json!({ "name": name, "packageTypes": ["npm"], "visibility": visibility, "orgSlug": "acme" });
        expect(&olga.post_json("/api/repos", &made).await, 201);
        expect(&olga.post_json(&format!("/api/repos/{name}/upstreams"), &body("public")).await, 201);
        for (user, role) in [("reader", "read"), ("writer", "write"), ("boss", "admin")] {
            member(&app, &olga, name, user, role).await;
        }
    }
    repo(&app, "eve", "elsewhere").await;
    let (eve, adam) = (app.user("eve"), app.user("adam"));
    let art = async |user: &str, scope: &str| app.account_token(user, &[scope]).await;
    for (who, actor, closed, open) in [
        // Columns: list, show, order, change, make, remove.
        ("anonymous", app.anonymous(), "uuuuuu", "uuuuuu"),
        ("stranger", app.user("stranger"), "hhhhhh", "rrrrrr"),
        ("reader", app.user("reader"), "..rrrr", "..rrrr"),
        ("writer", app.user("writer"), "..rrrr", "..rrrr"),
        ("boss", app.user("boss"), "......", "......"),
        ("boss, write token", art("boss", "write").await, "..rrrr", "..rrrr"),
        ("boss, admin token", art("boss", "admin").await, "......", "......"),
        ("member of the organisation", app.user("mia"), "hhhhhh", "rrrrrr"),
        ("admin of the organisation", app.user("adam"), "......", "......"),
        ("organisation, write", org_token(&app, &adam, "acme", "write").await, "..rrrr", "..rrrr"),
        ("organisation, admin", org_token(&app, &adam, "acme", "admin").await, "......", "......"),
        ("another repository", repo_token(&app, &eve, "elsewhere", "admin").await, "hhhhhh", "rrrrrr"),
    ] {
        assert_eq!(row(&actor, "closed").await, closed, "{who}, closed");
        assert_eq!(row(&actor, "open").await, open, "{who}, open");
    }
    for (scope, expected) in [("read", "rrrrrr"), ("write", "rrrrrr"), ("admin", "......")] {
        let token = repo_token(&app, &adam, "closed", scope).await;
        assert_eq!(row(&token, "closed").await, expected, "token of closed, {scope}");
    }
}

#[tokio::test]
async fn customers_see_nothing_of_upstreams() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    create(&ann, &body("public")).await;
    let licence = app.licence("ann", &["pad"], |_| {}).await.actor;
    for (method, tail, body) in ROUTES {
        let answer = licence.request(method, &format!("{PATH}{tail}"), &[], body.to_owned()).await;
        assert!([403, 404].contains(&answer.status), "{method} {tail}: {}", answer.text());
        assert!(!answer.text().contains("registry.example.com"));
    }
}

#[tokio::test]
async fn there_are_at_most_twenty() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    for number in 0..20 {
        create(&ann, &body(&format!("up-{number}"))).await;
    }
    let refused = ann.post_json(PATH, &body("one-more")).await;
    expect(&refused, 409);
    assert!(refused.error().contains("20"), "{}", refused.error());
    expect(&ann.delete(&format!("{PATH}/up-0")).await, 200);
    create(&ann, &body("one-more")).await;
}

/// The row of a repository is read by each request, and a table takes no row of more than 400 KB.
#[tokio::test]
async fn all_settings_together_fit_into_a_row() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    let long: Vec<String> = (0..100).map(|number| format!("{number}-{}", "x".repeat(290))).collect();
    let most = json!({ "names": long, "owned": long, "cooldownExcept": long });
    let mut statuses = Vec::new();
    for number in 0..20 {
        let answer = ann.post_json(PATH, &with(&format!("up-{number}"), most.clone())).await;
        assert!([201, 400].contains(&answer.status), "{}", answer.text());
        statuses.push(answer.status);
    }
    assert_eq!((statuses[0], statuses[19]), (201, 400));
    let grown = ann.patch_json(&format!("{PATH}/up-0"), &json!({ "fileHosts": ["cdn.example.com"] })).await;
    expect(&grown, 200);
    // The repository can still be used, and changed.
    expect(&ann.get("/api/repos/libs").await, 200);
    expect(&ann.patch_json("/api/repos/libs", &json!({ "description": "x" })).await, 200);
    expect(&ann.patch_json(&format!("{PATH}/up-0"), &json!({ "names": [] })).await, 200);
}

#[tokio::test]
async fn changes_at_once_all_happen() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    let bodies: Vec<Value> = (0..8).map(|number| body(&format!("up-{number}"))).collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| ann.post_json(PATH, body))).await;
    for answer in &answers {
        expect(answer, 201);
    }
    assert_eq!(names(&ann).await.len(), 8);
    let same = body("same");
    let answers = futures::future::join_all((0..4).map(|_| ann.post_json(PATH, &same))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 409).count(), 3);
}

#[tokio::test]
async fn a_type_with_an_upstream_cannot_be_one_that_the_repository_does_not_hold() {
    let app = app().await;
    let ann = repo(&app, "ann", "libs").await;
    let refused = ann
        .post_json(PATH, &json!({ "name": "m", "packageType": "composer", "url": "https://x.example/" }))
        .await;
    expect(&refused, 400);
    assert!(refused.error().contains("packageTypes"), "{}", refused.error());
}

#[tokio::test]
async fn types_that_would_do_nothing_are_refused() {
    let app = app().await;
    let ann = app.repo("ann", "libs", &["npm", "maven", "raw", "swift", "composer"], "private").await;
    let rule = |kind: &str| json!({ "packageType": kind, "name": "org.example:tool", "reason": "It leaks" });
    for (kind, status) in
        [("npm", 201), ("maven", 201), ("raw", 400), ("swift", 400), ("composer", 400), ("kmp", 400)]
    {
        let answer = ann.post_json("/api/repos/libs/blocks", &rule(kind)).await;
        expect(&answer, status);
        if !["npm", "maven"].contains(&kind) {
            assert!(answer.error().contains("quarantine"), "{}", answer.error());
        }
    }
    let body = json!({
        "name": "central", "packageType": "maven", "url": "https://repo.example.com/", "files": "redirect", "cooldownDays": 3,
    });
    let refused = ann.post_json(PATH, &body).await;
    expect(&refused, 400);
    assert!(refused.error().contains("cooldownDays"), "{}", refused.error());
    app.repo("ann", "built", &["npm"], "private").await;
    let refused = ann.post_json(PATH, &json!({ "name": "m", "packageType": "kmp", "repoId": "built" })).await;
    expect(&refused, 400);
    assert!(refused.error().contains("npm and swift"), "{}", refused.error());
}
