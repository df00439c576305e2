//! Members of a repository.

use granary_testing::TestApp;
use serde_json::json;

use super::shown;
use crate::orgs::{LONG_NAME, named_user};

const PAGE: &str = "/ui/repos/libs/members";

#[tokio::test]
async fn members_are_added_changed_and_removed() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    app.known_user("bob").await;
    let mut browser = app.browser("ann").await;
    let page = browser.open(PAGE).await.expect(200);
    assert!(page.text().contains("The repository is private"), "{}", page.text());
    let add = page.form(PAGE).with("userId", "bob").with("role", "write");
    let page = browser.send(&add).await.expect(200);
    assert!(page.text().contains("The members have been changed."), "{}", page.text());
    for word in ["Name of bob", "bob@example.com"] {
        assert!(page.text().contains(word), "{}", page.text());
    }
    assert_eq!(shown(&app, "ann", "libs").await["members"], json!({ "ann": "owner", "bob": "write" }));
    browser.send(&page.form(PAGE).with("userId", "bob").with("role", "admin")).await.expect(200);
    assert_eq!(shown(&app, "ann", "libs").await["members"]["bob"], "admin");

    let asked = browser.open("/ui/repos/libs/members?remove=bob").await.expect(200);
    assert!(asked.text().contains("Remove \" Name of bob \" ( bob )?"), "{}", asked.text());
    assert_eq!(asked.texts("button.danger"), ["Remove bob"]);
    assert_eq!(shown(&app, "ann", "libs").await["members"]["bob"], "admin");
    browser.send(&asked.form("/ui/repos/libs/members/remove")).await.expect(200);
    assert_eq!(shown(&app, "ann", "libs").await["members"], json!({ "ann": "owner" }));
}

#[tokio::test]
async fn readers_see_who_belongs_to_it_and_may_leave() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    app.add_member("ann", "libs", "bob", "read").await;
    let mut bob = app.browser("bob").await;
    let page = bob.open(PAGE).await.expect(200);
    assert!(page.text().contains("Name of ann") && !page.has_form(PAGE), "{}", page.html());
    // The form of somebody else's page with a csrf of one's own: the interface refuses it.
    let asked = bob.open("/ui/repos/libs/members?remove=bob").await.expect(200);
    let leave = asked.form("/ui/repos/libs/members/remove");
    let page = bob.send(&leave.clone().with("userId", "ann")).await.expect(403);
    assert_eq!(page.texts("[role=alert]").len(), 1, "{}", page.text());
    let mut raise = leave.clone().with("role", "owner");
    raise.action = PAGE.into();
    bob.send(&raise).await.expect(403);
    assert_eq!(shown(&app, "ann", "libs").await["members"], json!({ "ann": "owner", "bob": "read" }));
    let page = bob.send(&leave).await.expect(200);
    assert_eq!(page.path, "/ui?done=member");
    assert_eq!(shown(&app, "ann", "libs").await["members"], json!({ "ann": "owner" }));
    bob.open(PAGE).await.expect(404);
}

#[tokio::test]
async fn what_is_refused_is_said_with_the_form() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    app.known_user("bob").await;
    let mut browser = app.browser("ann").await;
    let form = browser.open(PAGE).await.expect(200).form(PAGE);
    for (user, role, status, message) in [
        ("nobody", "read", 400, "must sign in once before"),
        ("<img src=x>", "read", 400, "a user id has"),
        ("", "read", 400, "a user id has"),
        ("bob", "king", 400, "role"),
        ("ann", "read", 409, "the last owner has to stay"),
    ] {
        let page = browser.send(&form.clone().with("userId", user).with("role", role)).await.expect(status);
        assert!(page.texts("[role=alert]").concat().contains(message), "{user}: {}", page.text());
        assert_eq!(page.attributes("#user", "value"), [user]);
        assert!(!page.html().contains("<img"), "{}", page.html());
    }
    let last = browser.open("/ui/repos/libs/members?remove=ann").await.expect(200);
    browser.send(&last.form("/ui/repos/libs/members/remove")).await.expect(409);
    assert_eq!(shown(&app, "ann", "libs").await["members"], json!({ "ann": "owner" }));
}

#[tokio::test]
async fn admins_of_its_organisation_manage_it_without_being_members() {
    let app = TestApp::new().await;
    let ann = app.known_user("ann").await;
    for user in ["bob", "cleo"] {
        app.known_user(user).await;
    }
    assert_eq!(ann.post_json("/api/orgs", &json!({ "slug": "acme" })).await.status, 201);
    for (user, role) in [("bob", "admin"), ("cleo", "member")] {
        let body = json!({ "userId": user, "role": role });
        assert_eq!(ann.post_json("/api/orgs/acme/members", &body).await.status, 201);
    }
    let repo = json!({ "name": "libs", "packageTypes": ["npm"], "orgSlug": "acme" });
    assert_eq!(ann.post_json("/api/repos", &repo).await.status, 201);
    let mut bob = app.browser("bob").await;
    let page = bob.open(PAGE).await.expect(200);
    assert_eq!(page.texts(".tabs a").len(), 6);
    assert!(page.links().contains(&"/ui/orgs/acme/members".to_owned()));
    bob.send(&page.form(PAGE).with("userId", "cleo").with("role", "read")).await.expect(200);
    assert_eq!(shown(&app, "ann", "libs").await["members"], json!({ "ann": "owner", "cleo": "read" }));
}

#[tokio::test]
async fn long_names_are_cut_and_ids_say_who_is_meant() {
    let app = TestApp::new().await;
    app.npm_repo("ann", "libs", "private").await;
    let ann = app.user("ann");
    for number in 0..49 {
        let user = format!("oidc|user-{number:02}");
        named_user(&app, &user, &LONG_NAME.repeat(100)).await;
        let body = json!({ "userId": user, "role": "read" });
        assert_eq!(ann.post_json("/api/repos/libs/members", &body).await.status, 201);
    }
    let page = app.browser("ann").await.open(PAGE).await.expect(200);
    assert_eq!(page.texts("tbody tr").len(), 50);
    assert!(page.html().len() < 100_000, "{} bytes", page.html().len());
    let name = page.texts("tbody th bdi").into_iter().find(|name| name.ends_with('…')).unwrap();
    assert_eq!(name.chars().count(), 60);
    let labels = page.attributes("select[aria-label]", "aria-label");
    assert!(labels.contains(&"Role of oidc|user-07".to_owned()), "{labels:?}");
    assert!(page.texts("tbody a").contains(&"Remove oidc|user-07".to_owned()), "{}", page.text());
}
