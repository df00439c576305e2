//! New repositories.

use granary_testing::TestApp;
use serde_json::json;

use super::shown;

#[tokio::test]
async fn a_repository_is_made_as_the_form_says() {
    let app = TestApp::new().await;
    let mut browser = app.browser("ann").await;
    let form = browser.open("/ui/new").await.expect(200).form("/ui/new");
    let form = form.with("name", "libs").and("type", "npm").and("type", "maven").with("visibility", "public");
    let page = browser.send(&form.with("description", "Two\r\nlines")).await.expect(200);
    assert_eq!(page.path, "/ui/repos/libs?done=created");
    assert!(page.text().contains("Created."), "{}", page.text());
    let repo = shown(&app, "ann", "libs").await;
    assert_eq!(repo["packageTypes"], json!(["npm", "maven"]));
    assert_eq!(repo["visibility"], "public");
    assert_eq!(repo["description"], "Two\nlines");
    assert_eq!((repo["ownerId"].as_str(), repo["role"].as_str()), (Some("ann"), Some("owner")));
}

#[tokio::test]
async fn it_can_belong_to_an_organisation_that_one_administers() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    app.known_user("bob").await;
    for slug in ["acme", "other"] {
        assert_eq!(ann.post_json("/api/orgs", &json!({ "slug": slug })).await.status, 201);
    }
    for (org, role) in [("acme", "admin"), ("other", "member")] {
        let body = json!({ "userId": "bob", "role": role });
        assert_eq!(ann.post_json(&format!("/api/orgs/{org}/members"), &body).await.status, 201);
    }
    let mut bob = app.browser("bob").await;
    let page = bob.open("/ui/new?org=acme").await.expect(200);
    assert_eq!(page.attributes("select[name=owner] option", "value"), ["", "acme"]);
    let form = page.form("/ui/new").with("name", "libs").with("type", "npm");
    bob.send(&form).await.expect(200);
    assert_eq!(shown(&app, "bob", "libs").await["orgSlug"], "acme");
    // Whatever else is sent is for the interface to refuse.
    let page = bob.send(&form.clone().with("name", "more").with("owner", "other")).await.expect(403);
    assert_eq!(page.attributes("input[name=name]", "value"), ["more"]);
    assert_eq!(bob.send(&form.with("name", "more").with("owner", "none")).await.status(), 404);
    assert_eq!(app.user("bob").get("/api/repos/more").await.status, 404);
}

#[tokio::test]
async fn kotlin_multiplatform_takes_a_source() {
    let app = TestApp::new().await;
    app.repo("ann", "jars", &["maven"], "private").await;
    let mut browser = app.browser("ann").await;
    let page = browser.open("/ui/new").await.expect(200);
    assert_eq!(page.attributes("#sources option", "value"), ["jars"]);
    let form = page.form("/ui/new").with("name", "built").with("type", "kmp");
    let refused = browser.send(&form).await.expect(400);
    assert!(refused.text().contains("kmpConfig.sourceUrl"), "{}", refused.text());
    // What is filled in says which of the two is meant.
    let guessed = form.clone().with("name", "guessed").with("sourceRepo", "jars");
    assert!(guessed.fields.contains(&("source".to_owned(), "external".to_owned())), "{:?}", guessed.fields);
    browser.send(&guessed).await.expect(200);
    let config = shown(&app, "ann", "guessed").await["kmpConfig"].clone();
    assert_eq!(config, json!({ "sourceType": "artifacts", "sourceRepoId": "jars" }));
    let here = form
        .with("source", "artifacts")
        .with("sourceRepo", "jars")
        .with("sourceUrl", "https://kept.example/");
    browser.send(&here).await.expect(200);
    let config = shown(&app, "ann", "built").await["kmpConfig"].clone();
    assert_eq!(config, json!({ "sourceType": "artifacts", "sourceRepoId": "jars" }));
    // Without the type its fields do not count.
    browser.send(&here.with("name", "plain").with("type", "npm")).await.expect(200);
    assert_eq!(shown(&app, "ann", "plain").await["kmpConfig"], json!(null));
}

#[tokio::test]
async fn a_form_that_is_refused_keeps_what_was_filled_in() {
    let app = TestApp::new().await;
    app.repo("bob", "taken", &["npm"], "private").await;
    let mut browser = app.browser("ann").await;
    let form = browser.open("/ui/new").await.expect(200).form("/ui/new");
    let form = form.with("description", "<b>mine</b>").with("visibility", "public").with("type", "npm");
    let long = "x".repeat(65);
    for (name, status, message) in [
        ("taken", 409, "is taken"),
        ("public", 400, "reserved"),
        ("Upper", 400, "2 to 64 characters"),
        (long.as_str(), 400, "2 to 64 characters"),
        ("<script>alert(1)</script>", 400, "2 to 64 characters"),
        ("", 400, "2 to 64 characters"),
    ] {
        let page = browser.send(&form.clone().with("name", name)).await.expect(status);
        assert!(page.texts("[role=alert]").concat().contains(message), "{name}: {}", page.text());
        let again = page.form("/ui/new");
        for field in
            [("name", name), ("description", "<b>mine</b>"), ("visibility", "public"), ("type", "npm")]
        {
            assert!(again.fields.contains(&(field.0.into(), field.1.into())), "{field:?}: {again:?}");
        }
        assert!(!page.html().contains("<script>alert"), "{}", page.html());
    }
    for kinds in [vec![], vec!["nuget"], vec!["npm", "npm"]] {
        let bare = form.clone().with("name", "libs").without("type");
        let form = kinds.iter().fold(bare, |form, kind| form.and("type", kind));
        browser.send(&form).await.expect(400);
    }
    let page =
        browser.send(&form.with("name", "libs").with("description", &"x".repeat(2001))).await.expect(400);
    assert!(page.text().contains("at most 2000 characters"), "{}", page.text());
    assert_eq!(app.user("ann").get("/api/repos").await.json()["repos"], json!([]));
    assert_eq!(app.stranger().request("GET", "/ui/new", &[], "").await.status, 303);
}
