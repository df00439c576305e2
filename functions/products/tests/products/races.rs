//! Many requests at the same time.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::json;

use crate::consistency::Checks as _;
use crate::{NAME, empty, sent, stocked, stocked_with, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_files_for_a_version_one_is_kept() {
    let (app, admin) = stocked().await;
    let files: Vec<String> = (0..20).map(|index| format!("bytes {index}")).collect();
    let answers = join_all(files.iter().map(|file| admin.upload(NAME, "1", file.as_bytes()))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(400)), (1, 19));
    let winner = answers.iter().position(|answer| answer.status == 201).unwrap();
    assert_eq!(admin.download(NAME, "1").await.text(), files[winner]);
    app.check_product("ann", NAME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_file_many_times_is_a_success_once() {
    let (app, admin) = stocked().await;
    let answers = join_all((0..20).map(|_| admin.upload(NAME, "1", b"same"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let refused = answers.iter().filter(|answer| answer.status == 400 && answer.text().contains("very file"));
    assert_eq!(refused.count(), 19);
    app.check_product("ann", NAME).await;
    let audit = app.audit("user:ann").await;
    assert_eq!(audit.iter().filter(|row| row["action"] == "product.upload").count(), 1);
}

/// There is room for the file once. Whoever sends or confirms it again is told of the version that is there, and not of the
/// quota.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_no_reason_where_the_version_is_there() {
    let (app, admin) = stocked_with(|config| config.repo_quota = Some(6)).await;
    let answers = join_all((0..20).map(|_| admin.upload(NAME, "1", b"same"))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    let told = answers.iter().filter(|answer| answer.status == 400 && answer.text().contains("very file"));
    assert_eq!(told.count(), 19, "{statuses:?}");
    empty(&admin.delete(&format!("/api/product/delete/{NAME}/1")).await, 204);

    let mut uploads = vec![sent(&admin, "2", b"same").await; 10];
    for _ in 0..10 {
        uploads.push(sent(&admin, "2", b"same").await);
    }
    let statuses: Vec<u16> =
        join_all(uploads.iter().map(|upload| async { admin.confirm(upload).await.status })).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 201].contains(status)), "{statuses:?}");
    for upload in &uploads {
        assert_eq!(admin.confirm(upload).await.status, 200);
    }
    assert_eq!(app.check_product("ann", NAME).await.unwrap().live, ["2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_versions_at_once_are_all_kept() {
    let (app, admin) = stocked().await;
    let versions: Vec<String> = (0..20).map(|index| format!("1.{index}")).collect();
    let answers =
        join_all(versions.iter().map(|version| admin.upload(NAME, version, version.as_bytes()))).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    let shown = admin.fetch(NAME).await.json();
    let kept: BTreeSet<&String> = shown["versions"].as_object().unwrap().keys().collect();
    assert_eq!(kept, versions.iter().collect());
    app.check_product("ann", NAME).await;
    let path = |version: &String| format!("/api/product/delete/{NAME}/{version}");
    let twice = versions.iter().chain(&versions);
    let answers = join_all(twice.map(|version| async { admin.delete(&path(version)).await.status })).await;
    assert_eq!(answers.iter().filter(|status| **status == 204).count(), 20, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 400).count(), 20, "{answers:?}");
    app.check_product("ann", NAME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_given_once() {
    let (app, admin) = store().await;
    let answers = join_all((0..20).map(|_| admin.create(NAME))).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(201), count(400)), (1, 19));
    app.check_product("ann", NAME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_that_are_given_at_once_are_all_there() {
    let (app, admin) = stocked().await;
    let mut tokens = Vec::new();
    for _ in 0..10 {
        tokens.push(app.register(&admin, false).await);
    }
    let right = json!({ "download": true });
    let answers = join_all(tokens.iter().map(|token| admin.grant(NAME, token.secret(), &right))).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert_eq!(admin.fetch(NAME).await.json()["tokens"].as_object().unwrap().len(), 11);
    let prunes = tokens.iter().map(|token| format!("/api/prune/{}", token.secret())).collect::<Vec<_>>();
    let again = join_all(tokens.iter().map(|token| admin.grant(NAME, token.secret(), &right)));
    let (_, pruned) = futures::join!(again, join_all(prunes.iter().map(|path| admin.delete(path))));
    assert!(pruned.iter().all(|answer| answer.status == 204));
    let listed = admin.fetch(NAME).await.json()["tokens"].clone();
    assert_eq!(listed.as_object().unwrap().len(), 1, "none is listed that is gone: {listed}");
}

/// A product that is deleted and made again meanwhile is another one: no upload may reach the second by the first's row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_never_brings_a_deleted_product_back() {
    let (app, admin) = stocked().await;
    for round in 0..10 {
        let versions: Vec<String> = (0..3).map(|index| format!("{round}.{index}")).collect();
        let uploads =
            join_all(versions.iter().map(|version| admin.upload(NAME, version, version.as_bytes())));
        let remake = async {
            let path = format!("/api/product/delete/{NAME}");
            assert_eq!(admin.delete(&path).await.status, 204);
            assert_eq!(admin.create(NAME).await.status, 201);
        };
        let (answers, ()) = futures::join!(uploads, remake);
        for answer in answers {
            assert!([201, 400].contains(&answer.status), "{}", answer.text());
        }
        app.check_product("ann", NAME).await;
    }
}
