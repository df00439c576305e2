//! Names of files, good and bad.

use super::*;

fn coordinates(artifact: &str, version: &str) -> Coordinates {
    Coordinates {
        group: "g".parse().unwrap(),
        artifact: artifact.parse().unwrap(),
        version: version.parse().unwrap(),
    }
}

fn file(artifact: &str, version: &str, name: &str) -> Result<MavenFile> {
    MavenFile::new(coordinates(artifact, version), name)
}

#[test]
fn names_of_releases_are_taken_apart() {
    let table = [
        ("lib-1.0.jar", None, "jar"),
        ("lib-1.0.pom", None, "pom"),
        ("lib-1.0.module", None, "module"),
        ("lib-1.0-sources.jar", Some("sources"), "jar"),
        ("lib-1.0-sources.jar.asc", Some("sources"), "jar.asc"),
        ("lib-1.0.jar.asc", None, "jar.asc"),
        ("lib-1.0.jar.sigstore.json", None, "jar.sigstore.json"),
        ("lib-1.0.tar.gz", None, "tar.gz"),
        ("lib-1.0-bin.tar.gz", Some("bin"), "tar.gz"),
        ("lib-1.0-bin.tar.gz.asc", Some("bin"), "tar.gz.asc"),
        ("lib-1.0-jdk1.5.jar", Some("jdk1.5"), "jar"),
        ("lib-1.0-kotlin-tooling-metadata.json", Some("kotlin-tooling-metadata"), "json"),
        ("lib-1.0-a-b_c+d.zip", Some("a-b_c+d"), "zip"),
        ("lib-1.0.7z", None, "7z"),
        ("lib-1.0.7z.asc", None, "7z.asc"),
        ("lib-1.0.spdx.json", None, "spdx.json"),
        ("lib-1.0-beta.jar", Some("beta"), "jar"),
    ];
    for (name, classifier, extension) in table {
        let parsed = file("lib", "1.0", name).unwrap();
        let artifact = parsed.artifact().unwrap();
        assert_eq!(
            (artifact.classifier.as_deref(), artifact.extension.as_str()),
            (classifier, extension),
            "{name}"
        );
        assert_eq!(parsed.build(), Build::Release);
        assert_eq!(parsed.path(), format!("g/lib/1.0/{name}"));
    }
}

#[test]
fn names_of_snapshots_are_taken_apart() {
    let build = Build::Timestamped("20261122.025620-12".parse().unwrap());
    let table = [
        ("lib-1.0-SNAPSHOT.jar", Build::Literal, None, "jar"),
        ("lib-1.0-SNAPSHOT-sources.jar", Build::Literal, Some("sources"), "jar"),
        ("lib-1.0-20261122.025620-12.jar", build, None, "jar"),
        ("lib-1.0-20261122.025620-12-sources.jar.asc", build, Some("sources"), "jar.asc"),
        ("lib-1.0-20261122.025620-12.pom", build, None, "pom"),
    ];
    for (name, expected, classifier, extension) in table {
        let parsed = file("lib", "1.0-SNAPSHOT", name).unwrap();
        let artifact = parsed.artifact().unwrap();
        assert_eq!(parsed.build(), expected, "{name}");
        assert_eq!(
            (artifact.classifier.as_deref(), artifact.extension.as_str()),
            (classifier, extension),
            "{name}"
        );
        assert_eq!(parsed.is_replaceable(), expected == Build::Literal);
        let Build::Timestamped(other) = build else { panic!("no build") };
        let renamed = parsed.name_in(other).unwrap();
        assert_eq!(file("lib", "1.0-SNAPSHOT", &renamed).unwrap().build(), build, "{renamed}");
    }
    let whole = file("lib", "SNAPSHOT", "lib-20261122.025620-12.jar").unwrap();
    assert_eq!(whole.build(), build);
}

