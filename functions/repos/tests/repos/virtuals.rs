//! Repositories as upstreams of one another: one address for what several of them hold, in every protocol.

use granary_testing::npm::NpmPackage;
use granary_testing::swift::{PublishForm, simple_archive};
use granary_testing::{Actor, TestApp};
use serde_json::{Value, json};

const TYPES: [&str; 5] = ["npm", "maven", "swift", "raw", "composer"];

const POM: &str = "<project><modelVersion>4.0.0</modelVersion><groupId>com.acme</groupId><artifactId>lib</artifactId>\
                   <version>1.0</version></project>";

/// `team` with something of every type, and `all`, which reads through to it.
async fn place() -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "team", &TYPES, "private").await;
    app.repo("ann", "all", &TYPES, "private").await;
    fill(&app, &ann).await;
    for kind in TYPES {
        connect(&app, "all", kind, "team").await;
    }
    (app, ann)
}

async fn fill(app: &TestApp, ann: &Actor) {
    assert_eq!(ann.publish("team", &NpmPackage::new("@acme/tool", "1.0.0")).await.status, 201);
    let pom = ann.request("PUT", "/api/maven/team/com/acme/lib/1.0/lib-1.0.pom", &[], POM.to_owned()).await;
    assert!(pom.status < 300, "{}", pom.text());
    let raw = ann.request("PUT", "/api/raw/team/app/1.0.0/app.bin", &[], "bytes".to_owned()).await;
    assert!(raw.status < 300, "{}", raw.text());
    let swift = PublishForm::new(&simple_archive("x")).put(ann, "/api/swift/team/acme/lib/1.0.0").await;
    assert_eq!(swift.status, 201, "{}", swift.text());
    app.publish_composer("team", "acme/tool", &["1.0.0"]).await;
}

async fn connect(app: &TestApp, repo: &str, kind: &str, member: &str) {
    let body = json!({ "name": format!("{member}-{kind}"), "packageType": kind, "repoId": member });
    let made = app.user("ann").post_json(&format!("/api/repos/{repo}/upstreams"), &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
}

async fn json_of(actor: &Actor, path: &str) -> Value {
    let got = actor.get_with(path, &[("accept", "application/json")]).await;
    assert_eq!(got.status, 200, "{path}: {}", got.text());
    got.json()
}

/// Something to read of each protocol.
const PATHS: [&str; 9] = [
    "/api/npm/all/@acme%2ftool",
    "/api/npm/all/-/tarball/@acme%2ftool/1.0.0",
    "/api/maven/all/com/acme/lib/maven-metadata.xml",
    "/api/maven/all/com/acme/lib/1.0/lib-1.0.pom",
    "/api/maven/all/com/acme/lib/1.0/lib-1.0.pom.sha1",
    "/api/raw/all/app/1.0.0/app.bin",
    "/api/raw/all/app/1.0.0",
    "/composer/all/p2/acme/tool.json",
    "/api/swift/all/acme/lib/1.0.0.zip",
];

#[tokio::test]
async fn every_protocol_reads_through() {
    let (app, ann) = place().await;
    for path in PATHS {
        let got = ann.get(path).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text());
    }
    let packument = json_of(&ann, "/api/npm/all/@acme%2ftool").await;
    assert_eq!(
        packument["versions"]["1.0.0"]["dist"]["tarball"],
        "http://localhost:8080/api/npm/all/-/tarball/%40acme%2Ftool/1.0.0",
        "addresses stay below the one that clients have a token for"
    );
    let releases = json_of(&ann, "/api/swift/all/acme/lib").await;
    assert!(releases["releases"]["1.0.0"]["url"].as_str().unwrap().contains("/api/swift/all/"), "{releases}");
    let p2 = json_of(&ann, "/composer/all/p2/acme/tool.json").await;
    assert!(p2.to_string().contains("/composer/all/dist/"), "{p2}");
    let root = json_of(&ann, "/composer/all/packages.json").await;
    assert_eq!(root["available-packages"], json!(["acme/tool"]));
    let found = json_of(&ann, "/api/npm/all/-/v1/search?text=tool").await;
    assert_eq!(found["objects"][0]["package"]["name"], "@acme/tool");
    // The repository itself goes on with its own addresses.
    let own = json_of(&ann, "/api/npm/team/@acme%2ftool").await;
    assert!(own.to_string().contains("/api/npm/team/-/tarball/"));
    drop(app);
}

