//! Handovers that are left to the consumer: by whose right, how often, and what stays staged.

use granary_http::entity::{EntityAccess, PublishEntity};
use granary_http::product::ProductCaller;
use granary_publish::digests::Digests;
use granary_publish::upload::state::{Worker, begin, load_session, replace};
use granary_storage::Key;
use granary_storage::rows::{
    CallerRef, EntityConfirmation, Event, HandoverFile, HandoverPurpose, HandoverRow, UploadStatus,
};
use granary_testing::entities::{EntityUpload, new_entity, put_signed};
use granary_testing::probe::{Fault, Service, Target};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

use super::shelf::{
    actions, course, download, entity_row, handover, holders, new_product, product_row, staged, user_tenant,
};
use super::support::{Interruption, lose_messages, sweep_all, waiting};

/// Longer than whoever verifies a handover has it to itself, in milliseconds.
const LEASE: i64 = 120_001;

const DAY: i64 = 24 * 3_600_000;

const BYTES: &[u8] = b"what is handed over";

const VERSION: &str = "2024.06.10-153042";

fn is_handover(event: &Event) -> bool {
    matches!(event, Event::HandoverConfirmed { .. })
}

/// What a version is handed over for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Product,
    Entity,
}

const BOTH: [Family; 2] = [Family::Product, Family::Entity];

/// A version whose files have been sent by `bob`: a token of the product API that `ann` has registered, or a publisher of
/// her entity.
struct Sent {
    app: TestApp,
    ann: Actor,
    family: Family,
    id: String,
    /// Bob's token of the product API.
    token: String,
    entity: String,
    by: CallerRef,
}

impl Sent {
    async fn new(family: Family) -> Self {
        Self::on(TestApp::new().await, family).await
    }

    async fn on(app: TestApp, family: Family) -> Self {
        let ann = app.account_token("ann", &["read", "write", "admin"]).await;
        app.known_user("bob").await;
        let sent = Self {
            app,
            ann,
            family,
            id: String::new(),
            token: String::new(),
            entity: String::new(),
            by: CallerRef::User("bob".parse().unwrap()),
        };
        match family {
            Family::Product => sent.product().await,
            Family::Entity => sent.entity().await,
        }
    }

    async fn product(mut self) -> Self {
        new_product(&self.ann, "tool").await;
        let registered = self.ann.put_json("/api/register", &json!({})).await;
        assert_eq!(registered.status, 201, "{}", registered.text());
        self.token = registered.text();
        let token: granary_model::product::ProductToken = self.token.parse().unwrap();
        self.by = CallerRef::ProductToken(token.hash());
        self.permit(true).await;
        let body = json!({ "product": "tool", "version": "1.0", "file_name": "app.bin", "size": BYTES.len(),
            "sha256": Digests::of(BYTES).sha256 });
        let headers = [("content-type", "application/json"), ("x-api-token", self.token.as_str())];
        let anonymous = self.app.anonymous();
        let begun = anonymous.request("POST", "/api/product/upload-url", &headers, body.to_string()).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        let begun = begun.json();
        let address = json!({ "upload_url": begun["url"], "headers": begun["headers"] });
        assert_eq!(put_signed(&address, BYTES).await, 200);
        begun["upload_id"].as_str().unwrap().clone_into(&mut self.id);
        self
    }

    /// Gives bob's token the right to upload, or takes it.
    async fn permit(&self, upload: bool) {
        let permissions = json!({ "maintainer": false, "upload": upload, "download": true, "delete": false });
        let body = json!({ "product": "tool", "token": self.token, "permissions": permissions });
        let added = self.ann.put_json("/api/product/modify/addToken", &body).await;
        assert_eq!(added.status, 201, "{}", added.text());
    }

    async fn entity(mut self) -> Self {
        self.entity = new_entity(&self.ann, "app", "shop").await;
        let path = format!("/api/entities/{}/publishers", self.entity);
        let added = self.ann.post_json(&path, &json!({ "userId": "bob" })).await;
        assert_eq!(added.status, 201, "{}", added.text());
        let bob = self.app.account_token("bob", &["read", "write"]).await;
        let begun = EntityUpload::of(VERSION, BYTES).lockfile(b"{}").sent(&bob, &self.entity).await;
        let path = begun["package"]["storage_path"].as_str().unwrap();
        path.split('/').nth(1).unwrap().clone_into(&mut self.id);
        self
    }

