//! Archives come out of SwiftPM's hands as they went into ours.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::curl::Curl;
use granary_tests::package::noise;
use granary_tests::swift::project::{write, zip};
use granary_tests::swift::{Swift, resolved};

use super::{HELLO, Stage, checkout, read};

/// Larger than what is answered in place. SwiftPM 6.0 would take its token along to an object store, which
/// refuses it.
const LARGE: usize = 3_000_000;

/// The manifest of a package that is a framework for Apple's systems, inside the archive.
const FRAMEWORK_MANIFEST: &str = "// swift-tools-version:5.5\n\
    import PackageDescription\n\
    let package = Package(\n\
    \x20   name: \"Shared\",\n\
    \x20   products: [.library(name: \"Shared\", targets: [\"Shared\"])],\n\
    \x20   targets: [.binaryTarget(name: \"Shared\", path: \"Shared.xcframework\")]\n\
    )\n";

/// An archive that SwiftPM makes and sends itself, and gets from the registry and not from an object store.
#[tokio::test]
async fn large_archive() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let author = stage.swift().await?;
    let project = author.library("large", &HELLO)?;
    let bytes = noise("large", LARGE);
    fs::write(project.join("noise.bin"), &bytes)?;
    author.publish(&project, "acme.large", "1.0.0", &[]).await?.success()?;
    let user = stage.swift_with(&stage.read_token().await?).await?;
    let program = user.program("program", "id: \"acme.large\", from: \"1.0.0\"", "acme.large", "Hello")?;
    user.resolve(&program).await?.success()?;
    let unpacked = checkout(&program, "acme", "large", "1.0.0").join("noise.bin");
    ensure!(fs::read(unpacked)? == bytes, "the file has other bytes");
    Ok(())
}

/// A framework with versions, as it is for macOS: its links have to stay links, or its signature breaks. SwiftPM's
/// own `publish` makes copies of them, so such an archive is made and sent without it.
#[tokio::test]
async fn framework_keeps_its_links() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let curl = Curl::new()?;
    let slice = "Shared.xcframework/macos-arm64_x86_64/Shared.framework";
    let binary = noise("framework", LARGE);
    write_framework(&curl.folder().join("Shared"), slice, &binary)?;
    curl.write("shared.zip", &zip(&curl.folder(), "Shared").await?)?;
    let put = "curl -s -X PUT \"$BASE/api/swift/ios/acme/shared/1.0.0\" -H \"Authorization: Bearer $TOKEN\" \
        -H \"Content-Type: application/zip\" --data-binary @shared.zip -o answer -w '%{http_code}'";
    ensure!(curl_line(&stage, &curl, put).await? == "201", "{}", text(&curl)?);

    let user = stage.swift_with(&stage.read_token().await?).await?;
    let program = user.program("program", "id: \"acme.shared\", from: \"1.0.0\"", "acme.shared", "Shared")?;
    user.resolve(&program).await?.success()?;
    let framework = checkout(&program, "acme", "shared", "1.0.0").join(slice);
    for (link, target) in [
        ("Versions/Current", "A"),
        ("Shared", "Versions/Current/Shared"),
        ("Headers", "Versions/Current/Headers"),
    ] {
        let found = fs::read_link(framework.join(link)).with_context(|| format!("{link} is no link"))?;
        ensure!(found == Path::new(target), "{link} leads to {}", found.display());
    }
    ensure!(fs::read(framework.join("Shared"))? == binary, "the library has other bytes");
    ensure!(read(&framework.join("Headers/Shared.h"))? == "void shared(void);\n");
    Ok(())
}

fn write_framework(project: &Path, slice: &str, binary: &[u8]) -> Result<()> {
    let inside = format!("{slice}/Versions/A");
    write(
        project,
        &[
            ("Package.swift".into(), FRAMEWORK_MANIFEST.into()),
            (format!("{inside}/Headers/Shared.h"), "void shared(void);\n".into()),
            ("Shared.xcframework/Info.plist".into(), INFO.into()),
        ],
    )?;
    fs::write(project.join(&inside).join("Shared"), binary)?;
    symlink("A", project.join(slice).join("Versions/Current"))?;
    symlink("Versions/Current/Shared", project.join(slice).join("Shared"))?;
    symlink("Versions/Current/Headers", project.join(slice).join("Headers"))?;
    Ok(())
}

