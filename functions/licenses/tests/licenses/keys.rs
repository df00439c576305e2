//! What a key does: it opens packages on every protocol from the moment it is made, and nothing else.

use granary_testing::npm::NpmPackage;
use granary_testing::swift::{PublishForm, simple_archive};

use super::*;

const PACKAGES: [&str; 4] = ["pad", "com.example:lib", "mona.List", "tool"];

/// Of each protocol a package, and the path of a file of it.
const FILES: [&str; 4] = [
    "/api/npm/all/pad/-/pad-1.0.0.tgz",
    "/api/maven/all/com/example/lib/1.0.0/lib-1.0.0.jar",
    "/api/swift/all/mona/List/1.0.0.zip",
    "/api/raw/all/tool/1.0.0/tool.bin",
];

async fn published() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "all", &["npm", "maven", "swift", "raw", "composer"], "private").await;
    let pom = "<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId><artifactId>lib</artifactId>\
               <version>1.0.0</version></project>";
    for response in [
        ann.publish("all", &NpmPackage::new("pad", "1.0.0")).await,
        ann.request("PUT", FILES[1], &[], "jar").await,
        ann.request("PUT", &FILES[1].replace(".jar", ".pom"), &[], pom).await,
        PublishForm::new(&simple_archive("1")).put(&ann, "/api/swift/all/mona/List/1.0.0").await,
        ann.request("PUT", FILES[3], &[], "tool").await,
    ] {
        assert!((200..300).contains(&response.status), "{} {}", response.status, response.text());
    }
    (app, ann)
}

/// Everybody who has the key, in each way to send it.
fn holders(app: &TestApp, licence: &Value) -> [Actor; 3] {
    let key = text(licence, "key");
    [app.token(key), app.basic("license", key), app.basic("somebody@example.com", key)]
}

async fn statuses(actor: &Actor) -> Vec<u16> {
    let mut statuses = Vec::new();
    for path in FILES.into_iter().chain(["/composer/all/packages.json"]) {
        statuses.push(actor.get(path).await.status);
    }
    statuses
}

#[tokio::test]
async fn a_key_works_at_once_on_every_protocol() {
    let (app, ann) = published().await;
    let licence = create(&ann, &plain(&PACKAGES)).await;
    for holder in holders(&app, &licence) {
        assert_eq!(statuses(&holder).await, [200; 5]);
    }
    let none = create(&ann, &plain(&[])).await;
    for holder in holders(&app, &none) {
        assert_eq!(
            statuses(&holder).await,
            [404, 404, 404, 404, 200],
            "Composer's first document names nothing"
        );
    }
}

#[tokio::test]
async fn a_key_writes_nowhere() {
    let (app, ann) = published().await;
    let licence = create(&ann, &plain(&PACKAGES)).await;
    for holder in holders(&app, &licence) {
        let answers = [
            holder.publish("all", &NpmPackage::new("pad", "2.0.0")).await,
            holder.request("PUT", &FILES[1].replace("1.0.0", "2.0.0"), &[], "jar").await,
            PublishForm::new(&simple_archive("2")).put(&holder, "/api/swift/all/mona/List/2.0.0").await,
            holder.request("PUT", &FILES[3].replace("1.0.0", "2.0.0"), &[], "tool").await,
            holder.delete(FILES[3]).await,
            holder.get("/api/repos/all").await,
            holder.post_json("/api/repos", &json!({ "name": "mine", "packageTypes": ["npm"] })).await,
            holder.get(PATH).await,
        ];
        for answer in answers {
            assert!(matches!(answer.status, 403 | 404), "{} {}", answer.status, answer.text());
        }
    }
}

#[tokio::test]
async fn changes_matter_to_the_next_request() {
    let (app, ann) = published().await;
    let licence = create(&ann, &plain(&PACKAGES)).await;
    let [holder, by_password, _] = holders(&app, &licence);
    assert_eq!(statuses(&holder).await, [200; 5]);
    // Suspended, and not.
    change(&ann, &licence, &[("suspended", json!(true))]).await;
    for holder in [&holder, &by_password] {
        assert_eq!(statuses(holder).await, [403; 5]);
    }
    assert_eq!(holder.get(FILES[0]).await.json()["code"], "LICENSE_SUSPENDED");
    change(&ann, &licence, &[("suspended", json!(false))]).await;
    assert_eq!(statuses(&holder).await, [200; 5]);
    // Other packages.
    change(&ann, &licence, &[("packages", json!(["tool"]))]).await;
    assert_eq!(statuses(&holder).await, [404, 404, 404, 200, 200]);
    // Another limit: ended a millisecond ago.
    let now = licence["createdAt"].as_i64().unwrap();
    let dated = change(&ann, &licence, &[("constraint", json!({ "type": "date", "value": now }))]).await;
    assert_eq!(statuses(&holder).await, [200; 5]);
    app.clock.advance_millis(1);
    assert_eq!(statuses(&holder).await, [403; 5]);
    assert_eq!(holder.get(FILES[3]).await.json()["code"], "LICENSE_EXPIRED");
    change(&ann, &dated, &[("constraint", json!({ "type": "none" })), ("key", json!("another-key"))]).await;
    // Another key.
    for holder in [&holder, &by_password] {
        assert_eq!(statuses(holder).await, [401; 5]);
    }
    let other = app.token("another-key");
    assert_eq!(statuses(&other).await, [200; 5]);
    assert_eq!(ann.delete(&at(&licence)).await.status, 204);
    assert_eq!(statuses(&other).await, [401; 5]);
}

#[tokio::test]
async fn a_range_of_versions_is_of_the_packages_protocol() {
    let (app, ann) = published().await;
    let newer = [
        ann.publish("all", &NpmPackage::new("pad", "2.0.0")).await,
        ann.request("PUT", &FILES[1].replace("1.0.0", "2.0.0"), &[], "jar").await,
    ];
    assert!(newer.iter().all(|response| (200..300).contains(&response.status)));
    for (range, package, path) in
        [("<2.0.0", "pad", FILES[0]), ("[1.0.0,2.0.0)", "com.example:lib", FILES[1])]
    {
        let body = json!({ "constraint": { "type": "version", "value": range }, "packages": [package] });
        let customer = app.token(text(&create(&ann, &body).await, "key"));
        assert_eq!(customer.get(path).await.status, 200);
        assert_eq!(customer.get(&path.replace("1.0.0", "2.0.0")).await.status, 404);
    }
}
