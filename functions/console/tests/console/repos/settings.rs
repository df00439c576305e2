//! Settings of a repository, and its end.

use granary_testing::TestApp;
use granary_testing::npm::NpmPackage;
use serde_json::json;

use super::shown;

const PAGE: &str = "/ui/repos/libs/settings";
const DELETE: &str = "/ui/repos/libs/delete";

#[tokio::test]
async fn settings_are_shown_and_changed() {
    let app = TestApp::new().await;
    app.repo("ann", "libs", &["npm", "maven"], "private").await;
    let mut browser = app.browser("ann").await;
    let form = browser.open(PAGE).await.expect(200).form(PAGE);
    for field in
        [("visibility", "private"), ("type", "npm"), ("type", "maven"), ("description", ""), ("keep", "")]
    {
        assert!(form.fields.contains(&(field.0.into(), field.1.into())), "{form:?}");
    }
    let form =
        form.with("description", "New").with("visibility", "public").and("type", "raw").with("keep", "5");
    let page = browser.send(&form).await.expect(200);
    assert_eq!(page.path, "/ui/repos/libs/settings?done=saved");
    let repo = shown(&app, "ann", "libs").await;
    assert_eq!((&repo["description"], &repo["visibility"]), (&json!("New"), &json!("public")));
    assert_eq!(repo["packageTypes"], json!(["npm", "maven", "raw"]));
    assert_eq!(repo["mavenConfig"], json!({ "keepSnapshotBuilds": 5 }));
    browser.send(&page.form(PAGE).with("description", "").with("visibility", "private")).await.expect(200);
    let repo = shown(&app, "ann", "libs").await;
    assert_eq!((&repo["description"], &repo["visibility"]), (&json!(null), &json!("private")));
    assert_eq!(repo["mavenConfig"], json!({ "keepSnapshotBuilds": 5 }));
}

#[tokio::test]
async fn saving_takes_nothing_back_that_was_changed_elsewhere_meanwhile() {
    let app = TestApp::new().await;
    app.repo("ann", "jars", &["maven"], "private").await;
    let config = json!({ "sourceType": "artifacts", "sourceRepoId": "jars" });
    let body = json!({ "name": "libs", "packageTypes": ["kmp"], "kmpConfig": config });
    assert_eq!(app.user("ann").post_json("/api/repos", &body).await.status, 201);
    app.add_member("ann", "libs", "bob", "admin").await;
    // Bob may not read the source: he cannot name it, and does not when he saves something else.
    let mut bob = app.browser("bob").await;
    let form = bob.open(PAGE).await.expect(200).form(PAGE);
    bob.send(&form.clone().with("description", "By Bob")).await.expect(200);
    let repo = shown(&app, "ann", "libs").await;
    assert_eq!((&repo["description"], &repo["kmpConfig"]), (&json!("By Bob"), &config));
    let elsewhere = form.with("source", "external").with("sourceUrl", "https://repo.example.org/m2");
    bob.send(&elsewhere).await.expect(200);
    let expected = json!({ "sourceType": "external", "sourceUrl": "https://repo.example.org/m2" });
    assert_eq!(shown(&app, "ann", "libs").await["kmpConfig"], expected);
}

#[tokio::test]
async fn settings_that_do_not_fit_are_said_with_the_form() {
    let app = TestApp::new().await;
    let owner = app.repo("ann", "libs", &["npm", "maven"], "private").await;
    assert_eq!(owner.publish("libs", &NpmPackage::new("app", "1.0.0")).await.status, 201);
    let mut browser = app.browser("ann").await;
    let form = browser.open(PAGE).await.expect(200).form(PAGE);
    let before = shown(&app, "ann", "libs").await;
    for (field, value, status, message) in [
        ("type", "maven", 409, "'npm' cannot be taken away"),
        ("type", "nuget", 400, "package type"),
        ("visibility", "secret", 400, "visibility"),
        ("keep", "1", 400, "from 2 to 1000"),
        ("keep", "many", 400, "a whole number"),
        ("description", &"x".repeat(2001), 400, "at most 2000 characters"),
    ] {
        let page = browser.send(&form.clone().with(field, value)).await.expect(status);
        assert!(page.texts("[role=alert]").concat().contains(message), "{field}={value}: {}", page.text());
        assert!(
            page.form(PAGE)
                .fields
                .contains(&("keep".into(), if field == "keep" { value.into() } else { String::new() }))
        );
    }
    let kmp = browser
        .send(&form.clone().and("type", "kmp").with("sourceUrl", "https://127.0.0.1/m2"))
        .await
        .expect(400);
    assert_eq!(kmp.attributes("#source-url", "value"), ["https://127.0.0.1/m2"]);
    browser.send(&form.without("type")).await.expect(400);
    assert_eq!(shown(&app, "ann", "libs").await, before);
}

#[tokio::test]
async fn a_repository_is_deleted_by_typing_its_name_and_by_its_owner() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    app.add_member("ann", "libs", "bob", "admin").await;
    let mut bob = app.browser("bob").await;
    let page = bob.open(PAGE).await.expect(200);
    assert!(!page.has_form(DELETE), "{}", page.html());
    let mut form = page.form(PAGE).with("name", "libs");
    form.action = DELETE.into();
    let page = bob.send(&form).await.expect(403);
    assert_eq!(page.texts("[role=alert]").len(), 1, "{}", page.text());

    let mut ann = app.browser("ann").await;
    let form = ann.open(PAGE).await.expect(200).form(DELETE);
    for name in ["", "lib", "LIBS"] {
        let page = ann.send(&form.clone().with("name", name)).await.expect(400);
        assert!(page.text().contains("Nothing was deleted"), "{}", page.text());
    }
    assert_eq!(app.user("ann").get("/api/repos/libs").await.status, 200);
    let page = ann.send(&form.with("name", "libs")).await.expect(200);
    assert_eq!(page.path, "/ui?done=deleted");
    assert!(!page.links().contains(&"/ui/repos/libs".to_owned()));
    assert_eq!(app.user("ann").get("/api/repos/libs").await.status, 404);
    app.settle().await;
}
