//! Which release SwiftPM chooses.

use anyhow::{Result, ensure};
use granary_tests::api::Visibility;
use granary_tests::swift::project::Library;
use granary_tests::swift::resolved;

use super::{HELLO, Stage};

/// A withdrawn release is not chosen; who had chosen it and has to download it again moves on.
#[tokio::test]
async fn withdrawn_is_not_chosen() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let swift = stage.swift().await?;
    for (version, greeting) in [("1.0.0", "old"), ("1.1.0", "new")] {
        stage.published(&swift, &Library { greeting, ..HELLO }, "acme.hello", version).await?;
    }
    let dependency = "id: \"acme.hello\", from: \"1.0.0\"";
    let program = swift.program("program", dependency, "acme.hello", "Hello")?;
    swift.resolve(&program).await?.success()?;
    ensure!(resolved(&program)? == ["acme.hello 1.1.0"]);

    stage.registry.withdraw("acme/hello/1.1.0?reason=It%20leaks").await?;
    let later = swift.program("later", dependency, "acme.hello", "Hello")?;
    swift.resolve(&later).await?.success()?;
    ensure!(resolved(&later)? == ["acme.hello 1.0.0"], "{:?}", resolved(&later)?);
    swift.forget(&program)?;
    swift.resolve(&program).await?.success()?;
    ensure!(resolved(&program)? == ["acme.hello 1.0.0"], "{:?}", resolved(&program)?);
    Ok(())
}

/// The highest version of the range, by precedence and not by text or date; other spellings of the name are the
/// same package; a pre-release only when it is asked for.
#[tokio::test]
async fn highest_of_the_range() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let swift = stage.swift().await?;
    for version in ["1.10.0", "2.0.0", "1.2.0", "1.11.0-rc.1", "1.9.9"] {
        stage.published(&swift, &HELLO, "Acme.Hello", version).await?;
    }
    for (folder, dependency, expected) in [
        ("from", "id: \"acme.hello\", from: \"1.0.0\"", "acme.hello 1.10.0"),
        ("capitals", "id: \"ACME.HELLO\", \"1.0.0\"..<\"1.9.9\"", "acme.hello 1.2.0"),
        ("pre-release", "id: \"acme.hello\", from: \"1.11.0-rc.1\"", "acme.hello 1.11.0-rc.1"),
    ] {
        let package = if folder == "capitals" { "ACME.HELLO" } else { "acme.hello" };
        let program = swift.program(folder, dependency, package, "Hello")?;
        swift.resolve(&program).await?.success()?;
        let resolved = resolved(&program)?;
        ensure!(resolved.iter().map(|pin| pin.to_lowercase()).eq([expected]), "{folder}: {resolved:?}");
    }
    let nothing = swift.program("nothing", "id: \"acme.hello\", from: \"3.0.0\"", "acme.hello", "Hello")?;
    swift.resolve(&nothing).await?.failure(&["acme.hello"])?;
    let unknown =
        swift.program("unknown", "id: \"acme.unknown\", from: \"1.0.0\"", "acme.unknown", "Hello")?;
    swift.resolve(&unknown).await?.failure(&["package not found on registry"])?;
    Ok(())
}

/// A package that needs another one of the registry, which has several manifests.
#[tokio::test]
async fn dependencies_of_dependencies() -> Result<()> {
    let stage = Stage::new(Visibility::Private).await?;
    let swift = stage.swift().await?;
    let base = Library { name: "Base", greeting: "base", newer_manifest: true, metadata: None };
    stage.published(&swift, &base, "acme.base", "1.0.0").await?;
    let middle = swift.place().project("middle")?;
    granary_tests::swift::project::write(
        &middle,
        &[
            (
                "Package.swift".into(),
                "// swift-tools-version:5.9\n\
                 import PackageDescription\n\
                 let package = Package(\n\
                 \x20   name: \"Middle\",\n\
                 \x20   products: [.library(name: \"Middle\", targets: [\"Middle\"])],\n\
                 \x20   dependencies: [.package(id: \"acme.base\", from: \"1.0.0\")],\n\
                 \x20   targets: [.target(name: \"Middle\", dependencies: [.product(name: \"Base\", package: \"acme.base\")])]\n\
                 )\n"
                    .into(),
            ),
            (
                "Sources/Middle/Middle.swift".into(),
                "import Base\npublic func greeting() -> String { \"middle of \" + Base.greeting() }\n".into(),
            ),
        ],
    )?;
    swift.publish(&middle, "acme.middle", "1.0.0", &[]).await?.success()?;
    let program =
        swift.program("program", "id: \"acme.middle\", from: \"1.0.0\"", "acme.middle", "Middle")?;
    swift.build(&program).await?.success()?;
    ensure!(resolved(&program)? == ["acme.base 1.0.0", "acme.middle 1.0.0"]);
    ensure!(swift.output(&program).await? == "middle of base (5.9)");
    Ok(())
}
