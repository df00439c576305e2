//! Many requests at the same time.

use std::collections::BTreeSet;

use futures::future::{join, join_all};
use granary_testing::entities::EntityUpload;
use granary_testing::{Actor, TestResponse};
use serde_json::{Value, json};

use crate::support::{FIRST, SECOND, activate, numbered, path, shop, staged, stored};

const SOURCES: &str = "0123456789abcdef0123456789abcdef01234567";

/// Begins uploads and sends their bytes.
async fn sent(ann: &Actor, entity: &str, uploads: Vec<EntityUpload>) -> Vec<(EntityUpload, Value)> {
    let mut begun = Vec::new();
    for upload in uploads {
        let addresses = upload.sent(ann, entity).await;
        begun.push((upload, addresses));
    }
    begun
}

/// Confirms all of them at the same time.
async fn confirmed(ann: &Actor, entity: &str, begun: &[(EntityUpload, Value)]) -> Vec<TestResponse> {
    let confirms = begun.iter().map(|(upload, addresses)| {
        let (ann, entity, upload, addresses) =
            (ann.clone(), entity.to_owned(), upload.clone(), addresses.clone());
        tokio::spawn(async move { upload.confirmed(&ann, &entity, &addresses).await })
    });
    join_all(confirms).await.into_iter().map(Result::unwrap).collect()
}

