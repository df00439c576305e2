//! Organisations: made, joined, left, renamed, deleted.

use granary_testing::{Actor, Browser, TestApp};
use serde_json::{Value, json};

/// Names that mean to be something else than text.
const HOSTILE: [&str; 4] =
    ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{ shell.csrf }}", "a\u{202e}moc.live"];

/// Five characters that want to be something else. A hundred times it is the longest name that an identity provider gives.
pub(crate) const LONG_NAME: &str = "<\"&'\u{202e}";

/// Somebody who signs in with this name.
pub(crate) async fn named_user(app: &TestApp, sub: &str, name: &str) {
    let config = app.state().config();
    let now = app.state().now().seconds();
    let token = app.issuer.id_token(&json!({
        "iss": config.oidc_issuer, "aud": config.oidc_audience, "sub": sub, "iat": now, "exp": now + 3600, "name": name,
    }));
    let response = app.token(&token).get("/api/repos").await;
    assert_eq!(response.status, 200, "{}", response.text());
}

async fn org(app: &TestApp, owner: &str, slug: &str, name: &str) -> Actor {
    let session = app.known_user(owner).await;
    let made = session.post_json("/api/orgs", &json!({ "slug": slug, "name": name })).await;
    assert_eq!(made.status, 201, "{}", made.text());
    session
}

async fn member(owner: &Actor, org: &str, user: &str, role: &str) {
    let body = json!({ "userId": user, "role": role });
    let set = owner.post_json(&format!("/api/orgs/{org}/members"), &body).await;
    assert_eq!(set.status, 201, "{}", set.text());
}

async fn roles(owner: &Actor, org: &str) -> Value {
    owner.get(&format!("/api/orgs/{org}")).await.json()["org"]["members"].clone()
}

async fn status(browser: &mut Browser, path: &str) -> u16 {
    browser.open(path).await.status()
}

#[tokio::test]
async fn an_organisation_is_made_and_found_again() {
    let app = TestApp::new().await;
    let mut ann = app.browser("ann").await;
    let page = ann.open("/ui/orgs").await.expect(200);
    assert!(
        page.text().contains("You do not belong to one yet") && page.text().contains("ann"),
        "{}",
        page.text()
    );
    let form = page.form("/ui/orgs").with("slug", "acme").with("name", "Acme & Sons");
    let page = ann.send(&form).await.expect(200);
    assert_eq!(page.path, "/ui/orgs/acme?done=created");
    assert!(page.text().contains("Created.") && page.text().contains("Acme & Sons"), "{}", page.text());
    assert_eq!(roles(&app.user("ann"), "acme").await, json!({ "ann": "owner" }));
    let page = ann.open("/ui/orgs").await.expect(200);
    assert!(page.links().contains(&"/ui/orgs/acme".to_owned()));
    let page = ann.send(&form).await.expect(409);
    assert!(page.text().contains("is taken"), "{}", page.text());
    let page = ann.send(&form.clone().with("slug", "Not A Slug")).await.expect(400);
    assert_eq!(page.texts(".note.bad").len(), 1);
    assert_eq!(page.attributes("#slug", "value"), ["Not A Slug"]);
    assert_eq!(page.attributes("#name", "value"), ["Acme & Sons"]);
}

#[tokio::test]
async fn its_repositories_are_on_its_page() {
    let app = TestApp::new().await;
    let ann = org(&app, "ann", "acme", "Acme").await;
    let body = json!({ "name": "of-acme", "packageTypes": ["npm"], "orgSlug": "acme" });
    assert_eq!(ann.post_json("/api/repos", &body).await.status, 201);
    app.npm_repo("ann", "of-ann", "private").await;
    let page = app.browser("ann").await.open("/ui/orgs/acme").await.expect(200);
    assert!(page.text().contains("of-acme") && !page.text().contains("of-ann"), "{}", page.text());
    assert!(page.links().contains(&"/ui/new?org=acme".to_owned()));
}

