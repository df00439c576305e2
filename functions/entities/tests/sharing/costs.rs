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
async fn shares() {
    let (app, _, id) = shelf().await;
    let ann = app.account_token("ann", &["write"]).await;
    // The token beside the entity, the addresses, their users, the transaction.
    let made = calls(&["BatchGetItem", "GetItem", "BatchGetItem", "BatchGetItem", "TransactWriteItems"], 4);
    assert_eq!(cost(&app, share(&ann, &id, &["sam@example.com", "bob@example.com"])).await, made);
    let nothing = calls(&["BatchGetItem", "GetItem", "BatchGetItem"], 2);
    assert_eq!(cost(&app, share(&ann, &id, &["nobody@example.com"])).await, nothing);
    assert_eq!(cost(&app, ann.get(&shares_of(&id))).await, calls(&["BatchGetItem", "GetItem"], 1));
    let list = calls(&["BatchGetItem", "Query", "BatchGetItem"], 3);
    assert_eq!(cost(&app, ann.get(BY_ME)).await, list);
    let sam = app.account_token("sam", &["read"]).await;
    assert_eq!(cost(&app, sam.get(WITH_ME)).await, list);
    let share = ann.get(&shares_of(&id)).await.json()["shares"][0]["id"].as_str().unwrap().to_owned();
    let removed = calls(&["BatchGetItem", "GetItem", "TransactWriteItems"], 2);
    assert_eq!(cost(&app, ann.delete(&share_of(&id, &share))).await, removed);
}

#[tokio::test]
async fn as_many_shares_as_a_request_can_have() {
    let (app, _, id) = shelf().await;
    let ann = app.account_token("ann", &["write"]).await;
    let users: Vec<String> = (0..100).map(|n| format!("user{n}")).collect();
    for user in &users {
        app.known_user(user).await;
    }
    let emails: Vec<String> = users.iter().map(|user| format!("{user}@example.com")).collect();
    let emails: Vec<&str> = emails.iter().map(String::as_str).collect();
    // A transaction has a hundred parts, so there are two.
    let made = [
        "BatchGetItem",
        "GetItem",
        "BatchGetItem",
        "BatchGetItem",
        "TransactWriteItems",
        "TransactWriteItems",
    ];
    assert_eq!(cost(&app, share(&ann, &id, &emails)).await, calls(&made, 5));
    let row = row(&app, &id).await;
    assert_eq!(row.shares.len(), 100);
    for share in row.shares.values() {
        assert_eq!(ids(&app.user(share.user.as_str()), WITH_ME).await, [id.as_str()]);
    }
    let again = share(&ann, &id, &emails).await;
    assert_eq!(again.json()["already_had_access"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn stores() {
    let (app, _, id) = shelf().await;
    app.org("ann", "shop", &[("mia", "member")]).await;
    let ann = app.account_token("ann", &["admin"]).await;
    let (mia, eve) = (app.account_token("mia", &["read"]).await, app.account_token("eve", &["read"]).await);
    // The token, the organisation, the entity beside the token, the transaction.
    let made = calls(&["BatchGetItem", "GetItem", "BatchGetItem", "GetItem", "TransactWriteItems"], 4);
    assert_eq!(cost(&app, publish(&ann, "shop", &id, true)).await, made);
    for actor in [&mia, &eve] {
        let list = calls(&["BatchGetItem", "GetItem", "Query", "BatchGetItem"], 4);
        assert_eq!(cost(&app, actor.get(&store_of("shop"))).await, list);
        let one = calls(&["BatchGetItem", "GetItem", "GetItem"], 3);
        assert_eq!(cost(&app, actor.get(&format!("{}/{id}", store_of("shop")))).await, one);
        // Whoever comes by a store needs one call more than a publisher: that for the organisations.
        let by_store = calls(&["BatchGetItem", "GetItem", "BatchGetItem"], 2);
        assert_eq!(cost(&app, actor.get(&shares_of(&id))).await, by_store);
    }
    assert_eq!(cost(&app, withdraw(&ann, "shop", &id)).await, made);
}

/// A token of the identity provider costs writing once, and once more in every other process; then nothing.
#[tokio::test]
async fn signing_in() {
    let app = TestApp::new().await;
    let list = ["Query"];
    let first = calls(&["GetItem", "PutItem", "PutItem", "Query"], 4);
    assert_eq!(cost(&app, app.user("new").get(WITH_ME)).await, first);
    assert_eq!(cost(&app, app.user("new").get(WITH_ME)).await, calls(&list, 1));
    let restarted = app.restarted();
    // The profile stands; the address may be somebody else's by now.
    let second = calls(&["GetItem", "PutItem", "Query"], 3);
    assert_eq!(cost(&app, restarted.user("new").get(WITH_ME)).await, second);
    assert_eq!(cost(&app, restarted.user("new").get(WITH_ME)).await, calls(&list, 1));
    app.clock.advance_millis(1000);
    assert_eq!(cost(&app, app.user("new").get(WITH_ME)).await, first);
}

/// What somebody shared and has by stores only: their organisations are looked up together, and not all at once.
#[tokio::test]
async fn what_is_shared_by_somebody_in_stores_only() {
    let (app, ann, id) = shelf().await;
    shared(&ann, &id, "sam").await;
    let (storage, template) = (app.state().storage(), row(&app, &id).await);
    for n in 0..40 {
        let id = format!("00000000-0000-7000-8000-{n:012}");
        let stores = (0..25).map(|store| {
            let publication = granary_storage::rows::Publication {
                org_uid: "gone".into(),
                public: true,
                published_by: "user:ann".into(),
                published_at: template.created_at,
            };
            (format!("store-{n}-{store}").parse().unwrap(), publication)
        });
        let copy = EntityRow {
            id: id.clone(),
            publishers: BTreeSet::new(),
            stores: stores.collect(),
            ..template.clone()
        };
        storage.put(&Key::Entity(id.clone()), &copy).await.unwrap();
        storage.put(&Key::SharedBy("ann".parse().unwrap(), id.clone()), &EntityRef { id }).await.unwrap();
    }
    let reader = app.account_token("ann", &["read"]).await;
    app.probe.reset();
    assert_eq!(ids(&reader, BY_ME).await, [id.as_str()]);
    // The token, the list, the entities; of a thousand organisations a hundred in each call.
    let calls = app.probe.calls().len();
    assert!((13..=14).contains(&calls), "{calls}");
}
