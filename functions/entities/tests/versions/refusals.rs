//! What is refused, with a reason that names it and nothing stored.

use granary_storage::rows::UploadStatus;
use granary_testing::entities::{EntityUpload, new_entity, put_signed};
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use crate::support::{FIRST, SECOND, Stored, expect, handover, path, shop, staged, stored};

const HASH: &str = "ab";

fn body(version: &str, source_hash: &str) -> Value {
    json!({ "version": version, "source_hash": source_hash })
}

/// Nothing has come of it.
async fn nothing(app: &TestApp, entity: &str) {
    let held: Stored = stored(app, entity).await;
    assert_eq!((held.live.len(), held.tombstones.len(), held.bytes), (0, 0, 0));
    assert_eq!(app.blobs().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_first_step_names_what_is_wrong() {
    let (app, ann, entity) = shop().await;
    let (long, short) = (HASH.repeat(32), HASH.repeat(20));
    let url = path(&entity, "/upload-url");
    for version in [
        "",
        "1.0.0",
        "2024.06.10",
        "2024.6.10-153042",
        "2024.06.10-15304",
        "2024.06.10-153060",
        "2024.13.10-153042",
        "2023.02.29-000000",
        "2024.06.10T153042",
        "../../../etc-passw",
        "2024.06.10-153042/..",
        " 2024.06.10-153042",
        "2024.06.10-153042\u{0}",
    ] {
        expect(&ann.post_json(&url, &body(version, &long)).await, 400, &["version", "YYYY.MM.DD-HHMMSS"]);
    }
    for hash in [
        String::new(),
        "abc".into(),
        "g".repeat(64),
        "a".repeat(63),
        "a".repeat(65),
        "a".repeat(41),
        "a".repeat(39),
        format!("sha256:{long}"),
        format!("{long} "),
        format!("0x{}", "a".repeat(62)),
        "../".repeat(20),
    ] {
        expect(&ann.post_json(&url, &body(FIRST, &hash)).await, 400, &["source_hash", "64 or 40 digits"]);
    }
    let with = |name: &str, value: Value| {
        let mut body = body(FIRST, &long);
        body[name] = value;
        body
    };
    for (bad, word) in [
        (json!({ "source_hash": long }), "version"),
        (json!({ "version": FIRST }), "source_hash"),
        (with("version", json!(20_240_610)), "version"),
        (with("version", Value::Null), "version"),
        (with("source_hash", json!(["a"])), "source_hash"),
        (with("force", json!("true")), "force"),
        (with("force", json!(1)), "force"),
        (with("base_version_id", json!(7)), "base_version_id"),
        (with("file_size_bytes", json!(-1)), "file_size_bytes"),
        (with("file_size_bytes", json!(0)), "file_size_bytes"),
        (with("file_size_bytes", json!(1.5)), "file_size_bytes"),
        (with("file_size_bytes", json!("17")), "file_size_bytes"),
        (with("file_size_bytes", json!(5_000_000_001u64)), "from 1 to 5000000000"),
        (with("file_size_bytes", json!(1e300)), "file_size_bytes"),
        (with("sha256", json!(long)), "file_size_bytes"),
        (with("versoin", json!(FIRST)), "versoin"),
        (with("baseVersionId", json!(FIRST)), "unknown field"),
    ] {
        expect(&ann.post_json(&url, &bad).await, 400, &[word]);
    }
    let mut bad = with("file_size_bytes", json!(7));
    bad["sha256"] = json!("xyz");
    expect(&ann.post_json(&url, &bad).await, 400, &["sha256"]);
    for text in ["", "[]", "{", "null", "\"x\"", "{\"version\":1,\"version\":2}"] {
        let response = ann.request("POST", &url, &[("content-type", "application/json")], text).await;
        expect(&response, 400, &[]);
    }
    // What is right is taken: both kinds of hashes, in upper case as well.
    for (version, hash) in [(FIRST, long.to_uppercase()), (SECOND, short)] {
        expect(&ann.post_json(&url, &body(version, &hash)).await, 200, &[]);
    }
    nothing(&app, &entity).await;
}

#[tokio::test]
async fn parents_have_to_be_live_versions_of_the_entity() {
    let (_app, ann, entity) = shop().await;
    let other = new_entity(&ann, "app", "other-app").await;
    let foreign = EntityUpload::new(SECOND).made(&ann, &other).await;
    let deleted = EntityUpload::new("2024.01.01-000000").made(&ann, &entity).await;
    assert_eq!(ann.delete(&path(&entity, "/2024.01.01-000000")).await.status, 204);
    let own = EntityUpload::new("2024.01.02-000000").made(&ann, &entity).await;
    for base in [
        SECOND,
        FIRST,
        foreign["id"].as_str().unwrap(),
        deleted["id"].as_str().unwrap(),
        "2024.01.01-000000",
        "",
        "../x",
        "SOURCE#",
        &"x".repeat(5_000),
    ] {
        let response = EntityUpload::new(FIRST).begin_with("base_version_id", base).ask(&ann, &entity).await;
        expect(&response, 400, &["base_version_id", "no version"]);
    }
    for base in ["2024.01.02-000000", own["id"].as_str().unwrap()] {
        expect(
            &EntityUpload::new(FIRST).begin_with("base_version_id", base).ask(&ann, &entity).await,
            200,
            &[],
        );
    }
}

#[tokio::test]
async fn only_what_has_arrived_can_be_confirmed() {
    let (app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST);
    let begun = upload.ask(&ann, &entity).await.json();
    expect(
        &upload.confirmed(&ann, &entity, &begun).await,
        400,
        &["my-app-2024.06.10-153042.zip", "has not arrived"],
    );
    assert_eq!(put_signed(&begun["package"], &upload.package).await, 200);
    let size = upload.package.len();
    for wrong in [size - 1, size + 1, 1] {
        let response =
            upload.clone().confirm_with("file_size_bytes", wrong).confirmed(&ann, &entity, &begun).await;
        expect(&response, 400, &[&size.to_string(), &wrong.to_string()]);
    }
    // The lock file was named and not sent, or sent empty.
    let locked = upload.clone().lockfile(b"{}");
    expect(&locked.confirmed(&ann, &entity, &begun).await, 400, &["package_lock_path", "has not arrived"]);
    assert_eq!(put_signed(&begun["lockfile"], b"").await, 200);
    expect(&locked.confirmed(&ann, &entity, &begun).await, 400, &["package_lock_path", "0 bytes"]);
    assert_eq!(stored(&app, &entity).await.live, Vec::<String>::new());
    // What was refused can be put right.
    expect(&upload.confirmed(&ann, &entity, &begun).await, 201, &[]);
}

#[tokio::test]
async fn paths_are_good_for_what_they_were_given_for() {
    let (app, ann, entity) = shop().await;
    let other = new_entity(&ann, "app", "other-app").await;
    let (upload, second) = (EntityUpload::new(FIRST), EntityUpload::new(SECOND));
    let begun = upload.sent(&ann, &entity).await;
    let foreign = upload.sent(&ann, &other).await;
    let begun_second = second.lockfile(b"{}").sent(&ann, &entity).await;
    let own = begun["package"]["storage_path"].as_str().unwrap().to_owned();
    let lockfile = begun["lockfile"]["storage_path"].as_str().unwrap().to_owned();
    let id = own.split('/').nth(1).unwrap();
    for wrong in [
        foreign["package"]["storage_path"].as_str().unwrap().to_owned(),
        lockfile.clone(),
        String::new(),
        "staging".into(),
        "staging/".into(),
        "staging//0".into(),
        format!("staging/{id}"),
        format!("staging/{id}/"),
        format!("staging/{id}/2"),
        format!("staging/{id}/00"),
        format!("staging/{id}/../{id}/0"),
        format!("/{own}"),
        format!("./{own}"),
        format!("{own}/"),
        format!("staging/{}/0", id.to_lowercase()),
        "../../etc/passwd".into(),
        "blobs/sha256/00/00".into(),
        format!("staging/{}/0", "x".repeat(5_000)),
    ] {
        if wrong == own {
            continue;
        }
        let response =
            upload.clone().confirm_with("storage_path", wrong.clone()).confirmed(&ann, &entity, &begun).await;
        expect(&response, 400, &["storage_path", "ask for a new one"]);
    }
    for (field, value) in [("version", SECOND), ("source_hash", &"0".repeat(64))] {
        let response = upload.clone().confirm_with(field, value).confirmed(&ann, &entity, &begun).await;
        expect(&response, 400, &[field, "was given for"]);
    }
    let foreign_lock = begun_second["lockfile"]["storage_path"].as_str().unwrap();
    for wrong in [foreign_lock, own.as_str(), ""] {
        let response =
            upload.clone().confirm_with("package_lock_path", wrong).confirmed(&ann, &entity, &begun).await;
        expect(&response, 400, &["package_lock_path"]);
    }
    // The base version is that of the first step.
    let response =
        upload.clone().confirm_with("base_version_id", SECOND).confirmed(&ann, &entity, &begun).await;
    expect(&response, 400, &["base_version_id", "without a base"]);
    nothing(&app, &entity).await;
    // An icon's path is none of a version.
    let icon = ann
        .post_json("/api/entities/icon-upload-url", &json!({ "entity_slug": "my-app", "ext": "png" }))
        .await;
    let icon = icon.json()["storage_path"].as_str().unwrap().to_owned();
    expect(
        &upload.clone().confirm_with("storage_path", icon).confirmed(&ann, &entity, &begun).await,
        400,
        &["storage_path"],
    );
    expect(&upload.confirmed(&ann, &entity, &begun).await, 201, &[]);
}

/// Confirms with fields beside those that must be there.
async fn refused(ann: &Actor, entity: &str, begun: &Value, fields: &[(&str, Value)], words: &[&str]) {
    let mut upload = EntityUpload::new(FIRST);
    for (name, value) in fields {
        upload = upload.confirm_with(name, value.clone());
    }
    expect(&upload.confirmed(ann, entity, begun).await, 400, words);
}

#[tokio::test]
async fn the_second_step_names_what_is_wrong() {
    let (app, ann, entity) = shop().await;
    let begun = EntityUpload::new(FIRST).sent(&ann, &entity).await;
    let nested = format!("{}1{}", "{\"a\":".repeat(70), "}".repeat(70));
    let (large, text) = ("x".repeat(256 * 1024), "y".repeat(256 * 1024 - 8));
    let services = |count: usize| (0..count).map(|n| format!("s{n}")).collect::<Vec<_>>();
    for (name, value, words) in [
        ("file_size_bytes", json!(-5), &["file_size_bytes"][..]),
        ("file_size_bytes", json!(0), &["file_size_bytes"]),
        ("file_size_bytes", json!(2.5), &["file_size_bytes"]),
        ("file_size_bytes", json!("28"), &["file_size_bytes"]),
        ("file_size_bytes", json!(6_000_000_000u64), &["file_size_bytes"]),
        ("file_size_bytes", Value::Null, &["file_size_bytes", "required"]),
        ("storage_path", Value::Null, &["storage_path", "required"]),
        ("storage_path", json!(1), &["storage_path"]),
        ("package_lock_path", json!(true), &["package_lock_path"]),
        ("version", json!("1.0"), &["version"]),
        ("source_hash", json!("1.0"), &["source_hash"]),
        ("set_as_active", json!("yes"), &["set_as_active"]),
        ("force", json!(0), &["force"]),
        ("storagePath", json!("x"), &["unknown field"]),
        ("service_dependencies", json!("mail"), &["service_dependencies"]),
        ("service_dependencies", json!([1]), &["service_dependencies"]),
        ("service_dependencies", json!(["../mail"]), &["service_dependencies", "slug"]),
        ("service_dependencies", json!(["Mail"]), &["service_dependencies", "slug"]),
        ("service_dependencies", json!(["mail", "mail"]), &["service_dependencies", "twice"]),
        ("service_dependencies", json!(services(101)), &["service_dependencies", "at most 100"]),
        ("package_json", json!([]), &["package_json", "object"]),
        ("package_json", json!(1), &["package_json", "object"]),
        ("package_json", json!("[]"), &["package_json", "object"]),
        ("package_json", json!(""), &["package_json"]),
        ("package_json", json!("{"), &["package_json"]),
        ("package_json", json!("{\"a\":1,\"a\":2}"), &["package_json", "'a' twice"]),
        ("package_json", json!("{} {}"), &["package_json"]),
        ("package_json", json!(nested), &["package_json"]),
        ("package_json", json!({ "a": large }), &["package_json", "262144"]),
        ("package_json", json!(format!("{{\"a\":\"{text}\"}} ")), &["package_json", "262144"]),
    ] {
        refused(&ann, &entity, &begun, &[(name, value)], words).await;
    }
    nothing(&app, &entity).await;
    // As large as it may be.
    let most =
        EntityUpload::new(FIRST).confirm_with("package_json", json!({ "a": "x".repeat(256 * 1024 - 8) }));
    expect(&most.confirmed(&ann, &entity, &begun).await, 201, &[]);
    let shown = ann.get(&path(&entity, &format!("/{FIRST}"))).await.json();
    assert_eq!(shown["version"]["package_json"]["a"].as_str().unwrap().len(), 256 * 1024 - 8);
}

#[tokio::test]
async fn services_have_to_be_there_for_the_caller() {
    let (app, ann, entity) = shop().await;
    let bob = app.account_token("bob", &["write"]).await;
    new_entity(&ann, "service", "mail").await;
    new_entity(&ann, "service", "chat").await;
    new_entity(&bob, "service", "hidden").await;
    new_entity(&ann, "chat_extension", "extension").await;
    let begun = EntityUpload::new(FIRST).sent(&ann, &entity).await;
    let mut texts = Vec::new();
    for slug in ["unknown", "hidden", "extension", "my-app"] {
        let upload = EntityUpload::new(FIRST).confirm_with("service_dependencies", json!(["mail", slug]));
        let response = upload.confirmed(&ann, &entity, &begun).await;
        expect(&response, 400, &["service_dependencies", slug]);
        texts.push(response.error().replace(slug, "X"));
    }
    texts.dedup();
    assert_eq!(texts.len(), 1, "hidden and unknown ones read alike: {texts:?}");
    nothing(&app, &entity).await;
    let upload = EntityUpload::new(FIRST).confirm_with("service_dependencies", json!(["mail", "chat"]));
    let made = upload.confirmed(&ann, &entity, &begun).await;
    expect(&made, 201, &[]);
    assert_eq!(
        made.json()["version"]["service_dependencies"],
        json!(["mail", "chat"]),
        "in the order that was given"
    );
}

#[tokio::test]
async fn services_of_organisations_count_for_their_members() {
    let app = TestApp::new().await;
    let owner = app.org("olga", "acme", &[("ann", "admin")]).await;
    let body = json!({ "type": "service", "slug": "mail", "name": "Mail", "org_slug": "acme" });
    assert_eq!(owner.post_json("/api/entities", &body).await.status, 201);
    let (ann, bob) = (app.user("ann"), app.user("bob"));
    for (actor, slug, status) in [(&ann, "by-ann", 201), (&bob, "by-bob", 400)] {
        let entity = new_entity(actor, "app", slug).await;
        let upload = EntityUpload::new(FIRST).confirm_with("service_dependencies", json!(["mail"]));
        expect(&upload.upload(actor, &entity).await, status, &["mail"]);
    }
}

#[tokio::test]
async fn a_version_is_used_once() {
    let (app, ann, entity) = shop().await;
    EntityUpload::new(FIRST).made(&ann, &entity).await;
    let other = EntityUpload::of(FIRST, b"other bytes");
    expect(&other.ask(&ann, &entity).await, 409, &[FIRST, "exists already"]);
    // Begun before the other one was made.
    let second = EntityUpload::of(SECOND, b"other bytes").begin_with("force", true);
    let late = EntityUpload::of(SECOND, b"late bytes!").begin_with("force", true);
    let same_source = EntityUpload::of(SECOND, b"late bytes!").sources(&second.source_hash);
    let (begun, begun_late) = (second.sent(&ann, &entity).await, late.sent(&ann, &entity).await);
    let begun_same = same_source.sent(&ann, &entity).await;
    let begun_lock = second.clone().lockfile(b"{}").sent(&ann, &entity).await;
    expect(&second.confirmed(&ann, &entity, &begun).await, 201, &[]);
    expect(&late.confirmed(&ann, &entity, &begun_late).await, 409, &[SECOND, "never changes"]);
    expect(&same_source.confirmed(&ann, &entity, &begun_same).await, 409, &[SECOND, "never changes"]);
    let locked = second.clone().lockfile(b"{}");
    expect(&locked.confirmed(&ann, &entity, &begun_lock).await, 409, &[SECOND, "never changes"]);
    assert_eq!(ann.delete(&path(&entity, &format!("/{SECOND}"))).await.status, 204);
    expect(&second.ask(&ann, &entity).await, 409, &[SECOND, "deleted", "never be used again"]);
    expect(&second.confirmed(&ann, &entity, &begun_lock).await, 409, &[SECOND, "deleted"]);
    expect(&second.confirmed(&ann, &entity, &begun).await, 409, &[SECOND, "deleted"]);
    let held = stored(&app, &entity).await;
    assert_eq!((held.live, held.tombstones), (vec![FIRST.to_owned()], vec![SECOND.to_owned()]));
}

#[tokio::test]
async fn the_quota_holds_for_the_entity() {
    let app = TestApp::with(|config| {
        config.repo_quota = Some(100);
        config.max_file = 1_000;
    })
    .await;
    let ann = app.account_token("ann", &["write"]).await;
    let entity = new_entity(&ann, "app", "my-app").await;
    EntityUpload::of(FIRST, &[1; 60]).made(&ann, &entity).await;
    let words = &["quota of entity 'my-app'", "100 bytes"];
    let announced = EntityUpload::of(SECOND, &[2; 41]).begin_with("file_size_bytes", 41);
    expect(&announced.ask(&ann, &entity).await, 403, words);
    expect(&EntityUpload::of(SECOND, &[2; 41]).upload(&ann, &entity).await, 403, words);
    expect(&EntityUpload::of(SECOND, &[2; 30]).lockfile(&[3; 11]).upload(&ann, &entity).await, 403, words);
    let too_large = EntityUpload::of(SECOND, &[2; 41]).begin_with("file_size_bytes", 1_001);
    expect(&too_large.ask(&ann, &entity).await, 400, &["from 1 to 1000"]);
    expect(&EntityUpload::of(SECOND, &[2; 30]).lockfile(&[3; 10]).upload(&ann, &entity).await, 201, &[]);
    assert_eq!(stored(&app, &entity).await.bytes, 100);
    // Another entity has its own, and what is deleted makes room.
    let other = new_entity(&ann, "app", "other").await;
    EntityUpload::of(FIRST, &[4; 100]).made(&ann, &other).await;
    assert_eq!(ann.delete(&path(&entity, &format!("/{FIRST}"))).await.status, 204);
    EntityUpload::of("2024.07.01-000000", &[5; 60]).made(&ann, &entity).await;
}

#[tokio::test]
async fn many_uploads_at_once_stay_within_the_quota() {
    let app = TestApp::with(|config| config.repo_quota = Some(100)).await;
    let ann = app.account_token("ann", &["write"]).await;
    let entity = new_entity(&ann, "app", "my-app").await;
    let mut begun = Vec::new();
    for n in 0..6 {
        let upload = EntityUpload::of(&crate::support::numbered(n), &[u8::try_from(n).unwrap(); 30]);
        begun.push((upload.clone(), upload.sent(&ann, &entity).await));
    }
    let confirms = begun.iter().map(|(upload, begun)| upload.confirmed(&ann, &entity, begun));
    let answers = futures::future::join_all(confirms).await;
    let count = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(403)), (3, 3));
    assert_eq!(stored(&app, &entity).await.bytes, 90);
}

