//! Maven, Gradle, sbt, Ivy.

use super::{Client, Place, Snippet, Wanted, in_file, quoted, single_quoted, xml};

/// `group:artifact:version`.
pub(super) fn coordinates(wanted: Wanted<'_>) -> String {
    format!("{}:{}", wanted.name, wanted.version)
}

pub(super) fn install(place: Place<'_>, wanted: Wanted<'_>) -> Vec<Client> {
    let coordinates = coordinates(wanted);
    let mut maven: Vec<_> = place.is_private.then(|| settings(place)).into_iter().collect();
    maven.push(in_file("maven-pom", "Repository and dependency", "pom.xml", pom(place, wanted)));
    let blocked = (place.is_plain() && !place.is_local()).then(|| {
        "Maven from 3.8.1 on blocks repositories without TLS on other machines: the registry needs an https address.".to_owned()
    });
    let gradle = |dependency: String, repository: String| {
        format!("repositories {{\n{repository}}}\n\ndependencies {{\n    implementation({dependency})\n}}")
    };
    let client = |name, snippet| Client { name, note: None, snippets: vec![snippet] };
    vec![
        Client { name: "Maven", note: blocked, snippets: maven },
        client(
            "Gradle (Kotlin)",
            in_file(
                "gradle-kotlin",
                "Repository and dependency",
                "build.gradle.kts",
                gradle(quoted(&coordinates), kotlin(place, "    ")),
            ),
        ),
        client(
            "Gradle (Groovy)",
            in_file(
                "gradle-groovy",
                "Repository and dependency",
                "build.gradle",
                gradle(single_quoted(&coordinates), groovy(place, "    ")),
            ),
        ),
        client("sbt", in_file("sbt", "Repository and dependency", "build.sbt", sbt(place, wanted))),
        Client {
            name: "Ivy",
            note: None,
            snippets: vec![
                in_file("ivy-settings", "Repository", "ivysettings.xml", ivy(place)),
                in_file("ivy-dependency", "Dependency", "ivy.xml", ivy_dependency(wanted)),
            ],
        },
    ]
}

pub(super) fn publish(place: Place<'_>) -> Vec<Snippet> {
    let (id, address) = (xml(&id(place)), xml(&place.address("/api/maven")));
    let repository =
        |tag: &str| format!("  <{tag}>\n    <id>{id}</id>\n    <url>{address}</url>\n  </{tag}>\n");
    let distribution = format!(
        "<distributionManagement>\n{}{}</distributionManagement>",
        repository("repository"),
        repository("snapshotRepository")
    );
    let publishing =
        |repository: String| format!("publishing {{\n    repositories {{\n{repository}    }}\n}}");
    vec![
        settings(place),
        in_file("maven-distribution", "Maven: where mvn deploy sends it", "pom.xml", distribution),
        in_file(
            "gradle-kotlin-publish",
            "Gradle (Kotlin), with the plugin maven-publish: where gradle publish sends it",
            "build.gradle.kts",
            publishing(kotlin(place, "        ")),
        ),
        in_file(
            "gradle-groovy-publish",
            "Gradle (Groovy), with the plugin maven-publish",
            "build.gradle",
            publishing(groovy(place, "        ")),
        ),
        place.push(
            "maven",
            "Or what is in a local repository already",
            "~/.m2/repository",
            &["--filter com.example"],
        ),
    ]
}

/// The settings are written by the job, which has no home with any in it.
pub(super) fn ci_install(place: Place<'_>) -> Vec<String> {
    if !place.is_private {
        return vec!["mvn -B verify    # or: ./gradlew build".to_owned()];
    }
    vec![write_settings(place), "mvn -B -s settings.xml verify    # or: ./gradlew build".to_owned()]
}

pub(super) fn ci_publish(place: Place<'_>) -> Vec<String> {
    vec![write_settings(place), "mvn -B -s settings.xml deploy    # or: ./gradlew publish".to_owned()]
}

