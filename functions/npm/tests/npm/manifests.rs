//! What a version's manifest says, and where it comes from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use granary_testing::PUBLIC_URL;
use granary_testing::npm::NpmPackage;
use serde_json::json;
use sha2::Digest as _;

use super::support::{INSTALL, accepting, at, packument, private, publish, publish_all};

#[tokio::test]
async fn the_manifest_comes_from_the_tarball_and_never_from_the_body() {
    let (_app, ann) = private().await;
    let package = NpmPackage::new("left-pad", "1.0.0")
        .member("dependencies", json!({ "honest": "^1.0.0" }))
        .member("bin", json!({ "pad": "index.js" }));
    let mut body = package.body();
    let submitted = &mut body["versions"]["1.0.0"];
    submitted["dependencies"] = json!({ "innocent": "1.0.0" });
    submitted["scripts"] = json!({ "postinstall": "evil" });
    submitted["bin"] = json!({ "ls": "index.js" });
    submitted["description"] = "a lie".into();
    submitted["hasInstallScript"] = true.into();
    submitted["os"] = json!(["none"]);
    let response = ann.put_json(&at("left-pad"), &body).await;
    assert_eq!(response.status, 201, "{}", response.text());
    for accept in ["application/json", INSTALL] {
        let manifest = accepting(&ann, &at("left-pad"), accept).await.json()["versions"]["1.0.0"].clone();
        assert_eq!(manifest["dependencies"], json!({ "honest": "^1.0.0" }));
        assert_eq!(manifest["bin"], json!({ "pad": "index.js" }));
        for absent in ["scripts", "hasInstallScript", "os"] {
            assert_eq!(manifest.get(absent), None, "{absent}");
        }
    }
    assert_eq!(packument(&ann, "left-pad").await["description"], "Test of left-pad");
}

#[tokio::test]
async fn what_clients_leak_is_left_out_and_what_only_they_know_is_kept() {
    let (_app, ann) = private().await;
    let mut body = NpmPackage::new("left-pad", "1.0.0").body();
    let submitted = &mut body["versions"]["1.0.0"];
    for (name, value) in [
        ("_resolved", "/tmp/x/left-pad.tgz"),
        ("_from", "file:left-pad.tgz"),
        ("_integrity", "sha512-x"),
        ("integrity", "sha512-x"),
        ("shasum", "x"),
        ("readme", "# not from the tarball"),
        ("_nodeVersion", "22.0.0"),
        ("_npmVersion", "11.0.0"),
        ("gitHead", "0123456789abcdef"),
    ] {
        submitted[name] = value.into();
    }
    submitted["_attachments"] = json!({});
    assert_eq!(ann.put_json(&at("left-pad"), &body).await.status, 201);
    let manifest = packument(&ann, "left-pad").await["versions"]["1.0.0"].clone();
    for absent in ["_resolved", "_from", "_integrity", "_attachments", "integrity", "shasum", "readme"] {
        assert_eq!(manifest.get(absent), None, "{absent}");
    }
    assert_eq!(manifest["_nodeVersion"], "22.0.0");
    assert_eq!(manifest["_npmVersion"], "11.0.0");
    assert_eq!(manifest["gitHead"], "0123456789abcdef");
}

#[tokio::test]
async fn dist_is_computed_from_the_bytes() {
    let (_app, ann) = private().await;
    let package = NpmPackage::new("@acme/left-pad", "1.0.0").file("lib/x.js", &[b'x'; 1000]);
    let tarball = package.tarball();
    let mut body = package.body();
    body["versions"]["1.0.0"]["dist"]["tarball"] = "https://elsewhere.example/evil.tgz".into();
    body["versions"]["1.0.0"]["dist"]["fileCount"] = 1.into();
    assert_eq!(ann.put_json(&at("@acme%2fleft-pad"), &body).await.status, 201);
    let manifest = serde_json::to_vec_pretty(&package.manifest).unwrap().len();
    let others: usize = package.files.iter().map(|(_, content)| content.len()).sum();
    let expected = json!({
        "tarball": format!("{PUBLIC_URL}/api/npm/libs/-/tarball/%40acme%2Fleft-pad/1.0.0"),
        "shasum": hex::encode(sha1::Sha1::digest(&tarball)),
        "integrity": format!("sha512-{}", STANDARD.encode(sha2::Sha512::digest(&tarball))),
        "fileCount": 4,
        "unpackedSize": manifest + others,
    });
    for accept in ["application/json", INSTALL] {
        let document = accepting(&ann, &at("@acme%2fleft-pad"), accept).await.json();
        assert_eq!(document["versions"]["1.0.0"]["dist"], expected, "{accept}");
    }
}

