//! One package: its facts, its versions, their files and what they need.

use granary_model::PackageType;
use granary_storage::rows::{HeadRow, VersionRow};
use granary_storage::{Commit, Key, Transaction};
use granary_testing::npm::NpmPackage;
use granary_testing::swift::{PublishForm, simple_archive};
use granary_testing::{PUBLIC_URL, composer};
use serde_json::Value;

use super::*;

/// A registry with a repository of all protocols, and its owner's token.
async fn place(visibility: &str) -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let types = ["npm", "maven", "swift", "raw", "composer"];
    let ann = app.repo("ann", "libs", &types, visibility).await;
    (app, ann)
}

fn at(rest: &str) -> String {
    format!("/api/repos/libs/packages/{rest}")
}

async fn details(actor: &Actor, rest: &str) -> Value {
    let response = actor.get(&at(rest)).await;
    expect(&response, 200);
    response.json()
}

async fn publish(actor: &Actor, package: &NpmPackage) {
    let response = actor.publish("libs", package).await;
    assert_eq!(response.status, 201, "{}", response.text());
}

async fn put(actor: &Actor, path: &str, body: &str) {
    let response = actor.request("PUT", path, &[], body.to_owned()).await;
    assert_eq!(response.status, 201, "{path}: {}", response.text());
}

/// Checks that each file can be had from its address, with its size and digest.
async fn assert_files(actor: &Actor, version: &Value, names: &[&str]) {
    let files = version["files"].as_array().unwrap();
    assert_eq!(files.iter().map(|file| file["name"].clone()).collect::<Vec<_>>(), names);
    for file in files {
        let path = file["url"].as_str().unwrap().strip_prefix(PUBLIC_URL).unwrap();
        let got = actor.get(path).await;
        assert_eq!(got.status, 200, "{path}: {}", got.text());
        let digests = granary_publish::digests::Digests::of(&got.body);
        assert_eq!(file["sha256"], digests.sha256.to_string(), "{path}");
        assert_eq!(file["sha1"], digests.sha1.to_string(), "{path}");
        assert_eq!(file["sha512"], digests.sha512.to_string(), "{path}");
        assert_eq!(file["size"], got.body.len(), "{path}");
        assert!(!file["contentType"].as_str().unwrap().is_empty());
    }
}

