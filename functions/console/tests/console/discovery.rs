//! What everybody finds.

use granary_testing::TestApp;
use granary_testing::npm::NpmPackage;

#[tokio::test]
async fn an_instance_without_public_repositories_says_what_to_do() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "hidden", "private").await;
    let page = app.stranger().open("/").await.expect(200);
    assert!(page.text().contains("There is no public repository yet"), "{}", page.text());
    assert!(page.text().contains("Granary is a package registry"), "{}", page.text());
    assert!(
        !page.html().contains("hidden packages") && !page.links().iter().any(|link| link.contains("hidden"))
    );
    assert!(page.links().iter().any(|link| link.starts_with("/api/auth/sign-in?to=")), "{:?}", page.links());
    let page = app.browser("ann").await.open("/").await.expect(200);
    assert!(page.links().contains(&"/ui/new".to_owned()), "{:?}", page.links());
    assert!(!page.text().contains("Granary is a package registry"), "{}", page.text());
}

#[tokio::test]
async fn public_repositories_are_listed_in_pages() {
    let app = TestApp::new().await;
    for number in 0..25 {
        app.npm_repo("ann", &format!("open-{number:02}"), "public").await;
    }
    app.npm_repo("ann", "closed", "private").await;
    let mut browser = app.stranger();
    let first = browser.open("/").await.expect(200);
    let second = browser.open(&first.attributes("a[rel=next]", "href").remove(0)).await.expect(200);
    let names = [first.texts("h3 a"), second.texts("h3 a")].concat();
    let expected: Vec<String> = (0..25).map(|number| format!("open-{number:02}")).collect();
    assert_eq!(names, expected);
    assert_eq!(second.attributes("a[rel=prev]", "href"), Vec::<String>::new());
    assert_eq!(second.texts(".pages a:not([rel])"), ["First page"]);
    assert_eq!(second.attributes(".pages a:not([rel])", "href"), ["/"]);
    assert!(first.links().contains(&"/ui/repos/open-00".to_owned()));
    assert_eq!(browser.open("/?cursor=%21").await.status(), 400);
}

#[tokio::test]
async fn everybody_finds_what_is_public_and_members_what_is_theirs() {
    let app = TestApp::new().await;
    for (repo, visibility) in [("open", "public"), ("closed", "private")] {
        let owner = app.npm_repo("ann", repo, visibility).await;
        let package = NpmPackage::new(&format!("left-pad-{repo}"), "1.0.0");
        assert_eq!(owner.publish(repo, &package).await.status, 201);
    }
    let mut stranger = app.stranger();
    let form = stranger.open("/").await.expect(200).form("/");
    let found = stranger.send(&form.clone().with("text", " LEFT ")).await.expect(200);
    assert_eq!(found.texts("h3 a"), ["left-pad-open"]);
    assert!(found.links().contains(&"/ui/repos/open/npm/left-pad-open".to_owned()));
    assert!(found.links().contains(&"/ui/repos/open".to_owned()));
    assert_eq!(found.attributes("input[name=text]", "value"), ["LEFT"]);
    let found = app.browser("ann").await.send(&form.clone().with("text", "left-pad")).await.expect(200);
    assert_eq!(found.texts("h3 a").len(), 2, "{}", found.text());
    assert!(found.text().contains("npm private"), "{}", found.text());
    let found = app.browser("eve").await.send(&form.clone().with("text", "left-pad")).await.expect(200);
    assert_eq!(found.texts("h3 a"), ["left-pad-open"]);

    let found = stranger.send(&form.clone().with("type", "maven")).await.expect(200);
    assert!(found.text().contains("Nothing found"), "{}", found.text());
    let found = stranger.send(&form.clone().with("type", "npm")).await.expect(200);
    assert_eq!(found.texts("h3 a"), ["left-pad-open"]);
    for (field, value) in [("text", "x".repeat(101)), ("type", "<script>alert(1)</script>".into())] {
        let page = stranger.send(&form.clone().with(field, &value)).await.expect(400);
        assert_eq!(page.texts("[role=alert]").len(), 1, "{}", page.text());
        assert!(page.has_form("/") && !page.html().contains("<script>alert"), "{}", page.html());
    }
}
