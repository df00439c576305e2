//! Downloads of a package, day by day.

use granary_storage::Key;
use granary_testing::npm::NpmPackage;
use serde_json::Value;

use super::*;

const PATH: &str = "/api/repos/libs/downloads/npm/@s/pad";

/// A registry with a package.
async fn place(visibility: &str) -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", visibility).await;
    let response = ann.publish("libs", &NpmPackage::new("@s/pad", "1.0.0")).await;
    assert_eq!(response.status, 201, "{}", response.text());
    (app, ann)
}

/// Counts downloads on a day before the present one.
async fn count(app: &TestApp, version: &str, days_ago: i64, downloads: u64) {
    let day = app.state().now().day() - days_ago;
    let key = Key::Downloads(app.package_key("libs", "@s/pad"), version.into(), day);
    app.state().storage().add(&key, "downloads", downloads).await.unwrap();
}

async fn shown(actor: &Actor, query: &str) -> Value {
    let response = actor.get(&format!("{PATH}{query}")).await;
    expect(&response, 200);
    response.json()
}

fn counts(shown: &Value) -> Vec<u64> {
    shown["days"].as_array().unwrap().iter().map(|day| day["count"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn every_day_has_its_sum_and_none_is_left_out() {
    let (app, ann) = place("private").await;
    for (version, days_ago, downloads) in
        [("1.0.0", 0, 3), ("2.0.0-rc.1", 0, 4), ("1.0.0", 2, 10), ("1.0.0", 3, 100), ("1.0.0", 30, 1_000)]
    {
        count(&app, version, days_ago, downloads).await;
    }
    // Neither a day to come nor the total is one of the days.
    count(&app, "1.0.0", -1, 9).await;
    let total = Key::DownloadTotal(app.package_key("libs", "@s/pad"));
    app.state().storage().add(&total, "downloads", 77).await.unwrap();
    let three = shown(&ann, "?days=3").await;
    let today = app.state().now().to_string().split('T').next().unwrap().to_owned();
    assert_eq!(
        (counts(&three), &three["total"], &three["complete"]),
        (vec![10, 0, 7], &json!(17), &json!(true))
    );
    assert_eq!(three["days"][2], json!({ "day": today, "count": 7 }));
    assert_eq!(counts(&shown(&ann, "?days=1").await), [7]);
    let month = shown(&ann, "").await;
    assert_eq!((counts(&month).len(), &month["total"]), (30, &json!(117)));
    let year = shown(&ann, "?days=365").await;
    assert_eq!((counts(&year).len(), &year["total"]), (365, &json!(1_117)));
    let mut days: Vec<&str> =
        year["days"].as_array().unwrap().iter().map(|day| day["day"].as_str().unwrap()).collect();
    assert!(days.is_sorted());
    days.dedup();
    assert_eq!(days.len(), 365);
}

#[tokio::test]
async fn what_clients_download_is_counted_there() {
    let (app, ann) = place("private").await;
    assert_eq!(shown(&ann, "").await["total"], 0);
    for _ in 0..3 {
        assert_eq!(ann.get("/api/npm/libs/@s/pad/-/pad-1.0.0.tgz").await.status, 200);
    }
    app.state().downloads().flush(app.state().storage(), app.state().now()).await.unwrap();
    let shown = shown(&ann, "?days=2").await;
    assert_eq!((counts(&shown), &shown["total"]), (vec![0, 3], &json!(3)));
}

#[tokio::test]
async fn whoever_may_not_read_learns_nothing() {
    let (app, ann) = place("private").await;
    app.known_user("bob").await;
    expect(&app.anonymous().get(PATH).await, 401);
    let hidden = app.user("bob").get(PATH).await;
    expect(&hidden, 404);
    for other in [
        "/api/repos/libs/downloads/npm/none",
        "/api/repos/libs/downloads/nuget/none",
        &format!("{PATH}?days=0"),
    ] {
        assert_eq!(app.user("bob").get(other).await.text(), hidden.text(), "{other}");
    }
    expect(&app.licence("ann", &["@s/pad"], |_| ()).await.actor.get(PATH).await, 403);
    expect(&ann.get("/api/repos/libs/downloads/npm/none").await, 404);
    expect(&ann.get("/api/repos/libs/downloads/kmp/none").await, 404);
    for bad in ["days=0", "days=366", "days=-1", "days=x", "days=1&days=2", "days="] {
        expect(&ann.get(&format!("{PATH}?{bad}")).await, 400);
    }
    let (public, _) = place("public").await;
    expect(&public.anonymous().get(PATH).await, 200);
}

#[tokio::test]
async fn a_year_takes_two_calls() {
    let (app, ann) = place("private").await;
    for days_ago in 0..400 {
        count(&app, "1.0.0", days_ago, 1).await;
    }
    app.probe.reset();
    assert_eq!(shown(&ann, "?days=365").await["total"], 365);
    let calls: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["BatchGetItem", "Query"]);
}
