//! Storage that fails as AWS fails, at every call.

use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};
use granary_testing::products::ApiCaller;
use granary_testing::{TestApp, TestResponse};
use serde_json::json;

use crate::consistency::Checks as _;
use crate::{NAME, json_error_with, sent, stocked};

async fn on_aws() -> (TestApp, ApiCaller) {
    let app = TestApp::on_aws().await;
    let admin = app.api_token("ann", true).await;
    assert_eq!(admin.create(NAME).await.status, 201);
    (app, admin)
}

/// How often an action of this name is in the tenant's log.
async fn logged(app: &TestApp, action: &str) -> usize {
    app.audit("user:ann").await.iter().filter(|row| row["action"] == action).count()
}

fn enough(tally: Tally) {
    assert!(tally.cases > 20 && tally.unnoticed > 5, "{tally:?}");
}

/// A new product.
struct Creation;

impl Change for Creation {
    type Place = ApiCaller;

    async fn prepare(&self) -> (TestApp, ApiCaller) {
        on_aws().await
    }

    async fn ask(&self, admin: &ApiCaller) -> TestResponse {
        admin.create("other").await
    }

    async fn is_done(&self, app: &TestApp, _: &ApiCaller) -> bool {
        let done = app.check_product("ann", "other").await.is_some();
        assert_eq!(logged(app, "product.create").await, 1 + usize::from(done));
        done
    }

    fn done_already(&self) -> &[u16] {
        &[400]
    }
}

/// A new version.
struct Upload;

impl Change for Upload {
    type Place = ApiCaller;

    async fn prepare(&self) -> (TestApp, ApiCaller) {
        on_aws().await
    }

    async fn ask(&self, admin: &ApiCaller) -> TestResponse {
        admin.upload(NAME, "1", b"hello").await
    }

    async fn is_done(&self, app: &TestApp, _: &ApiCaller) -> bool {
        let kept = app.check_product("ann", NAME).await.unwrap();
        assert_eq!(logged(app, "product.upload").await, kept.live.len());
        kept.live == ["1"]
    }

    fn done_already(&self) -> &[u16] {
        &[400]
    }
}

/// A version in two steps.
struct Confirmation;

impl Change for Confirmation {
    type Place = (ApiCaller, String);

    async fn prepare(&self) -> (TestApp, (ApiCaller, String)) {
        let (app, admin) = on_aws().await;
        let upload = sent(&admin, "1", b"hello").await;
        (app, (admin, upload))
    }

    async fn ask(&self, (admin, upload): &(ApiCaller, String)) -> TestResponse {
        admin.confirm(upload).await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, _: &(ApiCaller, String)) -> bool {
        let kept = app.check_product("ann", NAME).await.unwrap();
        assert_eq!(logged(app, "product.upload").await, kept.live.len());
        kept.live == ["1"]
    }
}

/// A version that goes.
struct Removal;

impl Change for Removal {
    type Place = ApiCaller;

    async fn prepare(&self) -> (TestApp, ApiCaller) {
        let (app, admin) = on_aws().await;
        assert_eq!(admin.upload(NAME, "1", b"hello").await.status, 201);
        (app, admin)
    }

    async fn ask(&self, admin: &ApiCaller) -> TestResponse {
        admin.delete(&format!("/api/product/delete/{NAME}/1")).await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, _: &ApiCaller) -> bool {
        let kept = app.check_product("ann", NAME).await.unwrap();
        assert_eq!(logged(app, "product.delete-version").await, kept.tombstones.len());
        assert_eq!(kept.live.len() + kept.tombstones.len(), 1);
        kept.live.is_empty()
    }

    fn done_already(&self) -> &[u16] {
        &[400]
    }
}

/// A product that goes.
struct Deletion;

impl Change for Deletion {
    type Place = ApiCaller;

    async fn prepare(&self) -> (TestApp, ApiCaller) {
        Removal.prepare().await
    }

    async fn ask(&self, admin: &ApiCaller) -> TestResponse {
        admin.delete(&format!("/api/product/delete/{NAME}")).await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, _: &ApiCaller) -> bool {
        let done = app.check_product("ann", NAME).await.is_none();
        assert_eq!(logged(app, "product.delete").await, usize::from(done));
        done
    }

    fn done_already(&self) -> &[u16] {
        &[404]
    }
}

/// A right that is given.
struct Grant;

impl Change for Grant {
    type Place = (ApiCaller, ApiCaller);

    async fn prepare(&self) -> (TestApp, (ApiCaller, ApiCaller)) {
        let (app, admin) = on_aws().await;
        let plain = app.register(&admin, false).await;
        (app, (admin, plain))
    }

