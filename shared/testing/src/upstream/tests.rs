//! The fake is what it says.

mod maven;
mod misbehaviour;
mod npm;

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use super::{FakeUpstream, Misbehaviour};

/// How long an answer may take that comes at all.
const PATIENCE: Duration = Duration::from_mins(1);

fn client() -> Client {
    Client::builder().no_proxy().redirect(Policy::none()).timeout(PATIENCE).build().unwrap()
}

async fn get(url: &str, headers: &[(&str, &str)]) -> Response {
    let request =
        headers.iter().fold(client().get(url), |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

async fn status(url: &str) -> u16 {
    get(url, &[]).await.status().as_u16()
}

async fn text(url: &str) -> String {
    let response = get(url, &[]).await;
    assert_eq!(response.status(), StatusCode::OK, "{url}");
    response.text().await.unwrap()
}

async fn json_of(url: &str) -> Value {
    serde_json::from_str(&text(url).await).unwrap()
}

async fn bytes_of(url: &str) -> Vec<u8> {
    get(url, &[]).await.bytes().await.unwrap().to_vec()
}

fn inflated(gzip: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut plain).unwrap();
    plain
}

#[tokio::test]
async fn what_was_asked_is_kept_as_it_was_sent() {
    let upstream = FakeUpstream::start().await;
    assert_eq!(upstream.npm_url(), format!("{}/npm", upstream.url()));
    assert_eq!(upstream.maven_url(), format!("{}/maven", upstream.url()));
    assert!(upstream.url().starts_with("http://127.0.0.1:"));
    get(&format!("{}/@a%2fb?x=1", upstream.npm_url()), &[("x-what", "this")]).await;
    assert_eq!(client().put(upstream.maven_url() + "/f").body("bytes").send().await.unwrap().status(), 405);
    assert_eq!(status(&format!("{}/elsewhere", upstream.url())).await, 404);
    assert_eq!(upstream.asked(), ["GET /npm/@a%2fb?x=1", "PUT /maven/f", "GET /elsewhere"]);
    let requests = upstream.clone().requests();
    assert_eq!((requests[0].header("x-what"), requests[0].header("x-other")), (Some("this"), None));
    assert_eq!((requests[1].method.as_str(), requests[1].body.as_ref()), ("PUT", b"bytes".as_slice()));
    upstream.forget();
    assert!(upstream.asked().is_empty());
}

#[tokio::test]
async fn only_the_exact_credential_is_let_in() {
    let upstream = FakeUpstream::start().await;
    upstream.put_file("a.txt", "a");
    let url = format!("{}/a.txt", upstream.maven_url());
    upstream.require(Some("Bearer secret"));
    let refused = get(&url, &[]).await;
    assert_eq!((refused.status().as_u16(), header(&refused, "www-authenticate").is_empty()), (401, false));
    for (credential, expected) in [("Bearer secret", 200), ("bearer secret", 401), ("Bearer secret2", 401)] {
        assert_eq!(get(&url, &[("authorization", credential)]).await.status(), expected, "{credential}");
    }
    upstream.require(None);
    assert_eq!(status(&url).await, 200);
}

#[tokio::test]
async fn it_ends_with_the_last_of_its_clones() {
    let upstream = FakeUpstream::start().await;
    let other = upstream.clone();
    let url = upstream.url();
    upstream.misbehave("/npm/hang", Some(Misbehaviour::Hang));
    let hanging = tokio::spawn(client().get(format!("{url}/npm/hang")).send());
    while other.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(upstream);
    assert_eq!(status(&url).await, 404, "another clone is there");
    drop(other);
    let error = hanging.await.unwrap().unwrap_err();
    assert!(!error.is_timeout(), "{error:?}");
    assert!(client().get(&url).send().await.unwrap_err().is_connect());
}
