//! What clients read.

use std::fmt::Write as _;

use axum::body::Body;
use granary_testing::composer::{archive, manifest};
use granary_testing::{EventShape, PUBLIC_URL, START};
use serde_json::json;

use crate::support::{REPO, TOOL, at, branches, dist, names, releases, selling, shop, versions_of, with};

#[tokio::test]
async fn documents_have_what_clients_need() {
    let (_app, ann) = selling(&["1.0.0", "v2.0"]).await;
    let versions = versions_of(&ann.get(&at("p2/acme/tool.json")).await, TOOL);
    let bytes = archive(&manifest(TOOL, "v2.0"));
    let sha1 = granary_publish::digests::Digests::of(&bytes).sha1.to_string();
    let mut expected = manifest(TOOL, "v2.0");
    expected["version"] = "v2.0".into();
    expected["version_normalized"] = "2.0.0.0".into();
    expected["dist"] = json!({
        "type": "zip", "reference": sha1, "shasum": sha1,
        "url": format!("{PUBLIC_URL}/composer/{REPO}/dist/acme/tool/2.0.0.0/{sha1}.zip"),
    });
    expected["time"] =
        granary_model::Timestamp::from_millis(START).to_string().replace(".000Z", "+00:00").into();
    assert_eq!(json!(versions[0]), expected);
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[1]["version"], "1.0.0");
    let root = ann.get(&at("packages.json")).await;
    assert_eq!(root.header("content-type"), "application/json");
    assert_eq!(root.header("last-modified"), "");
    assert_eq!(
        root.json(),
        json!({
            "packages": {}, "available-packages": [TOOL],
            "metadata-url": "/composer/shop/p2/%package%.json",
            "notify-batch": "/composer/shop/downloads",
            "search": "/composer/shop/search.json?q=%query%&type=%type%",
            "list": "/composer/shop/list.json",
        })
    );
}

#[tokio::test]
async fn branches_stand_apart_and_the_newest_comes_first() {
    let all = ["1.0.0", "dev-main", "1.10.0", "1.2.0-beta1", "1.9", "2.x-dev", "1.2.0", "dev-feature/a"];
    let (_app, ann) = selling(&all).await;
    assert_eq!(releases(&ann, TOOL).await, ["1.10.0", "1.9", "1.2.0", "1.2.0-beta1", "1.0.0"]);
    let branches = branches(&ann, TOOL).await;
    assert_eq!(branches[0], "2.x-dev");
    assert_eq!(branches.len(), 3);
    for version in all {
        let path = dist(&ann, TOOL, version).await;
        let answer = ann.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.body == archive(&manifest(TOOL, version)));
        assert_eq!(answer.header("content-type"), "application/zip");
    }
    // What lists show is of the highest stable version.
    assert_eq!(ann.get("/api/repos/shop/packages").await.json()["packages"][0]["latestVersion"], "1.10.0");
}

#[tokio::test]
async fn both_documents_are_there_even_if_one_is_empty() {
    let (app, ann) = selling(&["1.0.0"]).await;
    assert!(branches(&ann, TOOL).await.is_empty());
    app.publish_composer(REPO, "acme/wip", &["dev-main"]).await;
    assert!(releases(&ann, "acme/wip").await.is_empty());
    assert_eq!(branches(&ann, "acme/wip").await, ["dev-main"]);
}

