//! Who may do what, and what strangers learn.

use granary_testing::Actor;

use crate::support::{REPO, TOOL, at, dist, with};

async fn statuses(actor: &Actor, dist: &str) -> [u16; 7] {
    [
        actor.get(&at("packages.json")).await.status,
        actor.get(&at("p2/acme/tool.json")).await.status,
        actor.get(dist).await.status,
        actor.head(dist).await.status,
        actor.get(&at("list.json")).await.status,
        actor.get(&at("search.json?q=a")).await.status,
        actor.post_json(&at("downloads"), &serde_json::json!({ "downloads": [] })).await.status,
    ]
}

#[tokio::test]
async fn roles_and_scopes() {
    for (visibility, anonymous, stranger) in [
        ("private", [401; 7], [404; 7]),
        ("public", [200, 200, 200, 200, 200, 200, 204], [200, 200, 200, 200, 200, 200, 204]),
    ] {
        let (app, ann) = with(visibility).await;
        app.publish_composer(REPO, TOOL, &["1.0.0"]).await;
        let dist = dist(&ann, TOOL, "1.0.0").await;
        let all = [200, 200, 200, 200, 200, 200, 204];
        assert_eq!(statuses(&ann, &dist).await, all);
        app.add_member("ann", REPO, "bob", "read").await;
        assert_eq!(statuses(&app.account_token("bob", &["read"]).await, &dist).await, all);
        let token = app.repo_token("ann", REPO, &["read"]).await;
        assert_eq!(statuses(&token, &dist).await, all);
        // As Composer sends it.
        assert_eq!(statuses(&app.basic("token", token.secret()), &dist).await, all);
        assert_eq!(statuses(&app.anonymous(), &dist).await, anonymous, "{visibility}");
        assert_eq!(
            statuses(&app.account_token("eve", &["admin"]).await, &dist).await,
            stranger,
            "{visibility}"
        );
        assert_eq!(statuses(&app.basic("nobody", "no-such-key-at-all"), &dist).await, [401; 7]);
    }
}

#[tokio::test]
async fn without_credentials_a_client_is_asked_for_them() {
    let (app, _ann) = with("private").await;
    for path in [at("packages.json"), at("p2/acme/none.json"), "/composer/nowhere/packages.json".into()] {
        let answer = app.anonymous().get(&path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.header("www-authenticate").contains("Basic realm="), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.json()["warning"].is_string());
    }
}

#[tokio::test]
async fn hidden_and_absent_read_alike() {
    let (app, ann) = with("private").await;
    app.publish_composer(REPO, TOOL, &["1.0.0"]).await;
    let path = dist(&ann, TOOL, "1.0.0").await;
    let eve = app.account_token("eve", &["read", "write", "admin"]).await;
    for actor in [eve, app.anonymous()] {
        let mut answers = Vec::new();
        for path in [
            at("p2/acme/tool.json"),
            at("p2/acme/none.json"),
            at("p2/-/-"),
            path.clone(),
            path.replace("1.0.0.0", "2.0.0.0"),
            path.replace("acme/tool", "acme/none"),
            at("list.json"),
            at("search.json?q=%ff"),
        ] {
            answers.push(actor.get(&path).await.visible());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
}
