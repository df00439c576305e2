//! Publishing, hiding and deleting.

use futures::future::join_all;
use granary_model::composer::ComposerName;
use granary_model::{Error, PackageType, Result};
use granary_publish::composer::Extra;
use granary_publish::composer::declare::{Declaration, declare_package, hide_version};
use granary_publish::composer::publish::Published;
use granary_publish::composer::withdraw::{bury_package, bury_version};
use granary_storage::rows::{ConsumerRef, SoldAs};
use granary_storage::{Key, Transaction};
use granary_testing::composer::{archive, manifest};
use granary_testing::{TestApp, tenant_of};

use crate::support::{REPO, TOOL, at, branches, dist, names, releases, selling, shop, tool};

/// A row that a caller writes besides.
struct Besides {
    permission: u64,
    is_new: bool,
}

impl Besides {
    fn key(&self) -> Key {
        Key::Permission(tenant_of("ann"), self.permission)
    }

    async fn is_there(&self, app: &TestApp) -> bool {
        app.state().storage().get::<ConsumerRef>(&self.key()).await.unwrap().is_some()
    }
}

impl Extra for Besides {
    fn rows(&mut self, transaction: &mut Transaction) -> Result<()> {
        let row = ConsumerRef { consumer_id: 1 };
        if self.is_new {
            transaction.put_new("extra-row", &self.key(), &row)
        } else {
            transaction.put("extra-row", &self.key(), &row)
        }
    }

    fn refused(&mut self, label: &'static str) -> Error {
        Error::Conflict(format!("{label} is there"))
    }
}

#[tokio::test]
async fn of_twenty_archives_for_one_version_one_wins() {
    let (app, ann) = shop().await;
    let attempts = (0..20).map(|n| {
        let app = &app;
        async move {
            let mut manifest = manifest(TOOL, "1.0.0");
            manifest["description"] = format!("number {n}").into();
            // Different texts of one version.
            let version = ["1.0.0", "v1.0", "1.0.0.0", "1"][n % 4];
            app.try_publish_composer(REPO, TOOL, version, &archive(&manifest), None).await
        }
    });
    let results = join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| matches!(result, Ok(Published::New))).count(), 1);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(Error::Conflict(_)))).count(), 19);
    assert_eq!(releases(&ann, TOOL).await.len(), 1);
    app.settle().await;
    let stored = app.check_packages(REPO, PackageType::Composer).await;
    assert_eq!(stored.live.len(), 1);
}

#[tokio::test]
async fn versions_published_together_are_all_there() {
    let (app, ann) = shop().await;
    let attempts = (0..16).map(|n| {
        let app = &app;
        async move { app.publish_composer(REPO, TOOL, &[format!("1.{n}.0").as_str()]).await }
    });
    join_all(attempts).await;
    let releases = releases(&ann, TOOL).await;
    assert_eq!(releases.len(), 16);
    assert_eq!(releases[0], "1.15.0");
    assert_eq!(app.check_packages(REPO, PackageType::Composer).await.live.len(), 16);
}

#[tokio::test]
async fn the_same_bytes_again_are_a_success_and_write_the_callers_rows() {
    let (app, ann) = selling(&["1.0.0"]).await;
    let bytes = archive(&manifest(TOOL, "1.0.0"));
    let again = app.try_publish_composer(REPO, TOOL, "v1.0", &bytes, None).await.unwrap();
    assert_eq!(again, Published::Again);
    let mut besides = Besides { permission: 1, is_new: true };
    let again = app.try_publish_composer(REPO, TOOL, "1.0.0", &bytes, Some(&mut besides)).await.unwrap();
    assert_eq!(again, Published::Again);
    assert!(besides.is_there(&app).await);
    let third = app.try_publish_composer(REPO, TOOL, "1.0.0", &bytes, Some(&mut besides)).await;
    assert!(matches!(third, Err(Error::Conflict(text)) if text == "extra-row is there"));
    assert_eq!(releases(&ann, TOOL).await, ["1.0.0"]);
    app.check_packages(REPO, PackageType::Composer).await;
}

