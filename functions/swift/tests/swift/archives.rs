//! Archives that cannot be used are refused with a reason, and nothing of them stays.

use granary_testing::swift::{MANIFEST, PublishForm, source_archive};

use crate::support::{at, problem, put, usage, with};

#[tokio::test]
async fn what_no_client_could_unpack_is_refused_and_leaves_nothing() {
    let (app, ann) = with("private").await;
    let mut doubled = source_archive(&[("L/Package.swift", MANIFEST)]);
    doubled.extend_from_within(doubled.len() - 22..);
    let large = "x".repeat(1024 * 1024 + 1);
    for (archive, reason) in [
        (b"".to_vec(), ""),
        (b"this is no zip".to_vec(), ""),
        (source_archive(&[]), ""),
        (source_archive(&[("L/README.md", "x")]), "Package.swift"),
        (source_archive(&[("L/Package.swift", MANIFEST), ("M/x", "")]), "'M"),
        (source_archive(&[("L/Package.swift", MANIFEST), ("__MACOSX/._L", "")]), "__MACOSX"),
        (source_archive(&[("L/Package.swift", MANIFEST), ("L/../x", "")]), ".."),
        (source_archive(&[("L/Package.swift", MANIFEST), ("L/link", "->../../etc/passwd")]), "link"),
        (source_archive(&[("L/Package.swift", MANIFEST), ("L/link", "->/etc/passwd")]), "link"),
        (source_archive(&[("L/Package.swift", "")]), "Package.swift"),
        (source_archive(&[("L/Package.swift", "let x = 1")]), "swift-tools-version"),
        (source_archive(&[("L/Package.swift", "// Copyright\n// swift-tools-version:5.7\n")]), "first line"),
        (source_archive(&[("L/Package.swift", &large)]), "Package.swift"),
        (doubled, ""),
    ] {
        let response = put(&ann, "mona/LinkedList/1.0.0", &archive).await;
        let detail = problem(&response, 422);
        assert!(detail.contains(reason), "{reason}: {detail}");
        let raw = ann
            .request("PUT", &at("mona/LinkedList/1.0.0"), &[("content-type", "application/zip")], archive)
            .await;
        assert_eq!(problem(&raw, 422), detail);
    }
    assert_eq!(ann.get(&at("mona/LinkedList")).await.status, 404);
    assert_eq!(usage(&app).await, (0, 0, 0));
    assert!(app.blobs().await.is_empty());
    // And the version can still be published.
    let good = source_archive(&[("L/Package.swift", MANIFEST)]);
    assert_eq!(put(&ann, "mona/LinkedList/1.0.0", &good).await.status, 201);
}

#[tokio::test]
async fn a_bomb_is_refused() {
    let (app, ann) = with("private").await;
    // 300 MB of nothing in 300 KB.
    let nothing = "\0".repeat(30_000_000);
    let mut entries = vec![("L/Package.swift".to_owned(), MANIFEST.to_owned())];
    entries.extend((0..10).map(|n| (format!("L/{n}"), nothing.clone())));
    let entries: Vec<(&str, &str)> =
        entries.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let archive = source_archive(&entries);
    assert!(archive.len() < 1_000_000);
    problem(&put(&ann, "mona/LinkedList/1.0.0", &archive).await, 422);
    assert!(app.blobs().await.is_empty());
}

#[tokio::test]
async fn a_package_at_the_root_is_put_into_a_folder_once_and_for_all() {
    let (app, ann) = with("private").await;
    // What the seed's `zip -r` makes.
    let bare = source_archive(&[
        ("Package.swift", MANIFEST),
        ("Sources/", ""),
        ("Sources/HelloLib/Hello.swift", "public let hello = 1"),
        ("Tests/", ""),
        ("Tests/HelloLibTests/T.swift", ""),
    ]);
    let headers = [("content-type", "application/zip")];
    let response = ann.request("PUT", &at("myorg/hello-lib/1.0.0"), &headers, bare.clone()).await;
    assert_eq!(response.status, 201, "{}", response.text());
    let served = ann.get(&at("myorg/hello-lib/1.0.0.zip")).await.body.to_vec();
    assert_ne!(served, bare);
    let info = ann.get(&at("myorg/hello-lib/1.0.0")).await.json();
    assert_eq!(info["resources"][0]["checksum"], crate::support::sha256(&served));
    assert_eq!(response.json()["checksum"], info["resources"][0]["checksum"]);
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(served.clone())).unwrap();
    let names: Vec<String> =
        (0..zip.len()).map(|n| zip.by_index(n).unwrap().name().unwrap().into_owned()).collect();
    assert!(names.iter().all(|name| name.starts_with("myorg.hello-lib/")), "{names:?}");
    let text = std::io::read_to_string(zip.by_name("myorg.hello-lib/Sources/HelloLib/Hello.swift").unwrap());
    assert_eq!(text.unwrap(), "public let hello = 1");
    assert_eq!(ann.get(&at("myorg/hello-lib/1.0.0/Package.swift")).await.text(), MANIFEST);
    // The same elsewhere gives the same bytes.
    let other = app.repo("ann", "others", &["swift"], "private").await;
    other.request("PUT", "/api/swift/others/myorg/hello-lib/1.0.0", &headers, bare.clone()).await;
    let again = other.get("/api/swift/others/myorg/hello-lib/1.0.0.zip").await.body.to_vec();
    assert_eq!(again, served);
    // What is signed cannot be changed.
    let signed =
        PublishForm::new(&bare).signature(b"signature").put(&ann, &at("myorg/hello-lib/1.0.1")).await;
    assert!(problem(&signed, 422).contains("signed"));
}

#[tokio::test]
async fn frameworks_keep_their_structure_and_links() {
    let (_app, ann) = with("private").await;
    let manifest = "// swift-tools-version:5.5\nimport PackageDescription\nlet package = Package(name: \"Shared\", products: [.library(name: \"Shared\", targets: [\"Shared\"])], targets: [.binaryTarget(name: \"Shared\", path: \"Shared.xcframework\")])\n";
    let archive = source_archive(&[
        ("Shared/", ""),
        ("Shared/Package.swift", manifest),
        ("Shared/Shared.xcframework/Info.plist", "<plist/>"),
        ("Shared/Shared.xcframework/macos-arm64/Shared.framework/Versions/A/Shared", "binary"),
        ("Shared/Shared.xcframework/macos-arm64/Shared.framework/Versions/Current", "->A"),
        ("Shared/Shared.xcframework/macos-arm64/Shared.framework/Shared", "->Versions/Current/Shared"),
    ]);
    assert_eq!(put(&ann, "mona/Shared/1.2.3", &archive).await.status, 201);
    assert_eq!(ann.get(&at("mona/Shared/1.2.3.zip")).await.body.to_vec(), archive);
}
