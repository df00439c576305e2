//! How many storage calls a request makes.

use granary_testing::{Actor, TestApp};

use crate::support::{REPO, TOOL, at, dist, selling, tool};

fn calls(app: &TestApp) -> Vec<String> {
    app.probe.calls().into_iter().map(|call| call.operation).collect()
}

async fn calls_of(app: &TestApp, actor: &Actor, path: &str) -> Vec<String> {
    app.probe.reset();
    let answer = actor.get(path).await;
    assert!(answer.status < 500, "{path} {}", answer.text());
    calls(app)
}

#[tokio::test]
async fn reads_take_at_most_two_calls() {
    let (app, ann) = selling(&["1.0.0", "2.0.0"]).await;
    let path = dist(&ann, TOOL, "1.0.0").await;
    let fresh = app.restarted();
    let reader = fresh.token(ann.secret());
    for (path, expected) in [
        (at("p2/acme/tool.json"), &["BatchGetItem", "GetObject"][..]),
        (at("p2/acme/tool.json"), &["BatchGetItem"]),
        (at("p2/acme/none.json"), &["BatchGetItem"]),
        (path.clone(), &["BatchGetItem", "GetObject"]),
        (path.clone(), &["BatchGetItem"]),
        (at("packages.json"), &["BatchGetItem", "Query"]),
        (at("list.json"), &["BatchGetItem", "Query"]),
    ] {
        assert_eq!(calls_of(&fresh, &reader, &path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_warm_read_of_a_customer_takes_as_many_as_that_of_a_member() {
    let (app, ann) = selling(&["1.0.0", "2.0.0"]).await;
    app.sell("ann", &tool(&app), 3).await;
    let path = dist(&ann, TOOL, "1.0.0").await;
    let licence = app.licence("ann", &[TOOL], |_| ()).await.actor;
    let consumer = app.consumer("ann", &[(3, "1.*")]).await.actor;
    for actor in [licence, consumer] {
        for path in [at("p2/acme/tool.json"), at("p2/acme/tool~dev.json"), path.clone()] {
            calls_of(&app, &actor, &path).await;
            assert_eq!(calls_of(&app, &actor, &path).await, ["BatchGetItem"], "{path}");
        }
        assert_eq!(calls_of(&app, &actor, &at("p2/acme/none.json")).await, ["BatchGetItem"]);
        calls_of(&app, &actor, &at("packages.json")).await;
        let root = calls_of(&app, &actor, &at("packages.json")).await;
        assert!(root.len() <= 3 && root.iter().all(|call| call == "BatchGetItem"), "{root:?}");
    }
}

#[tokio::test]
async fn a_publish_takes_five_calls() {
    let (app, _ann) = selling(&["1.0.0"]).await;
    app.probe.reset();
    app.publish_composer(REPO, TOOL, &["1.1.0"]).await;
    // The first two are what a request does to authorise.
    let expected = ["GetItem", "GetItem", "UpdateItem", "PutObject", "TransactWriteItems", "SendMessage"];
    assert_eq!(calls(&app), expected);
}
