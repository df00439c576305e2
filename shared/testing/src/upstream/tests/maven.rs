//! The Maven repository.

use std::io::Cursor;

use granary_publish::digests::Digests;
use zip::ZipArchive;

use super::*;

#[tokio::test]
async fn files_come_with_their_checksums() {
    let upstream = FakeUpstream::start().await;
    let url = |path: &str| format!("{}/{path}", upstream.maven_url());
    upstream.put_file("org/example/a+b.jar", "bytes");
    let digests = Digests::of(b"bytes");
    assert_eq!(text(&url("org/example/a+b.jar")).await, "bytes");
    assert_eq!(text(&url("org/example/a%2Bb.jar.sha1")).await, digests.sha1.to_string());
    assert_eq!(text(&url("org/example/a+b.jar.md5")).await, digests.md5.to_string());
    for absent in ["org/example/a+b.jar.sha256", "org/example/other.jar", "org/example/other.jar.sha1"] {
        assert_eq!(status(&url(absent)).await, 404, "{absent}");
    }
    upstream.put_file("org/example/a+b.jar.sha1", "wrong");
    assert_eq!(text(&url("org/example/a+b.jar.sha1")).await, "wrong");
    let head = client().head(url("org/example/a+b.jar")).send().await.unwrap();
    assert_eq!(
        (header(&head, "content-length"), header(&head, "content-type")),
        ("5", "application/java-archive")
    );
    upstream.delete_file("org/example/a+b.jar");
    assert_eq!(status(&url("org/example/a+b.jar")).await, 404);
    assert_eq!(status(&url("org/example/a+b.jar.md5")).await, 404);
    assert_eq!(status(&url("org/example/a+b.jar.sha1")).await, 200, "put itself");
}

#[tokio::test]
async fn who_has_a_file_does_not_get_it_again() {
    let upstream = FakeUpstream::start().await;
    let url = format!("{}/a.pom", upstream.maven_url());
    upstream.put_file_at("a.pom", "one", "Mon, 16 Feb 2026 10:30:00 GMT");
    let first = get(&url, &[]).await;
    let etag = header(&first, "etag").to_owned();
    assert_eq!(header(&first, "last-modified"), "Mon, 16 Feb 2026 10:30:00 GMT");
    let before = "Mon, 16 Feb 2026 10:29:59 GMT";
    let same = "Mon, 16 Feb 2026 10:30:00 GMT";
    for (conditions, expected) in [
        (vec![("if-none-match", etag.as_str())], 304),
        (vec![("if-none-match", "\"other\"")], 200),
        (vec![("if-modified-since", same)], 304),
        (vec![("if-modified-since", before)], 200),
        (vec![("if-none-match", etag.as_str()), ("if-modified-since", before)], 304),
        (vec![("if-none-match", "\"other\""), ("if-modified-since", same)], 200),
    ] {
        let answer = get(&url, &conditions).await;
        assert_eq!(answer.status(), expected, "{conditions:?}");
        assert_eq!(header(&answer, "etag"), etag);
        assert_eq!(answer.text().await.unwrap().is_empty(), expected == 304, "{conditions:?}");
    }
    upstream.put_file("a.pom", "two");
    assert_eq!(get(&url, &[("if-none-match", &etag)]).await.status(), 200);
    let checksum = get(&format!("{url}.sha1"), &[]).await;
    assert!(!header(&checksum, "etag").is_empty() && !header(&checksum, "last-modified").is_empty());
}

#[tokio::test]
async fn an_artifact_has_a_pom_a_jar_and_metadata() {
    let upstream = FakeUpstream::start().await;
    for version in ["1.0", "1.1", "1.0", "1.2-SNAPSHOT"] {
        upstream.put_artifact("org.example", "lib", version);
    }
    let folder = format!("{}/org/example/lib", upstream.maven_url());
    let pom = text(&format!("{folder}/1.1/lib-1.1.pom")).await;
    for part in ["<groupId>org.example</groupId>", "<artifactId>lib</artifactId>", "<version>1.1</version>"] {
        assert!(pom.contains(part), "{pom}");
    }
    let jar = bytes_of(&format!("{folder}/1.1/lib-1.1.jar")).await;
    let mut jar = ZipArchive::new(Cursor::new(jar)).unwrap();
    let mut class = Vec::new();
    jar.by_name("org/example/Lib.class").unwrap().read_to_end(&mut class).unwrap();
    assert!(class.starts_with(b"\xca\xfe\xba\xbe"));
    let metadata = text(&format!("{folder}/maven-metadata.xml")).await;
    assert!(
        metadata.contains("<latest>1.2-SNAPSHOT</latest>") && metadata.contains("<release>1.1</release>")
    );
    let lines: Vec<&str> = metadata.lines().map(str::trim).collect();
    let listed = ["<version>1.0</version>", "<version>1.1</version>", "<version>1.2-SNAPSHOT</version>"];
    assert!(lines.windows(5).any(|some| some[1..4] == listed && some[4] == "</versions>"), "{metadata}");
    assert!(metadata.contains("<lastUpdated>2015"), "{metadata}");
    assert_eq!(status(&format!("{folder}/maven-metadata.xml.sha1")).await, 200);
}
