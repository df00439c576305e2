//! Icons.

use granary_publish::digests::Digests;
use granary_publish::upload::state::LIFETIME_MILLIS;

use super::*;

/// The icon of an entity as somebody gets it.
async fn icon(actor: &Actor, id: &str) -> TestResponse {
    actor.get(&format!("{}/icon", at(id))).await
}

#[tokio::test]
async fn an_icon_comes_with_a_new_entity() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    for (slug, ext, media_type, bytes) in
        [("one", "svg", "image/svg+xml", SVG.to_vec()), ("two", "png", "image/png", png("a"))]
    {
        let address = icon_address(&ann, slug, ext).await;
        let names: BTreeSet<&str> = address.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["expires_at", "headers", "method", "storage_path", "upload_url"];
        assert_eq!(names, BTreeSet::from(expected));
        assert_eq!(address["method"], "PUT");
        assert_eq!(put_signed(&address, &bytes).await, 200);
        let mut body = plain(slug);
        body["icon_path"] = address["storage_path"].clone();
        let id = made_entity(&ann, &body).await;
        let digests = Digests::of(&bytes);
        let entity = shown(&ann, &id).await;
        assert_eq!(entity["icon_url"], format!("{}/api/entities/{id}/icon", granary_testing::PUBLIC_URL));
        assert_eq!(entity["icon_hash"], digests.sha256.to_string());
        let icon = icon(&ann, &id).await;
        assert_eq!((icon.status, icon.header("content-type"), &icon.body[..]), (200, media_type, &bytes[..]));
        // What an SVG has in it must not run, and an icon may be replaced at any time.
        assert_eq!(icon.header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(icon.header("x-content-type-options"), "nosniff");
        assert_eq!(icon.header("cache-control"), "private, no-cache");
        let path = format!("{}/icon", at(&id));
        let head = ann.head(&path).await;
        assert_eq!((head.status, head.header("content-length")), (200, bytes.len().to_string().as_str()));
        assert!(head.body.is_empty());
        let fresh = ann.get_with(&path, &[("if-none-match", icon.header("etag"))]).await;
        assert_eq!(fresh.status, 304);
        assert_eq!(holders(&app, digests.sha256).await, 1);
    }
}

#[tokio::test]
async fn icons_are_replaced_and_removed_and_their_bytes_go() {
    let (app, ann, id) = shelf().await;
    expect(&icon(&ann, &id).await, 404, &["has no icon"]);
    let mut before: Option<Sha256> = None;
    for bytes in [png("a"), png("b")] {
        let path = sent_icon(&ann, "my-app", "png", &bytes).await;
        let updated = ann.put_json(&at(&id), &json!({ "icon_path": path })).await;
        assert_eq!(updated.status, 200, "{}", updated.text());
        let digest = Digests::of(&bytes).sha256;
        assert_eq!(updated.json()["entity"]["icon_hash"], digest.to_string());
        assert_eq!(icon(&ann, &id).await.body[..], bytes[..]);
        assert_eq!(holders(&app, digest).await, 1);
        if let Some(before) = before {
            assert_eq!(holders(&app, before).await, 0);
        }
        before = Some(digest);
        // The same once more is a retry.
        assert_eq!(ann.put_json(&at(&id), &json!({ "icon_path": path })).await.status, 200);
        assert_eq!(holders(&app, digest).await, 1);
    }
    let cleared = ann.put_json(&at(&id), &json!({ "icon_path": "" })).await;
    let entity = cleared.json()["entity"].clone();
    assert_eq!((&entity["icon_url"], &entity["icon_hash"]), (&json!(null), &json!(null)));
    expect(&icon(&ann, &id).await, 404, &["has no icon"]);
    assert_eq!(holders(&app, before.unwrap()).await, 0);
    app.settle().await;
    app.clock.advance_millis(2 * 3_600_000);
    app.sweep().await;
    assert!(app.blobs().await.is_empty(), "{:?}", app.blobs().await);
}

#[tokio::test]
async fn the_hash_is_what_the_publisher_says() {
    let (_app, ann, id) = shelf().await;
    let path = sent_icon(&ann, "my-app", "svg", SVG).await;
    let sha256 = Digests::of(SVG).sha256.to_string();
    for (body, expected) in [
        (json!({ "icon_path": path, "icon_hash": "v1" }), json!("v1")),
        (json!({ "name": "x" }), json!("v1")),
        (json!({ "icon_hash": "v2" }), json!("v2")),
        (json!({ "icon_hash": "" }), json!(null)),
        (json!({ "icon_path": path }), json!(sha256)),
        (json!({ "icon_path": null }), json!(null)),
        (json!({ "icon_hash": "v3" }), json!("v3")),
    ] {
        let updated = ann.put_json(&at(&id), &body).await;
        assert_eq!(updated.status, 200, "{}", updated.text());
        assert_eq!(updated.json()["entity"]["icon_hash"], expected, "{body}");
    }
}

