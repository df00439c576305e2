//! The pages about the interface.

use std::collections::BTreeSet;

use granary_testing::{PUBLIC_URL, TestApp};
use serde_json::Value;

/// Path items have other members as well.
const METHODS: [&str; 7] = ["get", "head", "put", "post", "patch", "delete", "options"];

/// Tag, method, path and id of every operation.
fn operations(document: &Value) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in
            item.as_object().unwrap().iter().filter(|(method, _)| METHODS.contains(&method.as_str()))
        {
            let tag = operation["tags"][0].as_str().unwrap().to_owned();
            let id = operation["operationId"].as_str().unwrap().to_owned();
            found.push((tag, format!("{} {path}", method.to_uppercase()), id));
        }
    }
    found
}

#[tokio::test]
async fn the_document_is_served_with_the_address_of_the_registry() {
    let app = TestApp::with(|config| config.public_url = "https://registry.example/base".into()).await;
    let response = app.anonymous().get("/openapi.json").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("cache-control"), "no-cache");
    let mut served = response.json();
    assert_eq!(served["servers"], serde_json::json!([{ "url": "https://registry.example/base" }]));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let mut written: Value = serde_json::from_str(&std::fs::read_to_string(source).unwrap()).unwrap();
    served["servers"].take();
    written["servers"].take();
    assert_eq!(served, written);
}

#[tokio::test]
async fn every_operation_is_on_its_page() {
    let app = TestApp::new().await;
    let document = app.anonymous().get("/openapi.json").await.json();
    let operations = operations(&document);
    assert!(operations.len() > 200, "{}", operations.len());
    let mut browser = app.stranger();
    let index = browser.open("/ui/api").await.expect(200);
    let links: BTreeSet<_> = index.links().into_iter().collect();
    let tags: BTreeSet<_> = operations.iter().map(|(tag, ..)| tag).collect();
    for tag in tags {
        let page = browser.open(&format!("/ui/api/{tag}")).await.expect(200);
        assert!(page.html().len() < 100_000, "{tag}: {}", page.html().len());
        let headings: BTreeSet<_> = page.texts("section h2").into_iter().collect();
        let ids = page.attributes("section h2", "id");
        for (_, name, id) in operations.iter().filter(|(of, ..)| of == tag) {
            assert!(headings.contains(name), "{name} is not on the page of {tag}");
            assert!(ids.contains(id), "{id}");
            assert!(links.contains(&format!("/ui/api/{tag}#{id}")), "{id} is not in the index");
            let example = page.texts(&format!("#{id}-example"));
            assert!(example[0].starts_with("curl ") && example[0].contains(PUBLIC_URL), "{example:?}");
            assert!(!example[0].contains('{') || example[0].contains("-d '"), "{example:?}");
        }
        assert_eq!(headings.len(), operations.iter().filter(|(of, ..)| of == tag).count(), "{tag}");
    }
    assert!(index.html().len() < 100_000, "{}", index.html().len());
}

#[tokio::test]
async fn operations_say_what_they_take() {
    let app = TestApp::new().await;
    let mut browser = app.stranger();
    let text = browser.open("/ui/api/repositories").await.expect(200).text();
    assert!(text.contains("POST /api/repos"), "{text}");
    assert!(text.contains(r#""packageTypes":["npm"]"#), "{text}");
    assert!(text.contains("curl -L -o FILE 'http://localhost:8080/api/repos/REPO/files/KIND/NAME"), "{text}");
    let accounts = browser.open("/ui/api/accounts").await.expect(200);
    for id in ["create_account_token", "end_sessions", "show_own_log"] {
        let example = accounts.texts(&format!("#{id}-example"));
        assert!(example[0].contains("Bearer $ID_TOKEN"), "{example:?}");
    }
    let codes = browser.open("/ui/api/npm").await.expect(200).texts("section p code");
    assert!(codes.contains(&"_attachments".to_owned()), "{codes:?}");
    let products = browser.open("/ui/api/products").await.expect(200).text();
    assert!(
        products.contains("Takes a token in X-Api-Token.") && products.contains("-F product=PRODUCT"),
        "{products}"
    );
    let system = browser.open("/ui/api/system").await.expect(200).text();
    assert!(system.contains("Takes no credentials."), "{system}");
}

#[tokio::test]
async fn families_that_do_not_exist_are_not_found() {
    let app = TestApp::new().await;
    let mut browser = app.stranger();
    for path in ["/ui/api/none", "/ui/api/%3Cscript%3E"] {
        let page = browser.open(path).await.expect(404);
        assert!(page.text().contains("no such part"), "{}", page.text());
    }
}
