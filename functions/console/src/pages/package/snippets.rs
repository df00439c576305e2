//! What people type or put into files so that their package manager finds a package here, or publishes one.
//!
//! The settings are those of `granary setup` and of the README, with this registry's own address. A token never stands in
//! them: every one reads it from the environment variable `GRANARY_TOKEN`.

mod ci;
mod composer;
mod maven;
mod npm;
mod raw;
mod swift;

/// Where the program that pushes comes from.
const PROGRAM: &str = "the one that serves, or cargo install --path infra/local in Granary's sources";

/// Text to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snippet {
    /// What it is for, in a few words.
    pub(crate) title: String,
    /// The file that it belongs into; none for commands.
    pub(crate) file: Option<&'static str>,
    /// The text, without a line break at its end.
    pub(crate) code: String,
    /// Id of its element on the page, for the button that copies it.
    pub(crate) id: String,
}

/// What one package manager has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its name.
    pub(crate) name: &'static str,
    /// What one has to know besides.
    pub(crate) note: Option<String>,
    /// In the order in which they are needed.
    pub(crate) snippets: Vec<Snippet>,
}

/// The repository that snippets are for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The whole address of the registry.
    pub(crate) public_url: &'a str,
    /// Name of the repository.
    pub(crate) repo: &'a str,
    /// Whether reading takes a token.
    pub(crate) is_private: bool,
}

/// The version that snippets are for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Name of the package as its protocol writes it.
    pub(crate) name: &'a str,
    /// The version.
    pub(crate) version: &'a str,
    /// Name of one of its files, for protocols that fetch files by name.
    pub(crate) file: Option<&'a str>,
}

impl Place<'_> {
    /// Address of the repository in a protocol whose paths begin with `prefix`, with a slash at the end: npm and Maven
    /// need it.
    fn address(&self, prefix: &str) -> String {
        format!("{}{prefix}/{}/", self.public_url.trim_end_matches('/'), self.repo)
    }

    /// Whether the registry is reached without TLS, which clients have to be told to accept.
    fn is_plain(&self) -> bool {
        self.public_url.starts_with("http://")
    }

    /// The command of the granary program that pushes a file, or a folder, with the options that its type takes.
    fn push(&self, kind: &str, title: &str, file: &str, options: &[&str]) -> Snippet {
        let server = word(self.public_url.trim_end_matches('/'));
        let options: String = options.iter().flat_map(|option| [" ", *option]).collect();
        run(
            &format!("{kind}-push"),
            &format!("{title}, with the granary program: {PROGRAM}"),
            format!("granary push {kind} {file} --repo {}{options} --server {server}", self.repo),
        )
    }

    /// The host with its port.
    fn authority(&self) -> &str {
        let rest = self.public_url.split_once("://").map_or(self.public_url, |(_, rest)| rest);
        rest.split_once('/').map_or(rest, |(authority, _)| authority)
    }

    /// The host without its port.
    fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        }
    }

    /// Whether it is on the machine of whoever looks.
    fn is_local(&self) -> bool {
        matches!(self.host(), "localhost" | "127.0.0.1" | "[::1]")
    }
}

/// The one line that installs a version, if its protocol has such a line.
pub(crate) fn install_line(place: Place<'_>, kind: &str, wanted: Wanted<'_>) -> Option<String> {
    Some(match kind {
        "npm" => npm::install_line(place, wanted),
        "maven" => maven::coordinates(wanted),
        "swift" => swift::dependency(wanted),
        "composer" => composer::require(wanted),
        "raw" => raw::fetch(place, wanted),
        _ => return None,
    })
}

/// What one has to know before one uses the line.
pub(crate) fn install_note(kind: &str, wanted: Wanted<'_>) -> Option<String> {
    (kind == "npm").then(|| npm::note(wanted)).flatten()
}

/// What each client of a protocol needs to install a version.
pub(crate) fn install(place: Place<'_>, kind: &str, wanted: Wanted<'_>) -> Vec<Client> {
    match kind {
        "npm" => npm::install(place, wanted),
        "maven" => maven::install(place, wanted),
        "swift" => swift::install(place, wanted),
        "composer" => composer::install(place, wanted),
        "raw" => raw::install(place, wanted),
        _ => Vec::new(),
    }
}

