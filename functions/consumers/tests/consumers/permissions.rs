//! Permissions: they add up, move, and end.

use granary_storage::Key;
use granary_storage::rows::ConsumerRow;
use granary_testing::{TestApp, tenant_of};
use serde_json::json;

use crate::{NAME, consumer, expect, id, made, package, permit, published, shop, versions};

async fn stored(app: &TestApp, number: u64) -> ConsumerRow {
    let storage = app.state().storage();
    let row: ConsumerRow = storage.get(&Key::Consumer(tenant_of("ann"), number)).await.unwrap().unwrap();
    let key = Key::ConsumerKey(row.public_key.consumer_hash());
    let other: ConsumerRow = storage.get(&key).await.unwrap().unwrap();
    assert_eq!(row, other, "both copies are the same");
    row
}

#[tokio::test]
async fn several_permissions_add_up() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    for version in ["3.1", "4.2", "5.0-beta1", "5.3", "6.0"] {
        published(&ann, one, version).await;
    }
    let (customer, buyer) = consumer(&app, &ann).await;
    assert_eq!(versions(&buyer, NAME).await, Vec::<String>::new());
    let four = permit(&ann, customer, one, "4.*").await;
    assert_eq!(versions(&buyer, NAME).await, ["4.2"]);
    permit(&ann, customer, one, "5.*").await;
    assert_eq!(versions(&buyer, NAME).await, ["4.2", "5.0-beta1", "5.3"]);
    let path = format!("/permissions/{four}");
    expect(&ann.put_json(&path, &json!({ "version": "3.* || 6.*" })).await, 200, &[]);
    assert_eq!(versions(&buyer, NAME).await, ["3.1", "5.0-beta1", "5.3", "6.0"]);
    assert_eq!(ann.delete(&path).await.status, 204);
    assert_eq!(versions(&buyer, NAME).await, ["5.0-beta1", "5.3"]);
    stored(&app, customer).await;
}

#[tokio::test]
async fn a_permission_moves_to_another_consumer_and_package() {
    let (app, ann) = shop().await;
    let (one, two) = (package(&ann, NAME).await, package(&ann, "acme/other").await);
    published(&ann, one, "1.0").await;
    let ((a, buyer_a), (b, buyer_b)) = (consumer(&app, &ann).await, consumer(&app, &ann).await);
    let permission = permit(&ann, a, one, "*").await;
    let path = format!("/permissions/{permission}");
    app.clock.advance_millis(60_000);
    let moved = ann.put_json(&path, &json!({ "consumer_id": b, "package_id": one, "version": "1.*" })).await;
    expect(&moved, 200, &[]);
    let moved = moved.json();
    assert_eq!(
        (id(&moved), &moved["consumer_id"], &moved["version"]),
        (permission, &json!(b), &json!("1.*"))
    );
    assert_eq!(
        (&moved["created_at"], &moved["updated_at"]),
        (&json!("2026-09-21 14:13:20"), &json!("2026-09-21 14:14:20"))
    );
    assert_eq!(ann.get(&path).await.json(), moved);
    assert_eq!(versions(&buyer_a, NAME).await, Vec::<String>::new());
    assert_eq!(versions(&buyer_b, NAME).await, ["1.0"]);
    expect(&ann.patch_json(&path, &json!({ "package_id": two })).await, 200, &[]);
    assert_eq!(versions(&buyer_b, NAME).await, Vec::<String>::new());
    let packages = ann.get(&format!("/consumers/{b}/packages")).await.json();
    assert_eq!((packages.as_array().unwrap().len(), &packages[0]["id"]), (1, &json!(two)));
    for (number, count) in [(a, 0), (b, 1)] {
        assert_eq!(stored(&app, number).await.permissions.len(), count);
    }
    assert_eq!(ann.delete(&path).await.status, 204);
    expect(&ann.get(&path).await, 404, &["permission"]);
}

#[tokio::test]
async fn every_change_of_a_permission_has_a_time_of_its_own() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let made = made(&ann, "/consumers", json!({ "email": "a@b" })).await;
    let mut times = vec![stored(&app, id(&made)).await.changed_at];
    let permission = permit(&ann, id(&made), one, "1.*").await;
    times.push(stored(&app, id(&made)).await.changed_at);
    ann.patch_json(&format!("/permissions/{permission}"), &json!({ "version": "2.*" })).await;
    times.push(stored(&app, id(&made)).await.changed_at);
    ann.delete(&format!("/permissions/{permission}")).await;
    times.push(stored(&app, id(&made)).await.changed_at);
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    // The consumer itself has not changed.
    assert_eq!(ann.get("/consumers/1").await.json()["updated_at"], made["updated_at"]);
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let (customer, _) = consumer(&app, &ann).await;
    let permission = permit(&ann, customer, one, "1.*").await;
    let number = published(&ann, one, "1.0").await;
    for (path, body, status) in [
        (format!("/permissions/{permission}"), json!({ "version": "1.*" }), 200),
        (format!("/consumers/{customer}"), json!({}), 200),
        (format!("/packages/{one}"), json!({ "status": 1, "name": NAME }), 201),
        (format!("/versions/{number}"), json!({ "status": 1, "name": "1.0" }), 200),
    ] {
        app.probe.reset();
        assert_eq!(ann.put_json(&path, &body).await.status, status, "{path}");
        let writes = app.probe.calls().into_iter().filter(|call| call.operation == "TransactWriteItems");
        assert_eq!(writes.count(), 0, "{path}");
    }
}
