//! Entities: made, changed, shared, published, deleted.

use granary_testing::entities::{EntityUpload, made_entity, new_entity};
use granary_testing::{Browser, Page, TestApp};
use serde_json::{Value, json};

use super::{HOSTILE, PAGE, start};

fn page_of(id: &str) -> String {
    format!("{PAGE}/entities/{id}")
}

async fn details(app: &TestApp, user: &str, id: &str) -> Value {
    let response = app.user(user).get(&format!("/api/entities/{id}/details")).await;
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()
}

/// Sends the form of an entity's page with this field.
async fn send(browser: &mut Browser, id: &str, action: &str, field: (&str, &str)) -> Page {
    let page = browser.open(&page_of(id)).await.expect(200);
    browser.send(&page.form(&format!("{}/{action}", page_of(id))).with(field.0, field.1)).await
}

#[tokio::test]
async fn an_entity_is_made_and_changed_on_its_pages() {
    let (app, mut ann) = start().await;
    let address = "/ui/artifacts/entities/new";
    let form = ann.open(address).await.expect(200).form(address);
    for (slug, name, words) in [("My App", "My app", "slug"), ("my-app", " ", "name")] {
        let page = ann
            .send(&form.clone().with("slug", slug).with("name", name).with("type", "service"))
            .await
            .expect(400);
        assert!(page.texts("[role=alert]")[0].contains(words), "{}", page.text());
        assert_eq!(page.attributes("#slug", "value"), [slug]);
        assert_eq!(page.attributes("#type option[selected]", "value"), ["service"]);
    }
    let filled = form.with("type", "chat_extension").with("slug", "my-app").with("name", HOSTILE);
    let page = ann.send(&filled.clone().with("description", HOSTILE)).await.expect(200);
    assert!(page.text().contains("Created.") && page.text().contains("chat extension"), "{}", page.text());
    let id = page.path.split(['/', '?']).nth(4).unwrap().to_owned();
    let entity = details(&app, "ann", &id).await["entity"].clone();
    assert_eq!((&entity["name"], &entity["description"]), (&json!(HOSTILE), &json!(HOSTILE)));
    assert_eq!((&entity["type"], &entity["slug"]), (&json!("chat_extension"), &json!("my-app")));
    // It is text everywhere.
    for address in [PAGE.to_owned(), page_of(&id), format!("{}/delete", page_of(&id))] {
        let page = ann.open(&address).await.expect(200);
        assert!(page.text().contains("<script>alert(1)</script>"), "{}", page.text());
        assert!(page.texts("main script").is_empty() && page.attributes("main img", "src").is_empty());
    }
    let taken = ann.send(&filled).await.expect(409);
    assert!(taken.texts("[role=alert]")[0].contains("taken"), "{}", taken.text());
    // Name and description.
    let form = ann.open(&page_of(&id)).await.expect(200).form(&page_of(&id));
    let page = ann.send(&form.clone().with("name", "x\u{1}")).await.expect(400);
    assert!(page.texts("[role=alert]")[0].contains("name"), "{}", page.text());
    ann.send(&form.with("name", "Plain").with("description", "")).await.expect(200);
    let entity = details(&app, "ann", &id).await["entity"].clone();
    assert_eq!((&entity["name"], &entity["description"]), (&json!("Plain"), &Value::Null));
}

#[tokio::test]
async fn versions_are_shown_activated_and_deleted() {
    let (app, mut ann) = start().await;
    let api = app.user("ann");
    new_entity(&api, "service", "needed").await;
    let id = new_entity(&api, "app", "my-app").await;
    let page = ann.open(&page_of(&id)).await.expect(200);
    assert!(page.text().contains("There is no version here yet"), "{}", page.text());
    assert!(page.text().contains(&format!("/api/entities/{id}")), "what to type: {}", page.text());
    let (old, new) = ("2026.01.02-030405", "2026.02.03-040506");
    let upload =
        EntityUpload::new(old).lockfile(b"{}").confirm_with("service_dependencies", json!(["needed"]));
    upload
        .confirm_with("package_json", json!({ "name": HOSTILE }))
        .confirm_with("set_as_active", true)
        .made(&api, &id)
        .await;
    EntityUpload::new(new).begin_with("base_version_id", old).made(&api, &id).await;
    let page = ann.open(&page_of(&id)).await.expect(200);
    assert_eq!(page.texts("tbody th"), [new.to_owned(), format!("{old} active")]);
    let address = format!("{}/versions/{old}", page_of(&id));
    let page = ann.open(&address).await.expect(200);
    for words in ["active", "needed", "Lock file yes", "no other version", "<script>alert(1)</script>"] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    assert!(page.texts("main script").is_empty() && !page.links().contains(&format!("{address}/delete")));
    assert!(
        ann.open(&format!("{}/versions/{new}", page_of(&id)))
            .await
            .text()
            .contains(&format!("Made from {old}"))
    );
    // The active one stays.
    let form = ann.open(&format!("{address}/delete")).await.expect(200).form(&format!("{address}/delete"));
    let refused = ann.send(&form).await.expect(409);
    assert!(refused.texts("[role=alert]")[0].contains("active"), "{}", refused.text());
    // Another one is active from now on, and then it goes.
    let page = send(&mut ann, &id, "activate", ("version", new)).await.expect(200);
    assert!(page.text().contains("the active one from now on"), "{}", page.text());
    assert_eq!(details(&app, "ann", &id).await["entity"]["active_version"], new);
    ann.send(&form).await.expect(200);
    ann.open(&address).await.expect(404);
    assert_eq!(details(&app, "ann", &id).await["versions"].as_array().unwrap().len(), 1);
    // A version that is not there.
    let form = ann.open(&page_of(&id)).await.expect(200);
    assert!(!form.has_form(&format!("{}/activate", page_of(&id))), "there is no other one");
}