#[tokio::test]
async fn members_are_added_changed_and_removed() {
    let app = TestApp::new().await;
    let session = org(&app, "ann", "acme", "Acme").await;
    app.known_user("bob").await;
    let mut ann = app.browser("ann").await;
    let path = "/ui/orgs/acme/members";
    let page = ann.open(path).await.expect(200);
    let add = page.form(path).with("userId", "bob").with("role", "member");
    let page = ann.send(&add).await.expect(200);
    assert!(page.text().contains("The members have been changed.") && page.text().contains("Name of bob"));
    assert_eq!(roles(&session, "acme").await, json!({ "ann": "owner", "bob": "member" }));
    ann.send(&add.clone().with("role", "admin")).await.expect(200);
    assert_eq!(roles(&session, "acme").await["bob"], "admin");
    let page = ann.send(&add.clone().with("userId", "nobody")).await.expect(400);
    assert!(page.text().contains("must sign in once before"), "{}", page.text());
    assert_eq!(page.attributes("#user-id", "value"), ["nobody"]);
    // Nothing happens before it is confirmed.
    let page = ann.open(&format!("{path}?remove=bob")).await.expect(200);
    assert_eq!(roles(&session, "acme").await["bob"], "admin");
    ann.send(&page.form("/ui/orgs/acme/members/remove")).await.expect(200);
    assert_eq!(roles(&session, "acme").await, json!({ "ann": "owner" }));
    // The last owner stays.
    let page = ann.open(&format!("{path}?remove=ann")).await.expect(200);
    let page = ann.send(&page.form("/ui/orgs/acme/members/remove")).await.expect(409);
    assert!(page.text().contains("the last owner has to stay"), "{}", page.text());
}

#[tokio::test]
async fn everybody_sees_what_their_role_is_for() {
    let app = TestApp::new().await;
    let session = org(&app, "ann", "acme", "Acme").await;
    let mut others = Vec::new();
    for (user, role) in [("bob", "member"), ("cleo", "admin")] {
        app.known_user(user).await;
        member(&session, "acme", user, role).await;
        others.push(app.browser(user).await);
    }
    let [mut bob, mut cleo]: [Browser; 2] = others.try_into().unwrap();
    let page = bob.open("/ui/orgs/acme").await.expect(200);
    assert!(!page.links().contains(&"/ui/orgs/acme/settings".to_owned()), "{:?}", page.links());
    let page = bob.open("/ui/orgs/acme/members").await.expect(200);
    assert!(!page.has_form("/ui/orgs/acme/members"));
    assert!(page.text().contains("Leave the organisation"), "{}", page.text());
    for path in ["tokens", "audit"] {
        assert_eq!(status(&mut bob, &format!("/ui/orgs/acme/{path}")).await, 403, "{path}");
        assert_eq!(status(&mut cleo, &format!("/ui/orgs/acme/{path}")).await, 200, "{path}");
    }
    let page = cleo.open("/ui/orgs/acme/settings").await.expect(200);
    assert!(!page.has_form("/ui/orgs/acme/delete") && page.has_form("/ui/orgs/acme/settings"));
    let mut stranger = app.browser("dan").await;
    for path in ["", "/members", "/tokens", "/settings", "/audit"] {
        let there = format!("/ui/orgs/acme{path}");
        assert_eq!(status(&mut stranger, &there).await, 404, "{path}");
        assert_eq!(app.anonymous().get(&there).await.status, 303, "{path}");
    }
    // Leaving needs nobody else.
    let page = bob.open("/ui/orgs/acme/members?remove=bob").await.expect(200);
    let page = bob.send(&page.form("/ui/orgs/acme/members/remove")).await.expect(200);
    assert!(page.text().contains("You have left."), "{}", page.text());
    assert_eq!(status(&mut bob, "/ui/orgs/acme").await, 404);
}

#[tokio::test]
async fn tokens_of_the_organisation_are_shown_once() {
    let app = TestApp::new().await;
    org(&app, "ann", "acme", "Acme").await;
    let mut ann = app.browser("ann").await;
    let path = "/ui/orgs/acme/tokens";
    let page = ann.open(path).await.expect(200);
    let form = page.form(path).with("name", "ci").with("scope", "admin");
    let page = ann.send(&form).await.expect(200);
    let secret = page.texts(".secret").concat();
    assert!(secret.starts_with("org_"), "{secret}");
    assert_eq!(app.token(&secret).get("/v1/licenses").await.status, 200);
    let page = ann.open(path).await.expect(200);
    assert!(page.text().contains("ci") && !page.html().contains(&secret));
    let doom = page.links().into_iter().find(|link| link.contains("revoke=")).unwrap();
    let page = ann.open(&doom).await.expect(200);
    ann.send(&page.form("/ui/orgs/acme/tokens/revoke")).await.expect(200);
    assert_eq!(app.token(&secret).get("/v1/licenses").await.status, 401);
}

