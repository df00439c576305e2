//! Where somebody who is signed in begins.

use granary_testing::TestApp;
use serde_json::json;

#[tokio::test]
async fn somebody_new_is_told_what_to_do_first() {
    let app = TestApp::new().await;
    let page = app.browser("ann").await.open("/ui").await.expect(200);
    assert!(page.text().contains("You do not belong to a repository yet"), "{}", page.text());
    assert!(page.links().contains(&"/ui/new".to_owned()));
    assert!(page.texts(".who a").contains(&"Name of ann".to_owned()), "{:?}", page.texts(".who a"));
}

#[tokio::test]
async fn everybody_sees_their_own_repositories_and_organisations() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    assert_eq!(
        ann.post_json("/api/orgs", &json!({ "slug": "acme", "name": "<b>Acme</b>" })).await.status,
        201
    );
    app.repo("ann", "libs", &["npm", "maven"], "private").await;
    app.repo("bob", "others", &["npm"], "private").await;
    let page = app.browser("ann").await.open("/ui").await.expect(200);
    let text = page.text();
    assert!(text.contains("libs") && text.contains("<b>Acme</b>") && !text.contains("others"), "{text}");
    assert!(page.links().contains(&"/ui/repos/libs".to_owned()));
    assert!(page.links().contains(&"/ui/orgs/acme".to_owned()));
}

#[tokio::test]
async fn many_repositories_come_in_pages() {
    let app = TestApp::new().await;
    for number in 0..51 {
        app.repo(
            "ann",
            &format!("libs-{number:02}"),
            &["npm", "maven", "swift", "raw", "composer"],
            "private",
        )
        .await;
    }
    let mut browser = app.browser("ann").await;
    let first = browser.open("/ui").await.expect(200);
    assert!(first.html().len() < 100_000, "{} bytes", first.html().len());
    let second = browser.open(&first.attributes("a[rel=next]", "href").remove(0)).await.expect(200);
    let names = [first.texts("h3 a"), second.texts("h3 a")].concat();
    assert_eq!(names.len(), 51, "{names:?}");
    assert_eq!(names[50], "libs-50");
    assert_eq!(second.attributes("a[rel=prev]", "href"), ["/ui?page=1"]);
}