/// The shell puts nothing into the file: Maven reads the token from the environment when it needs it.
fn write_settings(place: Place<'_>) -> String {
    format!("cat > settings.xml <<'EOF'\n{}\nEOF", settings(place).code)
}

/// The id by which Maven finds the credentials of a repository.
fn id(place: Place<'_>) -> String {
    format!("granary-{}", place.repo)
}

/// Group and artifact of a name.
fn parts(wanted: Wanted<'_>) -> (&str, &str) {
    wanted.name.split_once(':').unwrap_or((wanted.name, ""))
}

fn settings(place: Place<'_>) -> Snippet {
    let id = xml(&id(place));
    let code = format!(
        "<settings>\n  <servers>\n    <server>\n      <id>{id}</id>\n      <username>token</username>\n      \
         <password>${{env.GRANARY_TOKEN}}</password>\n    </server>\n  </servers>\n</settings>"
    );
    in_file("maven-settings", "Maven: the token, read from the environment", "~/.m2/settings.xml", code)
}

fn pom(place: Place<'_>, wanted: Wanted<'_>) -> String {
    let (group, artifact) = parts(wanted);
    format!(
        "<repositories>\n  <repository>\n    <id>{}</id>\n    <url>{}</url>\n  </repository>\n</repositories>\n\n\
         <dependencies>\n  <dependency>\n    <groupId>{}</groupId>\n    <artifactId>{}</artifactId>\n    \
         <version>{}</version>\n  </dependency>\n</dependencies>",
        xml(&id(place)),
        xml(&place.address("/api/maven")),
        xml(group),
        xml(artifact),
        xml(wanted.version)
    )
}

/// Lines with an indentation, each with its line break.
fn indented(indent: &str, lines: &[String]) -> String {
    lines.iter().flat_map(|line| [indent, line, "\n"]).collect()
}

fn kotlin(place: Place<'_>, indent: &str) -> String {
    let mut lines =
        vec!["maven {".to_owned(), format!("    url = uri({})", quoted(&place.address("/api/maven")))];
    lines.extend(place.is_plain().then(|| "    isAllowInsecureProtocol = true".to_owned()));
    if place.is_private {
        lines.extend(
            [
                "    credentials {",
                "        username = \"token\"",
                "        password = System.getenv(\"GRANARY_TOKEN\")",
                "    }",
            ]
            .map(str::to_owned),
        );
    }
    lines.push("}".to_owned());
    indented(indent, &lines)
}

fn groovy(place: Place<'_>, indent: &str) -> String {
    let mut lines =
        vec!["maven {".to_owned(), format!("    url = uri({})", single_quoted(&place.address("/api/maven")))];
    lines.extend(place.is_plain().then(|| "    allowInsecureProtocol = true".to_owned()));
    if place.is_private {
        lines.extend(
            [
                "    credentials {",
                "        username = 'token'",
                "        password = System.getenv('GRANARY_TOKEN')",
                "    }",
            ]
            .map(str::to_owned),
        );
    }
    lines.push("}".to_owned());
    indented(indent, &lines)
}

/// sbt finds credentials by realm and host.
fn sbt(place: Place<'_>, wanted: Wanted<'_>) -> String {
    let (group, artifact) = parts(wanted);
    let resolver = format!("{} at {}", quoted(&id(place)), quoted(&place.address("/api/maven")));
    let mut lines = vec![if place.is_plain() {
        format!("resolvers += ({resolver}).withAllowInsecureProtocol(true)")
    } else {
        format!("resolvers += {resolver}")
    }];
    if place.is_private {
        lines.push(format!(
            "credentials += Credentials(\"Granary\", {}, \"token\", sys.env(\"GRANARY_TOKEN\"))",
            quoted(place.host())
        ));
    }
    lines.push(format!(
        "libraryDependencies += {} % {} % {}",
        quoted(group),
        quoted(artifact),
        quoted(wanted.version)
    ));
    lines.join("\n")
}