#[tokio::test]
async fn many_versions_come_in_pages() {
    let (app, mut ann) = start().await;
    let api = app.user("ann");
    let id = new_entity(&api, "app", "my-app").await;
    for second in 0..30 {
        EntityUpload::new(&format!("2026.01.02-0304{second:02}")).made(&api, &id).await;
    }
    let page = ann.open(&page_of(&id)).await.expect(200);
    assert_eq!(page.texts("tbody tr").len(), 25);
    let older = page.links().into_iter().find(|link| link.contains("before=")).unwrap();
    let page = ann.open(older.split('#').next().unwrap()).await.expect(200);
    assert_eq!(page.texts("tbody tr").len(), 5);
    assert!(
        page.text().contains("2026.01.02-030400")
            && !page.links().iter().any(|link| link.contains("before="))
    );
}

#[tokio::test]
async fn publishers_are_added_and_removed() {
    let (app, mut ann) = start().await;
    app.known_user("bob").await;
    let id = new_entity(&app.user("ann"), "app", "my-app").await;
    let page = send(&mut ann, &id, "add-publisher", ("user", "bob")).await.expect(200);
    assert!(page.text().contains("Name of bob bob · bob@example.com"), "{}", page.text());
    for (user, words) in [("nobody-here", "must sign in once"), (HOSTILE, "userId"), ("", "userId")] {
        let page = send(&mut ann, &id, "add-publisher", ("user", user)).await.expect(400);
        assert!(page.texts("[role=alert]")[0].contains(words), "{user}: {}", page.text());
        assert!(page.texts("main script").is_empty());
        assert_eq!(page.attributes("#publisher", "value"), [user]);
    }
    // Bob publishes it now, and leaves again.
    let mut bob = app.browser("bob").await;
    assert!(bob.open(PAGE).await.expect(200).text().contains("Name of my-app"));
    let page = send(&mut bob, &id, "remove-publisher", ("user", "bob")).await.expect(200);
    assert!(
        page.path.starts_with("/ui/artifacts?") && !page.text().contains("Name of my-app"),
        "{}",
        page.text()
    );
    bob.open(&page_of(&id)).await.expect(404);
    // The last one stays.
    let page = send(&mut ann, &id, "remove-publisher", ("user", "ann")).await.expect(409);
    assert!(page.texts("[role=alert]")[0].contains("the last publisher has to stay"), "{}", page.text());
}

#[tokio::test]
async fn shares_are_made_and_taken_back() {
    let (app, mut ann) = start().await;
    for user in ["bob", "mia"] {
        app.known_user(user).await;
    }
    let id = new_entity(&app.user("ann"), "app", "my-app").await;
    let page = send(&mut ann, &id, "share", ("emails", "bob@example.com\r\n\r\n MIA@example.com "))
        .await
        .expect(200);
    assert!(
        page.text().contains("Shared.") && page.text().contains("mia@example.com since"),
        "{}",
        page.text()
    );
    // Whoever is not there is named, and the others have it.
    let page = send(&mut ann, &id, "share", ("emails", "none@example.com")).await.expect(400);
    let alert = page.texts("[role=alert]").concat();
    assert!(alert.contains("Not shared with none@example.com") && !alert.contains("others"), "{alert}");
    let page =
        send(&mut ann, &id, "share", ("emails", "none@example.com\nbob@example.com")).await.expect(400);
    let alert = page.texts("[role=alert]").concat();
    assert!(alert.contains("Not shared with none@example.com:"), "{alert}");
    assert!(alert.contains("The others have it."), "{alert}");
    // Those who have it need not be named again.
    assert_eq!(page.texts("#emails"), ["none@example.com"]);
    for nothing in ["", HOSTILE] {
        send(&mut ann, &id, "share", ("emails", nothing)).await.expect(400);
    }
    let mut bob = app.browser("bob").await;
    let list = bob.open(PAGE).await.expect(200);
    assert!(list.text().contains("Shared with you Name of my-app"), "{}", list.text());
    let page = bob.open(&page_of(&id)).await.expect(200);
    assert!(page.text().contains("It is shared with you."), "{}", page.text());
    assert!(!page.text().contains("mia@example.com"), "{}", page.text());
    assert!(page.attributes("main form", "action").is_empty(), "nothing that only publishers may do");
    // Whatever is offered, the interface decides.
    let csrf = bob.open("/ui").await.form("/ui/sign-out").fields[0].1.clone();
    let foreign =
        ann.open(&page_of(&id)).await.form(&page_of(&id)).with("csrf", &csrf).with("name", "Taken over");
    bob.send(&foreign).await.expect(403);
    assert_eq!(details(&app, "ann", &id).await["entity"]["name"], "Name of my-app");
    let bobs = details(&app, "ann", &id).await["shares"].as_array().unwrap().clone();
    let share =
        bobs.iter().find(|share| share["user_id"] == "bob").unwrap()["id"].as_str().unwrap().to_owned();
    let page = send(&mut ann, &id, "unshare", ("share", &share)).await.expect(200);
    assert!(page.text().contains("The share is taken back."), "{}", page.text());
    bob.open(&page_of(&id)).await.expect(404);
    let page = ann.open(&page_of(&id)).await.expect(200);
    let gone = page.form(&format!("{}/unshare", page_of(&id))).with("share", &share);
    let page = ann.send(&gone).await.expect(404);
    assert!(page.texts("[role=alert]")[0].contains("not found"), "{}", page.text());
}

