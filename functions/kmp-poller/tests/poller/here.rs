//! Libraries that come from a repository of this registry.

use granary_storage::Key;
use granary_storage::rows::RepoRow;
use granary_testing::Actor;
use serde_json::json;

use super::support::{Place, apps, pairs};

/// What is said of a repository that may not be read, as of one that does not exist.
const HIDDEN: &str = "kmpConfig.sourceRepoId of this repository names none that its owner may read: have its owner invited \
                      there, or set kmpConfig again, which has to be done as well when the source was deleted and made anew";

/// Deletes a repository, and waits until it is gone.
async fn delete(place: &Place, owner: &Actor, repo: &str) {
    let response = owner.delete(&format!("/api/repos/{repo}")).await;
    assert!(response.status < 300, "{}", response.text());
    place.app.settle().await;
    place.app.sweep().await;
}

#[tokio::test]
async fn versions_are_read_without_going_out() {
    let place = Place::here().await;
    assert_eq!(
        place.error().await,
        "the source repository has no com.example:lib; check groupId and artifactId"
    );
    place.publish(&place.ann, "libs", "1.0.0").await;
    place.publish(&place.ann, "libs", "1.1.0-rc1").await;
    place.publish(&place.ann, "libs", "1.2.0-SNAPSHOT").await;
    let found = place.poll().await;
    assert_eq!(
        (found.new_versions, found.discovered_versions),
        (vec!["1.0.0".into()], vec!["1.1.0-rc1".into()])
    );
    assert!(place.source.asked().is_empty());
    // Nothing has changed: the rows of the versions are not read again.
    place.app.probe.reset();
    assert_eq!(place.poll().await.builds_triggered, 0);
    let queries = place.app.probe.calls().iter().filter(|call| call.operation == "Query").count();
    assert_eq!(queries, 0);
    place.publish(&place.ann, "libs", "1.1.0").await;
    assert_eq!(place.poll().await.new_versions, ["1.1.0"]);
    // A version that was deleted there is no reason to do anything.
    assert_eq!(place.ann.delete("/api/maven/libs/com/example/lib/1.1.0").await.status, 204);
    place.app.settle().await;
    assert_eq!(place.poll().await.builds_triggered, 0);
    assert_eq!(place.builds().await.len(), 3);
}

#[tokio::test]
async fn who_may_not_read_the_source_any_more_finds_nothing() {
    let place = Place::new().await;
    let eve = place.app.repo("eve", "libs", &["maven"], "private").await;
    place.publish(&eve, "libs", "1.0.0").await;
    place.app.add_member("eve", "libs", "ann", "read").await;
    place.comes_from("libs").await;
    assert_eq!(place.poll().await.new_versions, ["1.0.0"]);
    place.publish(&eve, "libs", "2.0.0").await;
    let out = place.app.user("eve").delete("/api/repos/libs/members?userId=ann").await;
    assert!(out.status < 300, "{}", out.text());
    assert_eq!(place.error().await, HIDDEN);
    // Everybody may read it, and then nobody.
    let visibility = |value: &str| json!({ "visibility": value });
    let eve = place.app.user("eve");
    assert_eq!(eve.patch_json("/api/repos/libs", &visibility("public")).await.status, 200);
    assert_eq!(place.poll().await.new_versions, ["2.0.0"]);
    assert_eq!(eve.patch_json("/api/repos/libs", &visibility("private")).await.status, 200);
    assert_eq!(place.error().await, HIDDEN);
    assert_eq!(place.builds().await.len(), 2);
}