/// What CI systems need to install from a repository.
pub(crate) fn install_in_ci(place: Place<'_>, kind: &str, wanted: Wanted<'_>) -> Vec<Snippet> {
    let name = Some(wanted.name);
    let lines = match kind {
        "npm" => npm::ci_install(place, name),
        "maven" => maven::ci_install(place),
        "swift" => swift::ci_install(place),
        "composer" => composer::ci_install(place),
        "raw" => vec![raw::fetch(place, wanted)],
        _ => return Vec::new(),
    };
    ci::jobs(kind, ci::Job::Install { needs_token: place.is_private }, &lines)
}

/// What people and CI systems need to publish to a repository: commands, the files that they read, and jobs.
///
/// `kind` is a type of package; repositories of Kotlin Multiplatform take no uploads, and have none.
pub(crate) fn publish_snippets(public_url: &str, repo: &str, kind: &str) -> Vec<Snippet> {
    // Publishing always takes a token.
    let place = Place { public_url, repo, is_private: true };
    let (mut snippets, lines) = match kind {
        "npm" => (npm::publish(place), npm::ci_publish(place)),
        "maven" => (maven::publish(place), maven::ci_publish(place)),
        "swift" => (swift::publish(place), swift::ci_publish(place)),
        "composer" => (composer::publish(place), composer::ci_publish(place)),
        "raw" => (raw::publish(place), raw::ci_publish(place)),
        _ => return Vec::new(),
    };
    snippets.extend(ci::jobs(kind, ci::Job::Publish, &lines));
    snippets
}

/// Commands.
fn run(id: &str, title: &str, code: impl Into<String>) -> Snippet {
    Snippet { title: title.to_owned(), file: None, code: code.into(), id: id.to_owned() }
}

/// Text that belongs into a file.
fn in_file(id: &str, title: &str, file: &'static str, code: impl Into<String>) -> Snippet {
    Snippet { title: title.to_owned(), file: Some(file), code: code.into(), id: id.to_owned() }
}

/// A word of a command line: in quotes if a shell would read it in another way.
fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Text between the tags of XML, or in an attribute.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A string of Kotlin, Swift, Scala, YAML or JSON.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$"))
}