#[tokio::test]
async fn it_gets_another_name_and_goes() {
    let app = TestApp::new().await;
    let session = org(&app, "ann", "acme", "Acme").await;
    let mut ann = app.browser("ann").await;
    let path = "/ui/orgs/acme/settings";
    let page = ann.open(path).await.expect(200);
    let rename = page.form(path);
    let page = ann.send(&rename.clone().with("name", "Other")).await.expect(200);
    assert!(page.text().contains("Saved.") && page.texts("h1") == ["Other"], "{}", page.text());
    let page = ann.send(&rename.with("name", "")).await.expect(400);
    assert!(page.text().contains("name: 1 to 100"), "{}", page.text());
    let end = page.form("/ui/orgs/acme/delete");
    let page = ann.send(&end.clone().with("confirm", "acm")).await.expect(400);
    assert!(page.text().contains("Nothing was deleted"), "{}", page.text());
    let repo = json!({ "name": "of-acme", "packageTypes": ["npm"], "orgSlug": "acme" });
    assert_eq!(session.post_json("/api/repos", &repo).await.status, 201);
    let page = ann.send(&end.clone().with("confirm", "acme")).await.expect(409);
    assert!(page.text().contains("still owns 1 repository"), "{}", page.text());
    assert_eq!(session.delete("/api/repos/of-acme").await.status, 200);
    let page = ann.send(&end.with("confirm", "acme")).await.expect(200);
    assert!(page.path == "/ui/orgs?done=deleted" && page.text().contains("Deleted."), "{}", page.text());
    assert_eq!(session.get("/api/orgs/acme").await.status, 404);
}

#[tokio::test]
async fn names_are_text() {
    let app = TestApp::new().await;
    let long = "n".repeat(100);
    for (number, name) in HOSTILE.iter().copied().chain([long.as_str()]).enumerate() {
        let slug = format!("org-{number}");
        org(&app, "ann", &slug, name).await;
        let mut ann = app.browser("ann").await;
        for path in ["", "/members", "/tokens", "/settings", "/audit"] {
            let page = ann.open(&format!("/ui/orgs/{slug}{path}")).await.expect(200);
            assert_eq!(page.texts("h1"), [name], "{path}");
            assert!(!page.html().contains("<script>alert") && !page.html().contains("<img"), "{path}");
        }
    }
}

#[tokio::test]
async fn many_members_come_in_pages() {
    let app = TestApp::new().await;
    let session = org(&app, "ann", "acme", "Acme").await;
    for number in 0..120 {
        let user = format!("user-{number:03}");
        app.known_user(&user).await;
        member(&session, "acme", &user, "member").await;
    }
    let mut ann = app.browser("ann").await;
    let (mut path, mut rows) = ("/ui/orgs/acme/members".to_owned(), 0);
    for _ in 0..5 {
        let page = ann.open(&path).await.expect(200);
        assert!(page.html().len() < 100_000, "{}", page.html().len());
        rows += page.texts("tbody tr").len();
        let Some(next) = page.attributes("a[rel=next]", "href").pop() else { break };
        path = next;
    }
    assert_eq!(rows, 121);
}

#[tokio::test]
async fn long_names_are_cut_and_ids_say_who_is_meant() {
    let app = TestApp::new().await;
    let session = org(&app, "ann", "acme", "Acme").await;
    for number in 0..49 {
        let user = format!("oidc|user-{number:02}");
        named_user(&app, &user, &LONG_NAME.repeat(100)).await;
        member(&session, "acme", &user, "member").await;
    }
    let page = app.browser("ann").await.open("/ui/orgs/acme/members").await.expect(200);
    assert_eq!(page.texts("tbody tr").len(), 50);
    assert!(page.html().len() < 100_000, "{} bytes", page.html().len());
    let name = page.texts("tbody th bdi").into_iter().find(|name| name.ends_with('…')).unwrap();
    assert_eq!(name.chars().count(), 60);
    let labels = page.attributes("select[aria-label]", "aria-label");
    assert!(labels.contains(&"Role of oidc|user-07".to_owned()), "{labels:?}");
    assert!(page.texts("tbody a").contains(&"Remove oidc|user-07".to_owned()), "{}", page.text());
}