#[tokio::test]
async fn the_callers_rows_and_the_version_are_there_together_or_not_at_all() {
    let (app, ann) = shop().await;
    let mut besides = Besides { permission: 1, is_new: true };
    let bytes = archive(&manifest(TOOL, "1.0.0"));
    let first = app.try_publish_composer(REPO, TOOL, "1.0.0", &bytes, Some(&mut besides)).await.unwrap();
    assert_eq!(first, Published::New);
    assert!(besides.is_there(&app).await);
    let bytes = archive(&manifest(TOOL, "1.1.0"));
    let second = app.try_publish_composer(REPO, TOOL, "1.1.0", &bytes, Some(&mut besides)).await;
    assert!(matches!(second, Err(Error::Conflict(text)) if text == "extra-row is there"));
    assert_eq!(releases(&ann, TOOL).await, ["1.0.0"]);
}

#[tokio::test]
async fn a_deleted_version_can_never_be_published_again() {
    let (app, ann) = selling(&["1.0.0", "2.0.0"]).await;
    let path = dist(&ann, TOOL, "2.0.0").await;
    let owned = app.owned(REPO, TOOL).await.unwrap();
    let mut besides = Besides { permission: 5, is_new: false };
    for _ in 0..2 {
        // The second time it is gone already.
        bury_version(owned.target(&app), app.state().now(), "2.0.0.0", Some(&mut besides)).await.unwrap();
    }
    assert!(besides.is_there(&app).await);
    assert_eq!(ann.get(&path).await.status, 404);
    assert_eq!(releases(&ann, TOOL).await, ["1.0.0"]);
    assert_eq!(ann.get("/api/repos/shop/packages").await.json()["packages"][0]["latestVersion"], "1.0.0");
    app.settle().await;
    let stored = app.check_packages(REPO, PackageType::Composer).await;
    assert_eq!((stored.live.len(), stored.tombstones.len(), stored.blobs.len()), (1, 1, 1));
    for bytes in [archive(&manifest(TOOL, "2.0.0")), archive(&manifest(TOOL, "other"))] {
        let again = app.try_publish_composer(REPO, TOOL, "v2.0.0", &bytes, None).await;
        assert!(matches!(again, Err(Error::Conflict(text)) if text.contains("never be published again")));
    }
    app.check_packages(REPO, PackageType::Composer).await;
}

#[tokio::test]
async fn a_version_or_package_that_several_delete_at_once_is_deleted_once() {
    let (app, ann) = selling(&["1.0.0", "2.0.0", "3.0.0"]).await;
    let owned = app.owned(REPO, TOOL).await.unwrap();
    let now = app.state().now();
    let deletions = (0..6).map(|_| bury_version(owned.target(&app), now, "2.0.0.0", None));
    for outcome in join_all(deletions).await {
        outcome.unwrap();
    }
    assert_eq!(releases(&ann, TOOL).await, ["3.0.0", "1.0.0"]);
    let owned = app.owned(REPO, TOOL).await.unwrap();
    for outcome in join_all((0..6).map(|_| bury_package(owned.target(&app), now, None))).await {
        outcome.unwrap();
    }
    app.settle().await;
    let stored = app.check_packages(REPO, PackageType::Composer).await;
    assert_eq!((stored.live.len(), stored.tombstones.len()), (0, 3));
}

