//! Metadata of groups: the prefixes of Maven plugins.

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::support::{assert_sums_fit, at, private, publish, publish_version, texts, xml};

/// A jar with the descriptor of a plugin.
pub(crate) fn plugin_jar(prefix: &str, name: &str) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("META-INF/maven/plugin.xml", SimpleFileOptions::default()).unwrap();
    let goal_prefix =
        if prefix.is_empty() { String::new() } else { format!("<goalPrefix>{prefix}</goalPrefix>") };
    write!(writer, "<plugin><name>{name}</name>{goal_prefix}</plugin>").unwrap();
    writer.finish().unwrap().into_inner()
}

/// Its path in a version.
pub(crate) fn path(artifact: &str, version: &str) -> String {
    at(&format!("com/example/{artifact}/{version}/{artifact}-{version}.jar"))
}

#[tokio::test]
async fn plugins_of_a_group_are_listed_while_they_have_versions() {
    let (_app, ann) = private().await;
    let group = at("com/example/maven-metadata.xml");
    assert_eq!(ann.get(&group).await.status, 404);
    publish_version(&ann, "1.0.0").await;
    assert_eq!(ann.get(&group).await.status, 404, "a library is no plugin");
    publish(&ann, &path("foo-maven-plugin", "1.0"), plugin_jar("foo", "Foo &amp; Co")).await;
    publish(&ann, &path("maven-bar-plugin", "1.0"), plugin_jar("", "Bar")).await;
    publish(&ann, &path("maven-bar-plugin", "1.1"), plugin_jar("", "Bar 1.1")).await;
    let document = xml(&ann, &group).await;
    assert_eq!(texts(&document, "prefix"), ["bar", "foo"]);
    assert_eq!(texts(&document, "artifactId"), ["maven-bar-plugin", "foo-maven-plugin"]);
    assert_eq!(texts(&document, "name"), ["Bar 1.1", "Foo &amp; Co"]);
    assert_sums_fit(&ann, &group).await;
    let etag = ann.get(&group).await.header("etag").to_owned();
    assert_eq!(ann.get_with(&group, &[("if-none-match", &etag)]).await.status, 304);

    assert_eq!(ann.delete(&at("com/example/foo-maven-plugin/1.0")).await.status, 204);
    assert_eq!(texts(&xml(&ann, &group).await, "prefix"), ["bar"]);
    assert_eq!(ann.get_with(&group, &[("if-none-match", &etag)]).await.status, 200);
    assert_eq!(ann.delete(&at("com/example/maven-bar-plugin/1.0")).await.status, 204);
    assert_eq!(texts(&xml(&ann, &group).await, "prefix"), ["bar"]);
    assert_eq!(ann.delete(&at("com/example/maven-bar-plugin/1.1")).await.status, 204);
    assert_eq!(ann.get(&group).await.status, 404);
}

#[tokio::test]
async fn a_directory_that_is_artifact_and_group_has_both() {
    let (_app, ann) = private().await;
    publish(&ann, &at("com/example/2.0/example-2.0.jar"), "jar").await;
    let directory = at("com/example/maven-metadata.xml");
    let alone = xml(&ann, &directory).await;
    let etag = ann.get(&directory).await.header("etag").to_owned();
    publish(&ann, &path("foo-maven-plugin", "1.0"), plugin_jar("foo", "Foo")).await;
    let both = xml(&ann, &directory).await;
    assert!(both.starts_with(alone.strip_suffix("</metadata>\n").unwrap()), "{both}");
    assert_eq!(
        (texts(&both, "version"), texts(&both, "prefix")),
        (vec!["2.0".into()], vec!["foo".to_owned()])
    );
    assert_sums_fit(&ann, &directory).await;
    assert_eq!(ann.get_with(&directory, &[("if-none-match", &etag)]).await.status, 200);
    let etag = ann.get(&directory).await.header("etag").to_owned();
    assert_eq!(ann.get_with(&directory, &[("if-none-match", &etag)]).await.status, 304);
}

#[tokio::test]
async fn plugins_of_a_deleted_repository_do_not_come_back() {
    let (app, ann) = private().await;
    publish(&ann, &path("foo-maven-plugin", "1.0"), plugin_jar("foo", "Foo")).await;
    assert_eq!(app.user("ann").delete("/api/repos/libs").await.status, 200);
    app.settle().await;
    let ann = app.repo("ann", "libs", &["maven"], "private").await;
    assert_eq!(ann.get(&at("com/example/maven-metadata.xml")).await.status, 404);
    publish(&ann, &path("foo-maven-plugin", "1.0"), "no plugin").await;
    assert_eq!(ann.get(&at("com/example/maven-metadata.xml")).await.status, 404);
}
