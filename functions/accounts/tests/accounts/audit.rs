//! The audit logs of people and organisations.

use granary_testing::TestApp;
use serde_json::json;

use super::*;

#[tokio::test]
async fn people_read_their_own_log() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    assert_eq!(ann.get("/api/auth/audit").await.json(), json!({ "entries": [], "month": "2026-09" }));
    let token = app.account_token("ann", &["admin"]).await;
    app.clock.advance_millis(1);
    let id = column(&ann.get("/api/auth/token").await, "tokens", "id").remove(0);
    let id = id.as_str().unwrap();
    app.account_token("bob", &["read"]).await;
    for path in ["/api/auth/audit", "/api/orgs/acme/audit"] {
        expect(&app.anonymous().get(path).await, 401);
    }
    expect(&token.get("/api/auth/audit").await, 403);
    expect(&ann.delete(&format!("/api/auth/token?tokenId={id}")).await, 200);
    let log = ann.get("/api/auth/audit").await;
    expect(&log, 200);
    assert_eq!(log.header("cache-control"), "no-store");
    let log = log.json();
    let entry = |n: usize, action: &str, at: &str| {
        json!({
            "id": log["entries"][n]["id"], "at": at, "actor": "user:ann", "action": action,
            "target": format!("user:ann/tokens/{id}"), "detail": null,
        })
    };
    let expected = [
        entry(0, "token.revoke", "2026-09-21T14:13:20.001Z"),
        entry(1, "token.create", "2026-09-21T14:13:20.000Z"),
    ];
    assert_eq!(log, json!({ "entries": expected, "month": "2026-09" }));
    assert!(log["entries"][0]["id"].as_str().unwrap() > log["entries"][1]["id"].as_str().unwrap());
}

#[tokio::test]
async fn months_come_in_pages() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    for _ in 0..7 {
        app.clock.advance_millis(1);
        app.account_token("ann", &["read"]).await;
    }
    let all = column(&ann.get("/api/auth/audit").await, "entries", "id");
    assert_eq!(all.len(), 7);
    for limit in [1, 2, 3, 6, 7] {
        let (mut seen, mut query, mut pages) = (Vec::new(), format!("limit={limit}"), 0);
        for _ in 0..10 {
            let page = ann.get(&format!("/api/auth/audit?{query}")).await;
            seen.extend(column(&page, "entries", "id"));
            pages += 1;
            // What happens meanwhile is in front of it.
            app.clock.advance_millis(1);
            app.account_token("ann", &["read"]).await;
            let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
            query = format!("limit={limit}&cursor={next}");
        }
        assert_eq!(&seen[seen.len() - 7..], &all[..], "{limit}");
        let mut distinct = seen.clone();
        distinct.dedup();
        assert_eq!(distinct, seen, "{limit}");
        assert_eq!(pages, seen.len().div_ceil(limit), "{limit}: no page is empty");
    }

    // Another month.
    app.clock.advance_millis(15 * 86_400_000);
    let ann = app.user("ann");
    let present = ann.get("/api/auth/audit").await.json();
    assert_eq!(present, json!({ "entries": [], "month": "2026-10" }));
    let before = ann.get("/api/auth/audit?month=2026-09&limit=200").await;
    assert_eq!(before.json()["month"], "2026-09");
    assert!(column(&before, "entries", "id").ends_with(&all));
    let entries = |answer: &TestResponse| column(answer, "entries", "id").len();
    assert_eq!(entries(&ann.get("/api/auth/audit?month=2026-08").await), 0);
    assert_eq!(entries(&ann.get("/api/auth/audit?month=2026-09&limit=1000").await), before_len(&before));
    assert_eq!(entries(&ann.get("/api/auth/audit?month=2026-09&limit=0").await), 1);
    for (bad, word) in [
        ("month=2026-13", "month"),
        ("month=2026", "month"),
        ("month=", "month"),
        ("month=2026-09%23x", "month"),
        ("cursor=~", "cursor"),
        ("cursor=", "cursor"),
        ("limit=-1", "limit"),
    ] {
        let answer = ann.get(&format!("/api/auth/audit?{bad}")).await;
        expect(&answer, 400);
        assert!(answer.error().contains(word), "{bad}: {}", answer.error());
    }
}

fn before_len(page: &TestResponse) -> usize {
    column(page, "entries", "id").len()
}

#[tokio::test]
async fn administrators_read_the_log_of_their_organisation() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[("adam", "admin"), ("mia", "member")]).await;
    let admin = org_token(&app, &olga, "acme", "admin").await;
    let reader = org_token(&app, &olga, "acme", "read").await;
    let path = "/api/orgs/acme/audit";
    for actor in [&olga, &app.user("adam"), &app.account_token("adam", &["admin"]).await] {
        let log = actor.get(path).await;
        expect(&log, 200);
        let mut actions = column(&log, "entries", "action");
        actions.sort_by_key(ToString::to_string);
        assert_eq!(
            actions,
            ["org.create", "org.member.set", "org.member.set", "token.create", "token.create"]
                .map(|a| json!(a))
        );
    }
    for (actor, status) in
        [(app.user("mia"), 403), (admin, 403), (reader, 403), (app.known_user("bob").await, 404)]
    {
        expect(&actor.get(path).await, status);
    }
    expect(&app.user("bob").get("/api/orgs/none/audit").await, 404);
}

#[tokio::test]
async fn the_next_organisation_of_a_name_does_not_read_what_was_before() {
    let app = TestApp::new().await;
    let olga = org(&app, "olga", "acme", &[]).await;
    org_token(&app, &olga, "acme", "admin").await;
    expect(&olga.delete("/api/orgs/acme").await, 200);
    app.clock.advance_millis(1);
    org(&app, "bob", "acme", &[]).await;
    // What is still being cleared away of the first one, after the second one was made.
    let clearing = [("product.delete", "product/secret"), ("entity.purge", "entity/secret")];
    for (n, (action, target)) in clearing.into_iter().enumerate() {
        app.clock.advance_millis(1);
        let row = granary_storage::rows::AuditRow {
            at: app.state().now(),
            actor: "system".into(),
            action: action.into(),
            target: target.into(),
            detail: None,
        };
        let id = format!("ffffffff-ffff-7fff-8fff-fffffffffff{n}");
        let key = granary_storage::Key::Audit("org:acme".into(), app.state().now().month(), id);
        app.state().storage().put(&key, &row).await.unwrap();
    }
    let log = app.user("bob").get("/api/orgs/acme/audit").await;
    assert_eq!(column(&log, "entries", "action"), ["org.create"]);
    assert!(log.json().get("next").is_none());
    // Page by page it is the same.
    let (mut seen, mut query) = (Vec::new(), "limit=1".to_owned());
    for _ in 0..10 {
        let page = app.user("bob").get(&format!("/api/orgs/acme/audit?{query}")).await;
        seen.extend(column(&page, "entries", "actor"));
        let Some(next) = page.json()["next"].as_str().map(str::to_owned) else { break };
        query = format!("limit=1&cursor={next}");
    }
    assert_eq!(seen, ["user:bob"]);
}
