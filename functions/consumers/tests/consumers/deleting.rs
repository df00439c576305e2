//! What goes with what.

use granary_storage::Key;
use granary_storage::rows::UsageRow;
use granary_testing::Mishap;
use serde_json::json;

use crate::{NAME, REPO, consumer, expect, id, made, package, permit, published, shop, versions};

#[tokio::test]
async fn a_package_goes_with_its_versions_and_permissions() {
    let (app, ann) = shop().await;
    let (one, two) = (package(&ann, NAME).await, package(&ann, "acme/other").await);
    let first = published(&ann, one, "1.0").await;
    let second = id(&made(&ann, &format!("/versions/package/{one}"), json!({ "name": "1.1" })).await);
    let ((a, buyer), (b, _)) = (consumer(&app, &ann).await, consumer(&app, &ann).await);
    let gone = [permit(&ann, a, one, "*").await, permit(&ann, b, one, "1.*").await];
    let kept = permit(&ann, a, two, "*").await;
    assert_eq!(versions(&buyer, NAME).await, ["1.0"]);
    assert_eq!(ann.delete(&format!("/packages/{one}")).await.status, 204);
    for path in [
        format!("/packages/{one}"),
        format!("/versions/{first}"),
        format!("/versions/{second}"),
        format!("/versions/package/{one}"),
        format!("/permissions/{}", gone[0]),
        format!("/permissions/{}", gone[1]),
    ] {
        expect(&ann.get(&path).await, 404, &["not found"]);
    }
    expect(&ann.get(&format!("/permissions/{kept}")).await, 200, &[]);
    assert_eq!(versions(&buyer, NAME).await, Vec::<String>::new());
    assert_eq!(versions(&ann, NAME).await, Vec::<String>::new());
    // The package comes back with another number, but what was published never does.
    let again = package(&ann, NAME).await;
    assert!(again > two);
    let path = format!("/versions/package/{again}");
    expect(&ann.post_json(&path, &json!({ "name": "1.0" })).await, 400, &["name: ", "never be used again"]);
    made(&ann, &path, json!({ "name": "1.1" })).await;
    assert_eq!(ann.get(&format!("/consumers/{b}/packages")).await.json(), json!([]));
    app.settle().await;
    let usage: Option<UsageRow> =
        app.state().storage().get(&Key::Usage(REPO.parse().unwrap())).await.unwrap();
    assert_eq!(usage.unwrap(), UsageRow::default());
}

#[tokio::test]
async fn many_versions_and_many_permissions_of_one_consumer_go_too() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    for number in 0..50 {
        made(&ann, &format!("/versions/package/{one}"), json!({ "name": format!("1.{number}") })).await;
    }
    for number in 0..25 {
        published(&ann, one, &format!("2.{number}")).await;
    }
    let (customer, _) = consumer(&app, &ann).await;
    for _ in 0..20 {
        permit(&ann, customer, one, "*").await;
    }
    assert_eq!(ann.delete(&format!("/packages/{one}")).await.status, 204);
    assert_eq!(ann.get(&format!("/consumers/{customer}/packages")).await.json(), json!([]));
    assert_eq!(versions(&ann, NAME).await, Vec::<String>::new());
    for number in [1, 50, 51, 75] {
        expect(&ann.get(&format!("/versions/{number}")).await, 404, &["not found"]);
    }
}

#[tokio::test]
async fn a_deletion_that_broke_off_is_finished_by_the_next() {
    for mishap in Mishap::ALL {
        let mut nth = 0;
        loop {
            nth += 1;
            let (app, ann) = shop().await;
            let one = package(&ann, NAME).await;
            published(&ann, one, "1.0").await;
            let (customer, buyer) = consumer(&app, &ann).await;
            permit(&ann, customer, one, "*").await;
            let path = format!("/packages/{one}");
            app.probe.reset();
            let calls = {
                let (app, ann) = shop().await;
                let one = package(&ann, NAME).await;
                published(&ann, one, "1.0").await;
                let (customer, _) = consumer(&app, &ann).await;
                permit(&ann, customer, one, "*").await;
                app.probe.reset();
                assert_eq!(ann.delete(&format!("/packages/{one}")).await.status, 204);
                app.probe.count()
            };
            if nth > calls {
                break;
            }
            let request = {
                let (ann, path) = (ann.clone(), path.clone());
                async move { ann.delete(&path).await }
            };
            let first = app.suffer(nth, mishap, request).await;
            let is_gone = ann.get(&path).await.status == 404;
            if first.is_some_and(|response| response.status == 204) {
                assert!(is_gone, "{mishap:?} {nth}");
            }
            if !is_gone {
                assert_eq!(ann.delete(&path).await.status, 204, "{mishap:?} {nth}");
            }
            assert_eq!(versions(&buyer, NAME).await, Vec::<String>::new(), "{mishap:?} {nth}");
            assert_eq!(versions(&ann, NAME).await, Vec::<String>::new(), "{mishap:?} {nth}");
            assert_eq!(ann.get(&format!("/consumers/{customer}/packages")).await.json(), json!([]));
            expect(&ann.get("/versions/1").await, 404, &[]);
            expect(&ann.get("/permissions/1").await, 404, &[]);
            package(&ann, NAME).await;
        }
    }
}

#[tokio::test]
async fn a_package_outlives_its_repository_until_it_is_deleted() {
    let (app, ann) = shop().await;
    let one = package(&ann, NAME).await;
    let number = published(&ann, one, "1.0").await;
    let (customer, _) = consumer(&app, &ann).await;
    permit(&ann, customer, one, "*").await;
    assert_eq!(app.user("ann").delete(&format!("/api/repos/{REPO}")).await.status, 200);
    app.settle().await;
    expect(&ann.get(&format!("/packages/{one}")).await, 200, &[]);
    let refused = ann.patch_json(&format!("/packages/{one}"), &json!({ "status": 0 })).await;
    expect(&refused, 400, &["repository", "gone"]);
    // A new repository of the same name is not the one it was in.
    app.repo("ann", REPO, &["composer"], "private").await;
    let refused = ann.post_json(&format!("/versions/package/{one}"), &json!({ "name": "2.0" })).await;
    expect(&refused, 400, &["repository", "gone"]);
    assert_eq!(ann.delete(&format!("/versions/{number}")).await.status, 204);
    assert_eq!(ann.delete(&format!("/packages/{one}")).await.status, 204);
    assert_ne!(package(&ann, NAME).await, one);
}
