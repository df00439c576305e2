//! Downloads: in place, by range, by redirect.

use granary_testing::{PUBLIC_URL, TestApp};

use crate::{NAME, empty, stocked};

const PATH: &str = "/api/product/download/my-lib/1";

#[tokio::test]
async fn conditions_ranges_and_head_are_answered() {
    let (_app, admin) = stocked().await;
    empty(&admin.upload(NAME, "1", b"0123456789").await, 201);
    let whole = admin.get(PATH).await;
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789"));
    assert_eq!(whole.header("cache-control"), "private, no-cache");
    let vary: Vec<_> = whole.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(vary, ["Authorization, X-Api-Token"]);
    let head = admin.head(PATH).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "10", 0));
    for name in ["etag", "content-disposition", "last-modified", "accept-ranges"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
        assert!(!head.header(name).is_empty(), "{name}");
    }
    let part = admin.request("GET", PATH, &[("range", "bytes=2-4")], "").await;
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");
    let beyond = admin.request("GET", PATH, &[("range", "bytes=20-")], "").await;
    assert_eq!(beyond.status, 416);
    let known = admin.request("GET", PATH, &[("if-none-match", whole.header("etag"))], "").await;
    assert_eq!((known.status, known.body.len()), (304, 0));
}

#[tokio::test]
async fn large_files_come_from_the_bucket_but_not_for_curl() {
    let (app, admin) = stocked().await;
    let bytes = vec![b'x'; 5_000_000];
    empty(&admin.upload(NAME, "1", &bytes).await, 201);
    let redirect = admin.get(PATH).await;
    assert_eq!((redirect.status, redirect.header("cache-control")), (302, "no-store"));
    let location = redirect.header("location");
    assert!(!location.starts_with(PUBLIC_URL) && !location.contains(admin.secret()), "{location}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(location).send().await.unwrap();
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"my-lib-1.bin\"");
    assert_eq!(response.bytes().await.unwrap().as_ref(), bytes);
    let curl = [("user-agent", "curl/8.5.0")];
    app.probe.reset();
    let streamed = admin.request("GET", PATH, &curl, "").await;
    assert_eq!((streamed.status, streamed.body.as_ref()), (200, bytes.as_slice()));
    let part = admin.request("GET", PATH, &[curl[0], ("range", "bytes=-3")], "").await;
    assert_eq!((part.status, part.text().as_str()), (206, "xxx"));
    let head = admin.request("HEAD", PATH, &curl, "").await;
    assert_eq!((head.status, head.header("content-length")), (200, "5000000"));
}

#[tokio::test]
async fn a_deployment_with_a_limit_redirects_curl_as_well() {
    let app = TestApp::with(|config| config.max_body = Some(6_000_000)).await;
    let admin = app.api_token("ann", true).await;
    empty(&admin.create(NAME).await, 201);
    empty(&admin.upload(NAME, "1", &vec![b'x'; 5_000_000]).await, 201);
    let redirect = admin.request("GET", PATH, &[("user-agent", "curl/8.5.0")], "").await;
    assert_eq!(redirect.status, 302);
    assert!(redirect.text().contains("curl -L"));
}