fn versions(details: &Value) -> Vec<&str> {
    details["versions"].as_array().unwrap().iter().map(|line| line["version"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_npm_package() {
    let (app, ann) = place("private").await;
    let package = NpmPackage::new("@Acme/Pad", "1.0.0")
        .member("license", json!("MIT"))
        .member("homepage", json!("javascript:alert(1)"))
        .member("keywords", json!(["left", "pad"]))
        .member("repository", json!({ "type": "git", "url": "git+https://example.com/a/b.git" }))
        .member("dependencies", json!({ "leaf": "^1.0.0" }))
        .member("devDependencies", json!({ "tap": "*" }));
    publish(&ann, &package).await;
    let mut beta = NpmPackage::new("@Acme/Pad", "1.1.0-b.1").tag("beta");
    beta.files[1] = ("readme.txt".into(), b"<script>".to_vec());
    publish(&ann, &beta).await;
    publish(&ann, &NpmPackage::new("@Acme/Pad", "0.9.0").tag("old")).await;
    app.state()
        .storage()
        .add(&Key::DownloadTotal(app.package_key("libs", "@acme/pad")), "downloads", 5)
        .await
        .unwrap();

    let shown = details(&ann, "npm/@acme/pad").await;
    let facts = &shown["package"];
    let started = app.state().now();
    // Time stands still, but every change is later than the one before.
    let changed = started.plus_millis(2).to_string();
    assert_eq!(
        *facts,
        json!({
            "id": "npm:@Acme/Pad", "name": "@Acme/Pad", "packageType": "npm", "description": "Test of @Acme/Pad",
            "keywords": ["left", "pad"], "latestVersion": "1.0.0",
            "tags": { "beta": "1.1.0-b.1", "latest": "1.0.0", "old": "0.9.0" },
            "versionCount": 3, "downloadCount": 5, "createdAt": started.to_string(), "updatedAt": changed, "publisher": "ann",
            "maintainers": ["ann"], "scope": "Acme", "groupId": null, "artifactId": null, "origin": null, "quarantine": [],
        })
    );
    let version = &shown["version"];
    assert_eq!((&version["version"], &version["license"]), (&json!("1.0.0"), &json!("MIT")));
    assert_eq!((&version["homepage"], &version["publisher"]), (&json!(null), &json!("ann")));
    assert_eq!(version["repository"], "https://example.com/a/b.git");
    assert_eq!(
        version["dependencies"],
        json!([
            { "name": "leaf", "range": "^1.0.0", "kind": "runtime" }, { "name": "tap", "range": "*", "kind": "dev" },
        ])
    );
    let readme = json!({ "text": "# @Acme/Pad\n", "format": "markdown", "truncated": false });
    assert_eq!((&version["readme"], &version["filesTotal"]), (&readme, &json!(1)));
    assert_files(&ann, version, &["Pad-1.0.0.tgz"]).await;
    assert_eq!(versions(&shown), ["1.1.0-b.1", "1.0.0", "0.9.0"]);
    let line = &shown["versions"][1];
    assert_eq!((&line["status"], &line["fileCount"]), (&json!("live"), &json!(1)));
    assert_eq!(line["size"], version["files"][0]["size"]);

    let other = details(&ann, "npm/@Acme%2fPad?version=1.1.0-b.1&limit=1").await;
    assert_eq!(other["version"]["version"], "1.1.0-b.1");
    assert_eq!(other["version"]["dependencies"], json!([]));
    let readme = json!({ "text": "<script>", "format": "text", "truncated": false });
    assert_eq!(other["version"]["readme"], readme);
    assert_eq!((versions(&other), other["next"].is_string()), (vec!["1.1.0-b.1"], true));
}

#[tokio::test]
async fn deleted_versions_are_gone_and_deprecated_ones_say_so() {
    let (app, ann) = place("private").await;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        publish(&ann, &NpmPackage::new("pad", version)).await;
    }
    app.change_version(&app.package_key("libs", "pad"), "1.0.0", |row| row.deprecated = Some("Old".into()))
        .await;
    let deleted = ann.delete("/api/npm/libs/pad/-/pad-1.2.0.tgz/-rev/undefined").await;
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let shown = details(&ann, "npm/pad").await;
    assert_eq!((versions(&shown), &shown["version"]["version"]), (vec!["1.1.0", "1.0.0"], &json!("1.1.0")));
    assert_eq!(shown["package"]["versionCount"], 2);
    assert_eq!(shown["versions"][1]["deprecated"], "Old");
    assert_eq!(details(&ann, "npm/pad?version=1.0.0").await["version"]["deprecated"], "Old");
    let gone = ann.get(&at("npm/pad?version=1.2.0")).await;
    expect(&gone, 404);
    let never = ann.get(&at("npm/pad?version=9.2.0")).await;
    assert_eq!(gone.text().replace("1.2.0", "9.2.0"), never.text());
    for version in ["1.0.0", "1.1.0"] {
        let path = format!("/api/npm/libs/pad/-/pad-{version}.tgz/-rev/undefined");
        assert_eq!(ann.delete(&path).await.status, 200);
    }
    let gone = ann.get(&at("npm/pad")).await;
    let never = ann.get(&at("npm/bad")).await;
    expect(&gone, 404);
    assert_eq!(gone.text().replace("'pad'", "'bad'"), never.text());
}

#[tokio::test]
async fn a_maven_artifact() {
    let (_app, ann) = place("private").await;
    let pom = |version: &str, inside: &str| {
        format!(
            "<project><groupId>com.example</groupId><artifactId>lib</artifactId><version>{version}</version>\
             <url>https://example.com/lib</url><licenses><license><name>Apache-2.0</name>\
             <url>https://example.com/licence</url></license></licenses><dependencies>{inside}</dependencies></project>"
        )
    };
    let needs = "<dependency><groupId>org.a</groupId><artifactId>b</artifactId><version>[1,2)</version></dependency>\
                 <dependency><groupId>junit</groupId><artifactId>junit</artifactId><scope>test</scope></dependency>";
    let file = |rest: &str| format!("/api/maven/libs/com/example/lib/{rest}");
    put(&ann, &file("1.0/lib-1.0.jar"), "jar").await;
    put(&ann, &file("1.0/lib-1.0.pom"), &pom("1.0", needs)).await;
    for build in ["20260216.143000-1", "20260217.143000-2"] {
        put(&ann, &file(&format!("2.0-SNAPSHOT/lib-2.0-{build}.jar")), build).await;
        let one = format!(
            "<dependency><groupId>of</groupId><artifactId>build</artifactId><version>{build}</version></dependency>"
        );
        put(&ann, &file(&format!("2.0-SNAPSHOT/lib-2.0-{build}.pom")), &pom("2.0-SNAPSHOT", &one)).await;
    }
    put(&ann, &file("3.0/lib-3.0.jar"), "its POM has not come yet").await;

    let shown = details(&ann, "maven/com.example:lib?version=1.0").await;
    let (facts, version) = (&shown["package"], &shown["version"]);
    assert_eq!((&facts["groupId"], &facts["artifactId"]), (&json!("com.example"), &json!("lib")));
    assert_eq!(facts["tags"], json!({ "latest": "2.0-SNAPSHOT", "release": "1.0" }));
    assert_eq!(
        (&version["license"], &version["homepage"]),
        (&json!("Apache-2.0"), &json!("https://example.com/lib"))
    );
    assert_eq!(version["licenseUrl"], "https://example.com/licence");
    assert_eq!(
        version["dependencies"],
        json!([
            { "name": "org.a:b", "range": "[1,2)", "kind": "compile" },
            { "name": "junit:junit", "range": "", "kind": "test" },
        ])
    );
    assert_eq!((&version["filesTotal"], &version["readme"]), (&json!(2), &json!(null)));
    assert_files(&ann, version, &["lib-1.0.jar", "lib-1.0.pom"]).await;
    // As in its metadata: what is still being deployed is not listed yet.
    assert_eq!(versions(&shown), ["2.0-SNAPSHOT", "1.0"]);

    let snapshot = details(&ann, "maven/com.example:lib").await["version"].clone();
    assert_eq!(snapshot["version"], "2.0-SNAPSHOT");
    assert_eq!(snapshot["dependencies"][0]["range"], "20260217.143000-2", "of the newest build");
    let names = ["20260216.143000-1", "20260217.143000-2"]
        .map(|build| [".jar", ".pom"].map(|end| format!("lib-2.0-{build}{end}")));
    let names: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    assert_files(&ann, &snapshot, &names).await;
    let arriving = details(&ann, "maven/com.example:lib?version=3.0").await["version"].clone();
    assert_eq!((&arriving["filesTotal"], &arriving["dependencies"]), (&json!(1), &json!([])));
}

#[tokio::test]
async fn a_swift_package_with_a_withdrawn_release() {
    let (_app, ann) = place("private").await;
    let metadata = json!({
        "description": "A list", "licenseURL": "https://example.com/licence",
        "repositoryURLs": ["git@example.com:mona/list.git", "https://example.com/mona/list"],
    });
    for version in ["1.0.0", "1.1.0+Linux", "1.10.0"] {
        let form = PublishForm::new(&simple_archive(version)).metadata(&metadata.to_string());
        let response = form.put(&ann, &format!("/api/swift/libs/mona/LinkedList/{version}")).await;
        assert_eq!(response.status, 201, "{}", response.text());
    }
    let withdrawn = ann.delete("/api/swift/libs/mona/LinkedList/1.10.0?reason=Leaks").await;
    assert_eq!(withdrawn.status, 200, "{}", withdrawn.text());
    let shown = details(&ann, "swift/Mona.linkedlist").await;
    assert_eq!(
        (&shown["package"]["name"], &shown["package"]["versionCount"]),
        (&json!("mona.LinkedList"), &json!(2))
    );
    assert_eq!(shown["package"]["latestVersion"], "1.1.0+Linux");
    assert_eq!(versions(&shown), ["1.10.0", "1.1.0+Linux", "1.0.0"]);
    let gone = &shown["versions"][0];
    assert_eq!(
        (&gone["status"], &gone["deprecated"], &gone["size"]),
        (&json!("withdrawn"), &json!("Leaks"), &json!(0))
    );
    let version = &shown["version"];
    assert_eq!((&version["version"], &version["license"]), (&json!("1.1.0+Linux"), &json!(null)));
    assert_eq!(version["licenseUrl"], "https://example.com/licence");
    assert_eq!(version["repository"], "https://example.com/mona/list");
    assert_files(&ann, version, &["LinkedList-1.1.0+Linux.zip", "Package.swift"]).await;
    assert_eq!(details(&ann, "swift/mona.LinkedList?version=1.1.0%2blinux").await["version"], *version);
    for other in ["1.10.0", "1.1.0", "1.1.0%2bother", "1.1"] {
        expect(&ann.get(&at(&format!("swift/mona.LinkedList?version={other}"))).await, 404);
    }
}

#[tokio::test]
async fn a_composer_package() {
    let (app, ann) = place("private").await;
    app.publish_composer("libs", "acme/tool", &["v1.2", "1.10.0", "dev-main"]).await;
    let mut manifest = composer::manifest("acme/tool", "2.0.0-beta1");
    manifest["license"] = json!(["MIT", "BSD-3-Clause"]);
    manifest["require-dev"] = json!({ "acme/test": "^1" });
    manifest["homepage"] = json!("https://user:secret@example.com/");
    let archive = composer::archive(&manifest);
    app.try_publish_composer("libs", "acme/tool", "2.0.0-beta1", &archive, None).await.unwrap();
    let shown = details(&ann, "composer/Acme/Tool").await;
    assert_eq!(
        (&shown["package"]["name"], &shown["package"]["latestVersion"]),
        (&json!("acme/tool"), &json!("1.10.0"))
    );
    assert_eq!(versions(&shown), ["2.0.0-beta1", "1.10.0", "v1.2", "dev-main"]);
    assert_eq!(shown["version"]["version"], "1.10.0");
    let asked = details(&ann, "composer/acme/tool?version=2.0.0beta1").await["version"].clone();
    assert_eq!(
        (&asked["version"], &asked["license"]),
        (&json!("2.0.0-beta1"), &json!("MIT or BSD-3-Clause"))
    );
    assert_eq!(asked["homepage"], json!(null), "credentials are nobody's business");
    let kinds: Vec<&Value> =
        asked["dependencies"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["require", "require-dev"]);
    for version in ["2.0.0-beta1", "1.2", "dev-main"] {
        let shown = details(&ann, &format!("composer/acme/tool?version={version}")).await["version"].clone();
        let name = shown["files"][0]["name"].as_str().unwrap().to_owned();
        assert_files(&ann, &shown, &[&name]).await;
    }
}

#[tokio::test]
async fn plain_files() {
    let (app, ann) = place("private").await;
    for (at, version) in [(1, "9"), (2, "1"), (3, "5")] {
        app.clock.advance_millis(at);
        for file in ["a (1).txt", "b.bin"] {
            let path = format!("/api/raw/libs/My.Tool/{version}/{}", file.replace(' ', "%20"));
            put(&ann, &path, &format!("{file} of {version}")).await;
        }
    }
    let shown = details(&ann, "raw/My.Tool").await;
    assert_eq!((versions(&shown), &shown["version"]["version"]), (vec!["5", "1", "9"], &json!("5")));
    assert_eq!(shown["versions"][0]["fileCount"], 2);
    assert_files(&ann, &shown["version"], &["a (1).txt", "b.bin"]).await;
    assert_eq!(ann.delete("/api/raw/libs/My.Tool/5/b.bin").await.status, 200);
    let less = details(&ann, "raw/My.Tool?version=5").await;
    assert_eq!(less["version"]["filesTotal"], 1);
    assert_files(&ann, &less["version"], &["a (1).txt"]).await;
    expect(&ann.get(&at("raw/my.tool")).await, 404);
}

#[tokio::test]
async fn the_first_hundred_files_are_shown_and_all_are_counted() {
    let (app, ann) = place("private").await;
    put(&ann, "/api/raw/libs/tool/1/f-000", "first").await;
    let key = app.key_of("libs", PackageType::Raw, "tool");
    let storage = app.state().storage();
    let first = Key::File(key.clone(), "1".into(), "f-000".into());
    let row: granary_storage::rows::StoredFileRow = storage.get(&first).await.unwrap().unwrap();
    for chunk in (1..230).collect::<Vec<_>>().chunks(90) {
        let mut transaction = Transaction::new();
        for number in chunk {
            let mut row = row.clone();
            row.file.name = format!("f-{number:03}");
            // Deleted ones do not take the place of others.
            if *number < 110 {
                row.status = granary_storage::rows::FileStatus::Tombstone;
            }
            transaction
                .put("file", &Key::File(key.clone(), "1".into(), row.file.name.clone()), &row)
                .unwrap();
        }
        assert!(matches!(storage.commit(transaction).await.unwrap(), Commit::Done));
    }
    app.change_version(&key, "1", |row| row.file_count = 121).await;
    let version = details(&ann, "raw/tool").await["version"].clone();
    assert_eq!(version["filesTotal"], 121);
    let names: Vec<Value> =
        version["files"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
    assert_eq!((names.len(), &names[0], &names[1]), (100, &json!("f-000"), &json!("f-110")));
    assert_eq!(names[99], "f-208");
}

#[tokio::test]
async fn people_are_shown_to_those_who_belong_there() {
    let (app, ann) = place("public").await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    put(&ann, "/api/raw/libs/tool/1/f", "file").await;
    app.known_user("bob").await;
    let reader = app.repo_token("ann", "libs", &["read"]).await;
    for path in ["npm/pad", "raw/tool"] {
        for outsider in [app.anonymous(), app.user("bob"), reader.clone()] {
            let shown = details(&outsider, path).await;
            assert!(!shown.to_string().contains("ann"), "{shown}");
            assert_eq!(shown["package"]["maintainers"], json!([]));
            for place in ["/package/publisher", "/version/publisher", "/versions/0/publisher"] {
                assert_eq!(shown.pointer(place), Some(&json!(null)), "{place}");
            }
        }
        let shown = details(&ann, path).await;
        for place in ["/package/publisher", "/version/publisher", "/versions/0/publisher"] {
            assert_eq!(shown.pointer(place), Some(&json!("ann")), "{place}");
        }
    }
}

#[tokio::test]
async fn nobody_else_learns_that_a_package_is_there() {
    let (app, ann) = place("private").await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    app.repo("bob", "bobs", &["npm"], "private").await;
    expect(&app.anonymous().get(&at("npm/pad")).await, 401);
    let known = app.user("bob").get(&at("npm/pad?version=1.0.0")).await;
    expect(&known, 404);
    for unknown in ["npm/pad?version=2.0.0", "npm/other", "npm/..%2f", "nuget/pad", "kmp/pad"] {
        let response = app.user("bob").get(&at(unknown)).await;
        if response.status != 400 {
            assert_eq!(response.text(), known.text(), "{unknown}");
        }
    }
    // The same name in another repository.
    expect(&app.user("bob").get("/api/repos/bobs/packages/npm/pad").await, 404);
    let customer = app.licence("ann", &["pad"], |_| ()).await.actor;
    expect(&customer.get(&at("npm/pad")).await, 403);
    let other = app.licence("bob", &["pad"], |_| ()).await.actor;
    expect(&other.get(&at("npm/pad")).await, 404);
    app.add_member("ann", "libs", "carl", "read").await;
    expect(&app.user("carl").get(&at("npm/pad")).await, 200);
}

#[tokio::test]
async fn bad_input_says_what_is_wrong() {
    let (_app, ann) = place("private").await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    for path in [
        "npm/%3Cscript%3E",
        "npm/a/b",
        "npm/@a",
        "nuget/pad",
        "kmp/pad",
        "NPM/pad",
        "maven/pad",
        "maven/a:b:c",
        "swift/mona",
        "swift/mona.list.x",
        "composer/tool",
        "raw/a/b",
        "raw/-x",
    ] {
        let response = ann.get(&at(path)).await;
        expect(&response, 404);
        assert!(response.error().contains("not found in repository 'libs'"), "{}", response.text());
    }
    for version in ["latest", "1", "%3Cscript%3E", "1.0.0/x", "%00", "1.0.1"] {
        let response = ann.get(&at(&format!("npm/pad?version={version}"))).await;
        expect(&response, 404);
        assert!(response.error().contains("of package 'pad' not found"), "{}", response.text());
    }
    for query in ["cursor=%00", "cursor=UkVQTyM", "cursor=x", "limit=-1", "limit=x", "version=1&version=2"] {
        expect(&ann.get(&at(&format!("npm/pad?{query}"))).await, 400);
    }
    assert_eq!(details(&ann, "npm/pad?version=").await["version"]["version"], "1.0.0");
}

/// Adds versions to `pad` by writing their rows, which is much faster than publishing them.
async fn add_versions(app: &TestApp, count: u64) {
    let storage = app.state().storage();
    let package = app.package_key("libs", "pad");
    let key = |version: &str| Key::Version(package.clone(), version.to_owned());
    let first: VersionRow = storage.get(&key("1.0.0")).await.unwrap().unwrap();
    let versions: Vec<String> = (1..count).map(|n| format!("1.0.{n}")).collect();
    for batch in versions.chunks(100) {
        let mut transaction = Transaction::new();
        for version in batch {
            let row = VersionRow { version: version.clone(), ..first.clone() };
            transaction.put_new("version", &key(version), &row).unwrap();
        }
        assert!(matches!(storage.commit(transaction).await.unwrap(), Commit::Done));
    }
    let head: HeadRow = app.change_head(&package, |head| head.versions = count).await;
    assert_eq!(head.versions, count);
}

#[tokio::test]
async fn a_page_costs_the_same_for_three_and_for_three_hundred_versions() {
    let mut costs = Vec::new();
    for count in [3, 300] {
        let (app, ann) = place("private").await;
        publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
        add_versions(&app, count).await;
        // The first after a change writes down the order; from then on it is one object.
        details(&ann, "npm/pad").await;
        let mut of_count = Vec::new();
        for rest in ["npm/pad?limit=2", "npm/pad?limit=2&version=1.0.0"] {
            let reader = app.restarted().token(ann.secret());
            app.probe.reset();
            let shown = details(&reader, rest).await;
            assert_eq!((versions(&shown).len(), &shown["package"]["versionCount"]), (2, &json!(count)));
            let cold: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
            assert_eq!(cold.iter().filter(|call| *call == "GetObject").count(), 1, "{cold:?}");
            assert!(!cold.iter().any(|call| call == "Query"), "{cold:?}");
            assert!(cold.len() <= 5 && app.probe.depth() <= 3, "{cold:?}");
            app.probe.reset();
            details(&reader, rest).await;
            let warm: Vec<String> = app.probe.calls().into_iter().map(|call| call.operation).collect();
            assert_eq!((warm.len(), app.probe.depth()), (cold.len() - 1, 2), "{warm:?}");
            of_count.push((cold, warm));
        }
        costs.push(of_count);
        let mut seen = Vec::new();
        let mut query = "limit=120".to_owned();
        for _ in 0..10 {
            let page = details(&ann, &format!("npm/pad?{query}")).await;
            seen.extend(versions(&page).into_iter().map(str::to_owned));
            match page["next"].as_str() {
                Some(next) => query = format!("limit=120&cursor={next}"),
                None => break,
            }
        }
        let expected: Vec<String> = (0..count).rev().map(|n| format!("1.0.{n}")).collect();
        assert_eq!(seen, expected);
        assert_eq!(versions(&details(&ann, "npm/pad?limit=5000").await).len() as u64, count.min(200));
    }
    assert_eq!(costs[0], costs[1]);
}

#[tokio::test]
async fn files_are_had_the_same_way_for_every_protocol() {
    let (app, ann) = place("private").await;
    let package = NpmPackage::new("@acme/pad", "1.0.0");
    publish(&ann, &package).await;
    put(&ann, "/api/raw/libs/tool/1.0/a%20(1).html", "<script>alert(1)</script>").await;
    put(&ann, "/api/maven/libs/com/example/lib/1.0/lib-1.0.jar", "jar").await;
    let path = |rest: &str| format!("/api/repos/libs/files/{rest}");
    for (rest, body) in [
        ("npm/@acme/pad?version=1.0.0&file=pad-1.0.0.tgz", package.tarball()),
        ("raw/tool?version=1.0&file=a+(1).html", b"<script>alert(1)</script>".to_vec()),
        ("maven/com.example:lib?version=1.0&file=lib-1.0.jar", b"jar".to_vec()),
    ] {
        let got = ann.get(&path(rest)).await;
        assert_eq!(got.status, 200, "{rest}: {}", got.text());
        assert_eq!(got.body.as_ref(), body.as_slice(), "{rest}");
        // Whatever is in it, a browser saves it.
        assert_eq!(got.header("content-type"), "application/octet-stream", "{rest}");
        assert!(got.header("content-disposition").starts_with("attachment"), "{rest}");
        let head = ann.head(&path(rest)).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{rest}");
        expect(&app.anonymous().get(&path(rest)).await, 401);
        expect(&app.known_user("eve").await.get(&path(rest)).await, 404);
    }
    for rest in [
        "npm/@acme/pad?version=1.0.0&file=other.tgz",
        "npm/@acme/pad?version=2.0.0&file=pad-1.0.0.tgz",
        "npm/@acme/none?version=1.0.0&file=pad-1.0.0.tgz",
        "raw/tool?version=1.0&file=../1.0/a",
        "raw/tool?version=..&file=a",
        "kmp/tool?version=1.0&file=a",
        "raw/tool?version=1.0&file=",
    ] {
        expect(&ann.get(&path(rest)).await, 404);
    }
    expect(&ann.get(&path("raw/tool")).await, 400);
    // A look is no download.
    app.state().write_counts().await.unwrap();
    let counted = ann.get("/api/repos/libs/downloads/raw/tool?days=1").await.json();
    assert_eq!(counted["total"], 1, "{counted}");
}
