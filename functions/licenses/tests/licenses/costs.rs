//! How many storage calls an operation makes, and how many of them wait for each other.

use super::*;

/// The calls of a request, and how many of them come one after the other.
async fn measured(app: &TestApp, request: impl Future<Output = TestResponse>) -> (Vec<String>, usize) {
    app.probe.reset();
    let response = request.await;
    assert!((200..300).contains(&response.status), "{}", response.text());
    (app.probe.calls().into_iter().map(|call| call.operation).collect(), app.probe.depth())
}

#[tokio::test]
async fn operations_make_the_calls_they_need() {
    let (app, ann) = shop().await;
    let licence = create(&ann, &plain(&["pad"])).await;
    let path = at(&licence);
    let mut body = plain(&["pad"]);
    body["constraint"] = json!({ "type": "version", "value": "<2" });
    // The token; the repositories, whose protocols say what names mean; the transaction.
    let made = ["BatchGetItem", "Query", "BatchGetItem", "TransactWriteItems"];
    assert_eq!(measured(&app, ann.post_json(PATH, &body)).await, (made.map(String::from).to_vec(), 4));
    let put = body_of(&licence);
    let replaced = ["BatchGetItem", "GetItem", "Query", "BatchGetItem", "TransactWriteItems"];
    assert_eq!(measured(&app, ann.put_json(&path, &put)).await, (replaced.map(String::from).to_vec(), 5));
    let one = ["BatchGetItem", "GetItem"];
    assert_eq!(measured(&app, ann.get(&path)).await, (one.map(String::from).to_vec(), 2));
    let removed = ["BatchGetItem", "GetItem", "TransactWriteItems"];
    assert_eq!(measured(&app, ann.delete(&path)).await, (removed.map(String::from).to_vec(), 3));
}

#[tokio::test]
async fn a_page_costs_the_same_wherever_it_is() {
    let (app, ann) = shop().await;
    for _ in 0..120 {
        app.clock.advance_millis(10);
        create(&ann, &plain(&[])).await;
    }
    let first = ann.get(PATH).await.json();
    let next = first["pagination"]["next"].as_i64().unwrap();
    for (query, queries) in [
        (String::new(), 1),
        (format!("?since={next}"), 2),
        (format!("?until={next}"), 2),
        ("?since=1&until=2".into(), 2),
    ] {
        let (calls, depth) = measured(&app, ann.get(&format!("{PATH}{query}"))).await;
        let made = calls.iter().filter(|operation| *operation == "Query").count();
        assert!(made <= queries && calls.len() == made + 1 && depth <= 2, "{query}: {calls:?} {depth}");
    }
}

/// A customer pays for what its seller keeps with the licence at every request, so the row is bounded.
#[tokio::test]
async fn the_largest_licences_fit_on_a_page_of_a_function() {
    let (app, ann) = shop().await;
    let mut body = json!({
        "name": "\"".repeat(100), "constraint": { "type": "none" }, "meta": { "a": "x".repeat(16 * 1024 - 8) },
        "packages": (0..320).map(|n| format!("{n:0200}")).collect::<Vec<_>>(),
    });
    for n in 0..51 {
        app.clock.advance_millis(1);
        body["key"] = format!("{n:0200}").into();
        create(&ann, &body).await;
    }
    let page = ann.get(PATH).await;
    assert_eq!(page.json()["pagination"]["count"], 50);
    assert!(page.body.len() < 4_600_000, "{}", page.body.len());
}
