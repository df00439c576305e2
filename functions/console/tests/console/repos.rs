//! A repository: what is in it, and what those who administer it do with it.

mod creation;
mod members;
mod records;
mod settings;
mod tokens;
mod upstreams;

use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, TestApp};
use serde_json::json;

/// Text that no page may take for more than text.
pub(crate) const HOSTILE: &str = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> \u{202e}gnp.exe";

#[tokio::test]
async fn everybody_reads_a_public_repository_and_nobody_else_sees_how_it_is_run() {
    let app = TestApp::new().await;
    let owner = app.npm_repo("ann", "libs", "public").await;
    assert_eq!(owner.publish("libs", &NpmPackage::new("@acme/app", "1.2.3")).await.status, 201);
    app.add_member("ann", "libs", "bob", "read").await;
    app.known_user("eve").await;

    let page = app.stranger().open("/ui/repos/libs").await.expect(200);
    assert!(page.links().contains(&"/ui/repos/libs/npm/@acme/app".to_owned()), "{:?}", page.links());
    assert!(page.text().contains("1.2.3 · 1 version"), "{}", page.text());
    assert_eq!(page.texts(".tabs a"), ["Packages"]);
    assert!(!page.text().contains("How to publish"), "{}", page.text());
    let page = app.browser("eve").await.open("/ui/repos/libs").await.expect(200);
    assert_eq!(page.texts(".tabs a"), ["Packages"]);
    let page = app.browser("bob").await.open("/ui/repos/libs").await.expect(200);
    assert_eq!(page.texts(".tabs a"), ["Packages", "Members"]);
    assert!(page.text().contains("your role: read"), "{}", page.text());
    let page = app.browser("ann").await.open("/ui/repos/libs").await.expect(200);
    assert_eq!(page.texts(".tabs a"), ["Packages", "Members", "Tokens", "Upstreams", "Settings", "Audit"]);
    assert!(page.text().contains("How to publish here"), "{}", page.text());

    // By address it is no other.
    for tab in ["tokens", "upstreams", "settings", "audit"] {
        let path = format!("/ui/repos/libs/{tab}");
        app.browser("bob").await.open(&path).await.expect(403);
        app.browser("eve").await.open(&path).await.expect(403);
        assert_eq!(app.stranger().request("GET", &path, &[], "").await.status, 303);
    }
    app.browser("eve").await.open("/ui/repos/libs/members").await.expect(403);
}

#[tokio::test]
async fn a_private_repository_is_not_there_for_others() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    let mut eve = app.browser("eve").await;
    for tab in ["", "/members", "/tokens", "/upstreams", "/settings", "/audit"] {
        let private = eve.open(&format!("/ui/repos/libs{tab}")).await.expect(404);
        let unknown = eve.open(&format!("/ui/repos/none{tab}")).await.expect(404);
        assert_eq!(private.text().replace("libs", "none"), unknown.text());
        for repo in ["libs", "none"] {
            let path = format!("/ui/repos/{repo}{tab}");
            let response = app.stranger().request("GET", &path, &[], "").await;
            assert_eq!(response.status, 303, "{path}");
            let back = format!("/api/auth/sign-in?to={}", path.replace('/', "%2F"));
            assert_eq!(response.header("location"), back);
        }
    }
}

