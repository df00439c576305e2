//! One run at a time has a build.

use futures::future::join_all;
use granary_model::kmp::BuildStatus;
use serde_json::json;

use super::support::{Place, RUN};

#[tokio::test]
async fn the_run_that_was_started_claims_its_build() {
    let place = Place::new().await;
    let build = place.build().await;
    let job = place.job(&build).await;
    let first = job.start(RUN, 1).await;
    assert_eq!((first.status, first.json()), (200, json!({ "success": true, "status": "building" })));
    let row = place.read(&build).await;
    assert_eq!((row.status, row.claimed_by), (BuildStatus::Building, Some((RUN, 1))));
    assert!(row.started_at.is_some() && row.deadline_at > 0);
    // The same call again changes nothing.
    assert_eq!(job.start(RUN, 1).await.status, 200);
    assert_eq!(place.read(&build).await, row);
    // Another run, and another one that says nothing of what GitHub was told.
    assert_eq!(job.start(RUN + 1, 1).await.status, 409);
    // The run is begun anew, and its first attempt comes late.
    assert_eq!(job.start(RUN, 2).await.status, 200);
    let late = job.start(RUN, 1).await;
    assert_eq!(late.status, 409, "{}", late.text());
    assert_eq!(place.read(&build).await.claimed_by, Some((RUN, 2)));
    assert_eq!(place.logged("kmp.claim").await, 2);
}

#[tokio::test]
async fn of_many_runs_one_gets_a_build() {
    let place = Place::new().await;
    let build = place.build_of("1.0.0", |row| row.run_id = None).await;
    let job = place.local_job(&build).await;
    let answers = join_all((1..=6).map(|run| job.start(run, 1))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
}

#[tokio::test]
async fn a_build_that_is_over_or_in_another_attempt_is_not_claimed() {
    let place = Place::new().await;
    let build = place.build().await;
    let job = place.job(&build).await;
    let mut row = place.read(&build).await;
    row.status = BuildStatus::Failed;
    place.write(&row).await;
    assert_eq!(job.start(RUN, 1).await.status, 409);
    // By now the token is good for nothing at all.
    row.status = BuildStatus::Queued;
    row.attempt += 1;
    place.write(&row).await;
    assert_eq!(job.start(RUN, 1).await.status, 401);
}

#[tokio::test]
async fn nobody_else_claims_and_no_other_build_is_claimed() {
    let place = Place::new().await;
    let (build, other) = (place.build().await, place.build_of("1.1.0", |_| {}).await);
    let job = place.job(&build).await;
    let body = json!({ "runId": RUN, "attempt": 1 });
    let path = |id: &str| format!("/api/kmp/builds/{id}/start");
    assert_eq!(job.actor.post_json(&path(&other.id), &body).await.status, 404);
    assert_eq!(job.actor.post_json(&path("nothing"), &body).await.status, 404);
    assert_eq!(job.actor.post_json(&path(&format!("{}.2", build.id)), &body).await.status, 404);
    assert_eq!(place.ann.post_json(&path(&build.id), &body).await.status, 403);
    assert_eq!(place.ann.post_json(&path("nothing"), &body).await.status, 403);
    assert_eq!(place.app.anonymous().post_json(&path(&build.id), &body).await.status, 401);
    for bad in [json!({}), json!({ "runId": "7", "attempt": 1 }), json!({ "runId": 7, "attempt": 1, "x": 1 })]
    {
        assert_eq!(job.actor.post_json(&path(&build.id), &bad).await.status, 400, "{bad}");
    }
    assert_eq!(place.read(&build).await.claimed_by, None);
    // As the run names it.
    assert_eq!(job.actor.post_json(&path(&format!("{}.1", build.id)), &body).await.status, 200);
}
