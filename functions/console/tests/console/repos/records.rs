//! The audit log of a repository: the part of the page that accounts and organisations have as well.

use granary_testing::TestApp;
use granary_testing::npm::NpmPackage;

const PAGE: &str = "/ui/repos/libs/audit";

#[tokio::test]
async fn the_log_says_what_was_done_by_whom() {
    let app = TestApp::new().await;
    let owner = app.npm_repo("ann", "libs", "private").await;
    app.clock.advance_millis(60_000);
    assert_eq!(owner.publish("libs", &NpmPackage::new("app", "1.0.0")).await.status, 201);
    app.clock.advance_millis(60_000);
    app.add_member("ann", "libs", "bob", "read").await;
    let mut browser = app.browser("ann").await;
    let page = browser.open(PAGE).await.expect(200);
    let rows = page.texts("tbody tr");
    assert!(rows[0].contains("repo.member.set") && rows[0].contains("user:ann"), "{rows:?}");
    assert!(rows[0].contains("libs/members/bob=read"), "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("app@1.0.0")), "{rows:?}");
    assert!(rows.last().unwrap().contains("repo.create"), "{rows:?}");
    app.browser("bob").await.open(PAGE).await.expect(403);
}

#[tokio::test]
async fn the_log_is_read_by_months_and_pages() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    for number in 0..60 {
        app.clock.advance_millis(1);
        let body = serde_json::json!({ "description": format!("{number}") });
        assert_eq!(app.user("ann").patch_json("/api/repos/libs", &body).await.status, 200);
    }
    let mut browser = app.browser("ann").await;
    let first = browser.open(PAGE).await.expect(200);
    assert_eq!(first.texts("tbody tr").len(), 50);
    assert!(first.html().len() < 100_000);
    let second = browser.open(&first.attributes("a[rel=next]", "href").remove(0)).await.expect(200);
    assert_eq!(second.texts("tbody tr").len(), 11);
    assert!(second.texts("tbody tr")[10].contains("repo.create"));
    assert!(second.links().contains(&format!("{PAGE}?month=2026-09")), "{:?}", second.links());

    // A month later there is nothing yet, and a way back.
    app.clock.advance_millis(30 * 86_400_000);
    let page = app.browser("ann").await.open(PAGE).await.expect(200);
    assert!(page.text().contains("Nothing was changed in 2026-10"), "{}", page.text());
    assert!(!page.links().contains(&format!("{PAGE}?month=2026-11")), "{:?}", page.links());
    let mut browser = app.browser("ann").await;
    let page = browser.send(&page.form(PAGE).with("month", "2026-09")).await.expect(200);
    assert_eq!(page.texts("tbody tr").len(), 50);
    assert!(page.links().contains(&format!("{PAGE}?month=2026-10")), "{:?}", page.links());
    for month in ["2026-13", "x", "<script>alert(1)</script>"] {
        let form = page.form(PAGE).with("month", month);
        let page = browser.send(&form).await.expect(400);
        assert!(!page.html().contains("<script>alert"), "{}", page.html());
    }
    let query = "cursor=%21&month=2026-09";
    assert_eq!(browser.open(&format!("{PAGE}?{query}")).await.status(), 400);
}
