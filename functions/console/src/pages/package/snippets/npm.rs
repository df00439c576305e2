//! npm, pnpm, Yarn 1 and 4, Bun.

use super::{Client, Place, Snippet, Wanted, in_file, quoted, run, word};

/// One line that works without any file, except for the token.
pub(super) fn install_line(place: Place<'_>, wanted: Wanted<'_>) -> String {
    let option = match scope(wanted.name) {
        Some(scope) => format!("--@{scope}:registry={}", place.address("/api/npm")),
        None => format!("--registry {}", place.address("/api/npm")),
    };
    format!("npm install {} {option}", package(wanted))
}

pub(super) fn install(place: Place<'_>, wanted: Wanted<'_>) -> Vec<Client> {
    let scope = scope(wanted.name);
    let note = note(wanted);
    let package = package(wanted);
    let client = |name, id: &str, extra: Option<Snippet>, command: &str, more: &str| {
        let file = format!("{}{more}", npmrc(place, scope));
        let mut snippets = vec![in_file(&format!("{id}-file"), "Where to find it", ".npmrc", file)];
        snippets.extend(place.is_private.then(|| token(place, &format!("{id}-token"))));
        snippets.extend(extra);
        snippets.push(run(&format!("{id}-run"), "Install", format!("{command} {package}")));
        Client { name, note: note.clone(), snippets }
    };
    let excluded = scope.map_or_else(|| wanted.name.to_owned(), |scope| format!("@{scope}/*"));
    let workspace = in_file(
        "pnpm-age",
        "pnpm 11 refuses what is younger than a day; to have it at once",
        "pnpm-workspace.yaml",
        format!("minimumReleaseAgeExclude:\n  - '{excluded}'"),
    );
    let always = if place.is_private && scope.is_none() { "\nalways-auth=true" } else { "" };
    vec![
        client("npm", "npm", None, "npm install", ""),
        client("pnpm", "pnpm", Some(workspace), "pnpm add", ""),
        client("Yarn 1", "yarn1", None, "yarn add", always),
        Client {
            name: "Yarn 4",
            note: note.clone(),
            snippets: vec![
                in_file("yarn4-file", "Where to find it", ".yarnrc.yml", yarnrc(place, wanted)),
                run("yarn4-run", "Install", format!("yarn add {package}")),
            ],
        },
        client("Bun", "bun", None, "bun add", ""),
    ]
}

/// A registry for everything is one for public packages as well, and there are none of them here.
pub(super) fn note(wanted: Wanted<'_>) -> Option<String> {
    scope(wanted.name).is_none().then(|| {
        "The package has no scope. With this line public packages are looked for here too, and not found: give the \
         package a scope, or install it into a project without public dependencies."
            .to_owned()
    })
}

pub(super) fn publish(place: Place<'_>) -> Vec<Snippet> {
    let address = place.address("/api/npm");
    vec![
        token(place, "npm-token"),
        run(
            "npm-publish",
            "Publish, in the folder of the package",
            format!("npm publish --registry {address}"),
        ),
        place.push("npm", "Or a file of any size", "app-1.0.0.tgz", &[]),
    ]
}

pub(super) fn ci_install(place: Place<'_>, name: Option<&str>) -> Vec<String> {
    let address = place.address("/api/npm");
    let registry = match name.and_then(scope) {
        Some(scope) => format!("npm config set @{scope}:registry {address}"),
        None => format!("npm config set registry {address}"),
    };
    let mut lines = vec![registry];
    lines.extend(place.is_private.then(|| token_command(place)));
    lines.push("npm ci".to_owned());
    lines
}

pub(super) fn ci_publish(place: Place<'_>) -> Vec<String> {
    vec![token_command(place), format!("npm publish --registry {}", place.address("/api/npm"))]
}

/// The scope of a name, without `@`.
fn scope(name: &str) -> Option<&str> {
    name.strip_prefix('@')?.split_once('/').map(|(scope, _)| scope)
}

fn package(wanted: Wanted<'_>) -> String {
    word(&format!("{}@{}", wanted.name, wanted.version))
}

/// The key under which npm keeps the token: the address without its scheme; the slash at its end counts.
fn token_key(place: Place<'_>) -> String {
    let address = place.address("/api/npm");
    let rest = address.split_once(':').map_or("", |(_, rest)| rest);
    format!("{rest}:_authToken")
}