#[tokio::test]
async fn a_full_entity_still_knows_what_it_has() {
    let app = TestApp::with(|config| config.repo_quota = Some(60)).await;
    let ann = app.account_token("ann", &["write"]).await;
    let entity = new_entity(&ann, "app", "my-app").await;
    let upload = EntityUpload::of(FIRST, &[1; 60]);
    let begun = upload.sent(&ann, &entity).await;
    // The version is made, but not that it is done written down.
    let second = Target::operation(Service::DynamoDb, "TransactWriteItems", 2);
    app.probe.reset();
    app.probe.inject(second, Fault::Refuse);
    expect(&upload.confirmed(&ann, &entity, &begun).await, 201, &[]);
    app.probe.reset();
    assert_eq!(handover(&app, &begun).await.status, UploadStatus::Open);
    let again = upload.confirmed(&ann, &entity, &begun).await;
    expect(&again, 200, &[]);
    assert_eq!(again.json()["status"], "exists");
    assert_eq!(handover(&app, &begun).await.status, UploadStatus::Completed);
    assert_eq!(staged(&app).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_entity_that_is_deleted_takes_no_version() {
    let (app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST);
    let begun = upload.sent(&ann, &entity).await;
    assert_eq!(ann.delete(&format!("/api/entities/{entity}")).await.status, 204);
    expect(&upload.confirmed(&ann, &entity, &begun).await, 404, &["not found"]);
    app.sweep().await;
    expect(&upload.confirmed(&ann, &entity, &begun).await, 404, &["not found"]);
    assert_eq!(app.blobs().await, Vec::<String>::new());
}

#[tokio::test]
async fn names_in_paths_lead_nowhere_else() {
    let (_app, ann, entity) = shop().await;
    EntityUpload::new(FIRST).made(&ann, &entity).await;
    // What no path may have is refused before anything is looked for.
    let bad = ["%20", "SOURCE%23x", "x%2F..%2F2024.06.10-153042", "%5c"].map(|name| (name, 400));
    let unknown =
        ["2024.06.10-153043", "2024.06.31-153042", "latest", "..2024.06.10-153042"].map(|name| (name, 404));
    for (name, status) in bad.into_iter().chain(unknown) {
        for rest in [format!("/{name}"), format!("/{name}/download")] {
            expect(&ann.get(&path(&entity, &rest)).await, status, &[]);
        }
        expect(&ann.delete(&path(&entity, &format!("/{name}"))).await, status, &[]);
    }
    for id in ["nothing", "00000000-0000-7000-8000-000000000000", &"x".repeat(1_500)] {
        for rest in ["", "/active", &format!("/{FIRST}"), &format!("/{FIRST}/download")] {
            expect(&ann.get(&path(id, rest)).await, 404, &[]);
        }
        expect(&ann.post_json(&path(id, "/upload-url"), &body(FIRST, &HASH.repeat(32))).await, 404, &[]);
    }
    for (method, rest) in [
        ("GET", "/upload-url"),
        ("GET", "/confirm"),
        ("PUT", "/confirm"),
        ("DELETE", "/active"),
        ("POST", ""),
    ] {
        let response = ann.request(method, &path(&entity, rest), &[], "").await;
        // A version of that name is looked for where a version may be named.
        assert!(matches!(response.status, 404 | 405), "{method} {rest}: {}", response.text());
    }
}

#[tokio::test]
async fn what_is_confirmed_stays_with_its_handover() {
    let (app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST);
    let begun = upload.sent(&ann, &entity).await;
    expect(
        &upload.clone().confirm_with("file_size_bytes", 3).confirmed(&ann, &entity, &begun).await,
        400,
        &[],
    );
    // What was refused is not kept.
    let row = handover(&app, &begun).await;
    assert!(format!("{:?}", row.purpose).contains("confirmation: None"), "{row:?}");
    assert_eq!(staged(&app).await.len(), 1, "and can still be confirmed");
}
