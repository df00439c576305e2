//! Bad input, and who is refused.

use super::*;

#[tokio::test]
async fn new_entities_are_checked() {
    let (app, ann, _) = shelf().await;
    app.org("olga", "acme", &[]).await;
    let with = |name: &str, value: Value| {
        let mut body = plain("other");
        body[name] = value;
        body
    };
    let without = |name: &str| {
        let mut body = plain("other");
        body.as_object_mut().unwrap().remove(name);
        body
    };
    for (body, words) in [
        (json!([]), vec!["JSON"]),
        (json!({}), vec!["type"]),
        (without("type"), vec!["type", "required"]),
        (without("slug"), vec!["slug", "required"]),
        (without("name"), vec!["name", "required"]),
        (with("type", json!("tool")), vec!["type", "chat_extension"]),
        (with("type", json!(1)), vec!["type", "string"]),
        (with("slug", json!("Other")), vec!["slug", "a-z"]),
        (with("slug", json!("../x")), vec!["slug"]),
        (with("slug", json!("a".repeat(65))), vec!["slug", "64"]),
        (with("name", json!(" ")), vec!["name", "200"]),
        (with("name", json!("x".repeat(201))), vec!["name", "200"]),
        (with("name", json!("a\nb")), vec!["name"]),
        (with("description", json!("x".repeat(2_001))), vec!["description", "2000"]),
        (with("description", json!({})), vec!["description", "string"]),
        (with("icon_hash", json!("x".repeat(201))), vec!["icon_hash", "200"]),
        (with("icon_path", json!("x")), vec!["icon_path", "icon-upload-url"]),
        (with("icon_path", json!(7)), vec!["icon_path", "string"]),
        (with("version", json!("1")), vec!["unknown field 'version'", "icon_hash"]),
        (with("org_slug", json!(1)), vec!["org_slug", "string"]),
        (
            json!({ "type": "app", "slug": "a", "name": "a", "org_slug": "acme", "orgSlug": "acme" }),
            vec!["org_slug"],
        ),
    ] {
        expect(&ann.post_json(PATH, &body).await, 400, &words);
    }
    expect(&ann.request("POST", PATH, &[], "").await, 400, &["JSON body"]);
    expect(&ann.request("POST", PATH, &[], "{\"type\":\"app\",").await, 400, &[]);
    expect(&ann.request("POST", PATH, &[], "{\"slug\":\"a\",\"slug\":\"b\"}").await, 400, &[]);
    expect(&ann.post_json(PATH, &plain("my-app")).await, 409, &["my-app", "taken"]);
    expect(&ann.post_json(PATH, &plain_of("nobodys", "other")).await, 404, &["nobodys"]);
    // Nothing of all that is kept.
    assert_eq!(listed(&app, "ann").await.len(), 1);
    assert_eq!(actions(&app, "user:ann").await.len(), 1);
    assert!(app.blobs().await.is_empty());
    made_entity(&ann, &plain("other")).await;
}

#[tokio::test]
async fn updates_are_checked() {
    let (app, ann, id) = shelf().await;
    let before = row(&app, &id).await;
    for (body, words) in [
        (json!({ "type": "app" }), ["unknown field 'type'"]),
        (json!({ "slug": "other" }), ["unknown field 'slug'"]),
        (json!({ "name": null }), ["name"]),
        (json!({ "name": "" }), ["name"]),
        (json!({ "name": 1 }), ["name"]),
        (json!({ "description": "x".repeat(2_001) }), ["description"]),
        (json!({ "description": ["x"] }), ["description"]),
        (json!({ "icon_hash": "\u{7}" }), ["icon_hash"]),
        (json!({ "icon_path": "staging/x/0" }), ["icon_path"]),
        (json!({ "publishers": [] }), ["unknown field 'publishers'"]),
    ] {
        expect(&ann.put_json(&at(&id), &body).await, 400, &words);
    }
    assert_eq!(row(&app, &id).await, before);
}

/// Method, path below an entity, body, and whether it changes something.
const OPERATIONS: [(&str, &str, &str, bool); 9] = [
    ("GET", "", "", false),
    ("GET", "/details", "", false),
    ("GET", "/icon", "", false),
    ("GET", "/publishers", "", false),
    ("GET", "/publishers/ann", "", false),
    ("PUT", "", "{\"name\":\"x\"}", true),
    ("POST", "/publishers", "{\"userId\":\"eve\"}", true),
    ("DELETE", "/publishers/ann", "", true),
    ("DELETE", "", "", true),
];