fn ivy(place: Place<'_>) -> String {
    let id = xml(&id(place));
    let credentials = if place.is_private {
        format!(
            "  <properties environment=\"env\"/>\n  <credentials host=\"{}\" realm=\"Granary\" username=\"token\" \
             passwd=\"${{env.GRANARY_TOKEN}}\"/>\n",
            xml(place.host())
        )
    } else {
        String::new()
    };
    format!(
        "<ivysettings>\n{credentials}  <settings defaultResolver=\"{id}\"/>\n  <resolvers>\n    \
         <ibiblio name=\"{id}\" m2compatible=\"true\" root=\"{}\"/>\n  </resolvers>\n</ivysettings>",
        xml(&place.address("/api/maven"))
    )
}

fn ivy_dependency(wanted: Wanted<'_>) -> String {
    let (group, artifact) = parts(wanted);
    format!("<dependency org=\"{}\" name=\"{}\" rev=\"{}\"/>", xml(group), xml(artifact), xml(wanted.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted<'static> = Wanted { name: "com.example:app", version: "1.0", file: None };

    #[test]
    fn gradle_is_told_the_same_in_both_languages() {
        let place = Place { public_url: "http://localhost:8080", repo: "libs", is_private: true };
        assert_eq!(
            kotlin(place, ""),
            "maven {\n    url = uri(\"http://localhost:8080/api/maven/libs/\")\n    isAllowInsecureProtocol = true\n    \
             credentials {\n        username = \"token\"\n        password = System.getenv(\"GRANARY_TOKEN\")\n    }\n}\n"
        );
        let open = Place { public_url: "https://r.example", is_private: false, ..place };
        assert_eq!(
            groovy(open, "  "),
            "  maven {\n      url = uri('https://r.example/api/maven/libs/')\n  }\n"
        );
    }

    #[test]
    fn sbt_and_ivy_find_the_credentials_by_host_and_realm() {
        let place = Place { public_url: "http://localhost:8080", repo: "libs", is_private: true };
        assert_eq!(
            sbt(place, WANTED),
            "resolvers += (\"granary-libs\" at \"http://localhost:8080/api/maven/libs/\").withAllowInsecureProtocol(true)\n\
             credentials += Credentials(\"Granary\", \"localhost\", \"token\", sys.env(\"GRANARY_TOKEN\"))\n\
             libraryDependencies += \"com.example\" % \"app\" % \"1.0\""
        );
        assert!(ivy(place).contains("host=\"localhost\" realm=\"Granary\""), "{}", ivy(place));
    }

    #[test]
    fn jobs_need_no_file_that_is_not_there() {
        let place = Place { public_url: "https://r.example", repo: "libs", is_private: true };
        for (lines, command) in [(ci_install(place), "verify"), (ci_publish(place), "deploy")] {
            let text = lines.join("\n");
            assert!(text.starts_with("cat > settings.xml <<'EOF'\n<settings>\n"), "{text}");
            assert!(
                text.contains("<id>granary-libs</id>") && text.contains("${env.GRANARY_TOKEN}"),
                "{text}"
            );
            assert!(
                text.contains(&format!("\n</settings>\nEOF\nmvn -B -s settings.xml {command} ")),
                "{text}"
            );
        }
        let public = ci_install(Place { is_private: false, ..place });
        assert!(!public.join("\n").contains("settings"), "{public:?}");
    }

    #[test]
    fn maven_blocks_other_machines_without_tls() {
        let place = Place { public_url: "http://r.example", repo: "libs", is_private: false };
        let note = |place| install(place, WANTED).first().and_then(|client| client.note.clone());
        assert!(note(place).is_some_and(|note| note.contains("blocks")));
        assert_eq!(note(Place { public_url: "http://localhost:8080", ..place }), None);
    }
}