    /// Confirms it as if it were too large for a request.
    async fn confirm(&self) {
        let (state, mut row) = (self.app.state(), handover(&self.app, &self.id).await);
        let now = state.now();
        if let HandoverPurpose::Entity { confirmation, .. } = &mut row.purpose {
            *confirmation = Some(EntityConfirmation {
                file_size_bytes: BYTES.len() as u64,
                lockfile: true,
                service_dependencies: Vec::new(),
                package_json: None,
                set_as_active: true,
                force: false,
            });
        }
        let principal = match self.family {
            Family::Product => {
                ProductCaller::again(state, &self.by).await.unwrap().hand(state).principal.clone()
            }
            Family::Entity => {
                let access = EntityAccess::<PublishEntity>::again(state, &self.by, &self.entity).await;
                access.unwrap().caller.principal
            }
        };
        let by = (&principal, self.by.clone());
        let begun = begin(state.storage(), state.ids(), now, &mut row, by, Worker::Events).await.unwrap();
        assert!(begun.is_some());
    }

    async fn status(&self) -> UploadStatus {
        course(&self.app, &self.id).await.0
    }

    /// Whether the version can be had.
    async fn is_there(&self) -> bool {
        let status = match self.family {
            Family::Product => download(&self.ann, "tool", "1.0").await,
            Family::Entity => {
                self.ann
                    .get(&format!("/api/entities/{}/versions/{VERSION}/download", self.entity))
                    .await
                    .status
            }
        };
        assert!(matches!(status, 200 | 400 | 404), "{status}");
        status == 200
    }

    /// How often it was committed, by the audit log.
    async fn commits(&self) -> usize {
        let log = actions(&self.app, "user:ann").await;
        let action = match self.family {
            Family::Product => "product.upload",
            Family::Entity => "entity.version.publish",
        };
        log.get(action).copied().unwrap_or(0)
    }

    /// Checks that it is committed, once, and counted so.
    async fn check_done(&self, what: &str) {
        let seen = (self.is_there().await, self.status().await, self.commits().await);
        assert_eq!(seen, (true, UploadStatus::Completed, 1), "{what}");
        assert_eq!(waiting(&self.app, is_handover).await, 0, "{what}");
        assert_eq!(holders(&self.app, BYTES).await, Some(1), "{what}");
        let counted = match self.family {
            Family::Product => {
                let row = product_row(&self.app, &user_tenant("ann"), "tool").await;
                (row.versions, row.bytes)
            }
            Family::Entity => {
                let row = entity_row(&self.app, &self.entity).await.unwrap();
                assert_eq!(row.active.map(|active| active.to_string()), Some(VERSION.to_owned()), "{what}");
                (row.versions, row.bytes - 2)
            }
        };
        assert_eq!(counted, (1, BYTES.len() as u64), "{what}");
    }

    /// Checks that it has failed for a reason, and that nothing of it is left.
    async fn check_failed(&self, reason: &str, what: &str) {
        let (status, error) = course(&self.app, &self.id).await;
        assert_eq!((status, self.commits().await), (UploadStatus::Failed, 0), "{what}: {error}");
        assert!(error.contains(reason), "{what}: {error}");
        assert_eq!((staged(&self.app).await, waiting(&self.app, is_handover).await), (0, 0), "{what}");
        assert_eq!(holders(&self.app, BYTES).await.unwrap_or(0), 0, "{what}");
    }
}

#[tokio::test]
async fn a_confirmed_handover_is_committed_by_its_event() {
    for family in BOTH {
        let sent = Sent::new(family).await;
        assert_eq!(sent.status().await, UploadStatus::Open);
        sent.confirm().await;
        assert_eq!((sent.is_there().await, sent.status().await), (false, UploadStatus::Processing));
        sent.app.settle().await;
        sent.check_done(&format!("{family:?}")).await;
        assert_eq!(staged(&sent.app).await, 0);
    }
}

#[tokio::test]
async fn a_lost_message_costs_time_and_nothing_else() {
    for family in BOTH {
        let sent = Sent::new(family).await;
        sent.confirm().await;
        let lost = lose_messages(&sent.app).await;
        let event = lost.into_iter().find(|row| is_handover(&row.event)).unwrap();
        let report = granary_events::sweep(sent.app.state(), true).await.unwrap();
        assert_eq!(report.failed, 0);
        assert!(!sent.is_there().await, "it may take minutes, and others wait behind it");
        sent.app.settle().await;
        sent.check_done(&format!("{family:?}")).await;
        // The same event again, because its removal was lost.
        let row = handover(&sent.app, &sent.id).await;
        granary_events::handle(sent.app.state(), &event).await.unwrap();
        assert_eq!(row, handover(&sent.app, &sent.id).await);
        sent.check_done(&format!("{family:?} again")).await;
    }
}

