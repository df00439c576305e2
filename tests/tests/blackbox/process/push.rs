//! `granary push` with files larger than either side may hold in memory.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use granary_tests::swift::project::{Library, write, zip};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use crate::push::{Stage, finish, write_large};

/// Most that the client may have had in memory, its program included.
const MOST_MEMORY: u64 = 100 * 1024 * 1024;

/// Most that the server may have had in memory besides its program.
const MOST_OF_SERVER: u64 = 64 * 1024 * 1024;

const LIBRARY: Library = Library { name: "Shared", greeting: "large", newer_manifest: false, metadata: None };

/// Checks that what `line` has pushed comes back from `path` whichever way, that the server never had it in memory,
/// and that pushing it again sends nothing.
async fn check_streamed(stage: &Stage, line: &str, path: &str, digest: &str) -> Result<()> {
    ensure!(stage.served(path).await? == digest, "other bytes came back");
    ensure!(stage.served_to_curl(path).await? == digest, "other bytes came back to curl");
    let server = stage.instance.server()?.peak_memory()?;
    ensure!(server <= MOST_OF_SERVER, "the server had {server} bytes in memory");
    let again = stage.granary(line).await?.success()?.json()?;
    ensure!(again["summary"]["skipped"] == 1 && again["summary"]["bytesSent"] == 0, "{again}");
    Ok(())
}

/// The most memory a process had while it ran. The highest mark only grows, so the last look is near the end.
async fn peak_memory(process: u32) -> u64 {
    let mut peak = 0;
    while let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) {
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        // A process that has ended and was not waited for has no such line.
        let Some(kibibytes) = line.and_then(|line| line.split_whitespace().nth(1)) else { break };
        peak = kibibytes.parse().map_or(peak, |kibibytes: u64| kibibytes * 1024);
        sleep(Duration::from_millis(10)).await;
    }
    peak
}

/// A gibibyte goes there and back, and neither side holds it in memory.
#[tokio::test]
async fn a_gibibyte_is_streamed() -> Result<()> {
    let stage = Stage::new().await?;
    let digest = write_large(&stage.file("image.bin"), 1024)?;
    let line = "push raw image.bin --repo all-in --package image --version 1.0.0 --json";
    let child = stage.command(line).spawn()?;
    let process = child.id().context("the client has ended")?;
    let (outcome, client) = tokio::join!(finish(line, child), peak_memory(process));
    let report = outcome?.success()?.json()?;
    ensure!(report["versions"][0]["files"][0]["sha256"] == *digest, "{report}");
    ensure!(report["summary"]["bytesSent"] == 1024 * 1024 * 1024, "{report}");
    ensure!(client > 0 && client <= MOST_MEMORY, "the client had {client} bytes in memory");
    let path = "/api/raw/all-in/image/1.0.0/image.bin";
    check_streamed(&stage, line, path, &digest).await
}

/// A Swift archive that SwiftPM itself could not publish to a function:
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
    check_streamed(&stage, line, path, &digest).await?;
    let other = line.replace("Shared.zip", "Other.zip");
    fs::write(stage.file("Other.zip"), b"PK\x05\x06")?;
    let refused = stage.granary(&other).await?;
    ensure!(refused.code == Some(3), "other bytes of a release: {}", refused.text());
    Ok(())
}
