//! Releases of Swift packages, as forms and as sessions.

use granary_model::PackageType;
use granary_testing::TestApp;
use granary_testing::swift::{MANIFEST, simple_archive, source_archive};
use serde_json::json;

use crate::forms::form;
use crate::large::send_parts;
use crate::support::{
    REPO, announced, begin, complete, path, private, published, send_all, staged, statuses,
};

const SCOPED: [(&str, &str); 5] = [
    ("repoId", REPO),
    ("packageName", "hello-lib"),
    ("version", "1.0.0"),
    ("packageType", "swift"),
    ("scope", "myorg"),
];

fn release(version: &str, bytes: &[u8]) -> serde_json::Value {
    json!({
        "repoId": REPO, "packageType": "swift", "packageName": "hello-lib", "scope": "myorg", "version": version,
        "files": [announced("hello.zip", bytes)],
    })
}

#[tokio::test]
async fn an_archive_and_then_its_manifest_as_the_seed_has_it() {
    let (app, ann) = private().await;
    let bare = source_archive(&[("Package.swift", MANIFEST), ("Sources/Hello/Hello.swift", "")]);
    let mut described = SCOPED.to_vec();
    described.push(("description", "My Swift library"));
    let early = form(&ann, &described, Some(("Package.swift", MANIFEST.as_bytes())), 9).await;
    assert_eq!(early.status, 404);
    assert!(early.error().contains("archive"), "{}", early.error());
    let response = form(&ann, &SCOPED, Some(("source-archive.zip", &bare)), 9).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let expected = json!({
        "ok": true, "packageType": "swift", "packageName": "myorg.hello-lib", "version": "1.0.0",
        "file": "hello-lib-1.0.0.zip",
    });
    assert_eq!(response.json(), expected);
    assert_eq!(ann.get("/api/swift/files/myorg/hello-lib/1.0.0").await.json()["metadata"], json!({}));
    let manifest = form(&ann, &described, Some(("Package.swift", MANIFEST.as_bytes())), 9).await;
    assert_eq!(manifest.status, 201, "{}", manifest.text());
    assert_eq!(manifest.json()["file"], "Package.swift");
    let release = ann.get("/api/swift/files/myorg/hello-lib/1.0.0").await.json();
    assert_eq!(release["metadata"]["description"], "My Swift library");
    assert_eq!(ann.get("/api/swift/files/myorg/hello-lib/1.0.0/Package.swift").await.text(), MANIFEST);
    // Of this release alone.
    let fields = [
        ("version", "1.1.0"),
        ("repoId", REPO),
        ("packageName", "myorg.hello-lib"),
        ("packageType", "swift"),
    ];
    let other = form(&ann, &fields, Some(("a.zip", &simple_archive("1.1.0"))), 9).await;
    assert_eq!(other.status, 201, "{}", other.text());
    assert_eq!(ann.get("/api/swift/files/myorg/hello-lib/1.1.0").await.json()["metadata"], json!({}));
    let text = "x".repeat(2_001);
    let wordy = [&SCOPED[..], &[("description", text.as_str())]].concat();
    assert_eq!(form(&ann, &wordy, Some(("Package.swift", MANIFEST.as_bytes())), 9).await.status, 400);
    // What is served is what is in the archive, so nothing else is taken.
    for (name, text) in [("Package.swift", "other"), ("Package@swift-5.9.swift", MANIFEST)] {
        let refused = form(&ann, &SCOPED, Some((name, text.as_bytes())), 9).await;
        assert_eq!(refused.status, 409, "{}", refused.text());
    }
    app.settle().await;
    app.check_packages(REPO, PackageType::Swift).await;
}