#[tokio::test]
async fn several_at_once_commit_it_once() {
    for family in BOTH {
        let sent = Sent::new(family).await;
        sent.confirm().await;
        let event = sent.app.outbox().await.into_iter().find(|row| is_handover(&row.event)).unwrap();
        let state = sent.app.state();
        let outcomes = futures::future::join_all((0..4).map(|_| granary_events::handle(state, &event))).await;
        assert!(outcomes.iter().any(std::result::Result::is_ok), "{outcomes:?}");
        sent.app.clock.advance_millis(LEASE);
        sweep_all(&sent.app).await;
        sent.check_done(&format!("{family:?}")).await;
    }
}

#[tokio::test]
async fn what_was_confirmed_in_time_is_committed_however_late() {
    for family in BOTH {
        let sent = Sent::new(family).await;
        sent.app.clock.advance_millis(DAY - 1_000);
        sent.confirm().await;
        sent.app.clock.advance_millis(DAY / 2);
        assert_eq!(granary_events::sweep_uploads(sent.app.state()).await.unwrap(), 0);
        sent.app.settle().await;
        sent.check_done(&format!("{family:?}")).await;
    }
}

#[tokio::test]
async fn rights_to_a_product_count_at_the_moment_of_the_commit() {
    let admin = |sent: &Sent| sent.ann.clone();
    for (what, reason) in [
        ("the right is taken", "permission denied"),
        ("the token is removed", "Invalid api token"),
        ("the product is deleted", "Product not found"),
        ("another product has the name", "Product not found"),
    ] {
        let sent = Sent::new(Family::Product).await;
        sent.confirm().await;
        let done = match what {
            "the right is taken" => {
                sent.permit(false).await;
                204
            }
            "the token is removed" => admin(&sent).delete(&format!("/api/prune/{}", sent.token)).await.status,
            _ => admin(&sent).delete("/api/product/delete/tool").await.status,
        };
        assert_eq!(done, 204, "{what}");
        if what == "another product has the name" {
            new_product(&sent.ann, "tool").await;
            sent.permit(true).await;
        }
        sent.app.settle().await;
        assert!(!sent.is_there().await, "{what}");
        sent.check_failed(reason, what).await;
    }
}

#[tokio::test]
async fn rights_to_an_entity_count_at_the_moment_of_the_commit() {
    for what in ["the publisher is removed", "the entity is deleted"] {
        let sent = Sent::new(Family::Entity).await;
        sent.confirm().await;
        let path = match what {
            "the publisher is removed" => format!("/api/entities/{}/publishers/bob", sent.entity),
            _ => format!("/api/entities/{}", sent.entity),
        };
        assert_eq!(sent.ann.delete(&path).await.status, 204, "{what}");
        sent.app.settle().await;
        assert!(!sent.is_there().await, "{what}");
        sent.check_failed("not found", what).await;
    }
}

#[tokio::test]
async fn what_is_not_there_any_more_makes_nothing() {
    for family in BOTH {
        let sent = Sent::new(family).await;
        sent.confirm().await;
        sent.app.state().storage().delete_object(&format!("staging/{}/0", sent.id)).await.unwrap();
        sent.app.settle().await;
        assert!(!sent.is_there().await);
        sent.check_failed("has not arrived", &format!("{family:?}")).await;
    }
}

#[tokio::test]
async fn what_is_over_the_quota_fails() {
    let app = TestApp::with(|config| config.repo_quota = Some(5)).await;
    let sent = Sent::on(app, Family::Entity).await;
    sent.confirm().await;
    sent.app.settle().await;
    sent.check_failed("quota", "entity").await;
}

/// There is room for it once, and whoever has committed it has died before saying so.
#[tokio::test]
async fn what_was_committed_and_not_settled_is_found_to_be_done() {
    for family in BOTH {
        let app = TestApp::with(|config| config.repo_quota = Some(BYTES.len() as u64 + 5)).await;
        let sent = Sent::on(app, family).await;
        sent.confirm().await;
        lose_messages(&sent.app).await;
        sent.app.probe.reset();
        // The first one takes it, the second one commits it.
        sent.app.probe.inject(Target::operation(Service::DynamoDb, "TransactWriteItems", 3), Fault::Refuse);
        sweep_all(&sent.app).await;
        assert_eq!(
            (sent.is_there().await, sent.status().await),
            (true, UploadStatus::Processing),
            "{family:?}"
        );
        sent.app.clock.advance_millis(LEASE);
        assert_eq!(sweep_all(&sent.app).await.failed, 0);
        sent.check_done(&format!("{family:?}")).await;
    }
}

#[tokio::test]
async fn whoever_died_at_work_is_replaced_and_whoever_lives_is_not() {
    let sent = Sent::new(Family::Product).await;
    sent.confirm().await;
    let mut row = handover(&sent.app, &sent.id).await;
    row.worked_until = sent.app.state().now().plus_millis(LEASE - 1).millis();
    assert!(replace(sent.app.state().storage(), &mut row).await.unwrap());
    sent.app.settle().await;
    assert_eq!((sent.is_there().await, waiting(&sent.app, is_handover).await), (false, 1));
    sent.app.clock.advance_millis(LEASE);
    assert_eq!(sweep_all(&sent.app).await.failed, 0);
    sent.check_done("replaced").await;
}

