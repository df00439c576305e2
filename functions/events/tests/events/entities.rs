//! Deleted entities: everything of them goes, from all lists, and nothing else.

use futures::future::join_all;
use granary_events::{Progress, handle, sweep_blobs};
use granary_model::UserId;
use granary_publish::digests::Digests;
use granary_storage::rows::{EntityRef, EntityRow, Event, OutboxRow, Publication, Share};
use granary_storage::{Key, Subject, Tenant, Upload};
use granary_testing::entities::{EntityUpload, new_entity};
use granary_testing::{Actor, TestApp};

use super::shelf::{actions, check_package, entity_row, exists, holders, package_of, rows};
use super::support::{CLAIM, Interruption, lose_messages, sweep_all, waiting};

/// Bytes that a version has in common with a package.
const SHARED: &[u8] = b"shared";

/// The bytes of the icon.
const ICON: &[u8] = b"icon";

fn is_deletion(event: &Event) -> bool {
    matches!(event, Event::EntityDeleted { .. })
}

fn version(n: usize) -> String {
    format!("2024.01.02-{:02}{:02}{:02}", n / 3600, n / 60 % 60, n % 60)
}

/// An entity of `ann` with versions, an icon, publishers, shares and publications.
struct Filled {
    app: TestApp,
    ann: Actor,
    id: String,
}

impl Filled {
    async fn new(live: usize, others: usize) -> Self {
        let app = TestApp::new().await;
        let ann = app.account_token("ann", &["read", "write"]).await;
        let id = new_entity(&ann, "app", "shop").await;
        for n in 0..live {
            EntityUpload::new(&version(n))
                .lockfile(format!("lock of {n}").as_bytes())
                .confirm_with("package_json", serde_json::json!({ "n": n }))
                .made(&ann, &id)
                .await;
        }
        // Both files of the second one are the same bytes.
        EntityUpload::of(&version(100), SHARED).made(&ann, &id).await;
        EntityUpload::of(&version(101), SHARED)
            .lockfile(SHARED)
            .begin_with("force", true)
            .made(&ann, &id)
            .await;
        let gone = EntityUpload::new(&version(102)).made(&ann, &id).await;
        let path = format!("/api/entities/{id}/versions/{}", gone["id"].as_str().unwrap());
        assert_eq!(ann.delete(&path).await.status, 204);
        let ann = package_of(&app, SHARED).await;
        assert_eq!(holders(&app, SHARED).await, Some(4));
        let filled = Self { app, ann, id };
        filled.adorn(others).await;
        filled
    }

    /// Rows as the API writes them; so many requests would take long.
    async fn adorn(&self, others: usize) {
        let storage = self.app.state().storage();
        let mut row = entity_row(&self.app, &self.id).await.unwrap();
        let icon = Digests::of(ICON);
        storage.claim_blob(icon.sha256, self.app.state().now()).await.unwrap();
        storage.put_blob(icon.sha256, &Upload::Memory(ICON.into())).await.unwrap();
        let mut transaction = granary_storage::Transaction::new();
        transaction.hold_blob("blob", icon.sha256, 1, self.app.state().now());
        storage.commit(transaction).await.unwrap();
        row.icon = Some(icon.file("icon.png", "image/png"));
        let entry = EntityRef { id: self.id.clone() };
        for n in 0..others {
            let user: UserId = format!("user-{n}").parse().unwrap();
            let by: UserId = format!("by-{}", n % 3).parse().unwrap();
            row.publishers.insert(user.clone());
            let at = row.created_at;
            for share in 0..2 {
                let share = format!("{n}-{share}");
                let (user, created_by) = (user.clone(), by.clone());
                row.shares
                    .insert(share, Share { user, email: "a@example.com".into(), created_by, created_at: at });
            }
            let org: granary_model::OrgSlug = format!("org-{n}").parse().unwrap();
            let publication = Publication {
                org_uid: "1".into(),
                public: false,
                published_by: "user:ann".into(),
                published_at: at,
            };
            if n < 50 {
                row.stores.insert(org.clone(), publication);
                storage.put(&Key::StoreEntry(org, self.id.clone()), &entry).await.unwrap();
            }
            for key in [
                Key::EntityOfUser(user.clone(), self.id.clone()),
                Key::SharedWith(user, self.id.clone()),
                Key::SharedBy(by, self.id.clone()),
            ] {
                storage.put(&key, &entry).await.unwrap();
            }
        }
        storage.put(&Key::Entity(self.id.clone()), &row).await.unwrap();
    }