#[tokio::test]
async fn a_deleted_source_is_as_one_that_never_was() {
    let place = Place::here().await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    place.poll().await;
    delete(&place, &place.app.user("ann"), "libs").await;
    assert_eq!(place.error().await, HIDDEN);
    // Somebody else takes the name. What they publish there is none of the watcher's business.
    let eve = place.app.repo("eve", "libs", &["maven"], "private").await;
    place.publish(&eve, "libs", "6.6.6").await;
    assert_eq!(place.error().await, HIDDEN);
    // Even if they have everybody read it, or the watcher.
    let visibility = |value: &str| json!({ "visibility": value });
    assert_eq!(eve.patch_json("/api/repos/libs", &visibility("public")).await.status, 200);
    assert_eq!(place.error().await, HIDDEN);
    assert_eq!(eve.patch_json("/api/repos/libs", &visibility("private")).await.status, 200);
    place.app.add_member("eve", "libs", "ann", "read").await;
    assert_eq!(place.error().await, HIDDEN);
    place.publish(&eve, "libs", "7.7.7").await;
    place.app.settle().await;
    assert!(place.messages().await.is_empty() && !place.is_watching("libs").await);
    granary_kmp_poller::tick(place.app.state()).await.unwrap();
    place.consume().await;
    assert_eq!(place.state().await.error.as_deref(), Some(HIDDEN));
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]));
    // Until the watcher says that it is what they want.
    place.comes_from("libs").await;
    assert_eq!(place.poll().await.new_versions, ["7.7.7"]);
    assert!(place.is_watching("libs").await);
}

/// What was remembered of a repository says nothing of another one by its name.
#[tokio::test]
async fn a_source_that_was_made_anew_is_read_anew() {
    let place = Place::here().await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    place.poll().await;
    let before = place.state().await.etag.unwrap();
    delete(&place, &place.app.user("ann"), "libs").await;
    let ann = place.app.repo("ann", "libs", &["maven"], "private").await;
    // Whose it is does not matter.
    assert_eq!(place.error().await, HIDDEN);
    place.comes_from("libs").await;
    assert!(place.error().await.contains("no com.example:lib"));
    place.publish(&ann, "libs", "2.0.0").await;
    assert_eq!(place.poll().await.new_versions, ["2.0.0"]);
    assert_ne!(place.state().await.etag.unwrap(), before);
}

#[tokio::test]
async fn a_version_waits_until_all_that_is_wanted_is_there() {
    let place = Place::here().await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    assert_eq!(place.poll().await.new_versions, ["1.0.0"]);
    for module in ["lib", "lib-js", "lib-iosarm64"] {
        place.publish_module(&place.ann, "libs", module, "1.1.0").await;
        let early = place.poll().await;
        assert!(early.incomplete && early.builds_triggered == 0, "{module}: {early:?}");
        assert!(early.new_versions.is_empty() && early.discovered_versions.is_empty(), "{early:?}");
        let error = place.state().await.error.unwrap();
        assert!(error.contains("1.1.0") && error.contains("waits"), "{error}");
    }
    place.publish_module(&place.ann, "libs", "lib-macosarm64", "1.1.0").await;
    let whole = place.poll().await;
    assert_eq!((whole.new_versions, whole.incomplete), (vec!["1.1.0".into()], false));
    assert_eq!(place.state().await.error, None);
}

#[tokio::test]
async fn only_what_is_made_is_waited_for() {
    let place = Place::here().await;
    let path = format!("/api/repos/apps/kmp/watched/{}", place.id);
    let changed = place.ann.patch_json(&path, &json!({ "enableSwift": false })).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    place.publish_module(&place.ann, "libs", "lib", "1.0.0").await;
    assert!(place.poll().await.incomplete);
    place.publish_module(&place.ann, "libs", "lib-js", "1.0.0").await;
    assert_eq!(place.poll().await.new_versions, ["1.0.0"]);
}

/// A library that is known already is not waited for, whatever becomes of its files.
#[tokio::test]
async fn what_is_known_is_not_waited_for() {
    let place = Place::here().await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    place.poll().await;
    place.publish_module(&place.ann, "libs", "lib", "0.9.0").await;
    let old = place.poll().await;
    assert_eq!((old.discovered_versions, old.incomplete), (vec!["0.9.0".into()], false));
}