#[tokio::test]
async fn a_store_that_fails_at_any_call_costs_another_attempt() {
    for family in BOTH {
        for moments in Interruption::all() {
            for moment in moments {
                let sent = Sent::new(family).await;
                sent.confirm().await;
                let event = sent.app.outbox().await.into_iter().find(|row| is_handover(&row.event)).unwrap();
                lose_messages(&sent.app).await;
                moment.arm(&sent.app);
                let _may_fail = granary_events::handle(sent.app.state(), &event).await;
                let is_reached = moment.is_reached(&sent.app);
                sent.app.clock.advance_millis(LEASE);
                sweep_all(&sent.app).await;
                sent.app.clock.advance_millis(LEASE);
                let what = format!("{family:?}, {moment:?}");
                assert_eq!(sweep_all(&sent.app).await.failed, 0, "{what}");
                sent.check_done(&what).await;
                granary_events::sweep_uploads(sent.app.state()).await.unwrap();
                assert_eq!(staged(&sent.app).await, 0, "{what}");
                if !is_reached {
                    assert!(moment.after_commit || moment.nth > 10, "many calls: {}", moment.nth);
                    break;
                }
            }
        }
    }
}

/// A handover of one file that is staged, in this state.
async fn kept(app: &TestApp, id: &str, purpose: HandoverPurpose, status: UploadStatus) {
    let now = app.state().now();
    let row = HandoverRow {
        expires_at: now.plus_millis(DAY).seconds(),
        id: id.into(),
        rev: 1,
        purpose,
        files: vec![HandoverFile { name: "f".into(), size: None, sha256: None }],
        status,
        created_at: now,
        caller: None,
        worked_until: 0,
        error: None,
    };
    granary_publish::handover::begin(app.state().storage(), &row).await.unwrap();
    let address = granary_publish::handover::address(app.state().storage(), &row, 0).await.unwrap();
    let headers: serde_json::Map<String, Value> =
        address.headers.into_iter().map(|(name, value)| (name, value.into())).collect();
    assert_eq!(put_signed(&json!({ "upload_url": address.url, "headers": headers }), b"x").await, 200);
}

#[tokio::test]
async fn the_sweep_keeps_what_a_live_handover_has_staged_and_removes_the_rest() {
    let app = TestApp::new().await;
    let icon = || HandoverPurpose::Icon { by: "user:ann".into(), slug: "shop".parse().unwrap() };
    let sold = || HandoverPurpose::Sold { tenant: user_tenant("ann"), version: 7 };
    kept(&app, "open", icon(), UploadStatus::Open).await;
    kept(&app, "processing", icon(), UploadStatus::Processing).await;
    kept(&app, "sold", sold(), UploadStatus::Open).await;
    kept(&app, "completed", icon(), UploadStatus::Completed).await;
    kept(&app, "failed", sold(), UploadStatus::Failed).await;
    kept(&app, "unknown", icon(), UploadStatus::Open).await;
    app.state().storage().delete(&Key::Handover("unknown".into())).await.unwrap();
    let names = async || app.state().storage().list_objects("staging/", None).await.unwrap();
    assert_eq!(granary_events::sweep_uploads(app.state()).await.unwrap(), 3);
    assert_eq!(names().await, ["staging/open/0", "staging/processing/0", "staging/sold/0"]);
    app.clock.advance_millis(DAY);
    assert_eq!(granary_events::sweep_uploads(app.state()).await.unwrap(), 3);
    assert_eq!(names().await, Vec::<String>::new());
    let row: Option<HandoverRow> =
        load_session(app.state().storage(), "open", app.state().now()).await.unwrap();
    assert!(row.is_none(), "it has expired");
}

#[tokio::test]
async fn what_no_event_can_commit_ends() {
    let app = TestApp::new().await;
    let sold = HandoverPurpose::Sold { tenant: user_tenant("ann"), version: 7 };
    kept(&app, "sold", sold, UploadStatus::Open).await;
    let (state, mut row) = (app.state(), handover(&app, "sold").await);
    let caller = CallerRef::User("ann".parse().unwrap());
    let principal = granary_auth::Principal::Anonymous;
    begin(state.storage(), state.ids(), state.now(), &mut row, (&principal, caller), Worker::Events)
        .await
        .unwrap();
    app.settle().await;
    assert_eq!(course(&app, "sold").await.0, UploadStatus::Failed);
    assert_eq!((staged(&app).await, waiting(&app, is_handover).await), (0, 0));
}
