//! Whose an artifact is, however many want to be it at the same time.

use std::time::Duration;

use granary_testing::TestResponse;
use granary_testing::upstream::{FakeUpstream, Misbehaviour};
use serde_json::{Value, json};

use super::support::at;
use super::upstreams::{LIB, Place, place};

fn file(version: &str, extension: &str) -> String {
    format!("{LIB}/{version}/lib-{version}.{extension}")
}

/// Metadata of an artifact that changed just now.
fn list(place: &Place, versions: &[&str]) -> String {
    let now = place.app.state().now().to_string();
    let updated: String = now.chars().filter(char::is_ascii_digit).take(14).collect();
    let versions = versions.join("</version><version>");
    format!(
        "<metadata><groupId>org.example</groupId><artifactId>lib</artifactId><versioning><versions>\
         <version>{versions}</version></versions><lastUpdated>{updated}</lastUpdated></versioning></metadata>"
    )
}

fn code(response: &TestResponse) -> (u16, Value) {
    (response.status, response.json()["code"].clone())
}

/// A second registry, which is asked after the first one.
async fn with_other(place: &Place) -> FakeUpstream {
    let other = FakeUpstream::start().await;
    place.connect("other", &other.maven_url(), json!({})).await;
    other
}

#[tokio::test]
async fn what_is_left_of_an_upstream_never_mixes_with_what_is_published() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    let jar = place.ann.get(&at(&file("1.0", "jar"))).await;
    assert_eq!(jar.status, 200, "{}", jar.text());
    for number in 0..90 {
        let path = format!("{LIB}/1.0/lib-1.0-c{number}.jar");
        place.up.put_file(&path, "bytes");
        assert_eq!(place.status(&path).await, 200);
    }
    place.up.put_artifact("org.example", "lib", "1.1");
    assert_eq!(place.status(&file("1.1", "pom")).await, 200);
    let begin = json!({
        "repoId": "libs", "packageType": "maven", "groupId": "org.example", "artifactId": "lib", "version": "1.0",
        "files": [{ "name": "lib-1.0.jar", "size": 3, "sha256": granary_publish::digests::Digests::of(b"own").sha256 }],
    });
    let refused = place.ann.post_json("/api/uploads", &begin).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("'central'"), "{}", refused.text());
    let path = "/api/repos/libs/origins/maven/org.example:lib";
    let taken = place.app.user("ann").put_json(path, &json!({ "origin": "local" })).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let pom =
        "<project><groupId>org.example</groupId><artifactId>lib</artifactId><version>1.0</version></project>";
    let put = async |path: &str, bytes: Vec<u8>| place.ann.request("PUT", &at(path), &[], bytes).await;
    // The same bytes are no more published than others are: they go with what was kept.
    for (end, bytes) in [("jar", jar.body.to_vec()), ("jar", b"own".to_vec()), ("pom", pom.into())] {
        let early = put(&file("1.0", end), bytes).await;
        assert_eq!(early.status, 503, "{end}: {}", early.text());
    }
    assert_eq!(place.ann.post_json("/api/uploads", &begin).await.status, 503);
    place.app.settle().await;
    for (end, bytes) in [("pom", pom.into()), ("jar", jar.body.to_vec())] {
        let published = put(&file("1.0", end), bytes).await;
        assert_eq!(published.status, 201, "{end}: {}", published.text());
    }
    place.app.settle().await;
    assert_eq!(place.text(&file("1.0", "pom")).await, pom);
    assert_eq!(place.status(&file("1.0", "jar")).await, 200);
    for gone in [format!("{LIB}/1.0/lib-1.0-c7.jar"), file("1.1", "pom")] {
        assert_eq!(place.status(&gone).await, 404, "{gone}");
    }
}

#[tokio::test]
async fn a_version_that_the_first_one_lacks_does_not_make_it_the_next_ones() {
    let place = place(json!({})).await;
    let other = with_other(&place).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    other.put_artifact("org.example", "lib", "9.9");
    assert_eq!(place.status(&file("9.9", "pom")).await, 404);
    assert_eq!(other.asked(), Vec::<String>::new());
    place.up.misbehave(&format!("/maven/{LIB}/maven-metadata.xml"), Some(Misbehaviour::Status(500)));
    assert_eq!(place.status(&file("9.8", "pom")).await, 503, "nobody can say");
    assert_eq!(other.asked(), Vec::<String>::new());
    place.up.misbehave(&format!("/maven/{LIB}/maven-metadata.xml"), None);
    assert_eq!(place.status(&file("1.0", "pom")).await, 200);
    // What it does not have at all the next one may have.
    other.put_artifact("org.example", "far", "1.0");
    assert_eq!(place.status("org/example/far/1.0/far-1.0.pom").await, 200);
}

