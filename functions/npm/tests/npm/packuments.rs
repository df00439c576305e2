//! Packuments: forms, headers, revalidation, and that they follow every change.

use granary_model::Timestamp;
use granary_storage::ObjectKey;
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, START, TestApp};
use serde_json::{Value, json};

use super::support::{
    INSTALL, accepting, at, for_write, gunzip, keys, packument, private, publish, publish_all,
};

#[tokio::test]
async fn each_client_gets_the_form_it_asks_for() {
    let (_app, ann) = private().await;
    publish(&ann, &NpmPackage::new("left-pad", "1.0.0")).await;
    let full = "application/json";
    let abbreviated = "application/vnd.npm.install-v1+json";
    let table = [
        ("npm install", "application/json", full),
        ("npm publish, pnpm, Yarn 1, Bun", INSTALL, abbreviated),
        ("pnpm upgrading to the full form", "application/json; q=1.0, */*", full),
        ("Bun with a release age", "application/json, */*", full),
        ("curl", "*/*", full),
        ("only the abbreviated form", abbreviated, abbreviated),
        ("the abbreviated form refused", "application/vnd.npm.install-v1+json;q=0, application/json", full),
    ];
    for (client, accept, expected) in table {
        let response = accepting(&ann, &at("left-pad"), accept).await;
        assert_eq!((response.status, response.header("content-type")), (200, expected), "{client}");
        assert_eq!(response.json().get("_rev").is_some(), expected == full, "{client}");
    }
    let yarn = ann.get(&at("left-pad")).await;
    assert_eq!(yarn.header("content-type"), full, "Yarn 4 sends no Accept header");
}

#[tokio::test]
async fn the_full_form_has_everything_and_the_abbreviated_form_what_installing_needs() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("left-pad", "1.0.0").member("license", "MIT".into())).await;
    app.clock.advance_millis(60_000);
    publish(&ann, &NpmPackage::new("left-pad", "1.1.0").member("homepage", "https://example.com".into()))
        .await;
    let full = packument(&ann, "left-pad").await;
    assert_eq!(
        keys(&full),
        [
            "name",
            "_id",
            "_rev",
            "dist-tags",
            "versions",
            "time",
            "modified",
            "maintainers",
            "description",
            "homepage",
            "readmeFilename",
            "readme"
        ]
    );
    assert_eq!((&full["name"], &full["_id"]), (&json!("left-pad"), &json!("left-pad")));
    assert!(full["_rev"].as_str().unwrap().starts_with("2-"), "{}", full["_rev"]);
    assert_eq!(full["dist-tags"], json!({ "latest": "1.1.0" }));
    assert_eq!(full["readme"], "# left-pad\n");
    assert_eq!(full["maintainers"], json!([{ "name": "ann", "email": "" }]));
    assert_eq!(full["versions"]["1.0.0"]["license"], "MIT");
    assert_eq!(full["versions"]["1.0.0"]["_id"], "left-pad@1.0.0");

    let abbreviated = accepting(&ann, &at("left-pad"), INSTALL).await.json();
    assert_eq!(keys(&abbreviated), ["name", "dist-tags", "versions", "time", "modified"]);
    assert_eq!(keys(&abbreviated["versions"]["1.0.0"]), ["name", "version", "dist"]);
    let moment = |millis: i64| Timestamp::from_millis(START + millis).to_string();
    let time = json!({
        "created": moment(0), "modified": moment(60_000), "1.0.0": moment(0), "1.1.0": moment(60_000)
    });
    assert_eq!((&full["time"], &abbreviated["time"]), (&time, &time));
    assert_eq!(abbreviated["modified"], time["modified"]);
}

#[tokio::test]
async fn headers_say_how_long_and_for_whom_an_answer_holds() {
    let (_app, ann) = private().await;
    publish(&ann, &NpmPackage::new("left-pad", "1.0.0")).await;
    let full = ann.get(&at("left-pad")).await;
    let abbreviated = accepting(&ann, &at("left-pad"), INSTALL).await;
    for response in [&full, &abbreviated] {
        assert_eq!(response.header("cache-control"), "private, max-age=0, must-revalidate");
        assert_eq!(response.header("vary"), "Accept, Accept-Encoding, Authorization");
        assert_eq!(response.header("last-modified"), Timestamp::from_millis(START).http_date());
        let etag = response.header("etag");
        assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 8, "a strong tag: {etag}");
    }
    // pnpm sends the tag of one form when it asks for the other, and would take a 304 for an answer.
    assert_ne!(full.header("etag"), abbreviated.header("etag"));
}

