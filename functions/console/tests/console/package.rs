//! The page of a package.

use granary_storage::Key;
use granary_testing::npm::NpmPackage;
use granary_testing::{Actor, Page, TestApp};
use serde_json::json;

const PAGE: &str = "/ui/repos/libs/npm/@acme/pad";

/// A README that wants something else than to be read.
const HOSTILE: &str = "# Pad\n\n<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n[bad](javascript:alert(1)) \
    <a href='java&Tab;script:alert(1)' onclick=alert(1)>worse</a>\n\n<svg onload=alert(1)></svg><style>body{display:none}</style>\n\n\
    <form action=https://x.example><input name=password></form>\n\n![logo](https://x.example/logo.png)\n\n\
    [good](https://good.example/page) and [relative](docs/a.md)\n";

/// A package with this README in it.
fn with_readme(text: &str) -> NpmPackage {
    let mut package = NpmPackage::new("@acme/pad", "1.0.0");
    for (name, content) in &mut package.files {
        if name == "README.md" {
            *content = text.into();
        }
    }
    package
}

async fn publish(actor: &Actor, package: &NpmPackage) {
    let response = actor.publish("libs", package).await;
    assert_eq!(response.status, 201, "{}", response.text());
}

/// A registry with one package, and its owner.
async fn place(visibility: &str, package: &NpmPackage) -> (TestApp, Actor) {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", visibility).await;
    publish(&ann, package).await;
    (app, ann)
}

/// Nothing on the page came from a package but text and links to the web.
fn assert_harmless(page: &Page) {
    for (css, attribute) in [("script", "src"), ("link[rel=stylesheet]", "href")] {
        assert!(
            page.attributes(css, attribute).iter().all(|value| value.starts_with("/ui/assets/")),
            "{css}"
        );
    }
    assert_eq!(page.attributes("script", "src").len(), 1);
    for css in [
        "img",
        "iframe",
        "style",
        "base",
        "object",
        "meta[http-equiv]",
        "main form",
        "main input",
        "main svg[onload]",
    ] {
        assert_eq!(page.attributes(css, "src").len() + page.texts(css).len(), 0, "{css}: {}", page.html());
    }
    for attribute in ["onclick", "onerror", "onload", "style", "onmouseover"] {
        assert!(page.attributes(&format!("[{attribute}]"), attribute).is_empty(), "{attribute}");
    }
    for link in page.links() {
        let is_fine = link.starts_with('/') || link.starts_with('#') || link.starts_with("http");
        assert!(is_fine, "{link}");
    }
}

