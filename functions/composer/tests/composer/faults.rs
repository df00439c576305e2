//! Storage that fails as AWS fails, at every call.

use axum::body::to_bytes;
use axum::response::IntoResponse as _;
use granary_http::{ApiError, no_content};
use granary_model::PackageType;
use granary_publish::composer::withdraw::bury_version;
use granary_testing::composer::{archive, manifest};
use granary_testing::faults::{Change, Tally, every_call_fails, every_read_fails};
use granary_testing::{Actor, TestApp, TestResponse};

use crate::support::{REPO, TOOL, at, dist, releases};

/// What a route would answer.
async fn answered<T>(result: granary_model::Result<T>) -> TestResponse {
    let response = match result {
        Ok(_) => no_content(),
        Err(error) => ApiError(error).into_response(),
    };
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1_000_000).await.unwrap();
    TestResponse { status: parts.status.as_u16(), headers: parts.headers, body }
}

struct Place {
    app: TestApp,
    ann: Actor,
}

async fn prepared() -> (TestApp, Place) {
    let app = TestApp::on_aws().await;
    let ann = app.repo("ann", REPO, &["composer"], "private").await;
    app.publish_composer(REPO, TOOL, &["1.0.0"]).await;
    app.settle().await;
    let place = Place { app: app.restarted(), ann };
    (app, place)
}

/// The second version of a package.
struct Publish;

impl Change for Publish {
    type Place = Place;

    async fn prepare(&self) -> (TestApp, Place) {
        prepared().await
    }

    async fn ask(&self, place: &Place) -> TestResponse {
        let bytes = archive(&manifest(TOOL, "1.1.0"));
        answered(place.app.try_publish_composer(REPO, TOOL, "1.1.0", &bytes, None).await).await
    }

    async fn is_done(&self, app: &TestApp, place: &Place) -> bool {
        let live = app.check_packages(REPO, PackageType::Composer).await.live.len();
        assert!(live == 1 || live == 2);
        let reader = app.restarted().token(place.ann.secret());
        let releases = releases(&reader, TOOL).await;
        assert_eq!(releases.len(), live);
        for version in releases {
            let bytes = reader.get(&dist(&reader, TOOL, &version).await).await;
            assert!(bytes.body == archive(&manifest(TOOL, &version)));
        }
        live == 2
    }
}

/// The deletion of a version.
struct Bury;

impl Change for Bury {
    type Place = Place;

    async fn prepare(&self) -> (TestApp, Place) {
        prepared().await
    }

    async fn ask(&self, place: &Place) -> TestResponse {
        let app = &place.app;
        let bury = async {
            let owned = app.owned(REPO, TOOL).await?;
            bury_version(owned.target(app), app.state().now(), "1.0.0.0", None).await
        };
        answered(bury.await).await
    }

    async fn is_done(&self, app: &TestApp, place: &Place) -> bool {
        let stored = app.check_packages(REPO, PackageType::Composer).await;
        assert_eq!(stored.live.len() + stored.tombstones.len(), 1);
        let reader = app.restarted().token(place.ann.secret());
        let status = reader.get(&at("p2/acme/tool.json")).await.status;
        assert_eq!(status, if stored.live.is_empty() { 404 } else { 200 });
        stored.live.is_empty()
    }
}

fn enough(tally: Tally) {
    assert!(tally.cases > 50 && tally.unnoticed > 20, "{tally:?}");
}

#[tokio::test]
async fn a_version_is_whole_or_not_there() {
    enough(Box::pin(every_call_fails(&Publish)).await);
}

#[tokio::test]
async fn a_deletion_is_whole_or_not_there() {
    enough(Box::pin(every_call_fails(&Bury)).await);
}

#[tokio::test]
async fn reads_say_that_storage_fails_and_never_that_there_is_nothing() {
    let (app, place) = prepared().await;
    let dist = dist(&place.ann, TOOL, "1.0.0").await;
    for path in [at("packages.json"), at("p2/acme/tool.json"), dist, at("list.json"), at("search.json?q=a")] {
        let read = async |app: &TestApp| app.token(place.ann.secret()).get(&path).await;
        let tally = every_read_fails(&Publish, &app, read).await;
        assert!(tally.cases >= 15 && tally.unnoticed >= 8, "{path}: {tally:?}");
    }
}

/// A customer who is told that there is nothing would look for the package elsewhere.
#[tokio::test]
async fn so_do_those_of_a_customer() {
    let (app, place) = prepared().await;
    let customer = app.licence("ann", &[TOOL], |_| ()).await;
    let dist = dist(&place.ann, TOOL, "1.0.0").await;
    for path in [at("packages.json"), at("p2/acme/tool.json"), dist] {
        let read = async |app: &TestApp| app.token(customer.row.key.expose()).get(&path).await;
        let tally = every_read_fails(&Publish, &app, read).await;
        assert!(tally.cases >= 15 && tally.unnoticed >= 8, "{path}: {tally:?}");
    }
}
