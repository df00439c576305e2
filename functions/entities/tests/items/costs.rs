//! How many storage calls the operations make, and how many of them wait for each other.

use super::*;

/// The calls of a request, and how many of them come one after the other.
async fn cost(app: &TestApp, request: impl Future<Output = TestResponse>) -> (Vec<String>, usize) {
    app.probe.reset();
    let response = request.await;
    assert!((200..300).contains(&response.status), "{}", response.text());
    let mut calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
    let depth = app.probe.depth();
    // Those that are made at the same time have no order.
    calls.sort();
    (calls, depth)
}

fn calls(calls: &[&str], depth: usize) -> (Vec<String>, usize) {
    let mut calls: Vec<String> = calls.iter().map(|call| (*call).to_owned()).collect();
    calls.sort();
    (calls, depth)
}

#[tokio::test]
async fn operations_make_the_calls_they_need() {
    let (app, _, id) = shelf().await;
    app.known_user("bob").await;
    let ann = app.account_token("ann", &["write"]).await;
    let path = at(&id);
    for (below, expected) in [
        // The token beside the entity, then what the answer is made of.
        ("", calls(&["BatchGetItem", "GetItem", "Query"], 2)),
        ("/details", calls(&["BatchGetItem", "GetItem", "BatchGetItem", "Query"], 2)),
        ("/publishers", calls(&["BatchGetItem", "GetItem", "BatchGetItem"], 2)),
        ("/publishers/ann", calls(&["BatchGetItem", "GetItem"], 1)),
    ] {
        assert_eq!(cost(&app, ann.get(&format!("{path}{below}"))).await, expected, "{below}");
    }
    assert_eq!(cost(&app, ann.get(PATH)).await, calls(&["BatchGetItem", "Query", "BatchGetItem"], 3));
    let address = json!({ "entity_slug": "my-app", "ext": "svg" });
    let asking = ann.post_json("/api/entities/icon-upload-url", &address);
    assert_eq!(cost(&app, asking).await, calls(&["BatchGetItem", "PutItem"], 2));
    assert_eq!(
        cost(&app, ann.post_json(PATH, &plain("other"))).await,
        calls(&["BatchGetItem", "TransactWriteItems"], 2)
    );
    let named = json!({ "name": "x" });
    let changing = calls(&["BatchGetItem", "GetItem", "TransactWriteItems"], 2);
    assert_eq!(cost(&app, ann.put_json(&path, &named)).await, changing);
    assert_eq!(cost(&app, ann.put_json(&path, &named)).await, calls(&["BatchGetItem", "GetItem"], 1));
    let icon = json!({ "icon_path": sent_icon(&ann, "my-app", "svg", SVG).await });
    assert_eq!(
        cost(&app, ann.put_json(&path, &icon)).await,
        calls(
            &[
                "BatchGetItem",
                "GetItem",
                "GetItem",
                "GetObject",
                "UpdateItem",
                "PutObject",
                "TransactWriteItems"
            ],
            6
        )
    );
    // Small files stay in the memory of the process.
    let icon = format!("{path}/icon");
    assert_eq!(cost(&app, ann.get(&icon)).await, calls(&["BatchGetItem", "GetItem", "GetObject"], 2));
    assert_eq!(cost(&app, ann.get(&icon)).await, calls(&["BatchGetItem", "GetItem"], 1));
    let publishers = format!("{path}/publishers");
    assert_eq!(
        cost(&app, ann.post_json(&publishers, &json!({ "userId": "bob" }))).await,
        calls(&["BatchGetItem", "GetItem", "GetItem", "TransactWriteItems"], 3)
    );
    assert_eq!(cost(&app, ann.delete(&format!("{publishers}/bob"))).await, changing);
    assert_eq!(
        cost(&app, ann.delete(&path)).await,
        calls(&["BatchGetItem", "GetItem", "TransactWriteItems", "SendMessage"], 3)
    );
}

#[tokio::test]
async fn who_is_in_an_organisation_costs_one_call_more() {
    let app = TestApp::new().await;
    let olga = app.org("olga", "acme", &[("adam", "admin")]).await;
    let token = app.org_token("olga", "acme", &["admin"]).await;
    assert_eq!(
        cost(&app, token.post_json(PATH, &plain("one"))).await,
        calls(&["BatchGetItem", "GetItem", "TransactWriteItems"], 3)
    );
    let id = made_entity(&olga, &plain_of("acme", "two")).await;
    let adam = app.account_token("adam", &["read"]).await;
    let path = format!("{}/publishers/adam", at(&id));
    assert_eq!(cost(&app, adam.get(&path)).await, calls(&["BatchGetItem", "GetItem", "BatchGetItem"], 2));
    // Also where the entity names the caller, or the token the organisation: it may be gone.
    let listed = calls(&["BatchGetItem", "GetItem", "BatchGetItem"], 2);
    assert_eq!(cost(&app, token.get(&path)).await, listed);
    let olga = app.account_token("olga", &["read"]).await;
    assert_eq!(cost(&app, olga.get(&path)).await, listed);
    // A list: the token, the list, the entities, their owners.
    let list = calls(&["BatchGetItem", "Query", "BatchGetItem", "BatchGetItem"], 4);
    assert_eq!(cost(&app, olga.get(PATH)).await, list);
    // Stores are not read where they could not give more.
    change_row(&app, &id, |row| {
        for n in 0..50 {
            let publication = granary_storage::rows::Publication {
                org_uid: format!("u{n}"),
                public: false,
                published_by: "user:olga".into(),
                published_at: row.created_at,
            };
            row.stores.insert(format!("store-{n}").parse().unwrap(), publication);
        }
    })
    .await;
    assert_eq!(cost(&app, olga.get(&path)).await, listed);
    assert_eq!(cost(&app, adam.get(&path)).await, listed, "all in one call");
}