#[tokio::test]
async fn names_in_either_form_and_what_cannot_be_one() {
    let (_app, ann) = private().await;
    let archive = simple_archive("x");
    let file = Some(("a.zip", archive.as_slice()));
    let with = |changes: &[(&'static str, &'static str)]| {
        let mut fields: Vec<(&str, &str)> = SCOPED.to_vec();
        for (name, value) in changes {
            fields.retain(|(other, _)| other != name);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        fields
    };
    let whole = with(&[("scope", ""), ("packageName", "myorg.whole")]);
    let both = with(&[("packageName", "myorg.both")]);
    for (fields, name) in [(whole, "myorg.whole"), (both, "myorg.both")] {
        assert_eq!(form(&ann, &fields, file, 9).await.json()["packageName"], name);
    }
    for (fields, named) in [
        (with(&[("scope", "")]), "packageName"),
        (with(&[("scope", "a_b")]), "scope"),
        (with(&[("packageName", "a.b")]), "packageName"),
        (with(&[("version", "1.0")]), "version"),
        (with(&[("version", "")]), "version"),
        (with(&[("packageType", "raw")]), "scope"),
    ] {
        let refused = form(&ann, &fields, file, 9).await;
        assert_eq!(refused.status, 400, "{fields:?}: {}", refused.text());
        assert!(refused.error().contains(named), "{}", refused.error());
    }
    let bad = form(&ann, &SCOPED, Some(("a.zip", b"no zip")), 9).await;
    assert_eq!(bad.status, 422, "{}", bad.text());
}

#[tokio::test]
async fn a_session_publishes_what_swiftpm_then_finds() {
    let (app, ann) = private().await;
    let archive = simple_archive("session");
    let files: [(&str, &[u8]); 1] = [("hello.zip", &archive)];
    let done = published(&ann, &release("1.0.0", &archive), &files).await;
    assert_eq!(
        (done["packageName"].as_str(), done["version"].as_str()),
        (Some("myorg.hello-lib"), Some("1.0.0"))
    );
    let download = ann.get("/api/swift/files/myorg/hello-lib/1.0.0.zip").await;
    assert_eq!(download.body.to_vec(), archive);
    // Again: nothing is to be done. With other bytes: known before any are sent.
    let again = ann.post_json("/api/uploads", &release("1.0.0", &archive)).await;
    assert_eq!((again.status, statuses(&again.json()["upload"])), (200, vec!["published"]));
    let other = ann.post_json("/api/uploads", &release("1.0.0+x", &simple_archive("other"))).await;
    assert_eq!(other.status, 409, "{}", other.text());
    // The same bytes are not another release that nobody could tell from this one.
    let like_it = ann.post_json("/api/uploads", &release("1.0.0+x", &archive)).await;
    assert_eq!(like_it.status, 409, "{}", like_it.text());
    // The owner's bytes need not be sent twice.
    let stored = begin(&ann, &release("1.1.0", &archive)).await;
    assert_eq!(statuses(&stored), ["stored"]);
    assert_eq!(complete(&ann, &stored).await.status, 201);
    assert_eq!(ann.get("/api/swift/files/myorg/hello-lib/1.1.0.zip").await.body.to_vec(), archive);
    assert_eq!(staged(&app).await, Vec::<String>::new());
    app.settle().await;
    app.check_packages(REPO, PackageType::Swift).await;
}

#[tokio::test]
async fn a_session_wraps_and_refuses_as_a_publish_does() {
    let (app, ann) = private().await;
    let bare = source_archive(&[("Package.swift", MANIFEST), ("Sources/Hello/Hello.swift", "")]);
    published(&ann, &release("1.0.0", &bare), &[("hello.zip", &bare)]).await;
    let info = ann.get("/api/swift/files/myorg/hello-lib/1.0.0").await.json();
    let served = ann.get("/api/swift/files/myorg/hello-lib/1.0.0.zip").await.body;
    assert_ne!(served, bare);
    let checksum = granary_publish::digests::Digests::of(&served).sha256.to_string();
    assert_eq!(info["resources"][0]["checksum"], checksum);
    // A repeated one is recognised by what was sent.
    let again = ann.post_json("/api/uploads", &release("1.0.0", &bare)).await;
    assert_eq!(
        (again.status, statuses(&again.json()["upload"])),
        (200, vec!["published"]),
        "{}",
        again.text()
    );
    let bad = source_archive(&[("a/Package.swift", MANIFEST), ("b/x", "")]);
    let upload = begin(&ann, &release("1.1.0", &bad)).await;
    send_all(&upload, &[("hello.zip", &bad)]).await;
    let refused = complete(&ann, &upload).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
    let failed = ann.get(&path(&upload)).await.json()["upload"].clone();
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("top-level"), "{failed}");
    assert_eq!(ann.get("/api/swift/files/myorg/hello-lib/1.1.0").await.status, 404);
    let mut two = release("1.2.0", &bare);
    two["files"] = json!([announced("a.zip", &bare), announced("Package.swift", MANIFEST.as_bytes())]);
    let mut wordy = release("1.2.0", &bare);
    wordy["description"] = "x".repeat(2_001).into();
    for (body, named) in [
        (wordy, "description"),
        (two, "at most 1"),
        (
            {
                let mut tar = release("1.2.0", &bare);
                tar["files"][0]["name"] = "a.tar".into();
                tar
            },
            "a.tar",
        ),
    ] {
        let refused = ann.post_json("/api/uploads", &body).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(refused.error().contains(named), "{}", refused.error());
    }
    app.settle().await;
    app.clock.advance_millis(granary_storage::publishing::CLAIM_MILLIS + 1);
    granary_events::sweep(app.state(), true).await.unwrap();
    app.check_packages(REPO, PackageType::Swift).await;
}

