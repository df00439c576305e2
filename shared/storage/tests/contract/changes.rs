//! The conditions and updates that the registry's changes are made of.

use futures::future::join_all;
use granary_model::{OrgSlug, RepoId, Timestamp};
use granary_storage::publishing::{CLAIM_MILLIS, DOOM_MILLIS, Growth, UsageChange};
use granary_storage::rows::{
    BlobRow, FileRow, FileStatus, HeadRow, LoginRow, StoredFileRow, UpstreamHead, UsageRow, VersionRow,
    VersionStatus,
};
use granary_storage::{Commit, Key, Storage, Transaction};
use serde::{Deserialize, Serialize};

use crate::place::Place;
use crate::{NOW, digest, is_done, package, repo, version};

/// Commits one part. `false`: its condition did not hold.
async fn commit(storage: &Storage, part: impl FnOnce(&mut Transaction)) -> bool {
    let mut transaction = Transaction::new();
    part(&mut transaction);
    is_done(&storage.commit(transaction).await.unwrap())
}

#[tokio::test]
async fn usage_never_exceeds_the_quota_however_many_race() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let attempts = (0..50).map(|_| {
        let storage = storage.clone();
        async move {
            let mut transaction = Transaction::new();
            let change = UsageChange { bytes: 30, versions: 1, packages: 0 };
            transaction.change_usage("usage", &repo(), change, Some(100));
            matches!(storage.commit(transaction).await.unwrap(), Commit::Done)
        }
    });
    assert_eq!(join_all(attempts).await.into_iter().filter(|fits| *fits).count(), 3);
    let usage: UsageRow = storage.get(&Key::Usage(repo())).await.unwrap().unwrap();
    assert_eq!(usage, UsageRow { bytes: 90, versions: 3, ..UsageRow::default() });
    // A first file that is larger than the whole quota does not slip through.
    let mut transaction = Transaction::new();
    let change = UsageChange { bytes: 101, versions: 1, packages: 1 };
    transaction.change_usage("usage", &"empty".parse().unwrap(), change, Some(100));
    assert!(matches!(storage.commit(transaction).await.unwrap(), Commit::Refused(_)));
}

#[tokio::test]
async fn what_is_kept_of_upstreams_is_counted_by_itself() {
    let place = Place::tables().await;
    let storage = &place.storage;
    assert!(!commit(storage, |part| part.change_cache("cache", &repo(), (101, 1), Some(100))).await);
    assert!(commit(storage, |part| part.change_cache("cache", &repo(), (60, 1), Some(100))).await);
    assert!(!commit(storage, |part| part.change_cache("cache", &repo(), (41, 1), Some(100))).await);
    assert!(commit(storage, |part| part.change_cache("cache", &repo(), (40, 1), Some(100))).await);
    assert!(
        commit(storage, |part| part.change_cache("cache", &repo(), (-30, -1), Some(10))).await,
        "less is never too much"
    );
    let change = UsageChange { bytes: 100, versions: 1, packages: 1 };
    assert!(commit(storage, |part| part.change_usage("usage", &repo(), change, Some(100))).await);
    let usage: UsageRow = storage.get(&Key::Usage(repo())).await.unwrap().unwrap();
    let expected = UsageRow { bytes: 100, versions: 1, packages: 1, cached_bytes: 70, cached_versions: 1 };
    assert_eq!(usage, expected);
}

#[tokio::test]
async fn a_package_comes_from_the_upstream_that_its_head_names() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let requires =
        async |uid: &str| commit(storage, |part| part.require_upstream("head", &package(), uid)).await;
    assert!(!requires("u1").await, "there is no head");
    let mut head = HeadRow { rev: 1, ..HeadRow::default() };
    storage.put(&Key::Head(package()), &head).await.unwrap();
    assert!(!requires("u1").await, "it is published here");
    head.upstream = Some(Box::new(UpstreamHead {
        name: "public".parse().unwrap(),
        uid: "u1".into(),
        checked_at: 0,
        fetched_at: 0,
        document: String::new(),
        etag: None,
        last_modified: None,
        failing: None,
        gone: false,
        removed: ["1.0.0".to_owned()].into(),
        as_of: 0,
        next_at: None,
        policy: String::new(),
    }));
    storage.put(&Key::Head(package()), &head).await.unwrap();
    assert!(requires("u1").await && !requires("u2").await);
    let read: HeadRow = storage.get(&Key::Head(package())).await.unwrap().unwrap();
    assert_eq!(read.upstream, head.upstream);
}

