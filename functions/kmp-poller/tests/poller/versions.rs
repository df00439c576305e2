//! Which versions are built.

use granary_kmp::poll::{PollOutcome, poll_watched};
use granary_testing::kmp::metadata;

use super::support::{LIST, Place, pairs};

fn outcome(new: &[&str], discovered: &[&str]) -> PollOutcome {
    let owned = |versions: &[&str]| versions.iter().map(|version| (*version).to_owned()).collect();
    PollOutcome {
        new_versions: owned(new),
        discovered_versions: owned(discovered),
        builds_triggered: new.len(),
        ..PollOutcome::default()
    }
}

#[tokio::test]
async fn the_first_look_builds_the_newest_stable_version_only() {
    let place = Place::new().await;
    // Not in any order, and with what looks newer in the order of text.
    place.versions(&["1.9.0", "2.0.0-RC1", "1.10.0", "1.0.0", "1.10.0-beta1", "2.0-SNAPSHOT"]);
    let discovered = ["2.0.0-RC1", "1.10.0-beta1", "1.9.0", "1.0.0"];
    assert_eq!(place.poll().await, outcome(&["1.10.0"], &discovered));
    let expected = [
        ("2.0.0-RC1", "discovered"),
        ("1.10.0", "pending"),
        ("1.10.0-beta1", "discovered"),
        ("1.9.0", "discovered"),
        ("1.0.0", "discovered"),
    ];
    assert_eq!(place.builds().await, pairs(&expected));
    assert_eq!(place.poll().await, outcome(&[], &[]));
}

#[tokio::test]
async fn later_looks_build_what_is_newer_and_stable() {
    let place = Place::new().await;
    let mut all = vec!["1.0.0"];
    place.versions(&all);
    assert_eq!(place.poll().await, outcome(&["1.0.0"], &[]));
    for (published, new, discovered) in [
        (&["1.1.0-rc1"][..], &[][..], &["1.1.0-rc1"][..]),
        (&["1.1.0"], &["1.1.0"], &[]),
        // Two at once: the newest one is enough.
        (&["1.2.0", "2.0.0"], &["2.0.0"], &["1.2.0"]),
        // A patch of an old line.
        (&["1.0.9"], &[], &["1.0.9"]),
        (&["2.0.1-alpha1", "2.0.0.1"], &["2.0.0.1"], &["2.0.1-alpha1"]),
        (&["3.0.0-M1", "3.0.0-SNAPSHOT"], &[], &["3.0.0-M1"]),
        // The same place in the order, but another version.
        (&["2.0.0.1-final"], &[], &["2.0.0.1-final"]),
    ] {
        all.extend(published);
        place.versions(&all);
        assert_eq!(place.poll().await, outcome(new, discovered), "{published:?}");
    }
    assert_eq!(place.builds().await.len(), all.len() - 1, "no snapshots");
}

#[tokio::test]
async fn pre_releases_alone_build_nothing() {
    let place = Place::new().await;
    place.versions(&["1.0.0-alpha01", "1.0.0-beta.2", "0.9-SNAPSHOT"]);
    assert_eq!(place.poll().await, outcome(&[], &["1.0.0-beta.2", "1.0.0-alpha01"]));
    place.versions(&["1.0.0-alpha01", "1.0.0-beta.2", "1.0.0"]);
    assert_eq!(place.poll().await, outcome(&["1.0.0"], &[]));
}

#[tokio::test]
async fn what_vanishes_from_the_source_stays_known() {
    let place = Place::new().await;
    place.versions(&["1.0.0", "2.0.0"]);
    place.poll().await;
    place.versions(&["1.0.0"]);
    assert_eq!(place.poll().await, outcome(&[], &[]));
    assert_eq!(place.builds().await, pairs(&[("2.0.0", "pending"), ("1.0.0", "discovered")]));
    place.versions(&["1.0.0", "2.0.0"]);
    assert_eq!(place.poll().await, outcome(&[], &[]), "it is not new when it comes back");
}

#[tokio::test]
async fn what_is_no_version_is_left_out() {
    let place = Place::new().await;
    let versions = ["../../etc/passwd", "1.0 ; reboot", "$(reboot)", "1.0/..", "", "1.0.0", "1.0.0"];
    place.source.file(LIST, metadata("com.example", "lib", &versions));
    assert_eq!(place.poll().await, outcome(&["1.0.0"], &[]));
}

#[tokio::test]
async fn two_looks_at_once_make_one_build_of_each() {
    let place = Place::new().await;
    place.versions(&["1.0.0", "1.1.0-rc1", "1.1.0"]);
    let (row, repo) = (place.row().await, place.repo().await);
    // Another process shares nothing with this one but the table.
    let other = place.app.restarted();
    let (here, there) = (place.app.state().kmp_work(), other.state().kmp_work());
    let (first, second) = tokio::join!(poll_watched(&here, &row, &repo), poll_watched(&there, &row, &repo));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.builds_triggered + second.builds_triggered, 1, "{first:?} {second:?}");
    assert_eq!(first.discovered_versions.len() + second.discovered_versions.len(), 2);
    let expected = [("1.1.0", "pending"), ("1.1.0-rc1", "discovered"), ("1.0.0", "discovered")];
    let mut builds = place.builds().await;
    builds.sort_unstable();
    let mut expected = pairs(&expected);
    expected.sort_unstable();
    assert_eq!(builds, expected);
}

/// Wherever a look breaks off, the next one makes what is missing, and nothing twice.
#[tokio::test]
async fn a_look_that_breaks_off_is_made_up_for() {
    use granary_testing::probe::{Fault, Service, Target};
    for nth in 1..20 {
        for fault in [Fault::Refuse, Fault::LoseAnswer] {
            let place = Place::new().await;
            place.versions(&["1.0.0", "1.1.0-rc1", "1.1.0"]);
            let (row, repo) = (place.row().await, place.repo().await);
            place.app.probe.reset();
            place.app.probe.inject(Target::service(Service::DynamoDb, nth), fault);
            let looked = poll_watched(&place.app.state().kmp_work(), &row, &repo).await;
            let calls = place.app.probe.calls();
            place.app.probe.reset();
            place.poll().await;
            let expected = [("1.1.0", "pending"), ("1.1.0-rc1", "discovered"), ("1.0.0", "discovered")];
            assert_eq!(place.builds().await, pairs(&expected), "{nth} {fault:?} {looked:?}");
            if calls.len() < nth {
                assert!(nth > 4, "a look makes more calls: {calls:?}");
                return;
            }
        }
    }
    panic!("a look never ends");
}
