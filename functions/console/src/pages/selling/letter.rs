//! What a seller sends to a customer: how to install what the key opens, with each client, to copy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::visible::VisiblePackage;

/// What a customer signs in with.
pub(super) enum Login<'a> {
    /// The key of a licence.
    Key(&'a str),
    /// The pair of a consumer.
    Pair(&'a str, &'a str),
}

impl Login<'_> {
    /// User name and password.
    fn basic(&self) -> (&str, &str) {
        match self {
            Self::Key(key) => ("license", key),
            Self::Pair(public, private) => (public, private),
        }
    }

    /// The setting of npm, without its place.
    fn npm(&self) -> (&str, String) {
        match self {
            Self::Key(key) => ("_authToken", quoted(key)),
            Self::Pair(public, private) => ("_auth", STANDARD.encode(format!("{public}:{private}"))),
        }
    }
}

/// The letter. `public_url` is the registry's address.
pub(super) fn letter(public_url: &str, login: &Login<'_>, packages: &[VisiblePackage]) -> String {
    let mut text = String::from(
        "Hello,\n\nthis is how you install what you have bought. Keep the key to yourself: whoever has it gets what you get.\n",
    );
    let mut groups: BTreeMap<(&str, &str), Vec<&VisiblePackage>> = BTreeMap::new();
    for package in packages {
        groups.entry((&package.repo_id, &package.package_type)).or_default().push(package);
    }
    let letter = Letter { public_url: public_url.trim_end_matches('/'), login };
    for ((repo, kind), packages) in groups {
        let part = match kind {
            "npm" => letter.npm(repo, &packages),
            "maven" => letter.maven(repo, &packages),
            "composer" => letter.composer(repo, &packages),
            "swift" => letter.swift(repo, &packages),
            _ => letter.raw(repo, &packages),
        };
        text.push('\n');
        text.push_str(&part);
    }
    text
}

struct Letter<'a> {
    public_url: &'a str,
    login: &'a Login<'a>,
}

impl Letter<'_> {
    /// The address without `http:`.
    fn place(&self) -> &str {
        self.public_url.split_once("//").map_or(self.public_url, |(_, rest)| rest)
    }

    /// Host and port.
    fn host(&self) -> &str {
        self.place().split('/').next().unwrap_or_default()
    }

    fn is_plain(&self) -> bool {
        self.public_url.starts_with("http:")
    }

    fn npm(&self, repo: &str, packages: &[&VisiblePackage]) -> String {
        let (setting, value) = self.login.npm();
        let (url, place) = (self.public_url, self.place());
        let registry = format!("{url}/api/npm/{repo}/");
        let mut text = format!(
            "-- npm, pnpm, Bun --\n\nOnce on your machine:\n\n  npm config set //{place}/api/npm/{repo}/:{setting} {value}\n"
        );
        let scope = |package: &&VisiblePackage| {
            let scope = package.name.split_once('/').map(|(scope, _)| scope.to_owned());
            scope.filter(|scope| scope.starts_with('@'))
        };
        let mut scopes: Vec<String> = packages.iter().filter_map(scope).collect();
        scopes.sort();
        scopes.dedup();
        for scope in scopes {
            push(&mut text, &format!("  npm config set {scope}:registry {registry}\n"));
        }
        text.push_str("\nIn your project:\n\n");
        for package in packages {
            let from =
                if scope(package).is_some() { String::new() } else { format!(" --registry={registry}") };
            push(
                &mut text,
                &format!(
                    "  npm install {}{from}\n",
                    quoted(&format!("{}@{}", package.name, newest(package)))
                ),
            );
        }
        text
    }

    fn maven(&self, repo: &str, packages: &[&VisiblePackage]) -> String {
        let (user, password) = self.login.basic();
        let url = format!("{}/api/maven/{repo}/", self.public_url);
        let (id, user_xml, password_xml) = (format!("granary-{repo}"), xml(user), xml(password));
        let mut text = format!(
            "-- Maven --\n\nIn <servers> of ~/.m2/settings.xml:\n\n  <server>\n    <id>{id}</id>\n    \
             <username>{user_xml}</username>\n    <password>{password_xml}</password>\n  </server>\n\n\
             In <repositories> of the project's pom.xml:\n\n  <repository>\n    <id>{id}</id>\n    <url>{url}</url>\n  \
             </repository>\n\nIn <dependencies>:\n\n"
        );
        let split = |package: &VisiblePackage| {
            let (group, artifact) = package.name.split_once(':').unwrap_or((&package.name, ""));
            (group.to_owned(), artifact.to_owned())
        };
        for package in packages {
            let ((group, artifact), version) = (split(package), newest(package));
            push(
                &mut text,
                &format!(
                    "  <dependency>\n    <groupId>{}</groupId>\n    <artifactId>{}</artifactId>\n    <version>{}</version>\n  \
                 </dependency>\n",
                    xml(&group),
                    xml(&artifact),
                    xml(version)
                ),
            );
        }
        let insecure = if self.is_plain() { "    isAllowInsecureProtocol = true\n" } else { "" };
        push(
            &mut text,
            &format!(
                "\n-- Gradle --\n\nIn build.gradle.kts; the password is better kept in ~/.gradle/gradle.properties:\n\n  \
             repositories {{\n    maven {{\n      url = uri(\"{url}\")\n{}      credentials {{ username = \"{}\"; password = \
             \"{}\" }}\n    }}\n  }}\n  dependencies {{\n",
                insecure.replace("    is", "      is"),
                kotlin(user),
                kotlin(password)
            ),
        );
        for package in packages {
            let ((group, artifact), version) = (split(package), newest(package));
            push(&mut text, &format!("    implementation(\"{group}:{artifact}:{version}\")\n"));
        }
        text.push_str("  }\n");
        text
    }

    fn composer(&self, repo: &str, packages: &[&VisiblePackage]) -> String {
        let (user, password) = self.login.basic();
        let (url, host) = (self.public_url, self.host());
        let mut text = format!(
            "-- Composer --\n\nOnce on your machine:\n\n  composer config -g http-basic.{host} {} {}\n\nIn your project:\n\n",
            quoted(user),
            quoted(password)
        );
        if self.is_plain() {
            text.push_str("  composer config secure-http false\n");
        }
        push(&mut text, &format!("  composer config repositories.{repo} composer {url}/composer/{repo}/\n"));
        for package in packages {
            push(&mut text, &format!("  composer require {}\n", quoted(&package.name)));
        }
        text
    }

    fn swift(&self, repo: &str, packages: &[&VisiblePackage]) -> String {
        let url = format!("{}/api/swift/{repo}/", self.public_url);
        let login = match self.login {
            Login::Key(key) => format!("--token {}", quoted(key)),
            Login::Pair(public, private) => {
                format!("--username {} --password {}", quoted(public), quoted(private))
            }
        };
        let insecure = if self.is_plain() { " --allow-insecure-http" } else { "" };
        let mut text = format!(
            "-- Swift Package Manager --\n\nIn the folder of your package; logging in takes an address that begins with \
             https:\n\n  swift package-registry set{insecure} {url}\n  swift package-registry login {url} {login} \
             --no-confirm\n\nIn the dependencies of Package.swift:\n\n"
        );
        for package in packages {
            push(
                &mut text,
                &format!("  .package(id: \"{}\", from: \"{}\"),\n", package.name, newest(package)),
            );
        }
        text
    }

    fn raw(&self, repo: &str, packages: &[&VisiblePackage]) -> String {
        let (user, password) = self.login.basic();
        let login = quoted(&format!("{user}:{password}"));
        let mut text = String::from("-- Files --\n\nWhat files there are, and one of them:\n\n");
        for package in packages {
            let at = format!("{}/api/raw/{repo}/{}/{}", self.public_url, package.name, newest(package));
            push(
                &mut text,
                &format!(
                    "  curl -u {login} {}\n  curl -LO -u {login} {}\n",
                    quoted(&at),
                    quoted(&format!("{at}/<file>"))
                ),
            );
        }
        text
    }
}