#[tokio::test]
async fn whoever_opens_it_learns_what_it_is_and_how_to_get_it() {
    let package = with_readme("# Pad\n\nPads *text*.")
        .member("license", json!("MIT"))
        .member("keywords", json!(["left", "right"]))
        .member("homepage", json!("https://pad.example/"));
    let (app, _) = place("public", &package).await;
    let page = app.stranger().open(PAGE).await.expect(200);
    let text = page.text();
    for words in
        ["@acme/pad", "1.0.0", "Test of @acme/pad", "MIT", "Everybody", "No downloads in 30 days", "left"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(page.texts(".readme h2"), ["Pad"]);
    assert_eq!(
        page.texts("#install-line"),
        ["npm install @acme/pad@1.0.0 --@acme:registry=http://localhost:8080/api/npm/libs/"]
    );
    assert_eq!(page.attributes("a[href='https://pad.example/']", "rel"), ["nofollow noopener noreferrer"]);
    assert!(page.links().contains(&"/ui/repos/libs?text=left".to_owned()), "{:?}", page.links());
    assert_eq!(page.texts("#chart-words"), ["No downloads in 30 days"]);
    assert_harmless(&page);
}

#[tokio::test]
async fn what_a_package_brings_along_does_nothing() {
    let package = with_readme(HOSTILE)
        .member("description", json!("\u{202e}<script>alert(1)</script> \"><img src=x onerror=alert(1)>"))
        .member("license", json!("\"><script>alert(1)</script>"))
        .member("keywords", json!(["<b onclick=alert(1)>", "\u{202e}drow", "a\"b"]))
        .member("homepage", json!("javascript:alert(1)"))
        .member("repository", json!({ "type": "git", "url": "JaVaScRiPt:alert(1)" }))
        .member("dependencies", json!({ "other": "<script>alert(1)</script>" }));
    let (app, _) = place("private", &package).await;
    let mut browser = app.browser("ann").await;
    for tab in [
        "",
        "?tab=setup",
        "?tab=versions",
        "?tab=files",
        "?tab=dependencies",
        "?tab=readme&whole=1",
        "?tab=%3Cscript%3E",
    ] {
        let page = browser.open(&format!("{PAGE}{tab}")).await.expect(200);
        assert_harmless(&page);
        assert!(page.html().len() < 100_000, "{tab}: {}", page.html().len());
    }
    let page = browser.open(PAGE).await.expect(200);
    assert!(page.text().contains("<script>alert(1)</script> \"><img src=x"), "{}", page.text());
    let readme = page.attributes(".readme a", "href");
    assert_eq!(readme, ["https://x.example/logo.png", "https://good.example/page"]);
    assert_eq!(page.attributes(".readme a", "rel"), ["nofollow noopener noreferrer"; 2]);
    assert_eq!(page.texts(".readme a"), ["Image: logo", "good"]);
    let dependencies = browser.open(&format!("{PAGE}?tab=dependencies")).await.expect(200);
    assert!(dependencies.text().contains("other"), "{}", dependencies.text());
}

#[tokio::test]
async fn a_private_package_is_nobody_elses_business() {
    let (app, _) = place("private", &NpmPackage::new("@acme/pad", "1.0.0")).await;
    let response = app.anonymous().get(PAGE).await;
    assert_eq!(response.status, 303);
    assert_eq!(
        response.header("location"),
        "/api/auth/sign-in?to=%2Fui%2Frepos%2Flibs%2Fnpm%2F%40acme%2Fpad"
    );
    let mut bob = app.browser("bob").await;
    let there = bob.open(PAGE).await.expect(404).text();
    let nowhere = bob.open("/ui/repos/none/npm/@acme/pad").await.expect(404).text();
    assert_eq!(there.replace("libs", "none"), nowhere);
    let page = app.browser("ann").await.open(PAGE).await.expect(200);
    assert!(page.links().contains(&"/ui/repos/libs/members".to_owned()), "{:?}", page.links());
    assert!(page.text().contains("It takes a token."), "{}", page.text());
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let (app, _) = place("public", &NpmPackage::new("@acme/pad", "1.0.0")).await;
    let mut browser = app.browser("ann").await;
    for path in [
        "/ui/repos/libs/npm/none",
        "/ui/repos/libs/pip/@acme/pad",
        "/ui/repos/libs/maven/@acme/pad",
        "/ui/repos/libs/npm/%3Cscript%3E",
        "/ui/repos/LIBS/npm/@acme/pad",
        "/ui/repos/libs/npm/@acme/pad?version=9.9.9",
        "/ui/repos/libs/npm/@acme/pad?version=%3Cscript%3E",
    ] {
        let page = browser.open(path).await.expect(404);
        assert!(!page.html().contains("<script>alert"), "{path}");
    }
}

#[tokio::test]
async fn every_client_is_told_its_settings_and_no_secret() {
    for (visibility, has_token) in [("private", true), ("public", false)] {
        let (app, _) = place(visibility, &NpmPackage::new("@acme/pad", "1.0.0")).await;
        let page = app.browser("ann").await.open(&format!("{PAGE}?tab=setup")).await.expect(200);
        let names = page.texts("h2");
        for name in ["npm", "pnpm", "Yarn 1", "Yarn 4", "Bun", "In CI"] {
            assert!(names.contains(&name.to_owned()), "{name}: {names:?}");
        }
        let codes = page.texts("code").join("\n");
        assert!(codes.contains("@acme:registry=http://localhost:8080/api/npm/libs/"), "{codes}");
        assert_eq!(codes.contains("${GRANARY_TOKEN}"), has_token, "{codes}");
        assert_eq!(codes.contains("secrets.GRANARY_TOKEN"), has_token, "{codes}");
        assert_eq!(page.links().contains(&"/ui/account/tokens".to_owned()), has_token);
        // Every button copies something that is there, and each of another element.
        let (mut ids, copied) =
            (page.attributes("code[id]", "id"), page.attributes("button[data-copy]", "data-copy"));
        assert!(copied.iter().all(|id| ids.contains(id)) && copied.len() > 8, "{copied:?}");
        ids.sort();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}

#[tokio::test]
async fn versions_come_in_pages_and_say_what_they_are() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "public").await;
    for patch in 0..52 {
        publish(&ann, &NpmPackage::new("@acme/pad", &format!("1.0.{patch}"))).await;
    }
    publish(&ann, &NpmPackage::new("@acme/pad", "2.0.0-rc.1").tag("next")).await;
    let mut body = ann.get("/api/npm/libs/@acme%2fpad").await.json();
    body["versions"]["1.0.50"]["deprecated"] = "use <b>1.0.51</b>".into();
    let response = ann.put_json("/api/npm/libs/@acme%2fpad", &body).await;
    assert!(response.status < 300, "{}", response.text());
    let mut browser = app.stranger();
    let page = browser.open(&format!("{PAGE}?tab=versions")).await.expect(200);
    let first = page.texts("tbody th[scope=row] a");
    assert_eq!((first.len(), first[0].as_str(), first[1].as_str()), (50, "2.0.0-rc.1", "1.0.51"));
    assert!(page.text().contains("deprecated use <b>1.0.51</b>"), "{}", page.text());
    assert!(page.html().len() < 100_000, "{}", page.html().len());
    let next = page.attributes("a[rel=next]", "href");
    let page = browser.open(&next[0]).await.expect(200);
    assert_eq!(page.texts("tbody th[scope=row] a"), ["1.0.2", "1.0.1", "1.0.0"]);
    assert_eq!(page.texts("nav.pages a"), ["First page"]);
    assert_eq!(page.attributes("nav.pages a", "href"), ["/ui/repos/libs/npm/@acme/pad?tab=versions"]);
    // A version of its own is shown with its warning, and its tabs stay with it.
    let page = browser.open(&format!("{PAGE}?version=1.0.50")).await.expect(200);
    assert!(page.text().contains("This version is deprecated: use <b>1.0.51</b>"), "{}", page.text());
    assert!(page.text().contains("This is not the latest version, which is 1.0.51"), "{}", page.text());
    assert!(
        page.links().contains(&"/ui/repos/libs/npm/@acme/pad?tab=files&version=1.0.50".to_owned()),
        "{:?}",
        page.links()
    );
    assert!(
        page.links().contains(&"/ui/repos/libs/npm/@acme/pad?version=2.0.0-rc.1".to_owned()),
        "the tag next"
    );
    let page = browser.open(PAGE).await.expect(200);
    assert!(!page.text().contains("This is not the latest"), "{}", page.text());
    assert!(browser.open(&format!("{PAGE}?tab=versions&cursor=x")).await.status() < 500);
}