#[tokio::test]
async fn stores_of_organisations_hold_entities() {
    let (app, mut ann) = start().await;
    app.org("ann", "acme", &[("mia", "member")]).await;
    let id = new_entity(&app.user("ann"), "app", "my-app").await;
    let mut mia = app.browser("mia").await;
    let mut eve = app.browser("eve").await;
    mia.open(&page_of(&id)).await.expect(404);
    let page = send(&mut ann, &id, "publish", ("store", "acme")).await.expect(200);
    assert!(
        page.text().contains("It is in the store.") && page.text().contains("for members"),
        "{}",
        page.text()
    );
    let store = mia.open("/ui/artifacts?org=acme").await.expect(200);
    assert!(store.text().contains("In the store of acme Name of my-app"), "{}", store.text());
    assert!(
        mia.open(&page_of(&id)).await.expect(200).text().contains("the store of an organisation of yours")
    );
    eve.open(&page_of(&id)).await.expect(404);
    // For everybody.
    let form = ann.open(&page_of(&id)).await.form(&format!("{}/publish", page_of(&id)));
    ann.send(&form.clone().with("public", "true")).await.expect(200);
    assert!(eve.open(&page_of(&id)).await.expect(200).text().contains("the public store"));
    let odd = ann.send(&form.with("store", "nobodys")).await.expect(404);
    assert!(odd.texts("[role=alert]")[0].contains("nobodys"), "{}", odd.text());
    let page = send(&mut ann, &id, "withdraw", ("store", "acme")).await.expect(200);
    assert!(page.text().contains("It is in no store"), "{}", page.text());
    mia.open(&page_of(&id)).await.expect(404);
}

#[tokio::test]
async fn entities_of_organisations_are_made_and_listed_there() {
    let (app, mut ann) = start().await;
    app.org("ann", "acme", &[("mia", "member")]).await;
    let address = "/ui/artifacts/entities/new?org=acme";
    let form =
        ann.open(address).await.expect(200).form(address).with("slug", "theirs").with("name", "Theirs");
    let page = ann.send(&form).await.expect(200);
    assert!(page.links().contains(&"/ui/orgs/acme".to_owned()), "the owner: {}", page.text());
    let mine = made_entity(&app.user("ann"), &json!({ "type": "app", "slug": "mine", "name": "Mine" })).await;
    let page = ann.open("/ui/artifacts?org=acme").await.expect(200);
    assert!(page.text().contains("Theirs") && !page.text().contains("Mine"), "{}", page.text());
    assert!(ann.open(PAGE).await.expect(200).links().contains(&page_of(&mine)));
    let mut mia = app.browser("mia").await;
    let form = mia.open(address).await.expect(200).form(address).with("slug", "other").with("name", "Other");
    let refused = mia.send(&form).await.expect(403);
    assert_eq!(refused.attributes("#name", "value"), ["Other"], "what was filled in is kept");
}

#[tokio::test]
async fn an_entity_is_deleted_by_its_short_name() {
    let (app, mut ann) = start().await;
    let id = new_entity(&app.user("ann"), "app", "my-app").await;
    let address = format!("{}/delete", page_of(&id));
    let form = ann.open(&address).await.expect(200).form(&address);
    let page = ann.send(&form.clone().with("name", "Name of my-app")).await.expect(400);
    assert!(page.texts("[role=alert]")[0].contains("Nothing was deleted"), "{}", page.text());
    let mut eve = app.browser("eve").await;
    eve.open(&address).await.expect(404);
    let csrf = eve.open("/ui").await.form("/ui/sign-out").fields[0].1.clone();
    eve.send(&form.clone().with("csrf", &csrf).with("name", "my-app")).await.expect(404);
    details(&app, "ann", &id).await;
    let page = ann.send(&form.with("name", "my-app")).await.expect(200);
    assert!(page.text().contains("Deleted."), "{}", page.text());
    ann.open(&page_of(&id)).await.expect(404);
    assert_eq!(app.user("ann").get(&format!("/api/entities/{id}")).await.status, 404);
}