#[tokio::test]
async fn nobody_learns_of_entities_of_others() {
    let (app, ann, id) = shelf().await;
    let path = sent_icon(&ann, "my-app", "svg", SVG).await;
    assert_eq!(ann.put_json(&at(&id), &json!({ "icon_path": path })).await.status, 200);
    let eve = app.known_user("eve").await;
    let unknown = app.state().next_id();
    for (method, below, body, _) in OPERATIONS {
        let answer = async |id: &str| {
            let path = format!("{}{below}", at(id));
            let response = eve.request(method, &path, &[("content-type", "application/json")], body).await;
            assert_eq!(response.status, 404, "{method} {path}: {}", response.text());
            format!("{:?}", response.visible()).replace(id, "ID")
        };
        assert_eq!(answer(&id).await, answer(&unknown).await, "{method} {below}");
        for bad in ["x", "my-app", &"a".repeat(36), &"9".repeat(2_000)] {
            let response = eve.request(method, &format!("{}{below}", at(bad)), &[], body).await;
            expect(&response, 404, &["entity", "not found"]);
        }
    }
    check(&app, &id, &["ann", "eve"]).await;
}

#[tokio::test]
async fn without_credentials_there_is_nothing() {
    let (app, _, id) = shelf().await;
    let nobody = app.anonymous();
    let wrong = app.token(&format!("art_{}", "0".repeat(40)));
    let paths = OPERATIONS.map(|(method, below, body, _)| (method, format!("{}{below}", at(&id)), body));
    let more = [
        ("GET", PATH.to_owned(), ""),
        ("POST", PATH.to_owned(), "not even JSON"),
        ("POST", format!("{PATH}/icon-upload-url"), "{}"),
    ];
    for (method, path, body) in paths.into_iter().chain(more) {
        for (actor, words) in [(&nobody, "authentication is required"), (&wrong, "")] {
            let response = actor.request(method, &path, &[], body).await;
            expect(&response, 401, &[words]);
            assert!(response.headers.contains_key("www-authenticate"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_token_with_read_scope_reads() {
    let (app, ann, id) = shelf().await;
    let path = sent_icon(&ann, "my-app", "svg", SVG).await;
    assert_eq!(ann.put_json(&at(&id), &json!({ "icon_path": path })).await.status, 200);
    let read = app.account_token("ann", &["read"]).await;
    for (method, below, body, writes) in OPERATIONS {
        let path = format!("{}{below}", at(&id));
        let response = read.request(method, &path, &[], body).await;
        let expected = if writes { 403 } else { 200 };
        expect(&response, expected, &["scope"]);
    }
    expect(&read.post_json(PATH, &plain("other")).await, 403, &["write scope"]);
    let body = json!({ "entity_slug": "x", "ext": "svg" });
    expect(&read.post_json(&format!("{PATH}/icon-upload-url"), &body).await, 403, &["write scope"]);
    check(&app, &id, &["ann"]).await;
}

#[tokio::test]
async fn tokens_of_repositories_and_customers_have_no_business_here() {
    let (app, _, id) = shelf().await;
    app.repo("ann", "files", &["raw"], "private").await;
    let repo = app.repo_token("ann", "files", &["read", "write", "admin"]).await;
    for (method, below, body, _) in OPERATIONS {
        let response = repo.request(method, &format!("{}{below}", at(&id)), &[], body).await;
        expect(&response, 404, &["entity"]);
    }
    expect(&repo.post_json(PATH, &plain("other")).await, 403, &["users and organisations"]);
    expect(&repo.get(PATH).await, 403, &["user"]);
    let licence = app.licence("ann", &["pad"], |_| {}).await;
    let consumer = app.consumer("ann", &[]).await;
    for actor in [&licence.actor, &consumer.actor] {
        expect(&actor.get(&at(&id)).await, 403, &["customer"]);
        expect(&actor.get(PATH).await, 403, &["customer"]);
        expect(&actor.post_json(PATH, &plain("other")).await, 403, &["customer"]);
    }
}

#[tokio::test]
async fn other_methods_are_no_operations() {
    let (_app, ann, id) = shelf().await;
    for (method, path) in [
        ("PATCH", PATH.to_owned()),
        ("DELETE", PATH.to_owned()),
        ("GET", format!("{PATH}/icon-upload-url")),
        ("PATCH", at(&id)),
        ("POST", at(&id)),
        ("DELETE", format!("{}/details", at(&id))),
        ("PUT", format!("{}/icon", at(&id))),
        ("PUT", format!("{}/publishers", at(&id))),
        ("PUT", format!("{}/publishers/ann", at(&id))),
    ] {
        let response = ann.request(method, &path, &[], "{}").await;
        assert_eq!(response.status, 405, "{method} {path}: {}", response.text());
    }
}
