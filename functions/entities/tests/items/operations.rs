//! What the operations answer.

use super::*;

#[tokio::test]
async fn an_entity_has_its_form() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    let body = json!({ "type": "chat_extension", "slug": "helper", "name": " Helper ", "description": "Helps\nme." });
    let made = ann.post_json(PATH, &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.header("cache-control"), "no-store");
    let id = made.json()["entity"]["id"].as_str().unwrap().to_owned();
    let moment = app.clock_text();
    let entity = json!({
        "id": id,
        "type": "chat_extension",
        "slug": "helper",
        "name": "Helper",
        "description": "Helps\nme.",
        "icon_url": null,
        "icon_hash": null,
        "owner": { "type": "user", "id": "ann" },
        "org_slug": null,
        "active_version": null,
        "version_count": 0,
        "total_size_bytes": 0,
        "created_at": moment,
        "updated_at": moment,
    });
    let storage = json!({ "type": "platform-managed" });
    assert_eq!(made.json(), json!({ "entity": entity, "storage": storage }));
    let whole = json!({
        "entity": entity,
        "active_version": null,
        "versions": [],
        "versions_truncated": false,
        "storage": storage,
    });
    assert_eq!(ann.get(&at(&id)).await.json(), whole);
    let mut details = whole.clone();
    details["access"] = "publisher".into();
    details["publishers"] = json!([{ "user_id": "ann", "name": "Name of ann", "email": "ann@example.com" }]);
    details["stores"] = json!([]);
    details["shares"] = json!([]);
    details["dependencies"] = json!([]);
    assert_eq!(ann.get(&format!("{}/details", at(&id))).await.json(), details);
    assert_eq!(ann.get(PATH).await.json(), json!({ "entities": [entity], "next": null }));
    // A UUID of version 7.
    assert_eq!((id.len(), id.as_bytes()[14]), (36, b'7'));
}

trait ClockText {
    fn clock_text(&self) -> String;
}

impl ClockText for TestApp {
    fn clock_text(&self) -> String {
        self.state().now().to_string()
    }
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let (app, ann, id) = shelf().await;
    app.clock.advance_millis(1_000);
    let path = at(&id);
    let updated = ann.put_json(&path, &json!({ "name": "Mine", "description": "About it" })).await;
    assert_eq!(updated.status, 200, "{}", updated.text());
    let entity = updated.json()["entity"].clone();
    assert_eq!((&entity["name"], &entity["description"]), (&json!("Mine"), &json!("About it")));
    assert_eq!(entity["updated_at"], app.state().now().to_string());
    assert_ne!(entity["updated_at"], entity["created_at"]);
    assert_eq!(shown(&ann, &id).await, entity);
    for (body, name, description) in [
        (json!({ "name": "Yours" }), "Yours", json!("About it")),
        (json!({}), "Yours", json!("About it")),
        (json!({ "description": "" }), "Yours", json!(null)),
        (json!({ "description": "Again" }), "Yours", json!("Again")),
        (json!({ "description": null }), "Yours", json!(null)),
    ] {
        let updated = ann.put_json(&path, &body).await;
        assert_eq!(updated.status, 200, "{}", updated.text());
        let entity = updated.json()["entity"].clone();
        assert_eq!((&entity["name"], &entity["description"]), (&json!(name), &description), "{body}");
        assert_eq!(shown(&ann, &id).await, entity);
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let (app, ann, id) = shelf().await;
    let before = row(&app, &id).await;
    app.clock.advance_millis(1_000);
    for body in [json!({}), json!({ "name": "my-app" }), json!({ "description": "", "icon_hash": null })] {
        assert_eq!(ann.put_json(&at(&id), &body).await.status, 200);
    }
    assert_eq!(row(&app, &id).await, before);
    assert_eq!(actions(&app, "user:ann").await, BTreeSet::from(["entity.create".to_owned()]));
}

#[tokio::test]
async fn what_happens_is_on_record() {
    let (app, ann, id) = shelf().await;
    app.known_user("bob").await;
    ann.put_json(&at(&id), &json!({ "name": "Mine" })).await;
    ann.post_json(&format!("{}/publishers", at(&id)), &json!({ "userId": "bob" })).await;
    ann.delete(&format!("{}/publishers/bob", at(&id))).await;
    ann.delete(&at(&id)).await;
    let records = app.audit("user:ann").await;
    let targets: BTreeSet<(&str, &str)> = records
        .iter()
        .map(|record| (record["action"].as_str().unwrap(), record["target"].as_str().unwrap()))
        .collect();
    let expected = [
        ("entity.create", "entity/my-app"),
        ("entity.update", "entity/my-app"),
        ("entity.publisher.add", "entity/my-app/publishers/bob"),
        ("entity.publisher.remove", "entity/my-app/publishers/bob"),
        ("entity.delete", "entity/my-app"),
    ];
    assert_eq!(targets, BTreeSet::from(expected));
    assert!(records.iter().all(|record| record["actor"] == "user:ann"), "{records:?}");
}

#[tokio::test]
async fn every_type_and_every_kind_of_user_credential_makes_entities() {
    let app = TestApp::new().await;
    let session = app.known_user("ann").await;
    let write = app.account_token("ann", &["read", "write"]).await;
    for (actor, kind) in [(&session, "app"), (&session, "service"), (&write, "chat_extension")] {
        let slug = kind.replace('_', "-");
        let id = made_entity(actor, &json!({ "type": kind, "slug": slug, "name": "x" })).await;
        assert_eq!(shown(&session, &id).await["type"], kind);
        check(&app, &id, &["ann"]).await;
    }
}