#[tokio::test]
async fn whoever_is_slow_takes_nothing_from_whoever_was_first() {
    let place = place(json!({})).await;
    let other = with_other(&place).await;
    other.put_artifact("org.example", "lib", "9.9");
    other.misbehave("/maven/", Some(Misbehaviour::Delay(Duration::from_millis(1_200))));
    let late = at(&file("9.9", "jar"));
    let (late, first) = tokio::join!(place.ann.get(&late), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        place.up.put_artifact("org.example", "lib", "1.0");
        place.ann.get(&at(&file("1.0", "pom"))).await
    });
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(late.status, 409, "{}", late.text());
    place.app.settle().await;
    assert_eq!(place.text(&file("1.0", "pom")).await, first.text());
    assert_eq!(place.status(&file("9.9", "jar")).await, 404);
    assert_eq!(place.versions().await, ["1.0"]);
}

#[tokio::test]
async fn a_list_that_is_older_than_a_version_does_not_make_it_old() {
    let place = place(json!({ "cooldownDays": 7 })).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    assert_eq!(place.versions().await, ["1.0"]);
    place.up.put_file(&format!("{LIB}/maven-metadata.xml"), list(&place, &["1.0", "1.1", "1.2"]));
    for version in ["1.0", "1.1", "1.2"] {
        place.up.put_file_at(&file(version, "pom"), "<project/>", "");
    }
    for version in ["1.1", "1.2"] {
        let young = place.ann.get(&at(&file(version, "pom"))).await;
        assert_eq!(code(&young), (403, json!("COOLDOWN")), "{}", young.text());
    }
    assert_eq!(place.status(&file("1.0", "pom")).await, 200);
}

#[tokio::test]
async fn what_the_upstream_removed_is_not_fetched_any_more() {
    for (settings, status) in [(json!({}), 403), (json!({ "removed": "keep" }), 200)] {
        let place = place(settings).await;
        place.up.put_artifact("org.example", "lib", "1.0");
        place.up.put_artifact("org.example", "lib", "1.1");
        assert_eq!(place.versions().await, ["1.0", "1.1"]);
        place.up.put_file(&format!("{LIB}/maven-metadata.xml"), list(&place, &["1.0"]));
        place.wait(301);
        place.versions().await;
        place.app.settle().await;
        assert_eq!(place.versions().await, ["1.0"]);
        place.up.forget();
        let removed = place.ann.get(&at(&file("1.1", "pom"))).await;
        assert_eq!(removed.status, status, "{}", removed.text());
        if status == 403 {
            assert_eq!(removed.json()["code"], "REMOVED_UPSTREAM");
            assert_eq!(place.up.asked(), Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn another_address_lets_nothing_out_of_quarantine() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    assert_eq!(place.status(&file("1.0", "pom")).await, 200);
    let path = "/api/repos/libs/quarantine/maven/org.example:lib";
    let aside = json!({ "version": "1.0", "reason": "It leaks" });
    let put = place.app.user("ann").put_json(path, &aside).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let other = FakeUpstream::start().await;
    other.put_artifact("org.example", "lib", "1.0");
    other.put_artifact("org.example", "lib", "1.1");
    let moved = json!({ "url": other.maven_url() });
    let changed = place.app.user("ann").patch_json("/api/repos/libs/upstreams/central", &moved).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    place.app.settle().await;
    assert_eq!(place.status(&file("1.1", "pom")).await, 200);
    let kept = place.ann.get(&at(&file("1.0", "pom"))).await;
    assert_eq!(code(&kept), (403, json!("QUARANTINED")), "{}", kept.text());
    assert_eq!(place.app.user("ann").delete(&format!("{path}?version=1.0")).await.status, 200);
    assert_eq!(place.status(&file("1.0", "pom")).await, 200);
}

#[tokio::test]
async fn a_list_that_is_large_unpacked_is_none() {
    let place = place(json!({})).await;
    place.up.put_artifact("org.example", "lib", "1.0");
    for path in [format!("{LIB}/maven-metadata.xml"), format!("{LIB}/2.0-SNAPSHOT/maven-metadata.xml")] {
        place.up.put_file(&path, "<metadata/>");
        place.up.misbehave(&format!("/maven/{path}"), Some(Misbehaviour::Bomb));
        assert_eq!(place.status(&path).await, 502, "{path}");
    }
    assert_eq!(place.status(&file("1.0", "pom")).await, 200);
}