#[test]
fn files_of_something_else_are_refused() {
    for (version, name) in [
        ("1.0", "other-1.0.jar"),
        ("1.0", "lib-2.0.jar"),
        ("1.0", "lib-1.0.1.jar"),
        ("1.0", "lib-1.0.1-sources.jar"),
        ("1.0", "lib-1.0.1"),
        ("1.0", "lib-1.0-SNAPSHOT.jar"),
        ("1.0", "lib-1.0-20261122.025620-12.jar"),
        ("1.0", "LIB-1.0.jar"),
        ("1.0", "lib-1.0"),
        ("1.0", "lib-1.0."),
        ("1.0", "lib-1.0-"),
        ("1.0", "lib-1.0-.jar"),
        ("1.0", "lib-1.0-sources"),
        ("1.0", "lib-1.0-sources.jar."),
        ("1.0", "lib-1.0..jar"),
        ("1.0", "lib-1.0jar"),
        ("1.0", "lib1.0.jar"),
        ("1.0", "lib-1.0.jar.sha1"),
        ("1.0", "lib-1.0.jar.sha1.md5"),
        ("1.0", "lib-1.0.jar.sha1.asc"),
        ("1.0", "lib-1.0-a..b.jar"),
        ("1.0", "ivy-1.1.xml"),
        ("1.0", "ivy.xml"),
        ("1.0-SNAPSHOT", "lib-1.0.jar"),
        ("1.0-SNAPSHOT", "lib-1.0-20261122.025620.jar"),
        ("1.0-SNAPSHOT", "lib-1.0-20261122.025620-0x.jar"),
        ("1.0-SNAPSHOT", "lib-1.0-20261122.025620-012.jar"),
        ("1.0-SNAPSHOT", "lib-2.0-20261122.025620-12.jar"),
    ] {
        let error = file("lib", version, name).unwrap_err();
        assert!(matches!(error, Error::BadRequest(_)), "{version} {name}: {error}");
    }
    assert!(file("lib", "1.0", &format!("lib-1.0-{}.jar", "x".repeat(512))).is_err());
    let text = file("lib", "1.0", "x-1.0.jar").unwrap_err().to_string();
    assert!(text.contains("'x-1.0.jar'") && text.contains("'lib-1.0'"), "{text}");
}

#[test]
fn what_a_file_is_for() {
    let parsed = |name: &str| file("lib", "1.0", name).unwrap();
    let main = |name: &str| parsed(name).artifact().is_some_and(ArtifactFile::is_main);
    assert!(main("lib-1.0.jar") && main("lib-1.0.klib") && main("lib-1.0.aar") && main("lib-1.0.tar.gz"));
    for other in ["lib-1.0.pom", "lib-1.0.module", "lib-1.0.jar.asc", "lib-1.0-sources.jar", "ivy-1.0.xml"] {
        assert!(!main(other), "{other}");
    }
    assert!(parsed("lib-1.0.pom").is_pom());
    for other in ["lib-1.0-build.pom", "lib-1.0.pom.asc", "lib-1.0.jar", "ivy-1.0.xml"] {
        assert!(!parsed(other).is_pom(), "{other}");
    }
    assert_eq!(parsed("ivy-1.0.xml").kind(), &FileKind::Ivy);
    assert_eq!(parsed("ivy-1.0.xml.asc").kind(), &FileKind::Ivy);
    assert_eq!(parsed("ivy-1.0.xml").build(), Build::Release);
    assert_eq!(file("lib", "1-SNAPSHOT", "ivy-1-SNAPSHOT.xml").unwrap().build(), Build::Literal);
    // An artifact may be called `ivy`.
    assert!(file("ivy", "1.0", "ivy-1.0.jar").unwrap().artifact().is_some());
}

#[test]
fn media_types_follow_the_end_of_the_name() {
    for (name, expected) in [
        ("a-1.pom", "application/xml"),
        ("ivy-1.xml", "application/xml"),
        ("a-1.module", "application/json"),
        ("a-1.jar", "application/java-archive"),
        ("a-1.jar.asc", "text/plain"),
        ("a-1.jar.sha512", "text/plain"),
        ("a-1.klib", "application/octet-stream"),
        ("a-1", "application/octet-stream"),
    ] {
        assert_eq!(media_type(name), expected, "{name}");
    }
}

#[test]
fn kinds_of_sums() {
    for kind in SumKind::ALL {
        assert_eq!(kind.to_string().parse::<SumKind>().unwrap(), kind);
        assert_eq!(SumKind::split(&format!("a.jar.{kind}")), ("a.jar", Some(kind)));
    }
    assert_eq!(SumKind::split("a.jar"), ("a.jar", None));
    assert_eq!(SumKind::split("a.xsha1"), ("a.xsha1", None));
    assert!("sha384".parse::<SumKind>().is_err());
}