/// A row has one part of a transaction at most, so two packages that are published together are counted together.
#[tokio::test]
async fn changes_of_usage_in_one_transaction_add_up() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let both = |quotas: [Option<u64>; 2]| {
        let mut transaction = Transaction::new();
        for ((bytes, packages), quota) in [(30, 1), (40, 0)].into_iter().zip(quotas) {
            let change = UsageChange { bytes, versions: 1, packages };
            transaction.change_usage("usage", &repo(), change, quota);
        }
        transaction
    };
    assert_eq!(both([None, None]).parts(), 1);
    for quotas in [[Some(69), Some(69)], [Some(69), None], [None, Some(69)], [Some(100), Some(69)]] {
        assert!(matches!(storage.commit(both(quotas)).await.unwrap(), Commit::Refused(_)), "{quotas:?}");
    }
    assert!(is_done(&storage.commit(both([Some(70), Some(70)])).await.unwrap()));
    let usage: UsageRow = storage.get(&Key::Usage(repo())).await.unwrap().unwrap();
    assert_eq!(usage, UsageRow { bytes: 70, versions: 2, packages: 1, ..UsageRow::default() });
    // Which part was refused is told by its place as well.
    let mut transaction = both([None, None]);
    transaction.require("nothing", Key::Usage("nothing".parse().unwrap()));
    let Commit::Refused(refusal) = storage.commit(transaction).await.unwrap() else { panic!("it is there") };
    assert_eq!((refusal.label, refusal.position), ("nothing", 1));
}

#[tokio::test]
async fn bytes_in_use_or_claimed_are_never_doomed() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let blob = digest(b"bytes");
    let later = NOW.plus_millis(CLAIM_MILLIS + 1);
    let hold = |now| {
        let mut transaction = Transaction::new();
        transaction.hold_blob("blob", blob, 1, now);
        transaction
    };
    assert!(matches!(storage.commit(hold(NOW)).await.unwrap(), Commit::Refused(_)), "nobody claimed it");
    storage.claim_blob(blob, NOW).await.unwrap();
    assert!(!storage.doom_blob(blob, NOW, "a").await.unwrap(), "claimed");
    assert!(matches!(storage.commit(hold(later)).await.unwrap(), Commit::Refused(_)), "the claim is over");
    assert!(matches!(storage.commit(hold(NOW)).await.unwrap(), Commit::Done));
    assert!(!storage.doom_blob(blob, later, "a").await.unwrap(), "in use");
    let mut release = Transaction::new();
    release.release_blob("blob", blob, 1);
    assert!(matches!(storage.commit(release).await.unwrap(), Commit::Done));
    assert!(storage.doom_blob(blob, later, "a").await.unwrap());
    assert!(storage.claim_blob(blob, later).await.is_err(), "it is about to go");
    let row: BlobRow = storage.get(&Key::Blob(blob)).await.unwrap().unwrap();
    assert_eq!(row.refs, 0);
}

#[tokio::test]
async fn versions_grow_until_they_are_buried() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let key = Key::Version(package(), "1".into());
    storage.put(&key, &version(5, 1)).await.unwrap();
    let grow = async |growth: Growth| {
        let mut transaction = Transaction::new();
        transaction.grow_version("version", key.clone(), growth);
        matches!(storage.commit(transaction).await.unwrap(), Commit::Done)
    };
    let bury = async |bytes, files| {
        let mut transaction = Transaction::new();
        transaction.bury_version("version", key.clone(), bytes, files);
        matches!(storage.commit(transaction).await.unwrap(), Commit::Done)
    };
    assert!(grow(Growth { bytes: 3, files: 1, ..Growth::default() }).await);
    let completing = Growth { bytes: 2, files: 1, facts: Some(vec![7]), complete: true, was_complete: false };
    assert!(grow(completing.clone()).await);
    assert!(!grow(completing).await, "only one completes it");
    let row: VersionRow = storage.get(&key).await.unwrap().unwrap();
    assert_eq!((row.size, row.file_count, row.complete, row.facts), (10, 3, true, vec![7]));
    assert!(!bury(5, 1).await, "it has grown since");
    assert!(bury(10, 3).await);
    assert!(!bury(0, 0).await);
    assert!(!grow(Growth { bytes: 1, files: 1, ..Growth::default() }).await);
    let row: VersionRow = storage.get(&key).await.unwrap().unwrap();
    assert_eq!((row.status, row.size, row.file_count), (VersionStatus::Tombstone, 0, 0));
}