#[tokio::test]
async fn what_is_not_there_is_404_in_json_without_a_warning() {
    let (_app, ann) = selling(&["1.0.0"]).await;
    let path = dist(&ann, TOOL, "1.0.0").await;
    for path in [
        at("p2/acme/none.json"),
        at("p2/acme/none~dev.json"),
        at("p2/acme/tool"),
        at("p2/acme/tool.txt"),
        at("p2/-x/y.json"),
        at("p2/acme/tool~dev~dev.json"),
        path.replace("1.0.0.0", "1.0.1.0"),
        path.replace("1.0.0.0", "not%20a%20version"),
        path.replace("/1.0.0.0", ""),
        path.replace(".zip", ".tar"),
        path.replace("acme/tool", "acme/none"),
        at(&format!("dist/acme/tool/1.0.0.0/{}.zip", "0".repeat(40))),
    ] {
        let answer = ann.get(&path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert!(answer.json().get("error").is_some() && answer.json().get("warning").is_none(), "{path}");
    }
    assert_eq!(ann.get(&at("anything/else")).await.status, 404);
    assert_eq!(ann.get("/composer/nowhere/packages.json").await.status, 404);
    let (_app, ann) = shop().await;
    assert!(names(&ann).await.is_empty());
}

#[tokio::test]
async fn a_repository_of_another_kind_has_no_packages() {
    let (app, _) = shop().await;
    let ann = app.repo("ann", "libs", &["npm"], "private").await;
    let answer = ann.get("/composer/libs/packages.json").await;
    assert_eq!(answer.status, 404);
    assert!(answer.error().contains("packageTypes"), "{}", answer.error());
}

#[tokio::test]
async fn upper_case_is_lowered_as_clients_do() {
    let (_app, ann) = selling(&["1.0.0"]).await;
    let answer = ann.get(&at("p2/Acme/Tool.json")).await;
    assert_eq!(versions_of(&answer, TOOL).len(), 1);
}

#[tokio::test]
async fn head_says_what_get_says() {
    let (_app, ann) = selling(&["1.0.0"]).await;
    for path in [
        at("packages.json"),
        at("p2/acme/tool.json"),
        dist(&ann, TOOL, "1.0.0").await,
        at("p2/acme/none.json"),
    ] {
        let (get, head) = (ann.get(&path).await, ann.head(&path).await);
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        for name in ["content-type", "last-modified", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn large_archives_are_elsewhere_and_small_ones_are_here() {
    let (app, ann) = shop().await;
    // Nothing that could be compressed by much.
    let mut state = 88_172_645_463_325_252_u64;
    let mut noise = String::new();
    for _ in 0..50_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        write!(noise, "{state:016x}").unwrap();
    }
    let bytes = granary_testing::swift::source_archive(&[
        ("composer.json", &manifest(TOOL, "1.0.0").to_string()),
        ("big.php", &noise),
    ]);
    assert!(bytes.len() > 300_000);
    app.try_publish_composer(REPO, TOOL, "1.0.0", &bytes, None).await.unwrap();
    let path = dist(&ann, TOOL, "1.0.0").await;
    let answer = ann.get_with(&path, &[("user-agent", "Composer/2.8.8 (Linux; PHP 8.4)")]).await;
    assert_eq!(answer.status, 302);
    assert!(answer.header("location").starts_with("http://127.0.0.1:"), "{}", answer.header("location"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(ann.head(&path).await.status, 200);
}

#[tokio::test]
async fn downloads_are_counted_where_archives_are_given_out() {
    let (app, ann) = selling(&["1.0.0"]).await;
    let path = dist(&ann, TOOL, "1.0.0").await;
    ann.get(&path).await;
    ann.get(&path).await;
    ann.head(&path).await;
    let report = json!({ "downloads": [{ "name": TOOL, "version": "1.0.0.0" }] });
    assert_eq!(ann.post_json(&at("downloads"), &report).await.status, 204);
    for body in ["{}", "[]", "{\"downloads\":[7]}", "{\"downloads\":[{\"name\":\"a/b\"}]}", "x"] {
        let answer = ann.request("POST", &at("downloads"), &[], body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["warning"].is_string());
    }
    let large = ann.request("POST", &at("downloads"), &[], Body::from(vec![b' '; 300_000])).await;
    assert_eq!(large.status, 413);
    app.state().downloads().flush(app.state().storage(), app.state().now()).await.unwrap();
    let total = granary_storage::Key::DownloadTotal(crate::support::tool(&app));
    let row: Option<serde_json::Value> = app.state().storage().get(&total).await.unwrap();
    assert_eq!(row.unwrap()["downloads"], 2);
}

#[tokio::test]
async fn paths_arrive_in_every_shape_of_event() {
    let (app, ann) = with("public").await;
    app.publish_composer(REPO, TOOL, &["1.0.0", "dev-feature/a"]).await;
    let dist = dist(&ann, TOOL, "dev-feature/a").await;
    for shape in [EventShape::HttpApi, EventShape::FunctionUrl] {
        for path in ["/composer/shop/packages.json", "/composer/shop/p2/acme/tool~dev.json", dist.as_str()] {
            for path in [path.to_owned(), path.replace('~', "%7E"), path.replace('-', "%2D")] {
                let answer = app.event(shape, "GET", &path, &[], b"").await;
                assert_eq!(answer.status, 200, "{shape:?} {path}");
                assert!(answer.headers["content-type"] == "application/json" || answer.was_base64);
            }
        }
    }
}
