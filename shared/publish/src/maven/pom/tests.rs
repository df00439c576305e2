//! POMs, good and bad.

use super::*;

fn file(version: &str, name: &str) -> MavenFile {
    let coordinates = Coordinates {
        group: "com.example".parse().unwrap(),
        artifact: "lib".parse().unwrap(),
        version: version.parse().unwrap(),
    };
    MavenFile::new(coordinates, name).unwrap()
}

fn read(inner: &str) -> Result<MavenFacts> {
    read_pom(&file("1.0", "lib-1.0.pom"), format!("<project>{inner}</project>").as_bytes())
}

const OWN: &str = "<groupId>com.example</groupId><artifactId>lib</artifactId><version>1.0</version>";

#[test]
fn facts_are_read() {
    let facts = read(&format!(
        "{OWN}<packaging>aar</packaging><name>${{project.groupId}}:${{project.artifactId}}</name><description>\n  Two\n  \
         lines &amp; more\n</description><url>u</url><licenses><license><name>MIT</name><url>m</url><x/></license>\
         <license><name>Apache-2.0</name></license><license/></licenses><dependencies><dependency><name>no</name>\
         <version>9</version></dependency></dependencies>"
    ))
    .unwrap();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        facts,
        MavenFacts {
            name: text("com.example:lib"),
            description: text("Two lines & more"),
            packaging: text("aar"),
            url: text("u"),
            licenses: vec![
                License { name: text("MIT"), url: text("m") },
                License { name: text("Apache-2.0"), url: None },
            ],
        }
    );
    assert_eq!(read(OWN).unwrap(), MavenFacts::default());
}

#[test]
fn long_texts_are_cut() {
    let licenses = "<license><name>x</name></license>".repeat(MAX_LICENSES + 5);
    let facts = read(&format!(
        "{OWN}<name>{}</name><description>{}</description><licenses>{licenses}</licenses>",
        "ä".repeat(5_000),
        "d".repeat(5_000)
    ))
    .unwrap();
    assert_eq!(facts.name.unwrap().chars().count(), MAX_NAME);
    assert_eq!(facts.description.unwrap().chars().count(), MAX_TEXT);
    assert_eq!(facts.licenses.len(), MAX_LICENSES);
}

#[test]
fn coordinates_must_fit_the_path() {
    let parent =
        "<parent><groupId>com.example</groupId><artifactId>p</artifactId><version>1.0</version></parent>";
    let range =
        "<parent><groupId>com.example</groupId><artifactId>p</artifactId><version>[1,2)</version></parent>";
    for good in [
        OWN,
        &format!("{parent}<artifactId>lib</artifactId>"),
        &format!("{range}<artifactId>lib</artifactId>"),
        "<groupId> com.example </groupId><artifactId>\nlib\n</artifactId><version>${revision}</version>",
        "<artifactId>lib</artifactId>",
        "<groupId>${g}</groupId><artifactId>${a}</artifactId>",
    ] {
        assert!(read(good).is_ok(), "{good}");
    }
    for (bad, named) in [
        (OWN.replace("1.0", "1.1"), "version '1.1'"),
        (OWN.replace("com.example", "com.other"), "groupId 'com.other'"),
        (OWN.replace("lib", "LIB"), "artifactId 'LIB'"),
        (format!("{}<artifactId>lib</artifactId>", parent.replace("1.0", "2.0")), "version '2.0'"),
        (format!("{}<artifactId>lib</artifactId>", parent.replace("com.example", "org")), "groupId 'org'"),
    ] {
        let text = read(&bad).unwrap_err().to_string();
        assert!(text.contains(named), "{text}");
    }
}

#[test]
fn a_build_of_a_snapshot_may_name_itself() {
    let build = file("1.0-SNAPSHOT", "lib-1.0-20261122.025620-3.pom");
    let pom = |version: &str| format!("<project>{}</project>", OWN.replace("1.0", version));
    for good in ["1.0-SNAPSHOT", "1.0-20261122.025620-3"] {
        assert!(read_pom(&build, pom(good).as_bytes()).is_ok(), "{good}");
    }
    for bad in ["1.0", "1.0-20261122.025620-4", "2.0-SNAPSHOT"] {
        assert!(read_pom(&build, pom(bad).as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    let target = file("1.0", "lib-1.0.pom");
    let large = format!("<project>{OWN}<name>{}</name></project>", "x".repeat(MAX_POM));
    for bad in [&large, "<project>", "<html/>", "", "<!DOCTYPE project><project/>"] {
        assert!(matches!(read_pom(&target, bad.as_bytes()), Err(Error::BadRequest(_))));
    }
}

#[test]
fn encodings() {
    let target = file("1.0", "lib-1.0.pom");
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><project>{OWN}<name>Gr\u{f6}\u{df}e</name></project>"
    );
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(read_pom(&target, &latin).unwrap().name.as_deref(), Some("Größe"));
    let unknown = b"<?xml version=\"1.0\" encoding=\"EUC-JP\"?><project><name>\xc6\xfc</name></project>";
    assert_eq!(read_pom(&target, unknown).unwrap(), MavenFacts::default());
}