#[tokio::test]
async fn files_have_their_digests_and_an_address() {
    let package = NpmPackage::new("@acme/pad", "1.0.0").member("dependencies", json!({ "left": "^1.0.0" }));
    let (app, _) = place("public", &package).await;
    let mut browser = app.stranger();
    let page = browser.open(&format!("{PAGE}?tab=files")).await.expect(200);
    let address = page.attributes("a[href*='/files/']", "href");
    assert_eq!(address.len(), 1, "{}", page.html());
    let response = browser.request("GET", &address[0], &[], "").await;
    assert_eq!(response.body.as_ref(), package.tarball().as_slice());
    let digests = page.texts("td code, dd code");
    assert!(
        digests.iter().any(|digest| digest.len() == 64) && digests.iter().any(|digest| digest.len() == 40),
        "{digests:?}"
    );
    let page = browser.open(&format!("{PAGE}?tab=dependencies")).await.expect(200);
    assert!(page.text().contains("left ^1.0.0"), "{}", page.text());
}

#[tokio::test]
async fn downloads_are_a_picture_and_numbers() {
    let (app, _) = place("public", &NpmPackage::new("@acme/pad", "1.0.0")).await;
    for (days_ago, count) in [(0, 3), (2, 12)] {
        let day = app.state().now().day() - days_ago;
        let key = Key::Downloads(app.package_key("libs", "@acme/pad"), "1.0.0".into(), day);
        app.state().storage().add(&key, "downloads", count).await.unwrap();
    }
    let page = app.stranger().open(PAGE).await.expect(200);
    let title = page.texts("#chart-words");
    assert_eq!(page.attributes("svg.chart", "aria-labelledby"), ["chart-words"]);
    assert!(
        title[0].starts_with("15 downloads in 30 days; most on ") && title[0].ends_with(": 12"),
        "{title:?}"
    );
    assert_eq!(page.attributes("svg.chart", "role"), ["img"]);
    assert_eq!(page.attributes("svg.chart rect", "height"), ["60", "15"]);
    assert_eq!(page.attributes("svg.chart rect", "x"), ["271", "291"]);
    assert_eq!(page.texts("details table tbody td"), ["12", "3"]);
    assert!(page.texts("details caption")[0].contains("days without downloads are left out"));
    let labels = page.texts("svg.chart text");
    assert_eq!((labels.len(), labels[0].as_str()), (3, "12"), "{labels:?}");
    let days = page.texts("details table tbody th");
    assert!(labels[1] < days[0] && labels[2] == days[1], "{labels:?} {days:?}");
}