#[tokio::test]
async fn an_unchanged_document_is_a_304_that_costs_one_read() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("left-pad", "1.0.0")).await;
    let etags = [
        ("application/json", ann.get(&at("left-pad")).await),
        (INSTALL, accepting(&ann, &at("left-pad"), INSTALL).await),
    ];
    let cold = app.restarted();
    let reader = cold.token(ann.secret());
    for (accept, known) in &etags {
        let weak = format!("W/{}", known.header("etag"));
        for tag in [known.header("etag"), weak.as_str()] {
            app.probe.reset();
            let response =
                reader.get_with(&at("left-pad"), &[("accept", accept), ("if-none-match", tag)]).await;
            assert_eq!((response.status, response.body.len()), (304, 0), "{accept} {tag}");
            let calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
            assert_eq!(calls, ["BatchGetItem"], "the document is not loaded");
            for name in ["etag", "cache-control", "vary", "last-modified"] {
                assert_eq!(response.header(name), known.header(name), "{name}");
            }
        }
    }
    let crossed = etags[1].1.header("etag");
    let response = ann.get_with(&at("left-pad"), &[("if-none-match", crossed)]).await;
    assert_eq!(response.status, 200, "the tag of the other form is no tag of this one");
    let dated =
        ann.get_with(&at("left-pad"), &[("if-modified-since", etags[0].1.header("last-modified"))]).await;
    assert_eq!(dated.status, 200, "a date alone is too coarse: two changes can fall into one second");
}

