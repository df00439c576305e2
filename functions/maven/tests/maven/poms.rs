//! POMs are read before they are taken.

use super::support::{assert_sums_fit, check, file, pom, private, publish, put};

#[tokio::test]
async fn poms_of_something_else_are_refused() {
    let (app, ann) = private().await;
    for (wrong, reason) in [
        (pom("1.0.1"), "version '1.0.1'"),
        (pom("1.0.0").replace("com.example", "com.other"), "groupId 'com.other'"),
        (pom("1.0.0").replace("hello-lib", "other"), "artifactId 'other'"),
        (String::new(), "root element 'project'"),
        ("not xml".into(), "root element 'project'"),
        ("<html></html>".into(), "root element 'project'"),
        (pom("1.0.0").replace("</project>", ""), "ends in the middle"),
        (pom("1.0.0").replace("</name>", "</nam>"), "not well-formed"),
        (
            format!("<!DOCTYPE project [<!ENTITY x \"y\">]>{}", pom("1.0.0").split_once('\n').unwrap().1),
            "document type",
        ),
        (format!("{}{}", "<project>".repeat(100), "</project>".repeat(100)), "nested"),
        (pom("1.0.0").replace("Hello", &"x".repeat(1_100_000)), "larger than"),
    ] {
        let response = put(&ann, &file("1.0.0", ".pom"), wrong).await;
        assert_eq!(response.status, 400, "{reason}: {}", response.text());
        assert!(response.error().contains(reason), "{reason}: {}", response.error());
    }
    assert_eq!(check(&app).await.live, Vec::<String>::new());
    publish(&ann, &file("1.0.0", ".pom"), pom("1.0.0")).await;
}

#[tokio::test]
async fn a_pom_in_any_encoding_comes_back_byte_for_byte() {
    let (app, ann) = private().await;
    let text = |encoding: &str| {
        pom("1.0.0")
            .replace("UTF-8", encoding)
            .replace("Says hello 1.0.0", "Gr\u{f6}\u{df}e")
            .replace("1.0.0", encoding)
    };
    let latin =
        |text: String| -> Vec<u8> { text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect() };
    let wide = |text: String| -> Vec<u8> {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    for (encoding, bytes, description) in [
        ("ISO-8859-1", latin(text("ISO-8859-1")), Some("Größe")),
        ("Windows-1252", latin(text("Windows-1252")), Some("Größe")),
        ("UTF-16", wide(text("UTF-16")), Some("Größe")),
        ("Shift_JIS", latin(text("Shift_JIS")), None),
        // It says UTF-8 and is not.
        ("utf-8", latin(text("utf-8")), Some("Gr\u{fffd}\u{fffd}e")),
    ] {
        let version = encoding;
        publish(&ann, &file(version, ".pom"), bytes.clone()).await;
        let response = ann.get(&file(version, ".pom")).await;
        assert_eq!(response.body.to_vec(), bytes, "{encoding}");
        assert_sums_fit(&ann, &file(version, ".pom")).await;
        let key = granary_storage::Key::Version(super::support::key(), version.into());
        let row: granary_storage::rows::VersionRow = app.state().storage().get(&key).await.unwrap().unwrap();
        let facts = granary_publish::maven::MavenFacts::from_row(&row.facts).unwrap();
        assert_eq!(facts.description.as_deref(), description, "{encoding}");
    }
    check(&app).await;
}
