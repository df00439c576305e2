//! Libraries that a repository watches, and their builds.

use std::time::Duration;

use granary_storage::Key;
use granary_testing::github::{Doing, FakeGithub, Trick};
use granary_testing::kmp::{root_module, watch};
use granary_testing::{Browser, TestApp};
use serde_json::{Value, json};

/// Where the pages are.
const PAGE: &str = "/ui/repos/apps/kmp";

/// Where the interface is.
const API: &str = "/api/repos/apps/kmp";

/// Texts that would do something if they were not shown as text.
const HOSTILE: &str = "<script>alert(1)</script> \"><img src=x onerror=alert(1)> \u{202e}txet";

struct Place {
    app: TestApp,
    github: FakeGithub,
    ann: Browser,
}

impl Place {
    /// The repository `apps` of ann, and a source that has `com.example:lib` 1.0.0.
    async fn new() -> Self {
        let github = FakeGithub::start().await;
        let app = TestApp::with(|config| {
            github.configure(config);
            config.kmp.source_patience = Duration::from_mins(10);
            config.kmp.poll_patience = Duration::from_mins(10);
        })
        .await;
        github.keep_time(&app.clock);
        let source = github.library("com.example", "lib", &["1.0.0"]);
        app.kmp_repo("ann", "apps", &source, "private").await;
        let ann = app.browser("ann").await;
        Self { app, github, ann }
    }

