//! Lists of builds: their form, filters, counts and sizes.

use granary_model::kmp::BuildStatus;
use serde_json::{Value, json};

use super::support::{BUILDS, Place, expect};

/// Versions that a list has, in its order.
async fn versions(place: &Place, query: &str) -> Vec<String> {
    let response = place.ann.get(&format!("{BUILDS}?{query}")).await;
    expect(&response, 200, &[]);
    let body = response.json();
    let builds = body["builds"].as_array().unwrap().iter();
    builds.map(|build| build["version"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_build_has_the_documented_form() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let row = place
        .build(&watched, "1.1.0", |row| {
            row.status = BuildStatus::Success;
            (row.npm_published, row.swift_published) = (true, true);
            row.run_id = Some(12_345);
            row.run_url = Some("https://github.com/owner/repo/actions/runs/12345".into());
            row.started_at = Some(row.created_at);
            row.completed_at = Some(row.created_at);
        })
        .await;
    let moment = row.created_at.to_string();
    assert_eq!(moment.rsplit_once('.').unwrap().1, "001Z", "{moment}");
    let expected = json!({
        "id": row.id, "repoId": "apps", "watchedPackageId": watched, "groupId": "com.example", "artifactId": "lib",
        "version": "1.1.0", "isStable": true, "status": "success", "githubRunId": 12345,
        "githubRunUrl": "https://github.com/owner/repo/actions/runs/12345", "npmPublished": true,
        "swiftPublished": true, "error": null, "startedAt": moment, "completedAt": moment, "createdAt": moment,
        "updatedAt": moment,
    });
    assert_eq!(place.ann.get(BUILDS).await.json(), json!({ "builds": [expected] }));
    assert_eq!(place.ann.get(&format!("{BUILDS}/{}", row.id)).await.json(), json!({ "build": expected }));
    let beta = place.build_in(&watched, "1.2.0-beta1", BuildStatus::Failed).await;
    let shown = place.ann.get(&format!("{BUILDS}/{}", beta.id)).await.json()["build"].clone();
    assert_eq!((&shown["isStable"], &shown["error"]), (&json!(false), &json!("the compiler has failed")));
    for name in ["githubRunId", "githubRunUrl", "startedAt", "completedAt"] {
        assert_eq!(shown.get(name), Some(&Value::Null), "{name}");
    }
    for unknown in ["none", &"x".repeat(2_000)] {
        expect(&place.ann.get(&format!("{BUILDS}/{unknown}")).await, 404, &["build", "not found"]);
    }
}

#[tokio::test]
async fn filters_take_what_they_say() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    for (version, status) in [
        ("1.0.0", BuildStatus::Discovered),
        ("1.1.0-rc1", BuildStatus::Discovered),
        ("1.1.0", BuildStatus::Success),
        ("1.2.0-beta1", BuildStatus::Failed),
        ("1.2.0", BuildStatus::Building),
        ("1.3.0", BuildStatus::Pending),
        ("1.4.0", BuildStatus::Queued),
    ] {
        place.build_in(&watched, version, status).await;
        place.app.clock.advance_millis(1);
    }
    let newest_first = ["1.4.0", "1.3.0", "1.2.0", "1.2.0-beta1", "1.1.0", "1.1.0-rc1", "1.0.0"];
    for (query, expected) in [
        ("", &newest_first[..]),
        ("status=", &newest_first),
        ("status=pending,building", &["1.3.0", "1.2.0"]),
        ("status=discovered", &["1.1.0-rc1", "1.0.0"]),
        ("status=discovered,pending,queued,building,success,failed", &newest_first),
        ("stableOnly=true", &["1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0"]),
        ("stableOnly=false", &newest_first),
        ("stableOnly=true&status=discovered,failed", &["1.0.0"]),
        ("limit=2", &["1.4.0", "1.3.0"]),
        ("limit=0", &["1.4.0"]),
        ("limit=2&stableOnly=true&status=success,discovered", &["1.1.0", "1.0.0"]),
        ("limit=1&status=failed", &["1.2.0-beta1"]),
    ] {
        assert_eq!(versions(&place, query).await, expected, "{query}");
    }
    // Counts are of all builds, whatever is shown.
    let counts = json!({
        "discovered": 2, "pending": 1, "queued": 1, "building": 1, "success": 1, "failed": 1,
    });
    for query in ["counts=true", "counts=true&limit=1", "counts=true&status=failed&stableOnly=true"] {
        let body = place.ann.get(&format!("{BUILDS}?{query}")).await.json();
        assert_eq!(body["statusCounts"], counts, "{query}");
    }
    assert_eq!(place.ann.get(&format!("{BUILDS}?counts=false")).await.json().get("statusCounts"), None);
}

#[tokio::test]
async fn a_list_has_a_size() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    for number in 0..510 {
        let status = if number == 3 { BuildStatus::Failed } else { BuildStatus::Discovered };
        place.build_in(&watched, &format!("0.{number}.0"), status).await;
        place.app.clock.advance_millis(1);
    }
    let first: Vec<String> = (0..510).rev().map(|number| format!("0.{number}.0")).collect();
    for (query, size) in [("", 200), ("limit=201", 201), ("limit=500", 500), ("limit=9999", 500)] {
        assert_eq!(versions(&place, query).await, first[..size], "{query}");
    }
    // Far behind what the list shows.
    assert_eq!(versions(&place, "status=failed&limit=1").await, ["0.3.0"]);
    let body = place.ann.get(&format!("{BUILDS}?counts=true&limit=5")).await.json();
    assert_eq!(
        (&body["statusCounts"]["discovered"], &body["statusCounts"]["failed"]),
        (&json!(509), &json!(1))
    );
    assert_eq!(body["builds"].as_array().unwrap().len(), 5);
}
