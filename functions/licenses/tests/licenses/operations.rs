//! The five operations as the interface documents them.

use granary_testing::START;
use serde_json::json;

use super::*;

#[tokio::test]
async fn the_life_of_a_licence() {
    let (app, ann) = shop().await;
    let body = json!({
        "name": "Default License", "key": "12345-12345-ABCDE", "constraint": { "type": "none" }, "suspended": false,
        "meta": { "key": "value" }, "packages": ["example-package"],
    });
    let made = ann.post_json(PATH, &body).await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{}", made.text());
    let mut licence = body.clone();
    licence["id"] = made.json()["id"].clone();
    licence["createdAt"] = START.into();
    licence["updatedAt"] = START.into();
    assert_eq!(made.json(), licence);
    // In the order of the documentation.
    let members: Vec<String> = made.json().as_object().unwrap().keys().cloned().collect();
    let documented =
        ["id", "name", "key", "constraint", "suspended", "meta", "packages", "createdAt", "updatedAt"];
    assert_eq!(members, documented);
    let id = text(&licence, "id");
    assert_eq!((id.len(), &id[14..15]), (36, "7"), "a UUID of version 7: {id}");

    let shown = ann.get(&at(&licence)).await;
    assert_eq!((shown.status, shown.json()), (200, licence.clone()));
    let listed = ann.get(PATH).await;
    let mut item = licence.clone();
    item.as_object_mut().unwrap().remove("constraint");
    let page = json!({ "pagination": { "count": 1, "prev": null, "next": null }, "data": [item] });
    assert_eq!((listed.status, listed.json()), (200, page));

    app.clock.advance_millis(5_000);
    let body = json!({
        "name": "Other", "key": "other-key-1", "constraint": { "type": "date", "value": 1_697_095_609_643_i64 },
        "suspended": true, "packages": ["other-package"],
    });
    let replaced = ann.put_json(&at(&licence), &body).await;
    assert_eq!(replaced.status, 200, "{}", replaced.text());
    let mut expected = body.clone();
    expected["id"] = id.into();
    // Left out, so gone.
    expected["meta"] = json!({});
    expected["createdAt"] = START.into();
    expected["updatedAt"] = (START + 5_000).into();
    assert_eq!(replaced.json(), expected);
    assert_eq!(ann.get(&at(&licence)).await.json(), expected);

    let deleted = ann.delete(&at(&licence)).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(ann.get(PATH).await.json()["pagination"]["count"], 0);
    for response in [ann.get(&at(&licence)).await, ann.delete(&at(&licence)).await] {
        assert!(refused(&response, 404).contains(id));
    }
    refused(&ann.put_json(&at(&licence), &body).await, 404);
}

#[tokio::test]
async fn what_is_left_out_has_defaults() {
    let (_app, ann) = shop().await;
    let licence = create(&ann, &plain(&[])).await;
    assert_eq!((text(&licence, "name"), &licence["suspended"]), ("Default License", &json!(false)));
    assert_eq!((&licence["meta"], &licence["packages"]), (&json!({}), &json!([])));
    let groups: Vec<usize> = text(&licence, "key").split('-').map(str::len).collect();
    assert_eq!(groups, [5, 5, 5]);
    let other = create(&ann, &plain(&[])).await;
    assert_ne!(text(&licence, "key"), text(&other, "key"));
    // `null` is as if it were not there.
    let body = json!({
        "name": null, "key": null, "suspended": null, "meta": null, "onExpiry": null, "packages": [],
        "constraint": { "type": "none", "value": null },
    });
    assert_eq!(create(&ann, &body).await["constraint"], json!({ "type": "none" }));
}

#[tokio::test]
async fn every_constraint_comes_back_as_it_was_given() {
    let (_app, ann) = shop().await;
    for constraint in [
        json!({ "type": "none" }),
        json!({ "type": "date", "value": 0 }),
        json!({ "type": "date", "value": 253_402_300_799_999_i64 }),
        json!({ "type": "version", "value": "<2.0.0" }),
        json!({ "type": "version", "value": ">=1.2.0 <2 || ^3.1" }),
    ] {
        let licence = create(&ann, &json!({ "constraint": constraint, "packages": ["pad"] })).await;
        assert_eq!(licence["constraint"], constraint);
        assert_eq!(ann.get(&at(&licence)).await.json(), licence);
    }
}

#[tokio::test]
async fn what_expiry_means_is_an_extension() {
    let (_app, ann) = shop().await;
    let dated = json!({ "constraint": { "type": "date", "value": 1 }, "packages": ["pad"] });
    for (given, shown) in [
        ("revoke", None),
        ("restrict", Some("restrict")),
        ("maintain", Some("maintain")),
        ("allow", Some("allow")),
    ] {
        let mut body = dated.clone();
        body["onExpiry"] = given.into();
        let licence = create(&ann, &body).await;
        assert_eq!(licence.get("onExpiry").and_then(Value::as_str), shown, "{licence}");
        // What was read can be sent again, with another constraint too.
        assert_eq!(change(&ann, &licence, &[]).await["onExpiry"], licence["onExpiry"]);
        let free = change(&ann, &licence, &[("constraint", json!({ "type": "none" }))]).await;
        assert_eq!(free["onExpiry"], licence["onExpiry"]);
        // Not said again, it is the default.
        let mut body = body_of(&licence);
        body.as_object_mut().unwrap().remove("onExpiry");
        let replaced = ann.put_json(&at(&licence), &body).await.json();
        assert!(replaced.get("onExpiry").is_none(), "{replaced}");
    }
}

#[tokio::test]
async fn every_change_is_on_record() {
    let (app, ann) = shop().await;
    let licence = create(&ann, &plain(&["pad"])).await;
    change(&ann, &licence, &[("suspended", json!(true))]).await;
    assert_eq!(ann.delete(&at(&licence)).await.status, 204);
    let records = app.audit("user:ann").await;
    let of_licences: Vec<&Value> =
        records.iter().filter(|row| text(row, "action").starts_with("licence.")).collect();
    let mut actions: Vec<&str> = of_licences.iter().map(|row| text(row, "action")).collect();
    actions.sort_unstable();
    assert_eq!(actions, ["licence.create", "licence.delete", "licence.update"]);
    for row in of_licences {
        assert_eq!(text(row, "target"), format!("user:ann/licences/{}", text(&licence, "id")));
        assert_eq!(text(row, "actor"), "user:ann");
    }
}

#[tokio::test]
async fn a_change_never_dates_back() {
    let (app, ann) = shop().await;
    let licence = create(&ann, &plain(&["pad"])).await;
    app.clock.advance_millis(-60_000);
    let changed = change(&ann, &licence, &[("suspended", json!(true))]).await;
    assert_eq!(changed["updatedAt"], licence["updatedAt"], "the clocks of two functions differ");
}