    /// Watches a library over the interface, and gives its id.
    async fn watch(&self, artifact: &str) -> String {
        let made =
            self.app.user("ann").post_json(&format!("{API}/watched"), &watch("com.example", artifact)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        self.app.clock.advance_millis(1);
        made.json()["watched"]["id"].as_str().unwrap().to_owned()
    }

    /// Looks for new versions over the interface, and gives the builds, newest first.
    async fn poll(&self) -> Vec<Value> {
        assert_eq!(self.app.user("ann").post_json(&format!("{API}/poll"), &Value::Null).await.status, 200);
        self.builds().await
    }

    async fn builds(&self) -> Vec<Value> {
        let response = self.app.user("ann").get(&format!("{API}/builds")).await;
        response.json()["builds"].as_array().unwrap().clone()
    }

    async fn watched(&self) -> Vec<Value> {
        let response = self.app.user("ann").get(&format!("{API}/watched")).await;
        response.json()["watched"].as_array().unwrap().clone()
    }

    /// Changes the row of a build.
    async fn change(&self, build: &Value, change: Value) {
        let key = Key::Build("apps".parse().unwrap(), build["id"].as_str().unwrap().to_owned());
        let storage = self.app.state().storage();
        let mut row: Value = storage.get(&key).await.unwrap().unwrap();
        for (name, value) in change.as_object().unwrap() {
            row[name] = value.clone();
        }
        storage.put(&key, &row).await.unwrap();
    }

    async fn reader(&self, name: &str, role: &str) -> Browser {
        self.app.add_member("ann", "apps", name, role).await;
        self.app.browser(name).await
    }
}

fn page_of_build(build: &Value) -> String {
    format!("{PAGE}/builds/{}", build["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_library_is_watched_with_everything_that_can_be_said() {
    let mut place = Place::new().await;
    let page = place.ann.open(PAGE).await.expect(200);
    assert!(page.text().contains("No library is watched yet"), "{}", page.text());
    assert!(page.text().contains("/files"), "the source: {}", page.text());
    assert!(page.links().contains(&format!("{PAGE}/watch")));
    let page = place.ann.open(&format!("{PAGE}/watch")).await.expect(200);
    // Both packages are offered, as the interface has it by default.
    let form = page.form(&format!("{PAGE}/watch"));
    let has = |name: &str| form.fields.iter().any(|(field, _)| field == name);
    assert!(has("enableNpm") && has("enableSwift") && !has("appleTargets"));
    let form =
        form.with("groupId", "com.example").with("artifactId", " lib ").with("npmPackageName", "@apps/lib");
    let filled = form.with("swiftScope", "apps").with("swiftName", "lib");
    let filled = filled.and("appleTargets", "iosArm64").and("appleTargets", "macosArm64");
    let page = place.ann.send(&filled).await.expect(200);
    assert!(page.text().contains("Watched from now on."), "{}", page.text());
    let watched = place.watched().await.remove(0);
    for (name, value) in [
        ("groupId", json!("com.example")),
        ("artifactId", json!("lib")),
        ("npmPackageName", json!("@apps/lib")),
        ("swiftScope", json!("apps")),
        ("swiftName", json!("lib")),
        ("enableNpm", json!(true)),
        ("enableSwift", json!(true)),
        ("appleTargets", json!(["iosArm64", "macosArm64"])),
    ] {
        assert_eq!(watched[name], value, "{name}");
    }
    assert_eq!(
        page.path.split('?').next().unwrap(),
        format!("{PAGE}/watched/{}", watched["id"].as_str().unwrap())
    );
    assert!(
        page.text().contains("apps.lib") && page.text().contains("iosArm64, macosArm64"),
        "{}",
        page.text()
    );
    let list = place.ann.open(PAGE).await.expect(200);
    assert!(list.text().contains("com.example:lib") && list.text().contains("not yet"), "{}", list.text());
}

#[tokio::test]
async fn what_cannot_be_watched_is_said_with_the_form() {
    let mut place = Place::new().await;
    let form = place.ann.open(&format!("{PAGE}/watch")).await.expect(200).form(&format!("{PAGE}/watch"));
    let odd =
        form.clone().with("groupId", HOSTILE).with("artifactId", "lib").with("npmPackageName", "@apps/lib");
    let page = place.ann.send(&odd.clone().with("swiftScope", HOSTILE)).await.expect(400);
    assert!(page.texts("[role=alert]")[0].contains("groupId"), "{:?}", page.texts("[role=alert]"));
    // What was filled in is there still, and is text.
    assert_eq!(page.attributes("#group", "value"), [HOSTILE]);
    assert_eq!(page.attributes("#swift-scope", "value"), [HOSTILE]);
    assert_eq!(page.attributes("#npm-name", "value"), ["@apps/lib"]);
    assert!(page.texts("main script").is_empty() && page.attributes("main img", "src").is_empty());
    // Nothing to be made.
    let nothing = form.with("groupId", "com.example").with("artifactId", "lib");
    let page = place.ann.send(&nothing.without("enableNpm").without("enableSwift")).await.expect(400);
    assert!(page.texts("[role=alert]")[0].contains("there is nothing to build"), "{}", page.text());
    assert!(place.watched().await.is_empty());
    // Twice the same.
    place.watch("lib").await;
    let again = odd.with("groupId", "com.example").without("enableSwift");
    let page = place.ann.send(&again).await.expect(409);
    assert!(page.texts("[role=alert]")[0].contains("watched already"), "{}", page.text());
}

#[tokio::test]
async fn what_is_made_of_a_library_can_be_changed() {
    let mut place = Place::new().await;
    let address = format!("{PAGE}/watched/{}", place.watch("lib").await);
    let form = place.ann.open(&address).await.expect(200).form(&address);
    let changed =
        form.clone().with("npmPackageName", "@apps/other").without("enableSwift").with("swiftName", "");
    let page = place.ann.send(&changed.clone()).await.expect(400);
    assert!(page.texts("[role=alert]")[0].contains("belong together"), "{}", page.text());
    assert_eq!(page.attributes("#npm-name", "value"), ["@apps/other"]);
    let page =
        place.ann.send(&changed.with("swiftScope", "").and("appleTargets", "iosX64")).await.expect(200);
    assert!(page.text().contains("Saved."), "{}", page.text());
    let watched = place.watched().await.remove(0);
    assert_eq!((&watched["npmPackageName"], &watched["swiftScope"]), (&json!("@apps/other"), &Value::Null));
    assert_eq!((&watched["enableSwift"], &watched["appleTargets"]), (&json!(false), &json!(["iosX64"])));
    // The form shows what is there now.
    let form = page.form(&address);
    assert!(form.fields.contains(&("appleTargets".into(), "iosX64".into())));
    assert!(!form.fields.iter().any(|(name, _)| name == "enableSwift"));
    // A target that there is none of.
    let page = place.ann.send(&form.and("appleTargets", "dos")).await.expect(400);
    assert!(page.texts("[role=alert]")[0].contains("unknown target 'dos'"), "{}", page.text());
}

#[tokio::test]
async fn a_look_shows_what_is_new_and_what_is_wrong() {
    let mut place = Place::new().await;
    place.watch("lib").await;
    place.watch("missing").await;
    place.github.library("com.example", "lib", &["1.0.0", "1.1.0-beta1", "1.1.0"]);
    let page = place.ann.open(PAGE).await.expect(200);
    let page = place.ann.send(&page.form(&format!("{PAGE}/poll"))).await.expect(200);
    let text = page.text();
    assert!(text.contains("Looked at 2 libraries. 1 build begun."), "{text}");
    assert!(text.contains("New, being built 1.1.0 Found"), "{text}");
    assert!(text.contains("1.1.0-beta1, 1.0.0"), "{text}");
    assert!(page.texts(".note.bad")[0].contains("com.example:missing"), "{text}");
    let page = place.ann.open(PAGE).await.expect(200);
    assert_eq!(page.texts("#builds tbody tr").len(), 3);
    assert!(page.text().contains("com.example:lib 1.1.0 pending"), "{}", page.text());
    assert!(page.texts(".tag.bad").contains(&"failed".to_owned()), "the look that failed: {}", page.text());
    // Once more: nothing is new, and the same is wrong.
    let page = place.ann.send(&page.form(&format!("{PAGE}/poll"))).await.expect(200);
    assert!(page.text().contains("0 builds begun"), "{}", page.text());
    assert!(!page.text().contains("1.1.0"), "{}", page.text());
    // Whoever opens the address of the form comes to the page that has it.
    assert_eq!(place.ann.open(&format!("{PAGE}/poll")).await.expect(200).path, PAGE);
}

#[tokio::test]
async fn builds_are_watched_while_something_is_under_way() {
    let mut place = Place::new().await;
    place.watch("lib").await;
    let page = place.ann.open(PAGE).await.expect(200);
    assert_eq!(page.texts("[data-live]").len(), 0, "nothing is under way");
    place.github.library("com.example", "lib", &["1.0.0", "1.1.0-beta1", "1.1.0"]);
    let builds = place.poll().await;
    let page = place.ann.open(PAGE).await.expect(200);
    assert_eq!(page.attributes("#builds", "data-live"), ["5"]);
    let under_way = place.ann.open(&page_of_build(&builds[0])).await.expect(200);
    assert_eq!(under_way.attributes("#build", "data-live"), ["5"]);
    place.change(&builds[0], json!({ "status": "success" })).await;
    let page = place.ann.open(PAGE).await.expect(200);
    assert_eq!(page.attributes("[data-live]", "id"), Vec::<String>::new());
    let over = place.ann.open(&page_of_build(&builds[0])).await.expect(200);
    assert!(
        over.attributes("[data-live]", "id").is_empty() && over.text().contains("success"),
        "{}",
        over.text()
    );
}

#[tokio::test]
async fn builds_are_filtered_counted_and_paged() {
    let mut place = Place::new().await;
    place.watch("lib").await;
    let versions: Vec<String> = (0..45).map(|minor| format!("1.{minor}.0")).collect();
    let mut versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    versions.push("2.0.0-rc1");
    place.github.library("com.example", "lib", &versions);
    let builds = place.poll().await;
    assert_eq!(builds.len(), 46);
    let page = place.ann.open(PAGE).await.expect(200);
    assert!(
        page.texts("#status option").contains(&"all (46)".to_owned()),
        "{:?}",
        page.texts("#status option")
    );
    assert_eq!(page.texts("#builds tbody tr").len(), 40);
    let older = page.links().into_iter().find(|link| link.contains("page=2")).unwrap();
    let second = place.ann.open(older.split('#').next().unwrap()).await.expect(200);
    assert_eq!(second.texts("#builds tbody tr").len(), 6);
    assert!(second.html().len() < 100_000 && page.html().len() < 100_000);
    // By status, and without pre-releases.
    let form = page.form(PAGE);
    let pending = place.ann.send(&form.clone().with("status", "pending")).await.expect(200);
    assert_eq!(pending.texts("#builds tbody tr").len(), 1);
    assert_eq!(pending.attributes("#status option[selected]", "value"), ["pending"]);
    let stable =
        place.ann.send(&form.clone().with("status", "discovered").with("stable", "true")).await.expect(200);
    assert!(!stable.text().contains("2.0.0-rc1"), "{}", stable.text());
    assert!(stable.links().iter().any(|link| link.contains("page=2&status=discovered&stable=true")));
    let none = place.ann.send(&form.with("status", "failed")).await.expect(200);
    assert!(none.text().contains("No build fits"), "{}", none.text());
    place.ann.open(&format!("{PAGE}?status=odd")).await.expect(400);
}

#[tokio::test]
async fn a_build_shows_everything_and_begins_again() {
    let mut place = Place::new().await;
    place.watch("lib").await;
    let build = place.poll().await.remove(0);
    let change = json!({
        "status": "failed", "error": HOSTILE, "run_id": 77, "run_url": "https://github.example/acme/builds/actions/runs/77",
    });
    place.change(&build, change).await;
    let address = page_of_build(&build);
    let page = place.ann.open(&address).await.expect(200);
    let text = page.text();
    for words in
        ["com.example:lib 1.0.0", "failed", "not published", "2026-09-21", build["id"].as_str().unwrap()]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(page.texts("pre code"), [HOSTILE.split_whitespace().collect::<Vec<_>>().join(" ")]);
    assert!(page.texts("main script").is_empty() && page.attributes("main img", "src").is_empty());
    assert!(page.links().contains(&"https://github.example/acme/builds/actions/runs/77".to_owned()));
    // An address that is none to send people to is no link.
    for odd in ["javascript:alert(1)", "http://github.example/1"] {
        place.change(&build, json!({ "run_url": odd })).await;
        let page = place.ann.open(&address).await.expect(200);
        assert!(!page.links().contains(&odd.to_owned()) && page.text().contains("Run 77"), "{}", page.text());
    }
    // Nobody is told that a build begins which GitHub does not take.
    let retry = page.form(&format!("{address}/retry"));
    place.github.trick(Doing::Dispatch, Trick::status(422));
    let refused = place.ann.send(&retry).await.expect(502);
    assert!(refused.texts("[role=alert]")[0].contains("could not be started"), "{}", refused.text());
    assert!(refused.has_form(&format!("{address}/retry")), "it can be tried once more");
    let begun = place.ann.send(&retry).await.expect(200);
    assert!(begun.text().contains("The build begins again."), "{}", begun.text());
    assert_eq!(place.builds().await[0]["status"], "queued");
    assert!(!begun.has_form(&format!("{address}/retry")));
    // Whoever has the page open still is told why not.
    let late = place.ann.send(&retry).await.expect(409);
    assert!(late.texts("[role=alert]")[0].contains("the build is 'queued'"), "{}", late.text());
}

#[tokio::test]
async fn a_version_is_built_by_hand() {
    let mut place = Place::new().await;
    let address = format!("{PAGE}/watched/{}", place.watch("lib").await);
    let form = place.ann.open(&address).await.expect(200).form(&format!("{address}/build"));
    let page = place.ann.send(&form.clone().with("version", "1.0.0")).await.expect(200);
    assert!(
        page.path.starts_with(&format!("{PAGE}/builds/")) && page.text().contains("queued"),
        "{}",
        page.text()
    );
    assert_eq!(place.builds().await.len(), 1);
    for (version, status, words) in [
        ("1.0-SNAPSHOT", 400, "snapshot"),
        (HOSTILE, 400, "version"),
        ("9.9.9", 422, "9.9.9"),
        ("", 400, "version"),
    ] {
        let page = place.ann.send(&form.clone().with("version", version)).await.expect(status);
        assert!(page.texts("[role=alert]")[0].contains(words), "{version}: {}", page.text());
        assert_eq!(page.attributes("#version", "value"), [version]);
    }
    // What cannot be built of a library is said as well.
    let module = root_module("com.example", "lib", "3.0.0", false, &["ios_arm64"]).to_string();
    place.github.file("com/example/lib/3.0.0/lib-3.0.0.module", module);
    let page = place.ann.send(&form.with("version", "3.0.0")).await.expect(422);
    assert!(page.texts("[role=alert]")[0].contains("JavaScript"), "{}", page.text());
}

#[tokio::test]
async fn what_ends_something_is_asked_twice() {
    let mut place = Place::new().await;
    let watched = place.watch("lib").await;
    place.github.library("com.example", "lib", &["1.0.0", "1.0.1", "1.0.2"]);
    let builds = place.poll().await;
    // One build.
    let address = page_of_build(&builds[1]);
    let page = place.ann.open(&format!("{address}/delete")).await.expect(200);
    assert_eq!(place.builds().await.len(), 3, "asking deletes nothing");
    let page = place.ann.send(&page.form(&format!("{address}/delete"))).await.expect(200);
    assert!(page.text().contains("Deleted."), "{}", page.text());
    assert_eq!(place.builds().await.len(), 2);
    place.ann.open(&address).await.expect(404);
    // All of them, by the name of the repository.
    let clear = format!("{PAGE}/delete-builds");
    let form = place.ann.open(&clear).await.expect(200).form(&clear);
    let page = place.ann.send(&form.clone().with("name", "app")).await.expect(400);
    assert!(page.texts("[role=alert]")[0].contains("Nothing was deleted"), "{}", page.text());
    assert_eq!(place.builds().await.len(), 2);
    place.ann.send(&form.with("name", "apps")).await.expect(200);
    assert!(place.builds().await.is_empty());
    // The library.
    let address = format!("{PAGE}/watched/{watched}");
    let page = place.ann.open(&format!("{address}/stop")).await.expect(200);
    assert_eq!(place.watched().await.len(), 1);
    let page = place.ann.send(&page.form(&format!("{address}/stop"))).await.expect(200);
    assert!(page.text().contains("No longer watched."), "{}", page.text());
    assert!(place.watched().await.is_empty());
    place.ann.open(&address).await.expect(404);
}

#[tokio::test]
async fn everybody_is_offered_what_their_role_allows() {
    let mut place = Place::new().await;
    let address = format!("{PAGE}/watched/{}", place.watch("lib").await);
    let build = place.poll().await.remove(0);
    place.change(&build, json!({ "status": "failed", "error": "why" })).await;
    let (poll, retry) = (format!("{PAGE}/poll"), format!("{}/retry", page_of_build(&build)));
    let mut rita = place.reader("rita", "read").await;
    let mut will = place.reader("will", "write").await;
    for (browser, writes, administers) in
        [(&mut rita, false, false), (&mut will, true, false), (&mut place.ann, true, true)]
    {
        let list = browser.open(PAGE).await.expect(200);
        assert_eq!((list.has_form(&poll), list.links().contains(&format!("{PAGE}/watch"))), (writes, writes));
        assert_eq!(list.links().contains(&format!("{PAGE}/delete-builds")), administers);
        let watched = browser.open(&address).await.expect(200);
        assert_eq!(
            (watched.has_form(&address), watched.has_form(&format!("{address}/build"))),
            (writes, writes)
        );
        assert_eq!(watched.links().contains(&format!("{address}/stop")), administers);
        let shown = browser.open(&page_of_build(&build)).await.expect(200);
        assert_eq!(shown.has_form(&retry), writes);
        assert_eq!(shown.links().contains(&format!("{}/delete", page_of_build(&build))), administers);
    }
    // The interface decides, whatever is offered.
    let form = place.ann.open(&page_of_build(&build)).await.form(&retry);
    let own = rita.open("/ui").await.form("/ui/sign-out").fields[0].1.clone();
    let refused = rita.send(&form.with("csrf", &own)).await.expect(403);
    assert!(!refused.texts("[role=alert]").is_empty(), "{}", refused.text());
    assert_eq!(place.builds().await[0]["status"], "failed");
    let mut delete = place.ann.open(&format!("{address}/stop")).await.form(&format!("{address}/stop"));
    delete = delete.with("csrf", &will.open("/ui").await.form("/ui/sign-out").fields[0].1);
    will.send(&delete).await.expect(403);
    assert_eq!(place.watched().await.len(), 1);
}

#[tokio::test]
async fn what_is_private_is_hidden_and_what_is_public_is_shown() {
    let place = Place::new().await;
    let watched = format!("{PAGE}/watched/{}", place.watch("lib").await);
    let build = page_of_build(&place.poll().await[0]);
    let mut eve = place.app.browser("eve").await;
    for address in [PAGE, &watched, &build, &format!("{build}/delete"), &format!("{PAGE}/watch")] {
        let page = eve.open(address).await.expect(404);
        assert!(!page.text().contains("com.example"), "{}", page.text());
        let nobody = place.app.stranger().request("GET", address, &[], "").await;
        assert!(
            nobody.header("location").starts_with("/api/auth/sign-in?to="),
            "{address}: {}",
            nobody.text()
        );
    }
    let public =
        place.app.user("ann").patch_json("/api/repos/apps", &json!({ "visibility": "public" })).await;
    assert_eq!(public.status, 200, "{}", public.text());
    for browser in [&mut eve, &mut place.app.stranger()] {
        for address in [PAGE, &watched, &build] {
            let page = browser.open(address).await.expect(200);
            assert!(page.text().contains("com.example:lib"), "{}", page.text());
            let offered = page.attributes("main form", "action");
            assert!(offered.iter().all(|action| action == PAGE), "only the filter: {offered:?}");
        }
    }
    // A repository that watches nothing has no such page.
    place.app.npm_repo("eve", "plain", "private").await;
    let page = eve.open("/ui/repos/plain/kmp").await.expect(404);
    assert!(page.text().contains("kmp is none of its types"), "{}", page.text());
}

#[tokio::test]
async fn long_lists_of_libraries_come_in_pages() {
    let mut place = Place::new().await;
    let id = place.watch("lib").await;
    place.app.watch_many("apps", &id, "more", 60).await;
    let page = place.ann.open(PAGE).await.expect(200);
    assert!(page.text().contains("61 watched"), "{}", page.text());
    assert_eq!(page.texts("tbody tr").len(), 25);
    let third = place.ann.open(&format!("{PAGE}?watched=3")).await.expect(200);
    assert_eq!(third.texts("tbody tr").len(), 11);
    assert!(page.html().len() < 100_000);
}