fn count(answers: &[TestResponse], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn statuses(answers: &[TestResponse]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_uploads_of_one_version_one_wins() {
    let (app, ann, entity) = shop().await;
    let uploads = (0..20)
        .map(|n| EntityUpload::of(FIRST, format!("build {n}").as_bytes()).begin_with("force", n % 2 == 0));
    let begun = sent(&ann, &entity, uploads.collect()).await;
    let answers = confirmed(&ann, &entity, &begun).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 19), "{:?}", statuses(&answers));
    let winner = answers.iter().position(|answer| answer.status == 201).unwrap();
    let shown = ann.get(&path(&entity, &format!("/{FIRST}"))).await.json();
    assert_eq!(
        shown["version"]["source_hash"],
        begun[winner].0.source_hash.as_str(),
        "the one who was told so"
    );
    let held = stored(&app, &entity).await;
    assert_eq!((held.live, held.bytes), (vec![FIRST.to_owned()], begun[winner].0.package.len() as u64));
    // The same with the same digest of sources.
    let uploads = (0..20).map(|n| EntityUpload::of(SECOND, format!("build {n}").as_bytes()).sources(SOURCES));
    let begun = sent(&ann, &entity, uploads.collect()).await;
    let answers = confirmed(&ann, &entity, &begun).await;
    assert_eq!((count(&answers, 201), count(&answers, 409)), (1, 19), "{:?}", statuses(&answers));
    assert_eq!(stored(&app, &entity).await.live.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_upload_that_is_confirmed_twenty_times_makes_one_version() {
    let (app, ann, entity) = shop().await;
    let upload = EntityUpload::new(FIRST).lockfile(b"{}").confirm_with("set_as_active", true);
    let addresses = upload.sent(&ann, &entity).await;
    let begun = vec![(upload, addresses); 20];
    let answers = confirmed(&ann, &entity, &begun).await;
    assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 19), "{:?}", statuses(&answers));
    let ids: BTreeSet<String> =
        answers.iter().map(|answer| answer.json()["version"]["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    let held = stored(&app, &entity).await;
    assert_eq!((held.live, held.active), (vec![FIRST.to_owned()], Some(FIRST.to_owned())));
    assert_eq!(staged(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_versions_of_the_same_sources_one_is_made() {
    let (app, ann, entity) = shop().await;
    let uploads = (0..20).map(|n| EntityUpload::new(&numbered(n)).sources(SOURCES));
    let begun = sent(&ann, &entity, uploads.collect()).await;
    let answers = confirmed(&ann, &entity, &begun).await;
    assert_eq!((count(&answers, 201), count(&answers, 200)), (1, 19), "{:?}", statuses(&answers));
    let winner = answers.iter().find(|answer| answer.status == 201).unwrap().json();
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(answer.json()["status"], "exists");
        assert_eq!(answer.json()["version"]["id"], winner["version"]["id"]);
    }
    assert_eq!(stored(&app, &entity).await.live, [winner["version"]["version"].as_str().unwrap()]);
    // With force, all of them.
    let left: Vec<_> = begun
        .into_iter()
        .filter(|(upload, _)| winner["version"]["version"] != upload.version)
        .map(|(upload, addresses)| (upload.confirm_with("force", true), addresses))
        .collect();
    let answers = confirmed(&ann, &entity, &left).await;
    assert_eq!(count(&answers, 201), 19, "{:?}", statuses(&answers));
    assert_eq!(stored(&app, &entity).await.live, (0..20).map(numbered).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forced_versions_are_all_made_at_once() {
    let (app, ann, entity) = shop().await;
    // The very same bytes, whose holders have to be counted.
    let uploads = (0..20).map(|n| {
        EntityUpload::of(&numbered(n), b"one build")
            .begin_with("force", true)
            .confirm_with("set_as_active", true)
    });
    let begun = sent(&ann, &entity, uploads.collect()).await;
    let answers = confirmed(&ann, &entity, &begun).await;
    assert_eq!(count(&answers, 201), 20, "{:?}", statuses(&answers));
    let held = stored(&app, &entity).await;
    assert_eq!(held.live.len(), 20);
    let active = answers.iter().filter(|answer| answer.json()["version"]["is_active"] == true).count();
    assert_eq!(active, 20, "each was the active one when it was made");
    assert!(held.active.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_active_version_is_never_a_deleted_one() {
    let (app, ann, entity) = shop().await;
    for n in 0..8 {
        EntityUpload::new(&numbered(n)).made(&ann, &entity).await;
    }
    activate(&ann, &entity, &numbered(0)).await;
    // Each is deleted and made active at the same time, and all of them at once.
    let pairs = (1..8).map(|n| {
        let (ann, entity) = (ann.clone(), entity.clone());
        tokio::spawn(async move {
            let (one, body) =
                (path(&entity, &format!("/{}", numbered(n))), json!({ "versionId": numbered(n) }));
            let active = path(&entity, "/active");
            let (deleted, activated) = join(ann.delete(&one), ann.put_json(&active, &body)).await;
            (deleted.status, activated.status)
        })
    });
    let mut gone = BTreeSet::new();
    for (n, outcome) in (1..8).zip(join_all(pairs).await) {
        let outcome = outcome.unwrap();
        // Deleted first; refused because it is active; or made active, passed on to the next one, and then deleted.
        assert!(matches!(outcome, (204, 200 | 404) | (409, 200)), "{n}: {outcome:?}");
        if outcome.0 == 204 {
            gone.insert(numbered(n));
        }
    }
    let held = stored(&app, &entity).await;
    assert_eq!(held.tombstones.into_iter().collect::<BTreeSet<_>>(), gone);
    let active = held.active.unwrap();
    assert!(!gone.contains(&active));
    assert_eq!(ann.get(&path(&entity, "/active")).await.json()["version"]["version"], active.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_deleted_once_and_its_bytes_released_once() {
    let (app, ann, entity) = shop().await;
    for version in [FIRST, SECOND] {
        EntityUpload::of(version, b"same").begin_with("force", true).made(&ann, &entity).await;
    }
    let one = path(&entity, &format!("/{FIRST}"));
    let deletions = (0..10).map(|_| {
        let (ann, one) = (ann.clone(), one.clone());
        tokio::spawn(async move { ann.delete(&one).await })
    });
    let answers: Vec<TestResponse> = join_all(deletions).await.into_iter().map(Result::unwrap).collect();
    assert_eq!((count(&answers, 204), count(&answers, 404)), (1, 9), "{:?}", statuses(&answers));
    app.clock.advance_millis(2 * 3_600_000);
    app.sweep().await;
    assert_eq!(stored(&app, &entity).await.live, [SECOND]);
    assert_eq!(app.blobs().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_version_is_live_when_the_version_made_of_it_appears() {
    let (app, ann, entity) = shop().await;
    for n in 0..6 {
        let base = EntityUpload::new(&numbered(2 * n)).made(&ann, &entity).await;
        let upload =
            EntityUpload::new(&numbered(2 * n + 1)).begin_with("base_version_id", base["id"].clone());
        let addresses = upload.sent(&ann, &entity).await;
        let one = path(&entity, &format!("/{}", numbered(2 * n)));
        let (deleted, made) = join(ann.delete(&one), upload.confirmed(&ann, &entity, &addresses)).await;
        assert_eq!(deleted.status, 204);
        // Either it was there in time, or it is said to be gone.
        match made.status {
            201 => {}
            400 => assert!(made.error().contains("deleted meanwhile"), "{}", made.text()),
            status => panic!("{status} {}", made.text()),
        }
    }
    stored(&app, &entity).await;
}
