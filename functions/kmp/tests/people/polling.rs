//! Looking at sources when somebody asks for it.

use std::time::Duration;

use granary_model::kmp::BuildStatus;
use granary_testing::github::{Doing, Trick};
use granary_testing::kmp::watch;
use serde_json::{Value, json};

use super::support::{BUILDS, POLL, Place, WATCHED, expect};

#[tokio::test]
async fn a_look_says_what_is_new() {
    let place = Place::new().await;
    assert_eq!(place.ann.post_json(POLL, &Value::Null).await.json(), json!({ "results": [] }));
    let id = place.watch("lib").await;
    place.publish("lib", &["1.0.0", "1.0.1", "1.1.0-beta1", "1.1.0"]);
    let expected = |new: Value, discovered: Value, triggered: u64| {
        json!({
            "watchedPackageId": id, "groupId": "com.example", "artifactId": "lib", "newVersions": new,
            "discoveredVersions": discovered, "buildsTriggered": triggered, "errors": [],
        })
    };
    let first = place.poll().await;
    assert_eq!(first, expected(json!(["1.1.0"]), json!(["1.1.0-beta1", "1.0.1", "1.0.0"]), 1));
    assert_eq!(place.poll().await, expected(json!([]), json!([]), 0));
    // The newest version first.
    let statuses: Vec<(String, String)> = place
        .builds()
        .await
        .iter()
        .map(|build| ["version", "status"].map(|name| build[name].as_str().unwrap().to_owned()).into())
        .collect();
    let pair = |version: &str, status: &str| (version.to_owned(), status.to_owned());
    assert_eq!(
        statuses,
        [
            pair("1.1.0", "pending"),
            pair("1.1.0-beta1", "discovered"),
            pair("1.0.1", "discovered"),
            pair("1.0.0", "discovered")
        ]
    );
    // Nobody has to send a body, or may send any.
    expect(&place.ann.request("POST", POLL, &[], "").await, 200, &[]);
    let shown = place.ann.get(&format!("{WATCHED}/{id}")).await.json()["watched"].clone();
    assert!(shown["lastPolledAt"].is_string() && shown["lastPollError"].is_null(), "{shown}");
}

#[tokio::test]
async fn what_is_wrong_with_one_is_said_there() {
    let place = Place::new().await;
    for artifact in ["good", "missing", "broken", "fine"] {
        place.watch(artifact).await;
    }
    place.publish("good", &["1.0.0"]);
    place.publish("fine", &["2.0.0"]);
    place.github.file("com/example/broken/maven-metadata.xml", "<metadata><versioning>");
    let response = place.ann.post_json(POLL, &Value::Null).await;
    expect(&response, 200, &[]);
    let results = response.json()["results"].as_array().unwrap().clone();
    let names: Vec<&str> = results.iter().map(|result| result["artifactId"].as_str().unwrap()).collect();
    assert_eq!(names, ["good", "missing", "broken", "fine"]);
    let errors: Vec<usize> =
        results.iter().map(|result| result["errors"].as_array().unwrap().len()).collect();
    assert_eq!(errors, [0, 1, 1, 0], "{results:?}");
    assert!(results[1]["errors"][0].as_str().unwrap().contains("com.example:missing"), "{results:?}");
    assert_eq!(
        (&results[0]["newVersions"], &results[3]["newVersions"]),
        (&json!(["1.0.0"]), &json!(["2.0.0"]))
    );
    let list = place.ann.get(WATCHED).await.json()["watched"].clone();
    assert_eq!(list[1]["lastPollError"], results[1]["errors"][0]);
    // A source that was down is asked again at once when somebody wants it.
    place.publish("missing", &["1.0.0"]);
    let again = place.ann.post_json(POLL, &Value::Null).await.json();
    assert_eq!(again["results"][1]["newVersions"], json!(["1.0.0"]));
}

#[tokio::test]
async fn those_who_look_at_the_same_time_make_one_build() {
    let place = Place::new().await;
    place.watch("lib").await;
    let looks = (0..5).map(|_| place.ann.post_json(POLL, &Value::Null));
    let mut triggered = 0;
    for response in futures::future::join_all(looks).await {
        expect(&response, 200, &[]);
        triggered += response.json()["results"][0]["buildsTriggered"].as_u64().unwrap();
    }
    assert_eq!(triggered, 1);
    assert_eq!(place.builds().await.len(), 1);
}