#[tokio::test]
async fn gzip_is_sent_only_where_it_is_accepted_and_holds_the_same_bytes() {
    let (_app, ann) = private().await;
    publish(&ann, &NpmPackage::new("left-pad", "1.0.0")).await;
    for accept in ["application/json", INSTALL] {
        let plain = accepting(&ann, &at("left-pad"), accept).await;
        assert_eq!(plain.header("content-encoding"), "");
        for (encodings, gzip) in [
            ("gzip,deflate", true),
            ("zstd,gzip,deflate", true),
            ("gzip, deflate, br", true),
            ("identity", false),
            ("br", false),
            ("gzip;q=0", false),
        ] {
            let headers = [("accept", accept), ("accept-encoding", encodings)];
            let response = ann.get_with(&at("left-pad"), &headers).await;
            assert_eq!(response.header("content-encoding") == "gzip", gzip, "{encodings}");
            let body = if gzip { gunzip(&response.body) } else { response.body.to_vec() };
            assert_eq!(body, plain.body.to_vec(), "{encodings}");
            assert_eq!(response.header("etag"), plain.header("etag"), "{encodings}");
        }
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let (_app, ann) = private().await;
    publish(&ann, &NpmPackage::new("left-pad", "1.0.0")).await;
    for path in [at("left-pad"), at("left-pad/1.0.0"), at("-/package/left-pad/dist-tags"), at("missing")] {
        let (get, head) = (ann.get(&path).await, ann.head(&path).await);
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for name in ["content-length", "etag", "content-type", "cache-control", "vary", "last-modified"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

/// Both forms as a process that remembers nothing gives them, without their tags.
async fn forms(app: &TestApp, actor: &Actor, name: &str) -> (Vec<String>, Value, Value) {
    let actor = app.restarted().token(actor.secret());
    let full = actor.get(&at(name)).await;
    let abbreviated = accepting(&actor, &at(name), INSTALL).await;
    assert_eq!((full.status, abbreviated.status), (200, 200));
    let etags = vec![full.header("etag").to_owned(), abbreviated.header("etag").to_owned()];
    (etags, full.json(), abbreviated.json())
}

#[tokio::test]
async fn every_kind_of_change_is_read_at_once_by_every_process() {
    let (app, ann) = private().await;
    app.add_member("ann", "libs", "bob", "read").await;
    publish_all(&ann, "left-pad", &["1.0.0", "1.1.0"]).await;
    let mut known = forms(&app, &ann, "left-pad").await.0;
    let mut package = for_write(&ann, "left-pad").await;
    package.as_object_mut().unwrap().shift_remove("_rev");
    package["versions"]["1.0.0"]["deprecated"] = "too old".into();
    let mut undeprecated = package.clone();
    undeprecated["versions"]["1.0.0"]["deprecated"] = "".into();
    let mut shrunk = package.clone();
    shrunk["versions"] = json!({ "1.1.0": {}, "1.2.0": {} });
    let owners = json!({ "maintainers": [{ "name": "ann" }, { "name": "bob" }] });
    let third = NpmPackage::new("left-pad", "1.2.0");
    let rev = at("left-pad/-rev/undefined");
    let tag = at("-/package/left-pad/dist-tags/beta");
    let steps: [(&str, &str, String, Value, &str, Value); 7] = [
        ("publish", "PUT", at("left-pad"), third.body(), "/dist-tags/latest", json!("1.2.0")),
        ("tag", "PUT", tag.clone(), json!("1.0.0"), "/dist-tags/beta", json!("1.0.0")),
        ("untag", "DELETE", tag, Value::Null, "/dist-tags/beta", Value::Null),
        ("deprecate", "PUT", at("left-pad"), package, "/versions/1.0.0/deprecated", json!("too old")),
        ("undeprecate", "PUT", at("left-pad"), undeprecated, "/versions/1.0.0/deprecated", Value::Null),
        ("owner", "PUT", rev.clone(), owners, "/maintainers/1/name", json!("bob")),
        ("unpublish", "PUT", rev, shrunk, "/versions/1.0.0", Value::Null),
    ];
    for (what, method, path, body, pointer, expected) in steps {
        // The first process has the old documents in memory.
        packument(&ann, "left-pad").await;
        let response = ann.json(method, &path, &body).await;
        assert!(response.status == 200 || response.status == 201, "{what}: {}", response.text());
        let here = packument(&ann, "left-pad").await;
        let (etags, full, abbreviated) = forms(&app, &ann, "left-pad").await;
        assert_eq!(full.pointer(pointer).cloned().unwrap_or_default(), expected, "{what}");
        assert_eq!(here, full, "{what}: memory and stores agree");
        assert_eq!(full["dist-tags"], abbreviated["dist-tags"], "{what}");
        assert_eq!(keys(&full["versions"]), keys(&abbreviated["versions"]), "{what}");
        let deprecated = "/versions/1.0.0/deprecated";
        assert_eq!(full.pointer(deprecated), abbreviated.pointer(deprecated), "{what}");
        assert!(etags.iter().zip(&known).all(|(new, old)| new != old), "{what}: {etags:?} {known:?}");
        known = etags;
    }
}

#[tokio::test]
async fn documents_are_the_same_bytes_whenever_they_are_rendered() {
    let (app, ann) = private().await;
    publish_all(&ann, "@acme/tool", &["1.0.0", "1.0.0-rc.1", "1.10.0", "1.9.0"]).await;
    let mut body = for_write(&ann, "@acme%2ftool").await;
    body["versions"]["1.9.0"]["deprecated"] = "use 1.10.0".into();
    assert_eq!(ann.put_json(&at("@acme%2ftool"), &body).await.status, 201);
    let read = async |app: &TestApp| {
        let actor = app.token(ann.secret());
        let mut bytes = Vec::new();
        for accept in ["application/json", INSTALL] {
            let headers = [("accept", accept), ("accept-encoding", "gzip")];
            bytes.push(actor.get_with(&at("@acme%2ftool"), &headers).await.body);
        }
        bytes
    };
    let on_read = read(&app).await;
    assert_eq!(
        keys(&serde_json::from_slice::<Value>(&gunzip(&on_read[0])).unwrap()["versions"]),
        ["1.0.0-rc.1", "1.0.0", "1.9.0", "1.10.0"]
    );
    let remove_documents = async || {
        let mut removed = 0;
        for path in app.state().storage().list_objects("documents/", None).await.unwrap() {
            app.state().storage().delete_object(&path).await.unwrap();
            removed += 1;
        }
        removed
    };
    assert_eq!(remove_documents().await, 2, "a read stores both forms");
    app.clock.advance_millis(86_400_000);
    assert_eq!(read(&app.restarted()).await, on_read, "rendered again by a read");
    remove_documents().await;
    app.settle().await;
    assert_eq!(app.state().storage().list_objects("documents/", None).await.unwrap().len(), 2);
    assert_eq!(read(&app.restarted()).await, on_read, "rendered again by the consumer");
}

#[tokio::test]
async fn a_damaged_document_of_an_older_revision_is_never_served() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("left-pad", "1.0.0")).await;
    packument(&ann, "left-pad").await;
    let storage = app.state().storage();
    for path in storage.list_objects("documents/", None).await.unwrap() {
        let (rest, variant) = path.rsplit_once('.').unwrap();
        assert!(rest.ends_with("/1"), "named by its revision: {path}");
        let uid = path.split('/').nth(1).unwrap().to_owned();
        let key = ObjectKey::Document {
            package: app.package_key("libs", "left-pad"),
            repo_uid: uid,
            rev: 1,
            variant: variant.into(),
        };
        storage.put_document(&key, b"not what it was".as_slice().into()).await.unwrap();
    }
    publish(&ann, &NpmPackage::new("left-pad", "1.1.0")).await;
    let (_, full, abbreviated) = forms(&app, &ann, "left-pad").await;
    assert_eq!(keys(&full["versions"]), ["1.0.0", "1.1.0"]);
    assert_eq!(keys(&abbreviated["versions"]), ["1.0.0", "1.1.0"]);
}
