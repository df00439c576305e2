//! Many clients at once.

use futures::future::join_all;
use granary_auth::{Principal, Via};
use granary_model::{Clock as _, Scope};
use granary_publish::Target;
use granary_publish::npm::body::{BodyLimits, PublishBodyParser};
use granary_publish::npm::publish::{NpmPublish, Published};
use granary_storage::Key;
use granary_storage::rows::HeadRow;
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

use super::support::{INSTALL, accepting, at, for_write, keys, packument, private, publish, publish_all};

/// Sends all publishes at once, each from a task of its own.
async fn at_once(actor: &Actor, packages: &[NpmPackage]) -> Vec<TestResponse> {
    let tasks = packages.iter().cloned().map(|package| {
        let actor = actor.clone();
        tokio::spawn(async move { actor.publish("libs", &package).await })
    });
    join_all(tasks.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_publishes_of_one_version_one_wins_and_its_bytes_are_served() {
    let (app, ann) = private().await;
    let packages: Vec<NpmPackage> = (0..20)
        .map(|n| NpmPackage::new("pad", "1.0.0").file("who.txt", format!("number {n}").as_bytes()))
        .collect();
    let answers = at_once(&ann, &packages).await;
    let winners: Vec<usize> = (0..20).filter(|n| answers[*n].status == 201).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.status, 409, "{}", answer.text());
        assert!(answer.error().contains("previously published versions: 1.0.0"), "{}", answer.text());
    }
    let winner = &packages[winners[0]];
    assert_eq!(ann.get(&at("pad/-/pad-1.0.0.tgz")).await.body.to_vec(), winner.tarball());
    let dist = packument(&ann, "pad").await["versions"]["1.0.0"]["dist"].clone();
    assert_eq!(dist["shasum"], winner.body()["versions"]["1.0.0"]["dist"]["shasum"]);
    let stored = app.check_consistency("libs").await;
    assert_eq!((stored.live.len(), stored.audit), (1, 2), "one record of the repository, one of the publish");
    // What the losers stored goes, and nothing else.
    app.clock.advance_millis(3_600_001);
    assert_eq!(granary_events::sweep_blobs(app.state()).await.unwrap(), 19);
    assert_eq!(app.check_consistency("libs").await.blobs.len(), 1);
    assert_eq!(
        app.restarted().token(ann.secret()).get(&at("pad/-/pad-1.0.0.tgz")).await.body.to_vec(),
        winner.tarball()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_times_the_same_publish_is_one_version_and_no_error() {
    let (app, ann) = private().await;
    let answers = at_once(&ann, &vec![NpmPackage::new("pad", "1.0.0"); 20]).await;
    for answer in answers {
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    let stored = app.check_consistency("libs").await;
    assert_eq!((stored.live.len(), stored.audit, stored.blobs.len()), (1, 2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_versions_at_once_are_all_in_the_packument() {
    let (app, ann) = private().await;
    let packages: Vec<NpmPackage> =
        (0..20).map(|n| NpmPackage::new("pad", &format!("1.{n}.0")).tag(&format!("tag-{n}"))).collect();
    for answer in at_once(&ann, &packages).await {
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    for accept in ["application/json", INSTALL] {
        let document = accepting(&ann, &at("pad"), accept).await.json();
        assert_eq!(keys(&document["versions"]), (0..20).map(|n| format!("1.{n}.0")).collect::<Vec<_>>());
        for n in 0..20 {
            assert_eq!(document["dist-tags"][format!("tag-{n}")], format!("1.{n}.0"));
        }
    }
    assert!(packument(&ann, "pad").await["_rev"].as_str().unwrap().starts_with("20-"), "every change counts");
    let stored = app.check_consistency("libs").await;
    assert_eq!((stored.live.len(), stored.audit), (20, 21));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tags_and_publishes_at_once_lose_nothing() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    let packages: Vec<NpmPackage> =
        (1..9).map(|n| NpmPackage::new("pad", &format!("1.0.{n}")).tag(&format!("published-{n}"))).collect();
    let tagging = (1..9).map(|n| {
        let actor = ann.clone();
        tokio::spawn(async move {
            let path = at(&format!("-/package/pad/dist-tags/set-{n}"));
            actor.put_json(&path, &"1.0.0".into()).await
        })
    });
    let tagging: Vec<_> = tagging.collect();
    let (published, tagged) = tokio::join!(at_once(&ann, &packages), join_all(tagging));
    assert!(published.iter().all(|answer| answer.status == 201));
    assert!(tagged.into_iter().all(|answer| answer.unwrap().status == 201));
    let tags = packument(&ann, "pad").await["dist-tags"].clone();
    for n in 1..9 {
        assert_eq!(tags[format!("published-{n}")], format!("1.0.{n}"));
        assert_eq!(tags[format!("set-{n}")], "1.0.0");
    }
    app.check_consistency("libs").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tag_never_points_at_a_version_that_was_deleted_meanwhile() {
    let (app, ann) = private().await;
    for round in 0..8 {
        let name = format!("pad-{round}");
        publish_all(&ann, &name, &["1.0.0", "2.0.0"]).await;
        let (tagger, deleter) = (ann.clone(), ann.clone());
        let (tag, file) =
            (format!("-/package/{name}/dist-tags/beta"), format!("{name}/-/{name}-1.0.0.tgz/-rev/undefined"));
        let tag = tokio::spawn(async move { tagger.put_json(&at(&tag), &"1.0.0".into()).await });
        let deleted = tokio::spawn(async move { deleter.delete(&at(&file)).await });
        let (tag, deleted) = (tag.await.unwrap(), deleted.await.unwrap());
        assert_eq!(deleted.status, 200, "{}", deleted.text());
        assert!(tag.status == 201 || tag.status == 404, "{}", tag.text());
        // Checks that every tag names a live version.
        app.check_consistency("libs").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_that_several_delete_at_once_is_deleted_once() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "2.0.0", "3.0.0", "4.0.0"]).await;
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        let tasks = (0..8).map(|_| {
            let (actor, path) = (ann.clone(), at(&format!("pad/-/pad-{version}.tgz/-rev/undefined")));
            tokio::spawn(async move { actor.delete(&path).await })
        });
        for answer in join_all(tasks.collect::<Vec<_>>()).await {
            let answer = answer.unwrap();
            // Whoever comes later may find nothing.
            assert!(answer.status == 200 || answer.status == 404, "{}", answer.text());
        }
    }
    let stored = app.check_consistency("libs").await;
    assert_eq!((stored.live.len(), stored.tombstones.len()), (1, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn publishing_while_other_versions_are_deleted_and_deprecated() {
    let (app, ann) = private().await;
    publish_all(&ann, "pad", &["1.0.0", "1.1.0", "1.2.0"]).await;
    let mut tasks = Vec::new();
    let packages: Vec<NpmPackage> = (0..6).map(|n| NpmPackage::new("pad", &format!("2.{n}.0"))).collect();
    for package in packages {
        let actor = ann.clone();
        tasks.push(tokio::spawn(async move { actor.publish("libs", &package).await }));
    }
    let actor = ann.clone();
    tasks.push(tokio::spawn(async move {
        loop {
            let mut body = for_write(&actor, "pad").await;
            body["versions"]["1.1.0"]["deprecated"] = "old".into();
            let response = actor.put_json(&at("pad"), &body).await;
            // Read before another change: the user tries again. The other changes come to an end.
            if response.status != 409 {
                return response;
            }
        }
    }));
    let actor = ann.clone();
    tasks.push(tokio::spawn(async move { actor.delete(&at("pad/-/pad-1.0.0.tgz/-rev/undefined")).await }));
    for answer in join_all(tasks).await {
        let answer = answer.unwrap();
        assert!(answer.status == 200 || answer.status == 201, "{}", answer.text());
    }
    let document = packument(&ann, "pad").await;
    assert_eq!(
        keys(&document["versions"]),
        ["1.1.0", "1.2.0", "2.0.0", "2.1.0", "2.2.0", "2.3.0", "2.4.0", "2.5.0"]
    );
    assert_eq!(document["versions"]["1.1.0"]["deprecated"], "old");
    app.check_consistency("libs").await;
}

/// Publishes with the head that an earlier read gave, as a request does that another one overtakes.
async fn publish_late(app: &TestApp, package: &NpmPackage, head: Option<HeadRow>) -> Published {
    let mut parser = PublishBodyParser::new(BodyLimits::default());
    parser.feed(package.body().to_string().as_bytes()).unwrap();
    let body = parser.finish().unwrap();
    let state = app.state();
    let repo = state.storage().get(&Key::Repo("libs".parse().unwrap())).await.unwrap().unwrap();
    let principal = Principal::User {
        id: "ann".parse().unwrap(),
        scope: Scope::Admin,
        via: Via::Session,
        instance_admin: false,
    };
    let target = Target {
        storage: state.storage(),
        ids: state.ids(),
        repo: &repo,
        principal: &principal,
        token: None,
        package: app.package_key("libs", &package.name),
        head,
    };
    let publish = NpmPublish::check(package.name.parse().unwrap(), body).await.unwrap();
    publish.commit(target, app.clock.now(), None).await.unwrap()
}

async fn head(app: &TestApp) -> Option<HeadRow> {
    app.state().storage().get(&Key::Head(app.package_key("libs", "pad"))).await.unwrap()
}

async fn tag(actor: &Actor, name: &str) -> Value {
    packument(actor, "pad").await["dist-tags"][name].clone()
}

#[tokio::test]
async fn latest_never_goes_back_by_a_race_but_follows_whoever_means_it() {
    let (app, ann) = private().await;
    // Both first publishes began when there was no package.
    publish(&ann, &NpmPackage::new("pad", "2.0.0")).await;
    assert_eq!(publish_late(&app, &NpmPackage::new("pad", "1.0.0"), None).await, Published::New);
    assert_eq!(tag(&ann, "latest").await, "2.0.0", "the lower version came later only by chance");
    // Two later ones that began from the same head, in both orders.
    for (early, late, highest) in [("3.0.0", "2.5.0", "3.0.0"), ("3.1.0", "4.0.0", "4.0.0")] {
        let seen = head(&app).await;
        publish(&ann, &NpmPackage::new("pad", early)).await;
        publish_late(&app, &NpmPackage::new("pad", late), seen).await;
        assert_eq!(tag(&ann, "latest").await, highest);
    }
    // Without a race, a fix of an old line that is published as latest becomes latest.
    publish(&ann, &NpmPackage::new("pad", "1.0.1")).await;
    assert_eq!(tag(&ann, "latest").await, "1.0.1");
    // And a race for another tag does not hold up this one.
    let seen = head(&app).await;
    publish(&ann, &NpmPackage::new("pad", "5.0.0").tag("next")).await;
    publish_late(&app, &NpmPackage::new("pad", "1.0.2"), seen).await;
    assert_eq!((tag(&ann, "latest").await, tag(&ann, "next").await), (json!("1.0.2"), json!("5.0.0")));
    app.check_consistency("libs").await;
}

#[tokio::test]
async fn times_within_a_package_never_run_backwards() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    let first = packument(&ann, "pad").await["modified"].clone();
    // The next function's clock is a minute behind.
    app.clock.advance_millis(-60_000);
    publish(&ann, &NpmPackage::new("pad", "1.1.0")).await;
    let second = packument(&ann, "pad").await["modified"].clone();
    assert!(second.as_str() > first.as_str(), "{first} {second}");
}