#[tokio::test]
async fn a_source_that_hangs_is_left_to_the_consumer() {
    let place = Place::patient(Duration::from_secs(20)).await;
    place.watch("lib").await;
    place.github.trick(Doing::Other, Trick::Hang);
    let response = place.ann.post_json(POLL, &Value::Null).await;
    expect(&response, 200, &[]);
    let result = response.json()["results"][0].clone();
    assert_eq!((&result["buildsTriggered"], result["errors"].as_array().unwrap().len()), (&json!(0), 1));
    // It is found all the same: by the message, or by the next look.
    assert_eq!(place.poll().await["newVersions"], json!(["1.0.0"]));
}

/// A source that asks to be left alone is not asked by people either, until it wants to be.
#[tokio::test]
async fn a_source_that_wants_to_be_left_alone_is() {
    let place = Place::new().await;
    place.watch("lib").await;
    let answer = |status| Trick::Answer(status, vec![("retry-after", "120".into())], String::new());
    place.github.trick(Doing::Other, answer(429));
    let first = place.poll().await["errors"][0].as_str().unwrap().to_owned();
    assert_eq!(first, "the source answered 429");
    place.app.clock.advance_millis(119_000);
    let second = place.poll().await;
    let why = second["errors"][0].as_str().unwrap();
    assert!(why.contains(&first) && why.contains("asked again after"), "{why}");
    assert_eq!((&second["newVersions"], second["errors"].as_array().unwrap().len()), (&json!([]), 1));
    place.app.clock.advance_millis(1_000);
    assert_eq!(place.poll().await["newVersions"], json!(["1.0.0"]));
}

#[tokio::test]
async fn a_library_that_is_here_is_read_without_going_out() {
    let place = Place::new().await;
    let ann = place.app.repo("ann", "libs", &["maven"], "private").await;
    let config = json!({ "kmpConfig": { "sourceType": "artifacts", "sourceRepoId": "libs" } });
    expect(&place.ann.patch_json("/api/repos/apps", &config).await, 200, &[]);
    place.watch("lib").await;
    let folder = "/api/maven/libs/com/example/lib/1.0.0/lib-1.0.0";
    let pom = "<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId><artifactId>lib</artifactId>\
               <version>1.0.0</version></project>";
    let module = granary_testing::kmp::root_module("com.example", "lib", "1.0.0", true, &[]).to_string();
    for (end, body) in [("module", module), ("pom", pom.to_owned())] {
        let put = ann.request("PUT", &format!("{folder}.{end}"), &[], body).await;
        assert!(put.status < 300, "{end}: {}", put.text());
    }
    // The module for JavaScript is still on its way.
    let early = place.poll().await;
    assert_eq!(early["newVersions"], json!([]));
    assert!(early["errors"][0].as_str().unwrap().contains("still being published"), "{early}");
    let js = granary_testing::kmp::root_module("com.example", "lib-js", "1.0.0", true, &[]).to_string();
    let pom = pom.replace(">lib<", ">lib-js<");
    let folder = "/api/maven/libs/com/example/lib-js/1.0.0/lib-js-1.0.0";
    for (end, body) in [("module", js), ("pom", pom)] {
        let put = ann.request("PUT", &format!("{folder}.{end}"), &[], body).await;
        assert!(put.status < 300, "{end}: {}", put.text());
    }
    assert_eq!(place.poll().await["newVersions"], json!(["1.0.0"]));
}

#[tokio::test]
async fn a_version_whose_build_was_deleted_is_not_new() {
    let place = Place::new().await;
    let id = place.watch("lib").await;
    place.publish("lib", &["0.9.0", "1.0.0"]);
    place.poll().await;
    assert_eq!(place.builds().await.len(), 2);
    expect(&place.ann.delete(BUILDS).await, 200, &[]);
    place.publish("lib", &["0.9.0", "1.0.0", "1.0.1-rc1"]);
    let look = place.poll().await;
    assert_eq!((&look["newVersions"], &look["discoveredVersions"]), (&json!([]), &json!(["1.0.1-rc1"])));
    // By hand it can be built.
    let body = json!({ "watchedPackageId": id, "version": "1.0.0" });
    expect(&place.ann.post_json(BUILDS, &body).await, 201, &[]);
    assert_eq!(place.builds().await.len(), 2);
    // Somebody who watches it anew begins anew.
    expect(&place.ann.delete(&format!("{WATCHED}/{id}")).await, 200, &[]);
    place.app.settle().await;
    expect(&place.ann.post_json(WATCHED, &watch("com.example", "lib")).await, 201, &[]);
    assert_eq!(place.poll().await["newVersions"], json!(["1.0.0"]));
    let statuses: Vec<Value> = place.builds().await.iter().map(|build| build["status"].clone()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == json!(BuildStatus::Pending)).count(), 1);
}