#[tokio::test]
async fn an_empty_repository_says_what_to_do() {
    let app = TestApp::new().await;
    app.repo("ann", "libs", &["npm", "maven", "swift", "raw", "composer"], "private").await;
    app.add_member("ann", "libs", "bob", "read").await;
    let page = app.browser("ann").await.open("/ui/repos/libs").await.expect(200);
    let text = page.text();
    assert!(text.contains("Nothing has been published here yet. Three steps"), "{text}");
    assert!(page.links().contains(&"/ui/repos/libs/tokens".to_owned()));
    for address in
        ["http://localhost:8080/api/npm/libs/", "http://localhost:8080/api/maven/libs/", "GRANARY_TOKEN"]
    {
        assert!(text.contains(address), "no {address} in {text}");
    }
    assert!(page.html().len() < 100_000, "{} bytes", page.html().len());
    let (copied, mut ids) = (page.attributes("[data-copy]", "data-copy"), page.attributes("[id]", "id"));
    assert!(copied.len() > 5 && copied.iter().all(|id| ids.contains(id)), "{copied:?}");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), page.attributes("[id]", "id").len(), "an id stands there twice");
    assert!(page.text().contains("How to publish here: composer"), "{text}");
    let page = app.browser("bob").await.open("/ui/repos/libs").await.expect(200);
    assert!(
        !page.text().contains("Three steps") && !page.text().contains("How to publish"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn packages_are_filtered_and_come_in_pages() {
    let app = TestApp::new().await;
    let owner = app.repo("ann", "libs", &["npm", "raw"], "private").await;
    for number in 0..60 {
        let package = NpmPackage::new(&format!("app-{number:02}"), "1.0.0");
        assert_eq!(owner.publish("libs", &package).await.status, 201);
    }
    raw_file(&owner, "libs", "tool").await;
    let mut browser = app.browser("ann").await;
    let first = browser.open("/ui/repos/libs").await.expect(200);
    let next = first.attributes("a[rel=next]", "href").remove(0);
    let second = browser.open(&next).await.expect(200);
    assert_eq!(second.attributes("a[rel=next]", "href"), Vec::<String>::new());
    assert_eq!(second.attributes("a[rel=prev]", "href"), Vec::<String>::new());
    assert_eq!(second.texts(".pages a:not([rel])"), ["First page"]);
    assert_eq!(second.attributes(".pages a:not([rel])", "href"), ["/ui/repos/libs"]);
    let names = [first.texts("h3 a"), second.texts("h3 a")].concat();
    assert_eq!(names.len(), 61, "{names:?}");
    assert!(first.html().len() < 100_000);

    let form = first.form("/ui/repos/libs");
    let found = browser.send(&form.clone().with("text", "APP-1")).await.expect(200);
    assert_eq!(found.texts("h3 a").len(), 10, "{:?}", found.texts("h3 a"));
    assert_eq!(found.attributes("input[name=text]", "value"), ["APP-1"]);
    let found = browser.send(&form.clone().with("type", "raw")).await.expect(200);
    assert_eq!(found.texts("h3 a"), ["tool"]);
    assert_eq!(found.form("/ui/repos/libs").fields[1], ("type".to_owned(), "raw".to_owned()));
    let found = browser.send(&form.clone().with("type", "raw").with("text", "app-")).await.expect(200);
    assert!(found.text().contains("Nothing more here fits"), "{}", found.text());

    let long = "x".repeat(101);
    for (name, value) in [("text", long.as_str()), ("type", "nuget"), ("cursor", "!")] {
        let page = browser.send(&form.clone().with(name, value)).await.expect(400);
        assert_eq!(page.texts("[role=alert]").len(), 1, "{name}: {}", page.text());
        assert!(page.has_form("/ui/repos/libs"), "{name}");
    }
}

async fn raw_file(owner: &Actor, repo: &str, name: &str) {
    let response = owner.request("PUT", &format!("/api/raw/{repo}/{name}/1.0.0/a.txt"), &[], "text").await;
    assert!(response.status < 300, "{}", response.text());
}

#[tokio::test]
async fn whatever_people_write_is_text() {
    let app = TestApp::new().await;
    let owner = app.npm_repo("ann", "libs", "public").await;
    let description = json!({ "description": HOSTILE });
    assert_eq!(app.user("ann").patch_json("/api/repos/libs", &description).await.status, 200);
    let name = format!("@{}/{}", "s".repeat(100), "n".repeat(112));
    assert_eq!(name.len(), 214);
    let package = NpmPackage::new(&name, "1.0.0").member("description", json!(HOSTILE));
    assert_eq!(owner.publish("libs", &package).await.status, 201);
    for path in ["/ui/repos/libs", "/", "/?text=alert"] {
        let page = app.stranger().open(path).await.expect(200);
        let html = page.html();
        assert!(!html.contains("<script>alert") && !html.contains("<img"), "{path}: {html}");
        assert!(page.text().contains("<script>alert(1)</script>"), "{path}: {}", page.text());
    }
    let page = app.browser("ann").await.open("/ui/repos/libs/settings").await.expect(200);
    assert!(!page.html().contains("<img"), "{}", page.html());
    assert!(page.links().iter().all(|link| link == "#main" || link.starts_with('/')), "{:?}", page.links());
    let page = app.stranger().open("/ui/repos/libs").await.expect(200);
    assert!(page.links().contains(&format!("/ui/repos/libs/npm/{name}")), "{:?}", page.links());
    // Names of repositories that are none, and of pages that are none.
    for path in ["/ui/repos/%3Cscript%3E", "/ui/repos/%E2%80%AE", "/ui/repos/libs/none"] {
        let page = app.browser("ann").await.open(path).await.expect(404);
        assert!(!page.html().contains("<script>alert"), "{}", page.html());
    }
}

/// A repository as the interface shows it to a user.
pub(crate) async fn shown(app: &TestApp, user: &str, repo: &str) -> serde_json::Value {
    app.user(user).get(&format!("/api/repos/{repo}")).await.json()["repo"].clone()
}

#[tokio::test]
async fn what_is_built_here_is_watched_and_not_published() {
    let app = TestApp::new().await;
    let config = json!({ "sourceType": "external", "sourceUrl": "https://repo.example.org/m2" });
    let body = json!({ "name": "built", "packageTypes": ["kmp"], "kmpConfig": config });
    assert_eq!(app.user("ann").post_json("/api/repos", &body).await.status, 201);
    let page = app.browser("ann").await.open("/ui/repos/built").await.expect(200);
    assert!(page.text().contains("Nothing has been built here yet"), "{}", page.text());
    assert!(!page.text().contains("How to publish"), "{}", page.text());
    assert!(page.links().contains(&"/ui/repos/built/kmp".to_owned()));
    // Its packages are of npm and Swift, and can be searched for as such.
    let page = app.browser("ann").await.open("/ui/repos/built?type=swift").await.expect(200);
    assert_eq!(page.attributes("select[name=type] option", "value"), ["", "npm", "swift"]);
}