#[tokio::test]
async fn a_package_is_deleted_with_all_its_versions() {
    let (app, ann) = shop().await;
    let versions: Vec<String> = (0..45).map(|n| format!("1.{n}")).collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    app.publish_composer(REPO, TOOL, &versions).await;
    app.sell("ann", &tool(&app), 3).await;
    let customer = app.consumer("ann", &[(3, "*")]).await.actor;
    assert_eq!(releases(&customer, TOOL).await.len(), 45);
    let owned = app.owned(REPO, TOOL).await.unwrap();
    let mut besides = Besides { permission: 6, is_new: false };
    app.probe.reset();
    bury_package(owned.target(&app), app.state().now(), Some(&mut besides)).await.unwrap();
    // Three transactions, and the versions are read once.
    let calls = |wanted: &str| app.probe.calls().iter().filter(|call| call.operation == wanted).count();
    assert_eq!((calls("TransactWriteItems"), calls("Query")), (3, 1));
    assert!(besides.is_there(&app).await);
    assert!(names(&ann).await.is_empty() && names(&customer).await.is_empty());
    assert_eq!(ann.get(&at("p2/acme/tool.json")).await.status, 404);
    let head = app.owned(REPO, TOOL).await.unwrap().head.unwrap();
    assert_eq!((head.versions, head.sold_as), (0, None));
    app.clock.advance_millis(7_200_000);
    app.settle().await;
    let stored = app.check_packages(REPO, PackageType::Composer).await;
    assert_eq!((stored.live.len(), stored.tombstones.len(), stored.blobs.len()), (0, 45, 0));
    app.publish_composer(REPO, TOOL, &["2.0"]).await;
    assert_eq!(releases(&ann, TOOL).await, ["2.0"]);
}

#[tokio::test]
async fn a_package_can_be_declared_before_it_has_versions() {
    let (app, ann) = shop().await;
    let owned = app.owned(REPO, TOOL).await.unwrap();
    let declaration = Declaration {
        name: TOOL.into(),
        description: Some("Coming soon".into()),
        sold_as: Some(SoldAs { tenant: tenant_of("ann"), id: 4 }),
        hidden: false,
    };
    declare_package(owned.target(&app), app.state().now(), &declaration, None).await.unwrap();
    let customer = app.licence("ann", &[TOOL], |_| ()).await.actor;
    for actor in [&ann, &customer] {
        assert!(names(actor).await.is_empty());
        assert_eq!(actor.get(&at("p2/acme/tool.json")).await.status, 404);
    }
    assert_eq!(app.owned(REPO, TOOL).await.unwrap().head.unwrap().description.unwrap(), "Coming soon");
    app.publish_composer(REPO, TOOL, &["dev-main"]).await;
    assert_eq!(branches(&customer, TOOL).await, ["dev-main"]);
    let head = app.owned(REPO, TOOL).await.unwrap().head.unwrap();
    assert_eq!((head.description.unwrap().as_str(), head.sold_as.unwrap().id), ("About acme/tool", 4));
    let missing = hide_version(owned.target(&app), app.state().now(), "9.0.0.0", true, None).await;
    assert!(matches!(missing, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn a_bad_archive_stores_nothing() {
    let (app, _ann) = shop().await;
    let good = archive(&manifest(TOOL, "1.0.0"));
    let mut broken = good.clone();
    broken.truncate(good.len() - 30);
    let symlink = granary_testing::swift::source_archive(&[
        ("composer.json", &manifest(TOOL, "1.0.0").to_string()),
        ("link", "->/etc/passwd"),
    ]);
    for bytes in [broken, symlink, archive(&manifest("acme/other", "1.0.0")), b"PK".to_vec(), Vec::new()] {
        let refused = app.try_publish_composer(REPO, TOOL, "1.0.0", &bytes, None).await;
        assert!(matches!(refused, Err(Error::Unprocessable(_) | Error::BadRequest(_))), "{refused:?}");
    }
    assert!(app.blobs().await.is_empty());
    assert!("acme".parse::<ComposerName>().is_err());
}

#[tokio::test]
async fn an_old_repository_of_the_same_name_leaves_nothing() {
    let (app, ann) = selling(&["1.0.0"]).await;
    let path = dist(&ann, TOOL, "1.0.0").await;
    assert_eq!(app.user("ann").delete("/api/repos/shop").await.status, 200);
    app.settle().await;
    let ann = app.repo("ann", REPO, &["composer"], "private").await;
    assert!(names(&ann).await.is_empty());
    assert_eq!(ann.get(&path).await.status, 404);
    assert!(app.blobs().await.is_empty());
}