    /// All rows that stand in lists.
    fn listed(&self, others: usize) -> Vec<Key> {
        let id = || self.id.clone();
        let mut keys = vec![Key::EntityOfUser("ann".parse().unwrap(), id())];
        for n in 0..others {
            let user: UserId = format!("user-{n}").parse().unwrap();
            keys.push(Key::EntityOfUser(user.clone(), id()));
            keys.push(Key::SharedWith(user, id()));
            keys.push(Key::SharedBy(format!("by-{}", n % 3).parse().unwrap(), id()));
            keys.push(Key::StoreEntry(format!("org-{n}").parse().unwrap(), id()));
        }
        keys
    }

    /// Deletes it and gives its event, of which no message comes.
    async fn deleted(&self) -> OutboxRow {
        let deleted = self.ann.delete(&format!("/api/entities/{}", self.id)).await;
        assert_eq!(deleted.status, 204, "{}", deleted.text());
        lose_messages(&self.app).await;
        self.app.outbox().await.into_iter().find(|row| is_deletion(&row.event)).unwrap()
    }

    /// Lets claims expire, follows up what waits, and looks whether all is gone but the package.
    async fn check_gone(&self, others: usize, what: &str) {
        for _ in 0..2 {
            self.app.clock.advance_millis(CLAIM);
            assert_eq!(sweep_all(&self.app).await.failed, 0, "{what}");
        }
        assert!(rows(&self.app, &Key::Entity(self.id.clone()), "").await.is_empty(), "{what}");
        for key in self.listed(others) {
            assert!(!exists(&self.app, &key).await, "{what}: {key:?}");
        }
        assert_eq!(waiting(&self.app, |_| true).await, 0, "{what}: {:?}", self.app.outbox().await);
        check_package(&self.app, &self.ann, SHARED, what).await;
        assert_eq!(sweep_blobs(self.app.state()).await.unwrap(), 0, "{what}");
    }
}

#[tokio::test]
async fn everything_of_a_deleted_entity_goes_and_its_short_name_is_free_at_once() {
    // More versions, and more entries of lists, than go in one transaction.
    let filled = Filled::new(25, 60).await;
    let (app, ann) = (&filled.app, &filled.ann);
    assert_eq!(rows(app, &Key::Entity(filled.id.clone()), "VER#").await.len(), 28);
    for key in filled.listed(50) {
        assert!(exists(app, &key).await, "{key:?}");
    }
    filled.deleted().await;
    assert_eq!(ann.get(&format!("/api/entities/{}", filled.id)).await.status, 404);
    let next = new_entity(ann, "app", "shop").await;
    EntityUpload::new(&version(0)).made(ann, &next).await;
    filled.app.sweep().await;
    assert!(entity_row(app, &filled.id).await.is_none());
    assert_eq!(ann.get(&format!("/api/entities/{next}/versions/{}", version(0))).await.status, 200);
    assert_eq!(ann.get("/api/entities").await.json()["entities"].as_array().unwrap().len(), 1);
    assert_eq!(ann.delete(&format!("/api/entities/{next}")).await.status, 204);
    filled.check_gone(60, "both").await;
    let log = actions(app, "user:ann").await;
    assert_eq!((log["entity.delete"], log["entity.purge"]), (2, 2), "{log:?}");
}