/// What says which slices a framework has.
const INFO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
<key>CFBundlePackageType</key><string>XFWK</string>
<key>XCFrameworkFormatVersion</key><string>1.0</string>
<key>AvailableLibraries</key><array><dict>
<key>LibraryIdentifier</key><string>macos-arm64_x86_64</string>
<key>LibraryPath</key><string>Shared.framework</string>
<key>SupportedArchitectures</key><array><string>arm64</string><string>x86_64</string></array>
<key>SupportedPlatform</key><string>macos</string>
</dict></array>
</dict></plist>
"#;

/// The manual's recipe: an archive without a folder around it, and a plain `PUT`. SwiftPM cannot unpack such an
/// archive, so the registry makes one that it can.
#[tokio::test]
async fn the_manual_word_for_word() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let curl = Curl::new()?;
    let mut files = HELLO.files();
    files.push(("Tests/HelloTests/HelloTests.swift".into(), "// none\n".into()));
    write(&curl.folder(), &files)?;
    let zip = "zip -r source-archive.zip Package.swift Sources/ Tests/ -x \"*.DS_Store\" \".build/*\"";
    curl_line(&stage, &curl, zip).await?;
    let put = "curl -s -X PUT \
        \"$BASE/api/swift/ios/myorg/hello-lib/1.0.0\" \
        -H \"Authorization: Bearer $TOKEN\" \
        -H \"Content-Type: application/zip\" \
        --data-binary \"@source-archive.zip\" -o answer -w '%{http_code}'";
    ensure!(curl_line(&stage, &curl, put).await? == "201", "{}", text(&curl)?);
    let form = "curl -s -X POST \"$BASE/api/packages/upload\" \
        -H \"Authorization: Bearer $TOKEN\" \
        -F \"repoId=ios\" \
        -F \"packageName=hello-lib\" \
        -F \"version=1.0.0\" \
        -F \"packageType=swift\" \
        -F \"scope=myorg\" \
        -F \"description=My Swift library\" \
        -F \"file=@Package.swift;type=text/x-swift\" -o answer -w '%{http_code}'";
    let status = curl_line(&stage, &curl, form).await?;
    ensure!(status == "200" || status == "201", "{status} {}", text(&curl)?);

    let user = stage.swift_with(&stage.read_token().await?).await?;
    built_and_run(&user, "myorg.hello-lib", "hello").await?;
    let release = stage.registry.document("myorg/hello-lib/1.0.0").await?;
    ensure!(release["metadata"]["description"] == "My Swift library", "{release}");
    Ok(())
}

/// The same by the upload form, with the archive itself.
#[tokio::test]
async fn the_upload_form() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let curl = Curl::new()?;
    curl.write("archive.zip", &HELLO.archive("anything").await?)?;
    let form = "curl -s \"$BASE/api/packages/upload\" -X POST \
        -H \"Authorization: Bearer $TOKEN\" \
        -F \"repoId=ios\" \
        -F \"packageName=hello-lib\" \
        -F \"version=1.0.0\" \
        -F \"packageType=swift\" \
        -F \"scope=myorg\" \
        -F \"file=@archive.zip\" -o answer -w '%{http_code}'";
    ensure!(curl_line(&stage, &curl, form).await? == "201", "{}", text(&curl)?);
    built_and_run(&stage.swift().await?, "myorg.hello-lib", "hello").await
}

async fn built_and_run(user: &Swift, id: &str, greeting: &str) -> Result<()> {
    let program = user.program("program", &format!("id: \"{id}\", from: \"1.0.0\""), id, "Hello")?;
    user.build(&program).await?.success()?;
    ensure!(resolved(&program)? == [format!("{id} 1.0.0")]);
    ensure!(user.output(&program).await? == greeting);
    Ok(())
}

/// Runs a line with the owner's token, for the repository of the stage instead of `ios`; what it prints.
async fn curl_line(stage: &Stage, curl: &Curl, line: &str) -> Result<String> {
    let line = line
        .replace("/api/swift/ios/", &format!("/api/swift/{}/", stage.repo))
        .replace("repoId=ios", &format!("repoId={}", stage.repo));
    let line = format!("export CURL_CA_BUNDLE='{}'; {line}", stage.certificates().display());
    Ok(curl.run(&stage.secured.front().url(), stage.admin.token(), &line).await?.success()?.stdout)
}

fn text(curl: &Curl) -> Result<String> {
    Ok(String::from_utf8_lossy(&curl.read("answer")?).into_owned())
}
