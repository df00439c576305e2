//! Storage that fails as AWS fails, at every call.

use granary_testing::entities::{EntityUpload, new_entity};
use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};
use granary_testing::{Actor, TestApp, TestResponse};
use serde_json::{Value, json};

use crate::support::{FIRST, SECOND, activate, path, stored};

async fn on_aws() -> (TestApp, Actor, String) {
    let app = TestApp::on_aws().await;
    let ann = app.account_token("ann", &["write"]).await;
    let entity = new_entity(&ann, "app", "my-app").await;
    (app, ann, entity)
}

fn enough(tally: Tally) {
    assert!(tally.cases > 20 && tally.unnoticed > 5, "{tally:?}");
}

/// A version whose bytes have been sent.
struct Confirmation;

impl Change for Confirmation {
    type Place = (Actor, String, EntityUpload, Value);

    async fn prepare(&self) -> (TestApp, Self::Place) {
        let (app, ann, entity) = on_aws().await;
        let upload = EntityUpload::new(FIRST).confirm_with("set_as_active", true);
        let begun = upload.sent(&ann, &entity).await;
        (app, (ann, entity, upload, begun))
    }

    async fn ask(&self, (ann, entity, upload, begun): &Self::Place) -> TestResponse {
        upload.confirmed(ann, entity, begun).await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, (_, entity, ..): &Self::Place) -> bool {
        let held = stored(&app.restarted(), entity).await;
        assert_eq!(held.active.is_some(), held.live == [FIRST], "{held:?}");
        held.live == [FIRST]
    }
}

/// A version that is deleted.
struct Deletion;

impl Change for Deletion {
    type Place = (Actor, String);

    async fn prepare(&self) -> (TestApp, Self::Place) {
        let (app, ann, entity) = on_aws().await;
        EntityUpload::new(FIRST).made(&ann, &entity).await;
        (app, (ann, entity))
    }

    async fn ask(&self, (ann, entity): &Self::Place) -> TestResponse {
        ann.delete(&path(entity, &format!("/{FIRST}"))).await
    }

    async fn is_done(&self, app: &TestApp, (_, entity): &Self::Place) -> bool {
        stored(&app.restarted(), entity).await.tombstones == [FIRST]
    }

    fn done_already(&self) -> &[u16] {
        &[404]
    }
}

/// A version that becomes the active one.
struct Activation;

impl Change for Activation {
    type Place = (Actor, String);

    async fn prepare(&self) -> (TestApp, Self::Place) {
        let (app, ann, entity) = on_aws().await;
        for version in [FIRST, SECOND] {
            EntityUpload::new(version).made(&ann, &entity).await;
        }
        activate(&ann, &entity, FIRST).await;
        (app, (ann, entity))
    }

    async fn ask(&self, (ann, entity): &Self::Place) -> TestResponse {
        ann.put_json(&path(entity, "/active"), &json!({ "versionId": SECOND })).await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, (_, entity): &Self::Place) -> bool {
        let held = stored(&app.restarted(), entity).await;
        let activations = held.audit["entity.version.activate"];
        let is_done = held.active.as_deref() == Some(SECOND);
        assert_eq!(activations, 1 + usize::from(is_done), "{held:?}");
        is_done
    }
}

#[tokio::test]
async fn a_version_is_made_once_and_whole() {
    enough(every_call_fails(&Confirmation).await);
}

#[tokio::test]
async fn a_version_is_deleted_once_and_whole() {
    enough(every_call_fails(&Deletion).await);
}

#[tokio::test]
async fn a_version_becomes_active_once() {
    enough(every_call_fails(&Activation).await);
}

#[tokio::test]
async fn reads_fail_as_busy_and_never_as_empty() {
    let (app, (ann, entity)) = Activation.prepare().await;
    for rest in ["", "/active", &format!("/{FIRST}"), &format!("/{FIRST}/download")] {
        let (secret, one) = (ann.secret().to_owned(), path(&entity, rest));
        let read = async |fresh: &TestApp| fresh.token(&secret).get(&one).await;
        let tally = every_read_fails(&Activation, &app, read).await;
        assert!(tally.cases > 10, "{rest} {tally:?}");
    }
}