/// The token belongs to the user and not to the project: pnpm reads no variables into credentials of a project's file,
/// and a project that is opened elsewhere could ask for them.
fn token(place: Place<'_>, id: &str) -> Snippet {
    let line = format!("{}=${{GRANARY_TOKEN}}", token_key(place));
    in_file(id, "The token, read from the environment", "~/.npmrc", line)
}

fn token_command(place: Place<'_>) -> String {
    format!("npm config set {} \"$GRANARY_TOKEN\"", token_key(place))
}

/// What npm, pnpm, Yarn 1 and Bun read of the project.
fn npmrc(place: Place<'_>, scope: Option<&str>) -> String {
    let address = place.address("/api/npm");
    match scope {
        Some(scope) => format!("@{scope}:registry={address}"),
        None => format!("registry={address}"),
    }
}

/// What Yarn 4 reads.
fn yarnrc(place: Place<'_>, wanted: Wanted<'_>) -> String {
    let scope = scope(wanted.name);
    let mut lines = Vec::new();
    let indent = if let Some(scope) = scope {
        lines.extend(["npmScopes:".to_owned(), format!("  {}:", quoted(scope))]);
        "    "
    } else {
        ""
    };
    lines.push(format!("{indent}npmRegistryServer: {}", quoted(&place.address("/api/npm"))));
    if place.is_private {
        lines.push(format!("{indent}npmAuthToken: \"${{GRANARY_TOKEN}}\""));
        // Without it Yarn sends no token for packages without a scope.
        lines.extend(scope.is_none().then(|| "npmAlwaysAuth: true".to_owned()));
    }
    // Yarn refuses what is younger than a day, which is meant for packages of strangers. Without a scope the gate would be
    // open for those as well, so that only this package is let through.
    lines.push(match scope {
        Some(_) => format!("{indent}npmMinimalAgeGate: 0"),
        None => format!("npmPreapprovedPackages:\n  - {}", quoted(wanted.name)),
    });
    if place.is_plain() {
        lines.extend(["unsafeHttpWhitelist:".to_owned(), format!("  - {}", quoted(place.host()))]);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(is_private: bool) -> Place<'static> {
        Place { public_url: "http://localhost:8080", repo: "libs", is_private }
    }

    fn wanted(name: &str) -> Wanted<'_> {
        Wanted { name, version: "1.0.0", file: None }
    }

    #[test]
    fn scopes_are_the_only_thing_that_is_sent_here() {
        assert_eq!(npmrc(place(true), Some("acme")), "@acme:registry=http://localhost:8080/api/npm/libs/");
        assert_eq!(npmrc(place(false), None), "registry=http://localhost:8080/api/npm/libs/");
        let token = token(place(true), "x");
        assert_eq!(
            (token.file, token.code.as_str()),
            (Some("~/.npmrc"), "//localhost:8080/api/npm/libs/:_authToken=${GRANARY_TOKEN}")
        );
    }

    #[test]
    fn yarn_4_is_told_what_it_asks_for() {
        assert_eq!(
            yarnrc(place(true), wanted("@acme/app")),
            "npmScopes:\n  \"acme\":\n    npmRegistryServer: \"http://localhost:8080/api/npm/libs/\"\n    \
             npmAuthToken: \"${GRANARY_TOKEN}\"\n    npmMinimalAgeGate: 0\nunsafeHttpWhitelist:\n  - \"localhost\""
        );
        assert_eq!(
            yarnrc(place(true), wanted("plain")),
            "npmRegistryServer: \"http://localhost:8080/api/npm/libs/\"\nnpmAuthToken: \"${GRANARY_TOKEN}\"\n\
             npmAlwaysAuth: true\nnpmPreapprovedPackages:\n  - \"plain\"\nunsafeHttpWhitelist:\n  - \"localhost\""
        );
    }

    #[test]
    fn every_client_installs_the_version_by_its_own_command() {
        let clients = install(place(true), wanted("plain"));
        let commands: Vec<_> =
            clients.iter().map(|client| client.snippets.last().map(|snippet| snippet.code.clone())).collect();
        let expected = [
            "npm install plain@1.0.0",
            "pnpm add plain@1.0.0",
            "yarn add plain@1.0.0",
            "yarn add plain@1.0.0",
            "bun add plain@1.0.0",
        ];
        assert_eq!(commands, expected.map(|command| Some(command.to_owned())));
        assert!(clients.iter().all(|client| client.note.is_some()));
        let yarn =
            clients.iter().find(|client| client.name == "Yarn 1").and_then(|client| client.snippets.first());
        assert!(yarn.is_some_and(|snippet| snippet.code.contains("always-auth=true")));
    }
}