#[tokio::test]
async fn a_path_is_good_for_one_slug_and_one_caller_and_one_day() {
    let (app, ann, id) = shelf().await;
    let eve = app.known_user("eve").await;
    let other = made_entity(&ann, &plain("other")).await;
    let path = sent_icon(&ann, "my-app", "svg", SVG).await;
    let hers = sent_icon(&eve, "my-app", "svg", SVG).await;
    let set = async |id: &str, path: &str| ann.put_json(&at(id), &json!({ "icon_path": path })).await;
    for (id, path) in [
        (&other, path.clone()),
        (&id, hers),
        (&id, format!("{path}/")),
        (&id, format!("{}1", path.trim_end_matches('0'))),
        (&id, path.trim_end_matches("/0").to_owned()),
        (&id, format!("/{path}")),
        (&id, format!("staging/../{path}")),
        (&id, "staging//0".to_owned()),
        (&id, format!("staging/{}/0", "a".repeat(40))),
        (&id, format!("staging/{}/0", "a".repeat(4_000))),
        (&id, "../secret".to_owned()),
    ] {
        expect(&set(id, &path).await, 400, &["icon_path", "icon-upload-url"]);
    }
    let mut stolen = plain("third");
    stolen["icon_path"] = path.clone().into();
    expect(&eve.post_json(PATH, &stolen).await, 400, &["icon_path"]);
    assert_eq!(row(&app, &id).await.icon, None);
    assert_eq!(set(&id, &path).await.status, 200);
    app.clock.advance_millis(LIFETIME_MILLIS + 1);
    let ann = app.user("ann");
    expect(&ann.put_json(&at(&id), &json!({ "icon_path": path })).await, 400, &["expired"]);
    granary_events::sweep_uploads(app.state()).await.unwrap();
    assert_eq!(icon(&ann, &id).await.body[..], *SVG);
    let staged = app.state().storage().list_objects("staging/", None).await.unwrap();
    assert!(staged.is_empty(), "{staged:?}");
}

#[tokio::test]
async fn what_arrives_is_looked_at() {
    let (app, ann, id) = shelf().await;
    let large = |bytes: &[u8], size: usize| [bytes, &vec![b' '; size - bytes.len()]].concat();
    for (ext, bytes, words) in [
        ("svg", b"<html/>".to_vec(), vec!["icon.svg", "svg"]),
        ("svg", b"<svg>".to_vec(), vec!["icon.svg", "middle"]),
        ("svg", b"<svg>\xff</svg>".to_vec(), vec!["UTF-8"]),
        ("svg", png("x"), vec!["icon.svg"]),
        ("svg", Vec::new(), vec!["icon.svg"]),
        ("png", SVG.to_vec(), vec!["icon.png", "signature"]),
        ("png", Vec::new(), vec!["icon.png"]),
        ("png", large(&png("x"), 1_048_577), vec!["1048577", "1048576"]),
        ("svg", large(SVG, 1_048_577), vec!["1048577"]),
    ] {
        let path = sent_icon(&ann, "my-app", ext, &bytes).await;
        let response = ann.put_json(&at(&id), &json!({ "icon_path": path })).await;
        expect(&response, 400, &[&["icon_path"], words.as_slice()].concat());
    }
    let address = icon_address(&ann, "my-app", "svg").await;
    let unsent = json!({ "icon_path": address["storage_path"] });
    expect(&ann.put_json(&at(&id), &unsent).await, 400, &["icon_path", "has not arrived"]);
    assert_eq!(row(&app, &id).await.rev, 1);
    assert!(app.blobs().await.is_empty());
    // The largest one, and the most that is served from here.
    let path = sent_icon(&ann, "my-app", "svg", &large(SVG, 1_048_576)).await;
    assert_eq!(ann.put_json(&at(&id), &json!({ "icon_path": path })).await.status, 200);
    let icon = icon(&ann, &id).await;
    assert_eq!((icon.status, icon.body.len()), (200, 1_048_576));
}

#[tokio::test]
async fn addresses_are_asked_for_by_the_rules() {
    let (_app, ann, _) = shelf().await;
    let path = format!("{PATH}/icon-upload-url");
    for (body, words) in [
        (json!({}), ["entity_slug", "required"]),
        (json!({ "entity_slug": "x" }), ["ext", "required"]),
        (json!({ "ext": "svg" }), ["entity_slug", "required"]),
        (json!({ "entity_slug": "X", "ext": "svg" }), ["entity_slug", "a-z"]),
        (json!({ "entity_slug": "../x", "ext": "svg" }), ["entity_slug", "a-z"]),
        (json!({ "entity_slug": "x", "ext": "gif" }), ["ext", "'svg' or 'png'"]),
        (json!({ "entity_slug": "x", "ext": "svg", "size": 1 }), ["unknown field", "size"]),
    ] {
        expect(&ann.post_json(&path, &body).await, 400, &words);
    }
    // Whether there is such an entity, and whose it is, does not show.
    icon_address(&ann, "nobodys", "svg").await;
}

#[tokio::test]
async fn an_icon_goes_with_its_entity() {
    let (app, ann, id) = shelf().await;
    let path = sent_icon(&ann, "my-app", "svg", SVG).await;
    assert_eq!(ann.put_json(&at(&id), &json!({ "icon_path": path })).await.status, 200);
    assert_eq!(ann.delete(&at(&id)).await.status, 204);
    expect(&icon(&ann, &id).await, 404, &["entity"]);
    app.settle().await;
    assert_eq!(holders(&app, Digests::of(SVG).sha256).await, 0);
}
