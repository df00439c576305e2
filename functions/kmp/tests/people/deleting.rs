//! Builds that are deleted.

use granary_model::kmp::BuildStatus;
use granary_storage::rows::BuildRow;
use granary_testing::Mishap;
use serde_json::json;

use super::support::{BUILDS, Place, expect, publishing};

#[tokio::test]
async fn a_build_goes_whatever_it_is_doing_but_publishing() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    for (at, status) in BuildStatus::ALL.into_iter().enumerate() {
        let build = place.build_in(&watched, &format!("1.{at}.0"), status).await;
        let path = format!("{BUILDS}/{}", build.id);
        let deleted = place.ann.delete(&path).await;
        expect(&deleted, 200, &[]);
        assert_eq!(deleted.json(), json!({ "ok": true }));
        expect(&place.ann.get(&path).await, 404, &["not found"]);
        expect(&place.ann.delete(&path).await, 404, &["not found"]);
        let work = place.app.state().kmp_work();
        assert_eq!(granary_kmp::store::find(&work, &build.id).await.unwrap(), None);
    }
    let busy = place.build(&watched, "2.0.0", publishing).await;
    expect(&place.ann.delete(&format!("{BUILDS}/{}", busy.id)).await, 409, &["being published"]);
    assert_eq!(place.read(&busy.id).await.unwrap(), busy);
    let records = place.app.audit("repo:apps").await;
    let is_deletion = |row: &&serde_json::Value| row["action"] == "kmp.build.delete";
    assert_eq!(records.iter().filter(is_deletion).count(), BuildStatus::ALL.len());
}

#[tokio::test]
async fn all_go_in_batches() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    for number in 0..95 {
        let status = BuildStatus::ALL[number % 6];
        place.build_in(&watched, &format!("1.{number}.0"), status).await;
    }
    let busy = place.build(&watched, "2.0.0", publishing).await;
    let answer = place.ann.delete(BUILDS).await;
    expect(&answer, 200, &[]);
    assert_eq!(answer.json(), json!({ "success": true, "deleted": 95, "kept": 1, "more": false }));
    let left: Vec<_> = place.builds().await;
    assert_eq!((left.len(), &left[0]["id"]), (1, &json!(busy.id)));
    let again = place.ann.delete(BUILDS).await.json();
    assert_eq!((&again["deleted"], &again["kept"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn one_request_deletes_a_limited_number() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    for number in 0..2_005 {
        place.build_in(&watched, &format!("1.{number}.0"), BuildStatus::Discovered).await;
    }
    let first = place.ann.delete(BUILDS).await.json();
    assert_eq!((&first["deleted"], &first["more"]), (&json!(2_000), &json!(true)));
    let second = place.ann.delete(BUILDS).await.json();
    assert_eq!((&second["deleted"], &second["more"]), (&json!(5), &json!(false)));
    assert!(place.builds().await.is_empty());
}

/// Somebody goes on with builds while they are deleted: nothing is half there.
#[tokio::test]
async fn deleting_and_going_on_do_not_mix() {
    let place = Place::new().await;
    let watched = place.watch("lib").await;
    let mut builds = Vec::new();
    for number in 0..30 {
        builds.push(place.build_in(&watched, &format!("1.{number}.0"), BuildStatus::Pending).await);
    }
    let touch = async |build: &BuildRow| {
        let work = place.app.state().kmp_work();
        granary_kmp::drive::fail(&work, build, "given up").await.unwrap()
    };
    let (answer, touched) =
        tokio::join!(place.ann.delete(BUILDS), futures::future::join_all(builds.iter().map(touch)));
    expect(&answer, 200, &[]);
    assert_eq!(answer.json()["deleted"].as_u64(), Some(30), "{touched:?}");
    assert!(place.builds().await.is_empty());
    let left = place.left().await;
    // The library, its three names and its place in the list; and what is known of 30 versions.
    assert_eq!(left.len(), 5 + 30, "{left:#?}");
}

#[tokio::test]
async fn a_deletion_that_suffers_can_be_repeated() {
    for mishap in Mishap::ALL {
        for n in 1..=6 {
            let place = Place::new().await;
            let watched = place.watch("lib").await;
            for number in 0..25 {
                place.build_in(&watched, &format!("1.{number}.0"), BuildStatus::Queued).await;
            }
            let ann = place.ann.clone();
            let suffered = place.app.suffer(n, mishap, async move { ann.delete(BUILDS).await }).await;
            if let Some(response) = suffered {
                assert!(matches!(response.status, 200 | 401 | 500 | 503), "{n}: {}", response.text());
            }
            expect(&place.ann.delete(BUILDS).await, 200, &[]);
            assert!(place.builds().await.is_empty(), "{mishap:?} {n}");
            assert_eq!(place.left().await.len(), 5 + 25, "{mishap:?} {n}");
        }
    }
}
