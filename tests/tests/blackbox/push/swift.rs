//! `granary push swift`: a source archive that SwiftPM itself could not publish to a function.

use std::fs;

use anyhow::{Result, ensure};
use granary_tests::swift::project::{Library, write, zip};
use sha2::{Digest, Sha256};

use crate::push::{Stage, finish, write_large};

const LIBRARY: Library = Library { name: "Shared", greeting: "large", newer_manifest: false, metadata: None };

/// 200 megabytes go up in parts, are read and published, and come back the same, without ever being in memory.
#[tokio::test]
async fn a_large_archive_is_streamed() -> Result<()> {
    let stage = Stage::new().await?;
    let package = stage.file("Shared");
    write(&package, &LIBRARY.files())?;
    write_large(&package.join("model.bin"), 200)?;
    let archive = zip(&stage.file("."), "Shared").await?;
    ensure!(archive.len() > 200_000_000, "the archive has only {} bytes", archive.len());
    let digest = hex::encode(Sha256::digest(&archive));
    fs::write(stage.file("Shared.zip"), &archive)?;
    drop(archive);
    let line = "push swift Shared.zip --repo all-in --id acme.Shared --version 1.0.0 --json";
    let report = finish(line, stage.command(line).spawn()?).await?.success()?.json()?;
    ensure!(report["versions"][0]["files"][0]["sha256"] == *digest, "{report}");
    let release = stage.get("/api/swift/all-in/acme/shared/1.0.0").await?.json::<serde_json::Value>().await?;
    ensure!(release["resources"][0]["checksum"] == *digest, "{release}");
    let path = "/api/swift/all-in/acme/Shared/1.0.0.zip";
    stage.check_streamed(line, path, &digest).await?;
    let other = line.replace("Shared.zip", "Other.zip");
    fs::write(stage.file("Other.zip"), b"PK\x05\x06")?;
    let refused = stage.granary(&other).await?;
    ensure!(refused.code == Some(3), "other bytes of a release: {}", refused.text());
    Ok(())
}