#[tokio::test]
async fn what_is_published_there_later_is_there_at_once() {
    let (_app, ann) = place().await;
    let before = json_of(&ann, "/api/npm/all/@acme%2ftool").await;
    assert_eq!(before["dist-tags"]["latest"], "1.0.0");
    assert_eq!(ann.publish("team", &NpmPackage::new("@acme/tool", "1.1.0")).await.status, 201);
    let after = json_of(&ann, "/api/npm/all/@acme%2ftool").await;
    assert_eq!(after["dist-tags"]["latest"], "1.1.0");
}

#[tokio::test]
async fn its_own_packages_come_first_and_a_name_is_published_once() {
    let (app, ann) = place().await;
    assert_eq!(ann.publish("all", &NpmPackage::new("own", "1.0.0")).await.status, 201);
    assert_eq!(ann.publish("team", &NpmPackage::new("own", "9.0.0")).await.status, 201);
    assert_eq!(json_of(&ann, "/api/npm/all/own").await["dist-tags"]["latest"], "1.0.0");
    let taken = ann.publish("all", &NpmPackage::new("@acme/tool", "2.0.0")).await;
    assert_eq!(taken.status, 409, "{}", taken.text());
    assert!(taken.error().contains("'team'"), "{}", taken.error());
    for path in ["/api/maven/all/com/acme/lib/2.0/lib-2.0.pom", "/api/raw/all/app/2.0.0/app.bin"] {
        let put = ann.request("PUT", path, &[], POM.replace("1.0", "2.0")).await;
        assert_eq!(put.status, 409, "{path}: {}", put.text());
    }
    let sum =
        ann.request("PUT", "/api/maven/all/com/acme/lib/1.0/lib-1.0.jar.sha1", &[], "0".repeat(40)).await;
    let jar = ann.request("PUT", "/api/maven/team/com/acme/lib/1.0/lib-1.0.jar", &[], "jar".to_owned()).await;
    assert!(jar.status < 300, "a checksum sent here ({}) says nothing there: {}", sum.status, jar.text());
    drop(app);
}

#[tokio::test]
async fn readers_of_the_one_need_no_right_in_the_other_and_writers_get_none() {
    let (app, _) = place().await;
    let bob = app.known_user("bob").await;
    app.add_member("ann", "all", "bob", "write").await;
    assert_eq!(bob.get("/api/npm/all/@acme%2ftool").await.status, 200);
    assert_eq!(bob.get("/api/npm/team/@acme%2ftool").await.status, 404);
    assert_eq!(bob.publish("team", &NpmPackage::new("@acme/tool", "2.0.0")).await.status, 404);
    assert_eq!(app.anonymous().get("/api/npm/all/@acme%2ftool").await.status, 401);
}

#[tokio::test]
async fn only_who_administers_both_makes_one_of_two_private_ones() {
    let (app, _) = place().await;
    app.known_user("bob").await;
    app.repo("bob", "bobs", &["npm"], "private").await;
    app.add_member("ann", "team", "bob", "read").await;
    let body = json!({ "name": "team", "packageType": "npm", "repoId": "team" });
    let bob = app.user("bob");
    let refused = bob.post_json("/api/repos/bobs/upstreams", &body).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    // An administrator of one who only reads the other.
    app.add_member("ann", "all", "bob", "admin").await;
    let refused = bob
        .post_json(
            "/api/repos/all/upstreams",
            &json!({ "name": "x", "packageType": "npm", "repoId": "team" }),
        )
        .await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    // A public repository must not show what a private one holds.
    app.repo("ann", "open", &["npm"], "public").await;
    let refused = app.user("ann").post_json("/api/repos/open/upstreams", &body).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let unknown = json!({ "name": "x", "packageType": "npm", "repoId": "nothing" });
    assert_eq!(app.user("ann").post_json("/api/repos/open/upstreams", &unknown).await.status, 400);
    let own = json!({ "name": "x", "packageType": "npm", "repoId": "open" });
    assert_eq!(app.user("ann").post_json("/api/repos/open/upstreams", &own).await.status, 400);
}

#[tokio::test]
async fn what_ends_between_the_two_ends_at_once() {
    let (app, ann) = place().await;
    let status = async || ann.get("/api/npm/all/@acme%2ftool").await.status;
    assert_eq!(status().await, 200);
    let opened = app.user("ann").patch_json("/api/repos/all", &json!({ "visibility": "public" })).await;
    assert_eq!(opened.status, 200);
    assert_eq!(status().await, 404, "what is private is not shown to everybody");
    app.user("ann").patch_json("/api/repos/all", &json!({ "visibility": "private" })).await;
    assert_eq!(status().await, 200);
    let quarantine = json!({ "version": "1.0.0", "reason": "odd" });
    let put = app.user("ann").put_json("/api/repos/team/quarantine/npm/@acme/tool", &quarantine).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(ann.get("/api/npm/all/-/tarball/@acme%2ftool/1.0.0").await.status, 403);
    app.user("ann").delete("/api/repos/team/quarantine/npm/@acme/tool?version=1.0.0").await;
    assert_eq!(ann.get("/api/npm/all/-/tarball/@acme%2ftool/1.0.0").await.status, 200);
    assert_eq!(app.user("ann").delete("/api/repos/team").await.status, 200);
    assert_eq!(status().await, 404);
    // Another repository of that name is not the one that was named.
    app.settle().await;
    let ann_again = app.npm_repo("ann", "team", "private").await;
    assert_eq!(ann_again.publish("team", &NpmPackage::new("@acme/tool", "5.0.0")).await.status, 201);
    assert_eq!(status().await, 404);
}

