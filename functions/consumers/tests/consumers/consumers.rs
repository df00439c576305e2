//! Consumers: their keys, and how they are found.

use granary_storage::Key;
use granary_testing::tenant_of;
use serde_json::{Value, json};

use crate::{NAME, consumer, expect, id, made, package, permit, published, shop, versions};

#[tokio::test]
async fn keys_are_generated_when_absent() {
    let (_app, ann) = shop().await;
    let one = made(&ann, "/consumers", json!({ "email": "one@example.com" })).await;
    let two = made(&ann, "/consumers", json!({ "email": "one@example.com", "public_key": null })).await;
    for name in ["public_key", "private_key"] {
        let (a, b) = (one[name].as_str().unwrap(), two[name].as_str().unwrap());
        assert_eq!((a.len(), b.len()), (60, 60));
        assert!(a != b && a.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
    assert_ne!(one["public_key"], one["private_key"]);
}

#[tokio::test]
async fn several_consumers_share_an_address() {
    let (_app, ann) = shop().await;
    for email in ["One@Example.com", "one@example.com", "two@example.com", "ünï@exämple.de"] {
        made(&ann, "/consumers", json!({ "email": email })).await;
    }
    let found = async |email: &str| -> Vec<u64> {
        let response = ann.get(&format!("/consumers/email/{email}")).await;
        expect(&response, 200, &[]);
        response.json().as_array().unwrap().iter().map(id).collect()
    };
    assert_eq!(found("one@example.com").await, [1, 2]);
    assert_eq!(found("ONE%40EXAMPLE.COM").await, [1, 2]);
    assert_eq!(found("%C3%BCN%C3%AF@ex%C3%A4mple.de").await, [4]);
    assert_eq!(found("one@example").await, Vec::<u64>::new());
    assert_eq!(found("nobody").await, Vec::<u64>::new());
    assert_eq!(found(&"a".repeat(1_500)).await, Vec::<u64>::new());
    ann.patch_json("/consumers/1", &json!({ "email": "two@example.com" })).await;
    assert_eq!(found("one@example.com").await, [2]);
    assert_eq!(found("two@example.com").await, [1, 3]);
    ann.delete("/consumers/3").await;
    assert_eq!(found("two@example.com").await, [1]);
}

#[tokio::test]
async fn a_pair_that_is_replaced_stops_at_once() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    published(&ann, one, "1.0").await;
    let (customer, buyer) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
    let path = format!("/consumers/{customer}");
    let old: Value = ann.get(&path).await.json();
    // The private half alone.
    let changed = ann.patch_json(&path, &json!({ "private_key": "another-secret" })).await;
    expect(&changed, 200, &[]);
    assert_eq!(changed.json()["public_key"], old["public_key"]);
    assert_eq!(buyer.get("/composer/shop/packages.json").await.status, 401);
    let buyer = app.basic(old["public_key"].as_str().unwrap(), "another-secret");
    assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
    // The public half.
    expect(&ann.put_json(&path, &json!({ "public_key": "another-name" })).await, 200, &[]);
    assert_eq!(buyer.get("/composer/shop/packages.json").await.status, 401);
    let buyer = app.basic("another-name", "another-secret");
    assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
    // The old one is free again.
    let body = json!({ "email": "two@example.com", "public_key": old["public_key"] });
    made(&ann, "/consumers", body).await;
    let taken = ann.patch_json(&path, &json!({ "public_key": old["public_key"] })).await;
    expect(&taken, 400, &["public_key: "]);
    assert_eq!(ann.delete(&path).await.status, 204);
    assert_eq!(buyer.get("/composer/shop/packages.json").await.status, 401);
}

#[tokio::test]
async fn keys_are_in_no_audit_record() {
    let (app, ann) = shop().await;
    let (customer, _) = consumer(&app, &ann).await;
    let row = ann.get(&format!("/consumers/{customer}")).await.json();
    ann.patch_json(&format!("/consumers/{customer}"), &json!({ "private_key": "another-secret" })).await;
    ann.delete(&format!("/consumers/{customer}")).await;
    let audit = app.audit("user:ann").await;
    let actions: Vec<&str> = audit
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .filter(|action| action.starts_with("consumer."))
        .collect();
    assert_eq!(actions.len(), 3, "{actions:?}");
    let text = serde_json::to_string(&audit).unwrap();
    for name in ["public_key", "private_key", "email"] {
        assert!(!text.contains(row[name].as_str().unwrap()), "{name}");
    }
    assert!(!text.contains("another-secret"));
}

#[tokio::test]
async fn a_consumer_that_goes_while_a_page_is_made_does_not_end_the_list() {
    let (app, ann) = shop().await;
    for _ in 0..4 {
        made(&ann, "/consumers", json!({ "email": "a@b" })).await;
    }
    // As if it had been deleted after its reference was read.
    app.state().storage().delete(&Key::Consumer(tenant_of("ann"), 2)).await.unwrap();
    let mut found = Vec::new();
    let mut path = "/consumers/email/a@b?limit=2".to_owned();
    for _ in 0..4 {
        let page = ann.get(&path).await;
        found.extend(page.json().as_array().unwrap().iter().map(id));
        let Some(next) = page.header("link").strip_prefix('<').and_then(|link| link.split('>').next()) else {
            break;
        };
        path = next.to_owned();
    }
    assert_eq!(found, [1, 3, 4]);
}
