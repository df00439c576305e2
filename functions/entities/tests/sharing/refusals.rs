//! Bad input, of which nothing stays.

use super::*;

#[tokio::test]
async fn bad_requests_to_share() {
    let (app, ann, id) = shelf().await;
    let many: Vec<String> = (0..101).map(|n| format!("u{n}@example.com")).collect();
    let long = format!("{}@example.com", "x".repeat(250));
    for (body, words) in [
        (json!({}), "'emails' is required"),
        (json!({ "emails": null }), "'emails' is required"),
        (json!({ "emails": [] }), "1 to 100"),
        (json!({ "emails": many }), "1 to 100"),
        (json!({ "emails": "sam@example.com" }), "array of strings"),
        (json!({ "emails": [1] }), "array of strings"),
        (json!({ "emails": ["sam@example.com", "sam"] }), "emails: the e-mail address 'sam'"),
        (json!({ "emails": [""] }), "e-mail address"),
        (json!({ "emails": ["sam@example.com\nbob@example.com"] }), "e-mail address"),
        (json!({ "emails": [long] }), "254"),
        (json!({ "emails": ["sam@example.com"], "role": "install" }), "unknown field 'role'"),
        (json!({ "email": "sam@example.com" }), "unknown field 'email'"),
    ] {
        expect(&ann.post_json(&shares_of(&id), &body).await, 400, &[words]);
        // Whoever may not share is told nothing about the body.
        expect(&app.user("eve").post_json(&shares_of(&id), &body).await, 404, &["not found"]);
    }
    for (body, status) in [("", 400), ("[]", 400), ("{", 400)] {
        let response = ann.request("POST", &shares_of(&id), &[], body).await;
        expect(&response, status, &[]);
    }
    assert!(row(&app, &id).await.shares.is_empty());
    assert_eq!(recorded(&app, "user:ann", "entity.share").await, 0);
    let reader = app.account_token("ann", &["read"]).await;
    expect(&share(&reader, &id, &["sam@example.com"]).await, 403, &["scope"]);
    expect(&share(&app.anonymous(), &id, &["sam@example.com"]).await, 401, &[]);
    for unknown in ["none", "0", &"0".repeat(36), &"x".repeat(1500)] {
        expect(&share(&ann, unknown, &["sam@example.com"]).await, 404, &["entity", "not found"]);
        expect(&ann.get(&shares_of(unknown)).await, 404, &["entity", "not found"]);
        expect(&ann.delete(&share_of(unknown, "x")).await, 404, &["entity", "not found"]);
        expect(&ann.delete(&share_of(&id, unknown)).await, 404, &["share", "not found"]);
    }
}

#[tokio::test]
async fn bad_requests_to_stores() {
    let (app, ann, id) = shelf().await;
    app.org("ann", "shop", &[]).await;
    for (body, words) in [
        (json!({}), "'entityId' is required"),
        (json!({ "entityId": 1 }), "'entityId' must be a string"),
        (json!({ "entityId": id, "isPublic": "yes" }), "'isPublic'"),
        (json!({ "entityId": id, "is_public": true }), "unknown field 'is_public'"),
    ] {
        expect(&ann.post_json(&store_of("shop"), &body).await, 400, &[words]);
        expect(&app.user("eve").post_json(&store_of("shop"), &body).await, 404, &["organisation"]);
    }
    for body in [json!({}), json!({ "entityId": id, "isPublic": true })] {
        expect(&ann.json("DELETE", &store_of("shop"), &body).await, 400, &["entityId"]);
    }
    for unknown in ["none", "", &"0".repeat(36), &"x".repeat(1500)] {
        expect(&publish(&ann, "shop", unknown, false).await, 404, &["entity", "not found"]);
        expect(&withdraw(&ann, "shop", unknown).await, 404, &["entity", "not found"]);
    }
    expect(&publish(&ann, "none", &id, false).await, 404, &["organisation 'none' not found"]);
    assert!(row(&app, &id).await.stores.is_empty());
    consistent(&app, &id, &["shop"]).await;
}

#[tokio::test]
async fn bad_queries() {
    let (app, ann, _) = shelf().await;
    app.org("ann", "shop", &[]).await;
    for path in [WITH_ME, BY_ME, &store_of("shop")] {
        expect(&ann.get(&format!("{path}?type=other")).await, 400, &["app, service, chat_extension"]);
        expect(&ann.get(&format!("{path}?type=")).await, 400, &[]);
        expect(&ann.get(&format!("{path}?cursor={}", "x".repeat(2000))).await, 400, &["cursor"]);
        // Between any two entities there is a place to go on.
        expect(&ann.get(&format!("{path}?cursor=x")).await, 200, &[]);
        expect(&ann.get(&format!("{path}?cursor=")).await, 200, &[]);
    }
    for (method, path) in [("PUT", WITH_ME), ("POST", BY_ME), ("PATCH", &store_of("shop"))] {
        assert_eq!(ann.request(method, path, &[], "{}").await.status, 405, "{method} {path}");
    }
}

#[tokio::test]
async fn there_is_an_end_to_shares() {
    let (app, ann, id) = shelf().await;
    let share = |n: usize, length: usize| granary_storage::rows::Share {
        user: format!("{n:0length$}").parse().unwrap(),
        email: format!("{n:0length$}@example.com"),
        created_by: "ann".parse().unwrap(),
        created_at: app.state().now(),
    };
    change_row(&app, &id, |row| {
        row.shares = (0..999).map(|n| (format!("{n:036}"), share(n, 4))).collect();
    })
    .await;
    let response = super::share(&ann, &id, &["bob@example.com", "sam@example.com"]).await;
    expect(&response, 400, &["at most 1000", "store"]);
    assert_eq!(row(&app, &id).await.shares.len(), 999);
    shared(&ann, &id, "sam").await;
    expect(&super::share(&ann, &id, &["bob@example.com"]).await, 400, &["at most 1000"]);
    expect(&super::share(&ann, &id, &["sam@example.com"]).await, 200, &[]);
    // The longest ids and addresses would not fit into a row of the table.
    change_row(&app, &id, |row| {
        row.shares = (0..990).map(|n| (format!("{n:036}"), share(n, 128))).collect();
    })
    .await;
    expect(&super::share(&ann, &id, &["bob@example.com"]).await, 409, &["no room"]);
    assert_eq!(row(&app, &id).await.shares.len(), 990);
}