#[tokio::test]
async fn a_long_readme_is_cut_and_can_be_had_as_a_whole() {
    let paragraphs: Vec<_> =
        (0..1_500).map(|number| format!("Paragraph {number} of \"many\" & more.")).collect();
    let paragraphs = paragraphs.join("\n\n");
    let package = with_readme(&paragraphs);
    let (app, _) = place("public", &package).await;
    let mut browser = app.stranger();
    let page = browser.open(PAGE).await.expect(200);
    assert!(page.html().len() < 100_000, "{}", page.html().len());
    assert!(page.text().contains("Paragraph 0 of") && !page.text().contains("Paragraph 1499"));
    let whole = "/ui/repos/libs/npm/@acme/pad?tab=readme&whole=1";
    assert!(page.links().contains(&whole.to_owned()), "{:?}", page.links());
    let page = browser.open(whole).await.expect(200);
    assert!(page.text().contains("Paragraph 1499") && !page.text().contains("It goes on"));
}

#[tokio::test]
async fn the_other_protocols_have_pages_as_well() {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "libs", &["maven", "raw", "composer", "swift"], "private").await;
    let jar = "/api/maven/libs/com/example/app/1.0/app-1.0.jar";
    let pom = "<project><modelVersion>4.0.0</modelVersion><groupId>com.example</groupId><artifactId>app</artifactId><version>1.0</version></project>";
    for (path, body) in [(jar.replace(".jar", ".pom"), pom), (jar.to_owned(), "jar")] {
        let response = ann.request("PUT", &path, &[], body).await;
        assert!(response.status < 300, "{}", response.text());
    }
    let response = ann.request("PUT", "/api/raw/libs/tool/1.0/a%20(1).txt", &[], "text").await;
    assert!(response.status < 300, "{}", response.text());
    app.publish_composer("libs", "acme/framework", &["1.0.0"]).await;
    let form = granary_testing::swift::PublishForm::new(&granary_testing::swift::simple_archive("x"));
    let response = form.put(&ann, "/api/swift/libs/acme/hello/1.0.0").await;
    assert!(response.status < 300, "{}", response.text());
    let mut browser = app.browser("ann").await;
    for (page, line) in [
        ("maven/com.example:app", "com.example:app:1.0"),
        (
            "raw/tool",
            "curl -fL -o 'a (1).txt' 'http://localhost:8080/api/raw/libs/tool/1.0/a%20(1).txt' \\ -H \"Authorization: Bearer $GRANARY_TOKEN\"",
        ),
        ("composer/acme/framework", "composer require acme/framework:1.0.0"),
        ("swift/acme.hello", ".package(id: \"acme.hello\", from: \"1.0.0\")"),
    ] {
        let path = format!("/ui/repos/libs/{page}");
        let shown = browser.open(&path).await.expect(200);
        assert_eq!(shown.texts("#install-line"), [line], "{page}");
        assert!(
            shown.texts("h2").contains(&"In CI".to_owned()),
            "{page}: how to install, as there is no README"
        );
        let has_dependencies = !page.starts_with("swift") && !page.starts_with("raw");
        let tab = format!("{path}?tab=dependencies");
        assert_eq!(shown.links().contains(&tab), has_dependencies, "{page}: {:?}", shown.links());
        let said = browser.open(&tab).await.expect(200).text();
        let words = match page.split('/').next() {
            Some("swift") => "stand in its Package.swift",
            Some("raw") => "Plain files have no dependencies",
            _ => "",
        };
        assert!(said.contains(words), "{page}: {said}");
        let files = browser.open(&format!("{path}?tab=files")).await.expect(200);
        for address in files.attributes("a[href*='/files/']", "href") {
            // Private, and had with nothing but the session.
            let response = browser.request("GET", &address, &[], "").await;
            assert_eq!(response.status, 200, "{address}: {}", response.text());
            assert_eq!(response.header("content-type"), "application/octet-stream");
            assert!(response.header("content-disposition").starts_with("attachment"), "{address}");
            assert!(response.header("content-security-policy").starts_with("sandbox;"), "{address}");
            assert_eq!(response.header("x-content-type-options"), "nosniff");
            assert_eq!(app.stranger().request("GET", &address, &[], "").await.status, 303, "{address}");
            let page = app.browser("eve").await.open(&address).await.expect(404);
            assert!(page.text().contains("Not found"), "{}", page.text());
        }
        assert!(!files.attributes("a[href*='/files/']", "href").is_empty(), "{page}");
    }
}

