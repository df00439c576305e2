//! Packages for SwiftPM to publish and to build.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use super::Swift;

/// A library that says what it is.
#[derive(Debug, Clone, Copy)]
pub struct Library {
    /// Name of package, product and module.
    pub name: &'static str,
    /// What its function `greeting` answers.
    pub greeting: &'static str,
    /// Whether it has a second manifest, `Package@swift-5.9.swift`, which makes `greeting` end in ` (5.9)`.
    pub newer_manifest: bool,
    /// What the file `package-metadata.json` holds.
    pub metadata: Option<&'static str>,
}

impl Library {
    /// A library with one manifest and no metadata.
    pub fn new(name: &'static str, greeting: &'static str) -> Self {
        Self { name, greeting, newer_manifest: false, metadata: None }
    }

    /// Its files, each with its path in the package.
    pub fn files(&self) -> Vec<(String, String)> {
        let name = self.name;
        let mut files = vec![
            ("Package.swift".into(), self.manifest("5.7", "")),
            (format!("Sources/{name}/{name}.swift"), self.source()),
        ];
        if self.newer_manifest {
            let settings = ", swiftSettings: [.define(\"NEWER_MANIFEST\")]";
            files.push(("Package@swift-5.9.swift".into(), self.manifest("5.9", settings)));
        }
        if let Some(metadata) = self.metadata {
            files.push(("package-metadata.json".into(), metadata.into()));
        }
        files
    }

    /// Its manifest for a tools version.
    fn manifest(&self, tools: &str, settings: &str) -> String {
        let name = self.name;
        format!(
            "// swift-tools-version:{tools}\n\
             import PackageDescription\n\
             let package = Package(\n\
             \x20   name: \"{name}\",\n\
             \x20   products: [.library(name: \"{name}\", targets: [\"{name}\"])],\n\
             \x20   targets: [.target(name: \"{name}\"{settings})]\n\
             )\n"
        )
    }

    fn source(&self) -> String {
        let greeting = self.greeting;
        format!(
            "public func greeting() -> String {{\n\
             #if NEWER_MANIFEST\n\
             \x20   return \"{greeting} (5.9)\"\n\
             #else\n\
             \x20   return \"{greeting}\"\n\
             #endif\n\
             }}\n"
        )
    }

    /// Writes it into `folder`, which need not exist.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_to(&self, folder: &Path) -> Result<()> {
        write(folder, &self.files())
    }

    /// Its archive as SwiftPM makes it: one folder that is named like the package.
    ///
    /// # Errors
    /// When Info-ZIP is missing or fails.
    pub async fn archive(&self, id: &str) -> Result<Vec<u8>> {
        let folder = TempDir::new()?;
        self.write_to(&folder.path().join(id))?;
        zip(folder.path(), id).await
    }
}

impl Swift {
    /// A new project with this library.
    ///
    /// # Errors
    /// When it exists.
    pub fn library(&self, folder: &str, library: &Library) -> Result<PathBuf> {
        let project = self.place().project(folder)?;
        library.write_to(&project)?;
        Ok(project)
    }

    /// A new program that prints the greeting of a library. `dependency` is how its manifest names the
    /// package, such as `id: "acme.hello", from: "1.0.0"`.
    ///
    /// # Errors
    /// When it exists.
    pub fn program(&self, folder: &str, dependency: &str, package: &str, library: &str) -> Result<PathBuf> {
        let manifest = format!(
            "// swift-tools-version:5.9\n\
             import PackageDescription\n\
             let package = Package(\n\
             \x20   name: \"program\",\n\
             \x20   dependencies: [.package({dependency})],\n\
             \x20   targets: [.executableTarget(\n\
             \x20       name: \"program\",\n\
             \x20       dependencies: [.product(name: \"{library}\", package: \"{package}\")]\n\
             \x20   )]\n\
             )\n"
        );
        let source = format!("import {library}\nprint(greeting())\n");
        let project = self.place().project(folder)?;
        write(
            &project,
            &[("Package.swift".into(), manifest), ("Sources/program/main.swift".into(), source)],
        )?;
        Ok(project)
    }

    /// Runs the program that was built, and gives what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub async fn output(&self, project: &Path) -> Result<String> {
        Ok(self.run(project, &[".build/debug/program"]).await?.success()?.stdout.trim().to_owned())
    }
}

/// Writes files into `folder`, which need not exist.
///
/// # Errors
/// When one cannot be written.
pub fn write(folder: &Path, files: &[(String, String)]) -> Result<()> {
    for (path, content) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}

/// The archive of what is in `folder` under `name`. Links stay links, of which `swift package-registry publish`
/// makes copies.
///
/// # Errors
/// When Info-ZIP is missing or fails.
pub async fn zip(folder: &Path, name: &str) -> Result<Vec<u8>> {
    let file = TempDir::new()?;
    let file = file.path().join("archive.zip");
    let mut command = Command::new("/usr/bin/zip");
    command.arg("-qry").arg(&file).arg(name).current_dir(folder).kill_on_drop(true);
    let output = command.output().await.context("zip is missing: run scripts/clients")?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(fs::read(file)?)
}