#[tokio::test]
async fn clean_up_that_broke_off_anywhere_is_finished() {
    for moments in Interruption::all() {
        for moment in moments {
            let filled = Filled::new(1, 2).await;
            let event = filled.deleted().await;
            moment.arm(&filled.app);
            let _may_fail = handle(filled.app.state(), &event).await;
            let is_reached = moment.is_reached(&filled.app);
            lose_messages(&filled.app).await;
            filled.check_gone(2, &format!("{moment:?}")).await;
            if !is_reached {
                assert!(
                    moment.after_commit || moment.nth > 8,
                    "versions, ids, sources, lists, the row, the event: {}",
                    moment.nth
                );
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_same_event_again_and_several_at_once_release_bytes_once() {
    let filled = Filled::new(25, 2).await;
    let event = filled.deleted().await;
    let state = filled.app.state();
    for outcome in join_all((0..4).map(|_| handle(state, &event))).await {
        assert_eq!(outcome.unwrap(), Progress::Finished);
    }
    assert_eq!(handle(state, &event).await.unwrap(), Progress::Finished);
    assert_eq!((holders(&filled.app, SHARED).await, holders(&filled.app, ICON).await), (Some(1), Some(0)));
    filled.check_gone(2, "at once").await;
    assert_eq!(actions(&filled.app, "user:ann").await["entity.purge"], 1);
}

#[tokio::test]
async fn an_entity_that_is_not_deleted_is_left_alone() {
    let filled = Filled::new(1, 1).await;
    let row = OutboxRow {
        shard: 0,
        id: "made up".into(),
        at: filled.app.state().now(),
        event: Event::EntityDeleted { id: filled.id.clone() },
    };
    assert_eq!(handle(filled.app.state(), &row).await.unwrap(), Progress::Finished);
    assert_eq!(rows(&filled.app, &Key::Entity(filled.id.clone()), "VER#").await.len(), 4);
    assert_eq!(filled.ann.get(&format!("/api/entities/{}", filled.id)).await.status, 200);
}

#[tokio::test]
async fn an_entity_of_an_organisation_leaves_its_list() {
    let app = TestApp::new().await;
    app.org("ann", "acme", &[]).await;
    let token = app.org_token("ann", "acme", &["read", "write", "admin"]).await;
    let id = new_entity(&token, "service", "payments").await;
    let listed = Key::EntityOfOrg("acme".parse().unwrap(), id.clone());
    assert!(exists(&app, &listed).await);
    assert_eq!(token.delete(&format!("/api/entities/{id}")).await.status, 204);
    // As if the entry had stayed.
    app.state().storage().put(&listed, &EntityRef { id: id.clone() }).await.unwrap();
    app.settle().await;
    assert!(!exists(&app, &listed).await);
    assert!(rows(&app, &Key::Entity(id), "").await.is_empty());
    assert_eq!(actions(&app, "org:acme").await["entity.purge"], 1);
}

/// Somebody changes the row while it is being removed, as the clean-up of an organisation's store does.
#[tokio::test]
async fn a_row_that_moved_meanwhile_goes_all_the_same() {
    let filled = Filled::new(0, 3).await;
    let event = filled.deleted().await;
    let row = entity_row(&filled.app, &filled.id).await.unwrap();
    let store = row.stores.keys().next().unwrap().clone();
    let tenant = Tenant { subject: Subject::Org(store), uid: Some("1".into()) };
    let moving = async {
        for _ in 0..5 {
            granary_http::seller::purge(filled.app.state(), &tenant).await.unwrap();
            let row: Option<EntityRow> = entity_row(&filled.app, &filled.id).await;
            assert!(row.is_none_or(|row| row.deleting));
        }
    };
    let (outcome, ()) = tokio::join!(handle(filled.app.state(), &event), moving);
    assert_eq!(outcome.unwrap(), Progress::Finished);
    filled.check_gone(3, "moved").await;
}