    async fn ask(&self, (admin, plain): &(ApiCaller, ApiCaller)) -> TestResponse {
        admin.grant(NAME, plain.secret(), &json!({ "upload": true })).await
    }

    fn is_long(&self) -> bool {
        true
    }

    async fn is_done(&self, app: &TestApp, (_, plain): &(ApiCaller, ApiCaller)) -> bool {
        app.restarted().api(plain.secret()).fetch(NAME).await.status == 200
    }
}

/// A token that goes.
struct Prune;

impl Change for Prune {
    type Place = (ApiCaller, ApiCaller);

    async fn prepare(&self) -> (TestApp, (ApiCaller, ApiCaller)) {
        let (app, (admin, plain)) = Grant.prepare().await;
        assert_eq!(admin.grant(NAME, plain.secret(), &json!({})).await.status, 201);
        (app, (admin, plain))
    }

    async fn ask(&self, (admin, plain): &(ApiCaller, ApiCaller)) -> TestResponse {
        admin.delete(&format!("/api/prune/{}", plain.secret())).await
    }

    /// Only if no product lists it any more; before that it opens nothing already.
    async fn is_done(&self, app: &TestApp, (admin, plain): &(ApiCaller, ApiCaller)) -> bool {
        let status = app.restarted().api(plain.secret()).fetch(NAME).await.status;
        let listed = admin.fetch(NAME).await.json()["tokens"].get(plain.hash()).is_some();
        assert!(listed || status == 401, "{status}");
        !listed
    }

    fn is_long(&self) -> bool {
        true
    }

    fn done_already(&self) -> &[u16] {
        &[400]
    }
}

#[tokio::test]
async fn a_product_is_made_once() {
    enough(every_call_fails(&Creation).await);
}

#[tokio::test]
async fn a_version_is_uploaded_once_and_whole() {
    enough(every_call_fails(&Upload).await);
}

#[tokio::test]
async fn a_version_is_confirmed_once_and_whole() {
    enough(every_call_fails(&Confirmation).await);
}

#[tokio::test]
async fn a_version_goes_once_and_whole() {
    enough(every_call_fails(&Removal).await);
}

#[tokio::test]
async fn a_product_goes_once_and_whole() {
    enough(every_call_fails(&Deletion).await);
}

#[tokio::test]
async fn a_right_is_there_or_not() {
    enough(every_call_fails(&Grant).await);
}

#[tokio::test]
async fn a_token_goes_whatever_fails() {
    enough(every_call_fails(&Prune).await);
}

#[tokio::test]
async fn reads_fail_as_busy_and_never_as_empty() {
    let (app, admin) = Removal.prepare().await;
    let token = format!("/api/fetch/{}", admin.secret());
    for path in [
        token.as_str(),
        "/api/tokens",
        "/api/product/list",
        "/api/product/access",
        "/api/product/fetch/my-lib",
        "/api/product/download/my-lib/1",
    ] {
        let secret = admin.secret().to_owned();
        let read = async |fresh: &TestApp| fresh.api(&secret).get(path).await;
        let tally = every_read_fails(&Removal, &app, read).await;
        assert!(tally.cases > 10, "{path} {tally:?}");
    }
}

#[tokio::test]
async fn an_announcement_survives_whatever_passes() {
    let (app, admin) = on_aws().await;
    app.probe.reset();
    assert_eq!(admin.announce(NAME, "1", b"hello").await.status, 200);
    let calls = app.probe.count();
    for nth in 1..=calls {
        app.probe.reset();
        app.probe.inject(granary_testing::probe::Target::any(nth), granary_testing::probe::Fault::LoseAnswer);
        let response = admin.announce(NAME, "1", b"hello").await;
        assert_eq!(response.status, 200, "call {nth}: {}", response.text());
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_told_by_health() {
    use granary_testing::probe::{Fault, Service, Target};
    let (app, admin) = stocked().await;
    for (service, ill) in [(Service::DynamoDb, "table"), (Service::S3, "bucket"), (Service::Sqs, "queues")] {
        app.probe.reset();
        app.probe.inject(Target::service(service, 1).always(), Fault::Refuse);
        let health = admin.get("/api/health").await;
        assert_eq!(health.status, 500, "{}", health.text());
        for store in ["table", "bucket", "queues"] {
            let text = health.json()[store].as_str().unwrap().to_owned();
            assert_eq!(!text.contains("fine"), store == ill, "{store}: {text}");
        }
    }
    app.probe.reset();
    // Only who asks could not be found out.
    app.probe.inject(Target::any(1), Fault::Refuse);
    json_error_with(&admin.get("/api/health").await, 503, "try again");
}