#[tokio::test]
async fn install_scripts_and_shrinkwraps_are_noticed_in_the_tarball() {
    let (_app, ann) = private().await;
    let scripts = |name: &str| NpmPackage::new("pad", name);
    let versions = [
        (scripts("1.0.0").member("scripts", json!({ "install": "x" })), "hasInstallScript"),
        (scripts("2.0.0").member("scripts", json!({ "preinstall": "x" })), "hasInstallScript"),
        (scripts("3.0.0").member("scripts", json!({ "postinstall": "x" })), "hasInstallScript"),
        (scripts("4.0.0").file("binding.gyp", b"{}"), "hasInstallScript"),
        (scripts("5.0.0").file("npm-shrinkwrap.json", b"{}"), "_hasShrinkwrap"),
        (scripts("6.0.0").member("scripts", json!({ "test": "x" })), ""),
    ];
    for (package, _) in &versions {
        publish(&ann, package).await;
    }
    let document = accepting(&ann, &at("pad"), INSTALL).await.json();
    for (package, expected) in &versions {
        let manifest = &document["versions"][&package.version];
        for flag in ["hasInstallScript", "_hasShrinkwrap"] {
            assert_eq!(
                manifest.get(flag) == Some(&true.into()),
                flag == *expected,
                "{} {flag}",
                package.version
            );
        }
    }
}

#[tokio::test]
async fn one_manifest_by_version_or_tag() {
    let (_app, ann) = private().await;
    publish(&ann, &NpmPackage::new("@acme/pad", "1.0.0")).await;
    publish(&ann, &NpmPackage::new("@acme/pad", "2.0.0-rc.1").tag("next")).await;
    let document = packument(&ann, "@acme%2fpad").await;
    for (selector, version) in [
        ("1.0.0", "1.0.0"),
        ("latest", "1.0.0"),
        ("next", "2.0.0-rc.1"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("1.0.0+build.7", "1.0.0"),
    ] {
        let response = ann.get(&at(&format!("@acme%2fpad/{selector}"))).await;
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, "application/json"),
            "{selector}"
        );
        assert_eq!(response.json(), document["versions"][version], "{selector}");
        assert_eq!(response.header("cache-control"), "private, max-age=0, must-revalidate");
    }
    for selector in ["3.0.0", "beta", "1.x", "^1.0.0", "01.0.0"] {
        let response = ann.get(&at(&format!("@acme%2fpad/{selector}"))).await;
        assert_eq!(response.status, 404, "{selector}: {}", response.text());
        assert!(response.error().contains("@acme/pad"), "{}", response.text());
    }
}

#[tokio::test]
async fn a_scoped_name_is_the_same_in_every_encoding() {
    let (_app, ann) = private().await;
    let forms = ["@acme%2fpad", "@acme%2Fpad", "%40acme%2fpad", "%40acme%2Fpad", "@acme/pad", "%40acme/pad"];
    for (index, form) in forms.iter().enumerate() {
        let package = NpmPackage::new("@acme/pad", &format!("1.0.{index}"));
        let response = ann.put_json(&at(form), &package.body()).await;
        assert_eq!(response.status, 201, "{form}: {}", response.text());
    }
    for form in forms {
        let tag = ann.put_json(&at(&format!("-/package/{form}/dist-tags/beta")), &"1.0.1".into()).await;
        assert_eq!(tag.status, 201, "{form}: {}", tag.text());
    }
    let first = ann.get(&at(forms[0])).await;
    assert_eq!(first.json()["versions"].as_object().unwrap().len(), forms.len());
    for form in forms {
        assert!(ann.get(&at(form)).await.visible() == first.visible(), "{form}");
        for path in [
            format!("{form}/1.0.0"),
            format!("{form}/latest"),
            format!("-/package/{form}/dist-tags"),
            format!("-/package/{form}/visibility"),
            format!("-/package/{form}/collaborators"),
        ] {
            assert_eq!(ann.get(&at(&path)).await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn upper_case_is_kept_as_published() {
    let (_app, ann) = private().await;
    publish_all(&ann, "JSONStream", &["1.0.0", "1.1.0"]).await;
    let document = packument(&ann, "JSONStream").await;
    assert_eq!(document["name"], "JSONStream");
    let tarball = document["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap().to_owned();
    assert!(tarball.ends_with("/-/tarball/JSONStream/1.0.0"), "{tarball}");
    assert_eq!(ann.get(tarball.strip_prefix(PUBLIC_URL).unwrap()).await.status, 200);
}

#[tokio::test]
async fn the_readme_of_yarn_4_counts_where_the_tarball_has_none() {
    let (_app, ann) = private().await;
    let mut package = NpmPackage::new("pad", "1.0.0");
    package.files.truncate(1);
    let mut body = package.body();
    body["readme"] = "# from yarn".into();
    assert_eq!(ann.put_json(&at("pad"), &body).await.status, 201);
    assert_eq!(packument(&ann, "pad").await["readme"], "# from yarn");
    publish(&ann, &NpmPackage::new("pad", "1.1.0")).await;
    assert_eq!(packument(&ann, "pad").await["readme"], "# pad\n", "that of latest");
}
