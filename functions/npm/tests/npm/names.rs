//! Names and paths that could be taken for others.

use granary_storage::rows::VersionStatus;
use granary_testing::npm::NpmPackage;

use super::support::{INSTALL, accepting, at, keys, packument, private, publish};

#[tokio::test]
async fn two_packages_never_differ_by_case_alone() {
    let (app, ann) = private().await;
    publish(&ann, &NpmPackage::new("@Acme/Foo", "1.0.0")).await;
    publish(&ann, &NpmPackage::new("bar", "1.0.0")).await;
    let before = app.check_consistency("libs").await;
    for (name, version) in [
        ("@acme/foo", "2.0.0"),
        ("@acme/foo", "1.0.0"),
        ("@ACME/FOO", "2.0.0"),
        ("@Acme/foo", "2.0.0"),
        ("BAR", "2.0.0"),
        ("Bar", "1.0.0"),
    ] {
        let response = ann.publish("libs", &NpmPackage::new(name, version)).await;
        assert_eq!(response.status, 409, "{name}: {}", response.text());
        let after = app.check_consistency("libs").await;
        assert_eq!((after.live, after.audit), (before.live.clone(), before.audit), "{name}");
        // A variant is no second way to the same package either.
        let path = name.replace('/', "%2f");
        for path in [path.clone(), format!("{path}/1.0.0"), format!("-/package/{path}/dist-tags")] {
            assert_eq!(ann.get(&at(&path)).await.status, 404, "{path}");
        }
        let tag = ann.put_json(&at(&format!("-/package/{path}/dist-tags/beta")), &"1.0.0".into()).await;
        assert_eq!(tag.status, 404, "{name}: {}", tag.text());
        assert_eq!(ann.delete(&at(&format!("{path}/-rev/undefined"))).await.status, 404, "{name}");
    }
    publish(&ann, &NpmPackage::new("@Acme/Foo", "2.0.0")).await;
    // Nor once every version is gone: the tombstones are still those of the first spelling.
    assert_eq!(ann.delete(&at("bar/-rev/undefined")).await.status, 200);
    let response = ann.publish("libs", &NpmPackage::new("Bar", "3.0.0")).await;
    assert_eq!(response.status, 409, "{}", response.text());
}

#[tokio::test]
async fn of_two_spellings_that_race_one_wins() {
    let (app, ann) = private().await;
    let packages: Vec<NpmPackage> = (0..10)
        .map(|n| NpmPackage::new(if n % 2 == 0 { "Race" } else { "race" }, &format!("1.0.{n}")))
        .collect();
    let answers =
        futures::future::join_all(packages.iter().map(|package| ann.publish("libs", package))).await;
    let winners: Vec<&str> = packages
        .iter()
        .zip(&answers)
        .filter(|(_, answer)| answer.status == 201)
        .map(|(p, _)| p.name.as_str())
        .collect();
    assert_eq!(winners.len(), 5, "{winners:?}");
    assert!(winners.iter().all(|name| *name == winners[0]), "{winners:?}");
    assert!(answers.iter().all(|answer| answer.status == 201 || answer.status == 409));
    assert_eq!(app.check_consistency("libs").await.live.len(), 5);
}

#[tokio::test]
async fn names_that_concatenate_alike_are_different_packages() {
    let (app, ann) = private().await;
    // Pairs whose file names, keys or paths would be equal if parts were only put together.
    let packages = [
        NpmPackage::new("a", "1.0.0-b-1"),
        NpmPackage::new("a-1.0.0", "1.0.0-b-1"),
        NpmPackage::new("a-b", "1.0.0"),
        NpmPackage::new("@a/b", "1.0.0"),
        NpmPackage::new("@a/b-c", "1.0.0"),
        NpmPackage::new("@a-b/c", "1.0.0"),
        NpmPackage::new("b", "1.0.0"),
        NpmPackage::new("npm", "1.0.0"),
        NpmPackage::new("aa.b", "1.0.0"),
    ];
    for package in &packages {
        publish(&ann, package).await;
    }
    for package in &packages {
        let path = package.name.replace('/', "%2f");
        let document = packument(&ann, &path).await;
        assert_eq!(keys(&document["versions"]), [package.version.as_str()], "{}", package.name);
        assert_eq!(
            document["versions"][&package.version]["description"],
            format!("Test of {}", package.name)
        );
        let base = package.name.rsplit('/').next().unwrap();
        for address in [
            format!("{path}/-/{base}-{}.tgz", package.version),
            format!("-/tarball/{path}/{}", package.version),
        ] {
            assert_eq!(ann.get(&at(&address)).await.body.to_vec(), package.tarball(), "{address}");
        }
    }
    // Deleting one leaves the others alone.
    assert_eq!(ann.delete(&at("a-b/-rev/undefined")).await.status, 200);
    let stored = app.check_consistency("libs").await;
    assert_eq!((stored.live.len(), stored.tombstones), (packages.len() - 1, vec!["a-b@1.0.0".to_owned()]));
}

#[tokio::test]
async fn the_same_name_in_two_repositories_is_two_packages() {
    let (app, ann) = private().await;
    let other = app.npm_repo("ann", "libs-2", "private").await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    let second = NpmPackage::new("pad", "1.0.0").file("second.js", b"2");
    assert_eq!(other.publish("libs-2", &second).await.status, 201);
    let mine = ann.get(&at("pad/-/pad-1.0.0.tgz")).await.body;
    let theirs = ann.get("/api/npm/libs-2/pad/-/pad-1.0.0.tgz").await.body;
    assert_eq!(mine.to_vec(), NpmPackage::new("pad", "1.0.0").tarball());
    assert_eq!(theirs.to_vec(), second.tarball());
}

#[tokio::test]
async fn names_that_npm_allows_are_taken_and_others_refused() {
    let (app, ann) = private().await;
    for name in ["JSONStream", "-x", "@e2e/_x", "@con/x", "a.b", "a~b", "0", &"n".repeat(214)] {
        publish(&ann, &NpmPackage::new(name, "1.0.0")).await;
    }
    let before = app.check_consistency("libs").await;
    let long = "n".repeat(215);
    for name in [
        "_x",
        ".x",
        "@x",
        "@x-1",
        "x@y",
        "@s/",
        "@/x",
        "-",
        "@s/.x",
        "a.",
        "a b",
        "node_modules",
        "favicon.ico",
        "ä",
        "\u{430}",
        "a:b",
        "a!b",
        "@s/-",
        &long,
    ] {
        let path: String =
            form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20");
        let response = ann.put_json(&at(&path), &NpmPackage::new(name, "1.0.0").body()).await;
        assert!(
            response.status == 400 || response.status == 404,
            "{name}: {} {}",
            response.status,
            response.text()
        );
        assert!(!response.error().is_empty(), "{name}");
        assert_eq!(app.check_consistency("libs").await, before, "{name}");
    }
    // The official conformance checks ask for exactly this status.
    for path in ["_x", "%40x", "x%40y"] {
        assert_eq!(ann.get(&at(path)).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn a_name_of_a_method_of_javascript_is_a_name_like_any_other() {
    let (app, ann) = private().await;
    for name in ["constructor", "hasownproperty", "tostring", "watch"] {
        publish(&ann, &NpmPackage::new(name, "1.0.0").tag("constructor-1")).await;
        let document = accepting(&ann, &at(name), INSTALL).await.json();
        assert_eq!(keys(&document["versions"]), ["1.0.0"]);
        let rows = app.versions(&app.package_key("libs", name)).await;
        assert!(rows.iter().all(|row| row.status == VersionStatus::Live));
    }
}