#[tokio::test]
async fn a_release_of_many_parts_is_published_by_the_consumer() {
    let app = TestApp::new().await;
    let ann = app.repo("ann", REPO, &["swift"], "private").await;
    // Stored, because deflating noise in a debug build takes a while.
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, size) in [("L/Package.swift", 0), ("L/blob", 70 * 1024 * 1024)] {
        zip.start_file(name, options).unwrap();
        let bytes = if size == 0 {
            MANIFEST.as_bytes().to_vec()
        } else {
            (0..size).map(|n: u32| n.to_le_bytes()[1]).collect()
        };
        std::io::Write::write_all(&mut zip, &bytes).unwrap();
    }
    let archive = zip.finish().unwrap().into_inner();
    let upload = begin(&ann, &release("1.0.0", &archive)).await;
    send_parts(&upload, &archive, |_| true).await;
    assert_eq!(complete(&ann, &upload).await.status, 202);
    app.settle().await;
    let done = ann.get(&path(&upload)).await.json()["upload"].clone();
    assert_eq!(done["status"], "completed", "{done}");
    let info = ann.get("/api/swift/files/myorg/hello-lib/1.0.0").await.json();
    assert_eq!(
        info["resources"][0]["checksum"],
        granary_publish::digests::Digests::of(&archive).sha256.to_string()
    );
    app.check_packages(REPO, PackageType::Swift).await;
}

#[tokio::test]
async fn a_large_archive_is_read_in_few_requests() {
    let (app, ann) = private().await;
    let archive = |names: [&str; 2]| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, bytes) in names.into_iter().zip([MANIFEST.as_bytes(), &vec![7; 40 * 1024 * 1024]]) {
            zip.start_file(name, options).unwrap();
            std::io::Write::write_all(&mut zip, bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    // One to verify it and two for its end, where its directory is. Then 10 in blocks that grow to 8 MiB for all of
    // it, and as many to wrap it. What its directory shows to be wrong is not read.
    for (version, names, status, most) in [
        ("1.0.0", ["L/Package.swift", "L/blob"], 201, 13),
        ("1.1.0", ["Package.swift", "blob"], 201, 23),
        ("1.2.0", ["a/Package.swift", "b/blob"], 422, 3),
    ] {
        let bytes = archive(names);
        let upload = begin(&ann, &release(version, &bytes)).await;
        send_all(&upload, &[("hello.zip", &bytes)]).await;
        app.probe.reset();
        let response = complete(&ann, &upload).await;
        assert_eq!(response.status, status, "{}", response.text());
        let reads = app.probe.calls().iter().filter(|call| call.operation == "GetObject").count();
        assert!((2..=most).contains(&reads), "{version}: {reads}");
    }
    app.settle().await;
    assert_eq!(staged(&app).await, Vec::<String>::new());
}
