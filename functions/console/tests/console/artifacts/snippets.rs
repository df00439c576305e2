//! What the pages say to type, typed: with curl, jq and git, as the pages say.

use granary_testing::entities::new_entity;
use granary_testing::{Browser, TestApp};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;

/// A registry that programs reach, and Ann at a browser.
async fn served() -> (TestApp, Browser) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let app = TestApp::with(|config| config.public_url = address).await;
    app.serve_on(listener);
    let ann = app.browser("ann").await;
    (app, ann)
}

/// Runs the snippet with this id as it stands on a page.
async fn run(browser: &mut Browser, page: &str, id: &str, folder: &TempDir, token: (&str, &str)) {
    let page = browser.open(page).await.expect(200);
    let document = scraper::Html::parse_document(&page.html());
    let found = scraper::Selector::parse(&format!("code#{id}")).unwrap();
    let script: String = document.select(&found).next().unwrap().text().collect();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .env(token.0, token.1)
        .env("no_proxy", "127.0.0.1")
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_product_is_uploaded_and_downloaded() {
    let (app, mut ann) = served().await;
    let api = app.api_token("ann", true).await;
    assert_eq!(api.create("my-lib").await.status, 201);
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("my-file.tar.gz"), "what was built").unwrap();
    let token = ("PRODUCT_TOKEN", api.secret());
    let page = "/ui/artifacts/products/my-lib";
    run(&mut ann, page, "upload", &folder, token).await;
    assert_eq!(api.download("my-lib", "1.0.0").await.text(), "what was built");
    let there = TempDir::new().unwrap();
    run(&mut ann, page, "download", &there, token).await;
    assert_eq!(std::fs::read_to_string(there.path().join("my-file.tar.gz")).unwrap(), "what was built");
}

#[tokio::test]
async fn an_entity_is_uploaded_and_downloaded() {
    let (app, mut ann) = served().await;
    let api = app.account_token("ann", &["read", "write"]).await;
    let id = new_entity(&api, "app", "my-app").await;
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("package.zip"), "what was built").unwrap();
    // The sources are a commit.
    let commit = "git init -q && git -c user.name=x -c user.email=x@example.com commit -q --allow-empty -m x";
    let made = Command::new("bash").args(["-ec", commit]).current_dir(folder.path()).status().await.unwrap();
    assert!(made.success());
    let token = ("GRANARY_TOKEN", api.secret());
    let page = format!("/ui/artifacts/entities/{id}");
    run(&mut ann, &page, "upload", &folder, token).await;
    let shown = api.get(&format!("/api/entities/{id}")).await.json();
    assert_eq!(shown["versions"][0]["is_active"], json!(true), "{shown}");
    let there = TempDir::new().unwrap();
    run(&mut ann, &page, "download", &there, token).await;
    assert_eq!(std::fs::read_to_string(there.path().join("my-app.zip")).unwrap(), "what was built");
}