fn push(text: &mut String, more: &str) {
    // Writing to a string does not fail.
    let _ = text.write_str(more);
}

fn newest(package: &VisiblePackage) -> &str {
    package.versions.first().map_or("", String::as_str)
}

/// A word of a command for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=+,%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn kotlin(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(kind: &str, name: &str, version: &str) -> VisiblePackage {
        VisiblePackage {
            repo_id: "shop".into(),
            package_type: kind.into(),
            name: name.into(),
            versions: vec![version.into(), "0.1".into()],
            versions_total: 2,
            why: None,
        }
    }

    #[test]
    fn every_client_gets_its_commands() {
        let packages = [
            package("npm", "@acme/tool", "1.2.0"),
            package("npm", "plain", "2.0.0"),
            package("maven", "com.acme:tool", "1.2"),
            package("composer", "acme/tool", "v1.2"),
            package("swift", "acme.tool", "1.2.0"),
            package("raw", "tool", "7"),
        ];
        let text = letter("https://registry.example/granary", &Login::Key("7KD2Q-0ZP4R-XN81C"), &packages);
        for line in [
            "npm config set //registry.example/granary/api/npm/shop/:_authToken 7KD2Q-0ZP4R-XN81C",
            "npm config set @acme:registry https://registry.example/granary/api/npm/shop/",
            "npm install @acme/tool@1.2.0\n",
            "npm install plain@2.0.0 --registry=https://registry.example/granary/api/npm/shop/",
            "<password>7KD2Q-0ZP4R-XN81C</password>",
            "<artifactId>tool</artifactId>",
            "implementation(\"com.acme:tool:1.2\")",
            "composer config -g http-basic.registry.example license 7KD2Q-0ZP4R-XN81C",
            "composer require acme/tool",
            "swift package-registry login https://registry.example/granary/api/swift/shop/ --token 7KD2Q-0ZP4R-XN81C",
            ".package(id: \"acme.tool\", from: \"1.2.0\")",
            "curl -LO -u license:7KD2Q-0ZP4R-XN81C 'https://registry.example/granary/api/raw/shop/tool/7/<file>'",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("insecure") && !text.contains("Insecure"), "{text}");
    }

    #[test]
    fn a_pair_is_user_name_and_password() {
        let packages = [
            package("npm", "tool", "1.0.0"),
            package("composer", "acme/tool", "1.0"),
            package("maven", "a:b", "1"),
        ];
        let text = letter("http://localhost:8080", &Login::Pair("public-key", "private-key"), &packages);
        for line in [
            "npm config set //localhost:8080/api/npm/shop/:_auth cHVibGljLWtleTpwcml2YXRlLWtleQ==",
            "composer config -g http-basic.localhost:8080 public-key private-key",
            "composer config secure-http false",
            "      isAllowInsecureProtocol = true",
            "username = \"public-key\"; password = \"private-key\"",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn keys_of_any_form_stay_one_word() {
        assert_eq!(quoted("a'b$c"), "'a'\\''b$c'");
        assert_eq!((xml("<&>").as_str(), kotlin("a\"$\\").as_str()), ("&lt;&amp;&gt;", "a\\\"\\$\\\\"));
    }
}