/// A string of Groovy, in which nothing is replaced.
fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&str; 5] = ["npm", "maven", "swift", "composer", "raw"];

    fn wanted(kind: &str) -> Wanted<'static> {
        let name = match kind {
            "npm" => "@acme/app",
            "maven" => "com.example:app",
            "swift" => "acme.App",
            "composer" => "acme/app",
            _ => "tool",
        };
        Wanted { name, version: "1.2.3", file: Some("tool (1).zip") }
    }

    fn place(public_url: &str, is_private: bool) -> Place<'_> {
        Place { public_url, repo: "libs", is_private }
    }

    /// Everything that a package page and a repository page show, as one text.
    fn all(public_url: &str, is_private: bool, kind: &str) -> String {
        let place = place(public_url, is_private);
        let clients = install(place, kind, wanted(kind));
        let snippets = clients.into_iter().flat_map(|client| client.snippets);
        let all: Vec<_> = snippets.chain(install_in_ci(place, kind, wanted(kind))).collect();
        let mut ids: Vec<_> = all.iter().map(|snippet| &snippet.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all.len(), "{kind}: two elements of one id");
        all.iter().flat_map(|snippet| [snippet.title.as_str(), "\n", &snippet.code, "\n"]).collect()
    }

    #[test]
    fn addresses_are_those_of_the_registry_and_end_with_a_slash() {
        for kind in KINDS {
            let text = all("https://registry.example/base", true, kind);
            assert!(text.contains("registry.example/base/"), "{text}");
            assert!(!text.contains("localhost"), "{text}");
            for part in text.split("/libs").skip(1).filter(|_| kind != "raw") {
                assert!(part.starts_with('/'), "{kind}: no slash behind the repository: {text}");
            }
        }
    }

    #[test]
    fn only_private_repositories_take_a_token_to_install_from() {
        for kind in KINDS {
            let (private, public) =
                (all("https://r.example", true, kind), all("https://r.example", false, kind));
            assert!(private.contains("GRANARY_TOKEN"), "{kind}: {private}");
            for word in ["GRANARY_TOKEN", "oken", "credential", "username"] {
                assert!(!public.contains(word), "{kind}: {word} in {public}");
            }
        }
    }

    #[test]
    fn only_plain_addresses_are_said_to_be_insecure() {
        let words = ["nsecure", "secure-http", "unsafeHttp", "SWIFTPM_REGISTRY_TOKEN"];
        for kind in ["npm", "maven", "swift", "composer"] {
            let tls = all("https://r.example", true, kind);
            assert!(words.iter().all(|word| !tls.contains(word)), "{tls}");
            let plain = all("http://localhost:8080", true, kind);
            assert!(words.iter().any(|word| plain.contains(word)), "{plain}");
        }
    }

    #[test]
    fn publishing_names_the_token_and_never_holds_one() {
        for kind in KINDS {
            let snippets = publish_snippets("http://localhost:8080", "libs", kind);
            assert!(snippets.len() >= 4, "{kind}");
            let text: String = snippets.iter().map(|snippet| snippet.code.as_str()).collect();
            assert!(text.contains("GRANARY_TOKEN") && text.contains("libs"), "{text}");
            assert!(text.contains("secrets.GRANARY_TOKEN"), "{text}");
            for begin in ["art_", "org_", "rep_"] {
                assert!(!text.contains(begin), "{text}");
            }
        }
        assert_eq!(publish_snippets("http://localhost:8080", "libs", "kmp"), []);
    }

    #[test]
    fn what_is_pushed_goes_to_this_registry() {
        for kind in KINDS {
            let snippets = publish_snippets("https://r.example/base/", "libs", kind);
            let pushed: Vec<_> =
                snippets.iter().filter(|snippet| snippet.code.contains("granary push")).collect();
            assert_eq!(pushed.len(), 1, "{kind}");
            for snippet in pushed {
                let code = &snippet.code;
                assert!(code.starts_with(&format!("granary push {kind} ")), "{code}");
                assert!(code.contains(" --repo libs "), "{code}");
                assert!(code.ends_with(" --server https://r.example/base"), "{code}");
                assert!(snippet.title.contains("cargo install --path infra/local"), "{}", snippet.title);
            }
        }
    }

    #[test]
    fn packages_without_a_scope_come_with_a_warning() {
        let of = |name| Wanted { name, version: "1.0.0", file: None };
        let note = install_note("npm", of("plain")).unwrap_or_default();
        assert!(note.contains("public packages") && note.contains("scope"), "{note}");
        assert_eq!(install_note("npm", of("@acme/app")), None);
        assert_eq!(install_note("raw", of("plain")), None);
    }

    #[test]
    fn one_line_installs() {
        let at = place("http://localhost:8080", true);
        let line = |kind| install_line(at, kind, wanted(kind)).unwrap_or_default();
        assert_eq!(
            line("npm"),
            "npm install @acme/app@1.2.3 --@acme:registry=http://localhost:8080/api/npm/libs/"
        );
        assert_eq!(line("maven"), "com.example:app:1.2.3");
        assert_eq!(line("swift"), ".package(id: \"acme.App\", from: \"1.2.3\")");
        assert_eq!(line("composer"), "composer require acme/app:1.2.3");
        assert_eq!(
            line("raw"),
            "curl -fL -o 'tool (1).zip' 'http://localhost:8080/api/raw/libs/tool/1.2.3/tool%20(1).zip' \\\n  \
             -H \"Authorization: Bearer $GRANARY_TOKEN\""
        );
        assert_eq!(install_line(at, "kmp", wanted("npm")), None);
    }

    #[test]
    fn what_is_written_into_other_languages_stays_a_string() {
        assert_eq!(word("a@1.0.0"), "a@1.0.0");
        assert_eq!(word("it's $(x)"), r"'it'\''s $(x)'");
        assert_eq!(xml("<a b=\"&\">"), "&lt;a b=&quot;&amp;&quot;&gt;");
        assert_eq!(quoted("a\"$b\\"), r#""a\"\$b\\""#);
        assert_eq!(single_quoted("a'b"), r"'a\'b'");
    }

    #[test]
    fn hosts_are_found() {
        let at = |public_url| place(public_url, true);
        assert_eq!(
            (at("http://localhost:8080").authority(), at("http://localhost:8080").host()),
            ("localhost:8080", "localhost")
        );
        assert_eq!(at("https://r.example/base").host(), "r.example");
        assert!(at("http://[::1]:80/").is_local() && !at("https://r.example").is_local());
    }
}
