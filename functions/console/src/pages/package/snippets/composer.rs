//! Composer.

use super::{Client, Place, Snippet, Wanted, run, word};

/// The command that adds a package to a project.
pub(super) fn require(wanted: Wanted<'_>) -> String {
    format!("composer require {}", word(&format!("{}:{}", wanted.name, wanted.version)))
}

pub(super) fn install(place: Place<'_>, wanted: Wanted<'_>) -> Vec<Client> {
    let mut snippets =
        vec![run("composer-repository", "Where to find it, in the folder of the project", repository(place))];
    snippets.extend(place.is_private.then(|| credentials(place)));
    snippets.push(run("composer-require", "Install", require(wanted)));
    vec![Client { name: "Composer", note: None, snippets }]
}

pub(super) fn publish(place: Place<'_>) -> Vec<Snippet> {
    vec![
        run(
            "composer-archive",
            "An archive: a zip with composer.json at its root or in its only folder",
            "git archive --format=zip --prefix=framework/ -o framework.zip HEAD",
        ),
        run("composer-upload", "Publish", upload(place, "1.0.0")),
        place.push("composer", "Or a large one", "framework.zip", &["--version 1.0.0"]),
    ]
}

/// The repository stands in `composer.json` already, which is a file of the project.
pub(super) fn ci_install(place: Place<'_>) -> Vec<String> {
    let mut lines: Vec<_> = place.is_private.then(|| credentials(place).code).into_iter().collect();
    lines.push(format!("# composer.json names the repository: {}", place.address("/composer")));
    lines.push("composer install".to_owned());
    lines
}

pub(super) fn ci_publish(place: Place<'_>) -> Vec<String> {
    vec![
        "git archive --format=zip --prefix=framework/ -o framework.zip HEAD".to_owned(),
        upload(place, "\"$VERSION\""),
    ]
}

fn repository(place: Place<'_>) -> String {
    let mut lines =
        vec![format!("composer config repositories.{} composer {}", place.repo, place.address("/composer"))];
    lines.extend(place.is_plain().then(|| "composer config secure-http false".to_owned()));
    lines.join("\n")
}

/// Composer looks them up by host, in `auth.json` of the user: a header of the repository would be sent along with a
/// redirect.
fn credentials(place: Place<'_>) -> Snippet {
    run(
        "composer-credentials",
        "The token, once: it goes into your auth.json",
        format!("composer config -g http-basic.{} token \"$GRANARY_TOKEN\"", place.authority()),
    )
}

fn upload(place: Place<'_>, version: &str) -> String {
    format!(
        "curl -f -X POST {}/api/packages/upload -H \"Authorization: Bearer $GRANARY_TOKEN\" \\\n  -F repoId={} \
         -F packageType=composer -F version={version} -F file=@framework.zip",
        place.public_url.trim_end_matches('/'),
        place.repo
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_of_the_host() {
        let place = Place { public_url: "http://localhost:8080/base", repo: "libs", is_private: true };
        assert_eq!(
            credentials(place).code,
            "composer config -g http-basic.localhost:8080 token \"$GRANARY_TOKEN\""
        );
        assert_eq!(
            repository(place),
            "composer config repositories.libs composer http://localhost:8080/base/composer/libs/\ncomposer config secure-http false"
        );
    }
}