/// A library whose other modules never come is looked at for a while after each change, and then by the schedule only.
#[tokio::test]
async fn nobody_waits_for_ever() {
    let place = Place::here().await;
    // Nobody has looked yet, so that no publish leads to it.
    place.error().await;
    place.publish_module(&place.ann, "libs", "lib", "1.0.0").await;
    place.app.settle().await;
    let announced = place.messages().await;
    assert_eq!(announced.len(), 1);
    let mut message = serde_json::to_string(&announced[0]).unwrap();
    for round in 1..=30 {
        place.app.clock.advance_millis(60_000);
        place.follow_up(&message).await;
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        let next = place.messages().await;
        tokio::time::resume();
        assert_eq!(next.len(), 1, "{round}");
        assert_eq!(next[0].round, round);
        message = serde_json::to_string(&next[0]).unwrap();
    }
    place.app.clock.advance_millis(60_000);
    place.follow_up(&message).await;
    assert!(place.messages().await.is_empty());
    // Each tick is one look.
    place.app.clock.advance_millis(900_000);
    granary_kmp_poller::tick(place.app.state()).await.unwrap();
    assert_eq!(place.consume().await, 1);
    assert!(place.state().await.error.unwrap().contains("waits"));
    // The rest comes late, and is found.
    for end in ["js", "iosarm64", "macosarm64"] {
        place.publish_module(&place.ann, "libs", &format!("lib-{end}"), "1.0.0").await;
    }
    place.app.clock.advance_millis(900_000);
    granary_kmp_poller::tick(place.app.state()).await.unwrap();
    place.consume().await;
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]));
}

/// However many ask while a version is being published, one look at a time is to come.
#[tokio::test]
async fn those_who_wait_wait_together() {
    let place = Place::here().await;
    place.poll().await;
    place.publish_module(&place.ann, "libs", "lib", "1.0.0").await;
    place.app.settle().await;
    let next = async || {
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        let next = place.messages().await;
        tokio::time::resume();
        next
    };
    let first = next().await;
    assert_eq!(first.len(), 1);
    place.follow_up(&first[0].text().unwrap()).await;
    // More files, a person, the schedule, and a message that comes twice.
    place.app.clock.advance_millis(60_000);
    place.publish_module(&place.ann, "libs", "lib-js", "1.0.0").await;
    place.app.settle().await;
    for _ in 0..3 {
        let looked = place.ann.post_json("/api/repos/apps/kmp/poll", &json!(null)).await;
        assert!(looked.text().contains("still being published"), "{}", looked.text());
    }
    place.follow_up(&first[0].text().unwrap()).await;
    granary_kmp_poller::tick(place.app.state()).await.unwrap();
    let asked = next().await;
    let (ticks, chain): (Vec<_>, Vec<_>) = asked.into_iter().partition(|message| message.at > 0);
    assert_eq!((ticks.len(), chain.len()), (1, 1), "{chain:?}");
    assert_eq!(chain[0].round, 1);
    place.app.clock.advance_millis(60_000);
    place.follow_up(&ticks[0].text().unwrap()).await;
    assert!(next().await.is_empty(), "the schedule comes again by itself");
    place.follow_up(&chain[0].text().unwrap()).await;
    let chain = next().await;
    assert_eq!((chain.len(), chain[0].round), (1, 2));
    // Once all is there nobody waits any more, and the next change is announced.
    for end in ["iosarm64", "macosarm64"] {
        place.publish_module(&place.ann, "libs", &format!("lib-{end}"), "1.0.0").await;
    }
    place.app.settle().await;
    place.app.clock.advance_millis(60_000);
    place.follow_up(&chain[0].text().unwrap()).await;
    assert!(next().await.is_empty());
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]));
    place.publish_module(&place.ann, "libs", "lib", "1.1.0").await;
    place.app.settle().await;
    assert_eq!(next().await.len(), 1);
}

/// A repository here that has failed is asked at once when there is something: it costs nobody anything.
#[tokio::test]
async fn a_repository_here_is_never_left_alone() {
    let place = Place::here().await;
    for _ in 0..5 {
        place.error().await;
    }
    place.publish(&place.ann, "libs", "1.0.0").await;
    place.app.settle().await;
    assert_eq!(place.consume().await, 1);
    assert_eq!(place.builds().await, pairs(&[("1.0.0", "pending")]));
}

/// A repository that was handed to somebody else does not read what only its owner of before may read.
#[tokio::test]
async fn another_owner_has_other_rights() {
    let place = Place::here().await;
    place.publish(&place.ann, "libs", "1.0.0").await;
    let key = Key::Repo(apps());
    let row: RepoRow = place.repo().await;
    let others = RepoRow { owner_id: "eve".parse().unwrap(), ..row.clone() };
    place.app.state().storage().put(&key, &others).await.unwrap();
    assert_eq!(place.error().await, HIDDEN);
    place.app.state().storage().put(&key, &row).await.unwrap();
    assert_eq!(place.poll().await.new_versions, ["1.0.0"]);
}