#[tokio::test]
async fn a_package_without_a_scope_comes_with_a_warning() {
    let app = TestApp::new().await;
    let ann = app.npm_repo("ann", "libs", "public").await;
    publish(&ann, &NpmPackage::new("pad", "1.0.0")).await;
    publish(&ann, &NpmPackage::new("@acme/pad", "1.0.0")).await;
    let mut browser = app.stranger();
    let warned = browser.open("/ui/repos/libs/npm/pad").await.expect(200).text();
    assert!(warned.contains("public packages are looked for here too"), "{warned}");
    let scoped = browser.open(PAGE).await.expect(200).text();
    assert!(!scoped.contains("public packages are looked for here too"), "{scoped}");
    let set_up = browser.open("/ui/repos/libs/npm/pad?tab=setup").await.expect(200);
    assert!(set_up.texts("code").join("\n").contains("npmPreapprovedPackages:"), "{}", set_up.text());
}

#[tokio::test]
async fn the_file_to_get_is_the_one_that_people_come_for() {
    let app = TestApp::new().await;
    let ann = app.repo("ann", "libs", &["raw"], "public").await;
    for (file, body) in
        [("LICENSE", "long ".repeat(9)), ("tool", "bytes".into()), ("tool.sha256", "0".repeat(64))]
    {
        let response = ann.request("PUT", &format!("/api/raw/libs/tool/1.0/{file}"), &[], body).await;
        assert!(response.status < 300, "{}", response.text());
    }
    let page = app.stranger().open("/ui/repos/libs/raw/tool?tab=setup").await.expect(200);
    let line = "curl -fL -o tool http://localhost:8080/api/raw/libs/tool/1.0/tool";
    assert_eq!(page.texts("#install-line"), [line]);
    assert_eq!(page.texts("#raw-fetch"), [line]);
    assert!(page.texts("#raw-install-github")[0].contains(line), "{}", page.text());
}

#[tokio::test]
async fn the_longest_name_fits() {
    let name = format!("@{}/{}", "a".repeat(100), "b".repeat(112));
    let (app, _) = place("public", &NpmPackage::new(&name, "1.0.0")).await;
    let page = app.stranger().open(&format!("/ui/repos/libs/npm/{name}")).await.expect(200);
    assert!(page.texts("h1")[0].contains(&name));
    assert!(page.html().len() < 100_000);
}
