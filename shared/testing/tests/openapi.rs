//! `docs/openapi.json` against the routers: what it names exists, and what exists it names.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use axum::body::Body;
use granary_testing::TestApp;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document() -> Value {
    serde_json::from_str(&std::fs::read_to_string(root().join("docs/openapi.json")).unwrap()).unwrap()
}

/// A path with something harmless in the place of each parameter.
fn example(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').unwrap();
        out.push_str(before);
        out.push_str(match name {
            "version" => "1.0.0",
            "file" => "name-1.0.0.tgz",
            "rev" => "1-x",
            _ => "name",
        });
        rest = tail;
    }
    out + rest
}

#[tokio::test]
async fn every_documented_operation_is_routed() {
    let (_provider, issuer) = identity_provider().await;
    let app = TestApp::with(|config| config.oidc_issuer = issuer).await;
    let owner = app.npm_repo("ann", "name", "public").await;
    let package = granary_testing::npm::NpmPackage::new("name", "1.0.0");
    assert_eq!(owner.put_json(&package.path("name"), &package.body()).await.status, 201);
    for (path, operations) in document()["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            // Anonymous, so that nothing is changed on the way.
            let response =
                app.anonymous().request(&method.to_uppercase(), &example(path), &[], Body::from("{}")).await;
            assert_ne!(response.status, 405, "{method} {path}");
            assert!(!response.text().contains("there is nothing at this path"), "{method} {path}");
            assert!(!response.text().contains("does not offer that part"), "{method} {path}");
            assert!(response.status < 500, "{method} {path}: {} {}", response.status, response.text());
        }
    }
}

/// An identity provider that answers, for the operations that send a browser to it.
async fn identity_provider() -> (tempfile::TempDir, String) {
    let folder = tempfile::TempDir::new().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let clock = std::sync::Arc::new(granary_model::SystemClock);
    let provider = granary_local::identity::IdentityProvider::open(folder.path(), &address, clock).unwrap();
    let issuer = provider.issuer().to_owned();
    let router = std::sync::Arc::new(provider).router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (folder, issuer)
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let document = document();
    let items = document["paths"].as_object().unwrap().values();
    let mut ids = BTreeSet::new();
    for (method, operation) in items.flat_map(|item| item.as_object().unwrap()) {
        let id =
            operation["operationId"].as_str().unwrap_or_else(|| panic!("{method}: {operation} has no id"));
        assert!(ids.insert(id), "{id} is the id of two operations");
    }
    assert!(ids.len() > 200, "{}", ids.len());
}

#[test]
fn every_management_route_is_documented() {
    let mut routed = BTreeSet::new();
    for family in
        ["accounts", "repos", "raw", "uploads", "licenses", "consumers", "products", "entities", "kmp"]
    {
        collect(&root().join("functions").join(family).join("src"), &mut routed);
    }
    let document = document();
    let documented: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        // These take the rest of the path as a whole, or are no management.
        .filter(|path| {
            !["/api/npm", "/api/maven", "/api/swift", "/composer", "/login", "/health", "/openapi.json"]
                .iter()
                .any(|family| path.starts_with(family))
        })
        .cloned()
        .collect();
    assert!(routed.len() > 10, "the routes were not found: {routed:?}");
    assert_eq!(documented, routed);
}

/// Route patterns in the sources below a folder.
fn collect(folder: &Path, routed: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, routed);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // `.route(` may stand on a line of its own before the pattern.
            for part in text.split(".route(").skip(1) {
                let pattern = part.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
                if let Some((pattern, _)) = pattern {
                    // The rest of a path is a parameter like any other there.
                    routed.insert(pattern.replace("{*", "{"));
                }
            }
        }
    }
}
