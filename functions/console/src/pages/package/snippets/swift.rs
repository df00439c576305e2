//! SwiftPM and Xcode.

use super::{Client, Place, Snippet, Wanted, in_file, quoted, run};

/// The entry among the dependencies of a manifest.
pub(super) fn dependency(wanted: Wanted<'_>) -> String {
    // `from` would never offer a pre-release again once a release is out.
    let version = quoted(wanted.version);
    if wanted.version.contains('-') {
        return format!(".package(id: {}, exact: {version})", quoted(wanted.name));
    }
    format!(".package(id: {}, from: {version})", quoted(wanted.name))
}

pub(super) fn install(place: Place<'_>, wanted: Wanted<'_>) -> Vec<Client> {
    let (scope, name) = wanted.name.split_once('.').unwrap_or((wanted.name, wanted.name));
    let mut snippets = vec![run(
        "swift-set",
        "Where to find packages of this scope, in the folder of your package (or with --global, for all of yours)",
        set(place, Some(scope)),
    )];
    snippets.extend(place.is_private.then(|| login(place)));
    snippets.push(in_file(
        "swift-dependency",
        "Dependency of the package",
        "Package.swift",
        dependency(wanted),
    ));
    snippets.push(in_file(
        "swift-product",
        "Dependency of a target; the product often has the name of the package",
        "Package.swift",
        format!(".product(name: {}, package: {})", quoted(name), quoted(wanted.name)),
    ));
    vec![Client { name: "SwiftPM", note: None, snippets }]
}

pub(super) fn publish(place: Place<'_>) -> Vec<Snippet> {
    let address = place.address("/api/swift");
    let insecure = insecure(place);
    vec![
        run("swift-set", "Where to publish to, in the folder of the package", set(place, None)),
        login(place),
        run(
            "swift-publish",
            "Publish",
            format!("swift package-registry publish{insecure} acme.hello-lib 1.0.0"),
        ),
        run(
            "swift-curl",
            "Or a zip, without SwiftPM",
            format!(
                "zip -r source-archive.zip Package.swift Sources/ Tests/\n\
                 curl -f -X PUT {address}acme/hello-lib/1.0.0 \\\n  -H \"Authorization: Bearer $GRANARY_TOKEN\" \
                 -H 'Content-Type: application/zip' \\\n  --data-binary @source-archive.zip"
            ),
        ),
        place.push("swift", "Or a large one", "Shared.zip", &["--id acme.Shared", "--version 1.0.0"]),
    ]
}

pub(super) fn ci_install(place: Place<'_>) -> Vec<String> {
    let mut lines = vec![set(place, None)];
    lines.extend(place.is_private.then(|| login(place).code));
    lines.push("swift build".to_owned());
    lines
}

pub(super) fn ci_publish(place: Place<'_>) -> Vec<String> {
    let publish = format!("swift package-registry publish{} acme.hello-lib \"$VERSION\"", insecure(place));
    vec![set(place, None), login(place).code, publish]
}

fn insecure(place: Place<'_>) -> &'static str {
    if place.is_plain() { " --allow-insecure-http" } else { "" }
}

fn set(place: Place<'_>, scope: Option<&str>) -> String {
    let scope = scope.map(|scope| format!(" --scope {scope}")).unwrap_or_default();
    format!("swift package-registry set{}{scope} {}", insecure(place), place.address("/api/swift"))
}

/// SwiftPM logs in over TLS only.
fn login(place: Place<'_>) -> Snippet {
    if place.is_plain() {
        return run(
            "swift-login",
            "The token: Swift logs in over https only, and without it takes the token from a variable (Swift 6.3.2 and newer)",
            "export SWIFTPM_REGISTRY_TOKEN=\"$GRANARY_TOKEN\"",
        );
    }
    run(
        "swift-login",
        "Log in, once",
        format!(
            "swift package-registry login {} --token \"$GRANARY_TOKEN\" --no-confirm",
            place.address("/api/swift")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_allowed_by_name_and_has_no_login() {
        let plain = Place { public_url: "http://localhost:8080", repo: "libs", is_private: true };
        assert_eq!(
            set(plain, Some("acme")),
            "swift package-registry set --allow-insecure-http --scope acme http://localhost:8080/api/swift/libs/"
        );
        assert!(!login(plain).code.contains("login"));
        let tls = Place { public_url: "https://r.example", ..plain };
        assert_eq!(
            login(tls).code,
            "swift package-registry login https://r.example/api/swift/libs/ --token \"$GRANARY_TOKEN\" --no-confirm"
        );
    }

    #[test]
    fn a_pre_release_is_named_exactly() {
        let wanted = Wanted { name: "acme.App", version: "1.0.0-beta.1", file: None };
        assert_eq!(dependency(wanted), ".package(id: \"acme.App\", exact: \"1.0.0-beta.1\")");
    }
}
