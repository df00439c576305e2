//! Paths, good and bad.

use super::*;

fn parse(path: &str) -> MavenPath {
    MavenPath::parse(path).unwrap()
}

#[test]
fn files_and_their_sums() {
    for (path, key, version, name, sum) in [
        ("g/a/1.0/a-1.0.jar", "g:a", "1.0", "a-1.0.jar", None),
        (
            "org/apache/maven/maven-core/3.9.9/maven-core-3.9.9.pom",
            "org.apache.maven:maven-core",
            "3.9.9",
            "maven-core-3.9.9.pom",
            None,
        ),
        ("g/a/1.0/a-1.0.jar.sha1", "g:a", "1.0", "a-1.0.jar", Some(SumKind::Sha1)),
        ("g/a/1.0/a-1.0.jar.asc.sha512", "g:a", "1.0", "a-1.0.jar.asc", Some(SumKind::Sha512)),
        ("g/h/a.b/1.0/a.b-1.0-sources.jar.md5", "g.h:a.b", "1.0", "a.b-1.0-sources.jar", Some(SumKind::Md5)),
        ("g/a/1.0/ivy-1.0.xml.sha256", "g:a", "1.0", "ivy-1.0.xml", Some(SumKind::Sha256)),
        ("g/a/1-SNAPSHOT/a-1-20261122.025620-1.jar", "g:a", "1-SNAPSHOT", "a-1-20261122.025620-1.jar", None),
        ("g/a/1.0+b/a-1.0+b.jar", "g:a", "1.0+b", "a-1.0+b.jar", None),
        ("g/a/1.0/a-1.0.xml", "g:a", "1.0", "a-1.0.xml", None),
    ] {
        let MavenPath::File(file, found) = parse(path) else { panic!("{path}") };
        assert_eq!((file.coordinates().key().as_str(), file.coordinates().version.as_str()), (key, version));
        assert_eq!((file.name(), found), (name, sum), "{path}");
        assert_eq!(file.path(), path.strip_suffix(&sum.map_or(String::new(), |s| format!(".{s}"))).unwrap());
    }
}

#[test]
fn metadata_of_every_level() {
    let levels = |path: &str| {
        let MavenPath::Metadata(directory, sum) = parse(path) else { panic!("{path}") };
        (
            directory.group().map(ToString::to_string),
            directory.artifact().map(|(group, artifact)| format!("{group}:{artifact}")),
            directory.version().map(ToString::to_string),
            sum,
        )
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(levels("g/maven-metadata.xml"), (text("g"), None, None, None));
    assert_eq!(
        levels("com/example/lib/maven-metadata.xml.sha1"),
        (text("com.example.lib"), text("com.example:lib"), text("com:example:lib"), Some(SumKind::Sha1))
    );
    assert_eq!(levels("g/a.b/maven-metadata.xml"), (None, text("g:a.b"), None, None));
    assert_eq!(
        levels("g/a/1.0-SNAPSHOT/maven-metadata.xml.md5"),
        (None, None, text("g:a:1.0-SNAPSHOT"), Some(SumKind::Md5))
    );
}

#[test]
fn directories_and_paths_of_nothing() {
    let version = |path: &str| match parse(path) {
        MavenPath::Directory { directory, reason } => {
            assert!(!reason.is_empty());
            directory.and_then(|directory| directory.version().map(ToString::to_string))
        }
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(version("com/example/lib/1.0").as_deref(), Some("com.example:lib:1.0"));
    assert_eq!(version("g/a/1-SNAPSHOT").as_deref(), Some("g:a:1-SNAPSHOT"));
    for nothing in [
        "g",
        "maven-metadata.xml",
        ".meta/prefixes.txt",
        ".index/nexus-maven-repository-index.gz",
        "archetype-catalog.xml",
        "a.b/c/1.0/c-1.0.jar",
        "a.b/c/1.0",
        "g/.a/1.0/.a-1.0.jar",
        "a-1.0.jar",
        "1.0/a-1.0.jar",
    ] {
        assert_eq!(version(nothing), None, "{nothing}");
    }
    for wrong in [
        "g/a/1.0/b-1.0.jar",
        "g/a/1.0/a-2.0.jar",
        "g/a/1.0/a-1.0.jar.md5.sha1",
        "g/a/1.0/maven-metadata.xml.asc",
    ] {
        let MavenPath::Directory { reason, .. } = parse(wrong) else { panic!("{wrong}") };
        assert!(reason.contains("1.0"), "{reason}");
    }
}

#[test]
fn tricks_are_refused() {
    let long = format!("g/{}/1.0/x", "a".repeat(1024));
    for bad in [
        "",
        "/",
        "g//a/1.0/a-1.0.jar",
        "/g/a/1.0/a-1.0.jar",
        "g/a/1.0/",
        "g/../a/1.0/a-1.0.jar",
        "g/./a",
        "..",
        "g/a/..",
        "g/a./1.0/a-1.0.jar",
        "g/a/1.0/a-1.0.jar.",
        "g/a/1.0/a-1.0.jar ",
        "g/a/1.0/a-1.0.jar\0",
        "g/a/1.0/a\r\n-1.0.jar",
        "g/a/1.0;x=y/a-1.0.jar",
        "g/a/1.0/a-1.0.jar;x=y",
        "g\\a\\1.0\\a-1.0.jar",
        "g/a/1.0/a-1.0.jar?x",
        "g/a/1.0/#a",
        "g/%2e%2e/1.0/a-1.0.jar",
        "g/а/1.0/а-1.0.jar",
        "g/ä/1.0/ä-1.0.jar",
        "g/a:b/1.0/a:b-1.0.jar",
        "g/a b/1.0/a b-1.0.jar",
        "g/a/${version}/a-1.0.jar",
        "g/a/1.0/@a",
        &long,
    ] {
        assert!(matches!(MavenPath::parse(bad), Err(Error::BadRequest(_))), "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(path in "[a-c./_1-2S~+-]{0,24}") {
        if let Ok(MavenPath::File(file, sum)) = MavenPath::parse(&path) {
            let sum = sum.map(|sum| format!(".{sum}")).unwrap_or_default();
            proptest::prop_assert_eq!(format!("{}{sum}", file.path()), path);
        }
    }
}