#[tokio::test]
async fn usage_shrinks_without_a_quota_and_grows_up_to_it() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let change = async |bytes, quota| {
        let change = UsageChange { bytes, versions: bytes.signum(), packages: 0 };
        commit(storage, |t| t.change_usage("usage", &repo(), change, quota)).await
    };
    assert!(change(100, Some(100)).await, "exactly the quota, as the first");
    assert!(!change(1, Some(100)).await);
    assert!(change(0, Some(100)).await);
    assert!(change(-40, None).await);
    assert!(change(40, Some(100)).await);
    assert!(!change(1, Some(50)).await, "a quota that was lowered");
    assert!(change(-100, Some(50)).await);
    let usage: UsageRow = storage.get(&Key::Usage(repo())).await.unwrap().unwrap();
    assert_eq!(usage, UsageRow::default());
    assert!(change(50, Some(50)).await, "from nothing left, not from no row");
}

#[tokio::test]
async fn one_clean_up_at_a_time_has_a_blob() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let blob = digest(b"bytes");
    assert!(!storage.doom_blob(blob, NOW, "a").await.unwrap(), "there is none");
    assert_eq!(storage.get::<BlobRow>(&Key::Blob(blob)).await.unwrap(), None, "nor is one made");
    storage.claim_blob(blob, NOW).await.unwrap();
    storage.claim_blob(blob, NOW).await.unwrap();
    let later = NOW.plus_millis(CLAIM_MILLIS + 1);
    let winners = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|by| storage.doom_blob(blob, later, by));
    let winners = join_all(winners).await;
    assert_eq!(winners.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
    assert!(!storage.doom_blob(blob, later.plus_millis(DOOM_MILLIS), "i").await.unwrap(), "still its turn");
    assert!(
        storage.doom_blob(blob, later.plus_millis(DOOM_MILLIS + 1), "i").await.unwrap(),
        "its turn is over"
    );
    let again = storage.doom_blob(blob, later.plus_millis(DOOM_MILLIS + 2), "i").await;
    assert!(again.unwrap(), "a call that is repeated is no other clean-up");
    assert!(!commit(storage, |t| t.hold_blob("blob", blob, 1, NOW)).await, "doomed");
    storage.remove_doomed(blob, "a").await.unwrap();
    assert!(storage.get::<BlobRow>(&Key::Blob(blob)).await.unwrap().is_some(), "not its turn any more");
    storage.remove_doomed(blob, "i").await.unwrap();
    storage.remove_doomed(blob, "i").await.unwrap();
    assert_eq!(storage.get::<BlobRow>(&Key::Blob(blob)).await.unwrap(), None);
    storage.claim_blob(blob, later).await.unwrap();
    storage.remove_doomed(blob, "i").await.unwrap();
    assert!(storage.get::<BlobRow>(&Key::Blob(blob)).await.unwrap().is_some(), "somebody else's by now");
    storage.claim_blob(blob, later).await.unwrap();
    assert!(commit(storage, |t| t.hold_blob("blob", blob, 2, later)).await);
    assert!(!commit(storage, |t| t.release_blob("blob", blob, 3)).await, "never below zero");
    assert!(commit(storage, |t| t.release_blob("blob", blob, 2)).await);
    assert!(!commit(storage, |t| t.release_blob("blob", digest(b"other"), 1)).await, "no row");
    assert_eq!(storage.get::<BlobRow>(&Key::Blob(digest(b"other"))).await.unwrap(), None);
}

#[derive(Serialize)]
struct RepoLike {
    uid: &'static str,
    deleting: bool,
}