#[tokio::test]
async fn two_may_read_through_to_each_other() {
    let (app, ann) = place().await;
    connect(&app, "team", "npm", "all").await;
    assert_eq!(ann.publish("all", &NpmPackage::new("own", "1.0.0")).await.status, 201);
    for path in ["/api/npm/team/own", "/api/npm/all/own", "/api/npm/all/@acme%2ftool"] {
        assert_eq!(ann.get(path).await.status, 200, "{path}");
    }
    assert_eq!(ann.get("/api/npm/team/nothing").await.status, 404);
}

#[tokio::test]
async fn a_member_comes_before_what_is_kept_of_a_registry_elsewhere() {
    let app = TestApp::with(|config| config.kmp.allow_private_sources = true).await;
    let up = granary_testing::upstream::FakeUpstream::start().await;
    let ann = app.repo("ann", "team", &["npm"], "private").await;
    app.npm_repo("ann", "all", "private").await;
    let remote = json!({ "name": "public", "packageType": "npm", "url": up.npm_url() });
    assert_eq!(app.user("ann").post_json("/api/repos/all/upstreams", &remote).await.status, 201);
    connect(&app, "all", "npm", "team").await;
    up.publish(&NpmPackage::new("secret", "99.0.0"));
    assert_eq!(json_of(&ann, "/api/npm/all/secret").await["dist-tags"]["latest"], "99.0.0");
    // Published inside later: from then on it is that one.
    assert_eq!(ann.publish("team", &NpmPackage::new("secret", "1.0.0")).await.status, 201);
    assert_eq!(json_of(&ann, "/api/npm/all/secret").await["dist-tags"]["latest"], "1.0.0");
    assert_eq!(ann.get("/api/npm/all/-/tarball/secret/99.0.0").await.status, 404);
    up.forget();
    let gone = ann.get("/api/npm/team/secret").await.json()["_rev"].as_str().unwrap().to_owned();
    assert_eq!(ann.delete(&format!("/api/npm/team/secret/-rev/{gone}")).await.status, 200);
    assert_eq!(ann.get("/api/npm/all/secret").await.status, 404, "unpublished is not up for grabs");
    assert_eq!(up.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn customers_get_nothing_through_it() {
    let (app, _) = place().await;
    let token = app.repo_token("ann", "all", &["read"]).await;
    assert_eq!(
        token.get("/api/npm/all/@acme%2ftool").await.status,
        200,
        "a token of the repository is no customer"
    );
    let licence = json!({ "packages": ["*"] });
    let made = app.user("ann").post_json("/v1/licenses", &licence).await;
    if made.status == 201 {
        let key = made.json()["key"].as_str().unwrap().to_owned();
        let customer = app.token(&key);
        assert_eq!(customer.get("/api/npm/all/@acme%2ftool").await.status, 404);
        assert_eq!(customer.get("/api/npm/team/@acme%2ftool").await.status, 200);
    }
}

#[tokio::test]
async fn it_costs_one_call_more_however_many_there_are() {
    let (app, ann) = place().await;
    for number in 0..3 {
        let name = format!("more-{number}");
        app.npm_repo("ann", &name, "private").await;
        connect(&app, "all", "npm", &name).await;
    }
    let calls = async |path: &str| {
        ann.get(path).await;
        app.probe.reset();
        assert_eq!(ann.get(path).await.status, 200);
        app.probe.calls().into_iter().map(|call| call.operation).collect::<Vec<_>>()
    };
    assert_eq!(calls("/api/npm/team/@acme%2ftool").await, ["BatchGetItem"]);
    assert_eq!(calls("/api/npm/all/@acme%2ftool").await, ["BatchGetItem", "BatchGetItem"]);
    assert_eq!(ann.publish("all", &NpmPackage::new("own", "1.0.0")).await.status, 201);
    assert_eq!(calls("/api/npm/all/own").await, ["BatchGetItem"], "its own cost what they did");
}