#[tokio::test]
async fn a_repository_is_alive_or_being_deleted_and_the_same_one() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let alive = async |id: &RepoId, uid: &str| commit(storage, |t| t.require_repo("repo", id, uid)).await;
    let dying = async |id: &RepoId, uid: &str| commit(storage, |t| t.require_deleting("repo", id, uid)).await;
    let remove = async |uid: &str| commit(storage, |t| t.delete_repo("repo", &repo(), uid)).await;
    assert!(
        !alive(&repo(), "u1").await && !dying(&repo(), "u1").await && !remove("u1").await,
        "there is none"
    );
    storage.put(&Key::Repo(repo()), &RepoLike { uid: "u1", deleting: false }).await.unwrap();
    assert!(alive(&repo(), "u1").await && !alive(&repo(), "u2").await);
    assert!(!dying(&repo(), "u1").await && !remove("u1").await);
    storage.put(&Key::Repo(repo()), &RepoLike { uid: "u1", deleting: true }).await.unwrap();
    assert!(!alive(&repo(), "u1").await && dying(&repo(), "u1").await);
    assert!(!dying(&repo(), "u2").await && !remove("u2").await);
    assert!(remove("u1").await && !remove("u1").await);
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OrgLike {
    uid: String,
    rev: u64,
}

#[tokio::test]
async fn changes_in_an_organisation_are_counted_if_it_is_the_same_one() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let slug: OrgSlug = "acme".parse().unwrap();
    let touch = async |uid: &str| commit(storage, |t| t.touch_org("org", &slug, uid)).await;
    assert!(!touch("u1").await);
    assert_eq!(storage.get::<OrgLike>(&Key::Org(slug.clone())).await.unwrap(), None);
    storage.put(&Key::Org(slug.clone()), &OrgLike { uid: "u1".into(), rev: 7 }).await.unwrap();
    assert!(touch("u1").await && !touch("u2").await && touch("u1").await);
    let row: OrgLike = storage.get(&Key::Org(slug.clone())).await.unwrap().unwrap();
    assert_eq!(row.rev, 9);
}

#[tokio::test]
async fn a_login_is_answered_once() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let answer =
        async |user: &str| commit(storage, |t| t.answer_login("login", "l", &user.parse().unwrap())).await;
    assert!(!answer("ann").await);
    let login = LoginRow { expires_at: NOW.seconds(), poll_hash: "h".into(), client: "c".into(), user: None };
    storage.put(&Key::Login("l".into()), &login).await.unwrap();
    assert!(answer("ann").await && !answer("bob").await && !answer("ann").await);
    let row: LoginRow = storage.get(&Key::Login("l".into())).await.unwrap().unwrap();
    assert_eq!(row.user.map(|user| user.to_string()).as_deref(), Some("ann"));
}

fn file(bytes: &[u8], status: FileStatus) -> StoredFileRow {
    let file = FileRow {
        name: "f".into(),
        size: bytes.len() as u64,
        sha256: digest(bytes),
        sha1: granary_model::Sha1::from_bytes([1; 20]),
        sha512: granary_model::Sha512::from_bytes([2; 64]),
        md5: None,
        content_type: "text/plain".into(),
    };
    StoredFileRow { file, status, added_at: Timestamp::from_millis(1), publisher: "ann".into() }
}

#[tokio::test]
async fn a_file_is_replaced_or_removed_while_it_has_the_bytes_that_were_seen() {
    let place = Place::tables().await;
    let storage = &place.storage;
    let key = Key::File(package(), "1".into(), "f".into());
    let [old, new] = [b"old", b"new"].map(|bytes| file(bytes, FileStatus::Live));
    let replace = async |before: &[u8]| {
        commit(storage, |t| t.replace_file("file", &key, &new, digest(before)).unwrap()).await
    };
    let remove =
        async |before: &[u8]| commit(storage, |t| t.remove_file("file", key.clone(), digest(before))).await;
    assert!(!replace(b"old").await && !remove(b"old").await, "there is none");
    storage.put(&key, &old).await.unwrap();
    assert!(!replace(b"new").await && replace(b"old").await && !replace(b"old").await);
    assert_eq!(storage.get::<StoredFileRow>(&key).await.unwrap(), Some(new.clone()));
    storage.put(&key, &file(b"new", FileStatus::Tombstone)).await.unwrap();
    assert!(!replace(b"new").await, "no longer live");
    assert!(!remove(b"old").await && remove(b"new").await);
    assert_eq!(storage.get::<StoredFileRow>(&key).await.unwrap(), None);
}
